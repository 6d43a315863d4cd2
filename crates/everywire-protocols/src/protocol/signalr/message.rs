//! The nine kinds of message, whatever they are written in.

use std::borrow::Cow;
use std::fmt;

use everywire_core::PayloadRef;
use everywire_core::payload::PayloadError;
use everywire_core::payload::json::JsonError;
use everywire_core::payload::msgpack::MsgPackError;

use crate::seam::Kind;

/// What a connection's messages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// The protocol `json`: texts, each with a record separator behind it.
    #[default]
    Json,
    /// The protocol `messagepack`: arrays, each with its length before it.
    MsgPack,
}

impl Encoding {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Json, Self::MsgPack];

    /// Its name in the handshake, where case does not matter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MsgPack => "messagepack",
        }
    }

    /// The kind of its messages.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Json => Kind::Text,
            Self::MsgPack => Kind::Binary,
        }
    }

    /// The encoding of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.name().eq_ignore_ascii_case(name))
    }
}

/// Arguments, or why they cannot be taken. The message around them counts all the same, and can be answered.
pub type Args<'a> = Result<PayloadRef<'a>, PayloadError>;

/// One message. The numbers of the kinds are those of the hub protocol.
#[derive(Debug, Clone, PartialEq)]
pub enum HubMessage<'a> {
    /// Kind 1: a call. Without an id, nobody awaits an answer.
    Invocation(Invocation<'a>),
    /// Kind 2: an item of a stream, in either direction.
    StreamItem {
        /// The stream: the invocation's id, or one of its `streams`.
        id: Cow<'a, str>,
        /// The item: one argument.
        item: Args<'a>,
    },
    /// Kind 3: the answer to a call, or the end of a stream.
    Completion {
        /// The call's id, or the stream's.
        id: Cow<'a, str>,
        /// How it ended.
        outcome: Completed<'a>,
    },
    /// Kind 4: a call that is answered by a stream. It has an id.
    StreamInvocation(Invocation<'a>),
    /// Kind 5: no more items are wanted.
    CancelInvocation {
        /// The call's id.
        id: Cow<'a, str>,
    },
    /// Kind 6: the peer lives.
    Ping,
    /// Kind 7: the end.
    Close {
        /// What went wrong, if anything did.
        error: Option<Cow<'a, str>>,
        /// Whether the client may come back by itself.
        allow_reconnect: bool,
    },
    /// Kind 8: everything up to this number has come.
    Ack {
        /// The number of a message.
        sequence: u64,
    },
    /// Kind 9: the next message has this number.
    Sequence {
        /// The number of a message.
        sequence: u64,
    },
    /// A kind that is not known: to be left alone.
    Unknown(u64),
}

/// A call.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation<'a> {
    /// Under which it is answered.
    pub id: Option<Cow<'a, str>>,
    /// The method; case does not matter.
    pub target: Cow<'a, str>,
    /// Its arguments.
    pub args: Args<'a>,
    /// Streams that the caller sends beside them, one for each such parameter, in order.
    pub streams: Vec<Cow<'a, str>>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Completed<'a> {
    /// Without a result: a stream's end.
    Nothing,
    /// With one: one argument.
    Result(Args<'a>),
    /// With an error.
    Error(Cow<'a, str>),
}

impl HubMessage<'_> {
    /// Whether it is among those that are numbered, kept and sent again by a stateful reconnect: kinds 1 to 5.
    pub fn is_counted(&self) -> bool {
        match self {
            Self::Invocation(_)
            | Self::StreamItem { .. }
            | Self::Completion { .. }
            | Self::StreamInvocation(_)
            | Self::CancelInvocation { .. } => true,
            Self::Ping | Self::Close { .. } | Self::Ack { .. } | Self::Sequence { .. } | Self::Unknown(_) => {
                false
            }
        }
    }
}

impl<'a> HubMessage<'a> {
    /// The same, with bytes of its own.
    pub(super) fn into_static(self) -> HubMessage<'static> {
        let text = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        let args = |args: Args<'a>| args.map(PayloadRef::into_static);
        let invocation = |invocation: Invocation<'a>| Invocation {
            id: invocation.id.map(text),
            target: text(invocation.target),
            args: args(invocation.args),
            streams: invocation.streams.into_iter().map(text).collect(),
        };
        match self {
            Self::Invocation(of) => HubMessage::Invocation(invocation(of)),
            Self::StreamInvocation(of) => HubMessage::StreamInvocation(invocation(of)),
            Self::StreamItem { id, item } => HubMessage::StreamItem { id: text(id), item: args(item) },
            Self::Completion { id, outcome } => HubMessage::Completion {
                id: text(id),
                outcome: match outcome {
                    Completed::Nothing => Completed::Nothing,
                    Completed::Result(result) => Completed::Result(args(result)),
                    Completed::Error(error) => Completed::Error(text(error)),
                },
            },
            Self::CancelInvocation { id } => HubMessage::CancelInvocation { id: text(id) },
            Self::Ping => HubMessage::Ping,
            Self::Close { error, allow_reconnect } => {
                HubMessage::Close { error: error.map(text), allow_reconnect }
            }
            Self::Ack { sequence } => HubMessage::Ack { sequence },
            Self::Sequence { sequence } => HubMessage::Sequence { sequence },
            Self::Unknown(kind) => HubMessage::Unknown(kind),
        }
    }
}

/// What a peer did wrong, beyond which nothing of its stream means anything. Where .NET has words for it, these are they.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A message is longer than it may be.
    TooLong {
        /// How long it may be, in bytes.
        limit: usize,
    },
    /// It is no message.
    Malformed(Cow<'static, str>),
}

impl Fault {
    pub(super) fn malformed(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed(what.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit } => write!(
                f,
                "The maximum message size of {limit}B was exceeded. The message size can be configured in AddHubOptions."
            ),
            Self::Malformed(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Fault {}

impl From<JsonError> for Fault {
    fn from(error: JsonError) -> Self {
        Self::malformed(format!("Error reading JSON. {error}"))
    }
}

impl From<MsgPackError> for Fault {
    fn from(error: MsgPackError) -> Self {
        Self::malformed(format!("Error reading MessagePack. {error}"))
    }
}
