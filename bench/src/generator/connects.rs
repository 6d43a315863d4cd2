//! Connections that come and go: connect, handshake (of Socket.IO too, where it is spoken), close frame, its echo, end of
//! the TCP connection, and again.
//!
//! The floor gets and echoes as many bytes: the request, then the close frame. It ends when the generator does.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::Door;
use super::handshake::{Handshake, Next, Script};
use crate::engine;
use crate::wire::{self, CLOSE, NORMAL, Wire};

#[derive(Debug)]
pub(crate) struct Connects {
    door: Door,
    script: Script,
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
    handshake: Handshake,
    received: Vec<u8>,
    /// The connection that the session began on; it stays open as long as the visit lasts.
    left: Option<TcpStream>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// To send this once there is a connection.
    Connecting(Vec<u8>),
    Opening,
    Closing,
    Ending,
    Ended,
}

impl Connects {
    pub(crate) fn new(door: Door, at_once: usize) -> Result<Self> {
        let mut close = Vec::new();
        wire::encode(door.wires.first(), CLOSE, &NORMAL, &mut close);
        let mut connects = Self {
            door,
            script: Script::new(door, door.wires.first()),
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
                let further = visit
                    .advance(self.door.wires.first(), &self.script, &self.close)
                    .with_context(|| format!("a connection: {:?}, {:?}", visit.stage, visit.handshake))?;
                let ended = visit.stage == Stage::Ended;
                if further {
                    let stream = self.dial(slot)?;
                    let visit = self.slots[slot].as_mut().context("a visit that goes on is there")?;
                    let mut left = std::mem::replace(&mut visit.stream, stream);
                    self.poll.registry().deregister(&mut left)?;
                    visit.left = Some(left);
                }
                if ended {
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
        Ok(Visit {
            stream: self.dial(slot)?,
            // Counted when it was dialled.
            stage: Stage::Connecting(self.script.first(self.opened)),
            handshake: self.script.begin(),
            received: Vec::new(),
            left: None,
        })
    }

    fn dial(&mut self, slot: usize) -> Result<TcpStream> {
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
        Ok(stream)
    }
}

impl Visit {
    /// Goes as far as it can without waiting; true if it needs another connection to go on.
    fn advance(&mut self, wire: Wire, script: &Script, close: &[u8]) -> Result<bool> {
        if let Stage::Connecting(first) = &self.stage {
            if let Some(error) = self.stream.take_error()? {
                return Err(error.into());
            }
            // An event of the connection that had this place before.
            if self.stream.peer_addr().is_err() {
                return Ok(false);
            }
            write(&mut self.stream, first)?;
            self.stage = Stage::Opening;
        }
        let mut some = [0; 2048];
        while self.stage != Stage::Ended {
            match self.stream.read(&mut some) {
                Ok(0) if self.stage == Stage::Ending => self.stage = Stage::Ended,
                Ok(0) => bail!("ended by the peer"),
                Ok(n) => self.received.extend_from_slice(&some[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            while self.stage == Stage::Opening {
                match script.advance(&mut self.handshake, &mut self.received)? {
                    Next::Wait => break,
                    Next::Send(bytes) => write(&mut self.stream, &bytes)?,
                    Next::Dial(bytes) => {
                        self.stage = Stage::Connecting(bytes);
                        return Ok(true);
                    }
                    Next::Ready => {
                        write(&mut self.stream, close)?;
                        self.stage = Stage::Closing;
                    }
                }
            }
            if self.stage == Stage::Closing && self.close_echoed(wire)? {
                if wire == Wire::Raw {
                    self.stream.shutdown(Shutdown::Write)?;
                }
                self.stage = Stage::Ending;
            }
        }
        Ok(false)
    }

    fn close_echoed(&mut self, wire: Wire) -> Result<bool> {
        let Some((frame, length)) = wire::parse(&self.received)? else { return Ok(false) };
        if engine::is_ping(wire, &frame) {
            self.received.drain(..length);
            return self.close_echoed(wire);
        }
        ensure!(frame.opcode == CLOSE && frame.payload == NORMAL, "{frame:?} where close 1000 was expected");
        ensure!(length == self.received.len(), "bytes behind a close frame");
        Ok(true)
    }
}

fn write(stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
    let written = stream.write(bytes)?;
    ensure!(written == bytes.len(), "a new socket took {written} bytes only");
    Ok(())
}
