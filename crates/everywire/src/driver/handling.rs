//! What a conversation does with what its client said: the opening, events, and their answers.

use std::sync::Arc;
use std::task::{Context, Poll};

use everywire_core::{
    Class, JoinOptions, Joined, Name, Outcome, Payload, PayloadRef, Reason, RoomKey, Target, Token, Verb,
};
use everywire_protocols::protocol;
use everywire_protocols::seam::Time;
use everywire_protocols::session::{Facts, Input};

use super::conversation::{Conversation, Effects};
use super::inbound::{Job, Opens, Waiting};
use crate::app::AppState;
use crate::app::connection::Connection;
use crate::app::error::{EventError, Result};

impl Conversation {
    /// The session is open: the connect handlers run, and the client enters the rooms that it named, before
    /// any event is handled.
    pub(super) fn opened(&mut self, cx: &mut Context<'_>, now: Time, facts: Facts, effects: &mut Effects) {
        let mut out = protocol::Outputs::new();
        self.protocol.open(&facts, now, &mut out);
        self.follow(cx, now, out, effects);
        let (app, handlers, connection) = (self.app.clone(), self.handlers.clone(), self.connection.clone());
        let relay = self.relay.clone();
        if handlers.connect.is_empty() && relay.is_none() && facts.rooms.is_empty() {
            return;
        }
        let mut opening: Opens = Box::pin(async move {
            for handler in &handlers.connect {
                handler(connection.clone()).await?;
            }
            if let Some(room) = relay {
                may(&app, &connection, &room, Verb::Subscribe)?;
                connection.join(room).await?;
            }
            if facts.rooms.is_empty() {
                return Ok(None);
            }
            for room in &facts.rooms {
                may(&app, &connection, room, Verb::Subscribe)?;
            }
            let rooms = facts.rooms.into_iter().map(RoomKey::Named);
            let options = JoinOptions { since: facts.since, meta: true };
            let joined = connection.join_with(rooms, options).await;
            joined.map(Some).map_err(|error| EventError::refuse(error.to_string()))
        });
        match opening.as_mut().poll(cx) {
            Poll::Ready(outcome) => self.let_in(cx, now, outcome, effects),
            Poll::Pending => self.inbound.open(opening),
        }
    }

    /// The connect handlers are done: the client is in, or sent away.
    pub(super) fn let_in(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        outcome: Result<Option<Joined>>,
        effects: &mut Effects,
    ) {
        match outcome {
            Ok(None) => {}
            Ok(Some(Joined { offset, recovered })) => {
                self.tell(cx, now, Input::Joined { offset, recovered }, effects);
            }
            Err(error) => {
                let reason = if error.is_internal() { Reason::Internal } else { Reason::Refused };
                tracing::warn!(peer = %self.peer, connection = %self.connection.id(), %error, "a connection was not let in");
                self.link.mailbox().end(reason, true);
            }
        }
    }

    /// Handles an event now.
    pub(super) fn handle(
        &mut self,
        cx: &mut Context<'_>,
        name: &str,
        args: PayloadRef<'_>,
        token: Option<Token>,
    ) {
        if let Some(room) = &self.relay {
            let room = room.clone();
            return self.publish_relayed(&room, args);
        }
        let extras = self.protocol.extras();
        match self.handlers.call(&self.connection, name, &args, extras, false) {
            Some(Ok(mut future)) => {
                // The common case: the handler is done at once, and nothing is kept.
                if let Poll::Ready(outcome) = future.as_mut().poll(cx) {
                    self.reply(name, token, outcome);
                } else {
                    self.inbound.start(Job { name: name.into(), token, future });
                }
            }
            Some(Err(error)) => self.reply(name, token, Err(error)),
            None => self.reply(name, token, Err(EventError::unknown_event(name))),
        }
    }

    /// Keeps an event until its turn comes.
    pub(super) fn wait(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        name: &str,
        args: PayloadRef<'_>,
        token: Option<Token>,
        effects: &mut Effects,
    ) {
        self.inbound.wait(Waiting { name: name.into(), args: args.into_owned(), token });
        if self.inbound.waiting_bytes() > self.app.options.inbound_bytes {
            tracing::warn!(peer = %self.peer, connection = %self.connection.id(), "events come faster than handlers take them");
            self.close(cx, now, Reason::Overloaded, effects);
        }
    }

    pub(super) fn reply(&mut self, event: &str, token: Option<Token>, outcome: Result<Payload>) {
        let outcome = match outcome {
            Ok(payload) if token.is_some() => Outcome::Done(payload),
            Ok(_) => return,
            Err(error) => {
                if token.is_none() && !error.is_internal() {
                    // Nobody asked for an answer, so the log is the only one who hears of it.
                    tracing::warn!(peer = %self.peer, connection = %self.connection.id(), event, %error, "an event failed");
                    return;
                }
                if !error.is_internal() {
                    tracing::info!(peer = %self.peer, connection = %self.connection.id(), event, %error, "an event failed");
                }
                error.into_outcome(event, &self.peer, self.app.options.detailed_errors)
            }
        };
        if let Some(token) = token {
            self.connection.core().reply(token, outcome);
        }
    }

    /// Publishes a message of a relay mount in its room, as it is.
    fn publish_relayed(&mut self, room: &Arc<str>, args: PayloadRef<'_>) {
        if let Err(error) = may(&self.app, &self.connection, room, Verb::Publish) {
            // The raw wire has no answers: the close code is the only one.
            tracing::warn!(peer = %self.peer, connection = %self.connection.id(), %error, "a message was refused");
            self.link.mailbox().end(Reason::Refused, true);
            return;
        }
        let core = self.connection.core();
        let target = Target::room(RoomKey::Named(room.clone()));
        let published =
            core.namespace().publish(Some(core), target, Name::MESSAGE, args.into_owned(), Class::Event);
        if let Ok(Err(error)) = published.now() {
            tracing::warn!(peer = %self.peer, connection = %self.connection.id(), %error, "a message was refused");
            self.link.mailbox().end(Reason::Refused, true);
        }
    }
}

/// Whether a client may do this with a room; the error says what it may not.
pub(crate) fn may(app: &AppState, connection: &Connection, room: &str, verb: Verb) -> Result<()> {
    if app.allows(connection.identity(), room, verb) {
        return Ok(());
    }
    let message = format!("you may not {} the room {room:?}", verb.as_str());
    Err(EventError::new(crate::code::FORBIDDEN, message))
}
