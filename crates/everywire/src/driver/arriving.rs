//! A client on its way into a namespace where it may be known, or come back: who it is, what it had, what it missed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use everywire_core::hub::{Bookmark, Recent, Spec};
use everywire_core::payload::Extras;
use everywire_core::{Entry, Identity, Item, JoinOptions, Namespace, Payload, Reason, RoomKey};

use super::conversation::Peer;
use super::inbound::Entered;
use super::recovery::{Lost, Recovery};
use crate::app::AppState;
use crate::app::access::{Credentials, Refusal};
use crate::app::connection::Connection;
use crate::app::error::{EventError, Result};
use crate::app::handshake::{Kept, Shown};
use crate::app::namespace::Handlers;

pub(super) fn connect(namespace: &Arc<Namespace>, spec: Spec, shown: Option<Shown>) -> Connection {
    let core = namespace.connect(spec);
    if let Some(shown) = shown {
        core.extension(|| Kept::of(shown));
    }
    Connection::new(core)
}

/// Asks the application who the client is.
pub(super) async fn identify(
    app: &AppState,
    peer: Peer,
    shown: Option<&Shown>,
    namespace: &str,
) -> Result<Identity> {
    let Some(authenticate) = &app.authenticate else { return Ok(Identity::default()) };
    let Some(shown) = shown else { return Ok(Identity::default()) };
    let answer = {
        let request = shown.handshake.request();
        let token = shown.handshake.query("access_token").or_else(|| bearer(&shown.auth));
        let credentials = Credentials::new(&request, peer.0, token.as_deref(), namespace, shown.auth.view());
        authenticate(&credentials)
    };
    match tokio::time::timeout(app.options.handshake_timeout, answer).await {
        Ok(Ok(identity)) => Ok(identity),
        Ok(Err(Refusal { message, .. })) => Err(EventError::refuse(message)),
        Err(_) => Err(EventError::refuse("who you are could not be found out in time")),
    }
}

/// A bearer token among what a client sent along: pages cannot set headers of a WebSocket's request, so STOMP's clients put
/// them into their CONNECT.
fn bearer(auth: &Payload) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Shown {
        #[serde(alias = "authorization", rename = "Authorization")]
        authorization: String,
    }
    let (shown,): (Shown,) = auth.read(Extras::Ignore).ok()?;
    Credentials::bearer(&shown.authorization).map(str::to_owned)
}

/// A client enters a namespace in which clients can be known, or come back.
pub(super) async fn arrive(
    app: Arc<AppState>,
    handlers: Arc<Handlers>,
    namespace: Arc<Namespace>,
    spec: Spec,
    shown: Option<Shown>,
    resume: Option<(String, Option<String>)>,
) -> Result<Entered> {
    let Some(recovery) = app.recovery.as_ref().filter(|_| spec.shares_session) else {
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
    let mut arriving =
        Arriving::new(&app, connect(&namespace, Spec { id: lost.id, comes_back: true, ..spec }, shown));
    let core = arriving.connection().core().clone();
    if let Some(kept) = core.extension(Kept::default) {
        kept.recovered.store(true, Ordering::Relaxed);
        kept.put_data(lost.data);
    }
    handlers.before(arriving.connection()).await?;
    // The client hears that it is back, then what it missed, and then what its handlers have to say.
    let user = arriving.connection().identity().user.clone();
    let item = Item::Entered { id: lost.id, recovery: Some(lost.secret.clone()), user };
    link.mailbox().push(Entry { slot, item });
    let mut recent = lost.recent;
    recent.replay_since(since);
    core.keep_recent(recent);
    let rooms = lost.rooms.iter().cloned().chain([(RoomKey::Everyone, false)]);
    let joined = namespace.join_all(&core, rooms, Some(since.offset())).await;
    joined.map_err(|error| EventError::refuse(error.to_string()))?;
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
    if !lost.recent.reaches_back_to(since) {
        return None;
    }
    let own = [RoomKey::Everyone, RoomKey::Connection(lost.id)];
    let rooms = lost.rooms.iter().map(|(room, _)| room.clone()).chain(own);
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
