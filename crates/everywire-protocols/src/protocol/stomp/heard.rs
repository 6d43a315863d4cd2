//! What a client hears.

use std::borrow::Cow;

use super::fault::Fault;
use super::frame::{Frame, Headers};
use super::outgoing::Settling;
use super::version::Version;

/// What a client has heard. What lay whole in one piece is borrowed from it.
#[allow(
    clippy::large_enum_variant,
    reason = "it is taken apart at once; a box would cost each message an allocation"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<'a> {
    /// It is let in.
    Connected {
        /// The version that both speak.
        version: Version,
        /// What the server calls the session.
        session: Option<Cow<'a, str>>,
        /// The server's name and version.
        server: Option<Cow<'a, str>>,
        /// The client's user, as the server knows it.
        user: Option<Cow<'a, str>>,
        /// Other headers.
        headers: Headers<'a>,
    },
    /// A message.
    Message(Delivered<'a>),
    /// What the client asked to be told of is done.
    Receipt {
        /// The receipt that it asked for.
        id: Cow<'a, str>,
        /// Other headers.
        headers: Headers<'a>,
    },
    /// The server has found a fault, and ends the conversation.
    Error {
        /// What it is, in short.
        message: Option<Cow<'a, str>>,
        /// The receipt that the frame asked for which is at fault.
        receipt: Option<Cow<'a, str>>,
        /// Other headers.
        headers: Headers<'a>,
        /// What it is, in full.
        body: Cow<'a, [u8]>,
    },
    /// The server has not been heard of for longer than was agreed on. That is the end.
    Silent,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered<'a> {
    /// The subscription that it is for. In 1.0 there may be none.
    pub subscription: Option<Cow<'a, str>>,
    /// Where it was sent, or what was subscribed to.
    pub destination: Cow<'a, str>,
    /// Its id, which no other has.
    pub id: Cow<'a, str>,
    /// In 1.2, by what it is settled, if it has to be.
    pub ack: Option<Cow<'a, str>>,
    /// Other headers: `content-type`, those of its sender, Everywire's `event`, `offset` and `from`.
    pub headers: Headers<'a>,
    /// Its body.
    pub body: Cow<'a, [u8]>,
    version: Version,
}

/// What a server got wrong, beyond which nothing of it is understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerFault {
    /// It is no STOMP.
    #[error(transparent)]
    Frame(#[from] Fault),
    /// A frame that may not come here.
    #[error("{command:?} from a server {}", if *.connected { "that has sent CONNECTED" } else { "that has not sent CONNECTED" })]
    Unexpected {
        /// What it is.
        command: String,
        /// Whether the server has let the client in.
        connected: bool,
    },
    /// A frame without something that it needs.
    #[error("{command} needs the header {header}")]
    Missing {
        /// What it is.
        command: &'static str,
        /// What it needs.
        header: &'static str,
    },
    /// A version that was not offered.
    #[error("CONNECTED with the version {0:?}, which was not offered")]
    Version(String),
    /// A `heart-beat` that is not two numbers.
    #[error("CONNECTED with the heart-beat {0:?}; it has to be two numbers of milliseconds")]
    HeartBeat(String),
}

impl<'a> Heard<'a> {
    pub(super) fn connected(version: Version, mut frame: Frame<'a>) -> Self {
        let mut take = |name| take(&mut frame.headers, name);
        // What these say has been understood.
        take("version");
        take("heart-beat");
        let (session, server, user) = (take("session"), take("server"), take("user-name"));
        Self::Connected { version, session, server, user, headers: frame.headers }
    }

    pub(super) fn message(version: Version, mut frame: Frame<'a>) -> Result<Self, ServerFault> {
        let missing = |header| ServerFault::Missing { command: "MESSAGE", header };
        let mut take = |name| take(&mut frame.headers, name);
        let (destination, id, subscription) = (take("destination"), take("message-id"), take("subscription"));
        let ack = take("ack");
        take("content-length");
        if version > Version::V1_0 && subscription.is_none() {
            return Err(missing("subscription"));
        }
        Ok(Self::Message(Delivered {
            subscription,
            destination: destination.ok_or_else(|| missing("destination"))?,
            id: id.ok_or_else(|| missing("message-id"))?,
            ack,
            headers: frame.headers,
            body: frame.body,
            version,
        }))
    }

    pub(super) fn receipt(mut frame: Frame<'a>) -> Result<Self, ServerFault> {
        let missing = ServerFault::Missing { command: "RECEIPT", header: "receipt-id" };
        let id = take(&mut frame.headers, "receipt-id").ok_or(missing)?;
        Ok(Self::Receipt { id, headers: frame.headers })
    }

    pub(super) fn error(mut frame: Frame<'a>) -> Self {
        let (message, receipt) =
            (take(&mut frame.headers, "message"), take(&mut frame.headers, "receipt-id"));
        take(&mut frame.headers, "content-length");
        Self::Error { message, receipt, headers: frame.headers, body: frame.body }
    }
}

impl Delivered<'_> {
    /// The value of the header of this name among the others, where case matters.
    pub fn header(&self, name: &str) -> Option<&str> {
        super::frame::header(&self.headers, name)
    }

    /// By what it is settled; none if it is settled already. (Before 1.2, only who subscribed knows that.)
    pub fn settling(&self) -> Option<Settling<'_>> {
        match self.version {
            Version::V1_2 => Some(Settling { id: self.ack.as_deref()?, subscription: None }),
            _ => Some(Settling { id: &self.id, subscription: self.subscription.as_deref() }),
        }
    }
}

fn take<'a>(headers: &mut Headers<'a>, name: &str) -> Option<Cow<'a, str>> {
    let at = headers.iter().position(|(of, _)| of == name)?;
    Some(headers.remove(at).1)
}
