//! How a WebSocket ends.

use std::io;
use std::task::{Context, Poll};

use everywire_core::Reason;
use everywire_protocols::seam::Time;
use everywire_protocols::session::LaneEnd;
use everywire_websocket::{Fault, encode};

use super::frames::Frames;
use super::socket::{Phase, State};
use super::transport::Transport;
use crate::driver::conversation::Effects;

impl<T: Transport> State<T> {
    /// When a peer that is to close from now on has had long enough.
    pub(super) fn long_enough(&self, now: Time) -> Time {
        now.after(self.conversation.options().close_timeout)
    }

    /// The peer broke a rule: it hears which, in its protocol's words if that has some, and then nothing more.
    pub(super) fn fail(&mut self, cx: &mut Context<'_>, now: Time, fault: Fault) {
        let reason = match fault.code().get() {
            1007 => Reason::InvalidText,
            1009 => Reason::TooLarge,
            _ => Reason::ProtocolError,
        };
        tracing::warn!(peer = %self.conversation.peer(), %reason, "{}", fault.reason());
        self.closing.fail();
        if self.phase == Phase::Open {
            self.conversation.goodbye(reason, &mut Frames::new(self.beside.last_words()));
        }
        if self.closing.send() {
            encode::close(self.beside.last_words(), Some(fault.into()), None);
        }
        self.conversation.lane_closed(cx, now, LaneEnd::Fault(reason));
        self.link().mailbox().end(reason, true);
        self.phase = Phase::Closing;
        self.close_by.get_or_insert(self.long_enough(now));
    }

    /// Sends the protocol's goodbye and a close frame, behind what was written.
    pub(super) fn say_goodbye(&mut self, reason: Reason, now: Time) {
        if self.phase != Phase::Open {
            return;
        }
        self.link().mailbox().end(reason, true);
        self.conversation.goodbye(reason, &mut Frames::new(self.beside.last_words()));
        if self.closing.send() {
            encode::close(self.beside.last_words(), self.farewell.frame(reason), None);
        }
        self.phase = Phase::Closing;
        self.close_by.get_or_insert(self.long_enough(now));
    }

    /// Everything has left, and the session has ended: closes the socket as far as the closing handshake is.
    pub(super) fn hang_up(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        use everywire_websocket::Transport as Next;
        let orderly = self.closing.received() && self.closing.sent();
        if self.phase == Phase::Closing && self.closing.transport() != Next::Keep {
            // Nothing can be sent any more; a peer that closed in order has nothing to be waited for.
            if self.transport.poll_shutdown(cx)?.is_ready() {
                self.phase = if orderly { Phase::Over(self.reason()) } else { Phase::Lingering };
            }
        }
        Ok(())
    }

    /// The end of the peer's bytes.
    pub(super) fn hung_up(&mut self, cx: &mut Context<'_>, now: Time) {
        if self.phase == Phase::Open {
            self.conversation.lane_closed(cx, now, LaneEnd::Aborted);
        }
        self.phase = Phase::Over(self.reason());
    }

    /// The socket is broken.
    pub(super) fn lose(&mut self, cx: &mut Context<'_>, now: Time, error: &io::Error) {
        tracing::debug!(peer = %self.conversation.peer(), %error, "a socket broke");
        self.hung_up(cx, now);
    }

    /// Looks at the deadlines: all that come before the next tick have come.
    pub(super) fn look_at_the_clock(&mut self, cx: &mut Context<'_>, now: Time) {
        let horizon = now.after(self.conversation.wheel().tick());
        self.conversation.expire(horizon);
        // While we do not read, we cannot hear whether the peer lives.
        let is_read = self.conversation.wants_more();
        let has_ended = !is_read && self.conversation.is_stuck(now) && self.transport.has_ended();
        if self.phase == Phase::Open && has_ended {
            self.hung_up(cx, now);
        } else if self.phase == Phase::Open {
            let mut effects = Effects::new();
            self.conversation.tick(cx, horizon, is_read, &mut effects);
            self.apply(effects, now);
        }
        if self.close_by.is_some_and(|by| by <= now) {
            self.phase = Phase::Over(self.reason());
        } else if self
            .stuck_since
            .is_some_and(|since| since.after(self.conversation.options().write_timeout) <= now)
        {
            tracing::warn!(peer = %self.conversation.peer(), "a socket took nothing for too long");
            self.link().mailbox().end(Reason::WriteTimeout, false);
            self.phase = Phase::Over(Reason::WriteTimeout);
        }
    }

    /// The socket is done with. Handlers at work go on, then the conversation is dropped and says farewell.
    pub(super) fn wind_down(&mut self, cx: &mut Context<'_>, reason: Reason) -> Poll<()> {
        if !self.left {
            self.left = true;
            self.conversation.leave(reason);
            // The handlers that still run hold the socket; the peer need not wait for them.
            let _ = self.transport.poll_shutdown(cx);
            let now = self.conversation.wheel().now();
            self.conversation.work(cx, now, &mut Effects::new());
        }
        if !self.conversation.is_idle() {
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn reason(&self) -> Reason {
        self.link().mailbox().ended().or(self.conversation.ended()).unwrap_or(Reason::Lost)
    }
}
