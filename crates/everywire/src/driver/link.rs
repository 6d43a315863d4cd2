//! What a session shares with the rest of the program: one allocation.

use std::io;

use everywire_core::{Link, Mailbox};
use tokio::net::TcpStream;

/// A session on a TCP socket that we own: others may write whole frames to it.
pub(crate) struct SocketLink {
    pub(crate) mailbox: Mailbox,
    pub(crate) socket: TcpStream,
}

impl Link for SocketLink {
    fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.try_write(bytes)
    }
}

/// A session on anything else (TLS, HTTP/2, a response body): only its task writes.
pub(crate) struct QueueLink {
    pub(crate) mailbox: Mailbox,
}

impl Link for QueueLink {
    fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    fn try_write(&self, _bytes: &[u8]) -> io::Result<usize> {
        // Its mailbox is not direct, so nobody asks; and to whom who does, the socket is full.
        Err(io::ErrorKind::WouldBlock.into())
    }
}
