//! The three versions, and how peers agree on one.

use std::fmt;

/// A version of STOMP; a later one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 1.0: no escapes, no heart-beats. Also what counts as long as none is agreed on.
    V1_0,
    /// 1.1: escapes, heart-beats, NACK.
    V1_1,
    /// 1.2: CR LF and an escape for CR; ACK by a header of its own.
    V1_2,
}

impl Version {
    /// All, from the first on.
    pub const ALL: [Self; 3] = [Self::V1_0, Self::V1_1, Self::V1_2];

    /// As it stands in the headers `accept-version` and `version`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
        }
    }

    /// The WebSocket subprotocol of its name. It does not decide the version of a connection: CONNECT does.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::V1_0 => "v10.stomp",
            Self::V1_1 => "v11.stomp",
            Self::V1_2 => "v12.stomp",
        }
    }

    /// The version of this name, blanks around it apart.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == name.trim())
    }

    /// The highest that both sides have, by the header `accept-version`: names with commas between them, in any order, with
    /// or without blanks. Without the header the peer has 1.0 (STOMP 1.2, section "Protocol Negotiation"). None if there is
    /// no common one.
    pub fn agree(accept_version: Option<&str>) -> Option<Self> {
        match accept_version {
            None => Some(Self::V1_0),
            Some(list) => list.split(',').filter_map(Self::named).max(),
        }
    }

    /// The highest whose subprotocol is among those offered, in any order. None if none is: then no subprotocol is answered.
    pub fn offered<'a>(subprotocols: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let known = |name| Self::ALL.into_iter().find(|version| version.subprotocol() == name);
        subprotocols.into_iter().filter_map(known).max()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
