//! All open sessions of an application: how many there are, what they hold, and their end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use everywire_core::{Link, Reason};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::requests::Requests;

/// The open sessions.
pub(crate) struct Sessions {
    state: Mutex<Places>,
    count: AtomicUsize,
    /// Requests that have been let in and are no sessions yet.
    arriving: AtomicUsize,
    /// Sessions that have ended, and that their clients can still ask about.
    lingering: AtomicUsize,
    shards: usize,
    next_shard: AtomicUsize,
    /// Set when no new session may open.
    closing: std::sync::atomic::AtomicBool,
    emptied: Notify,
    /// The HTTP connections that they come by.
    pub(crate) requests: Requests,
}

#[derive(Default)]
struct Places {
    taken: Vec<Option<Weak<dyn Link>>>,
    free: Vec<u32>,
}

/// A session's place among the others; dropped when the session is over.
pub(crate) struct Place {
    sessions: Arc<Sessions>,
    place: u32,
}

/// A request that has been let in: until it has become a session, or has been answered, it counts like one, so that
/// no burst of handshakes passes the bound, and shutting down waits for the one that is just being answered.
pub(crate) struct Arriving(Arc<Sessions>);

/// A session that has ended and of whose end its client is still to hear, by a request that may never come: no shutdown waits
/// for that, and still it has memory, so it takes the room of one that is open.
pub(crate) struct Lingering(Arc<Sessions>);

impl Sessions {
    pub(crate) fn new(shards: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            count: AtomicUsize::new(0),
            arriving: AtomicUsize::new(0),
            lingering: AtomicUsize::new(0),
            shards,
            next_shard: AtomicUsize::new(0),
            closing: std::sync::atomic::AtomicBool::new(false),
            emptied: Notify::new(),
            requests: Requests::new(),
        })
    }

    /// Which flusher serves the next session.
    pub(crate) fn next_shard(&self) -> usize {
        self.next_shard.fetch_add(1, Ordering::Relaxed) % self.shards
    }

    /// A new session. One whose request was let in just before the end of all is ended at once.
    pub(crate) fn enter(self: &Arc<Self>, link: &Arc<dyn Link>) -> Place {
        let mut places = self.state.lock();
        self.count.fetch_add(1, Ordering::Relaxed);
        let weak = Some(Arc::downgrade(link));
        let place = if let Some(free) = places.free.pop() {
            places.taken[free as usize] = weak;
            free
        } else {
            places.taken.push(weak);
            (places.taken.len() - 1) as u32
        };
        drop(places);
        if self.is_closing() {
            link.mailbox().end(Reason::Shutdown, true);
        }
        Place { sessions: self.clone(), place }
    }

    /// Lets a request in, unless `most` are there.
    pub(crate) fn arrive(self: &Arc<Self>, most: usize) -> Option<Arriving> {
        let before = self.arriving.fetch_add(1, Ordering::AcqRel);
        let arriving = Arriving(self.clone());
        (before + self.taken() < most).then_some(arriving)
    }

    /// A session has ended that its client can still ask about.
    pub(crate) fn linger(self: &Arc<Self>) -> Lingering {
        self.lingering.fetch_add(1, Ordering::AcqRel);
        Lingering(self.clone())
    }

    /// How many have room: those that are open, and those that linger.
    pub(crate) fn taken(&self) -> usize {
        self.len() + self.lingering.load(Ordering::Acquire)
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.links().iter().map(|link| u64::from(link.mailbox().waiting_bytes())).sum()
    }

    /// Lets no new session open, and ends all with this reason.
    pub(crate) fn end_all(&self, reason: Reason) {
        self.closing.store(true, Ordering::Release);
        for link in self.links() {
            link.mailbox().end(reason, true);
        }
    }

    /// Waits until no session is left, and none is about to be.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            // In this order: a request that becomes a session is counted as one first.
            if self.arriving.load(Ordering::Acquire) == 0 && self.len() == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn links(&self) -> Vec<Arc<dyn Link>> {
        self.state.lock().taken.iter().flatten().filter_map(Weak::upgrade).collect()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if self.0.arriving.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        self.0.lingering.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.sessions.state.lock();
        places.taken[self.place as usize] = None;
        places.free.push(self.place);
        if self.sessions.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.sessions.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn whoever_has_been_let_in_counts_before_its_session_begins() {
        let sessions = Sessions::new(1);
        let (first, second) = (sessions.arrive(2), sessions.arrive(2));
        assert!(first.is_some() && second.is_some());
        assert!(sessions.arrive(2).is_none(), "two are let in, and none is a session yet");
        assert_eq!(sessions.len(), 0);

        let mut emptied = std::pin::pin!(sessions.emptied());
        let cx = &mut Context::from_waker(Waker::noop());
        assert_eq!(emptied.as_mut().poll(cx), Poll::Pending);
        drop(first);
        assert_eq!(emptied.as_mut().poll(cx), Poll::Pending, "one is still to come");
        drop(second);
        assert_eq!(emptied.as_mut().poll(cx), Poll::Ready(()));
        assert!(sessions.arrive(2).is_some(), "who was refused left no trace");
    }
}
