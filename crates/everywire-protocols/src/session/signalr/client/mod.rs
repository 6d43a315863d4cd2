//! The other side: a client as the official ones are, that negotiates, connects by the first transport that works, and comes
//! back on another WebSocket if both sides have agreed on that.
//!
//! It knows nothing of what is said: the hub protocol's [`SignalRClient`](crate::protocol::signalr::SignalRClient) does. Its
//! owner makes requests, and opens WebSockets.

mod addresses;
mod choice;
mod machine;

use everywire_core::Reason;

use super::super::{Lane, LaneEnd};
use super::negotiate::{SignalRTransports, TransferFormat, TransportKind};
use crate::seam::{Decoded, Message};

pub use machine::SignalRSessionClient;

/// How a client connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalRSessionClientOptions {
    /// The hub's address, whole or from its path on; it may have a query. What the client asks its owner to open begins
    /// with it, or with the one that a server sends it to.
    pub url: String,
    /// What authenticates it. A server that sends it elsewhere may give it another.
    pub access_token: Option<String>,
    /// Whether it asks how it may connect. Otherwise it opens a WebSocket at once. Default true.
    pub negotiate: bool,
    /// Transports that it may take. Default all.
    pub transports: SignalRTransports,
    /// What its protocol needs. Default text.
    pub format: TransferFormat,
    /// Whether it wants to come back after it lost a WebSocket. Default false.
    pub stateful_reconnect: bool,
    /// Bytes that one event of a server's stream may have. Default 16 MiB; official clients have no bound.
    pub event_bytes: usize,
    /// Bytes that are posted together at most; a longer message is posted alone. Default 64 KiB: ASP.NET Core's
    /// `ApplicationMaxBufferSize`, beyond which it makes clients wait.
    pub post_bytes: usize,
}

impl SignalRSessionClientOptions {
    /// The defaults, for the hub at this address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            access_token: None,
            negotiate: true,
            transports: SignalRTransports::default(),
            format: TransferFormat::Text,
            stateful_reconnect: false,
            event_bytes: 16 << 20,
            post_bytes: 64 << 10,
        }
    }
}

/// What a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalRSessionClientInput<'a> {
    /// It is to begin.
    Start,
    /// A WebSocket that it opened is open, or the response to [`SignalRRequest::Events`] has begun with 200.
    Connected(Lane),
    /// A message came on a WebSocket.
    Message(Lane, Message<'a>),
    /// Bytes came in the response to [`SignalRRequest::Events`].
    Bytes(Lane, &'a [u8]),
    /// A request was answered with this status and body. Of a WebSocket and of events: it was refused.
    Response(Lane, u16, &'a [u8]),
    /// A WebSocket or a stream of events ended, or a request failed without an answer.
    LaneClosed(Lane, LaneEnd),
    /// This is for the server. What is said before [`SignalRSessionClientOutput::Opened`] waits for that; what is said
    /// between `Lost` and `Back` is dropped, for the hub protocol keeps and repeats what counts.
    Send(Message<'a>),
    /// It is to end, after what was sent.
    Close,
}

/// What is to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignalRRequest {
    /// POST, without a body: how the client may connect.
    Negotiate,
    /// A WebSocket; the address is the one of HTTP.
    WebSocket,
    /// GET with `Accept: text/event-stream`.
    Events,
    /// GET. It may take as long as the server likes to wait: 90 seconds in .NET.
    Poll,
    /// POST, with a body.
    Post,
    /// DELETE.
    Delete,
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalRSessionClientOutput<'a> {
    /// A request, or a WebSocket. Its access token goes into a header `Authorization: Bearer`; where none can be set, into the
    /// query as `access_token`.
    Open {
        /// Its number.
        lane: Lane,
        /// What it is.
        request: SignalRRequest,
        /// Where.
        url: String,
        /// What authenticates it.
        access_token: Option<String>,
        /// What is posted; otherwise empty.
        body: Vec<u8>,
    },
    /// A message on a WebSocket.
    Write(Lane, Decoded),
    /// The end of a WebSocket, with code 1000, or of a response that is waited for.
    End(Lane),
    /// The client may speak.
    Opened {
        /// Its public id; none if it did not negotiate.
        id: Option<String>,
        /// How it is carried.
        transport: TransportKind,
        /// Whether it comes back after it lost its WebSocket.
        stateful: bool,
    },
    /// The server says this: bytes, of any number of messages of its protocol.
    Message(Message<'a>),
    /// The same, of what had to be decoded first.
    Decoded(Decoded),
    /// The WebSocket is lost, and another is being opened: tell the hub protocol.
    Lost,
    /// It is open: tell the hub protocol.
    Back,
    /// It is over.
    Closed {
        /// Why.
        reason: Reason,
        /// What went wrong, in the words of the official clients where they have some.
        error: Option<String>,
    },
}
