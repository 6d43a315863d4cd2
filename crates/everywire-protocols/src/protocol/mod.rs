//! Protocols: what a message means.
//!
//! A protocol knows no sockets, clocks or other connections. [`Protocol::message`] turns a client's
//! message into events; [`Protocol::encode`] turns what waits in the mailbox into messages; and
//! [`ProtocolForm::encode`], which has no state, turns a broadcast into messages for everybody alike.

mod feed;
pub mod jsonrpc;
mod meta;
mod msgpack;
mod raw;
pub mod signalr;
pub mod socketio;
pub mod stomp;
mod task;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use everywire_core::payload::Extras;
use everywire_core::payload::PayloadError;
use everywire_core::{Broadcast, ConnectionId, Entry, PayloadRef, Reason, Token};
use smallvec::SmallVec;

use crate::seam::{Kind, Message, Outbox, Time};
use crate::session::Facts;

pub use feed::Feed;
pub use jsonrpc::{JsonRpc, JsonRpcOptions};
pub use raw::Raw;
pub use signalr::{SignalR, SignalRClient, SignalRClientOptions, SignalROptions};
pub use socketio::{SocketIo, SocketIoClient, SocketIoOptions};
pub use stomp::{Stomp, StompClient, StompClientOptions, StompOptions};
pub use task::{AnswerTo, BUSY, Ends, Published, Task};

/// What a protocol understood.
#[derive(Debug)]
pub enum Output<'a> {
    /// An event of the client's; with a token, one that awaits an answer.
    Event {
        /// Which of the session's connections; 0 where there is one.
        slot: u32,
        /// The event's name, as the client wrote it.
        name: Cow<'a, str>,
        /// Its arguments.
        args: PayloadRef<'a>,
        /// Under which its answer goes back.
        token: Option<Token>,
    },
    /// An event with streams: its answer is to be one, or some come with it.
    Call {
        /// Which of the session's connections.
        slot: u32,
        /// The event's name, as the client wrote it.
        name: Cow<'a, str>,
        /// Its arguments, without the streams.
        args: PayloadRef<'a>,
        /// Under which its answer goes back, if one is awaited.
        token: Option<Token>,
        /// Whether the answer is to be a stream: as many [`Item::StreamItem`](everywire_core::Item::StreamItem) as there
        /// are, and then a reply, [`Outcome::Ended`](everywire_core::Outcome::Ended) or a failure.
        streams: bool,
        /// The streams that come with it, in the order of its parameters.
        uploads: Vec<Token>,
    },
    /// Something that the hub is to do in its turn, as if it were an event.
    Task {
        /// Which of the session's connections.
        slot: u32,
        /// What.
        task: Box<Task>,
        /// Under which it is answered.
        token: Token,
    },
    /// Heart-beats of the protocol's own run: those of the session would say the same.
    Beats {
        /// The client hears of us, so often, if it does.
        ours: Option<Duration>,
        /// We hear of the client, and end the conversation if we do not.
        theirs: bool,
    },
    /// The next item of a stream of the client's.
    Upload {
        /// The token that came with the call.
        token: Token,
        /// The item: one argument. If it cannot be taken, the stream has failed.
        item: Result<PayloadRef<'a>, PayloadError>,
    },
    /// A stream of the client's has ended.
    Uploaded {
        /// The token that came with the call.
        token: Token,
        /// What went wrong, in the client's words, if anything did.
        error: Option<String>,
    },
    /// The answer to a question of ours.
    Answer {
        /// Which connection.
        slot: u32,
        /// The id that the question had.
        id: u64,
        /// The answer, or the client's error: its number and words.
        answer: Result<PayloadRef<'a>, (i64, String)>,
    },
    /// The client wants to enter a namespace; see [`Protocol::entrance`]. Events that it sends meanwhile wait for their
    /// handlers.
    Connect {
        /// The number that the protocol gives the connection. In one session, none is given twice.
        slot: u32,
        /// The namespace.
        namespace: Cow<'a, str>,
        /// The public id that the connection is to have, if the client knows it already.
        id: Option<ConnectionId>,
        /// What the client sends along: one argument, or none.
        auth: PayloadRef<'a>,
        /// The connection that it had before, to which it comes back.
        resume: Option<Resume<'a>>,
    },
    /// The client leaves a namespace.
    Disconnect {
        /// Which connection.
        slot: u32,
    },
    /// The client wants no more of this answer. If it is a stream, it ends; any other answer still comes.
    Cancel {
        /// The token that came with the event.
        token: Token,
    },
    /// The client has said whether it can go on with its session on another lane. Where it might
    /// ([`Facts::resumable`]), the session waits for that.
    Resumable(bool),
    /// Send this, behind what was published or sent before: an answer that needs no handler, above all
    /// to what the client got wrong.
    Send {
        /// The message.
        bytes: Vec<u8>,
        /// Its kind.
        kind: Kind,
        /// For the log, if the client got something wrong: what.
        fault: Option<Cow<'static, str>>,
    },
    /// Send this at once, before whatever waits and however much that is: an acknowledgement or a heart-beat of the
    /// protocol's own, which means nothing later. (Behind messages that wait for the peer's acknowledgement, ours would
    /// wait for its, and its for ours.)
    Passing {
        /// The message.
        bytes: Vec<u8>,
        /// Its kind.
        kind: Kind,
    },
    /// Nothing is to be done. For the log: what the client sent that gets no answer, as an answer that nobody awaits.
    Ignored(Cow<'static, str>),
    /// The client holds everything up to this number: see [`crate::session::Input::Acknowledged`].
    Acknowledged(u64),
    /// End the conversation after what was sent.
    Close {
        /// Why.
        reason: Reason,
        /// For the log: what the client did.
        fault: Cow<'static, str>,
    },
}

/// How the clients of a protocol get into namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// A session is one connection, numbered 0, in the namespace of its mount from the time that it opens.
    AtOnce,
    /// A session is one connection, numbered 0, in the namespace that the protocol was made for, from the time that the
    /// client asks for it by an [`Output::Connect`]. A client that is not let in has
    /// [`Item::Refused`](everywire_core::Item::Refused) encoded for it, and its session ends.
    OnRequest,
    /// A client enters as many namespaces as it likes, each by an [`Output::Connect`], which is answered by
    /// [`Item::Entered`](everywire_core::Item::Entered) or [`Item::Refused`](everywire_core::Item::Refused). Until then
    /// the protocol keeps back what is encoded for the connection. The session outlives each of them.
    Several,
}

/// A client that was in a namespace, lost its session, and wants to go on where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume<'a> {
    /// The secret that [`Item::Entered`](everywire_core::Item::Entered) gave it.
    pub secret: Cow<'a, str>,
    /// The last offset that it heard; none if it heard nothing yet.
    pub offset: Option<Cow<'a, str>>,
}

/// Outputs, in order.
pub type Outputs<'a> = SmallVec<[Output<'a>; 2]>;

/// What a message means, for one client.
///
/// Laws, which the suite of the testkit checks: outputs depend on inputs alone; no input makes it
/// panic; each token is answered at most once; after [`Output::Close`] there are no outputs; what one
/// side encodes the other decodes.
pub trait Protocol: Send {
    /// The session is open.
    fn open(&mut self, facts: &Facts, now: Time, out: &mut Outputs<'_>);

    /// Understands one message of the client's.
    fn message<'a>(&mut self, now: Time, message: Message<'a>, out: &mut Outputs<'a>);

    /// Encodes one thing for the client.
    fn encode(&mut self, entry: &Entry, outbox: &mut dyn Outbox);

    /// Says goodbye in the protocol's own words, if it has any.
    fn goodbye(&mut self, reason: Reason, outbox: &mut dyn Outbox);

    /// Whether the client has said goodbye in the protocol's own words: then it is not lost when its carrier ends without any.
    fn has_parted(&self) -> bool {
        false
    }

    /// Whether an event whose handler waits for a client's answer lets the next have its turn meanwhile: else a client that calls
    /// while it is asked waits for ever.
    fn lends_turn(&self) -> bool {
        false
    }

    /// The deadline has come, and what the client says is not being read now: that it is silent means nothing. See
    /// [`crate::session::Input::Unheard`].
    fn unheard(&mut self, _now: Time) {}

    /// The session has no lane for now: that the client is silent means nothing. See [`crate::session::Output::Suspended`].
    fn suspended(&mut self) {}

    /// The session is back on another lane, and will send again from its message of this number on: says what the
    /// protocol has to say before that, by [`Outbox::passing`]. See [`crate::session::Output::Resumed`].
    fn resumed(&mut self, _now: Time, _from: u64, _outbox: &mut dyn Outbox) {}

    /// The form in which broadcasts reach this client.
    fn form(&self) -> ProtocolForm;

    /// What writes the head of each broadcast for this client, where the form [has heads](ProtocolForm::is_headed).
    fn heads(&self) -> Option<Arc<dyn Heads>> {
        None
    }

    /// How clients get into namespaces.
    fn entrance(&self) -> Entrance {
        Entrance::AtOnce
    }

    /// Whether a client shows who it is when it asks to be let in, and not by its request before.
    fn shows_credentials(&self) -> bool {
        false
    }

    /// Whether the client can answer an event.
    fn answers(&self) -> bool;

    /// What becomes of more arguments than a handler takes.
    fn extras(&self) -> Extras;

    /// Whether the names of events do not tell case apart.
    fn folds_case(&self) -> bool {
        false
    }

    /// The deadline has come.
    fn tick(&mut self, _now: Time, _out: &mut Outputs<'_>) {}

    /// When it wants a tick.
    fn deadline(&self) -> Option<Time> {
        None
    }
}

/// Writes, for one client, what each message of a broadcast begins with: shared by its protocol and whoever writes to its
/// socket.
pub trait Heads: Send + Sync {
    /// Calls `head` for each message that this broadcast is for the client: for each subscription that hears it. What comes
    /// behind is the [form](ProtocolForm::encode)'s. That they were written here does not mean that they leave.
    fn heads(&self, broadcast: &Broadcast, head: &mut dyn FnMut(&[u8]));

    /// They leave: those subscriptions have heard this broadcast.
    fn said(&self, broadcast: &Broadcast);
}

/// The wire form of broadcasts, one for each protocol (and revision, where that changes the bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ProtocolForm {
    /// [`Raw`].
    Raw,
    /// [`JsonRpc`].
    JsonRpc,
    /// [`Feed::event_source`].
    EventSource,
    /// [`Feed::poll`].
    Poll,
    /// [`SocketIo`].
    SocketIo,
    /// [`SocketIo`] with recovery: the offset is the last argument.
    SocketIoOffset,
    /// [`SocketIo`] with its msgpack parser.
    SocketIoMsgPack,
    /// Both.
    SocketIoMsgPackOffset,
    /// [`SignalR`] in JSON.
    SignalR,
    /// [`SignalR`] in `MessagePack`.
    SignalRMsgPack,
    /// [`Stomp`] 1.0.
    Stomp10,
    /// [`Stomp`] 1.1.
    Stomp11,
    /// [`Stomp`] 1.2.
    Stomp12,
    /// [`Stomp`] 1.0 on a session without binary.
    Stomp10Text,
    /// [`Stomp`] 1.1 on a session without binary.
    Stomp11Text,
    /// [`Stomp`] 1.2 on a session without binary.
    Stomp12Text,
}

impl ProtocolForm {
    /// Every form, at the index of its number.
    pub const ALL: [Self; 16] = [
        Self::Raw,
        Self::JsonRpc,
        Self::EventSource,
        Self::Poll,
        Self::SocketIo,
        Self::SocketIoOffset,
        Self::SocketIoMsgPack,
        Self::SocketIoMsgPackOffset,
        Self::SignalR,
        Self::SignalRMsgPack,
        Self::Stomp10,
        Self::Stomp11,
        Self::Stomp12,
        Self::Stomp10Text,
        Self::Stomp11Text,
        Self::Stomp12Text,
    ];

    /// Whether it is the second part of each message that is encoded for all: the first is each client's own ([`Heads`]).
    pub fn is_headed(self) -> bool {
        self.reader().is_some()
    }

    fn reader(self) -> Option<stomp::Reader> {
        use stomp::Version::{V1_0, V1_1, V1_2};
        let (version, text_only) = match self {
            Self::Stomp10 => (V1_0, false),
            Self::Stomp11 => (V1_1, false),
            Self::Stomp12 => (V1_2, false),
            Self::Stomp10Text => (V1_0, true),
            Self::Stomp11Text => (V1_1, true),
            Self::Stomp12Text => (V1_2, true),
            _ => return None,
        };
        Some(stomp::Reader { version, text_only })
    }

    /// The kind of message that a broadcast is whose form has heads.
    pub fn kind(self, broadcast: &Broadcast) -> Kind {
        self.reader().map_or(Kind::Text, |reader| reader.kind(&broadcast.publication.payload))
    }

    /// Encodes a broadcast, or the part of it that [all have](Self::is_headed); `meta` adds the meta argument.
    pub fn encode(self, broadcast: &Broadcast, meta: bool, outbox: &mut dyn Outbox) {
        match self {
            Self::Raw => raw::encode(&broadcast.publication.event, &broadcast.publication.payload, outbox),
            Self::JsonRpc => jsonrpc::encode(broadcast, meta, outbox),
            Self::EventSource => feed::encode(feed::Wire::EventSource, broadcast, outbox),
            Self::Poll => feed::encode(feed::Wire::Poll, broadcast, outbox),
            Self::SocketIo => socketio::encode(socketio::Parser::Json, broadcast, meta, false, outbox),
            Self::SocketIoOffset => socketio::encode(socketio::Parser::Json, broadcast, meta, true, outbox),
            Self::SocketIoMsgPack => {
                socketio::encode(socketio::Parser::MsgPack, broadcast, meta, false, outbox);
            }
            Self::SocketIoMsgPackOffset => {
                socketio::encode(socketio::Parser::MsgPack, broadcast, meta, true, outbox);
            }
            Self::SignalR => signalr::encode(signalr::Encoding::Json, broadcast, meta, outbox),
            Self::SignalRMsgPack => signalr::encode(signalr::Encoding::MsgPack, broadcast, meta, outbox),
            Self::Stomp10
            | Self::Stomp11
            | Self::Stomp12
            | Self::Stomp10Text
            | Self::Stomp11Text
            | Self::Stomp12Text => {
                let Some(reader) = self.reader() else { return };
                let hint = broadcast.size() + meta::HINT;
                outbox.message(self.kind(broadcast), hint, &mut |out| reader.broadcast(broadcast, out));
            }
        }
    }
}

/// Appends a value as JSON: for the names, ids and texts around a payload.
pub(crate) fn write_json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // A `Vec` takes every write, and none of our own types refuses to be serialised.
    serde_json::to_writer(out, value).expect("a Vec takes every write");
}
