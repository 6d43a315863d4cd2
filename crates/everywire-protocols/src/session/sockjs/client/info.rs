//! What a server says that it has.

use std::borrow::Cow;

use everywire_core::payload::json::RawJson;
use serde::Deserialize;

/// The most that the answer to `info` may have; that of sockjs-node has about 80 bytes.
const LONGEST: usize = 64 << 10;

/// The most that the address may have by which a server sends its clients elsewhere: what most servers take for a request.
const LONGEST_ADDRESS: usize = 8 << 10;

/// What counts of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Info<'a> {
    /// Whether it has WebSockets. One that does not say has some.
    pub(super) websocket: bool,
    /// Where sessions are, if not where `info` is.
    pub(super) base_url: Option<Cow<'a, str>>,
}

/// Why it makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadInfo {
    #[error("info has {0} bytes, and may have {LONGEST}")]
    TooLong(usize),
    #[error("info is no JSON object as it should be: {0}")]
    Json(String),
    #[error("info has a base_url that is no address")]
    Address,
}

impl<'a> Info<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, BadInfo> {
        #[derive(Deserialize)]
        struct Members<'a> {
            websocket: Option<bool>,
            #[serde(borrow)]
            base_url: Option<Cow<'a, str>>,
        }
        if body.len() > LONGEST {
            return Err(BadInfo::TooLong(body.len()));
        }
        let json = RawJson::from_bytes(body).map_err(|error| BadInfo::Json(error.to_string()))?;
        if !json.is_object() {
            return Err(BadInfo::Json("expected an object".to_owned()));
        }
        let Members { websocket, base_url } =
            json.read().map_err(|error| BadInfo::Json(error.to_string()))?;
        let base_url = base_url.filter(|url| !url.is_empty());
        if base_url.as_deref().is_some_and(|url| !is_address(url)) {
            return Err(BadInfo::Address);
        }
        Ok(Self { websocket: websocket.unwrap_or(true), base_url })
    }
}

/// Whether it can stand in a request: of HTTP, or a path, and nothing that would end it.
fn is_address(url: &str) -> bool {
    let begins = ["http://", "https://", "/"].iter().any(|start| url.starts_with(start));
    begins && url.len() <= LONGEST_ADDRESS && url.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_and_what_does_not() {
        for (body, websocket, base_url) in [
            (r#"{"websocket":true,"origins":["*:*"],"cookie_needed":false,"entropy":1}"#, true, None),
            (r#" {"websocket":false,"transports":[{"a":[1]}]} "#, false, None),
            ("{}", true, None),
            (r#"{"websocket":null,"base_url":null}"#, true, None),
            (r#"{"base_url":""}"#, true, None),
            (r#"{"base_url":"https:\/\/b\/x?y=z"}"#, true, Some("https://b/x?y=z")),
            (r#"{"base_url":"/x"}"#, true, Some("/x")),
        ] {
            let info = Info::read(body.as_bytes()).unwrap();
            assert_eq!((info.websocket, info.base_url.as_deref()), (websocket, base_url), "{body}");
        }
    }

    #[test]
    fn what_makes_no_sense() {
        for body in ["", "null", "[true,\"/x\"]", "x", "{", "{}{}", "{\"websocket\":1}", "{\"base_url\":1}"] {
            assert!(matches!(Info::read(body.as_bytes()), Err(BadInfo::Json(_))), "{body}");
        }
        assert!(matches!(Info::read(b"{\"a\":\"\xff\"}"), Err(BadInfo::Json(_))));
        for url in ["x", "ftp://a", "file:///etc/passwd", "/a b", "http://a/\\r\\nb: c", "/ä", "javascript:1"]
        {
            let body = format!("{{\"base_url\":\"{url}\"}}");
            assert_eq!(Info::read(body.as_bytes()), Err(BadInfo::Address), "{url}");
        }
        let long = format!("{{\"base_url\":\"/{}\"}}", "x".repeat(LONGEST_ADDRESS));
        assert_eq!(Info::read(long.as_bytes()), Err(BadInfo::Address));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(LONGEST));
        assert_eq!(Info::read(long.as_bytes()), Err(BadInfo::TooLong(long.len())));
        assert!(Info::read(b"[1]").unwrap_err().to_string().contains("expected an object"));
    }
}
