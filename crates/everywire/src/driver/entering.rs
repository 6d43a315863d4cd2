//! How clients enter namespaces and leave them.
//!
//! Who the client is, is found out first; then the connect handlers run, and the rooms that it named are entered.
//! Only then is it in, and the first of its events handled. Protocols with several namespaces hear of each step
//! ([`Item::Entered`], [`Item::Refused`], [`Item::Left`]); for all others the end of a connection is the session's.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use everywire_core::hub::{Bookmark, Recent, Spec};
use everywire_core::{
    ConnectionId, Entry, Identity, Item, JoinOptions, Namespace, Outcome, Payload, PayloadRef, Reason,
    RoomKey, Verb,
};
use everywire_protocols::protocol::{self, Resume};
use everywire_protocols::seam::Time;
use everywire_protocols::session::{Facts, Input, Lane, Wrapping};

use super::conversation::{Conversation, Effects};
use super::handling::may;
use super::inbound::{Entered, Opens};
use super::recovery::{Lost, Recovery};
use super::seats::Seat;
use super::sessions::Place;
use crate::app::AppState;
use crate::app::access::{Credentials, Refusal};
use crate::app::connection::Connection;
use crate::app::error::{EventError, Result};
use crate::app::handshake::{Kept, Shown};
use crate::app::namespace::Handlers;
use crate::carrier::form::form;
use crate::random;

/// What Socket.IO calls it, and clients show.
const INVALID_NAMESPACE: &str = "Invalid namespace";

impl Conversation {
    /// The one seat of a protocol without namespaces.
    pub(super) fn take_seat(&mut self, namespace: &str) {
        let handlers = self.app.handlers_of(namespace).unwrap_or_else(|| Arc::new(Handlers::empty()));
        let namespace = self.app.hub.namespace(namespace);
        let connection =
            connect(&namespace, self.spec(0, self.identity.clone()), self.shown(Payload::empty()));
        self.seats.push(Seat {
            slot: 0,
            connection: Some(connection),
            handlers,
            inbound: Default::default(),
            entered: true,
            left: None,
        });
    }

    fn spec(&self, slot: u32, identity: Identity) -> Spec {
        Spec {
            id: ConnectionId::from_random(random()),
            identity,
            link: self.link.clone(),
            slot,
            form: form(self.protocol.form(), self.wrapping(), self.framing),
            answers: self.protocol.answers(),
            shares_session: self.protocol.namespaces(),
            shard: self.shard as usize,
        }
    }

    fn shown(&self, auth: Payload) -> Option<Shown> {
        self.handshake.clone().map(|handshake| Shown { handshake, auth })
    }

    fn wrapping(&self) -> Wrapping {
        self.direct.map_or(Wrapping::None, |(_, wrapping)| wrapping)
    }

    /// The session's messages need nobody's look any more, on this lane.
    pub(super) fn move_to(&mut self, lane: Lane, wrapping: Wrapping) {
        self.direct = Some((lane, wrapping));
        if wrapping == Wrapping::None {
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
    pub(crate) fn carried_by(&mut self, framing: crate::carrier::form::Framing, shared_socket: bool) {
        self.framing = framing;
        self.shared_socket = shared_socket;
        if let Some((lane, wrapping)) = self.direct {
            self.move_to(lane, wrapping);
        }
    }

    /// Lets others write whole frames to the socket, unless the protocol keeps some of them back.
    fn open_socket(&self) {
        if self.protocol.namespaces() {
            let all_in = self.seats.iter().all(|seat| seat.entered);
            self.link.mailbox().set_direct(self.shared_socket && self.direct.is_some() && all_in);
        }
    }

    /// The session is open: the connect handlers run, and the client enters the rooms that it named, before
    /// any event is handled.
    pub(super) fn opened(&mut self, cx: &mut Context<'_>, now: Time, facts: Facts, effects: &mut Effects) {
        let mut out = protocol::Outputs::new();
        self.protocol.open(&facts, now, &mut out);
        self.follow(cx, now, out, effects);
        if self.protocol.namespaces() {
            return;
        }
        let seat = &self.seats[0];
        let Some(connection) = seat.connection.clone() else { return };
        let (app, handlers, relay) = (self.app.clone(), seat.handlers.clone(), self.relay.clone());
        if handlers.has_no_connect() && relay.is_none() && facts.rooms.is_empty() {
            return;
        }
        let opening: Opens = Box::pin(async move {
            handlers.connect(&connection).await?;
            if let Some(room) = relay {
                may(&app, &connection, &room, Verb::Subscribe)?;
                connection.join(room).await?;
            }
            let joined = if facts.rooms.is_empty() {
                None
            } else {
                for room in &facts.rooms {
                    may(&app, &connection, room, Verb::Subscribe)?;
                }
                let rooms = facts.rooms.into_iter().map(RoomKey::Named);
                let options = JoinOptions { since: facts.since, meta: true };
                let joined = connection.join_with(rooms, options).await;
                Some(joined.map_err(|error| EventError::refuse(error.to_string()))?)
            };
            Ok(Entered { connection, joined, told: false })
        });
        self.begin(0, opening, cx, now, effects);
    }

    /// A client wants to enter a namespace.
    pub(super) fn enter(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        (slot, namespace): (u32, &str),
        auth: PayloadRef<'_>,
        resume: Option<Resume<'_>>,
        effects: &mut Effects,
    ) {
        let Some(handlers) = self.app.handlers_of(namespace) else {
            tracing::warn!(peer = %self.peer, namespace, "there is no such namespace");
            let item = Item::Refused { message: INVALID_NAMESPACE.into(), data: None };
            self.link.mailbox().push(Entry { slot, item });
            return;
        };
        let namespace = self.app.hub.namespace(namespace);
        let shown = self.shown(auth.into_owned());
        let mut seat = Seat {
            slot,
            connection: None,
            handlers: handlers.clone(),
            inbound: Default::default(),
            entered: false,
            left: None,
        };
        let identity = self.identity.clone();
        if self.app.authenticate.is_none() && self.app.recovery.is_none() {
            let connection = connect(&namespace, self.spec(slot, identity), shown);
            seat.connection = Some(connection.clone());
            let i = self.seats.push(seat);
            if handlers.has_no_connect() {
                self.let_in(i, cx, now, Ok(Entered { connection, joined: None, told: false }), effects);
                return;
            }
            self.open_socket();
            let opening: Opens = Box::pin(async move {
                handlers.connect(&connection).await?;
                Ok(Entered { connection, joined: None, told: false })
            });
            self.begin(i, opening, cx, now, effects);
            return;
        }
        let spec = self.spec(slot, identity);
        let (app, peer) = (self.app.clone(), self.peer);
        let resume =
            resume.map(|Resume { secret, offset }| (secret.into_owned(), offset.map(Cow::into_owned)));
        let i = self.seats.push(seat);
        self.open_socket();
        let opening: Opens = Box::pin(async move {
            let identity = identify(&app, peer, shown.as_ref(), namespace.name()).await?;
            let spec = Spec { identity, ..spec };
            arrive(app, handlers, namespace, spec, shown, resume).await
        });
        self.begin(i, opening, cx, now, effects);
    }

    fn begin(
        &mut self,
        i: usize,
        mut opening: Opens,
        cx: &mut Context<'_>,
        now: Time,
        effects: &mut Effects,
    ) {
        match opening.as_mut().poll(cx) {
            Poll::Ready(outcome) => self.let_in(i, cx, now, outcome, effects),
            Poll::Pending => self.seats[i].inbound.open(opening),
        }
    }

    /// The connect handlers are done: the client is in, or sent away.
    pub(super) fn let_in(
        &mut self,
        i: usize,
        cx: &mut Context<'_>,
        now: Time,
        outcome: Result<Entered>,
        effects: &mut Effects,
    ) {
        let several = self.protocol.namespaces();
        match outcome {
            Ok(Entered { connection, joined, told }) => {
                let seat = &mut self.seats[i];
                if several && !told {
                    let recovery =
                        connection.core().known::<Kept>().and_then(|kept| kept.secret.lock().clone());
                    let item = Item::Entered { id: connection.id(), recovery };
                    // Not behind what its own handlers sent: the protocol keeps that back until it is in.
                    self.link.mailbox().push(Entry { slot: seat.slot, item });
                }
                seat.connection = Some(connection);
                seat.entered = true;
                self.open_socket();
                if let Some(joined) = joined {
                    let (offset, recovered) = (joined.offset, joined.recovered);
                    self.tell(cx, now, Input::Joined { offset, recovered }, effects);
                }
            }
            Err(error) if several => self.send_away(i, error),
            Err(error) => {
                let reason = if error.is_internal() { Reason::Internal } else { Reason::Refused };
                tracing::warn!(peer = %self.peer, %error, "a connection was not let in");
                self.link.mailbox().end(reason, true);
            }
        }
    }

    /// The client is not let into this namespace; others are not concerned.
    fn send_away(&mut self, i: usize, error: EventError) {
        tracing::warn!(peer = %self.peer, %error, "a connection was not let in");
        let (message, data) =
            match error.into_outcome("connect", &self.peer, self.app.options.detailed_errors) {
                Outcome::Failed { message, data, .. } => (message, data),
                Outcome::Done(_) => unreachable!("an error's outcome is a failure"),
            };
        let seat = &self.seats[i];
        if let Some(connection) = &seat.connection {
            self.app.disconnect(connection, Reason::Refused);
        }
        self.link.mailbox().push(Entry { slot: seat.slot, item: Item::Refused { message, data } });
        self.seats.remove(i);
        self.open_socket();
    }

    /// A connection leaves, and the session goes on.
    pub(super) fn vacate(&mut self, slot: u32, reason: Reason) {
        let Some(i) = self.seats.find(slot) else { return };
        let seat = &mut self.seats[i];
        if seat.left.is_some() {
            return;
        }
        if let Some(connection) = &seat.connection {
            tracing::debug!(peer = %self.peer, connection = %connection.id(), %reason, "a connection ended");
            self.app.disconnect(connection, reason);
        }
        if seat.entered {
            farewell(seat, reason, None);
        }
        seat.left = Some(reason);
        if !seat.inbound.is_busy() {
            self.seats.remove(i);
        } else {
            seat.inbound.forget_waiting();
            // A client that left before it was let in leaves nobody to be told.
            seat.entered = true;
        }
        self.open_socket();
    }
}

/// Runs what the application does about a connection's end. Until that is done, `place` keeps its session open.
pub(super) fn farewell(seat: &Seat, reason: Reason, place: Option<Arc<Place>>) {
    let Some(connection) = seat.connection.clone() else { return };
    if seat.handlers.disconnect.is_empty() {
        return;
    }
    // Without a runtime there is nothing left that could run it.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let handlers = seat.handlers.clone();
    runtime.spawn(async move {
        for handler in &handlers.disconnect {
            handler(connection.clone(), reason).await;
        }
        drop(place);
    });
}

fn connect(namespace: &Arc<Namespace>, spec: Spec, shown: Option<Shown>) -> Connection {
    let core = namespace.connect(spec);
    if let Some(shown) = shown {
        core.extension(|| Kept::of(shown));
    }
    Connection::new(core)
}

/// Asks the application who the client is.
async fn identify(
    app: &AppState,
    peer: super::conversation::Peer,
    shown: Option<&Shown>,
    namespace: &str,
) -> Result<Identity> {
    let Some(authenticate) = &app.authenticate else { return Ok(Identity::default()) };
    let Some(shown) = shown else { return Ok(Identity::default()) };
    let answer = {
        let request = shown.handshake.request();
        let token = shown.handshake.query("access_token");
        let credentials = Credentials::new(&request, peer.0, token.as_deref(), namespace, shown.auth.view());
        authenticate(&credentials)
    };
    match tokio::time::timeout(app.options.handshake_timeout, answer).await {
        Ok(Ok(identity)) => Ok(identity),
        Ok(Err(Refusal { message, .. })) => Err(EventError::refuse(message)),
        Err(_) => Err(EventError::refuse("who you are could not be found out in time")),
    }
}

/// A client enters a namespace in which clients can be known, or come back.
async fn arrive(
    app: Arc<AppState>,
    handlers: Arc<Handlers>,
    namespace: Arc<Namespace>,
    spec: Spec,
    shown: Option<Shown>,
    resume: Option<(String, Option<String>)>,
) -> Result<Entered> {
    let Some(recovery) = &app.recovery else {
        let mut arriving = Arriving::new(&app, connect(&namespace, spec, shown));
        handlers.connect(arriving.connection()).await?;
        return Ok(Entered { connection: arriving.in_at_last(), joined: None, told: false });
    };
    let lost = match resume {
        Some((secret, offset)) => find(recovery, &namespace, &secret, offset.as_deref()).await,
        None => None,
    };
    let Some((lost, since)) = lost else {
        let mut arriving = Arriving::new(&app, connect(&namespace, spec, shown));
        let core = arriving.connection().core().clone();
        handlers.before(arriving.connection()).await?;
        let joined = namespace.join(&core, [RoomKey::Everyone], JoinOptions::default()).await;
        let joined = joined.map_err(|error| EventError::refuse(error.to_string()))?;
        core.keep_recent(Recent::begin(joined.offset));
        recovery.begin(Recovery::secret(), arriving.connection());
        handlers.after(arriving.connection()).await?;
        return Ok(Entered { connection: arriving.in_at_last(), joined: None, told: false });
    };
    let (slot, link) = (spec.slot, spec.link.clone());
    let mut arriving = Arriving::new(&app, connect(&namespace, Spec { id: lost.id, ..spec }, shown));
    let core = arriving.connection().core().clone();
    if let Some(kept) = core.extension(Kept::default) {
        kept.recovered.store(true, Ordering::Relaxed);
        kept.put_data(lost.data);
    }
    handlers.before(arriving.connection()).await?;
    // The client hears that it is back, then what it missed, and then what its handlers have to say.
    let item = Item::Entered { id: lost.id, recovery: Some(lost.secret.clone()) };
    link.mailbox().push(Entry { slot, item });
    let mut recent = lost.recent;
    recent.replay_since(since);
    core.keep_recent(recent);
    let all_meta = lost.rooms.iter().all(|(_, meta)| *meta) && !lost.rooms.is_empty();
    let rooms = lost.rooms.iter().map(|(room, _)| room.clone()).chain([RoomKey::Everyone]);
    let options = JoinOptions { since: Some(since.offset()), meta: all_meta };
    let joined = namespace.join(&core, rooms, options).await;
    joined.map_err(|error| EventError::refuse(error.to_string()))?;
    let meta = lost.rooms.iter().filter(|(_, meta)| *meta && !all_meta).map(|(room, _)| room.clone());
    let meta: Vec<RoomKey> = meta.collect();
    if !meta.is_empty() {
        let options = JoinOptions { since: None, meta: true };
        let joined = namespace.join(&core, meta, options).await;
        joined.map_err(|error| EventError::refuse(error.to_string()))?;
    }
    recovery.begin(lost.secret, arriving.connection());
    let connection = arriving.in_at_last();
    if let Err(error) = handlers.after(&connection).await {
        tracing::warn!(connection = %connection.id(), %error, "a connection that came back was not let in");
        connection.disconnect();
    }
    Ok(Entered { connection, joined: None, told: true })
}

/// The connection that a client comes back to, and the place up to which it has heard all: if that is known, and nothing
/// is missing since.
async fn find(
    recovery: &Recovery,
    namespace: &Arc<Namespace>,
    secret: &str,
    offset: Option<&str>,
) -> Option<(Lost, Bookmark)> {
    let offset = match offset {
        Some(offset) => Some(offset.parse::<Bookmark>().ok()?),
        None => None,
    };
    let lost = recovery.take(secret, namespace.name())?;
    // Who has heard no offset has heard nothing since it came in.
    let since = offset.unwrap_or(lost.recent.begun());
    if lost.recent.since(since).is_none() {
        return None;
    }
    let rooms = lost.rooms.iter().map(|(room, _)| room.clone()).chain([RoomKey::Everyone]);
    let page = namespace.history(rooms, Some(since.offset()), 1).await.ok()?;
    page.recovered.then_some((lost, since))
}

/// A connection that has not been let in yet: dropped, it leaves the hub.
struct Arriving<'a> {
    app: &'a AppState,
    connection: Option<Connection>,
}

impl<'a> Arriving<'a> {
    fn new(app: &'a AppState, connection: Connection) -> Self {
        Self { app, connection: Some(connection) }
    }

    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("it is there until it is in")
    }

    fn in_at_last(&mut self) -> Connection {
        self.connection.take().expect("it is there until it is in")
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            self.app.disconnect(connection, Reason::Refused);
        }
    }
}
