//! The sending half.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Error, Message, deflaters::Outbound, link::Shared, wakers::Half};
use crate::{CloseFrame, Compression, Direction, Header, Kind, Opcode, Prepared, encode};

/// Sends on a connection whose other half may be in another task.
///
/// Whatever either half has queued, pongs included, leaves with the next flush of either.
#[derive(Debug)]
pub struct Sender<S> {
    shared: Arc<Shared<S>>,
    deflate: Option<Outbound>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sender<S> {
    pub(super) fn new(shared: Arc<Shared<S>>, outgoing: Option<Direction>, compression: Compression) -> Self {
        Self { shared, deflate: outgoing.map(|direction| Outbound::new(direction, compression)) }
    }

    /// Sends a message and waits until it is written.
    ///
    /// Dropped while it waits for room, the message is not sent; dropped later, it is queued, and leaves with the
    /// next flush, or the next time that the receiving half is polled.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] after a close frame, [`Error::Io`] if the connection broke, [`Error::ControlTooLong`].
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Queues a message: many of them, and then a [`flush`](Sender::flush), leave in few writes. Waits for room if
    /// more than [`StreamOptions::write_buffer`](super::StreamOptions::write_buffer) bytes are queued.
    ///
    /// # Errors
    ///
    /// As [`send`](Sender::send).
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        let message = message.into();
        self.room().await?;
        match message {
            Message::Text(text) => self.queue(Kind::Text, text.into()),
            Message::Binary(data) => self.queue(Kind::Binary, data),
            Message::Ping(payload) => self.queue_control(Opcode::Ping, &payload)?,
            Message::Pong(payload) => self.queue_control(Opcode::Pong, &payload)?,
        }
        Ok(())
    }

    /// Queues a frame that was encoded once for many. A compressed one needs permessage-deflate to be agreed on, with
    /// a server window of at least that of the frame's deflater.
    ///
    /// Made for servers: a client has to copy and mask it.
    ///
    /// # Errors
    ///
    /// As [`send`](Sender::send).
    pub async fn feed_prepared(&mut self, frame: &Prepared) -> Result<(), Error> {
        self.room().await?;
        if let (Some(deflate), true) = (&mut self.deflate, frame.is_compressed()) {
            deflate.forget_context();
        }
        let mut link = self.shared.lock();
        let mask = link.next_mask();
        let frame = match (mask, Header::decode(frame.bytes())) {
            (Some(_), Ok(Some((header, len)))) => {
                let mut masked = Vec::new();
                encode::frame(&mut masked, Header { mask, ..header }, &frame.bytes()[len..]);
                masked.into()
            }
            _ => frame.bytes().clone(),
        };
        link.outgoing.frame(frame);
        Ok(())
    }

    /// Waits until all that is queued is written, the layers below included. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the connection broke.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.shared.poll_flush(Half::Sender, cx)).await?;
        Ok(())
    }

    /// Sends a close frame and waits until it is written: nothing can be sent after it. The receiving half sees the
    /// peer's answer and ends, within the close timeout.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the connection broke.
    pub async fn close(&mut self, close: Option<CloseFrame<'_>>) -> Result<(), Error> {
        self.begin_close(close);
        self.flush().await
    }

    pub(super) fn begin_close(&self, close: Option<CloseFrame<'_>>) {
        self.shared.queue_close(close);
    }

    async fn room(&self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_room(cx)).await
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            {
                let link = self.shared.lock();
                if link.closing.sent() || link.closing.received() {
                    return Poll::Ready(Err(Error::Closed));
                }
                if link.outgoing.has_room() {
                    return Poll::Ready(Ok(()));
                }
            }
            ready!(self.shared.poll_room(Half::Sender, cx))?;
        }
    }

    fn queue(&mut self, kind: Kind, payload: Bytes) {
        match &mut self.deflate {
            Some(deflate) if deflate.wants(payload.len()) => {
                // Compressing takes long enough not to be done under the lock.
                let mask = self.shared.lock().next_mask();
                let mut frame = Vec::new();
                deflate.with(|deflater| encode::compressed(&mut frame, kind, &payload, mask, deflater));
                self.shared.lock().outgoing.frame(frame.into());
            }
            _ => {
                let mut link = self.shared.lock();
                let mask = link.next_mask();
                link.outgoing.message(kind, payload, mask);
            }
        }
    }

    fn queue_control(&self, opcode: Opcode, payload: &[u8]) -> Result<(), Error> {
        let mut link = self.shared.lock();
        let mask = link.next_mask();
        link.outgoing.control(opcode, payload, mask).map_err(Error::ControlTooLong)
    }
}
