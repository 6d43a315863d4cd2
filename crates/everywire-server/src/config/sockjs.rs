//! The `[sockjs]` section: what holds for every mount that is carried as SockJS is.

use std::ops::RangeInclusive;
use std::time::Duration;

use everywire::{Mount, SockJsHeartbeat, SockJsOptions};

use super::Config;
use super::key::{Key, field};
use super::kind::{Bytes, Flag, Maybe, Text, Wait, Word};

/// The section, as it is written; [`SockJs::mount`] makes options of it.
#[derive(Debug, Clone)]
pub(crate) struct SockJs {
    /// Without the heart-beat of WebSockets, and without what only old browsers need.
    options: SockJsOptions,
    websocket_heartbeat: Beat,
    pong_timeout: Duration,
}

/// What a heart-beat is on a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beat {
    Ping,
    Frame,
}

const BEATS: Word<Beat> = Word(&[("ping", Beat::Ping), ("frame", Beat::Frame)]);
const URL: Text = Text {
    expected: "an address that browsers reach, such as \"https://example.org/sockjs.min.js\" or \"/sockjs.min.js\"",
    check: |text| {
        (text.starts_with("https://") || text.starts_with("http://") || text.starts_with('/'))
            && !text.contains(|c: char| c.is_control() || c.is_whitespace())
    },
};
/// As all other waits.
const WAIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(24 * 3600);
const SIZE: RangeInclusive<u64> = 1..=1 << 30;

impl Default for SockJs {
    fn default() -> Self {
        Self {
            options: SockJsOptions::default(),
            websocket_heartbeat: Beat::Ping,
            pong_timeout: Duration::from_secs(10),
        }
    }
}

impl SockJs {
    /// A mount of JSON-RPC with these options.
    pub(super) fn mount(&self, legacy: bool) -> Mount {
        everywire::sockjs().sockjs(self.options(legacy))
    }

    /// A mount of plain messages.
    pub(super) fn raw_mount(&self, legacy: bool) -> Mount {
        everywire::sockjs_raw().sockjs(self.options(legacy))
    }

    pub(super) fn options(&self, legacy: bool) -> SockJsOptions {
        let websocket_heartbeat = match self.websocket_heartbeat {
            Beat::Ping => SockJsHeartbeat::Ping { timeout: self.pong_timeout },
            Beat::Frame => SockJsHeartbeat::Frame,
        };
        SockJsOptions { legacy, websocket_heartbeat, ..self.options.clone() }
    }
}

/// The keys of the section.
pub(super) fn keys() -> Vec<Key<Config>> {
    let wait = || Wait(WAIT);
    vec![
        Key::new(
            "websocket",
            Flag,
            field!(sockjs.options.websocket),
            "Whether clients may be carried by WebSockets, plain ones below the mount too. sockjs-node's `websocket`.",
        ),
        Key::new(
            "response_limit",
            Bytes(SIZE),
            field!(sockjs.options.response_limit),
            "After so much a streaming response ends, and its client asks for the next: some browsers keep all of one in memory. sockjs-node's `response_limit`.",
        ),
        Key::new(
            "heartbeat",
            wait(),
            field!(sockjs.options.heartbeat),
            "From heart-beat to heart-beat. Clients give up a poll of JSONP after 35 s. sockjs-node's `heartbeat_delay`.",
        ),
        Key::new(
            "websocket_heartbeat",
            BEATS,
            field!(sockjs.websocket_heartbeat),
            "What a heart-beat is on a WebSocket: a `ping`, as sockjs-node's, or the `frame` that other transports have, as Spring's, which clients do not answer.",
        ),
        Key::new(
            "pong_timeout",
            wait(),
            field!(sockjs.pong_timeout),
            "How long a client may take to answer a ping before it counts as gone.",
        ),
        Key::new(
            "disconnect_delay",
            wait(),
            field!(sockjs.options.disconnect_delay),
            "How long a session lives while no request of its client's listens, and how long one that has ended says so. sockjs-node's `disconnect_delay`.",
        ),
        Key::new(
            "cookie",
            Flag,
            field!(sockjs.options.cookie),
            "Whether answers set the cookie `JSESSIONID`, for load balancers that go by it. sockjs-node's `jsessionid`.",
        ),
        Key::new(
            "script",
            URL,
            field!(sockjs.options.script),
            "The client's script for iframes, which only clients of old browsers use: its version must be that of the page around. sockjs-node's `sockjs_url`.",
        ),
        Key::<Config>::new(
            "base_url",
            Maybe(URL),
            field!(sockjs.options.base_url),
            "Where clients go on after they have asked for `info`, if elsewhere. sockjs-node's `base_url`.",
        )
        .otherwise("they stay here", "\"https://node1.example.org/sockjs\""),
        Key::new(
            "body_bytes",
            Bytes(SIZE),
            field!(sockjs.options.body_bytes),
            "One WebSocket message, or the body of one POST, which may have many messages. sockjs-node has no such bound.",
        ),
    ]
}
