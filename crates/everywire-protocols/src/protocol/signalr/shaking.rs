//! The handshake, on the server's side.

use std::borrow::Cow;
use std::sync::Arc;

use everywire_core::{ConnectionId, PayloadRef, Reason};

use super::counter::Counter;
use super::handshake::{HandshakeRequest, HandshakeResponse, VERSION};
use super::message::{Encoding, Fault};
use super::server::{SignalR, Stage};
use crate::protocol::{Output, Outputs};
use crate::seam::{Kind, Time};

/// What is known until the handshake.
#[derive(Debug)]
pub(super) struct Shaking {
    pub(super) until: Time,
    pub(super) namespace: Arc<str>,
    pub(super) id: Option<ConnectionId>,
    pub(super) text_only: bool,
    pub(super) polls: bool,
    pub(super) resumable: bool,
}

impl SignalR {
    /// The client's first message.
    pub(super) fn shake<'a>(&mut self, now: Time, record: &[u8], out: &mut Outputs<'a>) {
        let Stage::Shaking(shaking) = &self.stage else { return };
        let agreed = match read_handshake(record) {
            Ok(request) => self.agree(&request, shaking).map(|encoding| (encoding, request.version)),
            Err(fault) => {
                let mut error = "An unexpected error occurred during connection handshake.".to_owned();
                if self.options.detailed_errors {
                    error = format!("{error} InvalidDataException: {fault}");
                }
                Err(error)
            }
        };
        let (encoding, version) = match agreed {
            Ok(agreed) => agreed,
            Err(error) => return self.turn_away(Reason::ProtocolError, &error, out),
        };
        let mut bytes = Vec::new();
        HandshakeResponse { error: None }.append(&mut bytes);
        // Clients take it in either kind; .NET's own is of the kind that was agreed on.
        let kind = encoding.kind();
        out.push(Output::Passing { bytes, kind });
        let Stage::Shaking(shaking) = std::mem::replace(&mut self.stage, Stage::Open) else { return };
        self.framing.switch(encoding);
        let Shaking { namespace, id, polls, resumable, .. } = *shaking;
        if resumable {
            let resumes = version >= VERSION;
            self.counter = resumes.then(|| Box::new(Counter::new()));
            out.push(Output::Resumable(resumes));
        }
        if !polls {
            self.ping_at = Some(now.after(self.options.keep_alive));
        }
        let namespace = Cow::Owned(String::from(&*namespace));
        out.push(Output::Connect { slot: 0, namespace, id, auth: PayloadRef::empty(), resume: None });
    }

    fn agree(&self, request: &HandshakeRequest<'_>, shaking: &Shaking) -> Result<Encoding, String> {
        let protocol = &request.protocol;
        // Before the version is looked at, as in .NET.
        if Encoding::named(protocol).is_some_and(|encoding| !self.options.encodings.have(encoding)) {
            return Err(format!("The protocol '{protocol}' is not supported."));
        }
        let encoding = request.agree()?;
        if encoding == Encoding::MsgPack && shaking.text_only {
            return Err(format!(
                "Cannot use the '{protocol}' protocol on the current transport. The transport does not support 'Binary' transfer format."
            ));
        }
        Ok(encoding)
    }

    /// The client is not let in; it has no words for anything yet but this.
    pub(super) fn turn_away(&mut self, reason: Reason, error: &str, out: &mut Outputs<'_>) {
        let mut bytes = Vec::new();
        HandshakeResponse { error: Some(error.into()) }.append(&mut bytes);
        out.push(Output::Passing { bytes, kind: Kind::Text });
        self.stage = Stage::Over { shaken: false };
        out.push(Output::Close { reason, fault: Cow::Owned(error.to_owned()) });
    }
}

fn read_handshake(record: &[u8]) -> Result<HandshakeRequest<'_>, Fault> {
    let text = std::str::from_utf8(record)
        .map_err(|error| Fault::Malformed(format!("Error reading JSON. {error}").into()))?;
    HandshakeRequest::read(text)
}
