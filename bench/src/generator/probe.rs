//! Finds out when all connections are members of the room.
//!
//! A handshake is answered before the server has done the rest, so one connection sends probes until all connections
//! have seen the latest one. As a room keeps the order, nothing of the probes is then still on its way.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Load;
use crate::message::{Batch, Stamp};
use crate::publication::{Checkers, Publication};
use crate::wire::Frame;

/// The sender in the stamp of a probe.
const PROBE: u16 = u16::MAX;

/// After so long without the last one having reached everybody, the next probe is sent.
const PATIENCE: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub(crate) struct Probe {
    checkers: Checkers,
    batch: Batch,
    /// The latest probe that each connection saw, counted from 1.
    seen: Vec<u64>,
    sent: u64,
    /// Connections that have not seen the latest.
    missing: usize,
    again: Instant,
    received: u64,
}

impl Probe {
    pub(crate) fn new(publication: &Publication, compressed: bool, members: usize) -> Self {
        Self {
            checkers: publication.checkers(compressed),
            batch: publication.batch(),
            seen: vec![0; members],
            sent: 0,
            missing: members,
            again: Instant::now(),
            received: 0,
        }
    }
}

impl Load for Probe {
    fn on_message(&mut self, index: usize, frame: &Frame<'_>) -> Result<()> {
        let stamp = self.checkers.check(index, frame, self.sent)?;
        let seen = &mut self.seen[index];
        ensure!(
            stamp.sender == PROBE && (*seen + 1..=self.sent).contains(&stamp.sequence),
            "{stamp:?} after probe {seen} of {}",
            self.sent
        );
        *seen = stamp.sequence;
        self.missing -= usize::from(stamp.sequence == self.sent);
        self.received += 1;
        // A large room may need longer than the patience for one probe: only silence calls for another.
        self.again = Instant::now() + PATIENCE;
        Ok(())
    }

    fn next(&mut self) -> Option<(usize, &[u8])> {
        if self.missing == 0 || Instant::now() < self.again {
            return None;
        }
        self.sent += 1;
        self.missing = self.seen.len();
        self.again = Instant::now() + PATIENCE;
        Some((0, self.batch.stamped(Stamp { sender: PROBE, sequence: self.sent }, 1)))
    }

    fn wake(&self) -> Option<Instant> {
        Some(self.again)
    }

    fn stop(&mut self) {
        self.missing = 0;
    }

    fn is_done(&self) -> bool {
        self.missing == 0
    }

    fn received(&self) -> u64 {
        self.received
    }
}
