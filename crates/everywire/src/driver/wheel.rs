//! One coarse timer for all sessions: ten bytes each instead of a timer's two hundred.
//!
//! A session has at most one entry, for its next deadline or earlier. When its slot comes up the
//! session's task is woken, looks at its deadlines, and enters itself again. Deadlines are rounded
//! down to a tick, so a session is woken at most one tick early and never late. One that may not be early enters itself once
//! more, and is woken at most one tick late.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use everywire_core::Link;
use everywire_protocols::seam::Time;
use parking_lot::Mutex;

const SLOTS: usize = 64;

/// The wheel. Deadlines further away than a turn are entered at its end and looked at once a turn.
pub(crate) struct Wheel {
    begun: Instant,
    /// In milliseconds, as the time that machines know: what is between would add up with every tick.
    tick: u64,
    state: Mutex<State>,
}

struct State {
    /// The next tick to be run.
    next: u64,
    slots: [Vec<Weak<dyn Link>>; SLOTS],
}

impl Wheel {
    /// A wheel for deadlines of which the shortest interval is this: the tick is a sixteenth of it,
    /// and at most a second.
    pub(crate) fn new(shortest: Duration) -> Arc<Self> {
        let tick = (shortest.as_millis() / 16).clamp(5, 1000) as u64;
        let state = State { next: 1, slots: std::array::from_fn(|_| Vec::new()) };
        Arc::new(Self { begun: Instant::now(), tick, state: Mutex::new(state) })
    }

    /// How coarse it is.
    pub(crate) fn tick(&self) -> Duration {
        Duration::from_millis(self.tick)
    }

    /// Now, in the time that machines know.
    pub(crate) fn now(&self) -> Time {
        Time(self.begun.elapsed().as_millis() as u64)
    }

    /// Has the session woken at its deadline, or at most a tick earlier. Gives back when.
    pub(crate) fn enter(&self, link: &Arc<dyn Link>, deadline: Time) -> Time {
        let mut state = self.state.lock();
        let due = (deadline.0 / self.tick).clamp(state.next, state.next + SLOTS as u64 - 1);
        state.slots[due as usize % SLOTS].push(Arc::downgrade(link));
        Time(due * self.tick)
    }

    /// When this tick is run.
    fn at(&self, tick: u64) -> Instant {
        self.begun + Duration::from_millis(self.tick * tick)
    }

    /// Wakes what is due. Ends when nobody else holds the wheel.
    pub(crate) async fn run(wheel: Weak<Self>) {
        loop {
            let Some(strong) = wheel.upgrade() else { return };
            let next = strong.state.lock().next;
            let at = strong.at(next);
            drop(strong);
            tokio::time::sleep_until(at.into()).await;
            let Some(strong) = wheel.upgrade() else { return };
            for link in strong.due() {
                if let Some(link) = link.upgrade() {
                    link.mailbox().wake();
                }
            }
        }
    }

    fn due(&self) -> Vec<Weak<dyn Link>> {
        let mut state = self.state.lock();
        let slot = state.next as usize % SLOTS;
        state.next += 1;
        std::mem::take(&mut state.slots[slot])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_run_when_deadlines_say_so_however_long_it_runs() {
        for shortest in [1, 100, 500, 527, 5000, 7777, 60_000] {
            let wheel = Wheel::new(Duration::from_millis(shortest));
            for days in [0, 1, 1000] {
                let deadline = days * 86_400_000 + 12_345;
                let run = (wheel.at(deadline / wheel.tick) - wheel.begun).as_millis() as u64;
                assert!(run <= deadline && deadline - run < wheel.tick, "{shortest} ms, after {days} days");
            }
        }
    }
}
