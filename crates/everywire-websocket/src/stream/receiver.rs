//! The receiving half. It also answers pings and close frames, and sees the connection to its end.

use std::{
    cell::Cell,
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{Error, Message, StreamOptions, link::Shared, wakers::Half};
use crate::{CloseCode, CloseFrame, Decoder, Direction, Fault, Item, Role, Transport};

/// What one read takes at most.
const READ_BUFFER: usize = 64 * 1024;

thread_local! {
    /// The thread's read buffer, taken out while it is used: a stream over another WebSocket finds none, and makes
    /// its own.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Receives on a connection whose other half may be in another task.
///
/// It is this half that answers pings and close frames and sees the connection to its end: poll it, also where no
/// messages are expected.
#[derive(Debug)]
pub struct Receiver<S> {
    shared: Arc<Shared<S>>,
    decoder: Decoder,
    /// Bytes read behind the message that was returned last, from `leftover_at` on.
    leftover: Vec<u8>,
    leftover_at: usize,
    phase: Phase,
    peer_close: Option<Option<(CloseCode, String)>>,
    close_timeout: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Open,
    /// The last close frame has been queued, for this reason. It has to be written; then the peer is given time to
    /// read it: closing a socket with unread input would destroy what is under way (RFC 6455, section 7.1.1).
    Ending {
        fault: Option<Fault>,
        /// We have told the peer that nothing more comes.
        shut: bool,
    },
    Ended,
}

/// What came of a look at the input.
enum Event {
    Message(Message),
    /// A ping, which is remembered, or a part of a message.
    Nothing,
    Closed,
    Fault(Fault),
    /// The end of the stream, without a close frame.
    End,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Receiver<S> {
    pub(super) fn new(
        shared: Arc<Shared<S>>,
        role: Role,
        incoming: Option<Direction>,
        leftover: &[u8],
        options: &StreamOptions,
    ) -> Self {
        Self {
            shared,
            decoder: Decoder::new(role, options.limits).with_deflate(incoming),
            leftover: leftover.to_vec(),
            leftover_at: 0,
            phase: Phase::Open,
            peer_close: None,
            close_timeout: options.close_timeout,
            deadline: None,
        }
    }

    /// The next message; `None` once the connection has been closed in order, by whichever side, and what was queued
    /// has been written. [`peer_close`](Receiver::peer_close) says with which code.
    ///
    /// Cancel-safe. Pings and the peer's close frame are answered while this is polled. After a close frame from
    /// either side, and after a fault, it ends within the close timeout.
    ///
    /// # Errors
    ///
    /// The connection is over; see [`Error`]. A [`Fault`] has been told to the peer.
    pub async fn recv(&mut self) -> Result<Option<Message>, Error> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Code and reason of the peer's close frame, once it has come; the inner `None` is a frame without body.
    pub fn peer_close(&self) -> Option<Option<(CloseCode, &str)>> {
        let close = self.peer_close.as_ref()?;
        Some(close.as_ref().map(|(code, reason)| (*code, &**reason)))
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        loop {
            let result = match self.phase {
                Phase::Open => match ready!(self.poll_open(cx)) {
                    Ok(Some(message)) => return Poll::Ready(Ok(Some(message))),
                    Ok(None) => continue,
                    Err(error) => Err(error),
                },
                Phase::Ending { fault, .. } => {
                    ready!(self.poll_ending(cx));
                    fault.map_or(Ok(None), |fault| Err(fault.into()))
                }
                Phase::Ended => Ok(None),
            };
            self.phase = Phase::Ended;
            self.deadline = None;
            return Poll::Ready(result);
        }
    }

    /// `None` when the phase is no longer `Open`.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        loop {
            let (idle, closing) = {
                let link = self.shared.lock();
                (link.outgoing.is_idle(), link.closing.sent())
            };
            if closing && self.poll_deadline(cx).is_ready() {
                return Poll::Ready(Err(Error::CloseTimeout));
            }
            if !idle {
                // What cannot be written now is written when the stream wakes us; reading goes on meanwhile.
                if let Poll::Ready(Err(error)) = self.shared.poll_flush(Half::Receiver, cx) {
                    return Poll::Ready(Err(error.into()));
                }
            }
            match self.poll_event(cx) {
                Poll::Pending if self.deadline.is_none() && self.shared.lock().closing.sent() => {
                    // The sending half has begun to close since we looked: start the clock.
                }
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Event::Message(message))) => return Poll::Ready(Ok(Some(message))),
                Poll::Ready(Ok(Event::Nothing)) => {}
                Poll::Ready(Ok(Event::Closed)) => {
                    if self.shared.lock().closing.receive() {
                        let close = self.peer_close().flatten();
                        self.shared.queue_close(close.map(|(code, reason)| CloseFrame { code, reason }));
                    }
                    self.phase = Phase::Ending { fault: None, shut: false };
                    return Poll::Ready(Ok(None));
                }
                Poll::Ready(Ok(Event::Fault(fault))) => {
                    self.shared.lock().closing.fail();
                    self.shared.queue_close(Some(fault.into()));
                    self.phase = Phase::Ending { fault: Some(fault), shut: false };
                    return Poll::Ready(Ok(None));
                }
                // We have said that we close: whether the peer answers or hangs up is the same.
                Poll::Ready(Ok(Event::End)) if closing => {
                    self.phase = Phase::Ending { fault: None, shut: false };
                    return Poll::Ready(Ok(None));
                }
                Poll::Ready(Ok(Event::End)) => {
                    return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Takes one item of what has been read already, or else reads.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Event>> {
        if self.leftover_at < self.leftover.len() {
            let mut input = &mut self.leftover[self.leftover_at..];
            let event = next_event(&mut self.decoder, &mut input, &self.shared, &mut self.peer_close);
            let remaining = input.len();
            self.leftover_at = self.leftover.len() - remaining;
            if self.leftover_at == self.leftover.len() {
                self.leftover = Vec::new();
                self.leftover_at = 0;
            }
            return Poll::Ready(Ok(event));
        }
        with_buffer(|buffer| {
            let mut read = ReadBuf::new(buffer);
            ready!(self.shared.poll_read(cx, &mut read))?;
            let mut input = read.filled_mut();
            if input.is_empty() {
                return Poll::Ready(Ok(Event::End));
            }
            let event = next_event(&mut self.decoder, &mut input, &self.shared, &mut self.peer_close);
            self.leftover.extend_from_slice(input);
            Poll::Ready(Ok(event))
        })
    }

    /// Writes what is queued, says that nothing more comes unless that is first the peer's to say, and reads on to
    /// the peer's end. Whatever goes wrong now changes nothing: all has been said.
    fn poll_ending(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_deadline(cx).is_ready() {
            return Poll::Ready(());
        }
        if ready!(self.shared.poll_flush(Half::Receiver, cx)).is_err() {
            return Poll::Ready(());
        }
        if self.shared.lock().closing.transport() != Transport::AwaitEnd
            && ready!(self.poll_shut(cx)).is_err()
        {
            return Poll::Ready(());
        }
        ready!(with_buffer(|buffer| {
            loop {
                let mut read = ReadBuf::new(buffer);
                let result = ready!(self.shared.poll_read(cx, &mut read));
                if result.is_err() || read.filled().is_empty() {
                    return Poll::Ready(());
                }
            }
        }));
        self.poll_shut(cx).map(drop)
    }

    /// Ends our direction, once.
    fn poll_shut(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Phase::Ending { shut: shut @ false, .. } = &mut self.phase else { return Poll::Ready(Ok(())) };
        ready!(self.shared.poll_shutdown(Half::Receiver, cx))?;
        *shut = true;
        Poll::Ready(Ok(()))
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.close_timeout;
        self.deadline.get_or_insert_with(|| Box::pin(sleep(timeout))).as_mut().poll(cx)
    }
}

fn with_buffer<T>(run: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = BUFFER.take();
    buffer.resize(READ_BUFFER, 0);
    let result = run(&mut buffer);
    BUFFER.set(buffer);
    result
}

fn next_event<S: AsyncRead + AsyncWrite + Unpin>(
    decoder: &mut Decoder,
    input: &mut &mut [u8],
    shared: &Shared<S>,
    peer_close: &mut Option<Option<(CloseCode, String)>>,
) -> Event {
    match decoder.next(input) {
        Ok(Some(Item::Text(text))) => Event::Message(Message::Text(text.to_owned())),
        Ok(Some(Item::Binary(data))) => Event::Message(Message::Binary(Bytes::copy_from_slice(data))),
        Ok(Some(Item::Pong(payload))) => Event::Message(Message::Pong(Bytes::copy_from_slice(payload))),
        Ok(Some(Item::Ping(payload))) => {
            let mut link = shared.lock();
            // Behind our close frame, nothing may follow.
            if !link.closing.sent() {
                link.outgoing.pong(payload);
            }
            Event::Nothing
        }
        Ok(Some(Item::Close(close))) => {
            *peer_close = Some(close.map(|close| (close.code, close.reason.to_owned())));
            Event::Closed
        }
        Ok(None) => Event::Nothing,
        Err(fault) => Event::Fault(fault),
    }
}
