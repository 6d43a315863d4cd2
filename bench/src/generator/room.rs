//! A room: what a publisher sends has to reach every member, itself included, exactly once and in order.
//!
//! A message is in flight until the last member has it. Each is written by itself, as by a publisher who calls `send`
//! for each: were a window written at once, a server that never waits would find all of it in one `recv`, by the
//! generator's courtesy.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Load;
use crate::message::{Batch, Stamp};
use crate::publication::{Checkers, Publication};
use crate::wire::Frame;

/// When a publisher sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Feed {
    /// As soon as fewer than so many of its messages are in flight.
    Window(usize),
    /// By the clock, whatever is in flight.
    Every(Duration),
}

/// Messages that a publisher by the clock may have in flight: a peer that falls behind further has failed.
const BEHIND: usize = 1 << 12;

#[derive(Debug)]
pub(crate) struct Room {
    checkers: Checkers,
    batch: Batch,
    members: usize,
    publishers: Vec<Publisher>,
    /// The next sequence number from each publisher (inner) to each member (outer).
    expected: Vec<u32>,
    /// Publishers that may send.
    ready: Vec<usize>,
    clock: Option<Clock>,
    /// Messages times members that have not arrived.
    in_flight: usize,
    received: u64,
    stopped: bool,
}

#[derive(Debug)]
struct Publisher {
    sent: u64,
    /// Messages that everybody has. They become complete in order, as each member gets them in order.
    complete: u64,
    /// Members that wait for a message, at its sequence number modulo the length.
    missing: Vec<u32>,
    /// Messages that may be sent now.
    credit: usize,
}

#[derive(Debug)]
struct Clock {
    every: Duration,
    due: Instant,
    /// When each message was due, by sequence number. Time counts from there and not from the moment at which a
    /// generator that was busy sent it, so that a wait in the generator's own queue counts too.
    was_due: Vec<Instant>,
    /// First message that is measured.
    from: Option<u64>,
    /// How long each delivery took, in microseconds.
    latencies: Vec<u32>,
}

impl Room {
    pub(crate) fn new(
        publication: &Publication,
        compressed: bool,
        members: usize,
        publishers: usize,
        feed: Feed,
    ) -> Self {
        let (credit, behind, clock) = match feed {
            Feed::Window(window) => (window, window, None),
            Feed::Every(every) => {
                let clock = Clock {
                    every,
                    due: Instant::now(),
                    was_due: Vec::new(),
                    from: None,
                    latencies: Vec::new(),
                };
                (0, BEHIND, Some(clock))
            }
        };
        let publisher = || Publisher { sent: 0, complete: 0, missing: vec![0; behind], credit };
        Self {
            checkers: publication.checkers(compressed),
            batch: publication.batch(),
            members,
            publishers: std::iter::repeat_with(publisher).take(publishers).collect(),
            expected: vec![0; members * publishers],
            ready: (0..publishers).collect(),
            clock,
            in_flight: 0,
            received: 0,
            stopped: false,
        }
    }

    /// From here on latencies are taken.
    pub(crate) fn measure(&mut self) {
        if let Some(clock) = &mut self.clock {
            clock.from = Some(self.publishers[0].sent);
        }
    }

    /// The latency of each delivery of the messages that were due since [`Self::measure`], in microseconds.
    pub(crate) fn into_latencies(self) -> Vec<u32> {
        self.clock.map(|clock| clock.latencies).unwrap_or_default()
    }
}

impl Load for Room {
    fn on_message(&mut self, index: usize, frame: &Frame<'_>) -> Result<()> {
        // Which publisher it is from is known only after the check; a hint for the first is all that it needs.
        let row = index * self.publishers.len();
        let stamp = self.checkers.check(index, frame, u64::from(self.expected[row]))?;
        let from = usize::from(stamp.sender);
        ensure!(from < self.publishers.len(), "{stamp:?} of a publisher that does not exist");
        let publisher = &mut self.publishers[from];
        let expected = &mut self.expected[row + from];
        ensure!(
            stamp.sequence == u64::from(*expected) && stamp.sequence < publisher.sent,
            "{stamp:?} where number {expected} was due"
        );
        *expected += 1;
        self.received += 1;
        self.in_flight -= 1;
        let slot = stamp.sequence as usize % publisher.missing.len();
        publisher.missing[slot] -= 1;
        if publisher.missing[slot] == 0 {
            publisher.complete += 1;
            if self.clock.is_none() {
                publisher.credit += 1;
                if publisher.credit == 1 {
                    self.ready.push(from);
                }
            }
        }
        if let Some(clock) = &mut self.clock {
            ensure!(publisher.sent - publisher.complete < BEHIND as u64, "{BEHIND} messages behind");
            if clock.from.is_some_and(|from| stamp.sequence >= from) {
                let latency = clock.was_due[stamp.sequence as usize].elapsed();
                clock.latencies.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<(usize, &[u8])> {
        if self.stopped {
            return None;
        }
        let from = if let Some(clock) = &mut self.clock {
            let publisher = &self.publishers[0];
            if Instant::now() < clock.due || publisher.sent - publisher.complete >= BEHIND as u64 {
                return None;
            }
            clock.was_due.push(clock.due);
            clock.due += clock.every;
            0
        } else {
            let from = *self.ready.last()?;
            let publisher = &mut self.publishers[from];
            publisher.credit -= 1;
            if publisher.credit == 0 {
                self.ready.pop();
            }
            from
        };
        let publisher = &mut self.publishers[from];
        let stamp = Stamp { sender: from as u16, sequence: publisher.sent };
        let slot = publisher.sent as usize % publisher.missing.len();
        publisher.missing[slot] = self.members as u32;
        publisher.sent += 1;
        self.in_flight += self.members;
        // Publishers sit all over the room, not all among the first who joined.
        let index = from * self.members / self.publishers.len();
        Some((index, self.batch.stamped(stamp, 1)))
    }

    fn wake(&self) -> Option<Instant> {
        self.clock.as_ref().filter(|_| !self.stopped).map(|clock| clock.due)
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn is_done(&self) -> bool {
        self.stopped && self.in_flight == 0
    }

    fn received(&self) -> u64 {
        self.received
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
