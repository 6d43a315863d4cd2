//! What a conversation begins with.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use everywire_core::ConnectionId;
use everywire_protocols::protocol::Protocol;
use everywire_protocols::session::Session;

use crate::Identity;
use crate::app::AppState;
use crate::app::handshake::Handshake;
use crate::carrier::form::Framing;

/// Where a client is, for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) Option<SocketAddr>);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

/// What a conversation begins with.
pub(crate) struct Opening {
    pub(crate) app: Arc<AppState>,
    /// The namespace of the mount, for protocols whose clients do not name one.
    pub(crate) namespace: Arc<str>,
    pub(crate) identity: Identity,
    /// The public id of a connection that is there from the beginning, if its client knows it already.
    pub(crate) id: Option<ConnectionId>,
    /// The request that began it, for protocols that show it to handlers.
    pub(crate) handshake: Option<Arc<Handshake>>,
    pub(crate) session: Box<dyn Session>,
    pub(crate) protocol: Box<dyn Protocol>,
    pub(crate) peer: Peer,
    /// The room that every message is published in, on a relay mount.
    pub(crate) relay: Option<Arc<str>>,
    /// How the carrier frames what is broadcast.
    pub(crate) framing: Framing,
    /// Whether others than the session's task may write whole frames to its socket.
    pub(crate) shared_socket: bool,
}
