//! Who a client is, and what a question about its rights is called.

use std::sync::Arc;

use serde_json::value::RawValue;

/// What authentication found out about a client. The default is a client nobody knows.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// The user, if known: several connections may share one.
    pub user: Option<Arc<str>>,
    /// Anything the application wants shown beside the user in presence, as JSON.
    pub data: Option<Arc<RawValue>>,
    /// When the identity ends, in milliseconds since the Unix epoch; the connection ends with it.
    pub expires: Option<u64>,
}

impl Identity {
    /// An identity of this user, without data or expiry.
    pub fn user(user: impl Into<Arc<str>>) -> Self {
        Self { user: Some(user.into()), ..Self::default() }
    }
}

/// What somebody wants to do with a room or a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Hear what is published, and what was since an offset that one has come to, as far as the room keeps it.
    Subscribe,
    /// Publish to it.
    Publish,
    /// See who is in it.
    Presence,
    /// Read what was published, without hearing it.
    History,
    /// Send to a queue.
    Send,
    /// Take messages from a queue.
    Consume,
}

impl Verb {
    /// The verb as error texts name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe to",
            Self::Publish => "publish to",
            Self::Presence => "see the members of",
            Self::History => "read the history of",
            Self::Send => "send to",
            Self::Consume => "consume from",
        }
    }

    /// What it is done with, as error texts name it: a room or a queue.
    pub fn object(self) -> &'static str {
        match self {
            Self::Subscribe | Self::Publish | Self::Presence | Self::History => "room",
            Self::Send | Self::Consume => "queue",
        }
    }
}
