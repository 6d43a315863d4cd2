//! A WebSocket that has joined a session which lives elsewhere, until it carries the session alone.
//!
//! One message at a time goes to the session, and the next is looked at when that has been understood: what comes
//! behind the one that makes the session move is then still here, and is the session's first on its own socket.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use everywire_core::Reason;
use everywire_protocols::session::{Lane, LaneEnd};
use everywire_websocket::{CloseFrame, Decoder, Item, Kind, encode};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Sleep;

use super::transport::Transport;
use super::websocket::Farewell;
use crate::driver::conversation::Conversation;
use crate::driver::lanes::{Command, Door, LaneEvent};
use crate::driver::worker::Worker;

/// The future of such a WebSocket: gives the conversation, if it got that.
pub(crate) struct Probe<T> {
    door: Arc<Door>,
    lane: Lane,
    commands: UnboundedReceiver<Command>,
    decoder: Option<Decoder>,
    /// Read, and looked at up to `looked`.
    input: Vec<u8>,
    looked: usize,
    transport: Option<T>,
    /// Frames that wait for the socket.
    out: Vec<u8>,
    /// Whether the session has a message of ours that it has not understood yet.
    asked: bool,
    /// Whether nothing follows what waits in `out`.
    ending: bool,
    farewell: Farewell,
    patience: Patience,
    /// Until when the peer may take nothing, or not hear the end.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the session has been told that the socket is full.
    blocked: bool,
    /// Whether the peer has yet to answer our close frame.
    awaits_echo: bool,
}

/// How long a peer is waited for.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// That takes nothing.
    pub(crate) write: Duration,
    /// That is to hear the end.
    pub(crate) close: Duration,
}

/// What becomes of a WebSocket that carries its session alone.
pub(crate) struct Moved<T> {
    pub(crate) conversation: Box<Conversation>,
    pub(crate) transport: T,
    pub(crate) decoder: Decoder,
    pub(crate) early: Bytes,
    pub(crate) out: Vec<u8>,
}

impl<T> Moved<T> {
    /// The same on another transport.
    pub(crate) fn on<U>(self, transport: impl FnOnce(T) -> U) -> Moved<U> {
        let Self { conversation, transport: old, decoder, early, out } = self;
        Moved { conversation, transport: transport(old), decoder, early, out }
    }
}

impl<T: Transport> Probe<T> {
    /// A WebSocket that is this lane of the session behind the door. `input` was read with its handshake.
    pub(crate) fn new(
        (door, lane, commands): (Arc<Door>, Lane, UnboundedReceiver<Command>),
        decoder: Decoder,
        input: Vec<u8>,
        transport: T,
        (farewell, patience): (Farewell, Patience),
    ) -> Self {
        let (decoder, transport) = (Some(decoder), Some(transport));
        let (out, asked, ending, timer) = (Vec::new(), false, false, None);
        Self {
            door,
            lane,
            commands,
            decoder,
            input,
            transport,
            out,
            asked,
            ending,
            farewell,
            patience,
            timer,
            blocked: false,
            looked: 0,
            awaits_echo: false,
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Moved<T>>>> {
        loop {
            while !self.ending
                && let Poll::Ready(command) = self.commands.poll_recv(cx)
            {
                match command {
                    Some(Command::Next) => self.asked = false,
                    Some(Command::Write { bytes, text }) => {
                        let kind = if text { Kind::Text } else { Kind::Binary };
                        encode::message(&mut self.out, kind, &bytes, None);
                    }
                    Some(Command::End) | None => {
                        self.close(self.farewell.frame(Reason::ServerClosed));
                        self.awaits_echo = true;
                    }
                    Some(Command::TakeOver(conversation)) => {
                        let (Some(transport), Some(decoder)) = (self.transport.take(), self.decoder.take())
                        else {
                            return Poll::Ready(Ok(None));
                        };
                        return Poll::Ready(Ok(Some(Moved {
                            conversation,
                            transport,
                            decoder,
                            early: Bytes::from(std::mem::take(&mut self.input)).split_off(self.looked),
                            out: std::mem::take(&mut self.out),
                        })));
                    }
                }
            }
            let written = self.write(cx)?;
            if self.is_given_up(cx) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            if self.ending {
                // What the peer still says is nobody's business; that it hears the end is, and that it is seen to.
                ready!(written);
                while self.awaits_echo {
                    if self.has_echoed() {
                        break;
                    }
                    ready!(self.read(cx))?;
                }
                let Some(transport) = &mut self.transport else { return Poll::Ready(Ok(None)) };
                ready!(transport.poll_shutdown(cx))?;
                return Poll::Ready(Ok(None));
            }
            self.tell_room();
            if self.asked {
                return Poll::Pending;
            }
            if !self.look() {
                ready!(self.read(cx))?;
            }
        }
    }

    /// Looks at the next frame. False if more has to be read first.
    fn look(&mut self) -> bool {
        let Some(decoder) = &mut self.decoder else { return false };
        let mut input = &mut self.input[self.looked..];
        let event = match decoder.next(&mut input) {
            Ok(None) => {
                self.input.clear();
                self.looked = 0;
                return false;
            }
            Ok(Some(Item::Text(text))) => Ok((Bytes::copy_from_slice(text.as_bytes()), true)),
            Ok(Some(Item::Binary(bytes))) => Ok((Bytes::copy_from_slice(bytes), false)),
            Ok(Some(Item::Ping(payload))) => {
                // At most 125 bytes, or the decoder would have refused it.
                let _ = encode::pong(&mut self.out, payload, None);
                Err(None)
            }
            Ok(Some(Item::Pong(_))) => Err(None),
            Ok(Some(Item::Close(frame))) => {
                let code = frame.as_ref().map(|frame| frame.code.get());
                Err(Some((LaneEnd::Finished(code), self.farewell.echo(frame))))
            }
            Err(fault) => Err(Some((LaneEnd::Fault(Reason::ProtocolError), Some(fault.into())))),
        };
        let rest = input.len();
        self.looked = self.input.len() - rest;
        match event {
            Ok((bytes, text)) => {
                self.asked = self.door.tell(LaneEvent::Message { lane: self.lane, bytes, text });
                if !self.asked {
                    self.close(self.farewell.frame(Reason::ServerClosed));
                }
            }
            Err(None) => {}
            Err(Some((how, answer))) => {
                self.door.tell(LaneEvent::Closed { lane: self.lane, how });
                self.close(answer);
            }
        }
        true
    }

    /// Tells the session when the socket is full, and when all has left: what comes next waits in the mailbox, not here.
    fn tell_room(&mut self) {
        let lane = self.lane;
        if self.blocked == self.out.is_empty() {
            self.blocked = !self.out.is_empty();
            let event = if self.blocked { LaneEvent::Blocked { lane } } else { LaneEvent::Writable { lane } };
            self.door.tell(event);
        }
    }

    /// Whether the peer has been waited for long enough.
    fn is_given_up(&mut self, cx: &mut Context<'_>) -> bool {
        if self.out.is_empty() && !self.ending {
            self.timer = None;
            return false;
        }
        let patience = if self.ending { self.patience.close } else { self.patience.write };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        timer.as_mut().poll(cx).is_ready()
    }

    /// Looks through what has come for the peer's close frame, or what is none of WebSocket.
    fn has_echoed(&mut self) -> bool {
        let Some(decoder) = &mut self.decoder else { return true };
        let mut input = &mut self.input[self.looked..];
        let echoed = loop {
            match decoder.next(&mut input) {
                Ok(None) => break false,
                Ok(Some(Item::Close(_))) | Err(_) => break true,
                Ok(Some(_)) => {}
            }
        };
        self.input.clear();
        self.looked = 0;
        echoed
    }

    fn close(&mut self, frame: Option<CloseFrame<'_>>) {
        self.ending = true;
        self.timer = None;
        encode::close(&mut self.out, frame, None);
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(transport) = &mut self.transport else { return Poll::Ready(Ok(())) };
        let input = &mut self.input;
        Worker::with(|worker| {
            let n = ready!(transport.poll_read(cx, &mut worker.read))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            input.extend_from_slice(&worker.read[..n]);
            Poll::Ready(Ok(()))
        })
    }

    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<Poll<()>> {
        let Some(transport) = &mut self.transport else { return Ok(Poll::Ready(())) };
        while !self.out.is_empty() {
            match transport.poll_write(cx, &self.out) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    drop(self.out.drain(..n));
                    // It takes something. To hear the end it has so long, whatever it takes.
                    self.timer.take_if(|_| !self.ending);
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        match transport.poll_flush(cx) {
            Poll::Ready(flushed) => flushed.map(Poll::Ready),
            Poll::Pending => Ok(Poll::Pending),
        }
    }
}

impl<T: Transport> Future for Probe<T> {
    type Output = Option<Moved<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match ready!(self.step(cx)) {
            Ok(moved) => Poll::Ready(moved),
            Err(error) => {
                tracing::debug!(%error, "a WebSocket that was to carry a session broke");
                self.door.tell(LaneEvent::Closed { lane: self.lane, how: LaneEnd::Aborted });
                Poll::Ready(None)
            }
        }
    }
}
