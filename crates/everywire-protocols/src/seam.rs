//! What passes between floors: messages, time, and the place where encoded messages go.

use std::time::Duration;

/// One message of a client's, whole, in the kind it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// Its bytes, whatever its kind.
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// One message that is owned: what came was spelled in base64 or escaped, so it does not stand there as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl Decoded {
    /// A message of this kind. What is no UTF-8 is no text, and becomes some.
    pub fn new(kind: Kind, bytes: Vec<u8>) -> Self {
        match kind {
            Kind::Text => Self::Text(
                String::from_utf8(bytes)
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            ),
            Kind::Binary => Self::Binary(bytes),
        }
    }

    /// The same, to look at.
    pub fn as_message(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(bytes) => Message::Binary(bytes),
        }
    }
}

impl From<Message<'_>> for Decoded {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.to_owned()),
            Message::Binary(bytes) => Self::Binary(bytes.to_owned()),
        }
    }
}

/// The kind of a message that leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text, UTF-8.
    Text,
    /// Bytes.
    Binary,
}

/// A moment: milliseconds since a beginning of the driver's choosing. Machines only compare and add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    /// The moment so much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Where encoded messages go: the session's wrapping and the carrier's frame lie behind it.
pub trait Outbox {
    /// Adds one message: `write` appends it, once, to the buffer that it is given, which may hold
    /// other bytes before. `hint` is about how long it will be; a wrong one costs a copy.
    fn message(&mut self, kind: Kind, hint: usize, write: &mut dyn FnMut(&mut Vec<u8>));

    /// Adds one message that means nothing later: a ping, an acknowledgement. A session that sends again what may have
    /// been lost neither counts nor keeps it.
    fn passing(&mut self, kind: Kind, hint: usize, write: &mut dyn FnMut(&mut Vec<u8>)) {
        self.message(kind, hint, write);
    }

    /// Whether the messages that follow may be compressed, where a carrier does that. They may, until this says
    /// otherwise.
    fn compress(&mut self, _may: bool) {}
}

impl<F: FnMut(Kind, &[u8])> Outbox for F {
    /// For tests and for whoever wants each message apart.
    fn message(&mut self, kind: Kind, hint: usize, write: &mut dyn FnMut(&mut Vec<u8>)) {
        let mut bytes = Vec::with_capacity(hint);
        write(&mut bytes);
        self(kind, &bytes);
    }
}
