//! The end of a conversation: what its client is told, and what the application is.

use std::sync::Arc;
use std::task::Context;

use everywire_core::Reason;
use everywire_protocols::seam::{Outbox, Time};
use everywire_protocols::session::{Wrapped, Wrapping};

use super::apart::Apart;
use super::conversation::{Conversation, Effects};

impl Conversation {
    /// Says goodbye in the protocol's own words.
    pub(crate) fn goodbye(&mut self, reason: Reason, outbox: &mut dyn Outbox) {
        let wrapping = self.direct.map_or(Wrapping::None, |(_, wrapping)| wrapping);
        self.protocol.goodbye(reason, &mut Wrapped { wrapping, outbox });
    }

    /// The conversation is to end, and its session may need some time for that: its connections leave now.
    pub(crate) fn say_goodbye(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        reason: Reason,
        effects: &mut Effects,
    ) {
        let mut apart = Apart::default();
        self.protocol.goodbye(reason, &mut apart);
        self.send_apart(cx, now, &apart, effects);
        self.close(cx, now, reason, effects);
        self.leave(reason);
        if self.ended.is_none() {
            self.lingering = Some(self.app.sessions.linger());
        }
        self.farewell(reason);
    }

    /// The carriers are gone for good: the connections leave the hub, and what has not been begun is not.
    /// Handlers at work go on to their end.
    pub(crate) fn leave(&mut self, reason: Reason) {
        if std::mem::replace(&mut self.left, true) {
            return;
        }
        self.link.mailbox().end(reason, false);
        self.end_streams();
        for seat in self.seats.iter_mut() {
            if let Some(connection) = &seat.connection {
                tracing::debug!(peer = %self.peer, connection = %connection.id(), %reason, "a connection ended");
                self.app.disconnect(connection, reason);
            }
            if reason != Reason::ClientClosed {
                seat.inbound.forget_waiting();
            }
        }
    }

    /// What the application does about the end. Until it is done the session counts as open, so that a shutdown
    /// waits for it.
    fn farewell(&mut self, reason: Reason) {
        let place = self.place.take().map(Arc::new);
        for seat in self.seats.iter_mut() {
            // Whoever left before has had its farewell.
            if seat.left.is_none() && seat.entered {
                super::entering::farewell(seat, reason, place.clone());
            }
            seat.left = Some(reason);
        }
    }
}

impl Drop for Conversation {
    /// The end, whoever brought it about: the carrier in order, a handler by a panic, or the runtime.
    fn drop(&mut self) {
        let panicked = std::thread::panicking();
        if panicked {
            tracing::error!(peer = %self.peer, "a handler panicked: its connection ends");
        }
        let lost = if panicked { Reason::Internal } else { Reason::Lost };
        let reason = self.link.mailbox().ended().or(self.ended).unwrap_or(lost);
        self.leave(reason);
        self.farewell(reason);
    }
}
