//! What one client may do, and how it speaks.

use std::time::Duration;

use everywire_core::payload::MAX_ATTACHMENTS;

/// How packets are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parser {
    /// The one that comes with every client: JSON, and attachments as messages of their own.
    #[default]
    Json,
    /// `socket.io-msgpack-parser`: one binary message each.
    MsgPack,
}

/// Which protocol the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Revision {
    /// Of client 2, over Engine.IO 3.
    Four,
    /// Of clients 3 and 4, over Engine.IO 4.
    #[default]
    Five,
}

impl Revision {
    /// The one that belongs to a revision of Engine.IO.
    pub fn of_engine(revision: u32) -> Self {
        if revision == 3 { Self::Four } else { Self::Five }
    }
}

/// What one client may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketIoOptions {
    /// How packets are written. Clients do not tell: both sides are configured alike.
    pub parser: Parser,
    /// Whether broadcasts carry their offset as a last argument, so that a client can come back. Default false, as Node's.
    pub recovery: bool,
    /// How long a session may be in no namespace after it opened. Default 45 s, Node's `connectTimeout`.
    pub connect_timeout: Duration,
    /// How many attachments a packet may have, [`MAX_ATTACHMENTS`] at most. Default 10, the `maxAttachments` of
    /// socket.io-parser 4.2.6 and later.
    pub attachments: usize,
    /// How many bytes the attachments of a packet may have together, until it is complete. Default 1,000,000, Node's
    /// `maxHttpBufferSize`.
    pub attachment_bytes: usize,
    /// In how many namespaces a session may be at a time. Default 128; Node has no bound.
    pub namespaces: usize,
    /// How many bytes may be held back for connections of a session that are not let in yet; beyond, the session ends.
    /// Default 1 MiB, as much as may wait for a client's handlers.
    pub held_bytes: usize,
}

impl Default for SocketIoOptions {
    fn default() -> Self {
        Self {
            parser: Parser::Json,
            recovery: false,
            connect_timeout: Duration::from_secs(45),
            attachments: MAX_ATTACHMENTS,
            attachment_bytes: 1_000_000,
            namespaces: 128,
            held_bytes: 1 << 20,
        }
    }
}
