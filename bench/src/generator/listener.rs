//! Reads responses that go on: HTTP's chunks (RFC 9112, section 7.1), and in them lines of SockJS or events.
//!
//! A response of SockJS has an end, and its client asks again on the same connection: the session is the same, so what was
//! said meanwhile is in the next one, and nothing twice. That is seen by the sequence numbers.

use std::mem;

use anyhow::{Context as _, Result, bail, ensure};
use everywire_bench::{EVENTS_PATH, EVENTS_ROOM};
use memchr::memchr;

use crate::sockjs;
use crate::wire::{Frame, TEXT, Wire};

/// Longest head of a response, and longest line before a chunk.
const MAX_HEAD: usize = 4096;
const MAX_SIZE: usize = 64;

#[derive(Debug)]
pub(crate) struct Listener {
    wire: Wire,
    request: Vec<u8>,
    stage: Stage,
    /// The beginning of a message of which the rest has not come yet.
    partial: Vec<u8>,
    /// Whether the session is open.
    open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Before a response.
    Head,
    /// Before a chunk.
    Size,
    /// So much of a chunk is to come.
    Chunk(usize),
    /// The line's end behind a chunk.
    Behind,
    /// The empty line behind the last chunk.
    Last,
}

impl Listener {
    /// None for a wire that is no stream.
    pub(super) fn new(wire: Wire, port: u16, index: usize) -> Option<Self> {
        let request = match wire {
            Wire::SockJsStream => sockjs::listen(port, index),
            Wire::EventSource => events(port),
            _ => return None,
        };
        Some(Self { wire, request, stage: Stage::Head, partial: Vec::new(), open: false })
    }

    pub(super) fn request(&self) -> &[u8] {
        &self.request
    }

    /// Hands over each message, and returns what cannot be read yet, and whether to ask again.
    pub(super) fn advance<'a>(
        &mut self,
        mut rest: &'a [u8],
        on_message: &mut impl FnMut(&Frame<'_>) -> Result<()>,
    ) -> Result<(&'a [u8], bool)> {
        let mut again = false;
        while !rest.is_empty() {
            match self.stage {
                Stage::Head => {
                    let Some(length) = head(rest)? else { break };
                    rest = &rest[length..];
                    self.stage = Stage::Size;
                }
                Stage::Size => {
                    let Some((size, length)) = chunk_size(rest)? else { break };
                    rest = &rest[length..];
                    self.stage = if size == 0 { Stage::Last } else { Stage::Chunk(size) };
                }
                Stage::Chunk(left) => {
                    let (some, behind) = rest.split_at(left.min(rest.len()));
                    self.take(some, on_message)?;
                    rest = behind;
                    self.stage = match left - some.len() {
                        0 => Stage::Behind,
                        left => Stage::Chunk(left),
                    };
                }
                Stage::Behind | Stage::Last => {
                    let Some((end, behind)) = rest.split_first_chunk() else { break };
                    ensure!(end == b"\r\n", "{end:?} behind a chunk");
                    rest = behind;
                    if mem::replace(&mut self.stage, Stage::Size) == Stage::Last {
                        ensure!(self.wire == Wire::SockJsStream, "the stream ended");
                        ensure!(self.partial.is_empty(), "a response that ended within a frame");
                        self.stage = Stage::Head;
                        again = true;
                    }
                }
            }
        }
        Ok((rest, again))
    }

    /// A part of the body.
    fn take(&mut self, bytes: &[u8], on_message: &mut impl FnMut(&Frame<'_>) -> Result<()>) -> Result<()> {
        if self.partial.is_empty() {
            let rest = self.messages(bytes, on_message)?;
            self.partial.extend_from_slice(rest);
            return Ok(());
        }
        let mut partial = mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        let left = self.messages(&partial, on_message)?.len();
        partial.drain(..partial.len() - left);
        self.partial = partial;
        Ok(())
    }

    fn messages<'a>(
        &mut self,
        mut rest: &'a [u8],
        on_message: &mut impl FnMut(&Frame<'_>) -> Result<()>,
    ) -> Result<&'a [u8]> {
        loop {
            let end = match self.wire {
                Wire::EventSource => memchr::memmem::find(rest, b"\n\n").map(|end| (end, end + 2)),
                _ => memchr(b'\n', rest).map(|end| (end, end + 1)),
            };
            let Some((end, next)) = end else { return Ok(rest) };
            match self.wire {
                Wire::EventSource => event(&rest[..end], on_message)?,
                _ => self.frame(&rest[..end], on_message)?,
            }
            rest = &rest[next..];
        }
    }

    fn frame(&mut self, line: &[u8], on_message: &mut impl FnMut(&Frame<'_>) -> Result<()>) -> Result<()> {
        match line {
            [b'a', b'[', texts @ .., b']'] => {
                ensure!(self.open, "messages before the session was open");
                each_text(texts, on_message)
            }
            sockjs::OPEN => {
                ensure!(!mem::replace(&mut self.open, true), "the session is another one");
                Ok(())
            }
            sockjs::HEARTBEAT => Ok(()),
            prelude if prelude.len() == sockjs::PRELUDE && prelude.iter().all(|byte| *byte == b'h') => Ok(()),
            other => bail!("{:?} where a frame was expected", String::from_utf8_lossy(other)),
        }
    }
}

/// The strings between the brackets. None of ours has a character that is written otherwise than it is.
fn each_text(mut texts: &[u8], on_message: &mut impl FnMut(&Frame<'_>) -> Result<()>) -> Result<()> {
    loop {
        let text = string(texts).context("no string in a frame of messages")?;
        on_message(&Frame { opcode: TEXT, compressed: false, payload: text })?;
        match &texts[text.len()..] {
            [] => return Ok(()),
            [b',', rest @ ..] => texts = rest,
            _ => bail!("{:?} in a frame of messages", String::from_utf8_lossy(texts)),
        }
    }
}

/// The string that stands first, with its quotes.
fn string(bytes: &[u8]) -> Option<&[u8]> {
    let inside = bytes.strip_prefix(b"\"")?;
    memchr(b'"', inside).map(|end| &bytes[..end + 2])
}

/// The text in an event of ours; comments, and blocks without data, are none.
fn event(block: &[u8], on_message: &mut impl FnMut(&Frame<'_>) -> Result<()>) -> Result<()> {
    const DATA: &[u8] = b"event: message\ndata: {\"data\":";
    if block.starts_with(b":") {
        return Ok(());
    }
    let text = block.strip_prefix(b"id: ").and_then(|block| {
        let behind = &block[memchr(b'\n', block)? + 1..];
        let data = behind.strip_prefix(DATA)?;
        let text = string(data)?;
        data[text.len()..].ends_with(b"}").then_some(text)
    });
    let Some(payload) = text else {
        bail!("{:?} where an event was expected", String::from_utf8_lossy(block));
    };
    on_message(&Frame { opcode: TEXT, compressed: false, payload })
}

/// The length of a response's head, if it is there.
pub(super) fn head(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        ensure!(bytes.len() < MAX_HEAD, "no end of the response head in {MAX_HEAD} bytes");
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    ensure!(head.starts_with("HTTP/1.1 200 "), "a request was refused:\n{head}");
    let is_chunked = head.lines().any(|line| line.eq_ignore_ascii_case("transfer-encoding: chunked"));
    ensure!(is_chunked, "a response that is not chunked:\n{head}");
    Ok(Some(end + 4))
}

/// The size of a chunk, and the length of the line that says it.
fn chunk_size(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = memchr(b'\n', &bytes[..bytes.len().min(MAX_SIZE)]) else {
        ensure!(bytes.len() < MAX_SIZE, "no size of a chunk in {MAX_SIZE} bytes");
        return Ok(None);
    };
    let line = bytes[..end].strip_suffix(b"\r").and_then(|line| str::from_utf8(line).ok());
    let size = line.and_then(|line| usize::from_str_radix(line, 16).ok());
    let size = size.with_context(|| format!("the size {:?}", String::from_utf8_lossy(&bytes[..end])))?;
    Ok(Some((size, end + 1)))
}

fn events(port: u16) -> Vec<u8> {
    format!(
        "GET {EVENTS_PATH}?room={EVENTS_ROOM} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
