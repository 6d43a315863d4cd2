//! The close frame and the closing handshake (RFC 6455, sections 5.5.1 and 7).

use crate::{Fault, Role, frame::MAX_CONTROL_PAYLOAD};

/// Why a connection is closed, as a number (RFC 6455, section 7.4, and the IANA registry).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The server stops or the page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// The peer sent a kind of data that is not accepted here.
    pub const UNSUPPORTED: Self = Self(1003);
    /// The data contradicts its kind, such as text that is not UTF-8.
    pub const INVALID_DATA: Self = Self(1007);
    /// The peer broke a rule that no other code names.
    pub const POLICY: Self = Self(1008);
    /// The message is larger than what is accepted here.
    pub const TOO_BIG: Self = Self(1009);
    /// The client misses an extension in the server's answer.
    pub const MISSING_EXTENSION: Self = Self(1010);
    /// The server met something that it cannot handle.
    pub const INTERNAL: Self = Self(1011);
    /// The server restarts: reconnect.
    pub const RESTART: Self = Self(1012);
    /// The server is overloaded: reconnect later.
    pub const TRY_AGAIN: Self = Self(1013);
    /// A gateway got an invalid answer from behind.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// A code that may stand in a close frame: 1000–1003, 1007–1014, 3000–4999. The rest is reserved, or stands
    /// for what no frame said (1005, 1006, 1015).
    #[inline]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl std::fmt::Display for CloseCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The body of a close frame; a close frame may also have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// Why.
    pub code: CloseCode,
    /// In words, for people. At most 123 bytes go over the wire; more is cut at a character's boundary.
    pub reason: &'a str,
}

impl<'a> CloseFrame<'a> {
    /// The longest reason in bytes.
    pub const MAX_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

    /// Reads the body of a close frame. An empty one is `None`.
    pub(crate) fn decode(body: &'a [u8]) -> Result<Option<Self>, Fault> {
        match body {
            [] => Ok(None),
            [_] => Err(Fault::CloseBodyTooShort),
            &[high, low, ref reason @ ..] => {
                let code = u16::from_be_bytes([high, low]);
                let code = CloseCode::new(code).ok_or(Fault::CloseCodeInvalid)?;
                let reason = std::str::from_utf8(reason).map_err(|_| Fault::InvalidUtf8)?;
                Ok(Some(Self { code, reason }))
            }
        }
    }

    /// The reason as it goes over the wire.
    pub(crate) fn wire_reason(&self) -> &'a str {
        &self.reason[..self.reason.floor_char_boundary(Self::MAX_REASON)]
    }
}

impl From<Fault> for CloseFrame<'static> {
    fn from(fault: Fault) -> Self {
        Self { code: fault.code(), reason: fault.reason() }
    }
}

/// What to do with the TCP connection, once everything that is queued has been flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Messages still travel, or the peer's close frame is awaited. Bound the wait: a peer may never answer.
    Keep,
    /// Close it now.
    Close,
    /// The server closes first (section 7.1.1). Wait for the end of the stream, but not for ever, then close.
    AwaitEnd,
}

/// The closing handshake: who has sent a close frame, who has received one, and what follows.
///
/// It holds no clock: whoever drives it bounds the time that passes in [`Transport::Keep`] after
/// [`sent`](ClosingHandshake::sent), and in [`Transport::AwaitEnd`].
///
/// ```
/// use everywire_websocket::{ClosingHandshake, Role, Transport};
///
/// let mut server = ClosingHandshake::new(Role::Server);
/// let reply = server.receive();
/// assert!(reply, "a close frame is answered with one, with the code that came");
/// assert!(server.send());
/// assert!(!server.send(), "once");
/// assert_eq!(server.transport(), Transport::Close);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosingHandshake {
    role: Role,
    sent: bool,
    received: bool,
    failed: bool,
}

impl ClosingHandshake {
    /// For a connection that was just opened.
    pub const fn new(role: Role) -> Self {
        Self { role, sent: false, received: false, failed: false }
    }

    /// Whether a close frame may be sent now; if so, it counts as sent and nothing may be sent after it.
    #[must_use = "a second close frame must not be sent"]
    pub const fn send(&mut self) -> bool {
        !std::mem::replace(&mut self.sent, true)
    }

    /// The peer's close frame has come; nothing that it sends afterwards counts. `true` if it is to be answered:
    /// with the same code, or without a body if it had none (section 5.5.1).
    #[must_use = "a close frame is answered with a close frame"]
    pub const fn receive(&mut self) -> bool {
        self.received = true;
        !self.sent
    }

    /// The peer broke the protocol: send a close frame with the fault's code if [`send`](Self::send) says so, and
    /// do not wait for the answer (section 7.1.7).
    pub const fn fail(&mut self) {
        self.failed = true;
    }

    /// We have sent a close frame.
    pub const fn sent(&self) -> bool {
        self.sent
    }

    /// The peer has sent a close frame.
    pub const fn received(&self) -> bool {
        self.received
    }

    /// What to do with the TCP connection.
    pub const fn transport(&self) -> Transport {
        match (self.role, self.sent, self.received) {
            _ if self.failed && self.sent => Transport::Close,
            (Role::Server, true, true) => Transport::Close,
            (Role::Client, true, true) => Transport::AwaitEnd,
            _ => Transport::Keep,
        }
    }
}
