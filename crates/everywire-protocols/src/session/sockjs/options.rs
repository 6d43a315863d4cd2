//! What a mount of SockJS's may be told.

use std::time::Duration;

/// A mount's options: sockjs-node's, with its defaults, and bounds that it does not have.
#[derive(Debug, Clone)]
pub struct SockJsOptions {
    /// Whether WebSockets are offered, raw ones too. Default true (`websocket`).
    pub websocket: bool,
    /// Whether there is what only old browsers need: JSONP, `htmlfile`, and the page for iframes. Default false: none of them
    /// names an `Origin`, and a page may hide which it is.
    pub legacy: bool,
    /// Bytes of frames after which a streaming response ends, and the client asks for the next. Default 131,072
    /// (`response_limit`).
    pub response_limit: usize,
    /// From heart-beat to heart-beat. Default 25 s (`heartbeat_delay`). Clients give up a poll of JSONP after 35 s.
    pub heartbeat: Duration,
    /// What a heart-beat is on a WebSocket. Default a ping.
    pub websocket_heartbeat: SockJsHeartbeat,
    /// How long a session lives without a receiver, and how long one that has ended says so. Default 5 s
    /// (`disconnect_delay`).
    pub disconnect_delay: Duration,
    /// Whether responses set the cookie `JSESSIONID`, by which load balancers keep a client on one server. Default false
    /// (`jsessionid`).
    pub cookie: bool,
    /// The client's script for the page of an iframe: the same version as the page around it has, on a host that browsers
    /// reach. Default a public copy of version 1 (`sockjs_url`).
    pub script: String,
    /// Where clients go on after `info`, if elsewhere. Default none (`base_url`).
    pub base_url: Option<String>,
    /// Bytes of one body or WebSocket message of a client's. Default 1 MiB; the reference has no bound.
    pub body_bytes: usize,
}

/// What keeps a WebSocket open on which nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SockJsHeartbeat {
    /// A ping, as sockjs-node. Without a pong for so long, the client is gone. Its default is 10 s.
    Ping {
        /// How long.
        timeout: Duration,
    },
    /// The frame `h`, as Spring. Clients do not answer it.
    Frame,
}

impl Default for SockJsOptions {
    fn default() -> Self {
        Self {
            websocket: true,
            legacy: false,
            response_limit: 131_072,
            heartbeat: Duration::from_secs(25),
            websocket_heartbeat: SockJsHeartbeat::Ping { timeout: Duration::from_secs(10) },
            disconnect_delay: Duration::from_secs(5),
            cookie: false,
            script: "https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js".to_owned(),
            base_url: None,
            body_bytes: 1 << 20,
        }
    }
}
