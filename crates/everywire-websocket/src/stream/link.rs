//! What the two halves share: the stream, the bytes that wait for it, and the closing handshake.
//!
//! One lock, held while the stream is polled and never across an await.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    outgoing::Outgoing,
    wakers::{Half, Wakers},
};
use crate::{CloseFrame, ClosingHandshake, Role};

#[derive(Debug)]
pub(super) struct Shared<S> {
    link: Mutex<Link<S>>,
    wakers: Arc<Wakers>,
    /// Wakes both halves.
    waker: Waker,
}

#[derive(Debug)]
pub(super) struct Link<S> {
    io: S,
    pub(super) outgoing: Outgoing,
    pub(super) closing: ClosingHandshake,
    masks: Option<Box<MaskKeys>>,
    /// Set by the receiver while it waits; woken when our close frame is queued, to start the clock.
    close_watch: Option<Waker>,
    /// Writing has failed; both halves are told.
    broken: Option<io::ErrorKind>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Shared<S> {
    pub(super) fn new(io: S, role: Role, write_buffer: usize) -> Self {
        let wakers = Arc::new(Wakers::default());
        let link = Link {
            io,
            outgoing: Outgoing::new(write_buffer.max(1)),
            closing: ClosingHandshake::new(role),
            masks: (role == Role::Client).then(Box::default),
            close_watch: None,
            broken: None,
        };
        Self { link: Mutex::new(link), waker: Arc::clone(&wakers).into(), wakers }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Link<S>> {
        // Poisoned only if the user's own stream panicked; ours has no state that a panic could leave half-way.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is queued.
    pub(super) fn poll_flush(&self, half: Half, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_side(half, cx, Link::poll_flush)
    }

    /// Writes what is queued until another message has room.
    pub(super) fn poll_room(&self, half: Half, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_side(half, cx, |link, cx, written| {
            if link.broken.is_none() && link.outgoing.has_room() {
                return Poll::Ready(Ok(()));
            }
            let flushed = link.poll_flush(cx, written);
            if flushed.is_pending() && link.outgoing.has_room() { Poll::Ready(Ok(())) } else { flushed }
        })
    }

    /// Writes what is queued, then tells the peer that nothing more comes.
    pub(super) fn poll_shutdown(&self, half: Half, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_side(half, cx, |link, cx, written| {
            ready!(link.poll_flush(cx, written))?;
            Pin::new(&mut link.io).poll_shutdown(cx)
        })
    }

    fn poll_write_side(
        &self,
        half: Half,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Link<S>, &mut Context<'_>, &mut usize) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        // Before the stream is polled, or its wake-up could come in between.
        self.wakers.register(half, cx.waker());
        let mut written = 0;
        let result = poll(&mut self.lock(), &mut Context::from_waker(&self.waker), &mut written);
        if result.is_ready() {
            self.wakers.forget(half);
        }
        if written > 0 {
            // The other half may be waiting for just that, and the stream has no reason to wake it any more.
            self.wakers.wake_half(half.other());
        }
        result
    }

    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut link = self.lock();
        let result = Pin::new(&mut link.io).poll_read(cx, buffer);
        if result.is_pending() && !link.closing.sent() {
            match &mut link.close_watch {
                Some(known) => known.clone_from(cx.waker()),
                None => link.close_watch = Some(cx.waker().clone()),
            }
        }
        result
    }

    /// Queues our close frame, if none was.
    pub(super) fn queue_close(&self, close: Option<CloseFrame<'_>>) {
        let mut link = self.lock();
        if link.closing.send() {
            let mask = link.next_mask();
            link.outgoing.close(close, mask);
            let watch = link.close_watch.take();
            drop(link);
            if let Some(receiver) = watch {
                receiver.wake();
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// The key for the next frame that we send.
    pub(super) fn next_mask(&mut self) -> Option<[u8; 4]> {
        self.masks.as_mut().map(|masks| masks.next())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, written: &mut usize) -> Poll<io::Result<()>> {
        if let Some(kind) = self.broken {
            return Poll::Ready(Err(kind.into()));
        }
        loop {
            if self.outgoing.pong_is_due() {
                let mask = self.next_mask();
                self.outgoing.queue_pong(mask);
            }
            let flushed = ready!(self.outgoing.poll_flush(&mut self.io, cx, written));
            if let Err(error) = &flushed {
                self.broken = Some(error.kind());
                return Poll::Ready(flushed);
            }
            if self.outgoing.is_idle() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Unpredictable keys (RFC 6455, section 10.3), from the system's random source, 64 at a time.
#[derive(Debug)]
struct MaskKeys {
    pool: [u8; 256],
    used: usize,
}

impl Default for MaskKeys {
    fn default() -> Self {
        Self { pool: [0; 256], used: 256 }
    }
}

impl MaskKeys {
    fn next(&mut self) -> [u8; 4] {
        if self.used == self.pool.len() {
            // No system that tokio runs on lacks one; without it, sending would be unsafe.
            getrandom::fill(&mut self.pool).expect("the system has a random source");
            self.used = 0;
        }
        let mut key = [0; 4];
        key.copy_from_slice(&self.pool[self.used..self.used + 4]);
        self.used += 4;
        key
    }
}
