//! What a session shares with the rest of the program: one allocation.

use std::io;
use std::sync::OnceLock;

use everywire_core::{Link, Mailbox};
use tokio::net::TcpStream;

/// A session on a TCP socket that we own, or that may get one: others may write whole frames to it, while its mailbox
/// is direct.
pub(crate) struct SocketLink {
    pub(crate) mailbox: Mailbox,
    socket: OnceLock<TcpStream>,
}

impl SocketLink {
    pub(crate) fn new(mailbox: Mailbox) -> Self {
        Self { mailbox, socket: OnceLock::new() }
    }

    /// Gives the session its socket. It has one in its life.
    pub(crate) fn set_socket(&self, socket: TcpStream) {
        let first = self.socket.set(socket).is_ok();
        debug_assert!(first, "a session has one socket in its life");
    }

    /// The socket, which whoever reads and writes as its owner has set.
    pub(crate) fn socket(&self) -> &TcpStream {
        self.socket.get().expect("a transport on TCP is made when the socket is there")
    }
}

impl Link for SocketLink {
    fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.socket.get() {
            Some(socket) => socket.try_write(bytes),
            // Its mailbox is not direct yet.
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
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
