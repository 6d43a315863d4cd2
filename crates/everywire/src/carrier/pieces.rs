//! A body that others write: the session's task, a few pieces at a time, so that a client that does not read is noticed by
//! the task even where hyper asks for nothing more (an HTTP/2 stream whose window is used up); and, while nothing waits for
//! the client, whoever publishes, by references to bytes that all clients share.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use everywire_core::Link;
use parking_lot::Mutex;

use super::line::{Chunk, Line};

/// Bytes of others' that may wait for hyper: as much as one write to a socket mostly takes. Beyond, the client counts as one
/// whose socket is full, and what comes waits in its mailbox.
const MOST: usize = 64 * 1024;

/// The body's end. Dropped when the client goes away.
pub(crate) struct Pieces {
    slot: Arc<Slot>,
    link: Arc<dyn Link>,
}

/// The writers' end.
#[derive(Default)]
pub(crate) struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    /// Each is a chunk. Nearly always there is one.
    first: Option<Bytes>,
    /// Those behind it.
    rest: VecDeque<Bytes>,
    /// How many bytes they are.
    bytes: usize,
    /// What others than the task may write.
    share: Share,
    /// Whether the task is to be woken when the last piece is taken.
    awaited: bool,
    /// Whether a piece was taken since this was last asked.
    progress: bool,
    /// No more will come.
    over: bool,
    /// Nobody will take it.
    gone: bool,
    reader: Option<Waker>,
    /// The socket below, where others may write past hyper.
    line: Option<Arc<Line>>,
}

/// What others than the task may write.
#[derive(Default)]
enum Share {
    #[default]
    Nothing,
    /// As much as they like.
    All,
    /// So many bytes more, after so many that the task does not know of.
    Some { left: usize, written: usize },
}

impl Slot {
    /// Both ends of a body; the task is woken by way of its link.
    pub(crate) fn pieces(self: &Arc<Self>, link: Arc<dyn Link>) -> Pieces {
        Pieces { slot: self.clone(), link }
    }

    /// Whether pieces wait that have not been taken. If so, the task is woken when the last one is.
    pub(crate) fn is_full(&self) -> bool {
        let mut state = self.0.lock();
        state.awaited = state.first.is_some();
        state.awaited
    }

    /// Whether a piece was taken since this was last asked.
    pub(crate) fn take_progress(&self) -> bool {
        std::mem::take(&mut self.0.lock().progress)
    }

    /// Whether nobody will take anything.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.lock().gone
    }

    /// The end, behind whatever has not been taken.
    pub(crate) fn end(&self, rest: VecDeque<Bytes>) {
        let mut state = self.0.lock();
        state.append(rest);
        state.over = true;
        state.wake_reader();
    }

    /// Appends pieces of the task's, none of them empty, and says whether they were the last. The task is woken when they
    /// are taken.
    pub(crate) fn put(&self, pieces: VecDeque<Bytes>, last: bool) {
        let mut state = self.0.lock();
        state.append(pieces);
        state.awaited = true;
        state.over = last;
        state.wake_reader();
    }

    /// Lets others write, as much as they like.
    pub(crate) fn share_all(&self) {
        self.0.lock().share = Share::All;
    }

    /// Lets others write so many bytes more; the task is woken when they have. What is written last may go beyond.
    pub(crate) fn share(&self, most: usize) {
        let mut state = self.0.lock();
        let written = state.share.take_written();
        state.share = Share::Some { left: most, written };
    }

    /// How many bytes others have written since this was last asked, of those that they may write.
    pub(crate) fn take_written(&self) -> usize {
        self.0.lock().share.take_written()
    }

    /// Another's write: all or nothing.
    pub(crate) fn write(&self, bytes: &Bytes) -> io::Result<usize> {
        let mut state = self.0.lock();
        if state.gone || state.over {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if state.bytes >= MOST || !state.share.takes(bytes.len()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // Of the last that it may have the task is to hear, when it has left.
        if state.first.is_none()
            && !state.share.is_used_up()
            && let Some(line) = &state.line
        {
            match line.write_chunk(bytes)? {
                Chunk::Written => return Ok(bytes.len()),
                Chunk::Begun => {
                    state.wake_reader();
                    return Ok(bytes.len());
                }
                Chunk::Refused => {}
            }
        }
        state.push(bytes.clone());
        state.wake_reader();
        Ok(bytes.len())
    }
}

impl Share {
    /// Counts a write, if it may be made.
    fn takes(&mut self, bytes: usize) -> bool {
        match self {
            Self::Nothing | Self::Some { left: 0, .. } => false,
            Self::All => true,
            Self::Some { left, written } => {
                *left = left.saturating_sub(bytes);
                *written += bytes;
                true
            }
        }
    }

    fn take_written(&mut self) -> usize {
        match self {
            Self::Some { written, .. } => std::mem::take(written),
            Self::Nothing | Self::All => 0,
        }
    }

    fn is_used_up(&self) -> bool {
        matches!(self, Self::Some { left: 0, .. })
    }
}

impl State {
    fn append(&mut self, pieces: VecDeque<Bytes>) {
        pieces.into_iter().for_each(|piece| self.push(piece));
    }

    fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        if self.first.is_none() {
            self.first = Some(piece);
        } else {
            self.rest.push_back(piece);
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        let piece = self.first.take()?;
        self.bytes -= piece.len();
        self.progress = true;
        self.first = self.rest.pop_front();
        if self.rest.is_empty() {
            // An idle stream keeps nothing.
            self.rest = VecDeque::new();
        }
        Some(piece)
    }

    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Pieces {
    /// They are chunks on this line.
    pub(crate) fn on(self, line: Option<Arc<Line>>) -> Self {
        if let Some(line) = &line {
            // The head comes first.
            line.go_on();
        }
        self.slot.0.lock().line = line;
        self
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.slot.0.lock();
        if let Some(piece) = state.pop() {
            if let Some(line) = &state.line {
                line.go_on();
            }
            let was_last = state.first.is_none();
            let wakes = was_last && (std::mem::take(&mut state.awaited) | state.share.is_used_up());
            drop(state);
            if wakes {
                self.link.mailbox().wake();
            }
            return Poll::Ready(Some(piece));
        }
        if state.over {
            state.line = None;
            return Poll::Ready(None);
        }
        if let Some(line) = &state.line {
            line.wait();
        }
        match &mut state.reader {
            Some(known) => known.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Whether some have not been taken of a stream that has ended, and so nobody else looks after.
    pub(crate) fn are_left(&self) -> bool {
        let state = self.slot.0.lock();
        state.over && state.first.is_some()
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        let mut state = self.slot.0.lock();
        state.gone = true;
        state.line = None;
        let left = (state.first.take(), std::mem::take(&mut state.rest));
        state.bytes = 0;
        drop(state);
        // Whoever lent them is woken.
        drop(left);
        self.link.mailbox().wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use everywire_core::{Mailbox, MailboxOptions};

    use super::*;
    use crate::driver::link::ResponseLink;

    /// A task that sleeps, and counts how often it is woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Both {
        link: Arc<ResponseLink>,
        pieces: Pieces,
        task: Arc<Task>,
    }

    impl Both {
        fn new() -> Self {
            let mailbox = Mailbox::new(MailboxOptions::default(), true);
            let link = Arc::new(ResponseLink { mailbox, slot: Arc::default() });
            let both = Self { pieces: link.slot.pieces(link.clone()), link, task: Arc::default() };
            assert!(both.link.mailbox.park(&both.task.clone().into()));
            both
        }

        fn write(&self, len: usize) -> io::Result<usize> {
            self.link.slot.write(&Bytes::from(vec![b'x'; len]))
        }

        fn take(&mut self) -> Option<usize> {
            match self.pieces.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(piece) => Some(piece.map_or(0, |piece| piece.len())),
                Poll::Pending => None,
            }
        }

        /// Whether the task was woken since this was last asked.
        fn is_woken(&self) -> bool {
            let is_woken = self.task.0.swap(0, Ordering::Relaxed) > 0;
            assert!(self.link.mailbox.park(&self.task.clone().into()));
            is_woken
        }
    }

    fn kind(result: io::Result<usize>) -> Result<usize, io::ErrorKind> {
        result.map_err(|error| error.kind())
    }

    #[test]
    fn others_write_what_they_may() {
        let mut both = Both::new();
        assert_eq!(kind(both.write(1)), Err(io::ErrorKind::WouldBlock));
        both.link.slot.share(10);
        for len in [4, 20] {
            assert_eq!(kind(both.write(len)), Ok(len), "what is written last may go beyond");
        }
        assert_eq!(kind(both.write(1)), Err(io::ErrorKind::WouldBlock));
        assert!(!both.is_woken());
        assert_eq!((both.take(), both.is_woken()), (Some(4), false));
        assert_eq!((both.take(), both.is_woken()), (Some(20), true));
        assert_eq!((both.take(), both.is_woken()), (None, false));
        assert_eq!(both.link.slot.take_written(), 24);
        assert_eq!(both.link.slot.take_written(), 0);
        both.link.slot.share(1);
        assert_eq!(kind(both.write(1)), Ok(1));
        drop(both.pieces);
        let gone = both.link.slot.write(&Bytes::from_static(b"x"));
        assert_eq!(kind(gone), Err(io::ErrorKind::BrokenPipe));
    }

    #[test]
    fn the_task_is_woken_where_it_waits() {
        let mut both = Both::new();
        both.link.slot.share_all();
        assert_eq!(kind(both.write(1)), Ok(1));
        assert!(both.link.slot.is_full(), "and so the task awaits that it is taken");
        assert_eq!((both.take(), both.is_woken()), (Some(1), true));
        // Whoever publishes wakes nobody.
        assert_eq!(kind(both.write(1)), Ok(1));
        assert_eq!((both.take(), both.is_woken()), (Some(1), false));
        assert!(!both.link.slot.is_full());
    }

    #[test]
    fn what_waits_for_hyper_is_bounded_and_in_order() {
        let mut both = Both::new();
        both.link.slot.share_all();
        let mut written = 0;
        while let Ok(len) = both.write(1000 + written) {
            written += len;
        }
        assert!((MOST..MOST + 100_000).contains(&written), "{written}");
        both.link.slot.put(VecDeque::from([Bytes::from_static(b"behind")]), true);
        assert_eq!(kind(both.write(1)), Err(io::ErrorKind::BrokenPipe));
        let mut taken = Vec::new();
        while let Some(len) = both.take().filter(|len| *len > 0) {
            taken.push(len);
        }
        assert_eq!(taken.pop(), Some(6));
        assert!(taken.is_sorted());
        assert_eq!(taken.iter().sum::<usize>(), written);
        assert_eq!(both.take(), Some(0), "the end, again and again");
    }
}
