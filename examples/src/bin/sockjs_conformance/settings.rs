//! What the command line may say: a JSON object.

use std::time::Duration;

use everywire::{Options, SockJsHeartbeat, SockJsOptions};
use serde::Deserialize;

/// Options by the names of sockjs-node; times in milliseconds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Settings {
    heartbeat_delay: u64,
    disconnect_delay: u64,
    response_limit: usize,
    sockjs_url: String,
    base_url: Option<String>,
    /// How long a ping waits for its pong.
    pong_timeout: u64,
    /// Whether WebSockets beat by frames, as Spring's do.
    frames: bool,
    /// Whether there is what only old browsers need.
    legacy: bool,
    origins: Vec<String>,
    /// Bytes of one body or message.
    body_bytes: Option<usize>,
    /// How long a head, or a body, may take.
    handshake_timeout: Option<u64>,
    /// What holds at `/rooms` instead of `disconnect_delay`.
    rooms_disconnect_delay: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat_delay: 25_000,
            disconnect_delay: 5000,
            response_limit: 131_072,
            sockjs_url: "http://localhost/sockjs.js".to_owned(),
            base_url: None,
            pong_timeout: 10_000,
            frames: false,
            legacy: true,
            origins: vec!["*".to_owned()],
            body_bytes: None,
            handshake_timeout: None,
            rooms_disconnect_delay: None,
        }
    }
}

impl Settings {
    pub(crate) fn sockjs(&self) -> SockJsOptions {
        let default = SockJsOptions::default();
        let pings = SockJsHeartbeat::Ping { timeout: Duration::from_millis(self.pong_timeout) };
        SockJsOptions {
            legacy: self.legacy,
            response_limit: self.response_limit,
            heartbeat: Duration::from_millis(self.heartbeat_delay),
            disconnect_delay: Duration::from_millis(self.disconnect_delay),
            script: self.sockjs_url.clone(),
            base_url: self.base_url.clone(),
            websocket_heartbeat: if self.frames { SockJsHeartbeat::Frame } else { pings },
            body_bytes: self.body_bytes.unwrap_or(default.body_bytes),
            ..default
        }
    }

    pub(crate) fn rooms(&self) -> SockJsOptions {
        let delay = self.rooms_disconnect_delay.unwrap_or(self.disconnect_delay);
        SockJsOptions { disconnect_delay: Duration::from_millis(delay), ..self.sockjs() }
    }

    pub(crate) fn options(&self) -> Options {
        let default = Options::default();
        Options {
            hosts: vec!["*".to_owned()],
            origins: self.origins.clone(),
            handshake_timeout: self
                .handshake_timeout
                .map_or(default.handshake_timeout, Duration::from_millis),
            ..default
        }
    }
}
