//! What a mount of SignalR's may be told.

use std::time::Duration;

use super::negotiate::SignalRTransports;

/// A mount's options: ASP.NET Core's `HttpConnectionDispatcherOptions` and what belongs to it, with its defaults.
#[derive(Debug, Clone)]
pub struct SignalRConnectionOptions {
    /// Which transports are offered. Default: all.
    pub transports: SignalRTransports,
    /// The lowest version of the negotiation that is let in. Default 0 (`MinimumProtocolVersion`). With 1, clients in Python
    /// are not.
    pub minimum_version: u8,
    /// How long a poll is held. Default 90 s (`LongPolling.PollTimeout`); clients wait 100 s.
    pub poll_timeout: Duration,
    /// How long a session lives without a transport: after the negotiation, between two polls, and after its WebSocket was
    /// lost where it may come back. Default 15 s (`DisconnectTimeout`).
    pub disconnect_timeout: Duration,
    /// Whether a client may go on with its session after it lost its WebSocket. Default false (`AllowStatefulReconnects`).
    pub stateful_reconnect: bool,
    /// Bytes that are kept for a client until it acknowledges them, where it may come back; beyond, what is sent waits in its
    /// mailbox. Default 100,000 (`StatefulReconnectBufferSize`).
    pub buffer_bytes: usize,
    /// Bytes of one WebSocket message or body of a client's, which may have several messages. Default 1 MiB: .NET has no
    /// such bound, and takes as many as come.
    pub body_bytes: usize,
}

impl Default for SignalRConnectionOptions {
    fn default() -> Self {
        Self {
            transports: SignalRTransports::default(),
            minimum_version: 0,
            poll_timeout: Duration::from_secs(90),
            disconnect_timeout: Duration::from_secs(15),
            stateful_reconnect: false,
            buffer_bytes: 100_000,
            body_bytes: 1 << 20,
        }
    }
}
