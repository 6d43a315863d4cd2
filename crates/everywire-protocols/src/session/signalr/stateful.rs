//! A client that may come back on another WebSocket: what is sent is kept until it is acknowledged, and sent again.
//!
//! The session counts and keeps, and never looks into a message; which of them count, the acknowledgements and the message
//! that opens a replay are the protocol's. Beyond a bound it holds back, and what is sent then waits in the mailbox.

use std::borrow::Cow;
use std::collections::VecDeque;

use everywire_core::Reason;

use super::super::{Lane, Output, Outputs};
use crate::seam::{Decoded, Message, Time};

/// What such a client has.
#[derive(Debug)]
pub(super) struct Stateful {
    pub(super) lane: Option<Lane>,
    /// Since when it has none.
    pub(super) alone_since: Option<Time>,
    bound: usize,
    /// Whether it can come back: before the handshake nobody knows.
    pub(super) may: bool,
    /// Whether the protocol has yet to say what comes before a replay.
    resuming: bool,
    /// Whether nothing may be sent before the client's first message behind the handshake: what comes with the answer to
    /// that, official clients in JavaScript hear and do not count.
    early: bool,
    /// What has not been acknowledged, oldest first.
    kept: VecDeque<Decoded>,
    kept_bytes: usize,
    /// The number of the first that is kept, or of the next.
    first: u64,
    holds: bool,
    /// Whether the WebSocket takes no more for now.
    blocked: bool,
}

impl Stateful {
    pub(super) fn new(lane: Lane, bound: usize) -> Self {
        Self {
            lane: Some(lane),
            alone_since: None,
            bound,
            may: false,
            resuming: false,
            early: false,
            kept: VecDeque::new(),
            kept_bytes: 0,
            first: 1,
            holds: false,
            blocked: false,
        }
    }

    /// The client can come back.
    pub(super) fn agreed(&mut self, out: &mut Outputs<'_>) {
        self.may = true;
        self.early = true;
        self.weigh(out);
    }

    /// The client has spoken.
    pub(super) fn heard(&mut self, out: &mut Outputs<'_>) {
        if std::mem::take(&mut self.early) {
            self.weigh(out);
        }
    }

    /// The client is back. The WebSocket before may not have been seen to be gone.
    pub(super) fn back_on(&mut self, lane: Lane, out: &mut Outputs<'_>) {
        if let Some(old) = self.lane.replace(lane) {
            out.push(Output::End { lane: old, reason: Reason::Lost });
        }
        self.alone_since = None;
        self.blocked = false;
        self.resuming = true;
        self.early = false;
        out.push(Output::Resumed { from: self.first });
    }

    /// The WebSocket takes no more, or all has left again.
    pub(super) fn blocked(&mut self, is: bool, out: &mut Outputs<'_>) {
        self.blocked = is;
        self.weigh(out);
    }

    /// The WebSocket is lost.
    pub(super) fn lost(&mut self, now: Time, out: &mut Outputs<'_>) {
        self.lane = None;
        self.blocked = false;
        self.resuming = false;
        self.alone_since = Some(now);
        out.push(Output::Suspended);
        self.weigh(out);
    }

    pub(super) fn send(&mut self, message: Message<'_>, retain: bool, out: &mut Outputs<'_>) {
        if let Some(lane) = self.lane.filter(|_| !self.resuming || !retain) {
            out.push(write(lane, message));
        }
        if retain {
            self.kept_bytes += message.as_bytes().len();
            self.kept.push_back(Decoded::from(message));
            self.weigh(out);
        }
    }

    /// The protocol has spoken: the rest again, from the first on.
    pub(super) fn replay(&mut self, out: &mut Outputs<'_>) {
        if !std::mem::take(&mut self.resuming) {
            return;
        }
        if let Some(lane) = self.lane {
            out.extend(self.kept.iter().map(|kept| write(lane, kept.as_message())));
        }
        self.weigh(out);
    }

    /// The client holds all up to this number. False if it was never sent.
    pub(super) fn acknowledged(&mut self, upto: u64, out: &mut Outputs<'_>) -> bool {
        if upto >= self.first + self.kept.len() as u64 {
            return false;
        }
        while self.first <= upto {
            let Some(kept) = self.kept.pop_front() else { break };
            self.kept_bytes -= kept.as_message().as_bytes().len();
            self.first += 1;
        }
        self.weigh(out);
        true
    }

    /// Holds back, or no more.
    fn weigh(&mut self, out: &mut Outputs<'_>) {
        let holds = self.lane.is_none()
            || self.resuming
            || self.early
            || self.blocked
            || self.kept_bytes > self.bound;
        if holds != std::mem::replace(&mut self.holds, holds) {
            out.push(if holds { Output::Hold } else { Output::Release });
        }
    }
}

pub(super) fn write<'a>(lane: Lane, message: Message<'_>) -> Output<'a> {
    let text = matches!(message, Message::Text(_));
    Output::Write { lane, bytes: Cow::Owned(message.as_bytes().to_vec()), text }
}
