//! Bodies: bytes with a type, and what is meant.
//!
//! | content-type | the one argument |
//! |---|---|
//! | JSON (`application/json`, `…+json`, `text/json`) | that JSON |
//! | text (`text/…`, XML, forms) | a string |
//! | anything else, such as `application/octet-stream`; text that is not UTF-8 | bytes |
//! | none, and the body is JSON | that JSON |
//! | none, and the body is text | a string |
//! | none, and no body | no argument |
//!
//! The other way round, a string, bytes, and no argument have the body that they came from; all else is JSON, several
//! arguments an array. What came by STOMP leaves by STOMP as it came, byte for byte.

use std::borrow::Cow;
use std::sync::Arc;

use everywire_core::payload::json::RawJson;
use everywire_core::payload::{Message as Single, PayloadError};
use everywire_core::{Original, Payload, PayloadRef};

use super::frame::Headers;
use super::write::trimmed;

/// What a server or a client says itself of a frame: a sender's own are not passed on.
const OURS: [&str; 20] = [
    "destination",
    "content-type",
    "content-length",
    "content-transfer-encoding",
    "receipt",
    "receipt-id",
    "transaction",
    "message-id",
    "subscription",
    "id",
    "ack",
    "redelivered",
    "event",
    "offset",
    "time",
    "from",
    "user",
    "user-name",
    "user-id",
    "since",
];

pub(super) const TEXT: &str = "text/plain;charset=utf-8";
pub(super) const JSON: &str = "application/json";
pub(super) const BYTES: &str = "application/octet-stream";

/// What a body of this type means.
pub(super) fn read<'a>(
    content_type: Option<&str>,
    body: Cow<'a, [u8]>,
) -> Result<PayloadRef<'a>, PayloadError> {
    match body {
        Cow::Borrowed(body) => read_borrowed(content_type, body),
        // It came in pieces.
        Cow::Owned(body) => read_borrowed(content_type, &body).map(PayloadRef::into_static),
    }
}

fn read_borrowed<'a>(content_type: Option<&str>, body: &'a [u8]) -> Result<PayloadRef<'a>, PayloadError> {
    let text = std::str::from_utf8(body);
    match (content_type.map(Kind::of), text) {
        (Some(Kind::Json), _) => PayloadRef::from_value(RawJson::from_bytes(body)?),
        (None, Ok("")) => Ok(PayloadRef::empty()),
        (None, Ok(text)) => match RawJson::parse(text) {
            Ok(json) => PayloadRef::from_value(json),
            Err(_) => Ok(PayloadRef::text(text)),
        },
        (Some(Kind::Text), Ok(text)) => Ok(PayloadRef::text(text)),
        (Some(Kind::Text | Kind::Bytes) | None, _) => Ok(PayloadRef::binary(body)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Text,
    Bytes,
}

impl Kind {
    fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        let begins =
            |with: &str| essence.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
        let ends = |with: &str| {
            let at = essence.len().checked_sub(with.len());
            at.and_then(|at| essence.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(with))
        };
        if is("application/json") || is("text/json") || ends("+json") {
            Self::Json
        } else if begins("text/")
            || is("application/xml")
            || ends("+xml")
            || is("application/x-www-form-urlencoded")
        {
            Self::Text
        } else {
            Self::Bytes
        }
    }
}

/// What else there is to a frame than what it means: for receivers that speak STOMP.
pub(super) fn original(
    headers: &Headers<'_>,
    content_type: Option<&str>,
    body: &[u8],
    payload: &Payload,
) -> Option<Arc<Original>> {
    let others = headers.iter().filter(|(name, _)| !OURS.contains(&trimmed(name)));
    let others: Vec<(Box<str>, Box<str>)> =
        others.map(|(name, value)| (Box::from(&**name), Box::from(&**value))).collect();
    let (kind, written) = write(payload, None);
    // What we would say anyway needs no second copy.
    let body = (*written != *body).then(|| body.to_vec().into());
    let content_type = content_type.filter(|given| body.is_some() || Some(*given) != kind).map(Box::from);
    let says_more = !others.is_empty() || content_type.is_some() || body.is_some();
    says_more.then(|| Arc::new(Original { headers: others, content_type, body }))
}

/// A payload's body, and its type if it has one.
pub(super) fn write<'p>(
    payload: &'p Payload,
    original: Option<&'p Original>,
) -> (Option<&'p str>, Cow<'p, [u8]>) {
    let (kind, body) = match payload.as_message() {
        Some(Single::Text(Cow::Borrowed(text))) => (Some(TEXT), Cow::Borrowed(text.as_bytes())),
        Some(Single::Text(Cow::Owned(text))) => (Some(TEXT), Cow::Owned(text.into_bytes())),
        Some(Single::Binary(bytes)) => (Some(BYTES), Cow::Borrowed(bytes)),
        None if payload.is_empty() => (None, Cow::Borrowed(&[][..])),
        None => {
            let mut json = Vec::with_capacity(payload.size() + 16);
            payload.write_json_value(&mut json);
            (Some(JSON), Cow::Owned(json))
        }
    };
    let Some(original) = original else { return (kind, body) };
    let given = original.content_type.as_deref();
    match &original.body {
        // Which may be of no type.
        Some(body) => (given, Cow::Borrowed(body)),
        None => (given.or(kind), body),
    }
}

/// Whether a payload's body is bytes, which not every session can carry.
pub(super) fn is_binary(payload: &Payload) -> bool {
    matches!(payload.as_message(), Some(Single::Binary(_)))
}
