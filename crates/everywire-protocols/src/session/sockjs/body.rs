//! What clients post: an array of strings, from a script or from a form.

use std::borrow::Cow;

use everywire_core::payload::json::RawJson;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode;

use super::answer::SockJsRefusal;
use super::frame::{self, Unread};
use crate::seam::Decoded;

/// Media types of what a script posts: as the reference has them, and none. `T` is what some old browsers made of it.
const FROM_SCRIPTS: [&str; 5] = ["text/plain", "T", "application/json", "application/xml", "text/xml"];
const FORM: &str = "application/x-www-form-urlencoded";

/// The messages in a body.
pub(super) fn read(headers: &HeaderMap, body: &[u8], jsonp: bool) -> Result<Vec<Decoded>, SockJsRefusal> {
    let from_form = match media_type(headers) {
        Some(FORM) if jsonp => true,
        None | Some("text/plain") => false,
        Some(kind) if !jsonp && FROM_SCRIPTS.contains(&kind) => false,
        Some(_) => return Err(SockJsRefusal::Payload),
    };
    let text = if from_form { Cow::Owned(field(body).ok_or(SockJsRefusal::Payload)?) } else { text(body) };
    if text.is_empty() {
        return Err(SockJsRefusal::Payload);
    }
    let read = |text: &str, otherwise: &dyn Fn() -> Result<Vec<Decoded>, SockJsRefusal>| match frame::messages(
        text, false,
    ) {
        Ok(messages) => Ok(messages),
        Err(Unread::TooMany) => Err(SockJsRefusal::TooMany),
        Err(Unread::NoMessages) => otherwise(),
    };
    read(&text, &|| match RawJson::parse(&text) {
        // What is no form may be a string that holds the array.
        Ok(whole) if jsonp && !from_form => {
            let inner = whole.as_str().ok_or(SockJsRefusal::Payload)?;
            let is_json = RawJson::parse(&inner).is_ok();
            let refusal = if is_json { SockJsRefusal::Payload } else { SockJsRefusal::Json };
            read(&inner, &|| Err(refusal))
        }
        Ok(_) => Err(SockJsRefusal::Payload),
        Err(_) => Err(SockJsRefusal::Json),
    })
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().unwrap_or("unreadable");
    Some(value.split(';').next().unwrap_or_default().trim()).filter(|kind| !kind.is_empty())
}

fn text(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}

/// The field `d` of a form.
fn field(body: &[u8]) -> Option<String> {
    let value = body.split(|byte| *byte == b'&').find_map(|pair| pair.strip_prefix(b"d="))?;
    let spaced: Vec<u8> = value.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Some(percent_decode(&spaced).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read_as(kind: Option<&'static str>, body: &str, jsonp: bool) -> Result<String, SockJsRefusal> {
        let headers = kind.map(|kind| (CONTENT_TYPE, HeaderValue::from_static(kind)));
        let messages = read(&headers.into_iter().collect(), body.as_bytes(), jsonp)?;
        let texts = messages
            .iter()
            .map(|message| String::from_utf8_lossy(message.as_message().as_bytes()).into_owned());
        Ok(texts.collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn bodies_of_scripts() {
        for kind in
            [None, Some("text/plain"), Some("T"), Some("application/json; charset=x"), Some("text/xml")]
        {
            assert_eq!(read_as(kind, r#"["a","b"]"#, false).as_deref(), Ok("a|b"));
        }
        for kind in ["text/html", "TEXT/PLAIN", FORM, "application/octet-stream"] {
            assert_eq!(read_as(Some(kind), r#"["a"]"#, false), Err(SockJsRefusal::Payload), "{kind}");
        }
        assert_eq!(read_as(None, "[]", false).as_deref(), Ok(""));
        for body in ["", "null", "{}", "\"a\"", "1", "[1]", "[[\"a\"]]", "[\"a\",1]"] {
            assert_eq!(read_as(None, body, false), Err(SockJsRefusal::Payload), "{body}");
        }
        for body in ["x", "[\"a\"", "\u{feff}[]", "[\"a\"]x"] {
            assert_eq!(read_as(None, body, false), Err(SockJsRefusal::Json), "{body}");
        }
        let bytes = read(&HeaderMap::new(), b"[\"\xff\"]", false).unwrap();
        assert_eq!(bytes, [Decoded::Text("\u{fffd}".to_owned())]);
    }

    #[test]
    fn bodies_of_forms() {
        for body in ["d=%5B%22a+b%22%2C%22%C3%A9%22%5D", "x=1&d=[\"a+b\",\"%c3%a9\"]&d=2"] {
            assert_eq!(read_as(Some(FORM), body, true).as_deref(), Ok("a b|é"));
        }
        for body in ["", "d=", "e=1", "d=null", "d=\"x\"", "d=\"[\\\"a\\\"]\""] {
            assert_eq!(read_as(Some(FORM), body, true), Err(SockJsRefusal::Payload), "{body}");
        }
        assert_eq!(read_as(Some(FORM), "d=x", true), Err(SockJsRefusal::Json));
        // As some clients post it: plain, or twice quoted.
        assert_eq!(read_as(Some("text/plain"), r#"["a"]"#, true).as_deref(), Ok("a"));
        assert_eq!(read_as(None, r#""[\"a\"]""#, true).as_deref(), Ok("a"));
        assert_eq!(read_as(None, r#""x""#, true), Err(SockJsRefusal::Json));
        assert_eq!(read_as(None, r#""{}""#, true), Err(SockJsRefusal::Payload));
        assert_eq!(read_as(Some("application/json"), r#"["a"]"#, true), Err(SockJsRefusal::Payload));
    }
}
