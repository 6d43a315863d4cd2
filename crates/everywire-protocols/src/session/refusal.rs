//! What HTTP sessions answer to a request that they do not take: a status, and a line of text that says why.

use std::borrow::Cow;

use bytes::Bytes;
use everywire_core::Reason;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use super::{Lane, Output};

const TEXT: &str = "text/plain; charset=utf-8";

/// A request that is refused, and why.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// What was wrong, and what would be right.
    pub(super) message: Cow<'static, str>,
}

impl Refusal {
    /// The client's request makes no sense.
    pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// A conversation that ended before its response began.
    pub(super) fn of(reason: Reason) -> Self {
        let status = match reason {
            Reason::Unauthenticated => StatusCode::UNAUTHORIZED,
            Reason::Refused => StatusCode::FORBIDDEN,
            Reason::ProtocolError | Reason::InvalidText | Reason::Unsupported | Reason::TooLarge => {
                StatusCode::BAD_REQUEST
            }
            Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            // Whatever else ends it may be better the next time.
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, message: format!("not let in: {reason}").into() }
    }

    /// As an endpoint's answer.
    pub(super) fn response(&self) -> Box<Response<Bytes>> {
        let mut response = Response::new(Bytes::from(self.body()));
        *response.status_mut() = self.status;
        *response.headers_mut() = headers(TEXT);
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        Box::new(response)
    }

    /// As a session's output.
    pub(super) fn output<'a>(&self, lane: Lane) -> Output<'a> {
        let body = Some(Cow::Owned(self.body()));
        Output::Respond { lane, status: self.status, headers: Box::new(headers(TEXT)), body, compress: true }
    }

    fn body(&self) -> Vec<u8> {
        format!("{}\n", self.message).into_bytes()
    }
}

/// The headers of a response that is only for now.
pub(super) fn headers(content_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ])
}

/// Refuses what is neither GET nor HEAD.
pub(super) fn check_method(head: &Request<()>) -> Result<(), Refusal> {
    if matches!(*head.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let message = format!("{} is not possible here, only GET and HEAD are", head.method()).into();
    Err(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, message })
}

/// Whether a request asks for a WebSocket: RFC 6455, 4.1, or RFC 8441, of which carriers let no other CONNECT through.
pub(super) fn is_websocket(head: &Request<()>) -> bool {
    let protocols = head.headers().get_all(UPGRADE).into_iter().filter_map(|value| value.to_str().ok());
    head.method() == Method::CONNECT
        || protocols
            .flat_map(|value| value.split(','))
            .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}
