//! A socket that HTTP is spoken on, with the waits that hyper does not bound.
//!
//! * Until it is clear which version of HTTP a client speaks, hyper-util waits for ever: for the first byte, and for the
//!   rest of HTTP/2's preface. From then on hyper's own timeouts hold.
//! * A client that reads nothing keeps its response, and what the response holds, for as long as it likes.

use std::any::Any;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::line::{Line, OnLine};

/// RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A socket that fails with `TimedOut` instead of waiting too long.
pub(crate) struct Timed<I> {
    io: Io<I>,
    handshake: Duration,
    write: Duration,
    /// How much of the preface has come; none once it is whole, or something else came.
    preface: Option<usize>,
    reading: Timer,
    writing: Timer,
    /// Bytes of others' that were left when the socket was last full: while they become fewer, it is not stuck.
    left: usize,
}

enum Io<I> {
    /// TCP.
    Line(OnLine),
    Other(I),
}

/// Runs while something is waited for.
type Timer = Option<Pin<Box<Sleep>>>;

impl Timed<TcpStream> {
    /// The socket, without waits, once hyper has given it back.
    pub(crate) fn into_socket(self) -> Option<TcpStream> {
        match self.io {
            Io::Line(line) => line.into_socket(),
            Io::Other(socket) => Some(socket),
        }
    }
}

impl<I: 'static> Timed<I> {
    pub(crate) fn new(io: I, handshake: Duration, write: Duration) -> Self {
        let mut io = Some(io);
        let socket = (&mut io as &mut dyn Any).downcast_mut::<Option<TcpStream>>().and_then(Option::take);
        let io = match (socket, io) {
            (_, Some(other)) => Io::Other(other),
            (Some(socket), None) => Io::Line(OnLine::new(socket)),
            (None, None) => unreachable!("only a TCP socket was taken"),
        };
        Self { io, handshake, write, preface: Some(0), reading: None, writing: None, left: 0 }
    }
}

impl<I> Timed<I> {
    /// The side of it that others may write to, if it has one.
    pub(crate) fn line(&self) -> Option<Weak<Line>> {
        match &self.io {
            Io::Line(line) => Some(line.line()),
            Io::Other(_) => None,
        }
    }

    fn recognise(&mut self, read: &[u8]) {
        let Some(seen) = self.preface else { return };
        let rest = &PREFACE[seen..];
        let is_more = rest.len() > read.len() && rest.starts_with(read) && !read.is_empty();
        self.preface = is_more.then_some(seen + read.len());
        if self.preface.is_none() {
            self.reading = None;
        }
    }
}

fn wait<T>(timer: &mut Timer, duration: Duration, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
    let timer = timer.get_or_insert_with(|| Box::pin(sleep(duration)));
    timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
}

impl<I: AsyncRead + Unpin> AsyncRead for Timed<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = match &mut this.io {
            Io::Line(line) => Pin::new(line).poll_read(cx, buffer),
            Io::Other(io) => Pin::new(io).poll_read(cx, buffer),
        };
        match read {
            Poll::Pending if this.preface.is_some() => wait(&mut this.reading, this.handshake, cx),
            Poll::Ready(Ok(())) => {
                this.recognise(&buffer.filled()[before..]);
                read
            }
            _ => read,
        }
    }
}

impl<I: AsyncWrite + Unpin> Timed<I> {
    fn written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_pending() {
            if let Io::Line(line) = &self.io {
                let left = line.left();
                if std::mem::replace(&mut self.left, left) > left {
                    self.writing = None;
                }
            }
            return wait(&mut self.writing, self.write, cx);
        }
        self.writing = None;
        written
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Timed<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = match &mut self.io {
            Io::Line(line) => Pin::new(line).poll_write(cx, bytes),
            Io::Other(io) => Pin::new(io).poll_write(cx, bytes),
        };
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.io {
            Io::Line(line) => Pin::new(line).poll_write_vectored(cx, slices),
            Io::Other(io) => Pin::new(io).poll_write_vectored(cx, slices),
        };
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Line(line) => line.is_write_vectored(),
            Io::Other(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = match &mut self.io {
            Io::Line(line) => Pin::new(line).poll_flush(cx),
            Io::Other(io) => Pin::new(io).poll_flush(cx),
        };
        self.written(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Line(line) => Pin::new(line).poll_shutdown(cx),
            Io::Other(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::super::line::Chunk;
    use super::super::line::tests::pair;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn flush(timed: &mut Timed<TcpStream>) -> Poll<io::Result<()>> {
        Pin::new(timed).poll_flush(&mut Context::from_waker(Waker::noop()))
    }

    fn left(timed: &Timed<TcpStream>) -> usize {
        let Io::Line(line) = &timed.io else { panic!("it is TCP") };
        line.left()
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_some_of_a_chunk_now_and_then_is_waited_for() {
        let (socket, peer) = pair().await;
        let mut timed = Timed::new(socket, PATIENCE, PATIENCE);
        let line = timed.line().and_then(|line| line.upgrade()).expect("it is TCP");
        line.wait();
        assert!(flush(&mut timed).is_ready());
        let chunk = vec![b'x'; 60_000];
        while !matches!(line.write_chunk(&chunk).unwrap(), Chunk::Begun) {}
        let mut rounds = 0;
        while flush(&mut timed).is_pending() {
            tokio::time::advance(PATIENCE - Duration::from_secs(1)).await;
            let before = left(&timed);
            while left(&timed) == before {
                let _ = peer.try_read(&mut [0; 2048]);
                tokio::task::yield_now().await;
                if let Poll::Ready(flushed) = flush(&mut timed) {
                    flushed.unwrap();
                }
            }
            rounds += 1;
        }
        assert!(rounds > 2, "{rounds}");
        // Whoever takes nothing is not.
        while !matches!(line.write_chunk(&chunk).unwrap(), Chunk::Begun) {
            tokio::task::yield_now().await;
        }
        assert!(flush(&mut timed).is_pending());
        tokio::time::advance(PATIENCE + Duration::from_secs(1)).await;
        let Poll::Ready(Err(error)) = flush(&mut timed) else { panic!("it has waited long enough") };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
