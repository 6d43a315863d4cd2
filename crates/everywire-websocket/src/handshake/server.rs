//! The server's side: a request head comes in, an answer goes out.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{
        ALLOW, CONNECTION, HOST, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
        SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};

use super::{Agreed, Malformed, Single, VERSION, accept_key, contains_token, extension, single, tokens};
use crate::{DeflateOptions, deflate::negotiate};

/// What a server speaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerOptions {
    /// The subprotocols we know. Of those, the one that the client names first is chosen; none is no refusal:
    /// [`Agreed::subprotocol`] says so, and the caller may refuse.
    pub subprotocols: Vec<String>,
    /// Accepts permessage-deflate; `None`, the default, declines it.
    pub deflate: Option<DeflateOptions>,
}

/// A request that became a connection.
#[derive(Debug)]
pub struct Accepted {
    /// The answer: 101 over HTTP/1.1, 200 over HTTP/2. Headers may be added before it is sent.
    pub response: Response<()>,
    /// What holds for the connection.
    pub agreed: Agreed,
}

/// Answers an upgrade request of HTTP/1.1.
///
/// ```
/// use everywire_websocket::handshake::server::{ServerOptions, accept};
///
/// let request = http::Request::get("/chat")
///     .header("Host", "server.example.com")
///     .header("Upgrade", "websocket")
///     .header("Connection", "Upgrade")
///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .header("Sec-WebSocket-Protocol", "chat, superchat")
///     .header("Sec-WebSocket-Version", "13")
///     .body(())?;
/// let options = ServerOptions { subprotocols: vec!["superchat".into()], ..ServerOptions::default() };
/// let accepted = accept(&request, &options)?;
/// assert_eq!(accepted.response.headers()["Sec-WebSocket-Accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// assert_eq!(accepted.agreed.subprotocol.as_deref(), Some("superchat"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The [`Refusal`] to answer with.
pub fn accept<B>(request: &Request<B>, options: &ServerOptions) -> Result<Accepted, Refusal> {
    let headers = request.headers();
    if request.method() != Method::GET {
        return Err(Refusal::Method);
    }
    // HTTP/2 has no Upgrade; 0.9 and 1.0 neither.
    if request.version() != Version::HTTP_11 {
        return Err(Refusal::HttpVersion);
    }
    if !contains_token(headers, &UPGRADE, "websocket") {
        return Err(Refusal::NoUpgrade);
    }
    if !contains_token(headers, &CONNECTION, "upgrade") {
        return Err(Refusal::NoConnectionUpgrade);
    }
    match single(headers, &HOST) {
        Single::Once(_) => {}
        Single::Missing | Single::Repeated => return Err(Refusal::Host),
    }
    check_version(headers, Refusal::Version)?;
    let key = match single(headers, &SEC_WEBSOCKET_KEY) {
        Single::Once(key) => key,
        Single::Missing => return Err(Refusal::KeyMissing),
        Single::Repeated => return Err(Refusal::KeyRepeated),
    };
    let mut nonce = [0; 18];
    if !STANDARD.decode_slice(key, &mut nonce).is_ok_and(|len| len == 16) {
        return Err(Refusal::KeyInvalid);
    }
    let mut accepted = agree(headers, options, StatusCode::SWITCHING_PROTOCOLS)?;
    let answer = accepted.response.headers_mut();
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    insert(answer, SEC_WEBSOCKET_ACCEPT, &accept_key(key));
    Ok(accepted)
}

/// Answers an extended CONNECT of HTTP/2 (RFC 8441). `protocol` is the request's `:protocol`; hyper has it in the
/// request's extensions.
///
/// # Errors
///
/// The [`Refusal`] to answer with.
pub fn accept_connect<B>(
    request: &Request<B>,
    protocol: Option<&str>,
    options: &ServerOptions,
) -> Result<Accepted, Refusal> {
    if request.method() != Method::CONNECT {
        return Err(Refusal::Method);
    }
    if protocol != Some("websocket") {
        return Err(Refusal::ConnectProtocol);
    }
    // 426 asks for the header Upgrade, which HTTP/2 forbids (RFC 9113, section 8.2.2).
    check_version(request.headers(), Refusal::VersionOverHttp2)?;
    agree(request.headers(), options, StatusCode::OK)
}

fn check_version(headers: &HeaderMap, refusal: Refusal) -> Result<(), Refusal> {
    match single(headers, &SEC_WEBSOCKET_VERSION) {
        Single::Once(version) if version == VERSION.as_bytes() => Ok(()),
        _ => Err(refusal),
    }
}

fn agree(headers: &HeaderMap, options: &ServerOptions, status: StatusCode) -> Result<Accepted, Refusal> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    let mut agreed = Agreed::default();
    // Every token is looked at, so that a malformed header is refused wherever it is.
    for token in tokens(headers, &SEC_WEBSOCKET_PROTOCOL) {
        let token = token.map_err(|Malformed| Refusal::Subprotocol)?;
        if agreed.subprotocol.is_none() && options.subprotocols.iter().any(|known| known == token) {
            agreed.subprotocol = Some(token.to_owned());
            insert(response.headers_mut(), SEC_WEBSOCKET_PROTOCOL, token);
        }
    }
    let offers = extension::read(headers).map_err(|Malformed| Refusal::Extensions)?;
    if let Some((params, answer)) = options.deflate.and_then(|deflate| negotiate::accept(&offers, &deflate)) {
        agreed.deflate = Some(params);
        insert(response.headers_mut(), SEC_WEBSOCKET_EXTENSIONS, &answer);
    }
    Ok(Accepted { response, agreed })
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Base64, tokens and our own parameters: all visible ASCII.
    headers.insert(name, HeaderValue::from_str(value).expect("made of visible ASCII"));
}

/// Why a request did not become a connection. The client is to blame; it should mend the request before it tries
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Neither GET over HTTP/1.1 nor CONNECT over HTTP/2.
    Method,
    /// A GET over another version than HTTP/1.1.
    HttpVersion,
    /// No `Upgrade: websocket`.
    NoUpgrade,
    /// No `Connection: Upgrade`.
    NoConnectionUpgrade,
    /// No `Host`, or several.
    Host,
    /// `Sec-WebSocket-Version` is not 13.
    Version,
    /// The same over HTTP/2.
    VersionOverHttp2,
    /// No `Sec-WebSocket-Key`.
    KeyMissing,
    /// Several `Sec-WebSocket-Key`.
    KeyRepeated,
    /// `Sec-WebSocket-Key` is not 16 bytes in base64.
    KeyInvalid,
    /// `Sec-WebSocket-Protocol` is not a list of tokens.
    Subprotocol,
    /// `Sec-WebSocket-Extensions` does not follow its grammar.
    Extensions,
    /// `:protocol` is missing, or not `websocket`.
    ConnectProtocol,
}

impl Refusal {
    /// The status to answer with: 400, 405, 426, 501 or 505.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoUpgrade | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::HttpVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            // RFC 9220, section 3, which speaks for RFC 8441 too.
            Self::ConnectProtocol => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// A text for the body of the answer and the log: what was wrong, and what would be right.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Method => "a WebSocket is opened with GET over HTTP/1.1, or with CONNECT over HTTP/2",
            Self::HttpVersion => "a WebSocket is opened with GET over HTTP/1.1 only",
            Self::NoUpgrade => "this is a WebSocket: the header Upgrade must be websocket",
            Self::NoConnectionUpgrade => "the header Connection must contain Upgrade",
            Self::Host => "the header Host must come once",
            Self::Version | Self::VersionOverHttp2 => "the header Sec-WebSocket-Version must be 13",
            Self::KeyMissing => "the header Sec-WebSocket-Key is missing",
            Self::KeyRepeated => "the header Sec-WebSocket-Key must come once",
            Self::KeyInvalid => "the header Sec-WebSocket-Key must be 16 bytes in base64",
            Self::Subprotocol => "the header Sec-WebSocket-Protocol must be a list of tokens",
            Self::Extensions => "the header Sec-WebSocket-Extensions is malformed",
            Self::ConnectProtocol => "the pseudo-header :protocol must be websocket",
        }
    }

    /// The whole answer.
    pub fn response(self) -> Response<&'static str> {
        let mut response = Response::new(self.reason());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        match self {
            Self::Method => {
                headers.insert(ALLOW, HeaderValue::from_static("GET, CONNECT"));
            }
            Self::NoUpgrade | Self::Version => {
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
            }
            Self::VersionOverHttp2 => {
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
            }
            _ => {}
        }
        response
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.status().as_u16(), self.reason())
    }
}

impl std::error::Error for Refusal {}
