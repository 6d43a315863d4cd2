//! How a client listens that has no WebSocket: to a stream of events, by polls, or not yet.

use everywire_core::Reason;

use super::super::Lane;
use crate::seam::{Decoded, Message, Time};

/// A client that speaks before it listens, as some in Python do.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) said: Vec<Decoded>,
    pub(super) bytes: usize,
    /// When it is gone, unless it listens.
    pub(super) until: Time,
    pub(super) posts: Vec<Lane>,
}

/// A client that hears events, and posts.
#[derive(Debug)]
pub(super) struct Events {
    pub(super) lane: Lane,
    /// Whether something was written that has not left.
    pub(super) written: bool,
    /// Posts whose bodies have not come whole.
    pub(super) posts: Vec<Lane>,
}

/// A client that polls.
#[derive(Debug, Default)]
pub(super) struct Polling {
    /// The GET that waits.
    pub(super) poll: Option<Lane>,
    /// Until when: for something to say; without one, for the next.
    pub(super) until: Time,
    /// What the driver had in its hands when there was no poll.
    pub(super) queue: Vec<u8>,
    /// Why it ends, of which the client is still to be told.
    pub(super) closing: Option<Reason>,
    /// Posts whose bodies have not come whole.
    pub(super) posts: Vec<Lane>,
}

/// A message as an event: a line of data for each of its own. A carriage return alone ends a line too, to a browser: in JSON
/// it is white space, as a line feed is, and clients may put it into arguments that others hear.
pub(super) fn event(message: Message<'_>) -> Vec<u8> {
    let bytes = message.as_bytes();
    let mut event = Vec::with_capacity(bytes.len() + 10);
    let mut rest = bytes;
    loop {
        let end = memchr::memchr2(b'\r', b'\n', rest);
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(&rest[..end.unwrap_or(rest.len())]);
        event.extend_from_slice(b"\r\n");
        let Some(end) = end else { break };
        rest = rest[end..].strip_prefix(b"\r\n").unwrap_or(&rest[end + 1..]);
    }
    event.extend_from_slice(b"\r\n");
    event
}
