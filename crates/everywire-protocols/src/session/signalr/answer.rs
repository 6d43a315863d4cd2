//! What SignalR answers to requests: ASP.NET Core's statuses and texts, which clients show.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, EXPIRES, PRAGMA};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::super::{Lane, Output};
use super::negotiate::TransportKind;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// Why a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalRRefusal {
    /// It names no session.
    IdRequired,
    /// No session of this id lives here.
    IdUnknown,
    /// The mount does not offer this transport.
    NotOffered(TransportKind),
    /// The session is carried in another way.
    OtherTransport,
    /// The session has such a transport already.
    Conflict,
    /// It posts, and has a WebSocket for that.
    PostOnWebSocket,
    /// It would end a session that ends with its transport.
    DeleteNotPolling,
    /// The method means nothing here.
    Method,
}

impl SignalRRefusal {
    fn status(self) -> StatusCode {
        match self {
            Self::IdRequired | Self::OtherTransport | Self::DeleteNotPolling => StatusCode::BAD_REQUEST,
            Self::IdUnknown | Self::NotOffered(_) => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PostOnWebSocket | Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::IdRequired => "Connection ID required",
            Self::IdUnknown => "No Connection with that ID",
            Self::NotOffered(TransportKind::WebSockets) => {
                "WebSockets transport not supported by this end point type"
            }
            Self::NotOffered(TransportKind::ServerSentEvents) => {
                "ServerSentEvents transport not supported by this end point type"
            }
            Self::NotOffered(TransportKind::LongPolling) => {
                "LongPolling transport not supported by this end point type"
            }
            Self::OtherTransport => "Cannot change transports mid-connection",
            Self::Conflict | Self::Method => "",
            Self::PostOnWebSocket => "POST requests are not allowed for WebSocket connections.",
            Self::DeleteNotPolling => "Cannot terminate this connection using the DELETE endpoint.",
        }
    }

    /// As a response.
    pub fn response(self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from_static(self.text().as_bytes()));
        *response.status_mut() = self.status();
        response.headers_mut().insert(CONTENT_TYPE, TEXT);
        response
    }

    /// As a session's output.
    pub(super) fn on<'a>(self, lane: Lane) -> Output<'a> {
        respond(lane, self.status(), plain(), Cow::Borrowed(self.text().as_bytes()))
    }
}

fn respond<'a>(lane: Lane, status: StatusCode, headers: HeaderMap, body: Cow<'static, [u8]>) -> Output<'a> {
    Output::Respond { lane, status, headers: Box::new(headers), body: Some(body), compress: false }
}

fn plain() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, TEXT)])
}

/// The answer to a body that was taken.
pub(super) fn taken<'a>(lane: Lane) -> Output<'a> {
    respond(lane, StatusCode::OK, plain(), Cow::Borrowed(b""))
}

/// The answer to a request to end the session.
pub(super) fn ends<'a>(lane: Lane) -> Output<'a> {
    respond(lane, StatusCode::ACCEPTED, plain(), Cow::Borrowed(b""))
}

/// Headers of an answer to a poll.
fn polled(content_type: HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store")),
        (PRAGMA, NO_CACHE),
        (EXPIRES, HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT")),
    ])
}

/// What waited for the client; nothing, for the first poll.
pub(super) fn data<'a>(lane: Lane, bytes: Vec<u8>) -> Output<'a> {
    let headers = polled(HeaderValue::from_static("application/octet-stream"));
    respond(lane, StatusCode::OK, headers, Cow::Owned(bytes))
}

/// Nothing came for long enough: poll again.
pub(super) fn nothing<'a>(lane: Lane) -> Output<'a> {
    respond(lane, StatusCode::OK, polled(TEXT), Cow::Borrowed(b""))
}

/// The poll ends: the session does, or another poll has taken over.
pub(super) fn over<'a>(lane: Lane) -> Output<'a> {
    respond(lane, StatusCode::NO_CONTENT, polled(TEXT), Cow::Borrowed(b""))
}

/// The beginning of a stream of events.
pub(super) fn events<'a>(lane: Lane) -> Output<'a> {
    let headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache,no-store")),
        (PRAGMA, NO_CACHE),
        (CONTENT_ENCODING, HeaderValue::from_static("identity")),
        // What nginx and others know it by.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ]);
    let (status, headers) = (StatusCode::OK, Box::new(headers));
    Output::Respond { lane, status, headers, body: None, compress: false }
}
