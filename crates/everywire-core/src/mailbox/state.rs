//! The mailbox's states, and every move between them.

use std::collections::VecDeque;
use std::fmt;
use std::task::Waker;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use super::entry::{Class, Entry};
use crate::broadcast::Run;
use crate::vocabulary::Reason;

/// What happens when a mailbox would exceed its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// The session ends with [`Reason::SlowConsumer`].
    #[default]
    Disconnect,
    /// The oldest events go, whole; replies stay, and an overflow made of replies ends the session.
    DropOldest,
}

/// Bounds of a mailbox.
#[derive(Debug, Clone, Copy)]
pub struct MailboxOptions {
    /// Bytes that may wait: payloads, and 128 for each entry. Of a message larger than a quarter of this, a quarter counts:
    /// so a few may wait however large they are, with the answers behind them. Default 1 MiB, as Centrifugo's
    /// `client.queue_max_size`.
    pub bytes: u32,
    /// What happens beyond.
    pub overflow: Overflow,
}

impl Default for MailboxOptions {
    fn default() -> Self {
        Self { bytes: 1 << 20, overflow: Overflow::Disconnect }
    }
}

/// How far the bound is stretched for what has had no chance to leave, and says nothing about the reader: what
/// a handler emits in one go to a socket that was not full, and what a client catches up on.
const BURST: u32 = 8;

/// The share of the bound that an entry counts for at most. A client that polls has what it sent itself, and the receipt, waiting
/// at once; and messages may be as large as the bound.
const LARGEST_SHARE: u32 = 4;

/// How much is handed to the task in one go: what a blocked socket then holds beyond recall.
const DRAIN_BYTES: u32 = 256 * 1024;

/// What waits for one client. See the [module](super) for its states.
pub struct Mailbox {
    state: Mutex<State>,
    options: MailboxOptions,
}

/// The inside of a [`Mailbox`] while its lock is held.
pub(crate) struct State {
    entries: VecDeque<Entry>,
    /// The rest of a write that the socket took only in part: it must leave before anything else.
    unsent: Bytes,
    waker: Option<Waker>,
    /// What `entries` and `unsent` cost.
    bytes: u32,
    /// How many entries the overflow policy or their class dropped.
    dropped: u32,
    /// How much of `bytes` does not count against the bound: what the client catches up on, and what large entries have
    /// beyond their share.
    spared: u32,
    corked: bool,
    /// Whether the socket was not full when the task began, so that nothing that waits is the reader's fault.
    bursting: bool,
    blocked: bool,
    /// Whether somebody other than the task may write whole frames to the socket.
    direct: bool,
    ended: Option<Reason>,
    /// Whether the task knows.
    end_seen: bool,
    /// Whether it was to be woken while it was at work: then it looks once more before it sleeps.
    woken: bool,
}

/// What becomes of an entry.
enum Verdict {
    Append,
    Drop,
    /// The session has ended, or does so now.
    Ended,
}

/// What the session's task has to do next.
#[derive(Debug)]
pub enum Drain {
    /// Write this first: the rest of an earlier write.
    Unsent(Bytes),
    /// Encode and write the entries that were moved into the task's own queue.
    Entries,
    /// Nothing: the mailbox is clear again.
    Clear,
    /// Nothing is left, and the session is to end.
    Ended(Reason),
}

impl Mailbox {
    /// An empty mailbox. With `direct`, whole frames may be written to its socket by others than
    /// its task.
    pub fn new(options: MailboxOptions, direct: bool) -> Self {
        let state = State {
            entries: VecDeque::new(),
            unsent: Bytes::new(),
            waker: None,
            bytes: 0,
            dropped: 0,
            spared: 0,
            corked: false,
            bursting: false,
            blocked: false,
            direct,
            ended: None,
            end_seen: false,
            woken: false,
        };
        Self { state: Mutex::new(state), options }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(crate) fn options(&self) -> MailboxOptions {
        self.options
    }

    /// How many bytes may wait.
    pub fn bound(&self) -> usize {
        self.options.bytes as usize
    }

    /// Appends an entry and wakes the task if nobody else is about to look. False if the session
    /// has ended, in which case the entry is dropped.
    #[inline]
    pub fn push(&self, entry: Entry) -> bool {
        let mut state = self.lock();
        let open = state.append(entry, self.options);
        state.notify();
        open
    }

    /// The session's end: nothing more is taken. With `flush` what waits still leaves first, without it
    /// entries are dropped. A message that has begun to leave is finished in any case, for whatever is
    /// said at the end would otherwise be taken for a part of it. The first reason stays.
    pub fn end(&self, reason: Reason, flush: bool) {
        let mut state = self.lock();
        if state.ended.is_none() {
            state.ended = Some(reason);
        }
        if !flush {
            state.clear();
        }
        // Also when blocked: a peer that reads nothing must not keep its session alive.
        match state.waker.take() {
            Some(waker) => {
                drop(state);
                waker.wake();
            }
            None => state.woken = true,
        }
    }

    /// Why the session is ending, if it is.
    pub fn ended(&self) -> Option<Reason> {
        self.lock().ended
    }

    /// Bytes that wait, fixed costs included: the gauge of a mailbox.
    pub fn waiting_bytes(&self) -> u32 {
        self.lock().bytes
    }

    /// How many entries were dropped so far, by class or policy.
    pub fn dropped(&self) -> u32 {
        self.lock().dropped
    }

    /// Whether somebody other than the task may write whole frames.
    pub fn set_direct(&self, direct: bool) {
        self.lock().direct = direct;
    }

    /// The task begins its work: until [`drain`](Self::drain) says that all is clear, only it writes.
    pub fn cork(&self) {
        self.lock().cork();
    }

    /// As [`cork`](Self::cork), and lends the mailbox an empty queue of the task's, so that what is appended
    /// meanwhile needs no memory of its own. It comes back by [`drain`](Self::drain).
    pub fn cork_with(&self, spare: &mut VecDeque<Entry>) {
        let mut state = self.lock();
        state.cork();
        if state.entries.capacity() == 0 {
            std::mem::swap(&mut state.entries, spare);
        }
    }

    /// What the corked task has to do next. `spare` must be empty and receives entries; when all is
    /// clear, an idle mailbox leaves its buffer there and keeps none.
    pub fn drain(&self, spare: &mut VecDeque<Entry>) -> Drain {
        debug_assert!(spare.is_empty(), "entries of an earlier drain were not written");
        let mut state = self.lock();
        state.corked = true;
        if !state.unsent.is_empty() {
            state.bytes -= state.unsent.len() as u32;
            return Drain::Unsent(std::mem::take(&mut state.unsent));
        }
        state.blocked = false;
        if state.entries.is_empty() {
            if let Some(reason) = state.ended {
                state.end_seen = true;
                return Drain::Ended(reason);
            }
            if state.entries.capacity() > 0 {
                let idle = std::mem::take(&mut state.entries);
                if idle.capacity() > spare.capacity() {
                    *spare = idle;
                }
            }
            state.corked = false;
            state.bursting = false;
            return Drain::Clear;
        }
        if state.bytes <= DRAIN_BYTES {
            std::mem::swap(&mut state.entries, spare);
            state.bytes = 0;
        } else {
            let (mut taken, mut spared) = (0, 0);
            while taken < DRAIN_BYTES
                && let Some(entry) = state.entries.pop_front()
            {
                let cost = entry.item.cost() as u32;
                taken += cost;
                spared += beyond_share(cost, self.options);
                spare.push_back(entry);
            }
            state.bytes -= taken;
            state.spared = state.spared.saturating_sub(spared);
        }
        state.spared = state.spared.min(state.bytes);
        Drain::Entries
    }

    /// The corked task could not write all: `rest` waits, and so does everything behind it.
    pub fn block(&self, rest: Bytes) {
        let mut state = self.lock();
        state.bytes += rest.len() as u32;
        state.unsent = rest;
        state.blocked = true;
        state.corked = false;
        state.bursting = false;
    }

    /// Wakes the task, whatever it is doing: something other than an entry wants it.
    pub fn wake(&self) {
        let mut state = self.lock();
        let waker = state.waker.take();
        state.woken |= waker.is_none();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Has the task woken for whatever comes next, although it has work to do already.
    pub fn wake_later(&self, waker: &Waker) {
        self.lock().waker = Some(waker.clone());
    }

    /// Whether the socket is full and a write waits for it.
    pub fn is_blocked(&self) -> bool {
        self.lock().blocked
    }

    /// The task is about to sleep. False if there is something to do first.
    pub fn park(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        let idle = state.entries.is_empty() && state.unsent.is_empty();
        let untold = state.ended.is_some() && !state.end_seen && (idle || !state.blocked);
        if std::mem::take(&mut state.woken) || untold || !idle && !state.blocked {
            return false;
        }
        match &mut state.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        true
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Mailbox")
            .field("entries", &state.entries.len())
            .field("bytes", &state.bytes)
            .field("corked", &state.corked)
            .field("blocked", &state.blocked)
            .field("ended", &state.ended)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Whether whole frames may be written right now by whoever holds the lock.
    pub(crate) fn is_clear_and_direct(&self) -> bool {
        self.direct && !self.corked && self.ended.is_none() && self.is_empty()
    }

    fn cork(&mut self) {
        self.corked = true;
        self.bursting = !self.blocked && self.unsent.is_empty();
    }

    /// Whether nothing waits, the socket included.
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.unsent.is_empty() && !self.blocked
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// A direct write of `run` took only `written` bytes: the frame that was cut waits as bytes, the
    /// mailbox is blocked, and the number of frames that have begun to leave is returned.
    pub(crate) fn cut(&mut self, run: &Run, written: usize) -> usize {
        self.blocked = true;
        let begun = run.ends.partition_point(|&end| end <= written);
        let start_of_next = begun.checked_sub(1).map_or(0, |last| run.ends[last]);
        if written == start_of_next {
            return begun;
        }
        let rest = written..run.ends[begun];
        // A small slice would keep a large run alive for as long as the reader is slow.
        let is_small = rest.len() < run.bytes.len() / 4;
        self.unsent = if is_small { Bytes::copy_from_slice(&run.bytes[rest]) } else { run.bytes.slice(rest) };
        self.bytes += self.unsent.len() as u32;
        begun + 1
    }

    /// Wakes the task for what was appended, unless it will look anyway.
    #[inline]
    pub(crate) fn notify(&mut self) {
        if !self.corked
            && (!self.blocked || self.ended.is_some())
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }

    /// Wakes the task because the mailbox became blocked by somebody else: it alone waits for the
    /// socket. One that is between its last look and its sleep looks once more.
    pub(crate) fn notify_blocked(&mut self) {
        match self.waker.take() {
            Some(waker) => waker.wake(),
            None => self.woken = true,
        }
    }

    /// Appends an entry by its class and the policy. False if the session has ended.
    #[inline]
    pub(crate) fn append(&mut self, entry: Entry, options: MailboxOptions) -> bool {
        let class = entry.item.class();
        let cost = u32::try_from(entry.item.cost()).unwrap_or(u32::MAX);
        // Nearly always: there is room, and the class neither replaces anything nor refuses to wait.
        let ordinary = matches!(class, Class::Reply | Class::Event)
            && cost <= options.bytes / LARGEST_SHARE
            && self.bytes.saturating_add(cost) <= options.bytes
            && self.ended.is_none();
        if !ordinary {
            match self.decide(&entry, class, cost, options) {
                Verdict::Append => {}
                Verdict::Drop => return true,
                Verdict::Ended => return false,
            }
        }
        self.bytes = self.bytes.saturating_add(cost);
        self.entries.push_back(entry);
        true
    }

    /// What is to become of an entry, once what has to give way to it is gone.
    #[cold]
    fn decide(&mut self, entry: &Entry, class: Class, cost: u32, options: MailboxOptions) -> Verdict {
        if self.ended.is_some() {
            return Verdict::Ended;
        }
        let empty = self.is_empty();
        if class == Class::Volatile && !empty {
            self.dropped += 1;
            return Verdict::Drop;
        }
        self.drop_older(entry, options);
        let spare = beyond_share(cost, options);
        if !self.has_room(cost - spare, options) && !empty {
            let kept = options.overflow == Overflow::DropOldest && self.make_room(cost - spare, options);
            if !kept {
                if options.overflow == Overflow::DropOldest && class != Class::Reply {
                    self.dropped += 1;
                    return Verdict::Drop;
                }
                self.ended = Some(Reason::SlowConsumer);
                self.clear();
                return Verdict::Ended;
            }
        }
        self.spared = self.spared.saturating_add(spare);
        Verdict::Append
    }

    /// Whether so much more may wait.
    fn has_room(&self, cost: u32, options: MailboxOptions) -> bool {
        let bound = options.bytes.saturating_mul(if self.bursting { BURST } else { 1 });
        self.bytes.saturating_add(cost) <= bound.saturating_add(self.spared)
    }

    /// Appends what the client missed, in order. False if it is more than may be sent in one go, and the oldest
    /// are left out. A client that catches up is not slow, and what it is sent is shared with the log; so these do
    /// not count against the bound, but have one of their own.
    pub(crate) fn append_missed(&mut self, entries: Vec<Entry>, options: MailboxOptions) -> bool {
        if self.ended.is_some() {
            return true;
        }
        let mut left = options.bytes.saturating_mul(BURST).saturating_sub(self.spared) as usize;
        let fits = |entry: &&Entry| match left.checked_sub(entry.item.cost()) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        };
        let too_many = entries.len() - entries.iter().rev().take_while(fits).count();
        for entry in entries.into_iter().skip(too_many) {
            self.drop_older(&entry, options);
            // Together they fit into `left`, which was a u32.
            let cost = entry.item.cost() as u32;
            self.bytes = self.bytes.saturating_add(cost);
            self.spared = self.spared.saturating_add(cost);
            self.entries.push_back(entry);
        }
        too_many == 0
    }

    /// Drops the entry that this one is to replace. It does not take its place: there it would stand before
    /// what was published between the two.
    fn drop_older(&mut self, entry: &Entry, options: MailboxOptions) {
        let Some(key) = entry.item.latest_key() else { return };
        let older = |e: &Entry| e.slot == entry.slot && e.item.latest_key() == Some(key);
        if let Some(i) = self.entries.iter().position(older)
            && let Some(old) = self.entries.remove(i)
        {
            self.forget(&old, options);
        }
    }

    /// Drops the oldest events until `cost` fits. False if what remains cannot be dropped.
    fn make_room(&mut self, cost: u32, options: MailboxOptions) -> bool {
        let mut i = 0;
        while !self.has_room(cost, options) && i < self.entries.len() {
            if self.entries[i].item.class() == Class::Reply {
                i += 1;
            } else if let Some(old) = self.entries.remove(i) {
                self.forget(&old, options);
            }
        }
        self.has_room(cost, options)
    }

    /// An entry was dropped.
    fn forget(&mut self, old: &Entry, options: MailboxOptions) {
        let cost = old.item.cost() as u32;
        self.bytes -= cost;
        self.spared = self.spared.saturating_sub(beyond_share(cost, options)).min(self.bytes);
        self.dropped += 1;
    }

    /// Drops what waits, but for the rest of what has begun to leave.
    fn clear(&mut self) {
        self.entries = VecDeque::new();
        self.bytes = self.unsent.len() as u32;
        self.spared = 0;
    }
}

/// How much of an entry's cost does not count against the bound.
fn beyond_share(cost: u32, options: MailboxOptions) -> u32 {
    cost.saturating_sub(options.bytes / LARGEST_SHARE)
}
