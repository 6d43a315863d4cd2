//! Where binary attachments stand in JSON: Socket.IO's `{"_placeholder":true,"num":0}`.
//!
//! Rule: a payload with attachments holds placeholders in exactly one spelling, so that the rest of the code finds them
//! by a search for [`PREFIX`]. The search cannot hit a string: there the quotes would be escaped.

use std::borrow::Cow;

use bytes::Bytes;

use super::scan::is_placeholder_name;
use super::{MAX_ATTACHMENTS, PayloadError};

/// How every placeholder begins; the number and `}` follow.
pub(super) const PREFIX: &str = "{\"_placeholder\":true,\"num\":";

/// Writes one.
pub(super) fn write(out: &mut impl std::io::Write, num: usize) -> std::io::Result<()> {
    write!(out, "{PREFIX}{num}}}")
}

/// The placeholder that canonical text begins with: its number and its length.
pub(super) fn at_start(text: &str) -> Option<(usize, usize)> {
    let rest = text.strip_prefix(PREFIX)?;
    let digits = rest.find('}')?;
    Some((rest[..digits].parse().ok()?, PREFIX.len() + digits + 1))
}

/// Copies canonical JSON, with each placeholder replaced by what `attachment` writes for it.
pub(super) fn splice(
    json: &str,
    attachments: &[Bytes],
    out: &mut Vec<u8>,
    mut attachment: impl FnMut(&Bytes, &mut Vec<u8>),
) {
    let mut rest = json;
    while let Some(at) = rest.find(PREFIX) {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before.as_bytes());
        // Canonical text has a number in range after each prefix.
        let Some((num, length)) = at_start(from) else { break };
        attachment(&attachments[num], out);
        rest = &from[length..];
    }
    out.extend_from_slice(rest.as_bytes());
}

/// Valid JSON that comes with `count` attachments, its placeholders in the one spelling.
///
/// Refused: a member `_placeholder` anywhere but in an object of exactly `{"_placeholder":true,"num":n}` with n in
/// range (clients differ in what else they take for a placeholder), and more placeholders than attachments
/// may be (each may be written out at its attachment's full length).
pub(super) fn canonical(json: &str, count: usize) -> Result<Cow<'_, str>, PayloadError> {
    let bytes = json.as_bytes();
    let mut out = String::new();
    let (mut at, mut copied, mut placeholders) = (0, 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                let (end, escapes) = string_end(bytes, at);
                let name = bytes[skip_space(bytes, end)..].starts_with(b":");
                if name && is_placeholder_name(&bytes[at..end], escapes) {
                    return Err(PayloadError::Placeholder);
                }
                at = end;
            }
            b'{' => {
                let Some((num, end)) = placeholder(bytes, at) else {
                    at += 1;
                    continue;
                };
                if num >= count {
                    return Err(PayloadError::Placeholder);
                }
                placeholders += 1;
                if placeholders > MAX_ATTACHMENTS {
                    return Err(PayloadError::TooManyAttachments { given: placeholders });
                }
                if at_start(&json[at..end]).is_none() {
                    out.push_str(&json[copied..at]);
                    out.push_str(&format!("{PREFIX}{num}}}"));
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(json));
    }
    out.push_str(&json[copied..]);
    Ok(Cow::Owned(out))
}

/// The placeholder, in any spelling, that the brace at `at` opens: its number and its end.
fn placeholder(json: &[u8], at: usize) -> Option<(usize, usize)> {
    let (mut marked, mut num) = (false, None);
    let mut at = at + 1;
    for expected in *b",}" {
        at = skip_space(json, at);
        if *json.get(at)? != b'"' {
            return None;
        }
        let (end, escapes) = string_end(json, at);
        let name = &json[at..end];
        at = skip_space(json, skip_space(json, end) + 1);
        let value = &json[at..];
        if !marked && is_placeholder_name(name, escapes) && value.starts_with(b"true") {
            marked = true;
            at += 4;
        } else if num.is_none() && name == b"\"num\"" {
            let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
            num = Some(std::str::from_utf8(&value[..digits]).ok()?.parse().ok()?);
            at += digits;
        } else {
            return None;
        }
        at = skip_space(json, at);
        if *json.get(at)? != expected {
            return None;
        }
        at += 1;
    }
    Some((num?, at))
}

/// The end of the string that opens at `at`, in valid JSON, and whether it has escapes.
fn string_end(json: &[u8], at: usize) -> (usize, bool) {
    let (mut at, mut escapes) = (at + 1, false);
    loop {
        match json[at] {
            b'"' => return (at + 1, escapes),
            b'\\' => {
                escapes = true;
                at += 2;
            }
            _ => at += 1,
        }
    }
}

fn skip_space(json: &[u8], at: usize) -> usize {
    at + json[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}
