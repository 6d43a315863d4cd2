//! The numbers of a stateful reconnect, at the receiver's end: each peer numbers what it sends, from 1, and sends again
//! what it has not been told to have come.
//!
//! Counted are messages of the kinds 1 to 5, and whole ones, whatever becomes of them: .NET's own receiver forgets some
//! that it cannot bind, which shifts all numbers behind.

use std::time::Duration;

use crate::seam::Time;

/// What has come is acknowledged at most so often.
const ACK_EVERY: Duration = Duration::from_secs(1);

/// Numbers what comes: drops what was there before, and says once a second how far it is.
#[derive(Debug)]
pub(super) struct Counter {
    /// The number of the next.
    next: u64,
    seen: u64,
    ack_at: Option<Time>,
    /// Whether the client is back, and has not said yet where it begins: what it says before that is ignored.
    deaf: bool,
    /// Whether the client has no lane now.
    away: bool,
}

impl Counter {
    pub(super) fn new() -> Self {
        Self { next: 1, seen: 0, ack_at: None, deaf: false, away: false }
    }

    /// Whether this message is a new one.
    pub(super) fn count(&mut self, now: Time) -> bool {
        if self.deaf {
            return false;
        }
        let number = self.next;
        self.next += 1;
        if number >= self.seen {
            // Also for the last that was seen before: it is sent again because our word of it was lost.
            self.ack_at.get_or_insert(now.after(ACK_EVERY));
        }
        let is_new = number > self.seen;
        self.seen = self.seen.max(number);
        is_new
    }

    /// The client is back on another lane.
    pub(super) fn resumed(&mut self) {
        self.deaf = true;
        self.away = false;
    }

    /// The client has lost its lane.
    pub(super) fn suspended(&mut self) {
        self.away = true;
    }

    pub(super) fn is_away(&self) -> bool {
        self.away
    }

    pub(super) fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// What comes next has this number. False if something before it has never come.
    pub(super) fn restart(&mut self, from: u64) -> bool {
        self.deaf = false;
        self.next = from;
        from > 0 && from <= self.seen + 1
    }

    /// How far it is, if that is to be said now.
    pub(super) fn ack(&mut self, now: Time) -> Option<u64> {
        self.ack_at.take_if(|at| now >= *at).map(|_| self.seen)
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.ack_at
    }
}
