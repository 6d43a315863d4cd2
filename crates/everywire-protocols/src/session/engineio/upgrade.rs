//! The move from polling to a WebSocket, in the middle of everything.
//!
//! ```text
//! C  opens a WebSocket with the session's id
//! C  2probe        S  3probe
//!                  S  lets the poll that waits go (6), and each one that still comes
//! C  polls and posts no more, says 5
//!                  S  says what is queued, and goes on here
//! ```
//!
//! Until the `5` polls are what counts, and what goes wrong on the WebSocket harms nothing but the WebSocket. The
//! heartbeat goes on throughout. (Node gives up a pong that it waits for, and does not notice a client that is gone.)

use std::borrow::Cow;
use std::time::Duration;

use everywire_core::Reason;

use super::super::{Lane, Output, Outputs};
use super::packet::{Dialect, Packet, Queue, Revision, Type};
use super::polling::{self, Polling};
use super::refusal::EngineIoRefusal;
use crate::seam::{Kind, Message, Time};

/// How often it is looked for a poll to let go. Node's number.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// A WebSocket that may take a session over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    pub(super) lane: Lane,
    /// Its client cannot receive bytes.
    pub(super) base64: bool,
    /// Since when the client knows that it works.
    pub(super) since: Option<Time>,
    pub(super) give_up_at: Time,
}

impl Probe {
    /// When a poll that comes now is let go: at the next of the regular moments.
    pub(super) fn next_check(&self, now: Time) -> Option<Time> {
        let every = CHECK_EVERY.as_millis() as u64;
        let passed = now.0.saturating_sub(self.since?.0);
        Some(Time(now.0.saturating_add(every - passed % every)))
    }
}

/// What a message on such a WebSocket means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It works.
    Probed,
    /// It takes over; also without a probe.
    Switch,
    /// Whatever else came.
    GiveUp,
}

impl Step {
    pub(super) fn of(revision: Revision, message: Message<'_>) -> Self {
        match Packet::read(revision, message) {
            Ok(Packet::Control(Type::Ping, "probe")) => Self::Probed,
            Ok(Packet::Control(Type::Upgrade, _)) => Self::Switch,
            _ => Self::GiveUp,
        }
    }
}

impl Polling {
    pub(super) fn deadline(&self) -> Option<Time> {
        let probe = self.probe?;
        let let_go_at = self.get.and_then(|get| get.let_go_at);
        Some(let_go_at.map_or(probe.give_up_at, |at| at.min(probe.give_up_at)))
    }

    pub(super) fn tick(&mut self, now: Time, dialect: Dialect, out: &mut Outputs<'_>) {
        let Some(probe) = self.probe else { return };
        if now >= probe.give_up_at {
            self.probe = None;
            out.push(Output::End { lane: probe.lane, reason: Reason::HandshakeTimeout });
        } else if self.get.and_then(|get| get.let_go_at).is_some_and(|at| now >= at) {
            self.let_go(dialect, out);
        }
    }

    /// The WebSocket takes over.
    pub(super) fn hand_over(self, lane: Lane, dialect: Dialect, out: &mut Outputs<'_>) {
        if let Some(get) = self.get {
            // The client has stopped to listen there.
            out.push(polling::answer(get, dialect, Queue::of(Type::Close, "")));
        }
        out.extend(self.post.map(|post| EngineIoRefusal::BadRequest.polled(post.lane)));
        for (kind, packet) in self.queue.packets() {
            match kind {
                Kind::Text => {
                    out.push(Output::Write { lane, bytes: Cow::Owned(packet.to_vec()), text: true });
                }
                Kind::Binary => write_message(lane, dialect, Message::Binary(packet), out),
            }
        }
        out.push(Output::Release);
        out.push(Output::Direct { lane, wrapping: dialect.wrapping() });
    }
}

/// Writes a message to a WebSocket.
pub(super) fn write_message(lane: Lane, dialect: Dialect, message: Message<'_>, out: &mut Outputs<'_>) {
    let kind = match message {
        Message::Text(_) => Kind::Text,
        Message::Binary(_) => Kind::Binary,
    };
    let bytes = message.as_bytes();
    let mut outbox = |kind, bytes: &[u8]| {
        out.push(Output::Write { lane, bytes: Cow::Owned(bytes.to_vec()), text: kind == Kind::Text });
    };
    let mut append = |out: &mut Vec<u8>| out.extend_from_slice(bytes);
    dialect.wrapping().message(kind, bytes.len(), &mut append, &mut outbox);
}
