//! What an operator may choose about Engine.IO. The defaults are those of the official server, 4.8.

use std::time::Duration;

use http::HeaderValue;

use super::heartbeat::Pace;
use super::packet::Revision;
use super::query::Transport;

/// Options of Engine.IO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineIoOptions {
    /// From the opening, or the last pong, to the next ping; clients are told. Default 25 s, Node's `pingInterval`.
    pub ping_interval: Duration,
    /// A client that does not answer a ping for so long is gone; clients are told. Default 20 s, Node's `pingTimeout`.
    pub ping_timeout: Duration,
    /// A WebSocket that has not taken a session over after so long is given up, and the session polls on. Default 10 s,
    /// Node's `upgradeTimeout`.
    pub upgrade_timeout: Duration,
    /// How many bytes a body or a message of a client's may have: clients are told, and the carrier sees to it. Default
    /// 1 000 000, Node's `maxHttpBufferSize`.
    pub max_payload: usize,
    /// How many packets a body of a client's may have; one with more ends the session. Each costs more than the two bytes that
    /// it may be written in. Default 65 536: a full body of packets of 15 bytes. Node has no such limit.
    pub max_packets: usize,
    /// Whether clients may poll. Default true.
    pub polling: bool,
    /// Whether clients may use WebSockets. Default true.
    pub websocket: bool,
    /// Whether a session that polls may move to a WebSocket. Default true.
    pub allow_upgrades: bool,
    /// Whether clients of revision 3 (`socket.io-client` 2.x) are let in. Default false, Node's `allowEIO3`.
    pub allow_eio3: bool,
    /// Whether polls may be answered with a script (`j=`), for pages of other origins in browsers from before CORS.
    /// Default false; Node always does it.
    pub jsonp: bool,
    /// The cookie that the first answer to a polling client sets, for load balancers that go by it. Default none.
    pub cookie: Option<EngineIoCookie>,
    /// A session that is closed while no poll waits lives on for so long to tell the client. Default 30 s, Node's
    /// `closeTimeout` of the polling transport.
    pub close_grace: Duration,
}

impl Default for EngineIoOptions {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            max_payload: 1_000_000,
            max_packets: 1 << 16,
            polling: true,
            websocket: true,
            allow_upgrades: true,
            allow_eio3: false,
            jsonp: false,
            cookie: None,
            close_grace: Duration::from_secs(30),
        }
    }
}

impl EngineIoOptions {
    pub(super) fn enables(&self, transport: Transport) -> bool {
        match transport {
            Transport::Polling => self.polling,
            Transport::WebSocket => self.websocket,
        }
    }

    pub(super) fn pace(&self) -> Pace {
        Pace { interval: self.ping_interval, timeout: self.ping_timeout }
    }

    /// Whether clients that poll are invited to a WebSocket.
    pub(super) fn upgrades(&self) -> bool {
        self.allow_upgrades && self.websocket
    }

    pub(super) fn speaks(&self, revision: Revision) -> bool {
        revision == Revision::Four || self.allow_eio3
    }
}

/// A cookie whose value is the session's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineIoCookie {
    name: String,
    attributes: String,
}

/// A cookie whose name or attributes cannot stand in a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be part of a cookie: its name is a token, its attributes are visible ASCII")]
pub struct BadCookie(String);

impl EngineIoCookie {
    /// A cookie of this name (Node's is `io`), with these attributes (Node's are `Path=/; HttpOnly; SameSite=Lax`),
    /// which may be none.
    ///
    /// # Errors
    ///
    /// If it would make no valid header.
    pub fn new(name: impl Into<String>, attributes: impl Into<String>) -> Result<Self, BadCookie> {
        let (name, attributes) = (name.into(), attributes.into());
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(BadCookie(name));
        }
        if !attributes.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(BadCookie(attributes));
        }
        Ok(Self { name, attributes })
    }

    /// The header that sets it.
    pub(super) fn header(&self, sid: &str) -> Option<HeaderValue> {
        let Self { name, attributes } = self;
        let separator = if attributes.is_empty() { "" } else { "; " };
        HeaderValue::from_str(&format!("{name}={sid}{separator}{attributes}")).ok()
    }
}

impl Default for EngineIoCookie {
    fn default() -> Self {
        Self { name: "io".to_owned(), attributes: "Path=/; HttpOnly; SameSite=Lax".to_owned() }
    }
}
