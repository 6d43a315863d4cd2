//! What is written, whatever in.

use everywire_core::Payload;

use super::message::Encoding;
use super::{write_json, write_msgpack};
use crate::seam::Outbox;

/// A message on its way out; see [`HubMessage`](super::HubMessage) for what each is.
#[derive(Debug, Clone, Copy)]
pub enum Outgoing<'a> {
    /// Kind 1, or 4 if a stream is to answer it.
    Invocation {
        /// Whether a stream is to answer it.
        stream: bool,
        /// Under which it is answered.
        id: Option<&'a str>,
        /// The method.
        target: &'a str,
        /// Its arguments.
        args: &'a Payload,
        /// One more argument, as JSON.
        extra: Option<&'a str>,
        /// Streams that go with it.
        streams: &'a [&'a str],
    },
    /// Kind 2.
    StreamItem {
        /// The stream.
        id: &'a str,
        /// The item.
        item: &'a Payload,
    },
    /// Kind 3.
    Completion {
        /// The call or stream.
        id: &'a str,
        /// How it ended.
        ended: Ended<'a>,
    },
    /// Kind 5.
    CancelInvocation {
        /// The call.
        id: &'a str,
    },
    /// Kind 6.
    Ping,
    /// Kind 7.
    Close {
        /// What went wrong.
        error: Option<&'a str>,
        /// Whether the client may come back by itself.
        allow_reconnect: bool,
    },
    /// Kind 8.
    Ack {
        /// Everything up to here has come.
        sequence: u64,
    },
    /// Kind 9.
    Sequence {
        /// The number of the next.
        sequence: u64,
    },
}

/// How a call ends.
#[derive(Debug, Clone, Copy)]
pub enum Ended<'a> {
    /// Without a result.
    Nothing,
    /// With one.
    Result(&'a Payload),
    /// With an error.
    Error(&'a str),
}

impl Outgoing<'_> {
    /// Appends the message, with its separator or length.
    pub fn append(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Json => write_json::write(self, out),
            Encoding::MsgPack => write_msgpack::write(self, out),
        }
    }

    /// Gives the message to an outbox.
    pub fn write(&self, encoding: Encoding, outbox: &mut dyn Outbox) {
        outbox.message(encoding.kind(), self.hint(), &mut |out| self.append(encoding, out));
    }

    /// The same, of a message that is not counted.
    pub fn pass(&self, encoding: Encoding, outbox: &mut dyn Outbox) {
        outbox.passing(encoding.kind(), self.hint(), &mut |out| self.append(encoding, out));
    }

    /// As [`HubMessage::is_counted`](super::HubMessage::is_counted).
    pub fn is_counted(&self) -> bool {
        match self {
            Self::Invocation { .. }
            | Self::StreamItem { .. }
            | Self::Completion { .. }
            | Self::CancelInvocation { .. } => true,
            Self::Ping | Self::Close { .. } | Self::Ack { .. } | Self::Sequence { .. } => false,
        }
    }

    /// About how long it will be.
    fn hint(&self) -> usize {
        /// Names of members, ids, brackets.
        const AROUND: usize = 80;
        AROUND
            + match self {
                Self::Invocation { target, args, .. } => target.len() + args.size(),
                Self::StreamItem { item, .. } => item.size(),
                Self::Completion { ended: Ended::Result(result), .. } => result.size(),
                Self::Completion { ended: Ended::Error(error), .. } => error.len(),
                _ => 0,
            }
    }
}
