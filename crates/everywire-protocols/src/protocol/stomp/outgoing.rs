//! What a client says.

use smallvec::SmallVec;

use super::frame::Command;
use super::subscriptions::Ack;
use super::version::Version;

/// What a client says once it is in. See [`StompClient::say`](super::StompClient::say).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outgoing<'a> {
    /// Publishes. Its type is a header, `content-type`, that the user gives.
    Send {
        /// Where.
        destination: &'a str,
        /// The transaction that it is a part of.
        transaction: Option<&'a str>,
        /// What.
        body: &'a [u8],
    },
    /// Wants messages.
    Subscribe {
        /// What the client calls it; no other of its subscriptions may be called the same.
        id: &'a str,
        /// Of what.
        destination: &'a str,
        /// How messages are settled.
        ack: Ack,
    },
    /// Wants no more.
    Unsubscribe {
        /// The subscription.
        id: &'a str,
    },
    /// Has dealt with a message.
    Ack {
        /// Which.
        message: Settling<'a>,
        /// The transaction that it is a part of.
        transaction: Option<&'a str>,
    },
    /// Could not deal with it. From 1.1 on.
    Nack {
        /// Which.
        message: Settling<'a>,
        /// The transaction that it is a part of.
        transaction: Option<&'a str>,
    },
    /// A transaction begins.
    Begin {
        /// What the client calls it.
        transaction: &'a str,
    },
    /// It is done.
    Commit {
        /// Which.
        transaction: &'a str,
    },
    /// It is given up.
    Abort {
        /// Which.
        transaction: &'a str,
    },
    /// Goodbye.
    Disconnect,
}

/// By what a client names a message that it settles: of [`Delivered::settling`](super::Delivered::settling).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling<'a> {
    /// In 1.2 what the message has as its `ack`, before its id.
    pub id: &'a str,
    /// Its subscription, which 1.1 wants to know.
    pub subscription: Option<&'a str>,
}

/// Why nothing was said: the caller's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsaid {
    /// It is not in.
    #[error("the client is not connected; wait for CONNECTED, and say nothing behind DISCONNECT")]
    NotConnected,
    /// There is no NACK in 1.0.
    #[error("STOMP 1.0 has no NACK; settle by ACK alone, or offer a later version")]
    NoNack,
    /// A header has a character that the version cannot spell.
    #[error(
        "STOMP {version} cannot spell the header {header:?}: NUL never, CR and LF where there is no escape for them"
    )]
    Unspelled {
        /// Its name.
        header: String,
        /// The version.
        version: Version,
    },
}

impl Outgoing<'_> {
    pub(super) fn command(&self) -> Command<'static> {
        match self {
            Self::Send { .. } => Command::Send,
            Self::Subscribe { .. } => Command::Subscribe,
            Self::Unsubscribe { .. } => Command::Unsubscribe,
            Self::Ack { .. } => Command::Ack,
            Self::Nack { .. } => Command::Nack,
            Self::Begin { .. } => Command::Begin,
            Self::Commit { .. } => Command::Commit,
            Self::Abort { .. } => Command::Abort,
            Self::Disconnect => Command::Disconnect,
        }
    }

    pub(super) fn body(&self) -> &[u8] {
        if let Self::Send { body, .. } = self { body } else { &[] }
    }

    /// The headers that it needs.
    pub(super) fn headers(&self, version: Version) -> SmallVec<[(&str, &str); 4]> {
        let mut headers = SmallVec::new();
        let transaction = match *self {
            Self::Send { destination, transaction, .. } => {
                headers.push(("destination", destination));
                transaction
            }
            Self::Subscribe { id, destination, ack } => {
                headers.extend([("id", id), ("destination", destination)]);
                headers.extend((ack != Ack::Auto).then(|| ("ack", ack.as_str())));
                None
            }
            Self::Unsubscribe { id } => {
                headers.push(("id", id));
                None
            }
            Self::Ack { message, transaction } | Self::Nack { message, transaction } => {
                let name = if version == Version::V1_2 { "id" } else { "message-id" };
                headers.push((name, message.id));
                headers.extend(message.subscription.map(|id| ("subscription", id)));
                transaction
            }
            Self::Begin { transaction } | Self::Commit { transaction } | Self::Abort { transaction } => {
                Some(transaction)
            }
            Self::Disconnect => None,
        };
        headers.extend(transaction.map(|id| ("transaction", id)));
        headers
    }
}
