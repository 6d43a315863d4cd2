//! What time brings to a conversation.

use std::task::Context;

use everywire_protocols::protocol;
use everywire_protocols::seam::Time;
use everywire_protocols::session::Input;

use super::conversation::{Conversation, Effects};

impl Conversation {
    /// Looks at the deadlines: those up to `horizon` have come. Where we do not listen, nobody is gone who is silent.
    pub(crate) fn tick(&mut self, cx: &mut Context<'_>, horizon: Time, listens: bool, effects: &mut Effects) {
        if !listens {
            if let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= horizon) {
                self.tell(cx, deadline, Input::Unheard, effects);
            }
            if let Some(deadline) = self.protocol.deadline().filter(|deadline| *deadline <= horizon) {
                self.protocol.unheard(deadline);
            }
        }
        if let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= horizon) {
            self.tell(cx, deadline, Input::Tick, effects);
        }
        if let Some(deadline) = self.protocol.deadline().filter(|deadline| *deadline <= horizon) {
            let mut out = protocol::Outputs::new();
            self.protocol.tick(deadline, &mut out);
            self.follow(cx, deadline, out, effects);
        }
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
