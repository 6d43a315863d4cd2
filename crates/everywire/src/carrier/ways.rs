//! How the lanes of a hosted session are answered, and what comes by them.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use everywire_protocols::seam::Time;
use everywire_protocols::session::Lane;

use super::pieces::Slot;
use crate::driver::lanes::{Command, Reply};

/// How a lane is answered.
pub(super) enum Way {
    Request(tokio::sync::oneshot::Sender<Reply>),
    Socket(tokio::sync::mpsc::UnboundedSender<Command>),
    Stream(Stream),
}

/// A response that goes on.
pub(super) struct Stream {
    pub(super) slot: Arc<Slot>,
    /// What has not been put there.
    pub(super) waiting: VecDeque<Bytes>,
    /// Whether the session has yet to hear that all has left.
    pub(super) busy: bool,
    /// Since when the client has taken nothing of what is there.
    pub(super) stuck_since: Option<Time>,
}

impl Stream {
    pub(super) fn new(slot: Arc<Slot>) -> Self {
        Self { slot, waiting: VecDeque::new(), busy: false, stuck_since: None }
    }

    /// Hands on what waits, if what was there before is taken.
    pub(super) fn go_on(&mut self, now: Time) {
        // Others write as well, so there may always be something although the client reads.
        if self.slot.take_progress() {
            self.stuck_since = None;
        }
        if self.slot.is_full() {
            self.stuck_since.get_or_insert(now);
            return;
        }
        self.stuck_since = None;
        if !self.waiting.is_empty() {
            self.hand_on();
            self.stuck_since = Some(now);
        }
    }

    /// Hands on what waits, behind what is there.
    pub(super) fn hand_on(&mut self) {
        if !self.waiting.is_empty() {
            self.slot.put(std::mem::take(&mut self.waiting), false);
        }
    }

    pub(super) fn has_left(&self) -> bool {
        self.waiting.is_empty() && !self.slot.is_full()
    }
}

/// A body that was posted.
pub(super) struct Posted {
    pub(super) lane: Lane,
    pub(super) bytes: Bytes,
    pub(super) text: bool,
}

/// Bodies behind more events than may wait, in order. Most clients post no other before they have their answer.
#[derive(Default)]
pub(super) struct Held(VecDeque<Posted>);

impl Held {
    /// Keeps a body until its turn comes. False if those that wait have more than so many bytes by now.
    pub(super) fn keep(&mut self, posted: Posted, most: usize) -> bool {
        let bytes: usize = self.0.iter().map(|held| held.bytes.len() + FIXED_COST).sum();
        self.0.push_back(posted);
        self.0.len() == 1 || bytes <= most
    }

    pub(super) fn next(&mut self) -> Option<Posted> {
        self.0.pop_front()
    }

    pub(super) fn forget(&mut self, lane: Lane) {
        self.0.retain(|posted| posted.lane != lane);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a body that is held counts beside its bytes.
const FIXED_COST: usize = 512;

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use everywire_core::{Mailbox, MailboxOptions};

    use super::*;
    use crate::driver::link::ResponseLink;

    #[test]
    fn who_reads_is_not_stuck_although_more_is_always_there() {
        let mailbox = Mailbox::new(MailboxOptions::default(), true);
        let link = Arc::new(ResponseLink { mailbox, slot: Arc::default() });
        let mut pieces = link.slot.pieces(link.clone());
        let mut take =
            || assert!(matches!(pieces.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Some(_))));
        let mut stream = Stream::new(link.slot.clone());
        stream.slot.share(1000);
        let write = || assert_eq!(link.slot.write(&Bytes::from_static(b"x")).ok(), Some(1));
        write();
        for now in 1..10 {
            write();
            take();
            stream.go_on(Time(now));
            assert_eq!(stream.stuck_since, Some(Time(now)), "something was taken since");
        }
        stream.go_on(Time(10));
        assert_eq!(stream.stuck_since, Some(Time(9)));
        take();
        stream.go_on(Time(11));
        assert_eq!(stream.stuck_since, None);
    }
}
