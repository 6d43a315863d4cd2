//! Every bound and every wait, with its default.

use std::time::Duration;

use everywire_core::{MailboxOptions, QueueOptions};
use everywire_protocols::session::WebSocketOptions;
use everywire_websocket::DeflateOptions;

/// Bounds and waits of an application.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of one message of a client's, decompressed. Default 1 MiB; npm `ws` has 100 MiB,
    /// Socket.IO 1 MB, SignalR 32 KiB.
    pub message_bytes: usize,
    /// What may wait for one client.
    pub mailbox: MailboxOptions,
    /// Heartbeat of WebSockets.
    pub websocket: WebSocketOptions,
    /// permessage-deflate on WebSockets; none, the default, declines it.
    pub deflate: Option<Deflate>,
    /// From the first byte of a connection until its request's head is whole. Default 10 s.
    pub handshake_timeout: Duration,
    /// From our goodbye until the socket is closed, whatever the client does. Default 5 s, SignalR's `CloseTimeout`.
    pub close_timeout: Duration,
    /// For how long a client's socket may take nothing at all while something waits. Default 30 s. Over HTTP/2 that goes for each
    /// response of more than 16 KiB, too, which is given up within twice that.
    pub write_timeout: Duration,
    /// Bytes of a client's events that may wait for its handlers before its socket is read no more, unless
    /// somebody waits for the client. Default 64 KiB.
    pub inbound_queue: usize,
    /// Bytes of a client's events that may ever wait for its handlers. One that waits alone may have more, and so may what
    /// one body of a Socket.IO client's brings; the next such body then waits for its answer. Default 1 MiB.
    pub inbound_bytes: usize,
    /// For how long a client's streams may be full, [`inbound_bytes`](Self::inbound_bytes) for all of them, while their
    /// handlers take nothing: its socket is not read meanwhile. Then what waits is thrown away, and the handlers hear of
    /// it. Default 30 s.
    pub upload_timeout: Duration,
    /// Bytes of a request's head. Default 16 KiB, Node's.
    pub head_bytes: usize,
    /// Connections at a time; more are answered 503. Sessions without a WebSocket of their own count until nobody can ask about
    /// their end any more. Default 10,000, as many as half of a process's usual 20,000 files.
    pub connections: usize,
    /// Rooms that one connection may be in. Default 128, Centrifugo's.
    pub rooms_per_connection: usize,
    /// Broadcasts that may wait for one membership while it catches up. Default 1,024.
    pub catch_up_queue: usize,
    /// What the queues of a namespace may hold.
    pub queues: QueueOptions,
    /// Events of other servers that may wait for the task that takes them; beyond, they are lost, and the log says so.
    /// Default 1,024.
    pub server_events: usize,
    /// Streams of one connection, both ways, that may be open at a time. Default 100.
    pub streams: usize,
    /// Requests in one JSON-RPC batch. Default 100.
    pub batch: usize,
    /// The longest that a poll is held. Default 25 s.
    pub poll_wait: Duration,
    /// The silence after which an SSE stream gets a comment. Default 25 s.
    pub sse_comment: Duration,
    /// Whether clients see the texts of internal errors. Default false.
    pub detailed_errors: bool,
    /// Which pages of other origins may use the server, as `https://example.org`; `*` for all. Default none.
    pub origins: Vec<String>,
    /// Which `Host` a request may name, without port; `*` for all. Default: loopback names, and the address that
    /// [`App::serve`](crate::App::serve) listens on.
    pub hosts: Vec<String>,
    /// Into how many parts connections are divided for writing: one a worker thread. Default: as many as there
    /// are cores.
    pub shards: usize,
}

/// How messages are compressed for clients that offer it.
#[derive(Debug, Clone, Copy)]
pub struct Deflate {
    /// What is agreed on. By default no side keeps its context: a broadcast is compressed once for all.
    pub agree: DeflateOptions,
    /// How hard to try, 0–9. Default 6, zlib's own.
    pub level: u8,
    /// Messages of fewer bytes are sent uncompressed. Default 1024, as npm `ws`.
    pub threshold: usize,
}

impl Default for Deflate {
    fn default() -> Self {
        Self { agree: DeflateOptions::default(), level: 6, threshold: 1024 }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            message_bytes: 1 << 20,
            mailbox: MailboxOptions::default(),
            websocket: WebSocketOptions::default(),
            deflate: None,
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            inbound_queue: 64 * 1024,
            inbound_bytes: 1 << 20,
            upload_timeout: Duration::from_secs(30),
            head_bytes: 16 * 1024,
            connections: 10_000,
            rooms_per_connection: 128,
            catch_up_queue: 1024,
            queues: QueueOptions::default(),
            server_events: 1024,
            streams: 100,
            batch: 100,
            poll_wait: Duration::from_secs(25),
            sse_comment: Duration::from_secs(25),
            detailed_errors: false,
            origins: Vec::new(),
            hosts: Vec::new(),
            shards: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}
