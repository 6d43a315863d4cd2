//! Who pings whom, and when a silent client is gone.
//!
//! Revision 4: the server pings, first after an interval and never at once, and again an interval after each pong. A client
//! that owes a pong and sends another packet lives, so its time begins anew, but only once a ping. Revision 3: the client
//! pings, and is gone when it has not for an interval and a timeout.

use std::time::Duration;

use super::packet::Revision;
use crate::seam::Time;

/// How fast a heart beats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
}

impl Pace {
    fn patience(self) -> Duration {
        self.interval.saturating_add(self.timeout)
    }
}

/// The heart of one session, on the server's side; on the client's it is that of the other revision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heartbeat {
    waits: Waits,
    /// Until when.
    at: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// To send a ping.
    ToPing,
    /// For the pong; `extended` if another packet has come meanwhile.
    ForPong { extended: bool },
    /// For a ping.
    ForPing,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Ping,
    /// The client is gone.
    End,
}

impl Heartbeat {
    pub(super) fn begin(revision: Revision, now: Time, pace: Pace) -> Self {
        match revision {
            Revision::Four => Self { waits: Waits::ToPing, at: later(now, pace.interval) },
            Revision::Three => Self { waits: Waits::ForPing, at: later(now, pace.patience()) },
        }
    }

    /// Whether a packet that is no part of the heartbeat makes a difference.
    pub(super) fn is_owed(self) -> bool {
        self.waits == (Waits::ForPong { extended: false })
    }

    /// Such a packet came.
    pub(super) fn heard(&mut self, now: Time, pace: Pace) {
        if self.is_owed() {
            *self = Self { waits: Waits::ForPong { extended: true }, at: later(now, pace.timeout) };
        }
    }

    /// A pong came. False if it is not the client who may send one.
    pub(super) fn pong(&mut self, now: Time, pace: Pace) -> bool {
        if self.waits == Waits::ForPing {
            return false;
        }
        // Also one that nobody asked for.
        *self = Self { waits: Waits::ToPing, at: later(now, pace.interval) };
        true
    }

    /// A ping came. False if it is not the client who may send one.
    pub(super) fn ping(&mut self, now: Time, pace: Pace) -> bool {
        if self.waits != Waits::ForPing {
            return false;
        }
        self.at = later(now, pace.patience());
        true
    }

    /// What may have come was not read: a client that owes something has time anew, and is pinged anew.
    pub(super) fn unheard(&mut self, now: Time, pace: Pace) {
        match self.waits {
            Waits::ForPong { .. } if now >= self.at => self.waits = Waits::ToPing,
            Waits::ForPing if now >= self.at => self.at = later(now, pace.patience()),
            Waits::ToPing | Waits::ForPong { .. } | Waits::ForPing => {}
        }
    }

    pub(super) fn tick(&mut self, now: Time, pace: Pace) -> Option<Due> {
        if now < self.at {
            return None;
        }
        if self.waits != Waits::ToPing {
            return Some(Due::End);
        }
        *self = Self { waits: Waits::ForPong { extended: false }, at: later(now, pace.timeout) };
        Some(Due::Ping)
    }

    pub(super) fn deadline(self) -> Time {
        self.at
    }
}

/// Never now: what is due at once would be due for ever.
fn later(now: Time, by: Duration) -> Time {
    now.after(by.max(Duration::from_millis(1)))
}

#[cfg(test)]
#[path = "heartbeat_tests.rs"]
mod tests;
