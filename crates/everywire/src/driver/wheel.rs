//! One coarse timer for all sessions: ten bytes each instead of a timer's two hundred.
//!
//! A session has at most one entry, for its next deadline or earlier. When its slot comes up the
//! session's task is woken, looks at its deadlines, and enters itself again. Deadlines are rounded
//! down to a tick, so a session is woken at most one tick early and never late.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use everywire_core::Link;
use everywire_protocols::seam::Time;
use parking_lot::Mutex;

const SLOTS: usize = 64;

/// The wheel. Deadlines further away than a turn are entered at its end and looked at once a turn.
pub(crate) struct Wheel {
    begun: Instant,
    tick: Duration,
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
        let tick = (shortest / 16).clamp(Duration::from_millis(5), Duration::from_secs(1));
        let state = State { next: 1, slots: std::array::from_fn(|_| Vec::new()) };
        Arc::new(Self { begun: Instant::now(), tick, state: Mutex::new(state) })
    }

    /// How coarse it is.
    pub(crate) fn tick(&self) -> Duration {
        self.tick
    }

    /// Now, in the time that machines know.
    pub(crate) fn now(&self) -> Time {
        Time(self.begun.elapsed().as_millis() as u64)
    }

    /// Has the session woken at its deadline, or at most a tick earlier. Gives back when.
    pub(crate) fn enter(&self, link: &Arc<dyn Link>, deadline: Time) -> Time {
        let tick = self.tick.as_millis() as u64;
        let mut state = self.state.lock();
        let due = (deadline.0 / tick).clamp(state.next, state.next + SLOTS as u64 - 1);
        state.slots[due as usize % SLOTS].push(Arc::downgrade(link));
        Time(due * tick)
    }

    /// Wakes what is due. Ends when nobody else holds the wheel.
    pub(crate) async fn run(wheel: Weak<Self>) {
        loop {
            let Some(strong) = wheel.upgrade() else { return };
            let next = strong.state.lock().next;
            let at = strong.begun + strong.tick * u32::try_from(next).unwrap_or(u32::MAX);
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
