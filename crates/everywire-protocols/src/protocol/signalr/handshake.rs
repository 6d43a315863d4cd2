//! The handshake: one record in JSON each way, before anything else, whatever the encoding will be.

use std::borrow::Cow;

use everywire_core::payload::json;

use super::framing::RECORD_SEPARATOR;
use super::message::{Encoding, Fault};
use super::read_json::{integer, required, text};
use crate::protocol::write_json;

/// The highest version: with it come sequence numbers, for a stateful reconnect. Below, all versions are alike.
pub const VERSION: u64 = 2;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeRequest<'a> {
    /// The name of an encoding.
    pub protocol: Cow<'a, str>,
    /// The version: JavaScript says 2 if it wants a stateful reconnect, else 1; signalrcore says 0.
    pub version: u64,
}

impl<'a> HandshakeRequest<'a> {
    /// Reads a record, without its separator.
    pub fn read(record: &'a str) -> Result<Self, Fault> {
        let (mut protocol, mut version) = (None, None);
        json::members(record, |name, value| {
            match name {
                "protocol" => protocol = Some(value),
                "version" => version = Some(value),
                _ => {}
            }
            Ok::<_, Fault>(())
        })?;
        let protocol = text("protocol", required("protocol", protocol)?)?;
        let version = integer("version", required("version", version)?)?;
        Ok(Self { protocol, version })
    }

    /// The encoding that it asks for; else the words of .NET for why not.
    pub fn agree(&self) -> Result<Encoding, String> {
        let Some(encoding) = Encoding::named(&self.protocol) else {
            return Err(format!("The protocol '{}' is not supported.", self.protocol));
        };
        if self.version > VERSION {
            let Self { protocol, version } = self;
            return Err(format!(
                "The server does not support version {version} of the '{protocol}' protocol."
            ));
        }
        Ok(encoding)
    }

    /// Appends the record, with its separator.
    pub fn append(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"protocol\":");
        write_json(&*self.protocol, out);
        out.extend_from_slice(b",\"version\":");
        write_json(&self.version, out);
        out.push(b'}');
        out.push(RECORD_SEPARATOR);
    }
}

/// What a server answers: nothing, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeResponse<'a> {
    /// Why the client is not let in.
    pub error: Option<Cow<'a, str>>,
}

impl<'a> HandshakeResponse<'a> {
    /// Reads a record, without its separator.
    pub fn read(record: &'a str) -> Result<Self, Fault> {
        let mut error = None;
        json::members(record, |name, value| {
            match name {
                // A hub message, and no answer to a handshake.
                "type" => return Err(Fault::malformed("Expected a handshake response from the server.")),
                "error" if !value.is_null() => error = Some(text("error", value)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { error })
    }

    /// Appends the record, with its separator.
    pub fn append(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        if let Some(error) = &self.error {
            out.extend_from_slice(b"\"error\":");
            write_json(&**error, out);
        }
        out.push(b'}');
        out.push(RECORD_SEPARATOR);
    }
}
