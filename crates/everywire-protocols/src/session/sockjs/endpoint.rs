//! What SockJS does with a request before a session sees it: paths, methods and callbacks, in the order of sockjs-node.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, COOKIE, ETAG, IF_NONE_MATCH,
    SEC_WEBSOCKET_VERSION, SET_COOKIE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use md5::{Digest as _, Md5};

use super::super::refusal::is_websocket;
use super::super::{Session, SessionId};
use super::answer::{self, SockJsRefusal};
use super::options::SockJsOptions;
use super::session::SockJs;
use super::transport::{Asked, SockJsTransport, callback};

/// Characters that the id of a session may have, and the segment of its server. Clients choose 8 and 3; the reference has
/// no bound.
const LONGEST_SEGMENT: usize = 128;

/// What may be kept for a year.
const ONE_YEAR: HeaderValue = HeaderValue::from_static("public, max-age=31536000");

/// Answers requests of SockJS clients.
#[derive(Debug)]
pub struct SockJsEndpoint {
    options: Arc<SockJsOptions>,
    page: Bytes,
    tag: HeaderValue,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum SockJsVerdict {
    /// This answer.
    Respond {
        /// The answer.
        response: Response<Bytes>,
        /// Whether pages of other origins may read it, where they may use the server; with what headers,
        /// [`allow_headers`](SockJsEndpoint::allow_headers) says.
        shared: bool,
        /// Whether it may be kept for a year: it gets an `Expires` that says so, too.
        kept: bool,
    },
    /// The page for iframes. It may be kept for a year, as above; which pages may have it in a frame is the carrier's to say.
    Page(Response<Bytes>),
    /// A WebSocket on which messages are plain.
    Raw,
    /// A WebSocket with a session of its own, which is in no table.
    WebSocket,
    /// A request that listens: the session's, which it opens if there is none of this id.
    Receive {
        /// Which.
        id: SessionId,
        /// How it listens.
        transport: SockJsTransport,
    },
    /// A body for the session of this id. What is wrong with the body is said before it is asked whether there is one:
    /// [`check`](SockJsEndpoint::check).
    Send {
        /// Which.
        id: SessionId,
        /// Whether it comes from a form.
        jsonp: bool,
    },
}

impl SockJsVerdict {
    fn plain(response: Response<Bytes>) -> Self {
        Self::Respond { response, shared: false, kept: false }
    }
}

impl SockJsEndpoint {
    /// An endpoint with these options.
    pub fn new(options: SockJsOptions) -> Self {
        let page = answer::iframe(&options.script);
        let digest = Md5::digest(page.as_bytes());
        let tag: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let tag = HeaderValue::try_from(format!("\"{tag}\"")).expect("digits may be in headers");
        Self { options: Arc::new(options), page: page.into(), tag }
    }

    /// Its options.
    pub fn options(&self) -> &SockJsOptions {
        &self.options
    }

    /// A session that waits for its first lane.
    pub fn session(&self) -> Box<dyn Session> {
        Box::new(SockJs::new(self.options.clone()))
    }

    /// Decides about one request. `rest` is its path behind the mount's own, as it was written; `entropy` is random and
    /// fresh.
    pub fn request(&self, rest: &str, head: &Request<()>, entropy: u32) -> SockJsVerdict {
        let get = head.method() == Method::GET;
        let allow = |allow| SockJsVerdict::plain(SockJsRefusal::Method(allow).response());
        // Each path may have one slash behind it.
        let path = rest.strip_suffix('/').unwrap_or(rest);
        match path {
            "" if get => SockJsVerdict::plain(answer::greeting()),
            "" => allow("GET"),
            "/info" => self.info(head, entropy),
            "/websocket" => self.websocket(head, SockJsVerdict::Raw),
            _ if self.options.legacy && is_page(path) => {
                if get {
                    self.page(head)
                } else {
                    allow("GET")
                }
            }
            _ => match address(path) {
                Some((id, asked)) if self.options.legacy || !asked.is_legacy() => {
                    self.of_session(head, id, asked)
                }
                _ => SockJsVerdict::plain(SockJsRefusal::NotFound.response()),
            },
        }
    }

    fn info(&self, head: &Request<()>, entropy: u32) -> SockJsVerdict {
        let options = &self.options;
        match *head.method() {
            Method::GET => {
                let base_url = options.base_url.as_deref();
                let response = answer::info(options.websocket, options.cookie, base_url, entropy);
                SockJsVerdict::Respond { response, shared: true, kept: false }
            }
            Method::OPTIONS => self.preflight(head, "OPTIONS, GET"),
            _ => SockJsVerdict::plain(SockJsRefusal::Method("OPTIONS, GET").response()),
        }
    }

    fn preflight(&self, head: &Request<()>, methods: &'static str) -> SockJsVerdict {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, ONE_YEAR);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("31536000"));
        self.mark(head, headers);
        SockJsVerdict::Respond { response, shared: true, kept: true }
    }

    fn page(&self, head: &Request<()>) -> SockJsVerdict {
        let mut response = Response::new(Bytes::new());
        if head.headers().get(IF_NONE_MATCH) == Some(&self.tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            *response.body_mut() = self.page.clone();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
            headers.insert(ETAG, self.tag.clone());
        }
        response.headers_mut().insert(CACHE_CONTROL, ONE_YEAR);
        SockJsVerdict::Page(response)
    }

    fn websocket(&self, head: &Request<()>, verdict: SockJsVerdict) -> SockJsVerdict {
        if !matches!(*head.method(), Method::GET | Method::CONNECT) {
            return SockJsVerdict::plain(SockJsRefusal::Method("GET").response());
        }
        if !self.options.websocket {
            let mut response = SockJsRefusal::NotFound.response();
            response.headers_mut().insert(CACHE_CONTROL, ONE_YEAR);
            return SockJsVerdict::Respond { response, shared: false, kept: true };
        }
        let asks = is_websocket(head) && (head.method() == Method::CONNECT || wants_upgrade(head));
        let version = head.headers().get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version == "13");
        match (asks, version, &verdict) {
            (true, true, _) => verdict,
            (true, false, SockJsVerdict::Raw) => SockJsVerdict::plain(SockJsRefusal::Version.response()),
            _ => SockJsVerdict::plain(SockJsRefusal::NotWebSocket.response()),
        }
    }

    fn of_session(&self, head: &Request<()>, id: &str, asked: Asked) -> SockJsVerdict {
        if asked == Asked::WebSocket {
            return self.websocket(head, SockJsVerdict::WebSocket);
        }
        if asked.is_xhr() && head.method() == Method::OPTIONS {
            return self.preflight(head, "OPTIONS, POST");
        }
        let refuse = |refusal: SockJsRefusal| {
            let mut response = refusal.of_session();
            self.mark(head, response.headers_mut());
            SockJsVerdict::Respond { response, shared: asked.is_xhr(), kept: false }
        };
        let method = if asked.allow() == "GET" { Method::GET } else { Method::POST };
        if *head.method() != method {
            return SockJsVerdict::Respond {
                response: SockJsRefusal::Method(asked.allow()).response(),
                shared: false,
                kept: false,
            };
        }
        match asked {
            Asked::Receive(transport) if transport.has_callback() => match callback(head.uri().query()) {
                Ok(_) => SockJsVerdict::Receive { id: id.into(), transport },
                Err(why) => refuse(SockJsRefusal::Callback(why)),
            },
            Asked::Receive(transport) => SockJsVerdict::Receive { id: id.into(), transport },
            Asked::Send { jsonp } => SockJsVerdict::Send { id: id.into(), jsonp },
            Asked::WebSocket => refuse(SockJsRefusal::NotFound),
        }
    }

    /// What is to be answered to a body that is sent to no session: what is wrong with it, or that there is none.
    pub fn check(&self, head: &Request<()>, body: &[u8], jsonp: bool) -> SockJsRefusal {
        match super::body::read(head.headers(), body, jsonp) {
            Ok(_) => SockJsRefusal::NotFound,
            Err(refusal) => refusal,
        }
    }

    /// Allows the headers that a page of another origin wants to send, on an answer that such pages may read: what is no list
    /// of names, or a long one, is not sent back.
    pub fn allow_headers(head: &Request<()>, headers: &mut HeaderMap) {
        let asked = head.headers().get(ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(asked) = asked.filter(|asked| is_list(asked)) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
    }

    /// Makes the refusal of a body that could not be read one of a session's address: it is text, and is never kept.
    pub fn seal(headers: &mut HeaderMap) {
        answer::seal(headers);
    }

    /// Sets the cookie that keeps a client on one server, on an answer of a session's address, if the mount does that.
    pub fn mark(&self, head: &Request<()>, headers: &mut HeaderMap) {
        if !self.options.cookie {
            return;
        }
        let cookie = format!("JSESSIONID={}; path=/", session_cookie(head.headers()).unwrap_or("dummy"));
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

/// Whether a request over HTTP/1.1 asks for an upgrade.
fn wants_upgrade(head: &Request<()>) -> bool {
    let connection = head.headers().get_all(CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    connection.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
}

/// `/iframe`, anything of a few characters, and `.html`.
fn is_page(path: &str) -> bool {
    let version = path.strip_prefix("/iframe").and_then(|rest| rest.strip_suffix(".html"));
    let may = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase() || b"._-".contains(&byte);
    version.is_some_and(|version| version.bytes().all(may))
}

/// The session that a path names, and what is asked of it: `/server/session/transport`.
fn address(path: &str) -> Option<(&str, Asked)> {
    let mut segments = path.strip_prefix('/')?.split('/');
    let (server, id, name) = (segments.next()?, segments.next()?, segments.next()?);
    // A semicolon would let a browser keep the answer under a name of the sender's choosing.
    let is_one = |segment: &str| {
        !segment.is_empty() && segment.len() <= LONGEST_SEGMENT && !segment.contains(['.', ';'])
    };
    if segments.next().is_some() || !is_one(server) || !is_one(id) {
        return None;
    }
    Some((id, Asked::named(name)?))
}

/// The value of the client's cookie, up to an equals sign within, if it has one that may be sent back.
fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == "JSESSIONID")?;
    let value = value.split('=').next()?;
    let may = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!".contains(&byte);
    (!value.is_empty() && value.len() <= LONGEST_SEGMENT && value.bytes().all(may)).then_some(value)
}

/// Whether this is a list of names of headers, and not a long one.
fn is_list(value: &HeaderValue) -> bool {
    let may = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_, ".contains(byte);
    !value.is_empty() && value.len() <= 1024 && value.as_bytes().iter().all(may)
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
