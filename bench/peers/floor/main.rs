//! The floor: bare TCP over epoll, no protocol. What makes one `recv` and one `send` a message cannot be faster.
//!
//! * `echo` writes back the bytes that it reads.
//! * `room` writes what one `recv` gave to every connection, at once: the *greedy* floor.
//! * `--paced room` collects what arrives and then makes one pass over the connections. Before a pass it waits a
//!   sixty-fourth of the last one, as long as that one carried more than one message: the *paced* floor, which
//!   coalesces as a server with a flusher does.
//!
//! What a socket does not take is kept and written when the socket is writable again, so nothing is ever lost.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use clap::Parser;
use everywire_bench::{Mode, PeerArguments};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);
const READ_BUFFER: usize = 1 << 20;
/// The share of the last pass that the paced floor waits for more messages.
const PACE: u32 = 64;

#[derive(Parser)]
struct Arguments {
    /// Collect messages before each pass over the room.
    #[arg(long)]
    paced: bool,
    #[command(flatten)]
    peer: PeerArguments,
}

struct Connection {
    stream: TcpStream,
    /// Bytes that the socket did not take yet.
    unsent: Vec<u8>,
}

impl Connection {
    fn send(&mut self, mut bytes: &[u8]) {
        if self.unsent.is_empty() {
            while !bytes.is_empty() {
                match self.stream.write(bytes) {
                    Ok(n) => bytes = &bytes[n..],
                    // Any error but a full socket shows up again when the connection is read.
                    Err(_) => break,
                }
            }
        }
        self.unsent.extend_from_slice(bytes);
    }

    fn flush(&mut self) {
        let unsent = std::mem::take(&mut self.unsent);
        self.send(&unsent);
    }
}

/// What waits for the next pass of the paced floor.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    /// The shortest read so far. Messages of one run have one length and the first ones come alone, so this is the
    /// length of a message, without knowing any protocol.
    message: Option<usize>,
    /// How long to wait before the next pass.
    wait: Duration,
    /// When the first message of the run arrived.
    since: Option<Instant>,
}

impl Run {
    fn add(&mut self, bytes: &[u8]) {
        self.since.get_or_insert_with(Instant::now);
        self.message = Some(self.message.map_or(bytes.len(), |shortest| shortest.min(bytes.len())));
        self.bytes.extend_from_slice(bytes);
    }

    fn pass(&mut self, connections: &mut [Option<Connection>]) {
        if self.since.is_none_or(|since| since.elapsed() < self.wait) {
            return;
        }
        let begin = Instant::now();
        for connection in connections.iter_mut().flatten() {
            connection.send(&self.bytes);
        }
        let many = self.message.is_some_and(|message| self.bytes.len() > message);
        self.wait = if many { begin.elapsed() / PACE } else { Duration::ZERO };
        self.since = None;
        self.bytes.clear();
    }
}

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let mut listener = TcpListener::from_std(arguments.peer.listen()?);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut free = Vec::new();
    let mut buffer = vec![0; READ_BUFFER];
    let mut run = Run::default();
    loop {
        let timeout = run.since.map(|_| Duration::ZERO);
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let index = free.pop().unwrap_or_else(|| {
                        connections.push(None);
                        connections.len() - 1
                    });
                    let both = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut stream, Token(index), both)?;
                    connections[index] = Some(Connection { stream, unsent: Vec::new() });
                }
                continue;
            }
            let index = event.token().0;
            // A connection may have ended earlier in this batch of events.
            let Some(connection) = connections[index].as_mut() else { continue };
            if !connection.unsent.is_empty() {
                connection.flush();
            }
            while let Some(connection) = connections[index].as_mut() {
                match connection.stream.read(&mut buffer) {
                    Ok(n) if n > 0 => {
                        let bytes = &buffer[..n];
                        match arguments.peer.mode {
                            Mode::Echo => connection.send(bytes),
                            Mode::Room | Mode::DeflateRoom if arguments.paced => run.add(bytes),
                            Mode::Room | Mode::DeflateRoom => {
                                for member in connections.iter_mut().flatten() {
                                    member.send(bytes);
                                }
                            }
                        }
                        // A short read took all there was; edge-triggered readiness tells about more. The end of
                        // the stream is told with the last bytes, and only once.
                        if n < buffer.len() && !event.is_read_closed() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Ok(_) | Err(_) => {
                        connections[index] = None;
                        free.push(index);
                        break;
                    }
                }
            }
        }
        run.pass(&mut connections);
    }
}
