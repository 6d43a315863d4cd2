//! The driver's side of a session, as the hub sees it.

use std::io;

use bytes::Bytes;

use crate::broadcast::Broadcast;
use crate::mailbox::Mailbox;

/// One session of a client: its mailbox, and a socket that whole frames may be written to.
///
/// Implemented by the driver, in one object with everything else that it shares, so that an idle
/// session is one allocation.
pub trait Link: Send + Sync + 'static {
    /// What waits for the client.
    fn mailbox(&self) -> &Mailbox;

    /// Writes as much as the socket takes at once; or, where that is a response's body, all or nothing, by a reference to
    /// the bytes that all share. Called with the mailbox's lock held, and only if the mailbox was made *direct* and is
    /// clear. What is written is never empty.
    fn try_write(&self, bytes: &Bytes) -> io::Result<usize>;

    /// Appends the messages that a broadcast is for one of the session's connections, in a form that is
    /// [headed](crate::Form::headed): each is a head of its own and the shared `tail`. A client with two subscriptions of
    /// STOMP hears two, and one with none nothing. Called with the mailbox's lock held, only if
    /// [`try_write`](Self::try_write) comes next. That may take nothing of them: they have not been said before
    /// [`written`](Self::written).
    fn messages(&self, _slot: u32, _broadcast: &Broadcast, _tail: &[u8], _out: &mut Vec<u8>) {
        unreachable!("a link whose connections have headed forms writes heads")
    }

    /// What [`messages`](Self::messages) appended for this broadcast has left, or the socket has begun to take it and the rest
    /// leaves next. Called with the same lock still held. A broadcast of which this is not said comes by the mailbox.
    fn written(&self, _slot: u32, _broadcast: &Broadcast) {}
}
