//! A file that browsers get: whole once, and then as often as its tag says that it has changed.

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;

/// A file, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) data: Bytes,
    pub(crate) kind: &'static str,
    /// What tells it from other versions of itself: letters, digits and hyphens.
    pub(crate) tag: String,
}

impl File {
    /// The answer to a request for it, with these headers.
    pub(crate) fn answer(
        self,
        method: &Method,
        request: &HeaderMap,
        headers: &[(HeaderName, &'static str)],
    ) -> Response<Full<Bytes>> {
        if let Some(refusal) = refuse_method(method) {
            return refusal;
        }
        let mut response = Response::new(Full::default());
        let tag = format!("\"{}\"", self.tag);
        let has_it = holds(request, &tag);
        for (name, value) in headers {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let tag = HeaderValue::from_str(&tag).expect("letters and digits may stand in a header");
        response.headers_mut().insert(header::ETAG, tag);
        if has_it {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        // hyper leaves the body of a HEAD out, and keeps its length.
        *response.body_mut() = Full::new(self.data);
        response
    }
}

/// The answer to whoever wants anything else of a file than to read it.
pub(crate) fn refuse_method(method: &Method) -> Option<Response<Full<Bytes>>> {
    if method == Method::GET || method == Method::HEAD {
        return None;
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    Some(response)
}

/// Whether the client has the file with this tag already (RFC 9110, section 13.1.2).
fn holds(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

/// The type of a file by the end of its name.
pub(crate) fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
