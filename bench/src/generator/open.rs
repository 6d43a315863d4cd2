//! Opens connections to a peer and says good-bye to it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use socket2::{Domain, Socket, Type};

use super::handshake::{Next, Script};
use crate::wire::{self, CLOSE, NORMAL, Wire, Wires};
use crate::{engine, hub, sockjs};

/// A peer that says nothing for so long while a connection opens or ends has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Source addresses that are used in turn: each has its own range of ports.
const SOURCES: usize = 250;

/// How to get in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    pub(crate) port: u16,
    pub(crate) wires: Wires,
    /// Offer permessage-deflate without context takeover, and insist on it.
    pub(crate) deflate: bool,
    pub(crate) opening: Opening,
}

/// How a session begins; most wires have but one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    WebSocket,
    /// By polling, which is then upgraded.
    Polling,
    /// With a stream that is mirrored, on a hub.
    Stream,
}

/// An open connection and what came behind the handshake.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) stream: TcpStream,
    pub(crate) received: Vec<u8>,
}

impl Door {
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// A socket that is bound to the source address of connection `index`.
    pub(crate) fn socket(index: usize) -> Result<Socket> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        let source = Ipv4Addr::new(127, 0, 0, 2 + (index % SOURCES) as u8);
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        socket.set_tcp_nodelay(true)?;
        Ok(socket)
    }

    /// Connects and, where there is one, makes the handshake.
    pub(crate) fn open(&self, index: usize) -> Result<Open> {
        let mut stream = self.dial(index)?;
        let mut received = Vec::new();
        let wire = self.wires.of(index);
        if wire == Wire::Raw {
            return Ok(Open { stream, received });
        }
        let script = Script::new(*self, wire);
        let mut handshake = script.begin();
        stream.write_all(&script.first(index))?;
        let mut left = None;
        loop {
            match script.advance(&mut handshake, &mut received)? {
                Next::Wait => receive(&mut stream, &mut received)?,
                Next::Send(bytes) => stream.write_all(&bytes)?,
                Next::Dial(bytes) => {
                    left = Some(std::mem::replace(&mut stream, self.dial(index)?));
                    stream.write_all(&bytes)?;
                }
                Next::Ready => break,
            }
        }
        drop(left);
        Ok(Open { stream, received })
    }

    /// How a request begins by which connection `index` speaks, up to the length of its body; if it does not speak where it
    /// hears.
    pub(super) fn post(&self, index: usize) -> Option<Vec<u8>> {
        (self.wires.first() == Wire::SockJsStream).then(|| sockjs::post(self.port, index))
    }

    pub(super) fn dial(&self, index: usize) -> Result<TcpStream> {
        let socket = Self::socket(index)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.connect(&self.address().into())?;
        Ok(socket.into())
    }
}

impl Open {
    /// Closes as RFC 6455 section 7 has it: close frame, its echo, and the server ends the TCP connection first. What is no
    /// WebSocket just ends.
    pub(crate) fn close(mut self, wire: Wire) -> Result<()> {
        if wire == Wire::Raw || wire.is_stream() {
            return Ok(self.stream.shutdown(Shutdown::Both)?);
        }
        let mut close = Vec::new();
        wire::encode(wire, CLOSE, &NORMAL, &mut close);
        self.stream.write_all(&close)?;
        let answer = loop {
            if let Some((frame, length)) = wire::parse(&self.received)? {
                if engine::is_ping(wire, &frame) || hub::is_ping(wire, &frame) {
                    self.received.drain(..length);
                    continue;
                }
                break frame.opcode;
            }
            receive(&mut self.stream, &mut self.received)?;
        };
        ensure!(answer == CLOSE, "opcode {answer} where the echo of a close frame was expected");
        ensure!(self.stream.read(&mut [0])? == 0, "bytes behind a close frame");
        Ok(())
    }
}

fn receive(stream: &mut TcpStream, received: &mut Vec<u8>) -> Result<()> {
    let mut some = [0; 4096];
    match stream.read(&mut some).context("no answer")? {
        0 => bail!("closed by the peer before it answered"),
        n => received.extend_from_slice(&some[..n]),
    }
    Ok(())
}
