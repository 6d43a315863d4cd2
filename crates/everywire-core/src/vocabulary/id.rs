//! The public id of a connection: 20 characters that are never a secret and never a session id.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The URL-safe alphabet of RFC 4648, section 5: 64 characters, so 6 bits each.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The public id of a connection: 20 random characters, 120 bits.
///
/// The length is Socket.IO's (`socket.id`): adapters there tell ids from room names by it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId([u8; Self::LEN]);

impl ConnectionId {
    /// Characters in an id.
    pub const LEN: usize = 20;

    /// Spells 15 random bytes as an id. The caller owns the random source.
    pub fn from_random(bytes: [u8; 15]) -> Self {
        let mut id = [0; Self::LEN];
        for (three, four) in bytes.as_chunks::<3>().0.iter().zip(id.as_chunks_mut::<4>().0) {
            let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            for (i, character) in four.iter_mut().enumerate() {
                *character = ALPHABET[(bits >> (18 - 6 * i)) as usize & 63];
            }
        }
        Self(id)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Only `from_random` and `from_str` make ids, and both write ASCII.
        std::str::from_utf8(&self.0).expect("an id is ASCII")
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ConnectionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The text is no connection id: it wants 20 characters of `A-Z a-z 0-9 - _`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a connection id: it has 20 characters out of A-Z, a-z, 0-9, - and _")]
pub struct InvalidId;

impl FromStr for ConnectionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes: [u8; Self::LEN] = text.as_bytes().try_into().map_err(|_| InvalidId)?;
        if bytes.iter().all(|b| ALPHABET.contains(b)) { Ok(Self(bytes)) } else { Err(InvalidId) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_fifteen_bytes_as_twenty_characters() {
        assert_eq!(ConnectionId::from_random([0; 15]).as_str(), "AAAAAAAAAAAAAAAAAAAA");
        assert_eq!(ConnectionId::from_random([255; 15]).as_str(), "____________________");
        let id = ConnectionId::from_random(*b"Everywire rooms");
        assert_eq!(id.as_str(), "RXZlcnl3aXJlIHJvb21z");
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn refuses_what_is_no_id() {
        for text in ["", "short", "RXZlcnl3aXJlIHJvb21z=", "RXZlcnl3aXJlIHJvb2 z", "RXZlcnl3aXJlIHJvb2é"] {
            assert_eq!(text.parse::<ConnectionId>(), Err(InvalidId), "{text:?}");
        }
    }
}
