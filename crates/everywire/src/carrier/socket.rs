//! The life of one WebSocket: a future of a few words, in a task of its own.
//!
//! Each time that it is woken it corks the mailbox, lets handlers go on, reads what there is, handles it,
//! writes everything that came of it in one go, and goes back to sleep with no buffer of its own.
//!
//! It ends in one of these ways, each bounded by `close_timeout`: the peer closes and is answered; we close
//! and await the answer; or the peer breaks a rule, hears the code, and what it still sends is read and
//! thrown away until it hangs up — closing a socket that holds unread bytes resets it, and the code with it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use everywire_core::mailbox::Drain;
use everywire_core::{Link, Reason};
use everywire_protocols::seam::{Message, Time};
use everywire_protocols::session::{LaneEnd, LaneKind};
use everywire_websocket::{ClosingHandshake, Decoder, Deflater, Item, Role, encode};

use super::beside::Beside;
use super::frames::Frames;
use super::transport::Transport;
use super::websocket::Farewell;
use crate::driver::conversation::{Conversation, Effect, Effects};
use crate::driver::link::SessionLink;
use crate::driver::worker::Worker;

/// Reads in one turn, after which others have theirs.
const READS: usize = 4;

/// Pongs that wait for a blocked socket, in bytes. Of several pings the last may be answered alone.
const PONG_BYTES: usize = 4096;

/// The future of one WebSocket. In a box, for tasks are aligned to 128 bytes, which costs allocators as many more
/// unless their size is a power of two.
pub(crate) struct Socket<T>(Box<State<T>>);

pub(super) struct State<T> {
    pub(super) transport: T,
    pub(super) decoder: Decoder,
    pub(super) conversation: Conversation,
    pub(super) compression: Compression,
    pub(super) closing: ClosingHandshake,
    pub(super) phase: Phase,
    /// What a close frame of ours says.
    pub(super) farewell: Farewell,
    pub(super) beside: Beside,
    /// Whether the connection has left the hub.
    pub(super) left: bool,
    /// When the wheel wakes the task next.
    pub(super) scheduled: Option<Time>,
    /// Since when the socket has taken nothing, while something waits.
    pub(super) stuck_since: Option<Time>,
    /// When the peer has had long enough to close.
    pub(super) close_by: Option<Time>,
}

/// A socket that the handshake has made a WebSocket.
pub(crate) struct Wired<T> {
    pub(crate) transport: T,
    pub(crate) decoder: Decoder,
    pub(crate) compression: Compression,
    pub(crate) early: Bytes,
    /// Frames that leave before anything else.
    pub(crate) control: Vec<u8>,
}

/// How messages to the client are compressed.
pub(crate) enum Compression {
    /// Not at all.
    None,
    /// Each on its own, by the thread's compressor for so many bits.
    Shared { bits: u8, level: u8, threshold: usize },
    /// Each after those before.
    Own { deflater: Box<Deflater>, threshold: usize },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Messages travel.
    Open,
    /// We have sent a close frame and await the peer's.
    Closing,
    /// Nothing is sent any more; what comes is thrown away until the peer hangs up.
    Lingering,
    /// The socket is done with; handlers go on to their end.
    Over(Reason),
}

impl<T: Transport> Socket<T> {
    pub(crate) fn new(wired: Wired<T>, conversation: Conversation, farewell: Farewell) -> Self {
        let Wired { transport, decoder, compression, early, control } = wired;
        let mut beside = Beside::default();
        beside.keep_early(early);
        if !control.is_empty() {
            *beside.control() = control;
        }
        Self(Box::new(State {
            transport,
            decoder,
            conversation,
            compression,
            closing: ClosingHandshake::new(Role::Server),
            phase: Phase::Open,
            farewell,
            beside,
            left: false,
            scheduled: None,
            stuck_since: None,
            close_by: None,
        }))
    }

    /// Opens the conversation.
    pub(crate) fn open(&mut self, cx: &mut Context<'_>, head: &http::Request<()>) {
        let (state, mut effects) = (&mut *self.0, Effects::new());
        let now = state.conversation.wheel().now();
        state.conversation.open(cx, now, LaneKind::WebSocket, head, &mut effects);
        state.apply(effects, now);
    }
}

impl<T: Transport> Future for Socket<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let state = &mut *self.0;
        Worker::with(|worker| state.turn(cx, worker))
    }
}

impl<T: Transport> State<T> {
    fn turn(&mut self, cx: &mut Context<'_>, worker: &mut Worker) -> Poll<()> {
        let now = self.conversation.wheel().now();
        loop {
            self.link().mailbox().cork_with(&mut worker.entries);
            let mut effects = Effects::new();
            self.conversation.work(cx, now, &mut effects);
            self.apply(effects, now);
            if !matches!(self.phase, Phase::Over(_)) {
                let read = self.read(cx, now, worker);
                self.look_at_the_clock(cx, now);
                if let Err(error) = read.and_then(|()| self.write(cx, now, worker)) {
                    self.lose(cx, now, &error);
                }
            }
            if let Phase::Over(reason) = self.phase {
                return self.wind_down(cx, reason);
            }
            self.schedule(now);
            if self.conversation.can_stream_on() {
                // Others have their turn first.
                cx.waker().wake_by_ref();
            }
            if self.link().mailbox().park(cx.waker()) {
                return Poll::Pending;
            }
        }
    }

    /// Reads and handles what there is.
    fn read(&mut self, cx: &mut Context<'_>, now: Time, worker: &mut Worker) -> io::Result<()> {
        for _ in 0..READS {
            if self.is_holding_back() || matches!(self.phase, Phase::Over(_)) {
                return Ok(());
            }
            // What was read before comes first, each time: another thread may make room at any moment.
            if let Some(early) = self.beside.take_early() {
                self.receive(cx, now, &mut Vec::from(early));
                continue;
            }
            let Poll::Ready(read) = self.transport.poll_read(cx, &mut worker.read) else { return Ok(()) };
            match read? {
                0 => {
                    self.hung_up(cx, now);
                    return Ok(());
                }
                _ if self.phase == Phase::Lingering => {}
                n => self.receive(cx, now, &mut worker.read[..n]),
            }
        }
        // Others have their turn; there may be more to read.
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Whether the client's bytes have to wait for its handlers.
    fn is_holding_back(&self) -> bool {
        self.phase == Phase::Open && !self.conversation.wants_more()
    }

    /// Decodes and handles bytes of the peer's, as far as handlers keep up; the rest is kept for later.
    fn receive(&mut self, cx: &mut Context<'_>, now: Time, mut input: &mut [u8]) {
        let (mut effects, mut is_part) = (Effects::new(), true);
        loop {
            let item = match self.decoder.next(&mut input) {
                Ok(Some(item)) => item,
                Ok(None) => {
                    self.conversation.hear_part(is_part);
                    break;
                }
                Err(fault) => return self.fail(cx, now, fault),
            };
            is_part = false;
            match item {
                Item::Text(text) if self.phase == Phase::Open => {
                    self.conversation.message(cx, now, Message::Text(text), &mut effects);
                }
                Item::Binary(bytes) if self.phase == Phase::Open => {
                    self.conversation.message(cx, now, Message::Binary(bytes), &mut effects);
                }
                // We have said goodbye: what comes now is too late.
                Item::Text(_) | Item::Binary(_) => {}
                Item::Ping(payload) => {
                    let pongs = self.beside.pongs();
                    if pongs.len() > PONG_BYTES {
                        pongs.clear();
                    }
                    if !self.closing.sent() {
                        // At most 125 bytes, or the decoder would have refused it.
                        let _ = encode::pong(pongs, payload, None);
                    }
                }
                Item::Pong(_) => self.conversation.pong(cx, now, &mut effects),
                Item::Close(frame) => {
                    let code = frame.map(|frame| frame.code.get());
                    if self.closing.receive() && self.closing.send() {
                        encode::close(self.beside.last_words(), self.farewell.echo(frame), None);
                    }
                    self.conversation.lane_closed(cx, now, LaneEnd::Finished(code));
                    self.link().mailbox().end(Reason::ClientClosed, true);
                    self.phase = if self.phase == Phase::Open { Phase::Closing } else { self.phase };
                    self.close_by.get_or_insert(self.long_enough(now));
                }
            }
            if self.is_holding_back() {
                self.beside.keep_early(Bytes::copy_from_slice(input));
                break;
            }
        }
        self.apply(effects, now);
    }

    pub(super) fn apply(&mut self, effects: Effects, now: Time) {
        for effect in effects {
            match effect {
                Effect::Ping => {
                    // An empty ping is short enough.
                    let _ = encode::ping(self.beside.control(), b"", None);
                }
                Effect::End { reason, .. } => self.say_goodbye(reason, now),
                Effect::Write { bytes, text, .. } => {
                    let kind = if text {
                        everywire_websocket::Kind::Text
                    } else {
                        everywire_websocket::Kind::Binary
                    };
                    encode::message(self.beside.control(), kind, &bytes, None);
                }
                // A WebSocket has had its response, and is shared in another way.
                Effect::Respond { .. } | Effect::Share { .. } => {}
            }
        }
    }

    pub(super) fn link(&self) -> &Arc<dyn SessionLink> {
        self.conversation.link()
    }

    /// Writes all that waits, as far as the socket takes it.
    fn write(&mut self, cx: &mut Context<'_>, now: Time, worker: &mut Worker) -> io::Result<()> {
        loop {
            let drained = self.link().mailbox().drain(&mut worker.entries);
            match drained {
                Drain::Unsent(bytes) => {
                    let written = self.write_some(cx, now, &bytes)?;
                    if written < bytes.len() {
                        self.block(bytes.slice(written..), now);
                        return Ok(());
                    }
                    continue;
                }
                Drain::Entries => {
                    worker.write.clear();
                    self.beside.take_frames(&mut worker.write);
                    self.encode(cx, now, worker);
                }
                // (The mailbox is clear: a flusher may write now, whole frames as we do, and what it writes and
                // a control frame have no order.)
                Drain::Clear | Drain::Ended(_) if self.beside.has_frames() => {
                    self.link().mailbox().cork();
                    worker.write.clear();
                    self.beside.take_frames(&mut worker.write);
                }
                Drain::Clear => break,
                Drain::Ended(reason) if self.phase == Phase::Open => {
                    let mut effects = Effects::new();
                    self.conversation.close(cx, now, reason, &mut effects);
                    self.apply(effects, now);
                    continue;
                }
                Drain::Ended(_) => {
                    worker.write.clear();
                    if !self.beside.take_last_words(&mut worker.write) {
                        return if self.flushed(cx)? { self.hang_up(cx) } else { Ok(()) };
                    }
                }
            }
            let written = self.write_some(cx, now, &worker.write)?;
            if written < worker.write.len() {
                self.block(Bytes::copy_from_slice(&worker.write[written..]), now);
                return Ok(());
            }
        }
        self.flushed(cx).map(drop)
    }

    /// The socket is full. A session that is to end meanwhile cannot say so, and is not kept by a peer that reads
    /// nothing.
    fn block(&mut self, rest: Bytes, now: Time) {
        self.link().mailbox().block(rest);
        if self.close_by.is_none()
            && let Some(reason) = self.link().mailbox().ended()
        {
            tracing::warn!(peer = %self.conversation.peer(), %reason, "a session is to end, and its socket is full");
            self.close_by = Some(self.long_enough(now));
        }
    }

    fn encode(&mut self, cx: &mut Context<'_>, now: Time, worker: &mut Worker) {
        if !self.conversation.is_direct() {
            let mut effects = Effects::new();
            self.conversation.send_indirect(cx, now, &mut worker.entries, &mut effects);
            self.apply(effects, now);
            self.beside.take_frames(&mut worker.write);
            return;
        }
        match &mut self.compression {
            Compression::None => {
                self.conversation.encode(&mut worker.entries, &mut Frames::new(&mut worker.write));
            }
            Compression::Shared { bits, level, threshold } => {
                super::form::with_shared_deflater(*bits, *level, |deflater| {
                    let mut frames = Frames::compressed(&mut worker.write, deflater, *threshold);
                    self.conversation.encode(&mut worker.entries, &mut frames);
                });
            }
            Compression::Own { deflater, threshold } => {
                let mut frames = Frames::compressed(&mut worker.write, deflater, *threshold);
                self.conversation.encode(&mut worker.entries, &mut frames);
            }
        }
    }

    fn write_some(&mut self, cx: &mut Context<'_>, now: Time, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            match self.transport.poll_write(cx, &bytes[written..]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    written += n;
                    self.stuck_since = None;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {
                    self.stuck_since.get_or_insert(now);
                    break;
                }
            }
        }
        Ok(written)
    }

    fn flushed(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        match self.transport.poll_flush(cx) {
            Poll::Ready(flushed) => flushed.map(|()| true),
            Poll::Pending => Ok(false),
        }
    }

    /// Has the wheel wake the task for whatever comes first.
    fn schedule(&mut self, now: Time) {
        let stuck_by = self.stuck_since.map(|since| since.after(self.conversation.options().write_timeout));
        let deadline = [self.conversation.deadline(), self.close_by, stuck_by].into_iter().flatten().min();
        let Some(mut deadline) = deadline else { return };
        if self.scheduled.is_some_and(|scheduled| scheduled > now && scheduled <= deadline) {
            return;
        }
        if self.scheduled.is_none() {
            // Most short lives end before the first tick: what they leave in the wheel goes with it.
            deadline = now;
        }
        let link = self.link().clone() as Arc<dyn Link>;
        self.scheduled = Some(self.conversation.wheel().enter(&link, deadline));
    }
}
