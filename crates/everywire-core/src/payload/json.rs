//! JSON text that was validated and is kept as text: what a protocol picks payloads out of.

use std::borrow::Cow;
use std::fmt;

pub use super::scan::stops_in;
use super::scan::{Findings, Scanner};

/// Why a text is not JSON that we take, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {at}")]
pub struct JsonError {
    /// What is wrong.
    pub fault: JsonFault,
    /// Offset in bytes from the start of the text.
    pub at: usize,
}

/// What may be wrong with a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonFault {
    /// Something else where a value should be.
    #[error("expected a JSON value")]
    Value,
    /// An object's member without a name in quotes.
    #[error("expected a member name in double quotes")]
    Name,
    /// No colon after a member's name.
    #[error("expected a colon after the member name")]
    Colon,
    /// Something else after an element or member.
    #[error("expected a comma or the closing bracket")]
    CommaOrEnd,
    /// A backslash before something that JSON does not escape, or `\u` without four hexadecimal digits.
    #[error("expected one of the escapes of JSON")]
    Escape,
    /// A byte below 0x20 in a string, not escaped.
    #[error("control characters in strings must be escaped")]
    Control,
    /// A number without digits where JSON wants some.
    #[error("expected a digit")]
    Number,
    /// The text stops within a value.
    #[error("the JSON text is incomplete, expected more")]
    End,
    /// More text after the value.
    #[error("expected nothing after the JSON value")]
    Trailing,
    /// Nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("nested deeper than {} levels", super::MAX_DEPTH)]
    Depth,
    /// The bytes are not UTF-8.
    #[error("JSON text must be UTF-8")]
    Utf8,
    /// An array was needed here.
    #[error("expected an array")]
    NotArray,
    /// An object was needed here.
    #[error("expected an object")]
    NotObject,
}

/// One JSON value as it was written, known to be valid. Parsed once, it becomes a payload without a second look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawJson<'a> {
    text: &'a str,
    findings: Findings,
}

impl<'a> RawJson<'a> {
    /// Validates `text`, which is one JSON value with white space around it at most.
    #[inline]
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        let mut scanner = Scanner::new(text);
        let value = Self::next(&mut scanner, text)?;
        scanner.end()?;
        Ok(value)
    }

    /// As [`parse`](Self::parse), from bytes that need not be UTF-8.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, JsonError> {
        Self::parse(utf8(bytes)?)
    }

    /// The value's own text, without white space around it.
    #[inline]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// How many elements or members it has; 0 for scalars.
    #[inline]
    pub fn len(&self) -> usize {
        self.findings.elements as usize
    }

    /// Whether it is an empty array or object, or a scalar.
    pub fn is_empty(&self) -> bool {
        self.findings.elements == 0
    }

    /// Whether it is an array.
    #[inline]
    pub fn is_array(&self) -> bool {
        self.text.starts_with('[')
    }

    /// Whether it is an object.
    #[inline]
    pub fn is_object(&self) -> bool {
        self.text.starts_with('{')
    }

    /// Whether it is `null`.
    #[inline]
    pub fn is_null(&self) -> bool {
        self.text == "null"
    }

    /// The string that it is; borrowed unless it has escapes. A lone surrogate becomes U+FFFD.
    #[inline]
    pub fn as_str(&self) -> Option<Cow<'a, str>> {
        self.text.starts_with('"').then(|| unquoted(self.text, self.findings.escapes))
    }

    /// Reads it into any type.
    pub fn read<T: serde::Deserialize<'a>>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.text)
    }

    #[inline]
    pub(super) fn findings(&self) -> Findings {
        self.findings
    }

    /// Scans the value that comes next.
    #[inline]
    fn next(scanner: &mut Scanner<'a>, text: &'a str) -> Result<Self, JsonError> {
        scanner.peek();
        scanner.take_findings();
        let start = scanner.position();
        scanner.value()?;
        Ok(Self { text: &text[start..scanner.position()], findings: scanner.take_findings() })
    }
}

impl fmt::Debug for RawJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({})", self.text)
    }
}

/// Walks the members of one JSON object in the order written: `member` is called with each name and value. The text is
/// looked at once, and its parts are ready to become payloads. A name written twice comes twice.
///
/// ```
/// use everywire_core::payload::json::{self, JsonError};
///
/// let mut params = None;
/// json::members(r#"{"method":"chat","params":[1,"a"]}"#, |name, value| {
///     if name == "params" {
///         params = Some(value);
///     }
///     Ok::<_, JsonError>(())
/// })?;
/// assert_eq!(params.map(|params| params.len()), Some(2));
/// # Ok::<(), JsonError>(())
/// ```
///
/// The text is known to be JSON only when this has returned `Ok`: do not act on a member before.
#[inline]
pub fn members<'a, E: From<JsonError>>(
    text: &'a str,
    mut member: impl FnMut(&str, RawJson<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let mut scanner = opened(text, b'{', JsonFault::NotObject)?;
    if scanner.take(b'}') {
        return Ok(scanner.end()?);
    }
    loop {
        let name = scanner.member_name()?;
        let value = within(RawJson::next(&mut scanner, text)?, &scanner)?;
        let quoted = &text[name.start..name.end];
        if name.escapes {
            member(&unescaped(quoted), value)?;
        } else {
            member(&quoted[1..quoted.len() - 1], value)?;
        }
        if scanner.take(b',') {
            continue;
        }
        if scanner.take(b'}') {
            return Ok(scanner.end()?);
        }
        let end = scanner.peek().is_none();
        return Err(scanner.fault(if end { JsonFault::End } else { JsonFault::CommaOrEnd }).into());
    }
}

/// Walks the elements of one JSON array in the order written, validating as it goes.
///
/// The text is known to be JSON only when `next` has said `None`: do not act on an element before.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    text: &'a str,
    scanner: Scanner<'a>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing read yet.
    Opened,
    /// Between two items.
    Within,
    /// Ended, well or badly.
    Done,
}

impl<'a> Elements<'a> {
    /// Begins at the opening bracket.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        let scanner = opened(text, b'[', JsonFault::NotArray)?;
        Ok(Self { text, scanner, state: State::Opened })
    }

    /// In a text that is known to be an array: what is left within its brackets, after the last comma read.
    pub(super) fn rest(mut self) -> &'a str {
        self.scanner.take(b',');
        let end = self.text.trim_end().len() - 1;
        &self.text[self.scanner.position().min(end)..end]
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<RawJson<'a>, JsonError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let scanner = &mut self.scanner;
        if self.state == State::Done {
            return None;
        }
        let first = std::mem::replace(&mut self.state, State::Done) == State::Opened;
        if scanner.take(b']') {
            return scanner.end().err().map(Err);
        }
        if !first && !scanner.take(b',') {
            let end = scanner.peek().is_none();
            return Some(scanner.fail(if end { JsonFault::End } else { JsonFault::CommaOrEnd }));
        }
        let item = RawJson::next(scanner, self.text).and_then(|item| within(item, scanner));
        if item.is_ok() {
            self.state = State::Within;
        }
        Some(item)
    }
}

#[inline]
fn opened<'a>(text: &'a str, bracket: u8, otherwise: JsonFault) -> Result<Scanner<'a>, JsonError> {
    let mut scanner = Scanner::new(text);
    if scanner.take(bracket) {
        Ok(scanner)
    } else if scanner.peek().is_none() {
        scanner.fail(JsonFault::End)
    } else {
        scanner.fail(otherwise)
    }
}

/// An item is one level below what is walked.
#[inline]
fn within<'a>(item: RawJson<'a>, scanner: &Scanner<'a>) -> Result<RawJson<'a>, JsonError> {
    if item.findings.depth == super::MAX_DEPTH { scanner.fail(JsonFault::Depth) } else { Ok(item) }
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, JsonError> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| {
        // The slow way says where.
        let at = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        JsonError { fault: JsonFault::Utf8, at }
    })
}

/// The characters of a valid JSON string in its quotes.
pub(super) fn unquote(quoted: &str) -> Cow<'_, str> {
    unquoted(quoted, quoted.contains('\\'))
}

/// The same, where the scan has told whether it has escapes.
#[inline]
fn unquoted(quoted: &str, escapes: bool) -> Cow<'_, str> {
    if escapes { Cow::Owned(unescaped(quoted)) } else { Cow::Borrowed(&quoted[1..quoted.len() - 1]) }
}

#[cold]
fn unescaped(quoted: &str) -> String {
    let read = |text: &str| serde_json::from_str::<String>(text);
    // What is valid and does not read has a lone surrogate; without it, nothing is left to fail on.
    read(quoted).or_else(|_| read(&super::clean::rewritten(quoted))).expect("a valid JSON string")
}
