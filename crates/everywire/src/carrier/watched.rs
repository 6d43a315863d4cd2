//! Bodies over HTTP/2 that are given up when their client does not take them.
//!
//! A full socket is noticed where it is written to. A stream whose window the client leaves shut is not: hyper asks its
//! body for nothing, says nothing, and keeps the stream for as long as the connection lives. So such a body is in our hands
//! until it is asked for, a small piece at a time, and somebody looks now and then whether it still is.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::body::Content;

/// Bytes that hyper gets at a time, and may hold however small the window is: one DATA frame of the size that every peer
/// takes (RFC 9113, section 4.2). What has no more needs no watch.
pub(super) const PIECE: usize = 16_384;

/// Why what was to be sent has been given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GivenUp {
    /// Nothing of it was taken for [`write_timeout`](crate::Options::write_timeout).
    #[error("the client did not take its response in time")]
    NotTaken,
    /// The client is gone: the body of its own request ends before its end.
    #[error("the client broke off while it was answered")]
    BrokenOff,
}

pub(super) struct Watched {
    shelf: Arc<Mutex<Shelf>>,
    /// Dropped with this, so that the watch ends.
    _watch: oneshot::Sender<()>,
}

struct Shelf {
    /// None when it has been given up.
    content: Option<Content>,
    /// Of the last piece, what has not been taken.
    rest: Bytes,
    /// Whether something was taken since this was last looked at.
    taken: bool,
}

impl Watched {
    /// Gives this up when nothing of it is taken, though something might be, for this long or for less than twice as long.
    pub(super) fn new(content: Content, patience: Duration) -> Self {
        let shelf = Arc::new(Mutex::new(Shelf { content: Some(content), rest: Bytes::new(), taken: true }));
        let (watch, gone) = oneshot::channel();
        tokio::spawn(look_after(shelf.clone(), gone, patience));
        Self { shelf, _watch: watch }
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, GivenUp>>> {
        let shelf = &mut *self.shelf.lock();
        let Some(content) = &mut shelf.content else { return Poll::Ready(Some(Err(GivenUp::NotTaken))) };
        if shelf.rest.is_empty() {
            match content.poll(cx) {
                Poll::Ready(Some(piece)) if piece.len() > PIECE => shelf.rest = piece,
                polled => {
                    shelf.taken |= polled.is_ready();
                    return polled.map(|piece| piece.map(Ok));
                }
            }
        }
        shelf.taken = true;
        // A part of the piece would hold all of it.
        let part = shelf.rest.len().min(PIECE);
        let copy = Bytes::copy_from_slice(&shelf.rest[..part]);
        shelf.rest.advance(part);
        if shelf.rest.is_empty() {
            shelf.rest = Bytes::new();
        }
        Poll::Ready(Some(Ok(copy)))
    }

    pub(super) fn is_end(&self) -> bool {
        let shelf = self.shelf.lock();
        shelf.rest.is_empty() && shelf.content.as_ref().is_some_and(Content::is_end)
    }

    pub(super) fn left(&self) -> Option<u64> {
        let shelf = self.shelf.lock();
        let behind = shelf.content.as_ref().and_then(Content::left)?;
        Some(behind + shelf.rest.len() as u64)
    }
}

async fn look_after(shelf: Arc<Mutex<Shelf>>, gone: oneshot::Receiver<()>, patience: Duration) {
    let look = async {
        loop {
            tokio::time::sleep(patience).await;
            let mut shelf = shelf.lock();
            let was_taken = std::mem::take(&mut shelf.taken);
            let waits = |content: &Content| content.waits_for_client();
            if !was_taken && (!shelf.rest.is_empty() || shelf.content.as_ref().is_some_and(waits)) {
                tracing::warn!("a client does not read its response");
                return (std::mem::take(&mut shelf.rest), shelf.content.take());
            }
        }
    };
    tokio::select! {
        // What is dropped with it wakes others.
        given_up = look => drop(given_up),
        _ = gone => {}
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Bytes, and what is left of them when they are gone: nothing that can be upgraded.
    fn content(len: usize) -> (Content, std::sync::Weak<Vec<u8>>) {
        struct Owner(Arc<Vec<u8>>);
        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        let bytes = Arc::new(vec![b'x'; len]);
        let weak = Arc::downgrade(&bytes);
        (Content::Whole(Some(Bytes::from_owner(Owner(bytes)))), weak)
    }

    /// The size of the next piece, which is in hyper's hands from now on.
    fn take(watched: &Watched, taken: &mut Vec<Bytes>) -> Option<Result<usize, GivenUp>> {
        let Poll::Ready(piece) = watched.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("what is whole is there")
        };
        let piece = piece?;
        taken.extend(piece.clone());
        Some(piece.map(|piece| piece.len()))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_taken_is_given_up() {
        let (content, weak) = content(PIECE + 100);
        let (watched, mut taken) = (Watched::new(content, PATIENCE), Vec::new());
        assert_eq!(watched.left(), Some(PIECE as u64 + 100));
        tokio::time::sleep(PATIENCE - Duration::from_millis(1)).await; // paused clock
        assert_eq!(take(&watched, &mut taken), Some(Ok(PIECE)));
        tokio::time::sleep(PATIENCE).await; // paused clock
        assert!(weak.upgrade().is_some(), "it may be slow");
        tokio::time::sleep(PATIENCE).await; // paused clock
        assert!(weak.upgrade().is_none());
        assert_eq!((take(&watched, &mut taken), watched.is_end()), (Some(Err(GivenUp::NotTaken)), false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_is_whole() {
        let (content, weak) = content(3 * PIECE + 1);
        let (watched, mut taken) = (Watched::new(content, PATIENCE), Vec::new());
        for expected in [PIECE, PIECE, PIECE, 1] {
            tokio::time::sleep(PATIENCE - Duration::from_millis(1)).await; // paused clock
            assert_eq!(take(&watched, &mut taken), Some(Ok(expected)));
        }
        assert_eq!((watched.is_end(), watched.left(), take(&watched, &mut taken)), (true, Some(0), None));
        assert!(weak.upgrade().is_none());
        // Nobody looks after what is gone.
        let shelf = Arc::downgrade(&watched.shelf);
        drop(watched);
        tokio::task::yield_now().await;
        assert!(shelf.upgrade().is_none());
    }
}
