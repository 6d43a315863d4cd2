//! What one object says: a call, an answer, or neither.
//!
//! | members | meaning |
//! |---|---|
//! | `method`, with `id` | a request |
//! | `method`, without `id` | a notification |
//! | `result` or `error`, without `method` | a response |
//!
//! Unknown members are not looked at. A member written twice counts as written last, as in `JSON.parse` and most
//! other readers: whoever inspects messages before us sees the same one.

use std::borrow::Cow;

use everywire_core::PayloadRef;
use everywire_core::payload::json::{self, JsonError, RawJson};
use serde::Deserialize;

use super::code;

/// How much of the peer's words goes into a line of the log.
const QUOTED: usize = 200;

/// One object, understood.
#[derive(Debug)]
pub(super) enum Heard<'a> {
    /// A request, or a notification if it has no id. An id is kept as it was written, and so goes back.
    Call { method: Cow<'a, str>, args: PayloadRef<'a>, id: Option<&'a str> },
    /// A response to a request of ours.
    Answer { id: u64, answer: Result<PayloadRef<'a>, (i64, String)> },
    /// Something to be answered with an error.
    Fault(Fault<'a>),
    /// Something wrong that must not be answered: a notification or a response.
    Ignored(Cow<'static, str>),
}

/// What is answered to something wrong.
#[derive(Debug)]
pub(super) struct Fault<'a> {
    pub(super) code: i32,
    /// What was wrong and what would be right.
    pub(super) data: Cow<'static, str>,
    /// The request's id; `null` if it has none or it could not be read (section 5).
    pub(super) id: Option<&'a str>,
}

impl<'a> Fault<'a> {
    pub(super) fn new(code: i32, data: impl Into<Cow<'static, str>>, id: Option<&'a str>) -> Self {
        Self { code, data: data.into(), id }
    }

    pub(super) fn parse(error: &JsonError) -> Self {
        Self::new(code::PARSE_ERROR, error.to_string(), None)
    }

    fn invalid(data: &'static str, id: Option<&'a str>) -> Heard<'a> {
        Heard::Fault(Self::new(code::INVALID_REQUEST, data, id))
    }
}

/// Understands the text of one object, looking at each byte once.
pub(super) fn object(text: &str) -> Result<Heard<'_>, JsonError> {
    let mut parts = Parts::default();
    json::members(text, |name, value| {
        let part = match name {
            "jsonrpc" => &mut parts.version,
            "method" => &mut parts.method,
            "params" => &mut parts.params,
            "id" => &mut parts.id,
            "result" => &mut parts.result,
            "error" => &mut parts.error,
            _ => return Ok(()),
        };
        *part = Some(value);
        Ok::<_, JsonError>(())
    })?;
    Ok(match (parts.method, parts.result, parts.error) {
        (Some(method), _, _) => parts.call(method),
        (None, None, None) => Fault::invalid("expected a member `method`", parts.id.and_then(id)),
        (None, result, error) => parts.answer(result, error),
    })
}

/// The members that count.
#[derive(Debug, Default)]
struct Parts<'a> {
    version: Option<RawJson<'a>>,
    method: Option<RawJson<'a>>,
    params: Option<RawJson<'a>>,
    id: Option<RawJson<'a>>,
    result: Option<RawJson<'a>>,
    error: Option<RawJson<'a>>,
}

impl<'a> Parts<'a> {
    fn has_version(&self) -> bool {
        self.version.and_then(|version| version.as_str()).is_some_and(|version| version == "2.0")
    }

    fn call(self, method: RawJson<'a>) -> Heard<'a> {
        let id = match self.id.map(id) {
            Some(None) => return Fault::invalid("the id must be a string, an integer or null", None),
            Some(id) => id,
            None => None,
        };
        if !self.has_version() {
            return Fault::invalid("expected \"jsonrpc\":\"2.0\"", id);
        }
        let Some(method) = method.as_str() else {
            return Fault::invalid("the method must be a string", id);
        };
        // Section 8: what begins so is for extensions of the protocol, and there are none here.
        if method.starts_with("rpc.") {
            return refusal(code::METHOD_NOT_FOUND, "method names that begin with `rpc.` are reserved", id);
        }
        let args = match self.params {
            None => Ok(PayloadRef::empty()),
            Some(params) if params.is_array() => PayloadRef::from_elements(params),
            Some(params) if params.is_object() => PayloadRef::from_value(params),
            Some(_) => return Fault::invalid("params must be an array or an object", id),
        };
        match args {
            Ok(args) => Heard::Call { method, args, id },
            Err(fault) => refusal(code::INVALID_PARAMS, fault.to_string(), id),
        }
    }

    fn answer(self, result: Option<RawJson<'a>>, error: Option<RawJson<'a>>) -> Heard<'a> {
        if !self.has_version() {
            return Heard::Ignored(Cow::Borrowed("a response without \"jsonrpc\":\"2.0\""));
        }
        // Some peers send `"error":null` beside a result.
        let error = error.filter(|error| !error.is_null());
        let Some(id) = self.id.and_then(|id| id.text().parse().ok()) else {
            let what = error.or(result).map_or("", |what| what.text());
            return Heard::Ignored(
                format!("a response with an id that is none of ours: {}", quoted(what)).into(),
            );
        };
        let answer = match (error, result) {
            (Some(error), _) => Err(failure(error)),
            // `"error":null` and nothing else.
            (None, None) => Ok(PayloadRef::empty()),
            (None, Some(result)) => PayloadRef::from_value(result)
                .map_err(|fault| (code::INVALID_PARAMS.into(), fault.to_string())),
        };
        Heard::Answer { id, answer }
    }
}

/// An id as it was written, if it may be one (section 4: a string, a number without fraction, or null).
fn id(value: RawJson<'_>) -> Option<&str> {
    let text = value.text();
    match text.as_bytes()[0] {
        b'"' | b'n' => Some(text),
        b'-' | b'0'..=b'9' if !text.contains(['.', 'e', 'E']) => Some(text),
        _ => None,
    }
}

/// A request is answered with an error, a notification with nothing (section 4.1).
fn refusal<'a>(code: i32, data: impl Into<Cow<'static, str>>, id: Option<&'a str>) -> Heard<'a> {
    match id {
        Some(_) => Heard::Fault(Fault::new(code, data, id)),
        None => Heard::Ignored(data.into()),
    }
}

/// The number and words of an error object; an object that has none is its own words.
fn failure(error: RawJson<'_>) -> (i64, String) {
    #[derive(Deserialize)]
    struct ErrorObject {
        code: i64,
        message: String,
    }
    match error.read() {
        Ok(ErrorObject { code, message }) => (code, message),
        Err(_) => (0, error.text().to_owned()),
    }
}

/// The beginning of what the peer wrote.
fn quoted(text: &str) -> &str {
    &text[..text.floor_char_boundary(QUOTED)]
}
