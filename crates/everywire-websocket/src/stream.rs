//! A WebSocket over any `AsyncRead + AsyncWrite` of tokio: the codec with a socket under it.
//!
//! * [`recv`](WebSocket::recv) is cancel-safe: dropped at any point, no message, ping or close is lost.
//! * Pings are answered, and close frames too, by whichever half is polled; the halves of
//!   [`split`](WebSocket::split) live in different tasks.
//! * Between messages a connection holds no buffer: reads go through one that belongs to the thread, and what is
//!   queued is freed once it is written.
//! * What waits to be written is bounded: [`feed`](WebSocket::feed) waits for room. Of pings that come while the
//!   peer does not read, only the last is answered.
//! * [`close`](WebSocket::close) finishes within [`StreamOptions::close_timeout`], whatever the peer does.
//!
//! A server that echoes, on a stream that hyper or anything else has upgraded:
//!
//! ```
//! use everywire_websocket::{Agreed, CloseCode, CloseFrame, Role};
//! use everywire_websocket::stream::{Message, StreamOptions, WebSocket, connect};
//!
//! # use everywire_websocket::handshake::client::ClientOptions;
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! # let (ours, theirs) = tokio::io::duplex(1024);
//! // `agreed` comes from the handshake; the bytes are what was read behind the request's head.
//! let mut server = WebSocket::new(ours, Role::Server, &Agreed::default(), b"", StreamOptions::default());
//! # let client = async {
//! # let mut client = WebSocket::new(theirs, Role::Client, &Agreed::default(), b"", StreamOptions::default());
//! # client.send("hello").await.unwrap();
//! # assert_eq!(client.recv().await.unwrap(), Some(Message::Text("hello".into())));
//! # client.close(Some(CloseFrame { code: CloseCode::NORMAL, reason: "" })).await.unwrap();
//! # };
//! # let server = async {
//! while let Some(message) = server.recv().await? {
//!     match message {
//!         Message::Text(_) | Message::Binary(_) => server.send(message).await?,
//!         Message::Ping(_) | Message::Pong(_) => {}
//!     }
//! }
//! # Ok::<(), everywire_websocket::stream::Error>(())
//! # };
//! # let (_, served) = tokio::join!(client, server);
//! # served
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod connect;
mod deflaters;
mod link;
mod outgoing;
mod receiver;
mod sender;
mod wakers;

pub use connect::{ConnectError, connect};
pub use receiver::Receiver;
pub use sender::Sender;

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    Agreed, CloseCode, CloseFrame, Compression, Fault, Limits, Prepared, Role, encode::ControlTooLong,
};
use link::Shared;

/// What is sent and received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message. Clones share the bytes.
    Binary(Bytes),
    /// A ping of at most 125 bytes, to be sent. Received ones are answered and not handed out.
    Ping(Bytes),
    /// The answer to a ping, or a sign of life, of at most 125 bytes.
    Pong(Bytes),
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Bytes> for Message {
    fn from(data: Bytes) -> Self {
        Self::Binary(data)
    }
}

impl From<Vec<u8>> for Message {
    fn from(data: Vec<u8>) -> Self {
        Self::Binary(data.into())
    }
}

/// Bounds and choices of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamOptions {
    /// What the peer may send.
    pub limits: Limits,
    /// With this many bytes waiting to be written, sending waits. A single message may go over it.
    /// Default: 64 KiB.
    pub write_buffer: usize,
    /// From the first close frame, or the peer's fault, to the end of the connection. Default: 10 s.
    pub close_timeout: Duration,
    /// How to compress, where the handshake agreed to compress.
    pub compression: Compression,
    /// The longest head of a server's answer that [`connect`] accepts, in bytes. Default: 16 KiB, as Node.
    pub response_head: usize,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            write_buffer: 64 * 1024,
            close_timeout: Duration::from_secs(10),
            compression: Compression::default(),
            response_head: 16 * 1024,
        }
    }
}

/// Why receiving or sending failed. The orderly end of a connection is not among it: that is `Ok(None)`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The connection broke, or ended without a close frame (`UnexpectedEof`). Connect again.
    Io(io::Error),
    /// The peer violated the protocol or a limit of ours. It has been told, with the fault's close code.
    Fault(Fault),
    /// The peer did not answer our close frame in time.
    CloseTimeout,
    /// Something was to be sent after a close frame, ours or the peer's.
    Closed,
    /// A ping or pong of more than 125 bytes was to be sent.
    ControlTooLong(ControlTooLong),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the connection failed: {error}"),
            Self::Fault(fault) => fault.fmt(f),
            Self::CloseTimeout => f.write_str("the peer did not answer our close frame in time"),
            Self::Closed => f.write_str("nothing can be sent after a close frame"),
            Self::ControlTooLong(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Fault(fault) => Some(fault),
            Self::ControlTooLong(error) => Some(error),
            Self::CloseTimeout | Self::Closed => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// An open connection. See the [module](self) for an example.
#[derive(Debug)]
pub struct WebSocket<S> {
    sender: Sender<S>,
    receiver: Receiver<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// A connection over `io`, on which the handshake is over and `agreed` was its outcome; `leftover` are the bytes
    /// that were read behind the handshake.
    ///
    /// hyper's `Upgraded` is `io` in hyper-util's `TokioIo`, and brings what it has read itself along.
    pub fn new(io: S, role: Role, agreed: &Agreed, leftover: &[u8], options: StreamOptions) -> Self {
        let shared = Arc::new(Shared::new(io, role, options.write_buffer));
        let deflate = agreed.deflate;
        let sender = Sender::new(
            Arc::clone(&shared),
            deflate.map(|params| params.outgoing(role)),
            options.compression,
        );
        let incoming = deflate.map(|params| params.incoming(role));
        let receiver = Receiver::new(shared, role, incoming, leftover, &options);
        Self { sender, receiver }
    }

    /// The next message; `None` once the connection has been closed in order. See [`Receiver::recv`].
    ///
    /// # Errors
    ///
    /// The connection is over; see [`Error`].
    pub async fn recv(&mut self) -> Result<Option<Message>, Error> {
        self.receiver.recv().await
    }

    /// Sends a message and waits until it is written. See [`Sender::send`].
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.sender.send(message).await
    }

    /// Queues a message, waiting for room. See [`Sender::feed`].
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.sender.feed(message).await
    }

    /// Queues a frame that was encoded once for many. See [`Sender::feed_prepared`].
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn feed_prepared(&mut self, frame: &Prepared) -> Result<(), Error> {
        self.sender.feed_prepared(frame).await
    }

    /// Waits until all that is queued is written.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.sender.flush().await
    }

    /// Closes the connection: sends what is queued and a close frame, then waits for the peer's and for the end of
    /// the stream, at most [`StreamOptions::close_timeout`]. Messages that come meanwhile are dropped.
    ///
    /// Cancel-safe: called again, it goes on. After the peer's close frame it only waits for the end.
    ///
    /// # Errors
    ///
    /// See [`Error`]. The connection is over in any case.
    pub async fn close(&mut self, close: Option<CloseFrame<'_>>) -> Result<(), Error> {
        self.sender.begin_close(close);
        while self.recv().await?.is_some() {}
        Ok(())
    }

    /// Code and reason of the peer's close frame, once it has come; the inner `None` is a frame without body.
    pub fn peer_close(&self) -> Option<Option<(CloseCode, &str)>> {
        self.receiver.peer_close()
    }

    /// The two halves, for two tasks.
    pub fn split(self) -> (Sender<S>, Receiver<S>) {
        (self.sender, self.receiver)
    }
}
