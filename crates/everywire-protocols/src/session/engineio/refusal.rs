//! What Engine.IO answers to a request that it does not take.
//!
//! A client that polls gets `{"code":N,"message":"…"}`. One that wants a WebSocket gets the bare message, always with
//! status 400: browsers show neither.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};

use super::super::refusal::is_websocket;
use super::super::{Lane, Output};

/// Status, headers, body.
type Answer = (StatusCode, HeaderMap, Vec<u8>);

/// Why a request is not taken. Clients know the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineIoRefusal {
    /// 0: the transport does not exist, or is not enabled.
    TransportUnknown,
    /// 1: no session of this id lives here.
    SessionUnknown,
    /// 2: only GET opens a session.
    BadMethod,
    /// 3: the request does not fit the session, or itself; or its origin is not allowed.
    BadRequest,
    /// 4: the application does not let it in; with its text, Node's is `Forbidden`.
    Forbidden(Cow<'static, str>),
    /// 5: the revision is not spoken here.
    UnsupportedVersion,
}

impl EngineIoRefusal {
    fn code(&self) -> u8 {
        match self {
            Self::TransportUnknown => 0,
            Self::SessionUnknown => 1,
            Self::BadMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden(_) => 4,
            Self::UnsupportedVersion => 5,
        }
    }

    fn message(&self) -> &str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::SessionUnknown => "Session ID unknown",
            Self::BadMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden(text) => text,
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }

    /// The answer to this request.
    pub fn response(&self, head: &Request<()>) -> Response<Bytes> {
        let (status, headers, body) = if is_websocket(head) { self.text(head) } else { self.json() };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    /// As a session's output, for a lane that is a poll or a post.
    pub(super) fn polled<'a>(&self, lane: Lane) -> Output<'a> {
        output(lane, self.json())
    }

    /// The same for a lane that would be a WebSocket.
    pub(super) fn knocked<'a>(&self, lane: Lane, head: &Request<()>) -> Output<'a> {
        output(lane, self.text(head))
    }

    fn json(&self) -> Answer {
        let status = match self {
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        let message = serde_json::Value::from(self.message());
        let body = format!("{{\"code\":{},\"message\":{message}}}", self.code()).into_bytes();
        (status, content_type("application/json"), body)
    }

    fn text(&self, head: &Request<()>) -> Answer {
        let mut headers = content_type("text/html");
        // HTTP/2 has no such header.
        if head.version() < Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        (StatusCode::BAD_REQUEST, headers, self.message().as_bytes().to_vec())
    }
}

fn output<'a>(lane: Lane, (status, headers, body): Answer) -> Output<'a> {
    Output::Respond { lane, status, headers: Box::new(headers), body: Some(Cow::Owned(body)), compress: true }
}

/// Headers with nothing but this.
pub(super) fn content_type(value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))])
}
