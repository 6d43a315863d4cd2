//! A socket that takes what it can, and the rest later.

use std::io::{ErrorKind, Write};
use std::mem;

use anyhow::Result;
use mio::net::TcpStream;

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) stream: TcpStream,
    /// What it did not take yet.
    unsent: Vec<u8>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, unsent: Vec::new() }
    }

    pub(super) fn send(&mut self, mut bytes: &[u8]) -> Result<()> {
        while self.unsent.is_empty() && !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.unsent.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let unsent = mem::take(&mut self.unsent);
        self.send(&unsent)
    }
}
