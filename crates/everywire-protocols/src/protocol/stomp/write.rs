//! How frames are written.
//!
//! One to many is written in two parts: a head for each receiver, with the headers that are its own, and a tail that all of
//! one version share. Both together are the frame, byte for byte.

use super::escapes::Escapes;
use super::frame::{Command, Frame};
use super::head::CONTENT_LENGTH;
use super::version::Version;
use crate::seam::Kind;

/// A heart-beat: an end of line, as a message of its own.
pub const PULSE: &[u8] = b"\n";

/// The kind of message for a frame with this body: text, unless the body is not UTF-8. Headers always are.
pub fn kind(body: &[u8]) -> Kind {
    if std::str::from_utf8(body).is_ok() { Kind::Text } else { Kind::Binary }
}

/// Appends a frame, for a receiver of this version; one with whom none is agreed on yet counts as one of 1.0.
///
/// Values are escaped as that version has it. What it cannot spell is left out of them: NUL, before 1.2 CR, and in 1.0 (and
/// in CONNECT, STOMP and CONNECTED, which have no escapes) LF. A header whose name cannot be spelled is left out whole, as is
/// `content-length`: behind the headers it is written anew, for each body that is not empty. Whether the command may have
/// a body, the caller knows.
pub fn write_frame<'h>(
    version: Version,
    command: &Command<'_>,
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    body: &[u8],
    out: &mut Vec<u8>,
) {
    let escapes = Escapes::of(command, version);
    head(escapes, command, headers, out);
    tail(escapes, [], body, out);
}

/// Appends the first part of a frame: its command, and the headers that are this receiver's own. See [`write_frame`]; of
/// repeated headers the first counts, so these count before those of the tail.
pub fn write_head<'h>(
    version: Version,
    command: &Command<'_>,
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    out: &mut Vec<u8>,
) {
    head(Escapes::of(command, version), command, headers, out);
}

/// Appends the second part of a frame: the headers that all receivers of the version share, the empty line, the body and its
/// NUL. It fits behind the head of any command but CONNECT, STOMP and CONNECTED, which have no escapes.
pub fn write_tail<'h>(
    version: Version,
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    body: &[u8],
    out: &mut Vec<u8>,
) {
    tail(Escapes::of(&Command::Message, version), headers, body, out);
}

impl Frame<'_> {
    /// Appends the frame as [`write_frame`] does.
    pub fn append(&self, version: Version, out: &mut Vec<u8>) {
        let headers = self.headers.iter().map(|(name, value)| (&**name, &**value));
        write_frame(version, &self.command, headers, &self.body, out);
    }
}

fn head<'h>(
    escapes: Escapes,
    command: &Command<'_>,
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    out: &mut Vec<u8>,
) {
    // A command that is unknown is the caller's own; it is spared from ending its line all the same.
    out.extend(command.as_str().bytes().filter(|byte| !matches!(byte, 0 | b'\r' | b'\n')));
    out.push(b'\n');
    lines(escapes, headers, out);
}

fn tail<'h>(
    escapes: Escapes,
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    body: &[u8],
    out: &mut Vec<u8>,
) {
    lines(escapes, headers, out);
    if !body.is_empty() {
        out.extend_from_slice(CONTENT_LENGTH.as_bytes());
        out.push(b':');
        out.extend_from_slice(itoa::Buffer::new().format(body.len()).as_bytes());
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(body);
    out.push(0);
}

fn lines<'h>(escapes: Escapes, headers: impl IntoIterator<Item = (&'h str, &'h str)>, out: &mut Vec<u8>) {
    for (name, value) in headers {
        if !escapes.can_write_name(name) || is_content_length(name) {
            continue;
        }
        escapes.write_value(name, out);
        out.push(b':');
        escapes.write_value(value, out);
        out.push(b'\n');
    }
}

/// Whether a receiver may take it for `content-length`: a sender's own would tear the frames that follow.
fn is_content_length(name: &str) -> bool {
    trimmed(name) == CONTENT_LENGTH
}

/// What a receiver may take a name for: stompjs trims them, by JavaScript's rule, which has the byte order mark among the
/// blanks.
pub(super) fn trimmed(name: &str) -> &str {
    name.trim_matches(|char: char| char.is_whitespace() || char == '\u{feff}')
}
