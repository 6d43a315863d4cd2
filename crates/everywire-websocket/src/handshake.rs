//! The opening handshake on the types of the `http` crate, over HTTP/1.1 (RFC 6455, section 4) and over HTTP/2
//! (RFC 8441), for both sides. It reads and makes heads; sending them, and the bytes after them, is the caller's.

pub mod client;
pub(crate) mod extension;
pub mod server;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName};
use sha1::{Digest, Sha1};

use crate::DeflateParams;

/// What the two sides have agreed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreed {
    /// One of the subprotocols that the client offered.
    pub subprotocol: Option<String>,
    /// permessage-deflate and its parameters.
    pub deflate: Option<DeflateParams>,
}

/// The version of the protocol that RFC 6455 defines, the only one in use.
const VERSION: &str = "13";

/// The value of `Sec-WebSocket-Accept` that answers `key`, the value of `Sec-WebSocket-Key` (section 4.2.2).
pub fn accept_key(key: &[u8]) -> String {
    let digest =
        Sha1::new().chain_update(key).chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    STANDARD.encode(digest)
}

/// The elements of a comma-separated header, over all its lines; `Err` on bytes that no such header has.
fn elements<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = Result<&'a str, Malformed>> {
    headers.get_all(name).into_iter().flat_map(|value| {
        // Splitting at bytes keeps this linear however many commas there are.
        value
            .as_bytes()
            .split(|&byte| byte == b',')
            .map(<[u8]>::trim_ascii)
            .filter(|element| !element.is_empty())
            .map(|element| std::str::from_utf8(element).map_err(|_| Malformed))
    })
}

/// Whether a comma-separated header contains `token`, in any case.
fn contains_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    elements(headers, name).any(|element| element.is_ok_and(|element| element.eq_ignore_ascii_case(token)))
}

/// The elements of a comma-separated header of tokens.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Result<&'a str, Malformed>> {
    elements(headers, name).map(|element| {
        element.and_then(|element| if is_token(element) { Ok(element) } else { Err(Malformed) })
    })
}

/// The value of a header that must come once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Single<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Single::Missing,
        (Some(value), None) => Single::Once(value.as_bytes().trim_ascii()),
        (Some(_), Some(_)) => Single::Repeated,
    }
}

enum Single<'a> {
    Missing,
    Once(&'a [u8]),
    Repeated,
}

/// A header value that does not follow its grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Malformed;

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}
