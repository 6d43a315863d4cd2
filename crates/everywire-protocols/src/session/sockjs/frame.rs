//! What a server says, and how each transport carries it; and what clients say.

use everywire_core::payload::json::{Elements, RawJson};

use super::super::Wrapping;
use super::text;
use crate::seam::Decoded;

/// A message of the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// The session is open.
    Open,
    /// Nothing, so that proxies keep the connection.
    Heartbeat,
    /// Messages: the inside of an array of strings, each quoted.
    Messages(&'a str),
    /// The end.
    Close {
        /// As WebSocket's codes, and some above 2000.
        code: u16,
        /// Why.
        reason: &'a str,
    },
}

impl Frame<'_> {
    /// Appends it as text.
    pub fn append(&self, out: &mut Vec<u8>) {
        match self {
            Self::Open => out.push(b'o'),
            Self::Heartbeat => out.push(b'h'),
            Self::Messages(inside) => {
                out.extend_from_slice(b"a[");
                out.extend_from_slice(inside.as_bytes());
                out.push(b']');
            }
            Self::Close { code, reason } => {
                out.extend_from_slice(b"c[");
                out.extend_from_slice(itoa::Buffer::new().format(*code).as_bytes());
                out.push(b',');
                text::quote(reason, out);
                out.push(b']');
            }
        }
    }
}

/// Appends a message to those of a frame that is to come.
pub(super) fn append_message(message: &str, inside: &mut Vec<u8>) {
    if !inside.is_empty() {
        inside.push(b',');
    }
    text::quote(message, inside);
}

/// Appends a frame with one message, which `write` appends.
pub(in crate::session) fn append_single(write: &mut dyn FnMut(&mut Vec<u8>), out: &mut Vec<u8>) {
    append_begin_of_single(write, out);
    append_end_of_single(&mut |_| {}, out);
}

/// Appends the first part of such a frame.
pub(in crate::session) fn append_begin_of_single(write: &mut dyn FnMut(&mut Vec<u8>), out: &mut Vec<u8>) {
    out.extend_from_slice(b"a[\"");
    text::written_inside(write, out);
}

/// Appends the second part.
pub(in crate::session) fn append_end_of_single(write: &mut dyn FnMut(&mut Vec<u8>), out: &mut Vec<u8>) {
    text::written_inside(write, out);
    out.extend_from_slice(b"\"]");
}

/// How frames of messages stand in a response of this shape that goes on.
fn in_response(shape: &Shape) -> (&'static [u8], &'static [u8]) {
    match shape {
        Shape::Events => (b"data: a[", b"]\r\n\r\n"),
        _ => (b"a[", b"]\n"),
    }
}

/// Appends a message, which `write` appends, to a response that goes on: to the frame that `out` ends with, or as a frame.
pub(in crate::session) fn append_to_response(
    shape: &Shape,
    write: &mut dyn FnMut(&mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    append_begin_to_response(shape, write, out);
    append_end_to_response(shape, &mut |_| {}, out);
}

/// Appends the first part of such a message.
pub(in crate::session) fn append_begin_to_response(
    shape: &Shape,
    write: &mut dyn FnMut(&mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let (begin, end) = in_response(shape);
    if out.ends_with(end) {
        out.truncate(out.len() - end.len());
        out.push(b',');
    } else {
        out.extend_from_slice(begin);
    }
    out.push(b'"');
    inside_response(shape, write, out);
}

/// Appends the second part.
pub(in crate::session) fn append_end_to_response(
    shape: &Shape,
    write: &mut dyn FnMut(&mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    inside_response(shape, write, out);
    out.push(b'"');
    out.extend_from_slice(in_response(shape).1);
}

fn inside_response(shape: &Shape, write: &mut dyn FnMut(&mut Vec<u8>), out: &mut Vec<u8>) {
    if *shape == Shape::Events {
        let mut text = Vec::new();
        text::written_inside(write, &mut text);
        escape_address(&text, out);
    } else {
        text::written_inside(write, out);
    }
}

/// Appends text of an event: clients run a decoder of addresses over it.
fn escape_address(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b'%' => out.extend_from_slice(b"%25"),
            b'\r' => out.extend_from_slice(b"%0D"),
            b'\n' => out.extend_from_slice(b"%0A"),
            0 => out.extend_from_slice(b"%00"),
            byte => out.push(byte),
        }
    }
}

/// How the response of a receiving request carries frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// `xhr` and `xhr_streaming`: a line each.
    Lines,
    /// `eventsource`: an event each.
    Events,
    /// `htmlfile`: a script each, that calls a function of the page.
    Scripts,
    /// `jsonp`: a call of this function.
    Call(Box<str>),
}

/// What comes before the frames of `xhr_streaming`: some browsers show nothing of a response before 2 KiB of it.
const LINES_PRELUDE: usize = 2048;

/// The least that comes before the first frame of `htmlfile`, and a name: as the reference pads it.
const PAGE_LENGTH: usize = 1027;

impl Shape {
    /// How whoever publishes wraps a message for a response of this shape. `htmlfile` is for browsers of old, and JSONP's
    /// responses have one frame.
    pub(super) fn wrapping(&self) -> Option<Wrapping> {
        match self {
            Self::Lines => Some(Wrapping::SockJsLines),
            Self::Events => Some(Wrapping::SockJsEvents),
            Self::Scripts | Self::Call(_) => None,
        }
    }

    /// Appends what a streaming response begins with. `callback` is where a page of `htmlfile` puts its frames.
    pub fn prelude(&self, callback: &str, out: &mut Vec<u8>) {
        match self {
            Self::Lines => {
                out.resize(out.len() + LINES_PRELUDE, b'h');
                out.push(b'\n');
            }
            Self::Events => out.extend_from_slice(b"\r\n"),
            Self::Scripts => page(callback, out),
            Self::Call(_) => {}
        }
    }

    /// Appends a frame.
    pub fn frame(&self, frame: Frame<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Lines => {
                frame.append(out);
                out.push(b'\n');
            }
            Self::Events => {
                out.extend_from_slice(b"data: ");
                let mut text = Vec::new();
                frame.append(&mut text);
                escape_address(&text, out);
                out.extend_from_slice(b"\r\n\r\n");
            }
            Self::Scripts => {
                out.extend_from_slice(b"<script>\np(");
                in_script(frame, out);
                out.extend_from_slice(b");\n</script>\r\n");
            }
            Self::Call(callback) => {
                // The comment keeps the first bytes of the response from being anything else than a script.
                out.extend_from_slice(b"/**/");
                out.extend_from_slice(callback.as_bytes());
                out.push(b'(');
                in_script(frame, out);
                out.extend_from_slice(b");\r\n");
            }
        }
    }
}

fn in_script(frame: Frame<'_>, out: &mut Vec<u8>) {
    let mut bytes = Vec::new();
    frame.append(&mut bytes);
    // What we wrote ourselves is UTF-8.
    text::quote_for_script(std::str::from_utf8(&bytes).unwrap_or_default(), out);
}

/// The page that an iframe of `htmlfile` shows, padded so that browsers begin to work on it.
fn page(callback: &str, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(
        b"<!doctype html>\n<html><head>\n  <meta http-equiv=\"X-UA-Compatible\" content=\"IE=edge\" />\n  <meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />\n</head><body><h2>Don't panic!</h2>\n  <script>\n    document.domain = document.domain;\n    var c = parent.",
    );
    out.extend_from_slice(callback.as_bytes());
    out.extend_from_slice(
        b";\n    c.start();\n    function p(d) {c.message(d);};\n    window.onload = function() {c.stop();};\n  </script>",
    );
    let end = start + PAGE_LENGTH - 4 + callback.len();
    out.resize(end.max(out.len()), b' ');
    out.extend_from_slice(b"\r\n\r\n");
}

/// The message of a frame with one, if it is spelled as it is: nearly always, and for the price of a look.
pub(super) fn only_message(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("[\"")?.strip_suffix("\"]")?;
    text::is_plain(inside).then_some(inside)
}

/// The most messages in one array of a client's: each costs more than its bytes. The reference has no bound.
pub(super) const MOST_MESSAGES: usize = 65_536;

/// Why what a client says is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is no JSON, or of another shape.
    NoMessages,
    /// It has more than [`MOST_MESSAGES`].
    TooMany,
}

/// What a client says: an array of strings, or on a WebSocket a string alone. A half of a surrogate pair becomes U+FFFD.
pub(super) fn messages(text: &str, alone: bool) -> Result<Vec<Decoded>, Unread> {
    let whole = RawJson::parse(text).map_err(|_| Unread::NoMessages)?;
    if alone && let Some(message) = whole.as_str() {
        return Ok(vec![Decoded::Text(message.into_owned())]);
    }
    let mut messages = Vec::new();
    for element in Elements::parse(whole.text()).map_err(|_| Unread::NoMessages)? {
        let element = element.map_err(|_| Unread::NoMessages)?;
        let message = element.as_str().ok_or(Unread::NoMessages)?;
        if messages.len() == MOST_MESSAGES {
            return Err(Unread::TooMany);
        }
        messages.push(Decoded::Text(message.into_owned()));
    }
    Ok(messages)
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
