//! The JSON scanner: one pass over untrusted text that says whether it is JSON (RFC 8259), and what the
//! rest of the payload needs to know about it. It builds nothing, allocates nothing and does not recurse.
//!
//! It accepts what `serde_json` accepts, but for nesting beyond [`MAX_DEPTH`].

use super::json::{JsonError, JsonFault};

/// How deep a JSON or `MessagePack` text may nest, counted from its outermost array or object. .NET's reader
/// stops at 64, the lowest limit among the clients that we know.
pub const MAX_DEPTH: u32 = 64;

/// The name by which Socket.IO knows the place of a binary attachment.
pub(super) const PLACEHOLDER_NAME: &str = "_placeholder";

/// What a scan found beside validity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Elements or members of the outermost array or object; 0 for a scalar.
    pub(super) elements: u32,
    /// The deepest nesting reached; 0 for a scalar.
    pub(super) depth: u32,
    /// CR or LF outside strings.
    pub(super) line_breaks: bool,
    /// A `\uD800`–`\uDFFF` escape without its other half.
    pub(super) lone_surrogates: bool,
    /// A member named `_placeholder`, at any depth.
    pub(super) placeholder_names: bool,
    /// A backslash in a string that is a value.
    pub(super) escapes: bool,
}

impl Findings {
    /// Whether the text must be rewritten before other wires may see it.
    pub(super) fn dirty(&self) -> bool {
        self.line_breaks || self.lone_surrogates
    }
}

/// A position in a text.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    found: Findings,
}

/// Where a scanned string lies, quotes included.
pub(super) struct Quoted {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escapes: bool,
}

impl<'a> Scanner<'a> {
    /// `text` must be UTF-8: the scanner looks at ASCII bytes only.
    #[inline]
    pub(super) fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0, found: Findings::default() }
    }

    #[inline]
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// What was found since the last call.
    #[inline]
    pub(super) fn take_findings(&mut self) -> Findings {
        std::mem::take(&mut self.found)
    }

    #[inline]
    pub(super) fn fail<T>(&self, fault: JsonFault) -> Result<T, JsonError> {
        Err(self.fault(fault))
    }

    #[inline]
    pub(super) fn fault(&self, fault: JsonFault) -> JsonError {
        JsonError { fault, at: self.at }
    }

    /// Skips white space; the next byte, not consumed.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        match self.text.get(self.at) {
            Some(byte) if *byte > b' ' => Some(*byte),
            _ => self.skip_space(),
        }
    }

    fn skip_space(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\n' | b'\r') => {
                    self.found.line_breaks = true;
                    self.at += 1;
                }
                next => return next.copied(),
            }
        }
    }

    /// Consumes `byte` if it comes next, after white space.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    /// Refuses anything but white space up to the end.
    #[inline]
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_none() { Ok(()) } else { self.fail(JsonFault::Trailing) }
    }

    /// One value, whatever it is.
    pub(super) fn value(&mut self) -> Result<(), JsonError> {
        // One bit for each open array (0) or object (1); the last opened is the lowest bit.
        let mut open = 0u64;
        let mut depth = 0u32;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let escapes = self.string()?.escapes;
                    self.found.escapes |= escapes;
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(bracket @ (b'{' | b'[')) => {
                    if depth == MAX_DEPTH {
                        return self.fail(JsonFault::Depth);
                    }
                    let object = bracket == b'{';
                    self.at += 1;
                    depth += 1;
                    open = open << 1 | u64::from(object);
                    self.found.depth = self.found.depth.max(depth);
                    if self.peek() == Some(if object { b'}' } else { b']' }) {
                        self.at += 1;
                        depth -= 1;
                        open >>= 1;
                    } else {
                        if depth == 1 {
                            self.found.elements = 1;
                        }
                        if object {
                            self.member_name()?;
                        }
                        continue;
                    }
                }
                Some(b't') => self.literal(b"true")?,
                Some(b'f') => self.literal(b"false")?,
                Some(b'n') => self.literal(b"null")?,
                Some(_) => return self.fail(JsonFault::Value),
                None => return self.fail(JsonFault::End),
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let object = open & 1 == 1;
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if depth == 1 {
                            self.found.elements = self.found.elements.saturating_add(1);
                        }
                        if object {
                            self.member_name()?;
                        }
                        break;
                    }
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    Some(_) => return self.fail(JsonFault::CommaOrEnd),
                    None => return self.fail(JsonFault::End),
                }
                self.at += 1;
                depth -= 1;
                open >>= 1;
            }
        }
    }

    /// A member's name and the colon after it; where the name lies.
    pub(super) fn member_name(&mut self) -> Result<Quoted, JsonError> {
        match self.peek() {
            Some(b'"') => {}
            Some(_) => return self.fail(JsonFault::Name),
            None => return self.fail(JsonFault::End),
        }
        let name = self.string()?;
        if is_placeholder_name(&self.text[name.start..name.end], name.escapes) {
            self.found.placeholder_names = true;
        }
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return self.fail(JsonFault::Colon),
            None => return self.fail(JsonFault::End),
        }
        Ok(name)
    }

    /// A string, its opening quote next. Eight bytes at a time where nothing happens.
    #[inline]
    fn string(&mut self) -> Result<Quoted, JsonError> {
        let start = self.at;
        self.at += 1;
        let mut escapes = false;
        loop {
            while let Some(chunk) = self.text[self.at..].first_chunk::<8>() {
                let stops = stops_in(u64::from_le_bytes(*chunk));
                if stops != 0 {
                    self.at += (stops.trailing_zeros() / 8) as usize;
                    break;
                }
                self.at += 8;
            }
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Quoted { start, end: self.at, escapes });
                }
                Some(b'\\') => {
                    escapes = true;
                    self.escape()?;
                }
                Some(0..=0x1f) => return self.fail(JsonFault::Control),
                Some(_) => self.at += 1,
                None => return self.fail(JsonFault::End),
            }
        }
    }

    /// An escape, its backslash next.
    #[cold]
    fn escape(&mut self) -> Result<(), JsonError> {
        match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let unit = self.unicode_escape()?;
                match unit {
                    0xd800..=0xdbff if self.text[self.at..].starts_with(b"\\u") => {
                        let second = self.at;
                        if !matches!(self.unicode_escape()?, 0xdc00..=0xdfff) {
                            // It stands for itself: back to it.
                            self.at = second;
                            self.found.lone_surrogates = true;
                        }
                    }
                    0xd800..=0xdfff => self.found.lone_surrogates = true,
                    _ => {}
                }
            }
            Some(_) => return self.fail(JsonFault::Escape),
            None => {
                self.at += 1;
                return self.fail(JsonFault::End);
            }
        }
        Ok(())
    }

    /// `\uXXXX`, the first two characters known.
    fn unicode_escape(&mut self) -> Result<u32, JsonError> {
        let Some(digits) = self.text[self.at + 2..].first_chunk::<4>() else {
            return self.fail(JsonFault::Escape);
        };
        let mut unit = 0;
        for &digit in digits {
            match char::from(digit).to_digit(16) {
                Some(value) => unit = unit << 4 | value,
                None => return self.fail(JsonFault::Escape),
            }
        }
        self.at += 6;
        Ok(unit)
    }

    #[inline]
    fn number(&mut self) -> Result<(), JsonError> {
        if self.text[self.at] == b'-' {
            self.at += 1;
        }
        if self.text.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.text.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// One digit or more.
    #[inline]
    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.text.get(self.at) {
            self.at += 1;
        }
        match self.text.get(self.at) {
            _ if self.at > start => Ok(()),
            Some(_) => self.fail(JsonFault::Number),
            None => self.fail(JsonFault::End),
        }
    }

    #[inline]
    fn literal(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            self.fail(JsonFault::Value)
        }
    }
}

/// Marks (0x80) the bytes of a word, little-endian, that end a run of plain bytes in a JSON string: `"`, `\` and below 0x20.
/// Marks above the lowest may be false, as a borrow runs upwards; the lowest is exact.
/// (Bit Twiddling Hacks, "Determine if a word has a byte less than n".)
#[inline]
pub fn stops_in(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    let found = (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * 0x20) & !word);
    found & (ONES * 0x80)
}

/// Whether a text can stand between quotes as it is.
pub(super) fn is_plain(text: &str) -> bool {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    words.iter().all(|word| stops_in(u64::from_le_bytes(*word)) == 0)
        && rest.iter().all(|byte| *byte >= b' ' && !matches!(byte, b'"' | b'\\'))
}

/// Whether a quoted member name spells `_placeholder`; clients see through escapes, so we do.
#[inline]
pub(super) fn is_placeholder_name(quoted: &[u8], escapes: bool) -> bool {
    if escapes {
        serde_json::from_slice::<String>(quoted).is_ok_and(|name| name == PLACEHOLDER_NAME)
    } else {
        quoted.len() == PLACEHOLDER_NAME.len() + 2
            && &quoted[1..quoted.len() - 1] == PLACEHOLDER_NAME.as_bytes()
    }
}
