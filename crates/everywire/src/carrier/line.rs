//! A TCP socket that hyper answers on, and others while it has nothing to say.
//!
//! A response that goes on is a row of chunks (RFC 9112, section 7.1), and each is whole in itself. So while hyper waits for the
//! next piece of a body, and all that it wrote before has left, whoever publishes may write a chunk past it: without waking
//! the connection's task, and in one write where hyper makes three pieces.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use http::{Request, Version};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Up to so many bytes a chunk is put together to be written: copying them costs less than one more piece.
const COPIED: usize = 16 * 1024;

/// The side that is written to.
pub(crate) struct Line(Mutex<State>);

struct State {
    write: OwnedWriteHalf,
    turn: Turn,
    /// The end of a chunk that others began. It comes before all else.
    rest: Vec<u8>,
}

/// Who may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Hyper,
    /// Others, as soon as hyper has flushed: the body has nothing for it.
    Flushing,
    Others,
}

/// What has become of a chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Chunk {
    Written,
    /// The rest of it is kept, and leaves when the connection's task flushes.
    Begun,
    /// Nothing of it was written: it is hyper's turn, or the socket is full.
    Refused,
}

/// Both sides, as hyper has them.
pub(crate) struct OnLine {
    read: OwnedReadHalf,
    line: Arc<Line>,
}

/// As requests show it to whoever answers them.
#[derive(Clone)]
pub(crate) struct LineOf(pub(crate) Weak<Line>);

/// The line that a request came by, if a response that goes on is a row of chunks there: over HTTP/1.1.
pub(crate) fn line_of(head: &Request<()>) -> Option<Arc<Line>> {
    let line = head.extensions().get::<LineOf>().filter(|_| head.version() == Version::HTTP_11)?;
    line.0.upgrade()
}

impl Line {
    /// The body has nothing for hyper. Once that has flushed, others may write.
    pub(crate) fn wait(&self) {
        let mut state = self.0.lock();
        if state.turn == Turn::Hyper {
            state.turn = Turn::Flushing;
        }
    }

    /// The body has something for hyper: others may not write before that has.
    pub(crate) fn go_on(&self) {
        self.0.lock().turn = Turn::Hyper;
    }

    /// Writes a chunk past hyper, if it is not hyper's turn. An empty one would end the body.
    pub(crate) fn write_chunk(&self, bytes: &[u8]) -> io::Result<Chunk> {
        let Some(mut state) = self.0.try_lock() else { return Ok(Chunk::Refused) };
        if state.turn != Turn::Others || !state.rest.is_empty() || bytes.is_empty() {
            return Ok(Chunk::Refused);
        }
        let mut head = [0; 18];
        let mut size = &mut head[..];
        write!(size, "{:x}\r\n", bytes.len())?;
        let left = size.len();
        let head = &head[..18 - left];
        let pieces = [head, bytes, b"\r\n"];
        let len = head.len() + bytes.len() + 2;
        let written = if bytes.len() <= COPIED {
            CHUNK.with_borrow_mut(|chunk| {
                chunk.clear();
                pieces.iter().for_each(|piece| chunk.extend_from_slice(piece));
                state.write.try_write(chunk)
            })
        } else {
            state.write.try_write_vectored(&pieces.map(io::IoSlice::new))
        };
        match written {
            Ok(written) if written == len => Ok(Chunk::Written),
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Ok(mut written) => {
                for piece in pieces {
                    let done = written.min(piece.len());
                    state.rest.extend_from_slice(&piece[done..]);
                    written -= done;
                }
                Ok(Chunk::Begun)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Chunk::Refused),
            Err(error) => Err(error),
        }
    }
}

thread_local! {
    /// A chunk that is being put together.
    static CHUNK: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

impl State {
    /// Hyper writes: what it took from the body before that had nothing more, or what is no body.
    fn begin(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.turn == Turn::Others {
            self.turn = Turn::Hyper;
        }
        self.finish(cx)
    }

    /// Writes what others have begun.
    fn finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let written = ready!(Pin::new(&mut self.write).poll_write(cx, &self.rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.rest.drain(..written);
        }
        // An idle stream keeps nothing.
        self.rest = Vec::new();
        Poll::Ready(Ok(()))
    }
}

impl OnLine {
    pub(crate) fn new(socket: TcpStream) -> Self {
        let (read, write) = socket.into_split();
        let state = State { write, turn: Turn::Hyper, rest: Vec::new() };
        Self { read, line: Arc::new(Line(Mutex::new(state))) }
    }

    /// The side that others may write to.
    pub(crate) fn line(&self) -> Weak<Line> {
        Arc::downgrade(&self.line)
    }

    /// Bytes of a chunk of others' that have yet to leave.
    pub(crate) fn left(&self) -> usize {
        self.line.0.lock().rest.len()
    }

    /// The socket, once hyper has given it back: the responses that others could write to have ended before.
    pub(crate) fn into_socket(self) -> Option<TcpStream> {
        let state = Arc::into_inner(self.line)?.0.into_inner();
        self.read.reunite(state.write).ok()
    }
}

impl AsyncRead for OnLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buffer)
    }
}

impl AsyncWrite for OnLine {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.line.0.lock();
        ready!(state.begin(cx))?;
        Pin::new(&mut state.write).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.line.0.lock();
        ready!(state.begin(cx))?;
        Pin::new(&mut state.write).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// hyper flushes when it holds nothing back.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.line.0.lock();
        ready!(state.finish(cx))?;
        if state.turn == Turn::Flushing {
            state.turn = Turn::Others;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.line.0.lock();
        ready!(state.begin(cx))?;
        Pin::new(&mut state.write).poll_shutdown(cx)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::VecDeque;
    use std::task::Waker;

    use everywire_testkit::random::Random;
    use tokio::net::TcpSocket;

    use super::*;

    /// A socket in which little fits, and its other end.
    pub(in super::super) async fn pair() -> (TcpStream, TcpStream) {
        let (listening, connecting) = (TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap());
        listening.set_send_buffer_size(4096).unwrap();
        connecting.set_recv_buffer_size(4096).unwrap();
        listening.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = listening.listen(1).unwrap();
        let peer = connecting.connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().await.unwrap().0, peer)
    }

    /// Does what hyper does with a body: all that there is, then a flush.
    struct Hyper {
        io: OnLine,
        body: VecDeque<Vec<u8>>,
        buffer: Vec<u8>,
    }

    impl Hyper {
        fn new(socket: TcpStream) -> Self {
            Self { io: OnLine::new(socket), body: VecDeque::new(), buffer: b"the head, ".to_vec() }
        }

        fn poll(&mut self) -> Poll<io::Result<()>> {
            let cx = &mut Context::from_waker(Waker::noop());
            while let Some(piece) = self.body.pop_front() {
                self.io.line.go_on();
                write!(self.buffer, "{:x}\r\n", piece.len())?;
                self.buffer.extend_from_slice(&piece);
                self.buffer.extend_from_slice(b"\r\n");
            }
            self.io.line.wait();
            while !self.buffer.is_empty() {
                let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.buffer))?;
                self.buffer.drain(..written);
            }
            Pin::new(&mut self.io).poll_flush(cx)
        }
    }

    /// What has come, behind the head, chunk by chunk.
    fn chunks(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut chunks = Vec::new();
        bytes = bytes.strip_prefix(b"the head, ").expect("the head comes first");
        while !bytes.is_empty() {
            let end = bytes.iter().position(|byte| *byte == b'\r').expect("a size ends");
            let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
            let (chunk, rest) = bytes[end + 2..].split_at(size);
            chunks.push(chunk.to_vec());
            bytes = rest.strip_prefix(b"\r\n").expect("a chunk ends with its line");
        }
        chunks
    }

    #[tokio::test]
    async fn chunks_come_whole_and_in_order_whoever_writes_them() {
        let mut kinds = [0; 3];
        for seed in 0..20 {
            let mut random = Random::new(seed);
            let (io, peer) = pair().await;
            let mut hyper = Hyper::new(io);
            let (mut sent, mut came) = (Vec::new(), Vec::new());
            for n in 0..3000u32 {
                let size = if random.below(20) == 0 { 20_000 } else { 1 + random.below(600) };
                let piece: Vec<u8> = n.to_le_bytes().into_iter().cycle().take(size).collect();
                if random.below(4) == 0 {
                    // The session's own task.
                    hyper.body.push_back(piece.clone());
                } else {
                    let chunk = if hyper.body.is_empty() {
                        hyper.io.line.write_chunk(&piece).expect("the peer is there")
                    } else {
                        Chunk::Refused
                    };
                    kinds[chunk as usize] += 1;
                    if let Chunk::Refused = chunk {
                        hyper.body.push_back(piece.clone());
                    }
                }
                sent.push(piece);
                if random.below(3) > 0 {
                    let _ = hyper.poll();
                }
                if random.below(2) == 0 {
                    tokio::task::yield_now().await;
                    let mut buffer = vec![0; 1 + random.below(10_000)];
                    if let Ok(read) = peer.try_read(&mut buffer) {
                        came.extend_from_slice(&buffer[..read]);
                    }
                }
            }
            while !matches!(hyper.poll(), Poll::Ready(Ok(()))) {
                tokio::task::yield_now().await;
                let mut buffer = [0; 65_536];
                if let Ok(read) = peer.try_read(&mut buffer) {
                    came.extend_from_slice(&buffer[..read]);
                }
            }
            drop(hyper);
            tokio::io::AsyncReadExt::read_to_end(&mut { peer }, &mut came).await.unwrap();
            assert!(chunks(&came) == sent, "seed {seed}");
        }
        assert!(kinds.iter().all(|kind| *kind > 100), "written, begun, refused: {kinds:?}");
    }

    #[tokio::test]
    async fn others_write_when_hyper_has_nothing_to_say() {
        let (io, _peer) = pair().await;
        let mut hyper = Hyper::new(io);
        let write = |hyper: &Hyper| matches!(hyper.io.line.write_chunk(b"x"), Ok(Chunk::Written));
        assert!(!write(&hyper), "before the head has left");
        assert!(hyper.poll().is_ready());
        assert!(write(&hyper));
        assert!(!matches!(hyper.io.line.write_chunk(b""), Ok(Chunk::Written)), "that would be the end");
        hyper.io.line.go_on();
        assert!(!write(&hyper), "hyper has a piece in its hands");
        assert!(hyper.poll().is_ready());
        assert!(write(&hyper));
        let line = hyper.io.line();
        assert!(hyper.io.into_socket().is_some() && line.upgrade().is_none());
    }
}
