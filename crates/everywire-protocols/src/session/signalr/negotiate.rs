//! Negotiation: a client asks how it may connect, and gets an id, a token and a choice of transports; or another address; or
//! why not.
//!
//! Members stand in the order in which .NET writes them. No reply ever has a member `ProtocolVersion`: clients take its
//! sender for the older ASP.NET SignalR.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// The highest version: with it the id that is public is not the one that lets a client in.
const VERSION: i64 = 1;

/// What a client asks for, by its query. Case does not matter in names, as in ASP.NET.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NegotiateRequest {
    /// 0 or 1: clients in Python say nothing, which is 0; more than there is, is as much as there is.
    pub version: u8,
    /// Whether the client could go on with its session after it lost its WebSocket.
    pub stateful_reconnect: bool,
}

impl NegotiateRequest {
    /// Reads the request's head; else the words of .NET for why it cannot be answered. `minimum` is the lowest version
    /// that is let in, and 0 in .NET.
    pub fn read(head: &Request<()>, minimum: u8) -> Result<Self, String> {
        let (mut version, mut stateful_reconnect) = (0, false);
        let pairs = head.uri().query().unwrap_or_default().split('&');
        for (name, value) in pairs.filter_map(|pair| pair.split_once('=')) {
            let value = percent_decode_str(value).decode_utf8_lossy();
            let name = percent_decode_str(name).decode_utf8_lossy();
            if name.eq_ignore_ascii_case("negotiateVersion") {
                version = value
                    .parse::<i64>()
                    .map_err(|_| format!("The client requested an invalid protocol version '{value}'"))?;
            } else if name.eq_ignore_ascii_case("useStatefulReconnect") {
                stateful_reconnect = value.eq_ignore_ascii_case("true");
            }
        }
        if version < minimum.into() {
            return Err(format!(
                "The client requested version '{version}', but the server does not support this version."
            ));
        }
        // Not below 0 by now.
        Ok(Self { version: version.min(VERSION) as u8, stateful_reconnect })
    }

    /// The query of a client.
    pub fn query(&self) -> String {
        let version = match self.version {
            0 => String::new(),
            version => format!("negotiateVersion={version}"),
        };
        match (self.stateful_reconnect, version.is_empty()) {
            (false, _) => version,
            (true, true) => "useStatefulReconnect=true".to_owned(),
            (true, false) => version + "&useStatefulReconnect=true",
        }
    }
}

/// How a client may be carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum TransportKind {
    /// A WebSocket.
    WebSockets,
    /// Server-Sent Events, and POST.
    ServerSentEvents,
    /// Long polling, and POST.
    LongPolling,
}

/// What a transport can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum TransferFormat {
    /// The protocol `json`.
    Text,
    /// The protocol `messagepack`.
    Binary,
}

impl TransferFormat {
    fn named(name: &str) -> Option<Self> {
        match name {
            "Text" => Some(Self::Text),
            "Binary" => Some(Self::Binary),
            _ => None,
        }
    }
}

impl TransportKind {
    /// All, in the order in which clients try them.
    pub const ALL: [Self; 3] = [Self::WebSockets, Self::ServerSentEvents, Self::LongPolling];

    fn named(name: &str) -> Option<Self> {
        match name {
            "WebSockets" => Some(Self::WebSockets),
            "ServerSentEvents" => Some(Self::ServerSentEvents),
            "LongPolling" => Some(Self::LongPolling),
            _ => None,
        }
    }

    /// What it can carry.
    pub const fn formats(self) -> &'static [TransferFormat] {
        match self {
            Self::ServerSentEvents => &[TransferFormat::Text],
            Self::WebSockets | Self::LongPolling => &[TransferFormat::Text, TransferFormat::Binary],
        }
    }
}

/// Which transports a mount offers. Default: all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalRTransports {
    /// WebSockets.
    pub websockets: bool,
    /// Server-Sent Events.
    pub server_sent_events: bool,
    /// Long polling.
    pub long_polling: bool,
}

impl Default for SignalRTransports {
    fn default() -> Self {
        Self { websockets: true, server_sent_events: true, long_polling: true }
    }
}

impl SignalRTransports {
    /// Whether this one is offered.
    pub fn offers(&self, transport: TransportKind) -> bool {
        match transport {
            TransportKind::WebSockets => self.websockets,
            TransportKind::ServerSentEvents => self.server_sent_events,
            TransportKind::LongPolling => self.long_polling,
        }
    }
}

/// The answer: 200 with JSON, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NegotiateReply<'a> {
    /// The client may connect.
    Offer {
        /// Whether its session may go on after it lost its WebSocket: only if both sides want that.
        stateful_reconnect: bool,
        /// The connection's public id.
        connection_id: Cow<'a, str>,
        /// The secret by which it connects; none in version 0, where that is the id.
        connection_token: Option<Cow<'a, str>>,
        /// How, and what each can carry.
        transports: Vec<(TransportKind, Vec<TransferFormat>)>,
    },
    /// The client is to ask elsewhere.
    Redirect {
        /// Where: its path with `/negotiate` behind, and its query.
        url: Cow<'a, str>,
        /// A token in place of the client's own.
        access_token: Option<Cow<'a, str>>,
    },
    /// It is not let in.
    Refused(Cow<'a, str>),
}

impl<'a> NegotiateReply<'a> {
    /// An offer of these transports, in the version that was asked for. In version 0 `token` is all that the client gets.
    pub fn offer(
        request: NegotiateRequest,
        stateful_reconnect: bool,
        offered: SignalRTransports,
        id: &'a str,
        token: &'a str,
    ) -> Self {
        let (connection_id, connection_token) = match request.version {
            0 => (token, None),
            _ => (id, Some(Cow::Borrowed(token))),
        };
        let transports = TransportKind::ALL.into_iter().filter(|transport| offered.offers(*transport));
        Self::Offer {
            stateful_reconnect: stateful_reconnect && request.stateful_reconnect,
            connection_id: Cow::Borrowed(connection_id),
            connection_token,
            transports: transports.map(|transport| (transport, transport.formats().to_vec())).collect(),
        }
    }

    /// The body.
    pub fn to_json(&self) -> String {
        let written = match self {
            Self::Offer { stateful_reconnect, connection_id, connection_token, transports } => {
                serde_json::to_string(&Offer {
                    use_stateful_reconnect: *stateful_reconnect,
                    negotiate_version: connection_token.is_some().into(),
                    connection_id: Cow::Borrowed(connection_id),
                    connection_token: connection_token.as_deref().map(Cow::Borrowed),
                    available_transports: transports.iter().map(Available::of).collect(),
                })
            }
            Self::Redirect { url, access_token } => serde_json::to_string(&Redirect {
                url: Cow::Borrowed(url),
                access_token: access_token.as_deref().map(Cow::Borrowed),
            }),
            Self::Refused(error) => serde_json::to_string(&Refused { error: Cow::Borrowed(error) }),
        };
        written.expect("texts can be written")
    }

    /// The answer with this body.
    pub fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.to_json()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    /// What a client makes of a body. Members that it does not know, and transports, are left alone.
    pub fn read(body: &'a str) -> Result<Self, NegotiateFault> {
        let any: Any<'a> = serde_json::from_str(body).map_err(|error| NegotiateFault(error.to_string()))?;
        if any.protocol_version.is_some() {
            return Err(NegotiateFault(
                "Detected a connection attempt to an ASP.NET SignalR Server. This client only supports connecting to an ASP.NET Core SignalR Server."
                    .to_owned(),
            ));
        }
        if let Some(error) = any.error {
            return Ok(Self::Refused(error));
        }
        if let Some(url) = any.url {
            return Ok(Self::Redirect { url, access_token: any.access_token });
        }
        let Some(connection_id) = any.connection_id else {
            return Err(NegotiateFault("no connectionId, url or error".to_owned()));
        };
        let known = |available: Unknown<'_>| {
            let transport = TransportKind::named(&available.transport)?;
            let formats = available.transfer_formats.iter();
            Some((transport, formats.filter_map(|format| TransferFormat::named(format)).collect()))
        };
        Ok(Self::Offer {
            stateful_reconnect: any.use_stateful_reconnect,
            connection_id,
            connection_token: any.connection_token.filter(|_| any.negotiate_version > 0),
            transports: any.available_transports.into_iter().filter_map(known).collect(),
        })
    }
}

/// Why a body is no answer to a negotiation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an answer to a negotiation: {0}")]
pub struct NegotiateFault(String);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Offer<'a> {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    use_stateful_reconnect: bool,
    negotiate_version: u8,
    connection_id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_token: Option<Cow<'a, str>>,
    available_transports: Vec<Available<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Available<'a> {
    transport: TransportKind,
    transfer_formats: &'a [TransferFormat],
}

impl<'a> Available<'a> {
    fn of((transport, formats): &'a (TransportKind, Vec<TransferFormat>)) -> Self {
        Self { transport: *transport, transfer_formats: formats }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Redirect<'a> {
    url: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Refused<'a> {
    error: Cow<'a, str>,
}

/// Any answer, read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Any<'a> {
    /// Of the older ASP.NET SignalR.
    #[serde(rename = "ProtocolVersion")]
    protocol_version: Option<serde::de::IgnoredAny>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
    #[serde(borrow)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    access_token: Option<Cow<'a, str>>,
    use_stateful_reconnect: bool,
    negotiate_version: u8,
    #[serde(borrow)]
    connection_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    connection_token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    available_transports: Vec<Unknown<'a>>,
}

/// A transport that may be unknown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unknown<'a> {
    #[serde(borrow)]
    transport: Cow<'a, str>,
    #[serde(borrow, default)]
    transfer_formats: Vec<Cow<'a, str>>,
}
