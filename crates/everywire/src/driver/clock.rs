//! What time brings to a conversation.

use std::task::Context;

use everywire_protocols::protocol;
use everywire_protocols::seam::Time;
use everywire_protocols::session::Input;

use super::conversation::{Conversation, Effects};

impl Conversation {
    /// Looks at the deadlines: those up to `horizon` have come. Where we do not listen, nobody is gone who is silent.
    pub(crate) fn tick(&mut self, cx: &mut Context<'_>, horizon: Time, listens: bool, effects: &mut Effects) {
        let is_due = |deadline: Option<Time>| deadline.is_some_and(|deadline| deadline <= horizon);
        if !is_due(self.session.deadline()) && !is_due(self.protocol.deadline()) {
            return;
        }
        // A client lives that is in the midst of a long message.
        let listens = listens & !std::mem::take(&mut self.heard_part);
        // Early or late, the next is counted from now, or from when this was due.
        let now = self.app.wheel.now();
        if !listens {
            if let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= horizon) {
                self.tell(cx, deadline.max(now), Input::Unheard, effects);
            }
            if let Some(deadline) = self.protocol.deadline().filter(|deadline| *deadline <= horizon) {
                self.protocol.unheard(deadline.max(now));
            }
        }
        if let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= horizon) {
            self.tell(cx, deadline.max(now), Input::Tick, effects);
        }
        if let Some(deadline) = self.protocol.deadline().filter(|deadline| *deadline <= horizon) {
            let mut out = protocol::Outputs::new();
            self.protocol.tick(deadline.max(now), &mut out);
            self.follow(cx, deadline.max(now), out, effects);
        }
    }

    /// Bytes came, of a message that is not whole yet; or of one that is, and says itself that its client lives.
    pub(crate) fn hear_part(&mut self, is_part: bool) {
        self.heard_part = is_part;
    }

    /// Ends what may not go on any longer, also while the client is not listened to.
    pub(crate) fn expire(&mut self, horizon: Time) {
        if self.expires.is_some_and(|expires| expires <= horizon) {
            self.end_expired(horizon);
        }
    }

    /// When it wants a tick.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let deadlines = [self.session.deadline(), self.protocol.deadline(), self.expires, self.stuck_until()];
        deadlines.into_iter().flatten().min()
    }
}
