//! What an application does in one namespace: its handlers.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use everywire_core::payload::Extras;
use everywire_core::{Name, Payload, PayloadRef, Reason};
use futures_core::Stream;
use hashbrown::HashMap;

use super::App;
use super::connection::Connection;
use super::error::{EventError, Result, code};
use super::handler::{FromArgs, Handler, RawArgs, Reply, Running, answering, boxed};
use super::servers::OnServerEvent;
use super::streams::{Uploads, Work, items};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub(crate) type OnConnect = Box<dyn Fn(Connection) -> BoxFuture<Result<()>> + Send + Sync>;
pub(crate) type OnDisconnect = Box<dyn Fn(Connection, Reason) -> BoxFuture<()> + Send + Sync>;
pub(crate) type OnEvent = Box<dyn Fn(Connection, Name) -> BoxFuture<Result<()>> + Send + Sync>;
pub(crate) type OnOutgoing = Box<dyn Fn(&Connection, &Name, &Payload) + Send + Sync>;
pub(crate) type OnAny = Box<dyn Fn(Connection, Name, Payload) -> Running + Send + Sync>;

/// The handlers of a namespace, as [`AppBuilder::namespace`](crate::AppBuilder::namespace) collects them.
pub struct NamespaceBuilder {
    pub(crate) handlers: Handlers,
    pub(crate) errors: Vec<String>,
}

/// The finished handlers of a namespace.
pub(crate) struct Handlers {
    before_connect: Vec<OnConnect>,
    connect: Vec<OnConnect>,
    pub(crate) disconnect: Vec<OnDisconnect>,
    pub(crate) before_event: Vec<OnEvent>,
    /// The names are the program's own, so a fast hash does.
    events: HashMap<Arc<str>, Handler>,
    /// By name in lower case: for protocols that do not tell case apart.
    folded: HashMap<String, Arc<str>>,
    pub(crate) any: Option<OnAny>,
    /// By name: what is done about events of other nodes.
    pub(crate) server_events: HashMap<String, OnServerEvent>,
    /// Who is told of what leaves.
    pub(crate) outgoing: Vec<OnOutgoing>,
    pub(crate) parallel: usize,
}

impl Handlers {
    pub(crate) fn empty() -> Self {
        Self {
            before_connect: Vec::new(),
            connect: Vec::new(),
            disconnect: Vec::new(),
            before_event: Vec::new(),
            events: HashMap::new(),
            folded: HashMap::new(),
            any: None,
            server_events: HashMap::new(),
            outgoing: Vec::new(),
            parallel: 1,
        }
    }

    /// Whether nothing is done about a client that arrives.
    pub(crate) fn has_no_connect(&self) -> bool {
        self.before_connect.is_empty() && self.connect.is_empty()
    }

    /// What is done about a client that arrives: an error sends it away.
    pub(crate) async fn connect(&self, connection: &Connection) -> Result<()> {
        self.before(connection).await?;
        self.after(connection).await
    }

    /// The first part of that: may it come in?
    pub(crate) async fn before(&self, connection: &Connection) -> Result<()> {
        for handler in &self.before_connect {
            handler(connection.clone()).await?;
        }
        Ok(())
    }

    /// The second: it comes in.
    pub(crate) async fn after(&self, connection: &Connection) -> Result<()> {
        for handler in &self.connect {
            handler(connection.clone()).await?;
        }
        Ok(())
    }

    /// The handler of this event, with the name that it was registered under: the exact name first, then,
    /// where the protocol does not tell case apart, any.
    pub(crate) fn find(&self, name: &str, fold_case: bool) -> Option<(&Arc<str>, &Handler)> {
        self.events.get_key_value(name).or_else(|| {
            let name = fold_case.then(|| self.folded.get(&name.to_lowercase()))??;
            self.events.get_key_value(name)
        })
    }
}

impl NamespaceBuilder {
    pub(crate) fn new() -> Self {
        Self { handlers: Handlers::empty(), errors: Vec::new() }
    }

    /// Called when a client arrives, before its [`on_connect`](Self::on_connect): may it come in at all? An error sends
    /// it away, with its message and data. (Socket.IO: `namespace.use`.)
    pub fn before_connect<F, Fut>(&mut self, middleware: F) -> &mut Self
    where
        F: Fn(Connection) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.handlers.before_connect.push(Box::new(move |connection| Box::pin(middleware(connection))));
        self
    }

    /// Called when a client arrives, before any of its events. An error sends it away.
    pub fn on_connect<F, Fut>(&mut self, handler: F) -> &mut Self
    where
        F: Fn(Connection) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.handlers.connect.push(Box::new(move |connection| Box::pin(handler(connection))));
        self
    }

    /// Called when a client has gone, after the last of its events. [`Connection::rooms`] are then those that it was in at
    /// the end. (Socket.IO: `disconnecting` and `disconnect` in one.)
    pub fn on_disconnect<F, Fut>(&mut self, handler: F) -> &mut Self
    where
        F: Fn(Connection, Reason) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let handler: OnDisconnect = Box::new(move |connection, reason| Box::pin(handler(connection, reason)));
        self.handlers.disconnect.push(handler);
        self
    }

    /// Called before each event's handler, with the event's name. An error is the event's answer, and the
    /// handler is not called.
    pub fn before_event<F, Fut>(&mut self, middleware: F) -> &mut Self
    where
        F: Fn(Connection, Name) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.handlers
            .before_event
            .push(Box::new(move |connection, name| Box::pin(middleware(connection, name))));
        self
    }

    /// The handler of an event. A name that has one already, also one that differs only in case, is an error
    /// of [`AppBuilder::build`](crate::AppBuilder::build).
    pub fn on<A, R, F, Fut>(&mut self, event: impl Into<String>, handler: F) -> &mut Self
    where
        A: FromArgs + Send + 'static,
        R: Reply,
        F: Fn(Connection, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        self.insert(event.into(), boxed(handler))
    }

    /// The handler of an event that is answered by a stream: of any number of items, until it ends, fails, or the client
    /// wants no more, which drops it. Only protocols that have streams can call it (SignalR).
    ///
    /// The next item is asked for when the client has taken those before, all but a few.
    pub fn on_stream<A, S, R, F, Fut>(&mut self, event: impl Into<String>, handler: F) -> &mut Self
    where
        A: FromArgs + Send + 'static,
        S: Stream<Item = Result<R>> + Send + 'static,
        R: Reply,
        F: Fn(Connection, A, Uploads) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<S>> + Send + 'static,
    {
        let handler: Handler = Handler::Stream(Box::new(move |connection, args, extras, uploads| {
            let future = handler(connection.clone(), A::from_args(args, extras)?, uploads);
            Ok(Box::pin(async move { future.await.map(items) }))
        }));
        self.insert(event.into(), handler)
    }

    /// The handler of an event that comes with streams of the client's, and is answered once. What it has not taken of
    /// them when it answers is thrown away. Only protocols that have streams can bring some (SignalR); others call it with
    /// none.
    pub fn on_upload<A, R, F, Fut>(&mut self, event: impl Into<String>, handler: F) -> &mut Self
    where
        A: FromArgs + Send + 'static,
        R: Reply,
        F: Fn(Connection, A, Uploads) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let handler: Handler = Handler::Uploads(Box::new(move |connection, args, extras, uploads| {
            Ok(answering(handler(connection.clone(), A::from_args(args, extras)?, uploads)))
        }));
        self.insert(event.into(), handler)
    }

    pub(crate) fn insert(&mut self, event: String, handler: Handler) -> &mut Self {
        let event: Arc<str> = event.into();
        if let Err(refused) = everywire_core::admission::admit_event_name(&event) {
            self.errors.push(format!("no handler can be called {event:?}: {refused}"));
        } else if let Some(other) = self.handlers.folded.get(&event.to_lowercase()) {
            self.errors
                .push(format!("{event:?} has two handlers: {other:?} differs from it at most in case"));
        } else {
            self.handlers.folded.insert(event.to_lowercase(), event.clone());
            self.handlers.events.insert(event, handler);
        }
        self
    }

    /// The handler of every event that has none of its own.
    pub fn on_any<R, F, Fut>(&mut self, handler: F) -> &mut Self
    where
        R: Reply,
        F: Fn(Connection, Name, RawArgs) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        if self.handlers.any.is_some() {
            self.errors.push("there are two handlers for any event".to_owned());
        }
        self.handlers.any = Some(Box::new(move |connection, name, payload| {
            answering(handler(connection, name, RawArgs(payload)))
        }));
        self
    }

    /// The handler of an event that the application emits to itself on other nodes: [`App::servers`](crate::App::servers).
    /// A name that has one already is an error of [`AppBuilder::build`](crate::AppBuilder::build). (Socket.IO:
    /// `io.on(name)` for `serverSideEmit`.)
    pub fn on_server_event<A, R, F, Fut>(&mut self, event: impl Into<String>, handler: F) -> &mut Self
    where
        A: FromArgs + Send + 'static,
        R: Reply,
        F: Fn(App, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let event = event.into();
        if let Err(refused) = everywire_core::admission::admit_event_name(&event) {
            self.errors.push(format!("no handler of servers' events can be called {event:?}: {refused}"));
        } else if self.handlers.server_events.contains_key(&event) {
            self.errors.push(format!("{event:?} of other servers has two handlers"));
        } else {
            let handler = move |app: App, args: &PayloadRef<'_>| {
                Ok(answering(handler(app, A::from_args(args, Extras::Ignore)?)))
            };
            self.handlers.server_events.insert(event, Box::new(handler));
        }
        self
    }

    /// Called for each event that leaves for a client, sent to it alone or published, with its name and arguments: for
    /// logs and counters. (Socket.IO: `socket.onAnyOutgoing`.)
    ///
    /// It is called by the task that writes to the client, so it should be quick; what is dropped before it leaves, it does
    /// not see. Broadcasts in a namespace that has one are encoded for each client on its own turn, not written by
    /// whoever publishes.
    pub fn on_any_outgoing<F>(&mut self, watch: F) -> &mut Self
    where
        F: Fn(&Connection, &Name, &Payload) + Send + Sync + 'static,
    {
        self.handlers.outgoing.push(Box::new(watch));
        self
    }

    /// How many of one connection's events may be handled at the same time. Default 1: in order.
    pub fn parallel(&mut self, n: usize) -> &mut Self {
        self.handlers.parallel = n.max(1);
        self
    }

    /// Lets any client call `subscribe`, `unsubscribe`, `publish`, `presence` and `history`, as far as
    /// [`AppBuilder::rights`](crate::AppBuilder::rights) allow it.
    pub fn actions(&mut self) -> &mut Self {
        super::actions::register(self, &super::actions::Actions::default());
        self
    }

    /// The same, for some of them or under other names.
    pub fn actions_with(&mut self, actions: &super::actions::Actions) -> &mut Self {
        super::actions::register(self, actions);
        self
    }
}

impl Handlers {
    /// Reads the arguments and makes the future of whatever handles this event. None if nothing does.
    pub(crate) fn call(
        &self,
        connection: &Connection,
        name: &str,
        args: &PayloadRef<'_>,
        extras: Extras,
        fold_case: bool,
    ) -> Option<Result<Running>> {
        let running = match (self.find(name, fold_case), &self.any) {
            (Some((_, Handler::Once(handler))), _) => handler(connection, args, extras),
            (Some((_, Handler::Uploads(handler))), _) => {
                handler(connection, args, extras, Uploads::default())
            }
            (Some((_, Handler::Stream(_))), _) => Err(wrong_call("streaming", name, "non-streaming")),
            (None, Some(any)) => {
                Ok(any(connection.clone(), Name::from(name.to_owned()), args.clone().into_owned()))
            }
            (None, None) => return None,
        };
        Some(running.map(|running| self.behind_middleware(connection, name, running)))
    }

    /// The same for an event that is to be answered by a stream, or comes with some.
    pub(crate) fn begin(
        &self,
        connection: &Connection,
        name: &str,
        args: &PayloadRef<'_>,
        (extras, fold_case): (Extras, bool),
        streams: bool,
        uploads: Uploads,
    ) -> Result<Work> {
        let Some((_, handler)) = self.find(name, fold_case) else {
            return Err(EventError::unknown_event(name));
        };
        match (handler, streams) {
            (Handler::Stream(handler), true) => {
                let streaming = handler(connection, args, extras, uploads)?;
                Ok(Work::Beginning(self.behind_middleware(connection, name, streaming)))
            }
            (Handler::Stream(_), false) => Err(wrong_call("streaming", name, "non-streaming")),
            (Handler::Once(_) | Handler::Uploads(_), true) => {
                Err(wrong_call("non-streaming", name, "streaming"))
            }
            (Handler::Uploads(handler), false) => {
                let running = handler(connection, args, extras, uploads)?;
                Ok(Work::Answering(self.behind_middleware(connection, name, running)))
            }
            (Handler::Once(_), false) => {
                uploads.exactly::<0>().map(|_| unreachable!("a call that brings no stream is an event"))
            }
        }
    }

    /// A handler at work, behind what is called before each event.
    fn behind_middleware<T: 'static>(
        &self,
        connection: &Connection,
        name: &str,
        handler: BoxFuture<Result<T>>,
    ) -> BoxFuture<Result<T>> {
        if self.before_event.is_empty() {
            return handler;
        }
        let name = Name::from(name.to_owned());
        let before: Vec<_> = self.before_event.iter().map(|f| f(connection.clone(), name.clone())).collect();
        Box::pin(async move {
            for middleware in before {
                middleware.await?;
            }
            handler.await
        })
    }
}

/// The words of ASP.NET Core for a call that its handler does not have.
fn wrong_call(method: &str, name: &str, invocation: &str) -> EventError {
    let text = format!(
        "The client attempted to invoke the {method} '{name}' method with a {invocation} invocation."
    );
    EventError::new(code::CALL, text)
}

impl fmt::Debug for NamespaceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamespaceBuilder")
            .field("events", &self.handlers.events.keys())
            .finish_non_exhaustive()
    }
}
