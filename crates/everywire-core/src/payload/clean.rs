//! Rewrites JSON that is valid but that some client could not take.
//!
//! * CR and LF outside strings would end a line of SSE or a frame of STOMP too early: removed.
//! * An escape of half a surrogate pair is valid by RFC 8259 (section 8.2), and JavaScript sends it whenever a text
//!   was cut within an emoji; .NET, Go and Rust refuse it or the whole message: it becomes U+FFFD.

use std::borrow::Cow;

use super::scan::Findings;

/// `text`, part of what `findings` are about, as every client can take it.
pub(super) fn clean<'a>(text: &'a str, findings: &Findings) -> Cow<'a, str> {
    if findings.dirty() { Cow::Owned(rewritten(text)) } else { Cow::Borrowed(text) }
}

/// The rewriting itself, over valid JSON.
pub(super) fn rewritten(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(at) = rest.find(['"', '\\', '\n', '\r']) {
        let (before, special) = rest.split_at(at);
        out.push_str(before);
        let taken = match special.as_bytes()[0] {
            b'"' => {
                in_string = !in_string;
                out.push('"');
                1
            }
            b'\\' => escape(special, &mut out),
            _ => {
                // Valid JSON has none within strings.
                debug_assert!(!in_string);
                1
            }
        };
        rest = &special[taken..];
    }
    out.push_str(rest);
    out
}

/// Writes the escape at the start of `text`; how many bytes of it were read.
fn escape(text: &str, out: &mut String) -> usize {
    let taken = match unit(text) {
        None => 2,
        Some(0xd800..=0xdbff) if matches!(text.get(6..).and_then(unit), Some(0xdc00..=0xdfff)) => 12,
        Some(0xd800..=0xdfff) => {
            out.push_str("\\ufffd");
            return 6;
        }
        Some(_) => 6,
    };
    out.push_str(&text[..taken]);
    taken
}

/// The UTF-16 unit that `text` begins with, if it begins with `\uXXXX`.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}
