//! What a WebSocket lies on: a TCP socket that we own, or anything that reads and writes.

use std::future::Future;
use std::io::{self, Read};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

use crate::driver::link::SocketLink;

/// The bytes below a WebSocket.
pub(crate) trait Transport: Send + Unpin + 'static {
    /// Whether others may write whole frames to it.
    const SHARED: bool;

    /// Reads what there is; 0 at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes what fits.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Has everything that was written leave, where that takes more than writing.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Says that nothing more will be written.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Whether it is known, without reading, that the peer will send no more than is there already.
    fn has_ended(&self) -> bool;
}

/// A TCP socket that others may write whole frames to.
pub(crate) struct Tcp(pub(crate) Arc<SocketLink>);

impl Transport for Tcp {
    const SHARED: bool = true;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let socket = self.0.socket();
        loop {
            if socket.poll_read_ready(cx)?.is_pending() {
                return Poll::Pending;
            }
            // A short read means that nothing is left: saying so (`WouldBlock`) clears the readiness, and
            // spares the next read a system call that would find out.
            let mut taken = None;
            let outcome = socket.try_io(Interest::READABLE, || {
                let n = (&*socket2::SockRef::from(socket)).read(buffer)?;
                taken = Some(n);
                if n > 0 && n < buffer.len() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(n) }
            });
            match (taken, outcome) {
                (Some(n), _) => return Poll::Ready(Ok(n)),
                (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                (None, Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                (None, Err(error)) => return Poll::Ready(Err(error)),
                (None, Ok(_)) => unreachable!("a read that succeeds says how much it took"),
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.0.socket().try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.0.socket().poll_write_ready(cx)?.is_pending() {
                        return Poll::Pending;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket2::SockRef::from(self.0.socket()).shutdown(std::net::Shutdown::Write))
    }

    fn has_ended(&self) -> bool {
        let ready = pin!(self.0.socket().ready(Interest::READABLE));
        match ready.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ready) => ready.map_or(true, Ready::is_read_closed),
            Poll::Pending => false,
        }
    }
}

/// Anything else: TLS, a stream of HTTP/2.
pub(crate) struct Any<I> {
    io: I,
    /// Whether something was written that has not been flushed.
    unflushed: bool,
}

impl<I> Any<I> {
    pub(crate) fn new(io: I) -> Self {
        Self { io, unflushed: false }
    }

    pub(crate) fn into_inner(self) -> I {
        self.io
    }
}

impl<I: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for Any<I> {
    const SHARED: bool = false;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        std::task::ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.unflushed = true;
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unflushed {
            std::task::ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn has_ended(&self) -> bool {
        false
    }
}
