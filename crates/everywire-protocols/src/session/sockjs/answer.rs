//! What SockJS answers to requests: the statuses, headers and texts of sockjs-node, to the byte.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::super::{Lane, Output};
use super::transport::SockJsTransport;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=UTF-8");
const NO_CACHE: HeaderValue =
    HeaderValue::from_static("no-store, no-cache, no-transform, must-revalidate, max-age=0");

/// What is not there. The reference ends it with a line feed, as nothing else that fails: clients in Node take lines of any
/// answer for frames, and this one begins with none of theirs.
const NOT_FOUND: &str = "404 Error: Page not found\n";

/// Why a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SockJsRefusal {
    /// No such path, or no session of this id.
    NotFound,
    /// The path takes other methods: the header `Allow`.
    Method(&'static str),
    /// The name of a function is missing, or is none.
    Callback(&'static str),
    /// The body is empty, no array of strings, or of a media type that is not taken.
    Payload,
    /// The body is no JSON.
    Json,
    /// The array in the body has more messages than may be: 65,536.
    TooMany,
    /// It asks for what is a WebSocket, and is no request for one.
    NotWebSocket,
    /// It asks for a plain WebSocket of another version.
    Version,
}

impl SockJsRefusal {
    fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Callback(_) | Self::Payload | Self::Json => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotWebSocket | Self::Version => StatusCode::BAD_REQUEST,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::NotFound => NOT_FOUND,
            Self::Method(_) => "",
            Self::Callback(text) => text,
            Self::Payload => "Payload expected.",
            Self::Json => "Broken JSON encoding.",
            Self::TooMany => "Too many messages: one body may have 65536.",
            Self::NotWebSocket => "Not a valid websocket request",
            Self::Version => "Only supported WebSocket protocol is RFC 6455.",
        }
    }

    fn headers(self) -> HeaderMap {
        if let Self::Method(allow) = self {
            return HeaderMap::from_iter([(ALLOW, HeaderValue::from_static(allow))]);
        }
        let mut headers = plain();
        // The reference says nothing of the type of other errors; browsers would guess.
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if self == Self::NotFound {
            headers.remove(X_CONTENT_TYPE_OPTIONS);
        }
        headers
    }

    /// As a response.
    pub fn response(self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from_static(self.text().as_bytes()));
        *response.status_mut() = self.status();
        *response.headers_mut() = self.headers();
        response
    }

    /// The same of a session's address, whose answers are never kept.
    pub fn of_session(self) -> Response<Bytes> {
        let mut response = self.response();
        response.headers_mut().insert(CACHE_CONTROL, NO_CACHE);
        response
    }

    /// As a session's output.
    pub(super) fn on<'a>(self, lane: Lane) -> Output<'a> {
        let (parts, body) = self.of_session().into_parts();
        respond(lane, parts.status, parts.headers, Some(Cow::Owned(body.to_vec())))
    }
}

/// Makes an answer that is none of the protocol's one of a session's address: it is text, and is never kept.
pub(super) fn seal(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, TEXT);
    headers.insert(CACHE_CONTROL, NO_CACHE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn plain() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, TEXT)])
}

fn respond<'a>(
    lane: Lane,
    status: StatusCode,
    headers: HeaderMap,
    body: Option<Cow<'a, [u8]>>,
) -> Output<'a> {
    Output::Respond { lane, status, headers: Box::new(headers), body, compress: false }
}

/// The answer to a body that was taken.
pub(super) fn taken<'a>(lane: Lane, jsonp: bool) -> Output<'a> {
    let mut headers = plain();
    headers.insert(CACHE_CONTROL, NO_CACHE);
    if jsonp {
        respond(lane, StatusCode::OK, headers, Some(Cow::Borrowed(b"ok")))
    } else {
        respond(lane, StatusCode::NO_CONTENT, headers, Some(Cow::Borrowed(b"")))
    }
}

/// The answer to a request that listens: whole, or what it begins with.
pub(super) fn receiving<'a>(lane: Lane, transport: SockJsTransport, body: Option<Vec<u8>>) -> Output<'a> {
    let mut headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(transport.content_type())),
        (CACHE_CONTROL, NO_CACHE),
    ]);
    if transport == SockJsTransport::Jsonp {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    if body.is_none() {
        // What nginx and others know it by that should not wait for more.
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    }
    respond(lane, StatusCode::OK, headers, body.map(Cow::Owned))
}

/// `Welcome to SockJS!`
pub(super) fn greeting() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(b"Welcome to SockJS!\n"));
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}

/// What a client asks first.
pub(super) fn info(websocket: bool, cookie: bool, base_url: Option<&str>, entropy: u32) -> Response<Bytes> {
    #[derive(serde::Serialize)]
    struct Info<'a> {
        websocket: bool,
        origins: [&'static str; 1],
        cookie_needed: bool,
        entropy: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        base_url: Option<&'a str>,
    }
    let info = Info { websocket, origins: ["*:*"], cookie_needed: cookie, entropy, base_url };
    let body = serde_json::to_vec(&info).expect("texts can be written");
    let mut response = Response::new(Bytes::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    headers.insert(CACHE_CONTROL, NO_CACHE);
    response
}

/// The page that a client loads into an iframe to work from this origin.
pub(super) fn iframe(script: &str) -> String {
    let script = script.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    format!(
        "<!DOCTYPE html>\n<html>\n<head>\n  <meta http-equiv=\"X-UA-Compatible\" content=\"IE=edge\" />\n  \
         <meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />\n  <script src=\"{script}\"></script>\n  \
         <script>\n    document.domain = document.domain;\n    SockJS.bootstrap_iframe();\n  </script>\n</head>\n<body>\n  \
         <h2>Don't panic!</h2>\n  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>\n</body>\n</html>"
    )
}
