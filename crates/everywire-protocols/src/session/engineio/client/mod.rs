//! The other side: a client as the official one is, that polls and moves to a WebSocket, or begins on one.
//!
//! It stops to poll and to post before it says `5`, and says nothing else meanwhile. When anything goes wrong but on a
//! WebSocket that it only probes, it gives up: to begin anew is its owner's decision.

mod machine;

use everywire_core::Reason;

use super::super::{Lane, LaneKind};
use crate::seam::{Decoded, Message};

pub use machine::EngineIoClient;

/// How a client talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineIoClientOptions {
    /// In revision 3. Default false: in 4.
    pub eio3: bool,
    /// It begins on a WebSocket. Default false: by polling.
    pub websocket: bool,
    /// It moves to a WebSocket if the server has one. Default true.
    pub upgrade: bool,
    /// It says that it cannot receive bytes. Default false.
    pub base64: bool,
}

impl Default for EngineIoClientOptions {
    fn default() -> Self {
        Self { eio3: false, websocket: false, upgrade: true, base64: false }
    }
}

/// What a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineIoClientInput<'a> {
    /// It is to begin.
    Start,
    /// A WebSocket that it opened is open.
    Connected(Lane),
    /// A message came on a WebSocket.
    Message(Lane, Message<'a>),
    /// A request was answered with this status and body; `application/octet-stream` is bytes.
    Response(Lane, u16, Message<'a>),
    /// A WebSocket ended, or a request has failed.
    LaneClosed(Lane),
    /// This is for the server.
    Send(Message<'a>),
    /// It is to end.
    Close,
    /// Its deadline has come.
    Tick,
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineIoClientOutput<'a> {
    /// A request with this query, and with a body if it is a post.
    Open {
        /// Its number.
        lane: Lane,
        /// What it is.
        kind: LaneKind,
        /// All of it.
        query: String,
        /// Bytes are `application/octet-stream`.
        body: Option<Decoded>,
    },
    /// A message on a WebSocket.
    Write(Lane, Decoded),
    /// The end of a WebSocket.
    End(Lane),
    /// The session is open.
    Opened,
    /// It has moved to the WebSocket.
    Upgraded,
    /// The server says this.
    Message(Message<'a>),
    /// The same, of what had to be decoded first.
    Decoded(Decoded),
    /// It is over.
    Closed(Reason),
}
