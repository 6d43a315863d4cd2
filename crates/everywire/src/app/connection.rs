//! One client in one namespace, as handlers see it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use everywire_core::hub::{AckError, JoinError, Send as SendError};
use everywire_core::{self as core, Class, JoinOptions, Payload, Reason, RoomKey, Sending};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::App;
use super::audience::Audience;
use super::error::Result;
use super::handshake::{Handshake, Kept};
use crate::driver::guarded::asking;
use crate::{ConnectionId, Identity, Joined, Offset};

/// One client in one namespace. Cheap to clone; it may be kept after the client has gone, and then
/// refuses to send. (Socket.IO: socket.)
#[derive(Clone)]
pub struct Connection {
    core: Arc<core::Connection>,
}

impl Connection {
    pub(crate) fn new(core: Arc<core::Connection>) -> Self {
        Self { core }
    }

    /// The connection as the hub knows it.
    pub fn core(&self) -> &Arc<core::Connection> {
        &self.core
    }

    /// Its public id: no secret, and the same on every wire.
    pub fn id(&self) -> ConnectionId {
        self.core.id()
    }

    /// Who the client is.
    pub fn identity(&self) -> &Identity {
        self.core.identity()
    }

    /// The user, if known.
    pub fn user(&self) -> Option<&str> {
        self.identity().user.as_deref()
    }

    /// The namespace's name.
    pub fn namespace(&self) -> &str {
        self.core.namespace().name()
    }

    /// Sends an event to this client: behind everything that was published or sent before.
    ///
    /// A tuple is a list of arguments, anything else one argument; bytes stay bytes where the wire can
    /// carry them.
    pub fn emit(&self, event: impl Into<core::Name>, args: impl Serialize) -> Result<(), EmitError> {
        self.emit_as(event.into(), Payload::from_args(&args)?, Class::Event)
    }

    /// Sends an event whose arguments are a payload already: nothing is copied.
    pub fn emit_payload(&self, event: impl Into<core::Name>, payload: Payload) -> Result<(), EmitError> {
        self.emit_as(event.into(), payload, Class::Event)
    }

    /// Sends an event that takes the place of a waiting one with the same key.
    pub fn emit_latest(
        &self,
        key: impl Into<core::Name>,
        event: impl Into<core::Name>,
        args: impl Serialize,
    ) -> Result<(), EmitError> {
        self.emit_as(event.into(), Payload::from_args(&args)?, Class::Latest(key.into()))
    }

    /// Sends an event that is dropped if it cannot leave at once.
    pub fn emit_volatile(&self, event: impl Into<core::Name>, args: impl Serialize) -> Result<(), EmitError> {
        self.emit_as(event.into(), Payload::from_args(&args)?, Class::Volatile)
    }

    /// Sends an event in a manner of its own: dropped or replaced where it cannot leave at once, kept from compression.
    /// (Socket.IO: `socket.volatile.compress(false)`.)
    pub fn emit_with(
        &self,
        sending: impl Into<Sending>,
        event: impl Into<core::Name>,
        args: impl Serialize,
    ) -> Result<(), EmitError> {
        self.emit_as(event.into(), Payload::from_args(&args)?, sending)
    }

    fn emit_as(
        &self,
        event: core::Name,
        payload: Payload,
        sending: impl Into<Sending>,
    ) -> Result<(), EmitError> {
        Ok(self.core.emit(event, payload, sending)?)
    }

    /// Sends an event and awaits the client's answer, for at most `timeout`.
    ///
    /// Fails at once with [`AckError::CannotAnswer`] where the client's wire has no answers.
    pub async fn emit_with_ack<T: DeserializeOwned>(
        &self,
        event: impl Into<core::Name>,
        args: impl Serialize,
        timeout: Duration,
    ) -> Result<T, AskError> {
        let mut question = self.ask(event.into(), Payload::from_args(&args)?, true);
        match tokio::time::timeout(timeout, question.answer()).await {
            Ok(answer) => Ok(answer?.read(core::payload::Extras::Ignore)?),
            Err(_) => Err(AckError::Timeout.into()),
        }
    }

    /// Sends an event that the client is asked to answer.
    pub(crate) fn ask(&self, event: core::Name, payload: Payload, compress: bool) -> Question {
        let (id, answer) = self.core.ask(event, payload, compress);
        Question { core: self.core.clone(), id, answer }
    }

    /// Enters a room. The client gets what is published there with exactly the arguments.
    pub async fn join(&self, room: impl Into<RoomKey>) -> Result<Joined, JoinError> {
        self.join_with([room.into()], JoinOptions::default()).await
    }

    /// Enters a room and first hears what was published there after `since`, if it is still kept.
    pub async fn join_since(&self, room: impl Into<RoomKey>, since: Offset) -> Result<Joined, JoinError> {
        self.join_with([room.into()], JoinOptions { since: Some(since), meta: false }).await
    }

    pub(crate) async fn join_with(
        &self,
        rooms: impl IntoIterator<Item = RoomKey>,
        options: JoinOptions,
    ) -> Result<Joined, JoinError> {
        self.core.namespace().join(&self.core, rooms, options).await
    }

    /// Leaves a room. False if it was not in it.
    pub async fn leave(&self, room: impl Into<RoomKey>) -> bool {
        self.core.namespace().leave(&self.core, &room.into())
    }

    /// The rooms it is in; once it has gone, in [`on_disconnect`](crate::NamespaceBuilder::on_disconnect), those that it
    /// was in at the end.
    pub fn rooms(&self) -> Vec<RoomKey> {
        let last = self.core.is_closed().then(|| self.data::<LastRooms>()).flatten();
        last.map_or_else(|| self.core.rooms(), |last| last.0.clone())
    }

    /// Keeps the rooms for who asks after the end.
    pub(crate) fn remember_rooms(&self) {
        self.set_data(LastRooms(self.core.rooms()));
    }

    /// Everybody in a room but this client.
    pub fn to(&self, room: impl Into<RoomKey>) -> Audience {
        self.within().to(room).except(self.id())
    }

    /// Everybody in the namespace but this client. (Socket.IO: `socket.broadcast`.)
    pub fn others(&self) -> Audience {
        self.within().everyone().except(self.id())
    }

    /// Rooms of this connection's namespace, in its name: the client itself is left out only if you say so.
    pub fn within(&self) -> Audience {
        Audience::new(self.core.namespace().clone(), Some(self.core.clone()))
    }

    /// The request that began the session, where the client's protocol shows it (Socket.IO).
    pub fn handshake(&self) -> Option<&Handshake> {
        Some(&self.core.known::<Kept>()?.shown.as_ref()?.handshake)
    }

    /// What the client sent along when it entered, read into a type: Socket.IO's `auth`. None if it sent nothing, or
    /// something else.
    pub fn auth<T: DeserializeOwned>(&self) -> Option<T> {
        let auth = &self.core.known::<Kept>()?.shown.as_ref()?.auth;
        auth.read::<(T,)>(core::payload::Extras::Ignore).ok().map(|(auth,)| auth)
    }

    /// Keeps a value with the connection, in place of one of the same type. (Socket.IO: `socket.data`.)
    pub fn set_data<T: Send + Sync + 'static>(&self, value: T) {
        if let Some(kept) = self.core.extension(Kept::default) {
            kept.set(value);
        }
    }

    /// The value of this type that is kept with the connection.
    pub fn data<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.core.known::<Kept>()?.get()
    }

    /// Whether its client has come back to it, after it had lost its session: with the same id, rooms and data.
    pub fn recovered(&self) -> bool {
        self.core.known::<Kept>().is_some_and(|kept| kept.recovered.load(Ordering::Relaxed))
    }

    /// The application's shared state of this type, if it was given one.
    pub fn state<S: Send + Sync + 'static>(&self) -> Option<Arc<S>> {
        self.app()?.state()
    }

    /// The application.
    pub fn app(&self) -> Option<App> {
        App::of(&self.core)
    }

    /// Ends the connection, after what was sent to it before: with its session, unless other connections live in that,
    /// as Socket.IO's namespaces do. What the client said that is not begun by now is not handled.
    pub fn disconnect(&self) {
        self.core.end(Reason::ServerClosed);
    }

    /// Ends the session that carries this connection, with all others in it, after what was sent to it before.
    /// (Socket.IO: `socket.disconnect(true)`.)
    pub fn disconnect_session(&self) {
        self.core.end_session(Reason::ServerClosed);
    }

    /// Waits until the client has gone: for what a handler does on its own, as in `tokio::select!`. (SignalR:
    /// `Context.ConnectionAborted`.)
    pub async fn closed(&self) {
        let Some(kept) = self.core.extension(Kept::default) else { return };
        loop {
            let mut gone = std::pin::pin!(kept.gone.notified());
            gone.as_mut().enable();
            if self.is_closed() {
                return;
            }
            gone.await;
        }
    }

    /// Whether the client has gone.
    pub fn is_closed(&self) -> bool {
        self.core.is_closed()
    }
}

/// The rooms that a connection was in when it ended.
struct LastRooms(Vec<RoomKey>);

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}

impl PartialEq for Connection {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }
}

impl Eq for Connection {}

/// A question on its way. Dropped, it waits no longer for the answer.
pub(crate) struct Question {
    core: Arc<core::Connection>,
    id: Option<u64>,
    answer: core::Promise<Result<Payload, AckError>>,
}

impl Question {
    pub(crate) async fn answer(&mut self) -> Result<Payload, AckError> {
        asking(&mut self.answer).await
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.core.forget(id);
        }
    }
}

/// Why an event could not be sent.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EmitError {
    /// The arguments cannot be written, or break a rule of the admission check.
    #[error(transparent)]
    Payload(#[from] core::payload::PayloadError),
    /// The connection has ended, or the event may not be called that.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// Why an event that asked for an answer got none.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The arguments cannot be written, or break a rule of the admission check.
    #[error(transparent)]
    Payload(#[from] core::payload::PayloadError),
    /// No answer came.
    #[error(transparent)]
    Ack(#[from] AckError),
    /// An answer came, of another type.
    #[error("the client's answer is of another type: {0}")]
    Type(#[from] core::payload::ArgsError),
}
