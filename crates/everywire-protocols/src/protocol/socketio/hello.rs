//! What each side sends along when a client enters a namespace.
//!
//! The server tells `sid`, the public id, and `pid`, the secret by which the client can come back, if it can. Of the client:
//!
//! | protocol | auth | comes back to |
//! |---|---|---|
//! | 5 | the payload of the CONNECT packet | members `pid` and `offset` of it, which stay there too |
//! | 4 | the query of the namespace's name, as an object of strings; of a name given twice, the last | nothing |

use std::borrow::Cow;

use everywire_core::payload::Extras;
use everywire_core::{ConnectionId, PayloadRef};
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use crate::protocol::{Resume, write_json};

/// The members that we know.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Members {
    #[serde(deserialize_with = "text")]
    pub(super) sid: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) pid: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) offset: Option<String>,
}

impl Members {
    /// Those of a map; none if it is none.
    pub(super) fn of(map: &PayloadRef<'_>) -> Self {
        map.read::<(Self,)>(Extras::Ignore).map_or_else(|_| Self::default(), |(members,)| members)
    }
}

/// A string; none if it is anything else, or empty: both are no `pid` to JavaScript.
fn text<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Text {
        Is(String),
        IsNot(IgnoredAny),
    }
    Ok(match Text::deserialize(value)? {
        Text::Is(text) if !text.is_empty() => Some(text),
        Text::Is(_) | Text::IsNot(_) => None,
    })
}

/// What the client comes back to, by its auth.
pub(super) fn resume<'a>(auth: &PayloadRef<'_>) -> Option<Resume<'a>> {
    if auth.is_empty() {
        return None;
    }
    let Members { pid, offset, .. } = Members::of(auth);
    Some(Resume { secret: pid?.into(), offset: offset.map(Cow::Owned) })
}

/// A query as auth.
pub(super) fn auth<'a>(query: &str) -> PayloadRef<'a> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let members: serde_json::Map<_, _> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value).into()))
        .collect();
    let json = serde_json::Value::Object(members).to_string();
    // An object of strings has all that a payload asks for.
    PayloadRef::json_value(&json).map_or_else(|_| PayloadRef::empty(), PayloadRef::into_static)
}

/// What the server tells, in JSON.
pub(super) fn of_server(sid: &ConnectionId, pid: Option<&str>) -> String {
    #[derive(Serialize)]
    struct Hello<'a> {
        sid: &'a ConnectionId,
        #[serde(skip_serializing_if = "Option::is_none")]
        pid: Option<&'a str>,
    }
    let mut out = Vec::new();
    write_json(&Hello { sid, pid }, &mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}
