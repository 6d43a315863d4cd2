//! A frame, as it came.

use std::borrow::Cow;

use smallvec::SmallVec;

/// What a stream has in it.
#[allow(
    clippy::large_enum_variant,
    reason = "it is taken apart at once; a box would cost each frame an allocation"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole frame.
    Frame(Frame<'a>),
    /// An end of line between frames: a heart-beat, or what some peers write behind a frame. Nothing answers it. (Any
    /// byte shows that the peer lives, also one in the midst of a frame: who watches that looks at the messages.)
    Pulse,
}

/// Headers, each a name and a value without escapes, in the order in which they came.
pub type Headers<'a> = SmallVec<[(Cow<'a, str>, Cow<'a, str>); 8]>;

/// A frame. What lay whole in one piece of the stream is borrowed from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub command: Command<'a>,
    /// Its headers. No name comes twice: the first counts (STOMP 1.2, section "Repeated Header Entries"), so that nobody
    /// downstream can take another one for it.
    pub headers: Headers<'a>,
    /// Its body, whether or not the command may have one.
    pub body: Cow<'a, [u8]>,
}

impl Frame<'_> {
    /// The value of the header of this name, where case matters.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The same, with bytes of its own.
    pub fn into_static(self) -> Frame<'static> {
        Frame {
            command: self.command.into_static(),
            headers: into_owned(self.headers),
            body: Cow::Owned(self.body.into_owned()),
        }
    }
}

pub(super) fn header<'h>(headers: &'h Headers<'_>, name: &str) -> Option<&'h str> {
    headers.iter().find(|(of, _)| of == name).map(|(_, value)| &**value)
}

/// The same, with bytes of its own: for as long as anybody wants, which a `SmallVec` does not turn into less by itself.
pub(super) fn into_owned<'b>(headers: Headers<'_>) -> Headers<'b> {
    let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    headers.into_iter().map(|(name, value)| (own(name), own(value))).collect()
}

/// What a frame is. Case matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command<'a> {
    /// A client wants in.
    Connect,
    /// The same, by the name that 1.1 has added.
    Stomp,
    /// A client publishes.
    Send,
    /// A client wants messages.
    Subscribe,
    /// A client wants no more.
    Unsubscribe,
    /// A client has dealt with a message.
    Ack,
    /// A client could not deal with a message; from 1.1 on.
    Nack,
    /// A transaction begins.
    Begin,
    /// A transaction is done.
    Commit,
    /// A transaction is given up.
    Abort,
    /// A client says goodbye.
    Disconnect,
    /// A server lets a client in.
    Connected,
    /// A server delivers.
    Message,
    /// A server has dealt with a frame.
    Receipt,
    /// A server has found a fault, and ends the connection.
    Error,
    /// None of these. It is a frame and no fault, for what answers it is an ERROR with the `receipt-id` that its headers
    /// ask for, and other commands may be some application's own.
    Unknown(Cow<'a, str>),
}

impl<'a> Command<'a> {
    /// Every command that is known.
    pub const KNOWN: [Command<'static>; 15] = [
        Command::Connect,
        Command::Stomp,
        Command::Send,
        Command::Subscribe,
        Command::Unsubscribe,
        Command::Ack,
        Command::Nack,
        Command::Begin,
        Command::Commit,
        Command::Abort,
        Command::Disconnect,
        Command::Connected,
        Command::Message,
        Command::Receipt,
        Command::Error,
    ];

    /// As it stands in a frame.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Connect => "CONNECT",
            Self::Stomp => "STOMP",
            Self::Send => "SEND",
            Self::Subscribe => "SUBSCRIBE",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::Ack => "ACK",
            Self::Nack => "NACK",
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Abort => "ABORT",
            Self::Disconnect => "DISCONNECT",
            Self::Connected => "CONNECTED",
            Self::Message => "MESSAGE",
            Self::Receipt => "RECEIPT",
            Self::Error => "ERROR",
            Self::Unknown(name) => name,
        }
    }

    /// The command of this name.
    pub fn named(name: &'a str) -> Self {
        let known = Self::KNOWN.into_iter().find(|command| command.as_str() == name);
        known.unwrap_or(Self::Unknown(Cow::Borrowed(name)))
    }

    /// Whether such a frame may have a body (STOMP 1.2, section "Body"). In 1.0 a body elsewhere is left alone; in later
    /// versions it is a fault, which the reader of the frame has to find.
    pub fn may_have_body(&self) -> bool {
        matches!(self, Self::Send | Self::Message | Self::Error)
    }

    /// The same, with bytes of its own.
    pub fn into_static(self) -> Command<'static> {
        match self {
            Self::Connect => Command::Connect,
            Self::Stomp => Command::Stomp,
            Self::Send => Command::Send,
            Self::Subscribe => Command::Subscribe,
            Self::Unsubscribe => Command::Unsubscribe,
            Self::Ack => Command::Ack,
            Self::Nack => Command::Nack,
            Self::Begin => Command::Begin,
            Self::Commit => Command::Commit,
            Self::Abort => Command::Abort,
            Self::Disconnect => Command::Disconnect,
            Self::Connected => Command::Connected,
            Self::Message => Command::Message,
            Self::Receipt => Command::Receipt,
            Self::Error => Command::Error,
            Self::Unknown(name) => Command::Unknown(Cow::Owned(name.into_owned())),
        }
    }
}
