//! What a room is called.

use std::fmt;
use std::sync::Arc;

use super::ConnectionId;

/// The key of a room. Server code addresses all kinds; what a client names is always
/// [`RoomKey::Named`], so no client reaches another's own rooms by a clever name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RoomKey {
    /// A room by name.
    Named(Arc<str>),
    /// The one connection with this id.
    Connection(ConnectionId),
    /// All connections of this user.
    User(Arc<str>),
    /// All connections of the namespace. As with single connections, every node hears what is published to it.
    Everyone,
}

impl From<&str> for RoomKey {
    fn from(name: &str) -> Self {
        Self::Named(name.into())
    }
}

impl From<&String> for RoomKey {
    fn from(name: &String) -> Self {
        Self::Named(name.as_str().into())
    }
}

impl From<String> for RoomKey {
    fn from(name: String) -> Self {
        Self::Named(name.into())
    }
}

impl From<Arc<str>> for RoomKey {
    fn from(name: Arc<str>) -> Self {
        Self::Named(name)
    }
}

impl From<ConnectionId> for RoomKey {
    fn from(id: ConnectionId) -> Self {
        Self::Connection(id)
    }
}

impl fmt::Display for RoomKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Connection(id) => write!(f, "connection {id}"),
            Self::User(user) => write!(f, "user {user}"),
            Self::Everyone => f.write_str("everyone"),
        }
    }
}
