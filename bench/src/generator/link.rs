//! One connection of the generator.

use std::io::{ErrorKind, Read};

use anyhow::{Result, bail, ensure};
use mio::net::TcpStream;

use super::listener::Listener;
use super::socket::Socket;
use crate::wire::{self, CLOSE, Frame, PING, PONG, TEXT, Wire};
use crate::{engine, hub};

#[derive(Debug)]
pub(crate) struct Link {
    socket: Socket,
    wire: Wire,
    /// Reads what comes, if it comes in responses.
    listener: Option<Box<Listener>>,
    /// The beginning of a frame of which the rest has not come yet.
    partial: Vec<u8>,
}

impl Link {
    pub(crate) fn new(
        stream: TcpStream,
        wire: Wire,
        listener: Option<Box<Listener>>,
        partial: Vec<u8>,
    ) -> Self {
        Self { socket: Socket::new(stream), wire, listener, partial }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.socket.send(bytes)
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        self.socket.flush()
    }

    /// Reads all that is there and hands over each message. `buffer` is the generator's and lends its space only.
    pub(crate) fn read(
        &mut self,
        buffer: &mut [u8],
        ended: bool,
        mut on_message: impl FnMut(&Frame<'_>) -> Result<()>,
    ) -> Result<()> {
        loop {
            let kept = self.partial.len();
            buffer[..kept].copy_from_slice(&self.partial);
            let n = match self.socket.stream.read(&mut buffer[kept..]) {
                Ok(0) => bail!("closed by the peer"),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let full = kept + n == buffer.len();
            let mut rest = &buffer[..kept + n];
            if let Some(listener) = &mut self.listener {
                let (left, again) = listener.advance(rest, &mut on_message)?;
                rest = left;
                if again {
                    let request = listener.request().to_vec();
                    self.send(&request)?;
                }
            } else {
                rest = self.frames(rest, &mut on_message)?;
            }
            ensure!(rest.len() < buffer.len(), "a frame that does not fit the buffer");
            self.partial.clear();
            self.partial.extend_from_slice(rest);
            // A short read took all there was, and epoll tells about more; but the end of the stream only once.
            if !full && !ended {
                return Ok(());
            }
        }
    }

    /// Hands over the messages in whole frames, and returns what is behind them.
    fn frames<'a>(
        &mut self,
        mut rest: &'a [u8],
        on_message: &mut impl FnMut(&Frame<'_>) -> Result<()>,
    ) -> Result<&'a [u8]> {
        while let Some((frame, length)) = wire::parse(rest)? {
            match frame.opcode {
                CLOSE => bail!("the peer sent close: {:?}", String::from_utf8_lossy(frame.payload)),
                PING => self.pong(frame.payload)?,
                PONG => bail!("a pong without a ping"),
                TEXT if engine::is_ping(self.wire, &frame) => self.send(&engine::frame(engine::PONG))?,
                _ if hub::is_ping(self.wire, &frame) => {}
                _ => on_message(&frame)?,
            }
            rest = &rest[length..];
        }
        Ok(rest)
    }

    fn pong(&mut self, payload: &[u8]) -> Result<()> {
        let mut pong = Vec::new();
        wire::encode(self.wire, PONG, payload, &mut pong);
        self.send(&pong)
    }
}
