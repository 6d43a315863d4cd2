//! The server's session, of the real trait: it counts and keeps.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use everywire_core::Reason;
use everywire_protocols::seam::{Message, Time};
use everywire_protocols::session::{Facts, Input, Lane, LaneEnd, Output, Outputs, Session};

/// What is kept beyond this makes the session hold back. (SignalR: `StatefulReconnectBufferSize`, 100,000 bytes.)
const BOUND: usize = 60;

/// How long a session lives without a lane. (SignalR: `DisconnectTimeout`.)
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct Stateful {
    opened: bool,
    closed: bool,
    lane: Option<Lane>,
    /// Since when it has none.
    alone_since: Option<Time>,
    /// Whether the protocol has yet to say what comes before a replay.
    resuming: bool,
    /// What has not been acknowledged, oldest first.
    kept: VecDeque<Vec<u8>>,
    kept_bytes: usize,
    /// The number of the first that is kept, or of the next.
    first: u64,
    held: bool,
}

impl Stateful {
    pub(super) fn new() -> Self {
        Self { first: 1, ..Self::default() }
    }

    fn lane_opened(&mut self, lane: Lane, out: &mut Outputs<'_>) {
        if !self.opened {
            self.opened = true;
            self.lane = Some(lane);
            out.push(Output::Opened(Facts { resumable: true, ..Facts::default() }));
            out.push(Output::Indirect);
            return;
        }
        // The one before may not have been seen to be gone.
        if let Some(old) = self.lane.replace(lane) {
            out.push(Output::End { lane: old, reason: Reason::Lost });
        }
        self.alone_since = None;
        self.resuming = true;
        out.push(Output::Resumed { from: self.first });
    }

    fn send(&mut self, message: Message<'_>, retain: bool, out: &mut Outputs<'_>) {
        let bytes = message.as_bytes();
        if let Some(lane) = self.lane.filter(|_| !self.resuming || !retain) {
            out.push(Output::Write { lane, bytes: Cow::Owned(bytes.to_vec()), text: true });
        }
        if retain {
            self.kept_bytes += bytes.len();
            self.kept.push_back(bytes.to_vec());
            self.weigh(out);
        }
    }

    /// The protocol has spoken: the rest again, from the first on.
    fn replay(&mut self, out: &mut Outputs<'_>) {
        if !std::mem::take(&mut self.resuming) {
            return;
        }
        if let Some(lane) = self.lane {
            let again = self.kept.iter().map(|bytes| Cow::Owned(bytes.clone()));
            out.extend(again.map(|bytes| Output::Write { lane, bytes, text: true }));
        }
        self.weigh(out);
    }

    fn acknowledged(&mut self, upto: u64, out: &mut Outputs<'_>) {
        if upto >= self.first + self.kept.len() as u64 {
            return self.close(Reason::ProtocolError, out);
        }
        while self.first <= upto {
            let Some(bytes) = self.kept.pop_front() else { break };
            self.kept_bytes -= bytes.len();
            self.first += 1;
        }
        self.weigh(out);
    }

    /// Holds back, or no more.
    fn weigh(&mut self, out: &mut Outputs<'_>) {
        let hold = self.lane.is_none() || self.kept_bytes > BOUND;
        if hold != std::mem::replace(&mut self.held, hold) {
            out.push(if hold { Output::Hold } else { Output::Release });
        }
    }

    fn lane_closed(&mut self, now: Time, lane: Lane, how: LaneEnd, out: &mut Outputs<'_>) {
        if self.lane != Some(lane) {
            return;
        }
        self.lane = None;
        self.resuming = false;
        match how {
            LaneEnd::Aborted => {
                self.alone_since = Some(now);
                self.weigh(out);
            }
            LaneEnd::Finished(_) | LaneEnd::Fault(_) => self.close(how.reason(), out),
        }
    }

    fn close(&mut self, reason: Reason, out: &mut Outputs<'_>) {
        self.closed = true;
        out.extend(self.lane.take().map(|lane| Output::End { lane, reason }));
        out.push(Output::Closed(reason));
    }
}

impl Session for Stateful {
    fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Outputs<'a>) {
        if self.closed {
            return;
        }
        match input {
            Input::LaneOpened { lane, .. } => self.lane_opened(lane, out),
            Input::Message { lane, message } if self.lane == Some(lane) => out.push(Output::Message(message)),
            Input::LaneClosed { lane, how } => self.lane_closed(now, lane, how, out),
            Input::Send { message, retain, .. } => self.send(message, retain, out),
            Input::Drained => self.replay(out),
            Input::Acknowledged(upto) => self.acknowledged(upto, out),
            Input::Close(reason) => self.close(reason, out),
            Input::Tick => {
                if self.deadline().is_some_and(|deadline| now >= deadline) {
                    self.close(Reason::Lost, out);
                }
            }
            // A message here is one from a lane that has been replaced.
            Input::Message { .. }
            | Input::Joined { .. }
            | Input::Resumable(_)
            | Input::Pong { .. }
            | Input::LaneWritable { .. } => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.alone_since.filter(|_| !self.closed).map(|since| since.after(PATIENCE))
    }
}
