//! What a server's side may be told.

use std::borrow::Cow;
use std::time::Duration;

use super::message::Encoding;

/// The server's options: ASP.NET Core's `HubOptions`, with its defaults.
#[derive(Debug, Clone)]
pub struct SignalROptions {
    /// From ping to ping. Default 15 s (`KeepAliveInterval`); official clients want to hear something each 30 s.
    pub keep_alive: Duration,
    /// A client that has pinged once, and is silent for so long, is gone. Default 30 s (`ClientTimeoutInterval`).
    pub client_timeout: Duration,
    /// From the opening to the client's handshake. Default 15 s (`HandshakeTimeout`).
    pub handshake_timeout: Duration,
    /// Bytes of one message of the client's. Default 32,768 (`MaximumReceiveMessageSize`).
    pub message_bytes: usize,
    /// In which encodings clients may speak. Default: both (`SupportedProtocols`; in .NET `messagepack` has to be added).
    pub encodings: Encodings,
    /// Whether clients hear what went wrong on our side. Default false (`EnableDetailedErrors`).
    pub detailed_errors: bool,
    /// What stands before a handler's own words: the name of an exception's type, which some clients look for. Default
    /// `HubException`.
    pub exception: Cow<'static, str>,
}

/// In which encodings clients may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encodings {
    /// The protocol `json`.
    pub json: bool,
    /// The protocol `messagepack`.
    pub msgpack: bool,
}

impl Encodings {
    pub(super) fn have(self, encoding: Encoding) -> bool {
        match encoding {
            Encoding::Json => self.json,
            Encoding::MsgPack => self.msgpack,
        }
    }
}

impl Default for Encodings {
    fn default() -> Self {
        Self { json: true, msgpack: true }
    }
}

impl Default for SignalROptions {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(15),
            client_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(15),
            message_bytes: 32_768,
            encodings: Encodings::default(),
            detailed_errors: false,
            exception: Cow::Borrowed("HubException"),
        }
    }
}
