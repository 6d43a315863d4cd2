//! What a server does with its clients, with defaults.

use std::time::Duration;

use super::limits::Limits;

/// The options of a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StompOptions {
    /// How much of a frame is taken.
    pub limits: Limits,
    /// From the beginning of a session until its client's CONNECT. Default 10 s, RabbitMQ's `login_timeout`.
    pub login_timeout: Duration,
    /// How often the server can say that it lives, if its client wants that; zero for never. Default 10 s, as Spring has it
    /// with a scheduler, and as stompjs asks for.
    pub heartbeat: Duration,
    /// How often the server wants to hear of a client that can say that it lives; zero for never. Default 10 s.
    pub client_heartbeat: Duration,
    /// After how many of the intervals agreed on a silent client is gone. Default 3, as in Spring; browsers let timers of
    /// hidden pages run once a minute.
    pub tolerance: u32,
    /// Subscriptions at a time. Default 128, as many as rooms.
    pub subscriptions: usize,
    /// How many of them may hear the same room, or the same event of the user's: each has a copy of every message, so that
    /// one of a mebibyte costs so many in memory while it leaves. Default 8.
    pub same_destination: usize,
    /// Messages of a queue that a consumer may have that are not settled, if it does not say `prefetch-count`. Default 100.
    pub prefetch: usize,
    /// The most that it may say. Default 10,000.
    pub most_prefetch: usize,
    /// Transactions at a time. Default 16, RabbitMQ's.
    pub transactions: usize,
    /// Frames in a transaction. Default 1,024, RabbitMQ's.
    pub transaction_frames: usize,
    /// Bytes in all open transactions of a client. Default 4 MiB.
    pub transaction_bytes: usize,
    /// Whether a client may send to other users (`/user/{name}/queue/…`). Default false.
    pub sends_to_users: bool,
    /// Whether the answer to a SEND to `/app/{event}` is published to `/topic/{event}`, as Spring does with what a handler
    /// returns. Default false: it goes to `reply-to`, if that is there.
    pub spring: bool,
    /// Whether an UNSUBSCRIBE of what is not subscribed is passed over, as in Spring; else it is a fault. Default false.
    pub lenient_unsubscribe: bool,
}

impl Default for StompOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            login_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(10),
            client_heartbeat: Duration::from_secs(10),
            tolerance: 3,
            subscriptions: 128,
            same_destination: 8,
            prefetch: 100,
            most_prefetch: 10_000,
            transactions: 16,
            transaction_frames: 1024,
            transaction_bytes: 4 << 20,
            sends_to_users: false,
            spring: false,
            lenient_unsubscribe: false,
        }
    }
}

impl StompOptions {
    /// Bytes that a whole frame may have: what a carrier of messages has to take.
    pub fn frame_bytes(&self) -> usize {
        // The NUL, and an end of line behind it.
        self.limits.head_bytes + self.limits.body_bytes + 3
    }
}
