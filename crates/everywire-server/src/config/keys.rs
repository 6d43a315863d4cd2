//! Every key there is, but for `[socketio]` (`socketio.rs`), `[signalr]` (`signalr.rs`), `[sockjs]` (`sockjs.rs`), `[stomp]` (`stomp.rs`), `[queues]` (`queues.rs`) and the rows of lists (`rows.rs`).

use std::ops::RangeInclusive;
use std::time::Duration;

use everywire::Overflow;

use super::Config;
use super::key::{Key, Section, field};
use super::kind::{Address, Bytes, Flag, Maybe, OrFalse, Text, Wait, Whole, Word};
use super::{queues, signalr, socketio, sockjs, stomp};

/// Shorter waits would have the timers run for nothing but themselves; longer ones are mistakes.
const WAIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(24 * 3600);
/// A mailbox, a log and a queue count their bytes in 32 bits.
pub(super) const SIZE: RangeInclusive<u64> = 1..=1 << 30;
pub(super) const COUNT: RangeInclusive<u64> = 1..=1_000_000_000;
const WINDOW: RangeInclusive<u64> = 8..=15;

const ANY_TEXT: Text = Text { expected: "a text", check: |_| true };
const FOLDER: Text = Text { expected: "the path of a folder", check: |text| !text.is_empty() };
const FILE: Text = Text { expected: "the path of a file", check: |text| !text.is_empty() };
const HOST: Text = Text {
    expected: "a host without port, such as \"chat.example.org\", or \"*\"",
    check: |text| text == "*" || text.parse::<http::uri::Authority>().is_ok_and(|host| host.port().is_none()),
};
const ORIGIN: Text = Text {
    expected: "an origin such as \"https://example.org\", or \"*\"",
    check: |text| text == "*" || is_origin(text),
};
const FILTER: Text = Text {
    expected: "a level (\"error\", \"warn\", \"info\", \"debug\", \"trace\", \"off\") or a filter such as \"warn,everywire=debug\"",
    check: crate::log::is_filter,
};
const ACTIONS: Word<&str> = Word(&[
    ("subscribe", "subscribe"),
    ("unsubscribe", "unsubscribe"),
    ("publish", "publish"),
    ("presence", "presence"),
    ("history", "history"),
]);
const OVERFLOW: Word<Overflow> =
    Word(&[("disconnect", Overflow::Disconnect), ("drop-oldest", Overflow::DropOldest)]);
fn is_origin(text: &str) -> bool {
    let uri = text.parse::<http::Uri>();
    uri.is_ok_and(|uri| uri.scheme().is_some() && uri.authority().is_some() && matches!(uri.path(), "/" | ""))
}

/// All sections, in the order of the example and the reference.
pub(crate) fn sections() -> Vec<Section<Config>> {
    vec![
        Section { name: "", doc: "What is served, to whom.", keys: top() },
        Section {
            name: "limits",
            doc: "Bounds. What a client sends or asks beyond them is refused with a reason.",
            keys: limits(),
        },
        Section { name: "mailbox", doc: "What may wait for one client that does not read.", keys: mailbox() },
        Section {
            name: "queues",
            doc: "What queues may hold. They are this server's memory alone: what waits in them is lost when it stops.",
            keys: queues::keys(),
        },
        Section { name: "timeouts", doc: "How long anything may take.", keys: timeouts() },
        Section {
            name: "deflate",
            doc: "Compression of WebSocket messages (permessage-deflate, RFC 7692), for clients that offer it.",
            keys: deflate(),
        },
        Section {
            name: "socketio",
            doc: "Socket.IO, for all mounts that speak it. The defaults are those of the official server, 4.8.",
            keys: socketio::keys(),
        },
        Section {
            name: "signalr",
            doc: "SignalR, for all mounts that are carried as it is. The defaults are those of ASP.NET Core.",
            keys: signalr::keys(),
        },
        Section {
            name: "sockjs",
            doc: "SockJS, for all mounts that are carried as it is. The defaults are those of sockjs-node.",
            keys: sockjs::keys(),
        },
        Section { name: "stomp", doc: "STOMP, for all mounts that speak it.", keys: stomp::keys() },
        Section {
            name: "tls",
            doc: "TLS: https and wss, with HTTP/2 where the client wants it. Off unless both keys are set.",
            keys: tls(),
        },
    ]
}

fn top() -> Vec<Key<Config>> {
    vec![
        Key::new(
            "listen",
            Address,
            field!(listen),
            "The address and port. Port 0 takes any free one, and start-up prints which. An address other than loopback's needs `[[rule]]` rows or `insecure_open`.",
        ),
        Key::<Config>::new("workers", Maybe(Whole(1..=1024)), field!(workers), "Threads that serve clients.")
            .otherwise("as many as there are cores", "4"),
        Key::new(
            "hosts",
            HOST,
            field!(options.hosts),
            "Names of this server that a request's `Host` may have, against DNS rebinding; `\"*\"` for any. Loopback's names and the listen address always may.",
        ),
        Key::new(
            "origins",
            ORIGIN,
            field!(options.origins),
            "Pages of which other origins may use the server; `\"*\"` for all. Pages of its own origin always may.",
        ),
        Key::new(
            "actions",
            OrFalse(ACTIONS),
            field!(actions),
            "Which built-in events clients may call, in every namespace that is mounted; `false` for none.",
        ),
        Key::new(
            "actions_prefix",
            ANY_TEXT,
            field!(actions_prefix),
            "What stands before the names of the actions.",
        ),
        Key::<Config>::new(
            "playground",
            Maybe(Flag),
            field!(playground),
            "Whether the playground page is served at `/`.",
        )
        .otherwise("on while the listen address is one of loopback's", "false"),
        Key::<Config>::new(
            "client_assets",
            Maybe(FOLDER),
            field!(client_assets),
            "A folder of official clients for browsers. Those of the npm package `socket.io-client` (its folder `dist`) are served below each Socket.IO mount, as `/socket.io/socket.io.js`; those of `@microsoft/signalr` (`dist/browser`), `sockjs-client` (`dist`) and `@stomp/stompjs` (`bundles`) below `/playground/`, whose page takes them from there where it cannot get them from their own networks. `--client-assets` goes before it.",
        )
        .otherwise("none is served", "\"node_modules/socket.io-client/dist\""),
        Key::new(
            "insecure_open",
            Flag,
            field!(insecure_open),
            "Listens on any address although there are no rules: everybody who gets there may read and write every room.",
        ),
        Key::new(
            "legacy_browser_transports",
            Flag,
            field!(socketio.engine.jsonp),
            "Serves browsers from before CORS: polls of Socket.IO and SockJS may be answered with a script (JSONP), and SockJS has pages for iframes; the playground offers these, under a policy that lets them work. Those name no `Origin`: the page that asks has to be named (`Referer`) and allowed, but in an old browser it may hide which it is.",
        ),
        Key::new(
            "detailed_errors",
            Flag,
            field!(options.detailed_errors),
            "Shows clients the texts of internal errors, not only in the log.",
        ),
        Key::new(
            "log",
            FILTER,
            field!(log),
            "What is logged, to standard error. The environment's `RUST_LOG` goes before it, and `--log` before both.",
        ),
    ]
}

fn limits() -> Vec<Key<Config>> {
    vec![
        Key::new(
            "message_bytes",
            Bytes(SIZE),
            field!(options.message_bytes),
            "One message of a client's, decompressed, and the body of a publish by POST. npm `ws` has 100 MiB, Socket.IO 1 MB, SignalR 32 KiB.",
        ),
        Key::new(
            "head_bytes",
            Bytes(8192..=1 << 20),
            field!(options.head_bytes),
            "The head of an HTTP request. Node has 16 KiB, nginx 8 KiB a line.",
        ),
        Key::new(
            "inbound_queue",
            Bytes(SIZE),
            field!(options.inbound_queue),
            "Events of one client that may wait for their handlers before its socket is read no more, unless somebody waits for the client.",
        ),
        Key::new(
            "inbound_bytes",
            Bytes(SIZE),
            field!(options.inbound_bytes),
            "Events of one client that may ever wait for their handlers; beyond, it is disconnected. One that waits alone may be longer, and one POST of Socket.IO's may bring more: then the next one is answered when fewer wait. So `message_bytes` and `socketio.max_payload` may be larger than this.",
        ),
        Key::new(
            "connections",
            Whole(COUNT),
            field!(options.connections),
            "Clients at a time; more are answered 503. Each takes a file of the process, whose limit start-up raises as far as it may.",
        ),
        Key::new(
            "rooms_per_connection",
            Whole(COUNT),
            field!(options.rooms_per_connection),
            "Rooms that one client may be in. Centrifugo has 128.",
        ),
        Key::new(
            "catch_up_queue",
            Whole(COUNT),
            field!(options.catch_up_queue),
            "Broadcasts that may wait for one client while it catches up on what it missed.",
        ),
        Key::new(
            "server_events",
            Whole(COUNT),
            field!(options.server_events),
            "Events of other servers that may wait to be handled; beyond, they are lost, and the log says so.",
        ),
        Key::new(
            "streams",
            Whole(COUNT),
            field!(options.streams),
            "Streams of one connection, both ways, that may be open at a time.",
        ),
        Key::new("batch", Whole(COUNT), field!(options.batch), "Requests in one JSON-RPC batch."),
    ]
}

fn mailbox() -> Vec<Key<Config>> {
    vec![
        Key::new(
            "bytes",
            Bytes(1024..=1 << 30),
            field!(options.mailbox.bytes),
            "Payloads, and 128 bytes for each message; of a message larger than a quarter of this, a quarter counts. Centrifugo's `client.queue_max_size` is 1 MiB.",
        ),
        Key::new(
            "overflow",
            OVERFLOW,
            field!(options.mailbox.overflow),
            "What happens beyond: the client is disconnected, or loses its oldest events. Answers are never dropped.",
        ),
    ]
}

fn timeouts() -> Vec<Key<Config>> {
    let wait = || Wait(WAIT);
    vec![
        Key::new(
            "handshake",
            wait(),
            field!(options.handshake_timeout),
            "From the first byte of a connection until its request's head is whole; also for TLS, and for the body of a publish by POST.",
        ),
        Key::new(
            "write",
            wait(),
            field!(options.write_timeout),
            "How long a client's socket may take nothing at all while something waits for it.",
        ),
        Key::new(
            "upload",
            wait(),
            field!(options.upload_timeout),
            "How long the streams of a client may be full, and its socket not read, while their handlers take nothing; then what waits is thrown away.",
        ),
        Key::new(
            "close",
            wait(),
            field!(options.close_timeout),
            "From our goodbye until the socket is closed, whatever the client does. SignalR's `CloseTimeout` is 5 s.",
        ),
        Key::new(
            "ping_interval",
            wait(),
            field!(options.websocket.ping_interval),
            "The silence after which a WebSocket is pinged. Engine.IO's `pingInterval` is 25 s.",
        ),
        Key::new(
            "ping_timeout",
            wait(),
            field!(options.websocket.ping_timeout),
            "How long a pinged client may stay silent before it counts as gone. Engine.IO's `pingTimeout` is 20 s.",
        ),
        Key::new(
            "poll_wait",
            wait(),
            field!(options.poll_wait),
            "The longest that a poll is held. Common proxies give up after 30 s or more.",
        ),
        Key::new(
            "sse_comment",
            wait(),
            field!(options.sse_comment),
            "The silence after which an SSE stream gets a comment, so that no proxy gives it up.",
        ),
        Key::new(
            "shutdown",
            wait(),
            field!(shutdown),
            "How long clients have to leave once the server is told to stop; keep it above `close`.",
        ),
    ]
}

fn deflate() -> Vec<Key<Config>> {
    vec![
        Key::new("enabled", Flag, field!(compress), "Whether to compress at all."),
        Key::new("level", Whole(0..=9), field!(deflate.level), "How hard to try. 6 is zlib's own default."),
        Key::new(
            "threshold",
            Bytes(0..=1 << 30),
            field!(deflate.threshold),
            "Messages of fewer bytes are sent uncompressed. npm `ws` has 1024.",
        ),
        Key::new(
            "server_no_context_takeover",
            Flag,
            field!(deflate.agree.server_no_context_takeover),
            "The server compresses each message on its own: no memory a client, and a broadcast is compressed once for all.",
        ),
        Key::new(
            "client_no_context_takeover",
            Flag,
            field!(deflate.agree.client_no_context_takeover),
            "Clients compress each message on its own: the server keeps no window for each.",
        ),
        Key::new(
            "server_max_window_bits",
            Whole(WINDOW),
            field!(deflate.agree.server_max_window_bits),
            "The base-two logarithm of the server's window. 15 is DEFLATE's largest.",
        ),
        Key::new(
            "client_max_window_bits",
            Whole(WINDOW),
            field!(deflate.agree.client_max_window_bits),
            "The base-two logarithm of the clients' window, of those that offer a choice.",
        ),
    ]
}

fn tls() -> Vec<Key<Config>> {
    vec![
        Key::<Config>::new("cert", Maybe(FILE), field!(tls.cert), "The certificate chain, as a PEM file.")
            .otherwise("no TLS", "\"/etc/everywire/cert.pem\""),
        Key::<Config>::new("key", Maybe(FILE), field!(tls.key), "Its private key, as a PEM file.")
            .otherwise("no TLS", "\"/etc/everywire/key.pem\""),
    ]
}
