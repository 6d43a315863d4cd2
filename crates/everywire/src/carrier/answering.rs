//! What a host does for its session on its lanes: requests are answered, responses go on, WebSockets are told.

use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use everywire_core::Reason;
use everywire_protocols::seam::Time;
use everywire_protocols::session::{Input, Lane, LaneEnd, Wrapping};

use super::host::Host;
use super::pieces::Slot;
use super::ways::{Stream, Way};
use crate::driver::conversation::{Effect, Effects};
use crate::driver::lanes::{Command, Reply};

impl Host {
    pub(super) fn apply(&mut self, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Respond { lane, status, headers, body, compress } => {
                    let Some(i) = self.lanes.iter().position(|(open, _)| *open == lane) else { continue };
                    let (_, Way::Request(reply)) = self.lanes.remove(i) else { continue };
                    let stream = body.is_none().then(|| {
                        let slot = Arc::<Slot>::default();
                        let pieces = slot.pieces(self.door.link.clone());
                        self.lanes.push((lane, Way::Stream(Stream::new(slot))));
                        pieces
                    });
                    // Who asked may be gone: its lane is closed next.
                    let body = self.door.lend(body.unwrap_or_default());
                    let _ = reply.send(Reply { status, headers: *headers, body, compress, stream });
                }
                Effect::Write { lane, bytes, text } => self.write(lane, bytes, text),
                Effect::Share { lane, wrapping, most } => self.share(lane, wrapping, most),
                Effect::End { lane, .. } => self.end(lane),
                // Sessions of several lanes have heart-beats of their own.
                Effect::Ping => {}
            }
        }
    }

    fn write(&mut self, lane: Lane, bytes: Bytes, text: bool) {
        match self.lanes.iter_mut().find(|(open, _)| *open == lane) {
            Some((_, Way::Stream(stream))) => {
                stream.waiting.push_back(self.door.lend(bytes));
                stream.busy = true;
            }
            _ => self.command(lane, Command::Write { bytes, text }),
        }
    }

    pub(super) fn end(&mut self, lane: Lane) {
        let Some(i) = self.lanes.iter().position(|(open, _)| *open == lane) else { return };
        match self.lanes.remove(i).1 {
            Way::Stream(stream) => {
                self.door.link.unshare(&stream.slot);
                stream.slot.end(stream.waiting);
            }
            // A WebSocket that is gone has its lane closed next.
            Way::Socket(commands) => _ = commands.send(Command::End),
            Way::Request(_) => {}
        }
    }

    /// Whoever publishes may write to this response.
    fn share(&mut self, lane: Lane, wrapping: Wrapping, most: usize) {
        if let Some((_, Way::Stream(stream))) = self.lanes.iter_mut().find(|(open, _)| *open == lane) {
            // What the session has said comes first: others may write from when the mailbox is clear.
            stream.hand_on();
            let slot = stream.slot.clone();
            if self.conversation().write_to_response(wrapping) {
                slot.share(most);
                self.door.link.share(slot);
            }
        }
    }

    /// Nobody is answered any more; streams end behind what was written.
    pub(super) fn let_go(&mut self) {
        while let Some(&(lane, _)) = self.lanes.last() {
            self.end(lane);
        }
    }

    /// Hands on what was written to responses that go on, and tells the session how they fare.
    pub(super) fn stream(&mut self, cx: &mut Context<'_>, now: Time) {
        let write_timeout = self.conversation().options().write_timeout;
        let mut i = 0;
        while i < self.lanes.len() {
            let (lane, Way::Stream(stream)) = &mut self.lanes[i] else {
                i += 1;
                continue;
            };
            let lane = *lane;
            let written = stream.slot.take_written();
            stream.go_on(now);
            let is_stuck = stream.stuck_since.is_some_and(|since| since.after(write_timeout) <= now);
            let input = if stream.slot.is_gone() {
                Input::LaneClosed { lane, how: LaneEnd::Aborted }
            } else if is_stuck {
                Input::LaneClosed { lane, how: LaneEnd::Fault(Reason::WriteTimeout) }
            } else if written > 0 {
                Input::Shared { lane, bytes: written }
            } else if stream.busy && stream.has_left() {
                stream.busy = false;
                Input::LaneWritable { lane }
            } else {
                i += 1;
                continue;
            };
            if let Input::LaneClosed { .. } = input {
                self.end(lane);
            }
            let mut effects = Effects::new();
            self.conversation().tell(cx, now, input, &mut effects);
            self.apply(effects);
        }
    }

    pub(super) fn command(&self, lane: Lane, command: Command) {
        if let Some((_, Way::Socket(commands))) = self.lanes.iter().find(|(open, _)| *open == lane) {
            // A WebSocket that is gone has its lane closed next.
            let _ = commands.send(command);
        }
    }
}
