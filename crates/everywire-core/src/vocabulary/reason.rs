//! Why a session or a connection ended. One enum for every wire: each protocol maps it to its own
//! close codes, statuses and packets, in one table.

use std::fmt;

/// Why a session or a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The client said goodbye.
    ClientClosed,
    /// The client left the namespace, and its session goes on.
    ClientLeft,
    /// The carrier ended without a goodbye: reset, or end of stream.
    Lost,
    /// A handler, the API or an operator ended it.
    ServerClosed,
    /// The server is being shut down or deployed; the client should come back.
    Shutdown,
    /// The client broke the rules of its protocol.
    ProtocolError,
    /// The client sent text that is not UTF-8.
    InvalidText,
    /// The client sent a kind of message that this mount does not take.
    Unsupported,
    /// The client sent more than a limit allows.
    TooLarge,
    /// The client may not do what it tried.
    Refused,
    /// Who the client is could not be found out, or its identity has ended.
    Unauthenticated,
    /// More waited for the client than its mailbox may hold.
    SlowConsumer,
    /// The client sent events faster than its handlers took them.
    Overloaded,
    /// Nothing was heard of the client for too long.
    IdleTimeout,
    /// The handshake was not finished in time.
    HandshakeTimeout,
    /// A write did not finish in time.
    WriteTimeout,
    /// Something broke on our side.
    Internal,
}

impl Reason {
    /// Every reason, in order of declaration.
    pub const ALL: [Self; 17] = [
        Self::ClientClosed,
        Self::ClientLeft,
        Self::Lost,
        Self::ServerClosed,
        Self::Shutdown,
        Self::ProtocolError,
        Self::InvalidText,
        Self::Unsupported,
        Self::TooLarge,
        Self::Refused,
        Self::Unauthenticated,
        Self::SlowConsumer,
        Self::Overloaded,
        Self::IdleTimeout,
        Self::HandshakeTimeout,
        Self::WriteTimeout,
        Self::Internal,
    ];

    /// The code by which a WebSocket's close frame says so (RFC 6455, section 7.4, and IANA's registry).
    pub fn close_code(self) -> u16 {
        match self {
            Self::ClientClosed | Self::ServerClosed | Self::Lost => 1000,
            Self::ProtocolError => 1002,
            Self::Unsupported => 1003,
            Self::InvalidText => 1007,
            Self::Refused | Self::Unauthenticated | Self::SlowConsumer | Self::Overloaded => 1008,
            Self::TooLarge => 1009,
            Self::Internal => 1011,
            Self::Shutdown => 1012,
            _ => 1001,
        }
    }

    /// A short name for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientClosed => "client closed",
            Self::ClientLeft => "client left",
            Self::Lost => "connection lost",
            Self::ServerClosed => "server closed",
            Self::Shutdown => "shutting down",
            Self::ProtocolError => "protocol error",
            Self::InvalidText => "invalid text",
            Self::Unsupported => "unsupported data",
            Self::TooLarge => "too large",
            Self::Refused => "refused",
            Self::Unauthenticated => "unauthenticated",
            Self::SlowConsumer => "slow consumer",
            Self::Overloaded => "overloaded",
            Self::IdleTimeout => "idle timeout",
            Self::HandshakeTimeout => "handshake timeout",
            Self::WriteTimeout => "write timeout",
            Self::Internal => "internal error",
        }
    }

    /// Whether a client that reconnects at once may expect a better end: false where it would do
    /// the same wrong thing again.
    pub fn may_reconnect(self) -> bool {
        !matches!(
            self,
            Self::ClientClosed
                | Self::ClientLeft
                | Self::ProtocolError
                | Self::InvalidText
                | Self::Unsupported
                | Self::TooLarge
                | Self::Refused
                | Self::Unauthenticated
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
