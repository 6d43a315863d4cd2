//! The arguments of an event, as they came.
//!
//! A payload keeps the encoding in which its sender wrote it, and is rewritten at most once for each wire that needs
//! another. It is checked where it is made and nowhere else: what exists is valid, nests at most
//! [`MAX_ARGUMENT_DEPTH`] deep, has at most [`MAX_ATTACHMENTS`] attachments, and no client on any wire stumbles over it.
//!
//! * [`Payload`] is shared and owned: what is published, queued and logged.
//! * [`PayloadRef`] is the same within somebody's buffer: what just arrived. [`PayloadRef::into_owned`] copies it.
//!
#![doc = include_str!("crossing.md")]

mod clean;
mod cross;
pub mod json;
mod message;
pub mod msgpack;
mod notepack;
mod placeholder;
mod read;
mod read_json;
mod read_plain;
mod rules;
mod scan;
mod view;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use serde::Serialize;
use serde::de::DeserializeOwned;

use json::JsonError;
pub use message::Message;
pub use msgpack::{MsgPackError, MsgPackFault};
pub use read::{ArgsError, Extras};
pub use scan::MAX_DEPTH;
pub use view::{Arguments, PayloadRef};

/// How deep an argument may nest: [`MAX_DEPTH`], less the message and the argument list around it, which
/// SignalR and JSON-RPC write as two more levels.
pub const MAX_ARGUMENT_DEPTH: u32 = MAX_DEPTH - 2;

/// How many binaries one payload may have. Socket.IO's JavaScript clients (parser 4.2.6) close on an eleventh.
pub const MAX_ATTACHMENTS: usize = 10;

/// The arguments of an event. Cheap to clone: the bytes are shared.
///
/// ```
/// use everywire_core::payload::{Extras, Payload};
///
/// let payload = Payload::from_args(&("lobby", 7))?;
/// assert_eq!(payload.len(), 2);
///
/// let mut line = b"42[\"chat\",".to_vec();
/// payload.write_json_args(&mut line);
/// line.push(b']');
/// assert_eq!(line, br#"42["chat","lobby",7]"#);
///
/// let (room, count): (String, u32) = payload.read(Extras::Refuse)?;
/// assert_eq!((room.as_str(), count), ("lobby", 7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Payload(Stored);

/// What a payload holds.
#[derive(Debug, Clone, PartialEq)]
enum Stored {
    /// One argument, a text.
    Text(ByteString),
    /// One argument, bytes.
    Binary(Bytes),
    /// The inside of a JSON array of `len` arguments. Where there are attachments, placeholders stand for them.
    /// (Behind a thin pointer: few payloads have any, and all are moved about.)
    Json { args: ByteString, len: u32, attachments: Option<Arc<Vec<Bytes>>> },
    /// The inside of a `MessagePack` array of `len` arguments.
    MsgPack { args: Bytes, len: u32 },
}

/// Why something cannot be a payload. The sender's fault, or that of the type which was serialised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// Not JSON, or not what is needed there.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// Not `MessagePack`, or not what is needed there.
    #[error("{0}")]
    MsgPack(#[from] MsgPackError),
    /// An argument nests too deep.
    #[error("an argument is nested deeper than {MAX_ARGUMENT_DEPTH} levels")]
    Depth,
    /// Too many binaries.
    #[error("{given} binary attachments, at most {MAX_ATTACHMENTS} are allowed")]
    TooManyAttachments {
        /// How many there are.
        given: usize,
    },
    /// A member named `_placeholder` beside binaries, which clients would take for one.
    #[error(
        "a member named `_placeholder` beside binary attachments must be in an object \
         {{\"_placeholder\":true,\"num\":n}} whose n is the number of an attachment, counted from 0"
    )]
    Placeholder,
    /// Attachments where nothing can refer to them.
    #[error("only JSON arguments have attachments")]
    Attachments,
    /// The type's own `Serialize` failed, or it has no JSON (a map with keys that are no scalars).
    #[error("{0}")]
    Serialize(String),
}

impl Payload {
    /// One text argument.
    pub fn text(text: impl Into<ByteString>) -> Self {
        Self(Stored::Text(text.into()))
    }

    /// One binary argument. Copies nothing.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self(Stored::Binary(bytes.into()))
    }

    /// No arguments.
    pub fn empty() -> Self {
        Self(Stored::Json { args: ByteString::new(), len: 0, attachments: None })
    }

    /// The arguments that `args` is: a tuple, array, sequence or tuple struct is a list of arguments, `()` is
    /// none, anything else is one argument.
    ///
    /// Bytes (`Bytes`, `serde_bytes`) stay binary wherever they stand, at most [`MAX_ATTACHMENTS`] of them. A single text or
    /// binary is copied once and not escaped; [`binary`](Self::binary) does not copy either.
    pub fn from_args<T: Serialize + ?Sized>(args: &T) -> Result<Self, PayloadError> {
        write::from_args(args)
    }

    /// The same, to look at.
    pub fn view(&self) -> PayloadRef<'_> {
        PayloadRef::of(self)
    }

    /// How many arguments there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Stored::Text(_) | Stored::Binary(_) => 1,
            Stored::Json { len, .. } | Stored::MsgPack { len, .. } => *len as usize,
        }
    }

    /// Whether there are no arguments.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Size in bytes, attachments included: what bounds on queues and logs count.
    #[inline]
    pub fn size(&self) -> usize {
        match &self.0 {
            Stored::Text(text) => text.len(),
            Stored::Binary(bytes) | Stored::MsgPack { args: bytes, .. } => bytes.len(),
            Stored::Json { args, attachments, .. } => {
                args.len() + attachments.iter().flat_map(|list| list.iter()).map(Bytes::len).sum::<usize>()
            }
        }
    }

    /// Reads the arguments into a type; see [`PayloadRef::read`].
    pub fn read<T: DeserializeOwned>(&self, extras: Extras) -> Result<T, ArgsError> {
        self.view().read(extras)
    }

    /// The payload as one WebSocket message; see [`PayloadRef::as_message`].
    #[inline]
    pub fn as_message(&self) -> Option<Message<'_>> {
        match &self.0 {
            Stored::Text(text) => Some(Message::Text(text[..].into())),
            Stored::Binary(bytes) => Some(Message::Binary(bytes)),
            Stored::Json { args, len, attachments } => {
                message::of_json(args, *len, attachments.as_ref().map_or(&[], |list| list))
            }
            Stored::MsgPack { args, len } => message::of_msgpack(args, *len),
        }
    }

    /// Appends the inside of a JSON array; see [`PayloadRef::write_json_args`].
    pub fn write_json_args(&self, out: &mut Vec<u8>) {
        self.view().write_json_args(out);
    }

    /// Appends one JSON value; see [`PayloadRef::write_json_value`].
    pub fn write_json_value(&self, out: &mut Vec<u8>) {
        self.view().write_json_value(out);
    }

    /// Appends the inside of a JSON array, with Socket.IO's placeholders for the binaries, which come back in
    /// order; the inverse of [`PayloadRef::with_attachments`].
    pub fn write_json_parts(&self, out: &mut Vec<u8>) -> Vec<Bytes> {
        match &self.0 {
            // What is owned is shared, not copied.
            Stored::Binary(bytes) => {
                cross::write_placeholder(out, 0);
                vec![bytes.clone()]
            }
            _ => self.view().write_json_parts(out),
        }
    }

    /// Appends the inside of a `MessagePack` array in notepack's dialect; see [`PayloadRef::write_notepack_args`].
    pub fn write_notepack_args(&self, out: &mut Vec<u8>) {
        self.view().write_notepack_args(out);
    }

    /// Appends the inside of a `MessagePack` array; see [`PayloadRef::write_msgpack_args`].
    pub fn write_msgpack_args(&self, out: &mut Vec<u8>) {
        self.view().write_msgpack_args(out);
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::empty()
    }
}
