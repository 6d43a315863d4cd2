//! Who is to hear something: rooms, and who of them is left out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use everywire_core::hub::PublishError;
use everywire_core::{self as core, Class, Name, Payload, RoomKey, Sending, Target};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::connection::Connection;
use super::error::Result;
use crate::Offset;

/// The members of some rooms, each once, without the members of others.
#[derive(Clone)]
#[must_use = "an audience hears nothing until something is emitted or published to it"]
pub struct Audience {
    namespace: Arc<core::Namespace>,
    from: Option<Arc<core::Connection>>,
    target: Target,
    sending: Sending,
}

impl Audience {
    pub(crate) fn new(namespace: Arc<core::Namespace>, from: Option<Arc<core::Connection>>) -> Self {
        Self { namespace, from, target: Target::default(), sending: Sending::default() }
    }

    /// Adds the members of a room, or one connection by its id.
    pub fn to(mut self, room: impl Into<RoomKey>) -> Self {
        self.target.rooms.push(room.into());
        self
    }

    /// Adds all connections of the namespace. (Socket.IO: `io.emit`.)
    pub fn everyone(self) -> Self {
        self.to(RoomKey::Everyone)
    }

    /// Adds all connections of a user.
    pub fn to_user(self, user: impl Into<Arc<str>>) -> Self {
        self.to(RoomKey::User(user.into()))
    }

    /// Leaves out the members of a room, or one connection by its id.
    pub fn except(mut self, room: impl Into<RoomKey>) -> Self {
        self.target.except.push(room.into());
        self
    }

    /// For whom it cannot leave at once, it is dropped.
    pub fn volatile(mut self) -> Self {
        self.sending.class = Class::Volatile;
        self
    }

    /// For whom it cannot leave at once, it takes the place of a waiting one with the same key.
    pub fn latest(mut self, key: impl Into<Name>) -> Self {
        self.sending.class = Class::Latest(key.into());
        self
    }

    /// Whether carriers that compress may compress it: `permessage-deflate` on WebSockets, and answers to Socket.IO's
    /// polls. Default: they may.
    pub fn compress(mut self, may: bool) -> Self {
        self.sending.compress = may;
        self
    }

    /// Publishes an event and does not wait for its place in the log.
    pub fn emit(self, event: impl Into<Name>, args: impl Serialize) -> Result<(), BroadcastError> {
        self.emit_payload(event, Payload::from_args(&args)?)
    }

    /// Publishes an event whose arguments are a payload already, and does not wait for its place in the log.
    pub fn emit_payload(self, event: impl Into<Name>, payload: Payload) -> Result<(), BroadcastError> {
        match self.submit(event.into(), payload).now() {
            Ok(published) => published.map(drop).map_err(Into::into),
            // The broker will answer. An error then is the broker's to report.
            Err(_later) => Ok(()),
        }
    }

    /// Publishes an event; gives its place in the log.
    pub async fn publish(
        self,
        event: impl Into<Name>,
        args: impl Serialize,
    ) -> Result<Offset, BroadcastError> {
        let payload = Payload::from_args(&args)?;
        Ok(self.submit(event.into(), payload).await?)
    }

    /// Publishes an event whose arguments are a payload already; gives its place in the log.
    pub async fn publish_payload(
        self,
        event: impl Into<Name>,
        payload: Payload,
    ) -> Result<Offset, BroadcastError> {
        Ok(self.submit(event.into(), payload).await?)
    }

    fn submit(self, event: Name, payload: Payload) -> core::Promise<Result<Offset, PublishError>> {
        self.namespace.publish(self.from.as_ref(), self.target, event, payload, self.sending)
    }

    /// Members on this node alone. (With the memory broker there is no other.)
    pub fn local(self) -> Self {
        self
    }

    /// Sends an event to each, and awaits the answers for at most `timeout`: of each the first value.
    pub async fn broadcast_with_acks<T: DeserializeOwned>(
        &self,
        event: impl Into<Name>,
        args: impl Serialize,
        timeout: Duration,
    ) -> Result<Acks<T>, BroadcastError> {
        let (event, payload) = (event.into(), Payload::from_args(&args)?);
        let mut acks = Acks { answers: Vec::new(), missing: 0, unable: 0 };
        let mut asked = Vec::new();
        for connection in self.fetch_connections().await {
            if connection.core().can_answer() {
                asked.push(connection.ask(event.clone(), payload.clone(), self.sending.compress));
            } else {
                acks.unable += 1;
            }
        }
        let deadline = tokio::time::Instant::now() + timeout;
        for mut question in asked {
            match tokio::time::timeout_at(deadline, question.answer()).await {
                Ok(Ok(answer)) => match first_value(&answer) {
                    Some(answer) => acks.answers.push(answer),
                    None => acks.missing += 1,
                },
                _ => acks.missing += 1,
            }
        }
        Ok(acks)
    }

    /// The connections that it would reach on this node.
    pub async fn fetch_connections(&self) -> Vec<Connection> {
        let mut found: Vec<Arc<core::Connection>> =
            self.target.rooms.iter().flat_map(|room| self.namespace.local_members(room)).collect();
        found.sort_by_key(|connection| connection.id());
        found.dedup_by_key(|connection| connection.id());
        found.retain(|connection| !self.target.except.iter().any(|key| is_of(connection, key)));
        found.into_iter().map(Connection::new).collect()
    }

    /// Has all of them enter a room.
    pub async fn join(&self, room: impl Into<RoomKey>) -> Result<(), core::hub::JoinError> {
        let room = room.into();
        for connection in self.fetch_connections().await {
            connection.join(room.clone()).await?;
        }
        Ok(())
    }

    /// Has all of them leave a room.
    pub async fn leave(&self, room: impl Into<RoomKey>) {
        let room = room.into();
        for connection in self.fetch_connections().await {
            connection.leave(room.clone()).await;
        }
    }

    /// Ends all of them, after what was published to them before: see [`Connection::disconnect`].
    pub async fn disconnect(&self) {
        for connection in self.fetch_connections().await {
            connection.disconnect();
        }
    }

    /// Ends the sessions of all of them, after what was published to them before.
    pub async fn disconnect_session(&self) {
        for connection in self.fetch_connections().await {
            connection.disconnect_session();
        }
    }
}

fn is_of(connection: &core::Connection, key: &RoomKey) -> bool {
    match key {
        RoomKey::Connection(id) => connection.id() == *id,
        RoomKey::User(user) => connection.identity().user.as_ref() == Some(user),
        RoomKey::Everyone => true,
        RoomKey::Named(_) => connection.is_in(key),
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience")
            .field("target", &self.target)
            .field("sending", &self.sending)
            .finish_non_exhaustive()
    }
}

/// The first value of an answer; nothing, where that is a value of the type, if the answer has none.
pub(super) fn first_value<T: DeserializeOwned>(answer: &Payload) -> Option<T> {
    if answer.is_empty() {
        let nothing = serde::de::value::UnitDeserializer::<serde::de::value::Error>::new();
        return T::deserialize(nothing).ok();
    }
    answer.read::<(T,)>(core::payload::Extras::Ignore).ok().map(|(first,)| first)
}

/// What became of a question to many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acks<T> {
    /// The first value of each answer, in the order of the connections' ids.
    pub answers: Vec<T>,
    /// How many gave no answer in time, ended before, or gave one of another type.
    pub missing: usize,
    /// How many were not asked, because their wire has no answers (raw, SSE, poll).
    pub unable: usize,
}

/// Why something could not be published.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BroadcastError {
    /// The arguments cannot be written, or break a rule of the admission check.
    #[error(transparent)]
    Payload(#[from] core::payload::PayloadError),
    /// A name is refused, or the broker could not take it.
    #[error(transparent)]
    Publish(#[from] PublishError),
}
