//! The client's side: makes the request head, checks the answer to it.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{
        CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};

use super::{Agreed, Malformed, Single, VERSION, accept_key, contains_token, extension, is_token, single};
use crate::{DeflateOptions, deflate::negotiate};

/// What a client asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientOptions {
    /// The subprotocols we would like, the best first.
    pub subprotocols: Vec<String>,
    /// Offers permessage-deflate; `None`, the default, does not.
    pub deflate: Option<DeflateOptions>,
    /// Further headers: `Origin`, `Authorization`, cookies.
    pub headers: HeaderMap,
}

/// The head of an upgrade request of HTTP/1.1 to `uri`.
///
/// `nonce` is 16 random bytes, new for each connection; [`confirm`] needs it again.
///
/// # Errors
///
/// [`InvalidRequest`] if `uri` has no host, or a subprotocol is not a token.
pub fn request(uri: &Uri, nonce: [u8; 16], options: &ClientOptions) -> Result<Request<()>, InvalidRequest> {
    let mut request = head(options)?;
    let authority = uri.authority().ok_or(InvalidRequest::NoHost)?.as_str();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    *request.uri_mut() = target.parse().map_err(|_| InvalidRequest::Target)?;
    *request.version_mut() = Version::HTTP_11;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(host).map_err(|_| InvalidRequest::NoHost)?);
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_KEY, ascii(&STANDARD.encode(nonce)));
    Ok(request)
}

/// The head of an extended CONNECT of HTTP/2 (RFC 8441). The caller adds `:protocol` = `websocket`, which `http` has
/// no place for; hyper takes it from the request's extensions.
///
/// # Errors
///
/// [`InvalidRequest`] if `uri` has no host, or a subprotocol is not a token.
pub fn connect_request(uri: &Uri, options: &ClientOptions) -> Result<Request<()>, InvalidRequest> {
    let mut request = head(options)?;
    if uri.authority().is_none() {
        return Err(InvalidRequest::NoHost);
    }
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = uri.clone();
    *request.version_mut() = Version::HTTP_2;
    Ok(request)
}

fn head(options: &ClientOptions) -> Result<Request<()>, InvalidRequest> {
    let mut request = Request::new(());
    let headers = request.headers_mut();
    headers.clone_from(&options.headers);
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
    if !options.subprotocols.is_empty() {
        if !options.subprotocols.iter().all(|subprotocol| is_token(subprotocol)) {
            return Err(InvalidRequest::Subprotocol);
        }
        headers.insert(SEC_WEBSOCKET_PROTOCOL, ascii(&options.subprotocols.join(", ")));
    }
    if let Some(deflate) = &options.deflate {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, ascii(&negotiate::offer(deflate)));
    }
    Ok(request)
}

fn ascii(value: &str) -> HeaderValue {
    // Base64, tokens and our own parameters.
    HeaderValue::from_str(value).expect("made of visible ASCII")
}

/// Checks the answer to [`request`], made with the same `nonce` and `options` (RFC 6455, section 4.1).
///
/// # Errors
///
/// Why the connection must be given up.
pub fn confirm<B>(
    response: &Response<B>,
    nonce: [u8; 16],
    options: &ClientOptions,
) -> Result<Agreed, InvalidResponse> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(InvalidResponse::Status(response.status()));
    }
    let headers = response.headers();
    if !contains_token(headers, &UPGRADE, "websocket") {
        return Err(InvalidResponse::Upgrade);
    }
    if !contains_token(headers, &CONNECTION, "upgrade") {
        return Err(InvalidResponse::Connection);
    }
    let expected = accept_key(STANDARD.encode(nonce).as_bytes());
    match single(headers, &SEC_WEBSOCKET_ACCEPT) {
        Single::Once(value) if value == expected.as_bytes() => agree(headers, options),
        _ => Err(InvalidResponse::Accept),
    }
}

/// Checks the answer to [`connect_request`], made with the same `options`.
///
/// # Errors
///
/// Why the stream must be given up.
pub fn confirm_connect<B>(
    response: &Response<B>,
    options: &ClientOptions,
) -> Result<Agreed, InvalidResponse> {
    if !response.status().is_success() {
        return Err(InvalidResponse::Status(response.status()));
    }
    agree(response.headers(), options)
}

fn agree(headers: &HeaderMap, options: &ClientOptions) -> Result<Agreed, InvalidResponse> {
    let mut agreed = Agreed::default();
    match single(headers, &SEC_WEBSOCKET_PROTOCOL) {
        Single::Missing => {}
        Single::Once(value) => {
            let chosen = options.subprotocols.iter().find(|offered| offered.as_bytes() == value);
            agreed.subprotocol = Some(chosen.ok_or(InvalidResponse::Subprotocol)?.clone());
        }
        Single::Repeated => return Err(InvalidResponse::Subprotocol),
    }
    let extensions = extension::read(headers).map_err(|Malformed| InvalidResponse::Extensions)?;
    match &extensions[..] {
        [] => {}
        [answer] => {
            let params = options.deflate.and_then(|deflate| negotiate::confirm(answer, &deflate));
            agreed.deflate = Some(params.ok_or(InvalidResponse::Extensions)?);
        }
        _ => return Err(InvalidResponse::Extensions),
    }
    Ok(agreed)
}

/// A request that cannot be made of what the caller gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// The URI has no host: it should look like `ws://host:port/path`.
    NoHost,
    /// The path or query of the URI.
    Target,
    /// A subprotocol is empty, or has a character other than letters, digits and ``!#$%&'*+-.^_`|~``.
    Subprotocol,
}

impl std::fmt::Display for InvalidRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoHost => "the URI has no host: it should look like ws://host:port/path",
            Self::Target => "the path or query of the URI cannot be sent",
            Self::Subprotocol => "a subprotocol is not a token of letters, digits and !#$%&'*+-.^_`|~",
        })
    }
}

impl std::error::Error for InvalidRequest {}

/// The server did not open the connection, or not as the protocol demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidResponse {
    /// The server answered with another status: it refuses (4xx), redirects (3xx) or fails (5xx).
    Status(StatusCode),
    /// No `Upgrade: websocket`.
    Upgrade,
    /// No `Connection: Upgrade`.
    Connection,
    /// `Sec-WebSocket-Accept` is missing or answers another key: this is no WebSocket server.
    Accept,
    /// A subprotocol that was not offered.
    Subprotocol,
    /// An extension that was not offered, or parameters that do not fit the offer.
    Extensions,
}

impl std::fmt::Display for InvalidResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status} from the server instead of a WebSocket"),
            Self::Upgrade => f.write_str("the server's answer lacks Upgrade: websocket"),
            Self::Connection => f.write_str("the server's answer lacks Connection: Upgrade"),
            Self::Accept => f.write_str("the server's Sec-WebSocket-Accept does not answer our key"),
            Self::Subprotocol => f.write_str("the server chose a subprotocol that was not offered"),
            Self::Extensions => f.write_str("the server chose extensions that were not offered so"),
        }
    }
}

impl std::error::Error for InvalidResponse {}
