//! Who else may write to a client's socket, or to the body of its response, and in which form.

use everywire_protocols::protocol::Entrance;
use everywire_protocols::session::{Lane, Wrapping};

use super::conversation::Conversation;
use super::link::Headed;
use crate::carrier::form::{Framing, form};

impl Conversation {
    pub(super) fn wrapping(&self) -> Wrapping {
        self.direct.map_or(Wrapping::None, |(_, wrapping)| wrapping)
    }

    /// The session's messages need nobody's look any more, on this lane.
    pub(super) fn move_to(&mut self, lane: Lane, wrapping: Wrapping) {
        self.direct = Some((lane, wrapping));
        if wrapping == Wrapping::None && self.protocol.entrance() == Entrance::AtOnce {
            return;
        }
        for seat in self.seats.iter() {
            if let Some(connection) = &seat.connection {
                connection.core().set_form(form(self.protocol.form(), wrapping, self.framing));
            }
        }
        self.open_socket();
    }

    /// The carrier has changed: how it frames, and whether others may write to its socket.
    pub(crate) fn carried_by(&mut self, framing: Framing, shared_socket: bool) {
        self.framing = framing;
        self.shared_socket = shared_socket;
        if let Some((lane, wrapping)) = self.direct {
            self.move_to(lane, wrapping);
        }
    }

    /// Lets others write whole frames to the socket, unless the protocol keeps some of them back, or somebody is told
    /// of each.
    pub(super) fn open_socket(&self) {
        if self.protocol.entrance() != Entrance::AtOnce {
            let all_in = self.seats.iter().all(|seat| seat.entered);
            let may = self.shared_socket && self.direct.is_some() && !self.watched && all_in;
            self.link.mailbox().set_direct(may && self.give_heads(self.wrapping(), self.framing));
        }
    }

    /// Lets others write broadcasts to a response that goes on, wrapped so. False if that cannot be: somebody is told of each,
    /// the protocol keeps some of them back, or the client has asked for a response of another shape before.
    pub(crate) fn write_to_response(&self, wrapping: Wrapping) -> bool {
        let all_in = self.seats.iter().all(|seat| seat.entered);
        if self.watched || !all_in || self.seats.len() == 0 || !self.give_heads(wrapping, Framing::Plain) {
            return false;
        }
        let form = form(self.protocol.form(), wrapping, Framing::Plain);
        for connection in self.seats.iter().filter_map(|seat| seat.connection.as_ref()) {
            connection.core().set_form(form);
        }
        self.link.mailbox().set_direct(true);
        true
    }

    /// Lets others write the heads of broadcasts, if the protocol has some. False if the carrier cannot put them together:
    /// what is compressed is compressed whole.
    fn give_heads(&self, wrapping: Wrapping, framing: Framing) -> bool {
        let Some(heads) = self.protocol.heads() else { return true };
        if matches!(framing, Framing::Deflate(_)) {
            return false;
        }
        self.link.set_heads(Headed { heads, form: self.protocol.form(), wrapping, framing })
    }
}
