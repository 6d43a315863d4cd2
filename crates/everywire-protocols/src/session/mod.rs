//! Sessions: how one client's conversation stays alive over one or more carriers.
//!
//! A session knows ids, handshakes, heartbeats, wrapping, upgrade and resumption. It never parses what a
//! protocol says. Each kind has two pure parts: an [`Endpoint`], one a mount, that answers request
//! heads, and the [`Session`] itself, which is told what happens on its *lanes*.

pub(crate) mod base64;
mod engineio;
mod event_stream;
mod poll;
mod refusal;
mod signalr;
mod sockjs;
mod sse;
mod subscription;
mod websocket;
mod wrapping;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use everywire_core::{Offset, Reason};
use smallvec::SmallVec;

use crate::seam::{Decoded, Message, Time};

pub use engineio::{
    BadCookie, EngineIo, EngineIoClient, EngineIoClientInput, EngineIoClientOptions, EngineIoClientOutput,
    EngineIoCookie, EngineIoEndpoint, EngineIoOptions, EngineIoRefusal,
};
pub use event_stream::{Event, EventStream, EventTooLong};
pub use poll::{PollEndpoint, PollOptions};
pub use signalr::{
    NegotiateFault, NegotiateReply, NegotiateRequest, Negotiated, SignalRConnectionOptions, SignalREndpoint,
    SignalRRefusal, SignalRRequest, SignalRSessionClient, SignalRSessionClientInput,
    SignalRSessionClientOptions, SignalRSessionClientOutput, SignalRTransports, TransferFormat,
    TransportKind,
};
pub use sockjs::{
    SockJsClient, SockJsClientInput, SockJsClientOptions, SockJsClientOutput, SockJsClientTransport,
    SockJsEndpoint, SockJsFrame, SockJsHeartbeat, SockJsOptions, SockJsRefusal, SockJsRequest, SockJsShape,
    SockJsTransport, SockJsUnsent, SockJsVerdict,
};
pub use sse::{SseEndpoint, SseOptions};
pub use websocket::{WebSocket, WebSocketOptions};
pub use wrapping::{Wrapped, Wrapping};

/// One carrier of a session, in the driver's numbering: a socket, a request with its response, or the
/// response alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(pub u32);

/// What a lane is and carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LaneKind {
    /// A WebSocket: messages both ways.
    WebSocket,
    /// A response that goes on for as long as both sides like: bytes to the client.
    Stream,
    /// A response that waits for something to say and ends with it: bytes to the client.
    Poll,
    /// A request body: bytes from the client, and a response to it.
    Post,
}

/// How a lane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneEnd {
    /// In order: a closing handshake with this code, the end of a body, a response that was sent.
    Finished(Option<u16>),
    /// The peer went away in the middle.
    Aborted,
    /// The peer broke the rules of the carrier.
    Fault(Reason),
}

impl LaneEnd {
    /// Why a session is over whose only lane ended so.
    pub fn reason(self) -> Reason {
        match self {
            Self::Finished(_) => Reason::ClientClosed,
            Self::Aborted => Reason::Lost,
            Self::Fault(reason) => reason,
        }
    }
}

/// What a session is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// A carrier arrived. A [`LaneKind::WebSocket`] one of a session that lives already has not had its handshake
    /// answered: [`Output::Respond`] refuses it, anything else lets it in.
    LaneOpened {
        /// Its number.
        lane: Lane,
        /// What it is.
        kind: LaneKind,
        /// The head of the request that opened it.
        head: &'a http::Request<()>,
    },
    /// A whole message came on a WebSocket lane, or a whole body on a [`LaneKind::Post`] one.
    Message {
        /// Where.
        lane: Lane,
        /// What.
        message: Message<'a>,
    },
    /// A pong came on a WebSocket lane; pings are answered by the carrier.
    Pong {
        /// Where.
        lane: Lane,
    },
    /// A carrier is gone.
    LaneClosed {
        /// Which.
        lane: Lane,
        /// How.
        how: LaneEnd,
    },
    /// A WebSocket lane takes no more for now; what is written to it nevertheless waits in memory. Where the session is not
    /// [`Output::Direct`], it should [`Output::Hold`] until [`Input::LaneWritable`].
    LaneBlocked {
        /// Which.
        lane: Lane,
    },
    /// All that was written to this lane has left.
    LaneWritable {
        /// Which.
        lane: Lane,
    },
    /// So many bytes were written to this lane by others, as [`Output::Share`] allowed, since it was last said.
    Shared {
        /// Where.
        lane: Lane,
        /// How many.
        bytes: usize,
    },
    /// The protocol sends this to the client. Only while the session is not [`Output::Direct`].
    Send {
        /// What.
        message: Message<'a>,
        /// The place of the broadcast that it is, if it is one.
        offset: Option<Offset>,
        /// Whether it counts among what is sent again on another lane; see [`Facts::resumable`].
        retain: bool,
        /// Whether what carries it may be compressed.
        compress: bool,
    },
    /// All that waited for the client has come as [`Input::Send`]: what can leave now should. It comes at the end of each
    /// pass over the mailbox, an empty one too, while the session is neither [`Output::Direct`] nor on [`Output::Hold`].
    Drained,
    /// The client is in the rooms that it named in [`Facts::rooms`], and what it missed waits in its mailbox. (If it cannot
    /// be let in, [`Input::Close`] comes instead.)
    Joined {
        /// It has heard, or is about to hear, everything up to here.
        offset: Offset,
        /// Nothing is missing since [`Facts::since`].
        recovered: bool,
    },
    /// The protocol has been told by the client whether it can go on on another lane: the answer to
    /// [`Facts::resumable`].
    Resumable(bool),
    /// The protocol has been told by the client that it holds everything up to this number: the first message to be
    /// retained is number 1.
    Acknowledged(u64),
    /// The protocol has heart-beats of its own: the session's may rest.
    Beats {
        /// The client hears of us, so often, if it does.
        ours: Option<Duration>,
        /// We hear of the client.
        theirs: bool,
    },
    /// The conversation is to end.
    Close(Reason),
    /// The deadline has come, and what the client says is not being read now: that it is silent means nothing. [`Input::Tick`]
    /// comes next, if there still is a deadline that has come.
    Unheard,
    /// The deadline has come.
    Tick,
}

/// What a session wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// The conversation has begun: the protocol may speak.
    Opened(Facts),
    /// A message for the protocol.
    Message(Message<'a>),
    /// The same, of one that had to be decoded first.
    Decoded(Decoded),
    /// Whole messages may be wrapped and written to this lane without asking the session each time.
    Direct {
        /// Where.
        lane: Lane,
        /// How.
        wrapping: Wrapping,
    },
    /// From now on everything to be sent comes in as [`Input::Send`]: the session has moved, has no lane, or keeps what
    /// it sends.
    Indirect,
    /// Send me no more, until [`Output::Release`]: the session has no lane, or keeps as much as it may. What is in the
    /// driver's hands still comes, and so does what is not to be retained; the rest waits in the mailbox, under the
    /// mailbox's bound.
    Hold,
    /// Send on, and [`Input::Drained`] when all has come.
    Release,
    /// The same, and broadcasts need not come: whoever publishes may write them to this lane, wrapped so, whenever nothing
    /// waits for the client and the session is not on [`Output::Hold`]. [`Input::Shared`] says how much was written. It
    /// holds until the lane ends.
    Share {
        /// Where: a response that goes on.
        lane: Lane,
        /// How.
        wrapping: Wrapping,
        /// After so many bytes, none are written and [`Input::Shared`] comes at once. What is written last may go beyond.
        most: usize,
    },
    /// The client has lost its lane, and may come back: its silence means nothing until then.
    Suspended,
    /// The client is back on another lane, and what it may have missed will be sent again from this number on. What the
    /// protocol has to say before that ([`resumed`](crate::protocol::Protocol::resumed)) comes at once as
    /// [`Input::Send`], and then [`Input::Drained`].
    Resumed {
        /// The number of the first message that is sent next.
        from: u64,
    },
    /// Write this to the lane: a message on a WebSocket, bytes elsewhere.
    Write {
        /// Where.
        lane: Lane,
        /// What.
        bytes: Cow<'a, [u8]>,
        /// Which kind of message, on a WebSocket.
        text: bool,
    },
    /// Send a ping on a WebSocket lane.
    Ping {
        /// Where.
        lane: Lane,
    },
    /// Begin the response of a lane, or give it whole.
    Respond {
        /// Which.
        lane: Lane,
        /// The status.
        status: http::StatusCode,
        /// The headers.
        headers: Box<http::HeaderMap>,
        /// The body, if this is all of it.
        body: Option<Cow<'a, [u8]>>,
        /// Whether the body may be compressed.
        compress: bool,
    },
    /// End the lane, in order, after what was written.
    End {
        /// Which.
        lane: Lane,
        /// Why: on a WebSocket the reason's close code.
        reason: Reason,
    },
    /// Read no more from this lane for now.
    Pause {
        /// Which.
        lane: Lane,
    },
    /// Read on.
    Resume {
        /// Which.
        lane: Lane,
    },
    /// The client broke a rule of the protocol's that only the session can tell: the protocol is to say goodbye, and then
    /// [`Input::Close`] comes.
    Broken(Reason),
    /// The conversation is over.
    Closed(Reason),
}

/// What a session tells the protocol when it opens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The session can carry text only: bytes have to be spelled.
    pub text_only: bool,
    /// The revision of the session's protocol that the client speaks; 0 where there is one.
    pub revision: u32,
    /// What is sent may have to be sent again on another lane, if the protocol says so too
    /// ([`Resumable`](crate::protocol::Output::Resumable)).
    pub resumable: bool,
    /// The client polls: that its polls come shows that it lives, and a heart-beat would only wake it.
    pub polls: bool,
    /// Rooms that the client entered by opening the session, and the offset that it comes back with.
    pub rooms: SmallVec<[Arc<str>; 1]>,
    /// See `rooms`.
    pub since: Option<Offset>,
}

/// Outputs, in order. Four fit without an allocation: more than one input usually has.
pub type Outputs<'a> = SmallVec<[Output<'a>; 4]>;

/// One client's conversation.
///
/// Laws, which the suite of the testkit checks: outputs depend on inputs and times alone; after
/// [`Output::Closed`] there are none; nothing is written to a lane that is not open; a message that
/// came in leaves once and in order, whichever lanes it came by; `deadline` never lies in the past
/// after a [`Input::Tick`] at that time.
pub trait Session: Send {
    /// Takes one input and pushes what follows from it.
    fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Outputs<'a>);

    /// The same as [`Input::Message`], for the ordinary case of it: the message for the protocol, if that is all that
    /// follows. Otherwise everything that follows is pushed.
    fn message<'a>(
        &mut self,
        now: Time,
        lane: Lane,
        message: Message<'a>,
        out: &mut Outputs<'a>,
    ) -> Option<Message<'a>> {
        self.input(now, Input::Message { lane, message }, out);
        None
    }

    /// Whether a body of the client's may wait while handlers are behind: not if it says that the client lives, for who
    /// cannot say that would count as gone.
    fn may_wait(&self, _body: &[u8]) -> bool {
        true
    }

    /// When it wants a [`Input::Tick`].
    fn deadline(&self) -> Option<Time>;
}

/// The secret id of a session that lives on while it has no lane.
pub type SessionId = Arc<str>;

/// What an [`Endpoint`] decides about a request.
pub enum Verdict {
    /// Answer at once: an error, a preflight, a document.
    Respond(Box<http::Response<bytes::Bytes>>),
    /// A new conversation, with this request as its first lane.
    Open {
        /// Under which id it can be found again, if it can.
        id: Option<SessionId>,
        /// The machine.
        session: Box<dyn Session>,
        /// What the request becomes.
        lane: LaneKind,
    },
    /// One more lane of a known conversation.
    Attach {
        /// Which.
        id: SessionId,
        /// What the request becomes.
        lane: LaneKind,
    },
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Respond(response) => f.debug_tuple("Respond").field(&response.status()).finish(),
            Self::Open { lane, .. } => f.debug_struct("Open").field("lane", lane).finish_non_exhaustive(),
            Self::Attach { lane, .. } => f.debug_struct("Attach").field("lane", lane).finish_non_exhaustive(),
        }
    }
}

/// The part of a session kind that answers request heads: one a mount.
pub trait Endpoint: Send + Sync {
    /// Decides about one request. The path is what follows the mount's own; `known` tells whether a
    /// session of this id lives on this node. `random` is fresh for each request.
    fn request(&self, head: &http::Request<()>, known: &dyn Fn(&str) -> bool, random: [u8; 16]) -> Verdict;
}
