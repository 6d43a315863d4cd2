//! One packet: a digit for its type, and text; or, for a message, bytes.
//!
//! | | text | bytes |
//! |---|---|---|
//! | revision 4, WebSocket | `4hi` | as they are |
//! | revision 4, body, or a client without binary | `4hi` | `bAQID` (no type: it is a message) |
//! | revision 3, WebSocket | `4hi` | `04 01 02 03` |
//! | revision 3, body, or a client without binary | `4hi` | `b4AQID` |

use super::super::{Wrapping, base64};
use crate::seam::{Kind, Message};

/// The revision of Engine.IO that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Revision {
    Three = 3,
    Four = 4,
}

/// How packets to one client are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) revision: Revision,
    /// The client cannot receive bytes.
    pub(super) base64: bool,
}

impl Dialect {
    /// Of messages on a WebSocket.
    pub(super) fn wrapping(self) -> Wrapping {
        match (self.revision, self.base64) {
            (Revision::Four, false) => Wrapping::EngineIo,
            (Revision::Four, true) => Wrapping::EngineIoBase64,
            (Revision::Three, false) => Wrapping::EngineIo3,
            (Revision::Three, true) => Wrapping::EngineIo3Base64,
        }
    }
}

/// What a packet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Open,
    Close,
    Ping,
    Pong,
    Message,
    Upgrade,
    Noop,
}

impl Type {
    const ALL: [Self; 7] =
        [Self::Open, Self::Close, Self::Ping, Self::Pong, Self::Message, Self::Upgrade, Self::Noop];

    pub(super) fn digit(self) -> u8 {
        b'0' + self as u8
    }

    fn from_digit(digit: u8) -> Option<Self> {
        Self::ALL.get(usize::from(digit.checked_sub(b'0')?)).copied()
    }
}

/// A packet that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// A message as it stands there.
    Message(Message<'a>),
    /// A binary message that was spelled in base64.
    Decoded(Vec<u8>),
    /// Any other, with what its text says.
    Control(Type, &'a str),
}

/// No packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl<'a> Packet<'a> {
    /// A message on a WebSocket, or a packet of a body.
    pub(super) fn read(revision: Revision, message: Message<'a>) -> Result<Self, Malformed> {
        match message {
            Message::Text(text) => Self::read_text(revision, text),
            Message::Binary(bytes) => Self::read_binary(revision, bytes),
        }
    }

    pub(super) fn read_text(revision: Revision, text: &'a str) -> Result<Self, Malformed> {
        if let Some(spelled) = text.strip_prefix('b') {
            return Self::read_spelled(revision, spelled);
        }
        let first = text.bytes().next().and_then(Type::from_digit).ok_or(Malformed)?;
        Ok(match first {
            Type::Message => Self::Message(Message::Text(&text[1..])),
            control => Self::Control(control, &text[1..]),
        })
    }

    pub(super) fn read_binary(revision: Revision, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (first, rest) = match revision {
            Revision::Four => return Ok(Self::Message(Message::Binary(bytes))),
            Revision::Three => bytes.split_first().ok_or(Malformed)?,
        };
        Ok(match Type::ALL.get(usize::from(*first)).ok_or(Malformed)? {
            Type::Message => Self::Message(Message::Binary(rest)),
            // None has bytes that mean anything.
            control => Self::Control(*control, ""),
        })
    }

    fn read_spelled(revision: Revision, text: &'a str) -> Result<Self, Malformed> {
        let (first, spelled) = match revision {
            Revision::Four => (Type::Message, text),
            Revision::Three => {
                let first = text.bytes().next().and_then(Type::from_digit).ok_or(Malformed)?;
                (first, &text[1..])
            }
        };
        match first {
            Type::Message => base64::decode(spelled).map(Self::Decoded).ok_or(Malformed),
            control => Ok(Self::Control(control, "")),
        }
    }
}

/// Packets that wait for a client, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Texts with their digit; bytes as they are.
    bytes: Vec<u8>,
    /// Of each packet its kind, and where it ends.
    ends: Vec<(Kind, usize)>,
    /// Whether a body with them may be compressed: if any of them may, as in engine.io 6.6 (`transports/polling`).
    pub(super) compress: bool,
}

impl Queue {
    /// With one packet.
    pub(super) fn of(kind: Type, text: &str) -> Self {
        let mut queue = Self::default();
        queue.push(kind, text);
        queue
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn push(&mut self, kind: Type, text: &str) {
        self.push_text(kind, text);
        self.compress = true;
    }

    fn push_text(&mut self, kind: Type, text: &str) {
        self.bytes.push(kind.digit());
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push((Kind::Text, self.bytes.len()));
    }

    /// Adds a packet without text, unless it is the last one already: so nobody makes the queue long by asking for it.
    pub(super) fn push_once(&mut self, kind: Type) {
        let start = self.ends.iter().nth_back(1).map_or(0, |(_, end)| *end);
        let last = self.ends.last().map(|(kind, end)| (*kind, &self.bytes[start..*end]));
        if last != Some((Kind::Text, &[kind.digit()])) {
            self.push(kind, "");
        }
    }

    pub(super) fn push_message(&mut self, message: Message<'_>, compress: bool) {
        self.compress |= compress;
        match message {
            Message::Text(text) => self.push_text(Type::Message, text),
            Message::Binary(bytes) => {
                self.bytes.extend_from_slice(bytes);
                self.ends.push((Kind::Binary, self.bytes.len()));
            }
        }
    }

    pub(super) fn packets(&self) -> impl Iterator<Item = (Kind, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(kind, end)| {
            let packet = &self.bytes[start..end];
            start = end;
            (kind, packet)
        })
    }

    /// Takes the first packets of which a body of revision 4 has at most `bytes` bytes, and at least one: what
    /// engine.io-client 6.6 posts at a time (`_getWritablePackets`).
    pub(super) fn take_within(&mut self, bytes: usize) -> Self {
        let (mut length, mut count) = (0_usize, 0);
        for (kind, packet) in self.packets() {
            length += match kind {
                Kind::Text => packet.len(),
                Kind::Binary => 1 + base64::length(packet.len()),
            };
            if count > 0 && length > bytes {
                break;
            }
            // The separator.
            length += 1;
            count += 1;
        }
        if count == self.ends.len() {
            return std::mem::take(self);
        }
        let mut ends = self.ends.split_off(count);
        let start = self.ends.last().map_or(0, |(_, end)| *end);
        let rest = self.bytes.split_off(start);
        for (_, end) in &mut ends {
            *end -= start;
        }
        std::mem::replace(self, Self { bytes: rest, ends, compress: self.compress })
    }

    /// Its one packet, if it has one and that is text: then it is a body as it is.
    pub(super) fn into_only_text(self) -> Result<Vec<u8>, Self> {
        if matches!(self.ends[..], [(Kind::Text, _)]) { Ok(self.bytes) } else { Err(self) }
    }

    /// About how long a body with them will be.
    pub(super) fn body_hint(&self) -> usize {
        self.bytes.len() * 4 / 3 + self.ends.len() * 12
    }
}
