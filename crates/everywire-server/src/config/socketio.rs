//! The `[socketio]` section: what holds for every mount that speaks Socket.IO.

use std::ops::RangeInclusive;
use std::time::Duration;

use everywire::{EngineIoCookie, EngineIoOptions, Mount, Parser, SocketIoOptions};

use super::Config;
use super::key::{Key, field};
use super::kind::{Bytes, Flag, Maybe, OrFalse, Text, Wait, Whole, Word};

/// The section, as it is written; [`SocketIo::mount`] makes options of it.
#[derive(Debug, Clone)]
pub(crate) struct SocketIo {
    /// Without the transports and the cookie.
    pub(super) engine: EngineIoOptions,
    /// Without the bytes of attachments.
    protocol: SocketIoOptions,
    transports: Vec<Transport>,
    cookie: Option<String>,
    compress_polls: Option<usize>,
    attachment_bytes: Option<usize>,
    pub(super) recovery: Option<Duration>,
}

/// How Engine.IO carries a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Polling,
    WebSocket,
}

const TRANSPORTS: Word<Transport> =
    Word(&[("polling", Transport::Polling), ("websocket", Transport::WebSocket)]);
const PARSERS: Word<Parser> = Word(&[("json", Parser::Json), ("msgpack", Parser::MsgPack)]);
const COOKIE: Text = Text {
    expected: "the name of a cookie, such as \"io\", with attributes or without: \"io; Path=/; Secure\"",
    check: |text| cookie(text).is_some(),
};
/// As all other waits.
const WAIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(24 * 3600);
const SIZE: RangeInclusive<u64> = 1..=1 << 30;
const COUNT: RangeInclusive<u64> = 1..=1_000_000;

impl Default for SocketIo {
    fn default() -> Self {
        Self {
            engine: EngineIoOptions::default(),
            protocol: SocketIoOptions::default(),
            transports: vec![Transport::Polling, Transport::WebSocket],
            cookie: None,
            compress_polls: Some(1024),
            attachment_bytes: None,
            recovery: None,
        }
    }
}

impl SocketIo {
    /// Whether there is what only browsers from before CORS need.
    pub(super) fn serves_old_browsers(&self) -> bool {
        self.engine.jsonp
    }

    /// A mount with these options.
    pub(super) fn mount(&self) -> Mount {
        everywire::socketio()
            .engine(self.engine())
            .protocol(self.protocol())
            .compress_polls(self.compress_polls)
    }

    pub(super) fn engine(&self) -> EngineIoOptions {
        EngineIoOptions {
            polling: self.transports.contains(&Transport::Polling),
            websocket: self.transports.contains(&Transport::WebSocket),
            cookie: self.cookie.as_deref().and_then(cookie),
            ..self.engine.clone()
        }
    }

    pub(super) fn protocol(&self) -> SocketIoOptions {
        SocketIoOptions {
            attachment_bytes: self.attachment_bytes.unwrap_or(self.engine.max_payload),
            ..self.protocol.clone()
        }
    }

    /// What of it does not go together: the key that says it, and why.
    pub(super) fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        if self.transports.is_empty() {
            let text = "clients need one of them; to serve no Socket.IO, leave its [[mount]] row out";
            faults.push(("socketio.transports".into(), text.into()));
        }
        faults
    }
}

/// The cookie in a text such as `io; Path=/`: without attributes it has Node's.
fn cookie(text: &str) -> Option<EngineIoCookie> {
    const NODE: &str = "Path=/; HttpOnly; SameSite=Lax";
    let (name, attributes) = text.split_once(';').unwrap_or((text, NODE));
    EngineIoCookie::new(name.trim_end(), attributes.trim()).ok()
}

/// The keys of the section.
pub(super) fn keys() -> Vec<Key<Config>> {
    let wait = || Wait(WAIT);
    vec![
        Key::new(
            "ping_interval",
            wait(),
            field!(socketio.engine.ping_interval),
            "From the opening of a session, or a client's last pong, to the next ping; clients are told. Node's `pingInterval` is 25 s.",
        ),
        Key::new(
            "ping_timeout",
            wait(),
            field!(socketio.engine.ping_timeout),
            "How long a client may take to answer a ping before it counts as gone; clients are told. Node's `pingTimeout` is 20 s.",
        ),
        Key::new(
            "upgrade_timeout",
            wait(),
            field!(socketio.engine.upgrade_timeout),
            "How long a WebSocket may take to take over a session that polls; then it is given up, and the session polls on. Node's `upgradeTimeout` is 10 s.",
        ),
        Key::new(
            "connect_timeout",
            wait(),
            field!(socketio.protocol.connect_timeout),
            "How long a session may be in no namespace after it opened. Node's `connectTimeout` is 45 s.",
        ),
        Key::new(
            "parser",
            PARSERS,
            field!(socketio.protocol.parser),
            "How packets are written: `json` as every client does by itself, `msgpack` for clients with `socket.io-msgpack-parser`. All clients of the server need the same; the playground's speaks JSON.",
        ),
        Key::new(
            "recovery",
            OrFalse(wait()),
            field!(socketio.recovery),
            "For how long a client that lost its session may come back to its connections, and hear what it missed; `false` for never. Rooms without a [[retention]] row keep 1,000 messages of at most 1 MiB for that time. Node's `connectionStateRecovery` is off, and 2 min once on.",
        ),
        Key::new(
            "max_payload",
            Bytes(SIZE),
            field!(socketio.engine.max_payload),
            "One message of a client's, or the body of one poll's POST; clients are told. `limits.message_bytes` is for the other wires. Node's `maxHttpBufferSize` is 1,000,000.",
        ),
        Key::new(
            "transports",
            TRANSPORTS,
            field!(socketio.transports),
            "How clients may be carried: by polls, by WebSockets, or both.",
        ),
        Key::new(
            "allow_upgrades",
            Flag,
            field!(socketio.engine.allow_upgrades),
            "Whether a session that polls may move to a WebSocket.",
        ),
        Key::new(
            "allow_eio3",
            Flag,
            field!(socketio.engine.allow_eio3),
            "Whether clients of version 2 (Engine.IO 3) are let in. Node's `allowEIO3`.",
        ),
        Key::<Config>::new(
            "cookie",
            Maybe(COOKIE),
            field!(socketio.cookie),
            "A cookie with the session's id, set by the first answer to a client that polls, for load balancers that go by it. Without attributes it has `Path=/; HttpOnly; SameSite=Lax`.",
        )
        .otherwise("no cookie", "\"io\""),
        Key::new(
            "compress_polls",
            OrFalse(Bytes(SIZE)),
            field!(socketio.compress_polls),
            "From which size on answers to polls are compressed, for clients that can read that; `false` for never. Node's `httpCompression` begins at 1024.",
        ),
        Key::new(
            "close_grace",
            wait(),
            field!(socketio.engine.close_grace),
            "How long a session that ends while no poll waits stays to tell its client. Engine.IO's polling has 30 s.",
        ),
        Key::new(
            "packets",
            Whole(COUNT),
            field!(socketio.engine.max_packets),
            "Packets in one body of a client's; one with more ends the session. Node has no such bound.",
        ),
        Key::new(
            "namespaces",
            Whole(COUNT),
            field!(socketio.protocol.namespaces),
            "Namespaces that one session may be in at a time. Node has no such bound.",
        ),
        Key::new(
            "attachments",
            Whole(0..=10),
            field!(socketio.protocol.attachments),
            "Binary attachments of one packet. socket.io-parser 4.2.6 has 10.",
        ),
        Key::<Config>::new(
            "attachment_bytes",
            Maybe(Bytes(SIZE)),
            field!(socketio.attachment_bytes),
            "All binary attachments of one packet together.",
        )
        .otherwise("as `max_payload`", "\"1MiB\""),
        Key::new(
            "held_bytes",
            Bytes(SIZE),
            field!(socketio.protocol.held_bytes),
            "What a session may send to namespaces that have not let it in yet; beyond, it ends.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_a_name_and_attributes() {
        let node = EngineIoCookie::default();
        assert_eq!(cookie("io"), Some(node.clone()));
        assert_eq!(cookie("io; Path=/; HttpOnly; SameSite=Lax"), Some(node));
        assert_eq!(cookie("sid;Secure"), EngineIoCookie::new("sid", "Secure").ok());
        assert_eq!(cookie("sid;"), EngineIoCookie::new("sid", "").ok());
        for bad in ["", ";", "a b", "a=b", "a; b\r\nc"] {
            assert_eq!(cookie(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn options_are_put_together() {
        let by_default = SocketIo::default();
        assert_eq!(by_default.engine(), EngineIoOptions::default());
        assert_eq!(by_default.protocol(), SocketIoOptions::default());
        let mut changed = SocketIo { transports: vec![Transport::WebSocket], ..SocketIo::default() };
        changed.engine.max_payload = 7;
        assert!(!changed.engine().polling && changed.engine().websocket);
        assert_eq!(changed.protocol().attachment_bytes, 7);
    }
}
