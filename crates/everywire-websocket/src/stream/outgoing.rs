//! Bytes that wait to be written.
//!
//! Small frames are copied one behind the other; payloads worth the system call's while stay where they are and
//! leave in the same vectored write.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use crate::{
    CloseFrame, Header, Kind, Opcode,
    assembly::ControlBuffer,
    encode::{self, ControlTooLong},
};

/// Payloads from here on are not copied. Below about 8 KiB a copy is cheaper than another slice (other
/// implementations draw the line at 1–8 KiB).
const COPY_BELOW: usize = 8 * 1024;

/// Slices of one vectored write.
const MAX_SLICES: usize = 32;

#[derive(Debug)]
pub(super) struct Outgoing {
    ready: VecDeque<Bytes>,
    /// Frames behind `ready`, of which `tail_written` bytes are gone.
    tail: Vec<u8>,
    tail_written: usize,
    /// Bytes in both.
    queued: usize,
    /// The answer to the latest ping. It is queued when the queue has been written as far as `limit`, and replaced by
    /// a later one until then (RFC 6455, section 5.5.3): pings cost no memory.
    pong: Option<Box<ControlBuffer>>,
    limit: usize,
    /// Written, but perhaps kept back by a layer below.
    unflushed: bool,
}

impl Outgoing {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            ready: VecDeque::new(),
            tail: Vec::new(),
            tail_written: 0,
            queued: 0,
            pong: None,
            limit,
            unflushed: false,
        }
    }

    /// Whether another message may be queued.
    pub(super) const fn has_room(&self) -> bool {
        self.queued < self.limit
    }

    /// Nothing is left for a flush to do.
    pub(super) const fn is_idle(&self) -> bool {
        self.queued == 0 && self.pong.is_none() && !self.unflushed
    }

    pub(super) fn message(&mut self, kind: Kind, payload: Bytes, mask: Option<[u8; 4]>) {
        if mask.is_none() && payload.len() >= COPY_BELOW {
            let header = Header::new(kind.into(), payload.len(), None);
            self.append(|tail| tail.extend_from_slice(&header.encode()[..header.encoded_len()]));
            self.frame(payload);
        } else {
            self.append(|tail| encode::message(tail, kind, &payload, mask));
        }
    }

    /// A whole frame that is encoded already.
    pub(super) fn frame(&mut self, frame: Bytes) {
        if frame.len() < COPY_BELOW {
            return self.append(|tail| tail.extend_from_slice(&frame));
        }
        self.seal_tail();
        self.queued += frame.len();
        self.ready.push_back(frame);
    }

    pub(super) fn control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        mask: Option<[u8; 4]>,
    ) -> Result<(), ControlTooLong> {
        let mut result = Ok(());
        self.append(|tail| {
            result = match opcode {
                Opcode::Ping => encode::ping(tail, payload, mask),
                _ => encode::pong(tail, payload, mask),
            };
        });
        result
    }

    pub(super) fn close(&mut self, close: Option<CloseFrame<'_>>, mask: Option<[u8; 4]>) {
        // Nothing may follow it.
        self.pong = None;
        self.append(|tail| encode::close(tail, close, mask));
    }

    /// Remembers to answer a ping.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        let pong = self.pong.get_or_insert_with(|| Box::new(ControlBuffer::new()));
        pong.clear();
        pong.push(payload);
    }

    /// Whether it is time for [`queue_pong`](Outgoing::queue_pong).
    pub(super) const fn pong_is_due(&self) -> bool {
        self.pong.is_some() && self.has_room()
    }

    pub(super) fn queue_pong(&mut self, mask: Option<[u8; 4]>) {
        if let Some(pong) = self.pong.take() {
            // A ping's payload is never longer than a pong's.
            let _ = self.control(Opcode::Pong, pong.bytes(), mask);
        }
    }

    /// Writes all that is queued and flushes the layers below. Counts what it wrote in `written`, also on the way to
    /// `Pending`.
    pub(super) fn poll_flush<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
        written: &mut usize,
    ) -> Poll<io::Result<()>> {
        while self.queued > 0 {
            let count = ready!(self.poll_write(io, cx))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *written += count;
            self.unflushed = true;
            self.advance(count);
        }
        if self.unflushed {
            ready!(Pin::new(io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write<S: AsyncWrite + Unpin>(&self, io: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let tail = &self.tail[self.tail_written..];
        match self.ready.front() {
            Some(first) if !io.is_write_vectored() => Pin::new(io).poll_write(cx, first),
            None => Pin::new(io).poll_write(cx, tail),
            Some(_) => {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let parts = self.ready.iter().map(|frame| &frame[..]).chain([tail]);
                let mut count = 0;
                for (slice, part) in slices.iter_mut().zip(parts) {
                    *slice = IoSlice::new(part);
                    count += 1;
                }
                Pin::new(io).poll_write_vectored(cx, &slices[..count])
            }
        }
    }

    fn advance(&mut self, mut count: usize) {
        self.queued -= count;
        while let Some(first) = self.ready.front_mut() {
            if count < first.len() {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.ready.pop_front();
        }
        self.tail_written += count;
        if self.queued == 0 {
            // An idle connection keeps no buffer.
            self.ready = VecDeque::new();
            self.tail = Vec::new();
            self.tail_written = 0;
        }
    }

    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.tail.len();
        write(&mut self.tail);
        self.queued += self.tail.len() - before;
    }

    fn seal_tail(&mut self) {
        let mut tail = Bytes::from(std::mem::take(&mut self.tail));
        tail.advance(std::mem::take(&mut self.tail_written));
        if !tail.is_empty() {
            self.ready.push_back(tail);
        }
    }
}
