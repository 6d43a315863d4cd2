//! How headers spell what would end a line or a name (STOMP 1.1 and 1.2, section "Value Encoding").

use std::borrow::Cow;

use super::frame::Command;
use super::version::Version;

/// The escapes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// None: 1.0, and the frames by which versions are agreed on.
    None,
    /// Line feed, colon and backslash are written; carriage return is read besides, for peers write it.
    V1_1,
    /// All four.
    V1_2,
}

impl Escapes {
    /// Those of a frame with this command, on a connection of this version.
    pub(super) fn of(command: &Command<'_>, version: Version) -> Self {
        match (command, version) {
            (Command::Connect | Command::Stomp | Command::Connected, _) | (_, Version::V1_0) => Self::None,
            (_, Version::V1_1) => Self::V1_1,
            (_, Version::V1_2) => Self::V1_2,
        }
    }

    /// The text that is meant; else where in what is written a backslash stands that means nothing.
    pub(super) fn read(self, written: &str) -> Result<Cow<'_, str>, usize> {
        let backslash = |from: usize| memchr::memchr(b'\\', &written.as_bytes()[from..]).map(|at| from + at);
        if self == Self::None {
            return Ok(Cow::Borrowed(written));
        }
        let Some(mut at) = backslash(0) else { return Ok(Cow::Borrowed(written)) };
        let (mut text, mut from) = (String::new(), 0);
        loop {
            text.push_str(&written[from..at]);
            text.push(match written.as_bytes().get(at + 1) {
                Some(b'n') => '\n',
                Some(b'r') => '\r',
                Some(b'c') => ':',
                Some(b'\\') => '\\',
                _ => return Err(at),
            });
            from = at + 2;
            match backslash(from) {
                Some(next) => at = next,
                None => break,
            }
        }
        text.push_str(&written[from..]);
        Ok(Cow::Owned(text))
    }

    /// Appends a value. What has no spelling is left out: NUL always, and without an escape for it CR or LF.
    pub(super) fn write_value(self, value: &str, out: &mut Vec<u8>) {
        let mut rest = value.as_bytes();
        while let Some(at) = rest.iter().position(|byte| matches!(byte, 0 | b'\n' | b'\r' | b':' | b'\\')) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(match (self, rest[at]) {
                (Self::None, b':') => b":",
                (Self::None, b'\\') => b"\\",
                (_, b':') => b"\\c",
                (_, b'\\') => b"\\\\",
                (Self::V1_1 | Self::V1_2, b'\n') => b"\\n",
                (Self::V1_2, b'\r') => b"\\r",
                _ => b"",
            });
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
    }

    /// Whether nothing is left out of a value.
    pub(super) fn can_write_value(self, value: &str) -> bool {
        !value.bytes().any(|byte| match byte {
            0 => true,
            b'\r' => self != Self::V1_2,
            b'\n' => self == Self::None,
            _ => false,
        })
    }

    /// Whether a name can be written just as it is meant. With something left out it would be another name, and the header
    /// might pass for what its sender had no right to say.
    pub(super) fn can_write_name(self, name: &str) -> bool {
        !name.is_empty()
            && !name.bytes().any(|byte| match byte {
                0 => true,
                b'\r' => self != Self::V1_2,
                b'\n' | b':' => self == Self::None,
                _ => false,
            })
    }
}
