//! What carries a session, or would: a transport, and what it listens by.

use std::time::Duration;

use everywire_core::Reason;

use super::super::super::Lane;
use super::reading::Reading;
use super::requests::Requests;
use super::{
    SockJsClientOptions, SockJsClientOutput as Output, SockJsClientTransport as Transport,
    SockJsRequest as Request,
};
use crate::seam::Time;

/// A transport that is tried, or taken.
#[derive(Debug)]
pub(super) struct Carrier {
    pub(super) transport: Transport,
    /// Where the session is, within its mount.
    path: String,
    /// A WebSocket, or the request that listens; none while it waits before it listens again.
    pub(super) lane: Option<Lane>,
    /// What has come of the response.
    pub(super) reading: Reading,
    /// Whether the response has opened the session, or brought a message: a heart-beat does not make it worth another at once.
    pub(super) brought: bool,
    /// Whether the session is open.
    pub(super) open: bool,
    /// By when it has to be open; later, when it may listen again.
    pub(super) until: Time,
}

/// Where a client's sessions are, and how long a transport may take to open one.
#[derive(Debug)]
pub(super) struct Terms {
    /// The mount.
    pub(super) mount: String,
    /// The segment of the server.
    pub(super) server: String,
    pub(super) given: Duration,
}

impl Carrier {
    /// One that tries to open this session.
    pub(super) fn try_out(
        now: Time,
        (transport, session): (Transport, &str),
        terms: &Terms,
        options: &SockJsClientOptions,
        requests: &mut Requests,
        out: &mut Vec<Output<'_>>,
    ) -> Self {
        let mut carrier = Self {
            transport,
            path: format!("/{}/{session}", terms.server),
            lane: None,
            reading: Reading::of(transport, options.frame_bytes),
            brought: false,
            open: false,
            until: now.after(terms.given),
        };
        carrier.listen(terms, options, requests, out);
        carrier
    }

    /// Opens a WebSocket, or a request that listens.
    pub(super) fn listen(
        &mut self,
        terms: &Terms,
        options: &SockJsClientOptions,
        requests: &mut Requests,
        out: &mut Vec<Output<'_>>,
    ) {
        let (request, name) = match self.transport {
            Transport::WebSocket => (Request::WebSocket, "websocket"),
            Transport::Streaming => (Request::Streaming, "xhr_streaming"),
            Transport::EventSource => (Request::Events, "eventsource"),
            Transport::Polling => (Request::Poll, "xhr"),
        };
        self.reading = Reading::of(self.transport, options.frame_bytes);
        self.brought = false;
        let path = format!("{}/{name}", self.path);
        self.lane = Some(requests.open(request, &terms.mount, &path, Vec::new(), out));
    }

    /// Posts this.
    pub(super) fn post(
        &self,
        body: Vec<u8>,
        terms: &Terms,
        requests: &mut Requests,
        out: &mut Vec<Output<'_>>,
    ) -> Lane {
        requests.open(Request::Send, &terms.mount, &format!("{}/xhr_send", self.path), body, out)
    }

    /// Whether it is a WebSocket.
    pub(super) fn is_websocket(&self) -> bool {
        self.transport == Transport::WebSocket
    }
}

/// What a server means by a code: the registry's meaning, if it has one for ends that servers bring about.
pub(super) fn reason_of(code: u16) -> Reason {
    let told = [
        Reason::ProtocolError,
        Reason::Unsupported,
        Reason::InvalidText,
        Reason::Refused,
        Reason::TooLarge,
        Reason::Internal,
        Reason::Shutdown,
    ];
    told.into_iter().find(|reason| reason.close_code() == code).unwrap_or(Reason::ServerClosed)
}
