//! What a server says: one frame, as text.

use std::borrow::Cow;

use everywire_core::payload::json::{Elements, RawJson};

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    Open,
    Heartbeat,
    Messages(Vec<Cow<'a, str>>),
    Close {
        code: u16,
        reason: Cow<'a, str>,
    },
    /// What the official client passes over, too: nothing, what comes before the frames of a response, letters that nobody
    /// knows, and ends that are no pairs.
    Nothing,
}

/// A frame that would be passed over at the cost of what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadFrame {
    #[error("a frame of messages is no array of strings")]
    NoStrings,
    #[error("a frame of one message is no string")]
    NoString,
    #[error("a frame of the end is no pair of a code and a reason")]
    NoEnd,
    #[error("a frame has more than the {0} messages that one may have")]
    TooMany(usize),
}

impl<'a> Heard<'a> {
    /// Reads a frame of at most so many messages.
    pub(super) fn read(frame: &'a str, most: usize) -> Result<Self, BadFrame> {
        let Some(letter) = frame.chars().next() else { return Ok(Self::Nothing) };
        let inside = &frame[letter.len_utf8()..];
        match letter {
            'o' if inside.trim_ascii().is_empty() => Ok(Self::Open),
            'h' if inside.trim_ascii().is_empty() => Ok(Self::Heartbeat),
            'a' => messages(inside, most).map(Self::Messages),
            'm' => {
                let message = RawJson::parse(inside).ok().and_then(|json| json.as_str());
                Ok(Self::Messages(vec![message.ok_or(BadFrame::NoString)?]))
            }
            'c' => end(inside),
            _ => Ok(Self::Nothing),
        }
    }

    /// The same, of a frame that is not kept.
    pub(super) fn into_owned(self) -> Heard<'static> {
        match self {
            Self::Open => Heard::Open,
            Self::Heartbeat => Heard::Heartbeat,
            Self::Nothing => Heard::Nothing,
            Self::Messages(messages) => {
                Heard::Messages(messages.into_iter().map(|message| message.into_owned().into()).collect())
            }
            Self::Close { code, reason } => Heard::Close { code, reason: reason.into_owned().into() },
        }
    }
}

/// Half of a surrogate pair becomes U+FFFD.
fn messages(inside: &str, most: usize) -> Result<Vec<Cow<'_, str>>, BadFrame> {
    let mut messages = Vec::new();
    for element in Elements::parse(inside).map_err(|_| BadFrame::NoStrings)? {
        let message = element.ok().and_then(|json| json.as_str()).ok_or(BadFrame::NoStrings)?;
        if messages.len() == most {
            return Err(BadFrame::TooMany(most));
        }
        messages.push(message);
    }
    Ok(messages)
}

fn end(inside: &str) -> Result<Heard<'_>, BadFrame> {
    let whole = RawJson::parse(inside).map_err(|_| BadFrame::NoEnd)?;
    let mut elements = match Elements::parse(whole.text()) {
        Ok(elements) if whole.len() == 2 => elements,
        _ => return Ok(Heard::Nothing),
    };
    let mut next = || elements.next().and_then(Result::ok).ok_or(BadFrame::NoEnd);
    let code = next()?.read().map_err(|_| BadFrame::NoEnd)?;
    let reason = next()?.as_str().ok_or(BadFrame::NoEnd)?;
    Ok(Heard::Close { code, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(messages: &[&'static str]) -> Result<Heard<'static>, BadFrame> {
        Ok(Heard::Messages(messages.iter().map(|message| Cow::Borrowed(*message)).collect()))
    }

    fn end_of(code: u16, reason: &'static str) -> Result<Heard<'static>, BadFrame> {
        Ok(Heard::Close { code, reason: Cow::Borrowed(reason) })
    }

    #[test]
    fn frames() {
        let prelude = "h".repeat(2048);
        for (frame, expected) in [
            ("o", Ok(Heard::Open)),
            ("o\r", Ok(Heard::Open)),
            ("h", Ok(Heard::Heartbeat)),
            ("a[]", heard(&[])),
            ("a[\"\"]", heard(&[""])),
            (r#"a["a","\u2028\ud83d\ude00é"]"#, heard(&["a", "\u{2028}😀é"])),
            (r#"a [ "a" , "\ud83d" ] "#, heard(&["a", "\u{fffd}"])),
            (r#"m"x\n""#, heard(&["x\n"])),
            (r#"c[3000,"Go away!"]"#, end_of(3000, "Go away!")),
            (r#"c[0,""]"#, end_of(0, "")),
            (r#"c[65535,"\""]"#, end_of(65535, "\"")),
            // What the official client passes over.
            ("", Ok(Heard::Nothing)),
            (&*prelude, Ok(Heard::Nothing)),
            ("origin refused", Ok(Heard::Nothing)),
            ("404 Error: Page not found", Ok(Heard::Nothing)),
            ("ä", Ok(Heard::Nothing)),
            ("c[1000]", Ok(Heard::Nothing)),
            ("c[1000,\"a\",\"b\"]", Ok(Heard::Nothing)),
            ("c[]", Ok(Heard::Nothing)),
            ("c{\"a\":1,\"b\":2}", Ok(Heard::Nothing)),
            ("cnull", Ok(Heard::Nothing)),
        ] {
            let read = Heard::read(frame, 2);
            assert_eq!(read, expected, "{frame}");
            assert_eq!(read.map(Heard::into_owned), expected, "{frame}");
        }
    }

    #[test]
    fn bad_frames() {
        for (frame, expected) in [
            ("a", BadFrame::NoStrings),
            ("a\"x\"", BadFrame::NoStrings),
            ("a[1]", BadFrame::NoStrings),
            ("a[\"x\",null]", BadFrame::NoStrings),
            ("a[[\"x\"]]", BadFrame::NoStrings),
            ("a[\"x\"", BadFrame::NoStrings),
            ("a[\"x\",]", BadFrame::NoStrings),
            ("a[\"x\"]]", BadFrame::NoStrings),
            ("a[\"\u{1}\"]", BadFrame::NoStrings),
            ("a[\"\\x\"]", BadFrame::NoStrings),
            ("a[\"1\",\"2\",\"3\"]", BadFrame::TooMany(2)),
            ("m", BadFrame::NoString),
            ("m1", BadFrame::NoString),
            ("m[\"x\"]", BadFrame::NoString),
            ("c", BadFrame::NoEnd),
            ("c[1000,\"x\"", BadFrame::NoEnd),
            ("c[\"x\",1000]", BadFrame::NoEnd),
            ("c[-1,\"x\"]", BadFrame::NoEnd),
            ("c[65536,\"x\"]", BadFrame::NoEnd),
            ("c[1.5,\"x\"]", BadFrame::NoEnd),
            ("c[1000,null]", BadFrame::NoEnd),
        ] {
            assert_eq!(Heard::read(frame, 2), Err(expected), "{frame}");
        }
    }
}
