//! What a session shares with the rest of the program: one allocation.

use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use everywire_core::{Broadcast, Link, Mailbox};
use everywire_protocols::protocol::{Heads, ProtocolForm};
use everywire_protocols::session::Wrapping;
use parking_lot::Mutex;
use tokio::net::TcpStream;

use crate::carrier::form::Framing;
use crate::carrier::frames::{Frames, Plain};
use crate::carrier::pieces::Slot;

/// A session, as its conversation sees it.
pub(crate) trait SessionLink: Link {
    /// From now on, whoever writes broadcasts writes their heads like this. False if they are written in another way already.
    fn set_heads(&self, headed: Headed) -> bool;
}

/// A session on a TCP socket that we own, or that may get one: others may write whole frames to it, while its mailbox
/// is direct.
pub(crate) struct SocketLink {
    pub(crate) mailbox: Mailbox,
    socket: OnceLock<TcpStream>,
    /// The response that others may write to, until there is a socket. Read and changed while nobody else writes: under
    /// the mailbox's lock, or by its task, with the mailbox corked.
    response: Mutex<Option<Arc<Slot>>>,
    /// What writes the heads of its broadcasts, if its client's protocol has some.
    heads: OnceLock<Box<Headed>>,
}

/// How the messages of a client begin, and how they are wrapped and framed.
pub(crate) struct Headed {
    pub(crate) heads: Arc<dyn Heads>,
    pub(crate) form: ProtocolForm,
    pub(crate) wrapping: Wrapping,
    /// Nothing compresses: that would be of the whole.
    pub(crate) framing: Framing,
}

impl SocketLink {
    pub(crate) fn new(mailbox: Mailbox) -> Self {
        Self { mailbox, socket: OnceLock::new(), response: Mutex::default(), heads: OnceLock::new() }
    }

    /// Gives the session its socket. It has one in its life.
    pub(crate) fn set_socket(&self, socket: TcpStream) {
        let first = self.socket.set(socket).is_ok();
        debug_assert!(first, "a session has one socket in its life");
    }

    /// Others may write to this response.
    pub(crate) fn share(&self, response: Arc<Slot>) {
        *self.response.lock() = Some(response);
    }

    /// This response has ended: its lane is nobody's.
    pub(crate) fn unshare(&self, response: &Arc<Slot>) {
        let shared = self.response.lock().take_if(|shared| Arc::ptr_eq(shared, response));
        if shared.is_some() {
            self.mailbox.set_direct(false);
        }
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

    fn try_write(&self, bytes: &Bytes) -> io::Result<usize> {
        if let Some(socket) = self.socket.get() {
            return socket.try_write(bytes);
        }
        match &*self.response.lock() {
            Some(response) => response.write(bytes),
            // Its mailbox is not direct yet.
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn messages(&self, _slot: u32, broadcast: &Broadcast, tail: &[u8], out: &mut Vec<u8>) {
        let Some(headed) = self.heads.get() else { return };
        let kind = headed.form.kind(broadcast);
        headed.heads.heads(broadcast, &mut |head| match headed.framing {
            Framing::Plain => headed.wrapping.joined(kind, head, tail, &mut Plain(out)),
            _ => headed.wrapping.joined(kind, head, tail, &mut Frames::new(out)),
        });
    }

    fn written(&self, _slot: u32, broadcast: &Broadcast) {
        if let Some(headed) = self.heads.get() {
            headed.heads.said(broadcast);
        }
    }
}

impl SessionLink for SocketLink {
    fn set_heads(&self, headed: Headed) -> bool {
        let (wrapping, framing) = (headed.wrapping, headed.framing);
        // A client speaks one version, on one socket or in responses of one shape, all its life; or it does without.
        let set = self.heads.get_or_init(|| Box::new(headed));
        set.wrapping == wrapping && set.framing == framing
    }
}

/// A session on one response that goes on.
pub(crate) struct ResponseLink {
    pub(crate) mailbox: Mailbox,
    pub(crate) slot: Arc<Slot>,
}

impl Link for ResponseLink {
    fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    fn try_write(&self, bytes: &Bytes) -> io::Result<usize> {
        self.slot.write(bytes)
    }
}

impl SessionLink for ResponseLink {
    /// No protocol of such a session has heads.
    fn set_heads(&self, _headed: Headed) -> bool {
        false
    }
}

/// A session on anything else (TLS, HTTP/2): only its task writes.
pub(crate) struct QueueLink {
    pub(crate) mailbox: Mailbox,
}

impl Link for QueueLink {
    fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    fn try_write(&self, _bytes: &Bytes) -> io::Result<usize> {
        // Its mailbox is not direct, so nobody asks; and to whom who does, the socket is full.
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl SessionLink for QueueLink {
    /// Only its task writes, and that asks the protocol.
    fn set_heads(&self, _headed: Headed) -> bool {
        false
    }
}
