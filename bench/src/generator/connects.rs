//! Connections that come and go: connect, handshake, close frame, its echo, end of the TCP connection, and again.
//!
//! The floor gets and echoes as many bytes: the request, then the close frame. It ends when the generator does.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::Door;
use crate::wire::{self, CLOSE, NORMAL, Wire};

#[derive(Debug)]
pub(crate) struct Connects {
    door: Door,
    request: Vec<u8>,
    close: Vec<u8>,
    poll: Poll,
    events: Events,
    slots: Vec<Option<Visit>>,
    opened: usize,
    /// Connections that went all the way.
    pub(crate) completed: u64,
    stopped: bool,
}

#[derive(Debug)]
struct Visit {
    stream: TcpStream,
    stage: Stage,
    received: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Upgrading,
    Closing,
    Ending,
    Ended,
}

impl Connects {
    pub(crate) fn new(door: Door, at_once: usize) -> Result<Self> {
        let mut close = Vec::new();
        wire::encode(door.wire, CLOSE, &NORMAL, &mut close);
        let mut connects = Self {
            door,
            request: wire::request(door.port, door.deflate),
            close,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            slots: Vec::new(),
            opened: 0,
            completed: 0,
            stopped: false,
        };
        for slot in 0..at_once {
            let visit = connects.begin(slot)?;
            connects.slots.push(Some(visit));
        }
        Ok(connects)
    }

    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(crate) fn is_done(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    pub(crate) fn run(&mut self, until: Instant) -> Result<()> {
        while !self.is_done() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            match self.poll.poll(&mut self.events, Some(left)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            let due: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
            for slot in due {
                let Some(visit) = &mut self.slots[slot] else { continue };
                let stage = visit.stage;
                visit
                    .advance(self.door, &self.request, &self.close)
                    .with_context(|| format!("a connection that was {stage:?}"))?;
                if visit.stage == Stage::Ended {
                    self.completed += 1;
                    self.slots[slot] = None;
                    if !self.stopped {
                        self.slots[slot] = Some(self.begin(slot)?);
                    }
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, slot: usize) -> Result<Visit> {
        let socket = Door::socket(self.opened)?;
        self.opened += 1;
        socket.set_nonblocking(true)?;
        match socket.connect(&self.door.address().into()) {
            Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
                return Err(error).context("connect");
            }
            _ => {}
        }
        let mut stream = TcpStream::from_std(socket.into());
        self.poll.registry().register(&mut stream, Token(slot), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Visit { stream, stage: Stage::Connecting, received: Vec::new() })
    }
}

impl Visit {
    /// Goes as far as it can without waiting.
    fn advance(&mut self, door: Door, request: &[u8], close: &[u8]) -> Result<()> {
        if self.stage == Stage::Connecting {
            if let Some(error) = self.stream.take_error()? {
                return Err(error.into());
            }
            // An event of the connection that had this place before.
            if self.stream.peer_addr().is_err() {
                return Ok(());
            }
            self.write(request)?;
            self.stage = Stage::Upgrading;
        }
        let mut some = [0; 2048];
        while self.stage != Stage::Ended {
            match self.stream.read(&mut some) {
                Ok(0) if self.stage == Stage::Ending => self.stage = Stage::Ended,
                Ok(0) => bail!("ended by the peer"),
                Ok(n) => self.received.extend_from_slice(&some[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            if self.stage == Stage::Upgrading && self.answered(door, request)? {
                self.write(close)?;
                self.stage = Stage::Closing;
            }
            if self.stage == Stage::Closing && self.close_echoed()? {
                if door.wire == Wire::Raw {
                    self.stream.shutdown(Shutdown::Write)?;
                }
                self.stage = Stage::Ending;
            }
        }
        Ok(())
    }

    fn answered(&mut self, door: Door, request: &[u8]) -> Result<bool> {
        let head = match door.wire {
            Wire::WebSocket => wire::check_response(&self.received, door.deflate)?,
            Wire::Raw => {
                ensure!(request.starts_with(&self.received), "another request came back than was sent");
                Some(request.len()).filter(|length| *length == self.received.len())
            }
        };
        if let Some(head) = head {
            self.received.drain(..head);
        }
        Ok(head.is_some())
    }

    fn close_echoed(&mut self) -> Result<bool> {
        let Some((frame, length)) = wire::parse(&self.received)? else { return Ok(false) };
        ensure!(frame.opcode == CLOSE && frame.payload == NORMAL, "{frame:?} where close 1000 was expected");
        ensure!(length == self.received.len(), "bytes behind a close frame");
        Ok(true)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.stream.write(bytes)?;
        ensure!(written == bytes.len(), "a new socket took {written} bytes only");
        Ok(())
    }
}
