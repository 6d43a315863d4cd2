//! What a conversation does with what its client said: events, and their answers.

use std::sync::Arc;
use std::task::{Context, Poll};

use everywire_core::{
    Class, Failure, Name, Outcome, Payload, PayloadRef, Reason, RoomKey, Target, Token, Verb,
};
use everywire_protocols::protocol::Ends;
use everywire_protocols::seam::{Message, Time};
use everywire_protocols::session::{Input, Lane};

use super::conversation::{Conversation, Effects};
use super::guarded::guarded;
use super::inbound::{Job, Waiting};
use super::seats::Seat;
use crate::app::AppState;
use crate::app::connection::Connection;
use crate::app::error::{EventError, Result};

impl Conversation {
    /// Handles an event now.
    pub(super) fn handle(
        &mut self,
        i: usize,
        cx: &mut Context<'_>,
        name: &str,
        args: PayloadRef<'_>,
        token: Option<Token>,
    ) {
        if let Some(room) = &self.relay {
            let room = room.clone();
            return self.publish_relayed(&room, args);
        }
        let (extras, fold_case) = (self.protocol.extras(), self.protocol.folds_case());
        let seat = &mut self.seats[i];
        let Some(connection) = seat.heard() else { return };
        let span = span(connection, name);
        let entered = span.enter();
        let outcome = match seat.handlers.call(connection, name, &args, extras, fold_case) {
            Some(Ok(mut future)) => match guarded(|| future.as_mut().poll(cx)) {
                // The common case: the handler is done at once, and nothing is kept.
                (Poll::Ready(outcome), _) => outcome,
                (Poll::Pending, waits) => {
                    let asks = waits && self.protocol.lends_turn();
                    drop(entered);
                    let (name, ends) = (name.into(), Ends::Never);
                    seat.inbound.start(Job { name, token, future, span, asks, ends });
                    return;
                }
            },
            Some(Err(error)) => Err(error),
            None => Err(EventError::unknown_event(name)),
        };
        drop(entered);
        self.reply(i, name, token, outcome);
    }

    /// Keeps an event until its turn comes.
    pub(super) fn wait(&mut self, i: usize, event: Waiting) {
        // What came in one message came together and is no flood, however long it is: it is as long as a message may be, or as a
        // transaction of STOMP's.
        let before = self.waited.unwrap_or_else(|| self.waiting_bytes());
        self.seats[i].inbound.wait(event);
        // Of what comes in bodies, [`bring`](Self::bring) sees to it.
        if self.direct.is_some() && before > self.app.options.inbound_bytes {
            self.overload();
        }
    }

    /// Whether more of the client's bytes may be read: false while as many of its events wait as may, and nothing of ours
    /// waits for the client; and while its streams hold as much as they may.
    pub(crate) fn wants_more(&self) -> bool {
        let asks = |seat: &Seat| seat.connection.as_ref().is_some_and(|c| c.core().is_asking());
        let options = &self.app.options;
        (self.waiting_bytes() < options.inbound_queue || self.seats.iter().any(asks))
            && self.uploaded_bytes() < options.inbound_bytes
    }

    /// Bytes of the client's events that wait for their handlers.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.seats.iter().map(|seat| seat.inbound.waiting_bytes()).sum()
    }

    /// Whether more events wait than ever may, and nothing of ours waits for the client: a body that may bring more is
    /// then to wait itself.
    pub(crate) fn is_flooded(&self) -> bool {
        let most = self.app.options.inbound_bytes;
        (self.waiting_bytes() > most || self.uploaded_bytes() >= most) && !self.wants_more()
    }

    /// Whether a body may wait until it is not.
    pub(crate) fn may_wait(&self, body: &[u8]) -> bool {
        self.session.may_wait(body)
    }

    /// A message came on one of several lanes: a body, or what a WebSocket says that is to take over.
    ///
    /// A body may bring many events: it may be as long as its client was told. They came together, and are no flood. Those
    /// that come behind more than ever may wait are, if an answer may be among them that we wait for.
    pub(crate) fn bring(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        lane: Lane,
        message: Message<'_>,
        effects: &mut Effects,
    ) {
        let before = self.waiting_bytes();
        self.tell(cx, now, Input::Message { lane, message }, effects);
        // What brings no event, such as a pong, may come at any time.
        if before > self.app.options.inbound_bytes && self.waiting_bytes() > before {
            self.overload();
        }
    }

    pub(crate) fn overload(&mut self) {
        tracing::warn!(peer = %self.peer, "events come faster than handlers take them");
        // It is told why, and nothing more of it is handled.
        self.link.mailbox().end(Reason::Overloaded, true);
        for seat in self.seats.iter_mut() {
            seat.inbound.forget_waiting();
        }
    }

    pub(super) fn reply(&mut self, i: usize, event: &str, token: Option<Token>, outcome: Result<Payload>) {
        self.answer(i, event, token, outcome.map(Outcome::Done), false);
    }

    /// Answers an event, if somebody waits for that; `streamed` says that it failed in the middle of a stream.
    pub(super) fn answer(
        &mut self,
        i: usize,
        event: &str,
        token: Option<Token>,
        outcome: Result<Outcome>,
        streamed: bool,
    ) {
        let outcome = match outcome {
            Ok(outcome) if token.is_some() => outcome,
            Ok(_) => return,
            Err(error) => {
                let connection = self.seats[i].connection.as_ref().map(Connection::id);
                if token.is_none() && !error.is_internal() {
                    // Nobody asked for an answer, so the log is the only one who hears of it.
                    tracing::warn!(peer = %self.peer, ?connection, event, %error, "an event failed");
                    return;
                }
                if !error.is_internal() {
                    tracing::info!(peer = %self.peer, ?connection, event, %error, "an event failed");
                }
                let failure = error.into_failure(event, &self.peer, self.app.options.detailed_errors);
                Failure { streamed, ..failure }.into()
            }
        };
        if let (Some(token), Some(connection)) = (token, &self.seats[i].connection) {
            connection.core().reply(token, outcome);
        }
    }

    /// Publishes a message of a relay mount in its room, as it is.
    fn publish_relayed(&mut self, room: &Arc<str>, args: PayloadRef<'_>) {
        let Some(connection) = self.seats[0].heard() else { return };
        if let Err(error) = may(&self.app, connection, room, Verb::Publish) {
            // The raw wire has no answers: the close code is the only one.
            tracing::warn!(peer = %self.peer, connection = %connection.id(), %error, "a message was refused");
            connection.core().end_session(Reason::Refused);
            return;
        }
        let core = connection.core();
        let target = Target::room(RoomKey::Named(room.clone()));
        let published =
            core.namespace().publish(Some(core), target, Name::MESSAGE, args.into_owned(), Class::Event);
        if let Ok(Err(error)) = published.now() {
            tracing::warn!(peer = %self.peer, connection = %connection.id(), %error, "a message was refused");
            connection.core().end_session(Reason::Refused);
        }
    }
}

/// Around all that a handler does: what it logs can be told to be of this event. Where nobody traces, it is nothing.
pub(super) fn span(connection: &Connection, event: &str) -> tracing::Span {
    let namespace = connection.namespace();
    tracing::debug_span!("event", namespace, event, connection = %connection.id())
}

/// Whether a client may do this with a room, or a queue; the error says what it may not.
pub(crate) fn may(app: &AppState, connection: &Connection, name: &str, verb: Verb) -> Result<()> {
    if app.allows(connection.identity(), name, verb) {
        return Ok(());
    }
    let message = format!("you may not {} the {} {name:?}", verb.as_str(), verb.object());
    Err(EventError::new(crate::code::FORBIDDEN, message))
}
