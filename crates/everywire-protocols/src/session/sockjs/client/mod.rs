//! The other side: a client as the official one is (sockjs-client 1.6.1), that asks what the server has, and takes the first of
//! its own transports that opens.
//!
//! It has the transports that need no browser: a WebSocket, and requests that stream, stream events, or poll. `htmlfile`,
//! JSONP and the iframes are what pages did to reach other origins; whoever makes requests itself needs none of them. It
//! makes no requests itself: its owner does, and opens WebSockets.
//!
//! # What can be counted on
//!
//! What the server says is heard once and in order, and so is what the server is told; or the end is reported. A session
//! whose transport breaks is over, on both sides: the server takes a client that is gone from its listening request for one
//! that has said goodbye. To begin anew is the owner's decision.
//!
//! # Where it is stricter than the official client
//!
//! A frame of messages that cannot be read ends the session; the official client would go on without those messages. A
//! response that ends within a frame is a broken transport. Only lines of answers with status 200 are frames. What `info`
//! says must be JSON.

mod addresses;
mod carrier;
mod choice;
mod heard;
mod hearing;
mod info;
mod machine;
mod outbox;
mod reading;
mod requests;

use std::time::Duration;

use everywire_core::Reason;

use super::super::{Lane, LaneEnd};
use crate::seam::{Decoded, Message};

pub use machine::SockJsClient;

/// How a client connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SockJsClientOptions {
    /// The mount's address, whole or from its path on, without slashes at its end. A query goes along with every request:
    /// it is the place for what authenticates. A fragment is cut off.
    pub url: String,
    /// Transports that it may take, in the order in which it tries them; one that is named twice is tried once. Default
    /// all, in the order of the official client.
    pub transports: Vec<SockJsClientTransport>,
    /// The segment by which load balancers know servers: neither slash nor dot. Default three digits, at random.
    pub server: Option<String>,
    /// Whether requests say `t=` and a number that no other one says, against caches that keep what they must not. Default
    /// false, as the official client in Node; in browsers it does.
    pub cache_buster: bool,
    /// How long the answer to `info` may take. Default 8 s, as the official client.
    pub info_timeout: Duration,
    /// The least that a transport is given until it opens. It is given twice 300 ms and the time that `info` took, or eight
    /// times that time if it was more than 100 ms. Default nothing (`timeout`).
    pub timeout: Duration,
    /// How long the server may be silent once it is open. Servers beat every 25 s, so 60 s are a good choice; on a WebSocket
    /// by pings, so who sets this has to tell the client of them ([`SockJsClientInput::Ping`]). Default none, as the official
    /// client: it waits for ever.
    pub silence: Option<Duration>,
    /// From the answer to what was posted to the next post: what is said meanwhile goes together. Default 25 ms, as the
    /// official client.
    pub pause: Duration,
    /// How long what was said may take to leave when the client is to end. Default 5 s, after which servers forget sessions
    /// that nobody listens for.
    pub goodbye: Duration,
    /// Bytes that a frame of the server's may have. Default 16 MiB; official clients have no bound.
    pub frame_bytes: usize,
    /// Messages that a frame of the server's may have. Default 65,536; official clients have no bound.
    pub frame_messages: usize,
    /// Bytes that are posted together at most; a longer message is posted alone. Default 64 KiB.
    pub post_bytes: usize,
    /// Bytes of messages, quoted, that may wait to be posted, or for the session to open. Default 1 MiB.
    pub outbox_bytes: usize,
    /// How many messages may. Default 16,384.
    pub outbox_messages: usize,
}

impl SockJsClientOptions {
    /// The defaults, for the mount at this address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            transports: SockJsClientTransport::ALL.to_vec(),
            server: None,
            cache_buster: false,
            info_timeout: Duration::from_secs(8),
            timeout: Duration::ZERO,
            silence: None,
            pause: Duration::from_millis(25),
            goodbye: Duration::from_secs(5),
            frame_bytes: 16 << 20,
            frame_messages: 1 << 16,
            post_bytes: 64 << 10,
            outbox_bytes: 1 << 20,
            outbox_messages: 1 << 14,
        }
    }
}

/// How a session is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SockJsClientTransport {
    /// `websocket`.
    WebSocket,
    /// `xhr-streaming`: a response of lines.
    Streaming,
    /// `eventsource`: a response of events.
    EventSource,
    /// `xhr-polling`: a response for each frame.
    Polling,
}

impl SockJsClientTransport {
    /// Each, in the order in which the official client tries them.
    pub const ALL: [Self; 4] = [Self::WebSocket, Self::Streaming, Self::EventSource, Self::Polling];

    /// Its name, as the official client has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Streaming => "xhr-streaming",
            Self::EventSource => "eventsource",
            Self::Polling => "xhr-polling",
        }
    }
}

/// What a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SockJsClientInput<'a> {
    /// It is to begin.
    Start,
    /// A message came on a WebSocket.
    Message(Lane, Message<'a>),
    /// A ping came on a WebSocket: the server lives.
    Ping(Lane),
    /// Bytes came in a response, with status 200, to a request that listens.
    Bytes(Lane, &'a [u8]),
    /// A request was answered with this status and body, which its owner bounds: of an answer that is no status 200 nothing is
    /// looked at. A request that listens may be answered so, too, if it was refused or all has come; a WebSocket was refused
    /// then.
    Response(Lane, u16, &'a [u8]),
    /// A WebSocket ended, or the response to a request that listens, in order only if all of it has come; or a request
    /// failed without an answer.
    LaneClosed(Lane, LaneEnd),
    /// It is to end, after what was sent: at once if that is nothing, even before the session is open.
    Close,
    /// Its deadline has come.
    Tick,
}

/// What is to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SockJsRequest {
    /// GET: what the server has.
    Info,
    /// A WebSocket; the address is the one of HTTP. No subprotocol.
    WebSocket,
    /// POST, without a body. Its response goes on for as long as the server likes.
    Streaming,
    /// GET with `Accept: text/event-stream`. Likewise.
    Events,
    /// POST, without a body. It may take as long as the server likes to wait: 25 seconds in sockjs-node.
    Poll,
    /// POST, with a body of `text/plain`.
    Send,
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SockJsClientOutput<'a> {
    /// A request, or a WebSocket.
    Open {
        /// Its number.
        lane: Lane,
        /// What it is.
        request: SockJsRequest,
        /// Where.
        url: String,
        /// What is posted; otherwise empty.
        body: Vec<u8>,
    },
    /// A message on a WebSocket.
    Write(Lane, Decoded),
    /// The end of a WebSocket, with code 1000, or of a request, whatever has come of its answer.
    End(Lane),
    /// The session is open.
    Opened {
        /// How it is carried.
        transport: SockJsClientTransport,
    },
    /// The server says this. It is text.
    Message(Message<'a>),
    /// The same, of what had to be decoded first.
    Decoded(Decoded),
    /// The server says that it lives: a frame, not a ping.
    Heartbeat,
    /// There is room for the message that was refused last ([`SockJsUnsent::Full`]).
    Room,
    /// It is over.
    Closed {
        /// Why.
        reason: Reason,
        /// The code that the official client would give: the server's own, or that of the WebSocket; 1000 if the client was to
        /// end; 1002 if `info` failed or the server makes no sense; 1006 if the transport broke, the server has lost the
        /// session, or it did not take what it was sent; 1007 and 1009 for what is no text and what is too long; 2000 if no
        /// transport has opened.
        code: u16,
        /// The server's words, or what went wrong, beginning with the words of the official client where it has some.
        text: String,
    },
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SockJsUnsent {
    /// Too much waits already: [`SockJsClientOutput::Room`] says when that has changed.
    #[error("too much waits to be sent already; there will be room")]
    Full,
    /// It would never fit.
    #[error("the message is longer than all that may wait to be sent")]
    TooLong,
    /// The session is over, or was told to end.
    #[error("the session is over, or was told to end")]
    Closed,
}
