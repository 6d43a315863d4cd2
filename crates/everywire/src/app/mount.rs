//! A row of the mount table: which path speaks what, in which namespace.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use everywire_protocols::protocol::socketio::SocketIoOptions;
use everywire_protocols::protocol::stomp::Version;
use everywire_protocols::protocol::{SignalROptions, StompOptions};
use everywire_protocols::session::{
    EngineIoEndpoint, EngineIoOptions, SignalRConnectionOptions, SignalREndpoint, SockJsEndpoint,
    SockJsHeartbeat, SockJsOptions,
};

use super::access::Refusal;

/// How clients on a mount are carried, and what their messages mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wire {
    /// JSON-RPC 2.0 on WebSocket.
    JsonRpc,
    /// Plain messages on WebSocket.
    Raw,
    /// Server-Sent Events: receive only.
    Sse,
    /// Long polling: receive only.
    Poll,
    /// Publishing by plain `POST`.
    Publish,
    /// Socket.IO, over polls and WebSockets.
    SocketIo,
    /// SignalR, over WebSockets, Server-Sent Events and polls.
    SignalR,
    /// Plain messages, carried as SignalR's are.
    SignalRRaw,
    /// JSON-RPC 2.0 over SockJS.
    SockJs,
    /// Plain messages over SockJS.
    SockJsRaw,
    /// STOMP on WebSocket.
    Stomp,
    /// STOMP over SockJS.
    SockJsStomp,
}

/// A row of the mount table.
#[derive(Debug, Clone)]
pub struct Mount {
    pub(crate) wire: Wire,
    /// Which it is in the table.
    pub(crate) number: usize,
    pub(crate) namespace: Arc<str>,
    pub(crate) chooses_namespace: bool,
    pub(crate) relay: bool,
    pub(crate) subprotocols: Vec<String>,
    /// What Socket.IO's mounts have besides.
    pub(crate) engine: Option<Box<Engine>>,
    /// What SignalR's mounts have besides.
    pub(crate) hub: Option<Box<Hub>>,
    /// What SockJS's mounts have besides: they have the paths below, too.
    pub(crate) sockjs: Option<Arc<SockJsEndpoint>>,
    /// What STOMP's clients have besides: on a mount of theirs, or on one of JSON-RPC that takes them, too.
    pub(crate) stomp: Option<Arc<StompOptions>>,
}

/// A SignalR mount's own options.
#[derive(Clone)]
pub(crate) struct Hub {
    pub(crate) endpoint: Arc<SignalREndpoint>,
    /// None where messages are plain.
    pub(crate) protocol: Option<Arc<SignalROptions>>,
    pub(crate) negotiate: Option<OnNegotiate>,
}

/// What a SignalR client is told that asks how it may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Negotiation {
    /// To connect here.
    Here,
    /// To ask elsewhere.
    Elsewhere {
        /// Where: clients add `/negotiate` to its path, and keep its query.
        url: String,
        /// The bearer token that it is to show there in place of its own, if it is.
        access_token: Option<String>,
    },
    /// That it may not, and why: the text is shown to its user's code.
    Refused(String),
}

/// Where a client is to connect.
pub(crate) type OnNegotiate = Arc<
    dyn Fn(&http::Request<()>, Option<SocketAddr>) -> Pin<Box<dyn Future<Output = Negotiation> + Send>>
        + Send
        + Sync,
>;

/// A Socket.IO mount's own options.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) options: EngineIoOptions,
    pub(crate) endpoint: Arc<EngineIoEndpoint>,
    pub(crate) protocol: SocketIoOptions,
    pub(crate) allow_request: Option<AllowRequest>,
    /// Answers to polls are compressed from so many bytes on.
    pub(crate) compress_from: Option<usize>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("endpoint", &self.endpoint)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("options", &self.options)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

/// Whether a request may open a session.
pub(crate) type AllowRequest = Arc<
    dyn Fn(
            &http::Request<()>,
            Option<SocketAddr>,
        ) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>
        + Send
        + Sync,
>;

/// How often a session that is upgraded looks whether a poll hinders it: Engine.IO's, and not to be far off.
const UPGRADE_CHECK: Duration = Duration::from_millis(100);

impl Mount {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            wire,
            number: 0,
            namespace: "/".into(),
            chooses_namespace: false,
            relay: false,
            subprotocols: Vec::new(),
            engine: None,
            hub: None,
            sockjs: None,
            stomp: None,
        }
    }

    fn change_engine(mut self, change: impl FnOnce(&mut Engine)) -> Self {
        if let Some(engine) = &mut self.engine {
            change(engine);
        }
        self
    }

    /// Engine.IO's options of a Socket.IO mount: transports, intervals, sizes. Nothing on other mounts.
    #[must_use]
    pub fn engine(self, options: EngineIoOptions) -> Self {
        self.change_engine(|engine| {
            engine.endpoint = Arc::new(EngineIoEndpoint::new(options.clone()));
            engine.options = options;
        })
    }

    /// Socket.IO's options of a Socket.IO mount: parser, waits, bounds. Nothing on other mounts.
    #[must_use]
    pub fn protocol(self, options: SocketIoOptions) -> Self {
        self.change_engine(|engine| engine.protocol = options)
    }

    /// From how many bytes on answers to polls of a Socket.IO mount are compressed for clients that can read that; none
    /// for never. Default 1024. Nothing on other mounts.
    #[must_use]
    pub fn compress_polls(self, from: Option<usize>) -> Self {
        self.change_engine(|engine| engine.compress_from = from)
    }

    /// The hub protocol's options of a SignalR mount: intervals, sizes, encodings. Nothing on other mounts.
    #[must_use]
    pub fn hub(mut self, options: SignalROptions) -> Self {
        if let Some(protocol) = self.hub.as_mut().and_then(|hub| hub.protocol.as_mut()) {
            *protocol = Arc::new(options);
        }
        self
    }

    /// How a SignalR mount's clients connect: transports, waits, sizes. Nothing on other mounts; and no stateful reconnects
    /// on those of plain messages, for nobody counts those.
    #[must_use]
    pub fn connections(mut self, mut options: SignalRConnectionOptions) -> Self {
        if let Some(hub) = &mut self.hub {
            // It is the hub protocol that counts messages.
            options.stateful_reconnect &= hub.protocol.is_some();
            hub.endpoint = Arc::new(SignalREndpoint::new(options));
        }
        self
    }

    /// SockJS's options of a SockJS mount: transports, waits, sizes. On one that speaks STOMP, bodies may have six times a frame
    /// at least, as its clients may write each byte of one so. Nothing on other mounts.
    #[must_use]
    pub fn sockjs(mut self, options: SockJsOptions) -> Self {
        if let Some(endpoint) = &mut self.sockjs {
            *endpoint = Arc::new(SockJsEndpoint::new(options));
        }
        self.with_room_for_frames()
    }

    /// Lets bodies and messages of SockJS have a whole frame of STOMP.
    pub(crate) fn with_room_for_frames(mut self) -> Self {
        if let (Some(endpoint), Some(stomp)) = (&mut self.sockjs, &self.stomp) {
            // Clients write what some browsers would spoil as `\uXXXX` (sockjs-client, `escape.js`): a byte takes six at most.
            let body_bytes = 6 * stomp.frame_bytes();
            if endpoint.options().body_bytes < body_bytes {
                let options = SockJsOptions { body_bytes, ..endpoint.options().clone() };
                *endpoint = Arc::new(SockJsEndpoint::new(options));
            }
        }
        self
    }

    /// STOMP's options of a mount that speaks it: limits, heart-beats, what clients may do. On one of [`jsonrpc`](crate::jsonrpc) they let
    /// STOMP's clients in, too: those that offer one of its subprotocols (`v12.stomp`, `v11.stomp`, `v10.stomp`). Nothing on
    /// other mounts.
    #[must_use]
    pub fn stomp(mut self, options: StompOptions) -> Self {
        if self.stomp.is_some() || self.wire == Wire::JsonRpc {
            self.stomp = Some(Arc::new(options));
        }
        self.with_room_for_frames()
    }

    /// STOMP's options, if a client with this request speaks that.
    pub(crate) fn stomp_of(&self, head: &http::Request<()>) -> Option<&Arc<StompOptions>> {
        let options = self.stomp.as_ref()?;
        (self.wire != Wire::JsonRpc || stomp_offered(head).is_some()).then_some(options)
    }

    /// The subprotocols that a client with this request may have.
    pub(crate) fn subprotocols_for(&self, head: &http::Request<()>) -> Vec<String> {
        // The highest version is agreed on, wherever it stands; others than STOMP's, in the client's order.
        match self.stomp.as_ref().and_then(|_| stomp_offered(head)) {
            Some(version) => vec![version.subprotocol().to_owned()],
            None => self.subprotocols.clone(),
        }
    }

    /// Asked where a client of a SignalR mount is to connect, once it is known who it is. Default: here. Nothing on other
    /// mounts.
    #[must_use]
    pub fn negotiate<F, Fut>(mut self, ask: F) -> Self
    where
        F: Fn(&http::Request<()>, Option<SocketAddr>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Negotiation> + Send + 'static,
    {
        if let Some(hub) = &mut self.hub {
            hub.negotiate = Some(Arc::new(move |request, peer| Box::pin(ask(request, peer))));
        }
        self
    }

    /// Whether a request may open a session on a Socket.IO mount, asked before anything else of the application. The
    /// refusal's message is what the client hears, with status 403. Nothing on other mounts.
    #[must_use]
    pub fn allow_request<F, Fut>(self, allow: F) -> Self
    where
        F: Fn(&http::Request<()>, Option<SocketAddr>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        let allow: AllowRequest = Arc::new(move |request, peer| Box::pin(allow(request, peer)));
        self.change_engine(|engine| engine.allow_request = Some(allow))
    }

    /// The namespace that its clients enter. Default `/`.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Lets clients name another of the application's namespaces: `?namespace=`.
    #[must_use]
    pub fn choose_namespace(mut self) -> Self {
        self.chooses_namespace = true;
        self
    }

    /// WebSocket subprotocols (RFC 6455, section 1.9) that its clients may ask for: the first of the client's that is among
    /// these is agreed on, and none if none is. Default: none. It changes nothing in what is spoken.
    #[must_use]
    pub fn subprotocols<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.subprotocols = names.into_iter().map(Into::into).collect();
        self
    }

    /// Takes its place in the table, and what the application says for all mounts.
    pub(crate) fn settle(&mut self, number: usize, recovers: bool, detailed_errors: bool) {
        self.number = number;
        if let Some(engine) = &mut self.engine {
            engine.protocol.recovery = recovers;
        }
        if let Some(protocol) = self.hub.as_mut().and_then(|hub| hub.protocol.as_mut())
            && detailed_errors
        {
            Arc::make_mut(protocol).detailed_errors = true;
        }
    }

    /// The waits of its sessions, of which the shortest says how finely the wheel turns.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        let mut waits = Vec::new();
        if let Some(engine) = &self.engine {
            let options = &engine.options;
            waits.extend([options.ping_interval, options.ping_timeout, options.upgrade_timeout]);
            waits.extend([engine.protocol.connect_timeout, UPGRADE_CHECK * 4]);
        }
        if let Some(hub) = &self.hub {
            let options = hub.endpoint.options();
            waits.extend([options.poll_timeout, options.disconnect_timeout]);
            if let Some(protocol) = &hub.protocol {
                waits.extend([protocol.keep_alive, protocol.client_timeout, protocol.handshake_timeout]);
            }
        }
        if let Some(stomp) = &self.stomp {
            waits
                .extend([stomp.heartbeat, stomp.client_heartbeat].into_iter().filter(|wait| !wait.is_zero()));
            waits.push(stomp.login_timeout);
        }
        if let Some(sockjs) = &self.sockjs {
            let options = sockjs.options();
            waits.extend([options.heartbeat, options.disconnect_delay]);
            if let SockJsHeartbeat::Ping { timeout } = options.websocket_heartbeat {
                waits.push(timeout);
            }
        }
        waits
    }

    /// What it speaks.
    pub fn wire(&self) -> Wire {
        self.wire
    }
}

/// The highest version of STOMP whose subprotocol a request offers.
fn stomp_offered(head: &http::Request<()>) -> Option<Version> {
    let offered = head.headers().get_all(http::header::SEC_WEBSOCKET_PROTOCOL);
    let lists = offered.iter().filter_map(|value| value.to_str().ok());
    Version::offered(lists.flat_map(|list| list.split(',')).map(str::trim))
}
