//! The application: namespaces with their handlers, and the mount table.

pub(crate) mod access;
pub(crate) mod actions;
pub(crate) mod audience;
pub(crate) mod connection;
pub(crate) mod error;
pub(crate) mod handler;
pub(crate) mod handshake;
pub(crate) mod mount;
pub(crate) mod mounts;
pub(crate) mod namespace;
pub(crate) mod options;
pub(crate) mod pattern;
pub(crate) mod route;
mod serve;
pub(crate) mod servers;
pub(crate) mod streams;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use everywire_core::hub::{Hub, HubOptions, RetentionRule};
use everywire_core::{self as core, Broker, Identity, MemoryBroker, Reason, Retention, RoomKey, Verb};
use parking_lot::Mutex;

use self::access::{Authenticate, Credentials, Refusal, Rights};
use self::audience::Audience;
use self::handshake::Kept;
use self::mount::Mount;
use self::namespace::{Handlers, NamespaceBuilder};
use self::options::Options;
use self::pattern::Pattern;
use self::route::Route;
use self::servers::{Asked, Inbox};
use crate::carrier::form::Encoder;
use crate::carrier::service::Service;
use crate::driver::flusher::{self, Flushers, Queues};
use crate::driver::lanes::Table;
use crate::driver::recovery::Recovery;
use crate::driver::reserved::Reserved;
use crate::driver::sessions::Sessions;
use crate::driver::wheel::Wheel;

/// An application. Cheap to clone: every clone is the same one.
#[derive(Clone)]
pub struct App(Arc<AppState>);

pub(crate) struct AppState {
    pub(crate) hub: Arc<Hub>,
    pub(crate) handlers: HashMap<String, Arc<Handlers>>,
    /// Namespaces that are made when somebody asks for them, and are gone with their last connection.
    pub(crate) patterns: Vec<(Matches, Arc<Handlers>)>,
    pub(crate) mounts: Vec<Route>,
    pub(crate) options: Options,
    pub(crate) authenticate: Option<Authenticate>,
    pub(crate) rights: Option<Rights>,
    states: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    /// Clients that may come back, if any may.
    pub(crate) recovery: Option<Recovery>,
    pub(crate) wheel: Arc<Wheel>,
    pub(crate) sessions: Arc<Sessions>,
    /// Sessions that are found by their ids.
    pub(crate) table: Arc<Table>,
    /// Sessions that their clients have yet to open.
    pub(crate) reserved: Reserved,
    /// Questions to other nodes.
    pub(crate) asked: Asked,
    /// What the background tasks are made of, until the first connection starts them.
    background: Mutex<Option<(Queues, Inbox)>>,
    /// This application, for its tasks.
    this: Weak<AppState>,
}

/// Whether a namespace may be called that.
type Matches = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What [`App::builder`] collects.
pub struct AppBuilder {
    namespaces: Vec<(String, NamespaceBuilder)>,
    patterns: Vec<(Matches, NamespaceBuilder)>,
    mounts: Vec<(String, Mount)>,
    options: Options,
    retention: Option<RetentionRule>,
    recovery: Option<Duration>,
    authenticate: Option<Authenticate>,
    rights: Option<Rights>,
    states: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    broker: Option<Arc<dyn Broker>>,
}

/// What is wrong with an application, all of it.
#[derive(Debug, thiserror::Error)]
#[error("the application cannot be built: {}", .0.join("; "))]
pub struct BuildError(Vec<String>);

impl App {
    /// Begins an application.
    pub fn builder() -> AppBuilder {
        AppBuilder {
            namespaces: Vec::new(),
            patterns: Vec::new(),
            mounts: Vec::new(),
            options: Options::default(),
            retention: None,
            recovery: None,
            authenticate: None,
            rights: None,
            states: HashMap::new(),
            broker: None,
        }
    }

    /// Rooms of a namespace, from outside of any handler. None if the application has no such namespace, or if it is one
    /// by pattern and nobody is in it.
    pub fn namespace(&self, name: &str) -> Option<Audience> {
        let namespace = if self.0.handlers.contains_key(name) {
            self.0.hub.namespace(name)
        } else {
            self.0.hub.find_namespace(name)?
        };
        Some(Audience::new(namespace, None))
    }

    /// Rooms of the namespace `/`, from outside of any handler.
    pub fn to(&self, room: impl Into<RoomKey>) -> Audience {
        Audience::new(self.0.hub.namespace("/"), None).to(room)
    }

    /// The hub, for what has no name here.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.0.hub
    }

    /// The shared state of this type, if the application was given one.
    pub fn state<S: Send + Sync + 'static>(&self) -> Option<Arc<S>> {
        self.0.states.get(&TypeId::of::<S>())?.clone().downcast().ok()
    }

    /// A tower service that answers everything that is mounted: for hyper, or under a prefix in axum
    /// (`Router::new().nest_service("/rt", app.service())`).
    ///
    /// Behind a service the `hosts` of [`Options`] are checked only if they were set: the server around it
    /// knows its names.
    pub fn service(&self) -> Service {
        Service::new(self.0.clone())
    }

    /// Sessions that are open.
    pub fn session_count(&self) -> usize {
        self.0.sessions.len()
    }

    /// Bytes that wait in the mailboxes of all sessions.
    pub fn waiting_bytes(&self) -> u64 {
        self.0.sessions.waiting_bytes()
    }

    pub(crate) fn state_of(&self) -> &Arc<AppState> {
        &self.0
    }

    pub(crate) fn of(connection: &core::Connection) -> Option<Self> {
        connection.namespace().hub().extension::<Weak<AppState>>()?.upgrade().map(Self)
    }
}

impl AppState {
    /// Starts the background tasks, the first time; inside the runtime that will serve. What other nodes tell is handled
    /// from then on.
    pub(crate) fn start(&self) {
        let Some((queues, inbox)) = self.background.lock().take() else { return };
        tokio::spawn(inbox.run(self.this.clone()));
        for queue in queues {
            tokio::spawn(flusher::run(queue));
        }
        tokio::spawn(Wheel::run(Arc::downgrade(&self.wheel)));
    }

    /// A connection leaves its namespace, which may be gone then.
    pub(crate) fn disconnect(&self, connection: &connection::Connection, reason: Reason) {
        if let Some(recovery) = &self.recovery {
            recovery.leave(connection, reason);
        }
        let core = connection.core();
        let namespace = core.namespace();
        if self.handlers_of(namespace.name()).is_some_and(|handlers| !handlers.disconnect.is_empty()) {
            connection.remember_rooms();
        }
        namespace.disconnect(core);
        if let Some(kept) = core.known::<Kept>() {
            kept.gone.notify_waiters();
        }
        if !self.handlers.contains_key(&**namespace.name()) {
            self.hub.forget(namespace.name());
        }
    }

    /// Whether a client may do this with a room, or a queue.
    pub(crate) fn allows(&self, identity: &Identity, room: &str, verb: Verb) -> bool {
        self.rights.as_ref().is_none_or(|rights| rights(identity, room, verb))
    }
}

impl AppBuilder {
    /// A namespace and what happens in it. Called twice for one name, it goes on with the same namespace.
    #[must_use]
    pub fn namespace(mut self, name: &str, define: impl FnOnce(&mut NamespaceBuilder)) -> Self {
        let known = self.namespaces.iter().position(|(known, _)| known == name);
        let known = known.unwrap_or_else(|| {
            self.namespaces.push((name.to_owned(), NamespaceBuilder::new()));
            self.namespaces.len() - 1
        });
        define(&mut self.namespaces[known].1);
        self
    }

    /// Namespaces whose names a function knows: each is made when a client asks for it, and is gone, with what its rooms
    /// kept, when its last connection has left. Those that have a name of their own come first, then patterns in
    /// their order. (Socket.IO: dynamic namespaces.)
    #[must_use]
    pub fn namespaces_matching(
        mut self,
        matches: impl Fn(&str) -> bool + Send + Sync + 'static,
        define: impl FnOnce(&mut NamespaceBuilder),
    ) -> Self {
        let mut namespace = NamespaceBuilder::new();
        define(&mut namespace);
        self.patterns.push((Arc::new(matches), namespace));
        self
    }

    /// A row of the mount table. A segment in braces stands for one of any name: `/raw/{room}`.
    #[must_use]
    pub fn mount(mut self, path: &str, mount: Mount) -> Self {
        self.mounts.push((path.to_owned(), mount));
        self
    }

    /// Bounds and waits.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// How much each room keeps, by namespace and room. Default: nothing.
    #[must_use]
    pub fn retention(mut self, rule: impl Fn(&str, &RoomKey) -> Retention + Send + Sync + 'static) -> Self {
        self.retention = Some(Arc::new(rule));
        self
    }

    /// Lets Socket.IO clients that lost their session come back to their connections for so long: with the same id, rooms
    /// and data, and hear what they missed. Default: they cannot. (Socket.IO: `connectionStateRecovery`.)
    ///
    /// What they missed comes from the log: unless [`retention`](Self::retention) says otherwise, every room then keeps
    /// up to 1,000 broadcasts of at most 1 MiB for that time.
    #[must_use]
    pub fn recovery(mut self, window: Duration) -> Self {
        self.recovery = Some(window);
        self
    }

    /// Finds out who a client is, before its session opens. Without it, all clients are nobody in particular.
    #[must_use]
    pub fn authenticate<F, Fut>(mut self, authenticate: F) -> Self
    where
        F: Fn(&Credentials<'_>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Identity, Refusal>> + Send + 'static,
    {
        self.authenticate = Some(Arc::new(move |credentials| Box::pin(authenticate(credentials))));
        self
    }

    /// What a client may do with a room or a queue, which the verb tells apart: asked for the actions, and for the mounts
    /// where a client names them. Without it, anything. Handlers ask whom they like.
    #[must_use]
    pub fn rights(mut self, rights: impl Fn(&Identity, &str, Verb) -> bool + Send + Sync + 'static) -> Self {
        self.rights = Some(Arc::new(rights));
        self
    }

    /// The way to other nodes, in place of the memory broker, which knows none.
    #[must_use]
    pub fn broker(mut self, broker: Arc<dyn Broker>) -> Self {
        self.broker = Some(broker);
        self
    }

    /// Shared state for handlers, one value of each type.
    #[must_use]
    pub fn state<S: Send + Sync + 'static>(mut self, state: S) -> Self {
        self.states.insert(TypeId::of::<S>(), Arc::new(state));
        self
    }

    /// The application, or all that is wrong with it.
    pub fn build(self) -> Result<App, BuildError> {
        let mut errors = Vec::new();
        let mut handlers = HashMap::new();
        for (name, namespace) in self.namespaces {
            errors.extend(namespace.errors.into_iter().map(|error| format!("namespace {name:?}: {error}")));
            handlers.insert(name, Arc::new(namespace.handlers));
        }
        let mut patterns = Vec::new();
        for (number, (matches, namespace)) in self.patterns.into_iter().enumerate() {
            let named = |error| format!("namespaces by pattern, number {}: {error}", number + 1);
            errors.extend(namespace.errors.into_iter().map(named));
            patterns.push((matches, Arc::new(namespace.handlers)));
        }
        // A mount may name a namespace that nobody gave handlers: rooms alone are use enough.
        for (_, mount) in &self.mounts {
            let empty = || Arc::new(Handlers::empty());
            handlers.entry(mount.namespace.to_string()).or_insert_with(empty);
        }
        let mut mounts = Vec::new();
        for (number, (path, mut mount)) in self.mounts.into_iter().enumerate() {
            mount.settle(number, self.recovery.is_some(), self.options.detailed_errors);
            let mount = Arc::new(mount);
            let mut route = |path: &str, negotiates| match Pattern::parse(path) {
                Ok(pattern) => mounts.push(Route { pattern, mount: mount.clone(), negotiates }),
                Err(error) => errors.push(error),
            };
            route(&path, false);
            if mount.hub.is_some() {
                route(&format!("{}/negotiate", path.trim_end_matches('/')), true);
            }
        }
        if !errors.is_empty() {
            return Err(BuildError(errors));
        }
        let options = self.options;
        let shards = options.shards.max(1);
        let (flushers, queues) = Flushers::new(shards);
        let epoch = u64::from_be_bytes(crate::random());
        let broker = self.broker.unwrap_or_else(|| Arc::new(MemoryBroker::new(epoch, core::hub::unix_ms)));
        let (inbox, told) = Inbox::new(options.server_events);
        let encoder = Encoder { deflate: options.deflate.unwrap_or_default() };
        let hub = Hub::new(HubOptions {
            shards,
            retention: self.retention.unwrap_or_else(|| match self.recovery {
                None => Arc::new(|_, _| Retention::NONE),
                Some(window) => Arc::new(move |_, _| Retention::for_recovery(window)),
            }),
            rooms_per_connection: options.rooms_per_connection,
            catch_up_queue: options.catch_up_queue,
            queues: options.queues,
            node: u64::from_be_bytes(crate::random()),
            told: Some(told),
            ..HubOptions::new(broker, Arc::new(encoder), Arc::new(flushers))
        });
        let shortest = mounts
            .iter()
            .flat_map(|route| route.mount.waits())
            .chain([options.websocket.ping_interval, options.websocket.ping_timeout, options.close_timeout])
            .min()
            .unwrap_or(options.close_timeout);
        Ok(App(Arc::new_cyclic(|app| {
            hub.set_extension(app.clone());
            AppState {
                hub,
                handlers,
                patterns,
                mounts,
                authenticate: self.authenticate,
                rights: self.rights,
                states: self.states,
                recovery: self.recovery.map(Recovery::new),
                wheel: Wheel::new(shortest),
                sessions: Sessions::new(shards),
                table: Arc::default(),
                reserved: Reserved::default(),
                asked: Asked::default(),
                background: Mutex::new(Some((queues, inbox))),
                this: app.clone(),
                options,
            }
        })))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("sessions", &self.session_count()).finish_non_exhaustive()
    }
}

impl fmt::Debug for AppBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}
