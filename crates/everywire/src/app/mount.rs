//! A row of the mount table: which path speaks what, in which namespace.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use everywire_protocols::protocol::socketio::SocketIoOptions;
use everywire_protocols::session::{EngineIoEndpoint, EngineIoOptions};

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
}

/// A row of the mount table.
#[derive(Debug, Clone)]
pub struct Mount {
    pub(crate) wire: Wire,
    pub(crate) namespace: Arc<str>,
    pub(crate) chooses_namespace: bool,
    pub(crate) relay: bool,
    /// What Socket.IO's mounts have besides.
    pub(crate) engine: Option<Box<Engine>>,
}

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

/// The size from which answers to polls are compressed: Node's `httpCompression`.
const COMPRESS_FROM: usize = 1024;

impl Mount {
    fn new(wire: Wire) -> Self {
        Self { wire, namespace: "/".into(), chooses_namespace: false, relay: false, engine: None }
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

    /// What it speaks.
    pub fn wire(&self) -> Wire {
        self.wire
    }
}

/// JSON-RPC 2.0 on WebSocket, for clients that call events by name.
pub fn jsonrpc() -> Mount {
    Mount::new(Wire::JsonRpc)
}

/// Plain messages on WebSocket: each is the event `message`.
pub fn raw() -> Mount {
    Mount::new(Wire::Raw)
}

/// Plain messages on WebSocket, in the room that the path names as `{room}`: each is published there as it is.
pub fn raw_room() -> Mount {
    Mount { relay: true, ..Mount::new(Wire::Raw) }
}

/// Server-Sent Events of the rooms that `?room=` names: receive only, resumed by `Last-Event-ID`.
pub fn sse() -> Mount {
    Mount::new(Wire::Sse)
}

/// Long polling of the rooms that `?room=` names: receive only, resumed by `since=`.
pub fn poll() -> Mount {
    Mount::new(Wire::Poll)
}

/// Publishing to the room that the path names as `{room}`, by plain `POST`.
pub fn publish() -> Mount {
    Mount::new(Wire::Publish)
}

/// Socket.IO for the official clients, over polls and WebSockets: clients choose their namespaces themselves. Mount it
/// at `/socket.io/`, with the slash.
pub fn socketio() -> Mount {
    let options = EngineIoOptions::default();
    let engine = Engine {
        endpoint: Arc::new(EngineIoEndpoint::new(options.clone())),
        options,
        protocol: SocketIoOptions::default(),
        allow_request: None,
        compress_from: Some(COMPRESS_FROM),
    };
    Mount { engine: Some(Box::new(engine)), ..Mount::new(Wire::SocketIo) }
}

/// A path of the mount table: literal segments, and names in braces that stand for one segment each.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Param,
}

impl Pattern {
    pub(crate) fn parse(path: &str) -> Result<Self, String> {
        let Some(rest) = path.strip_prefix('/') else {
            return Err(format!("the mount path {path:?} does not begin with a slash"));
        };
        let segment = |segment: &str| match (segment.strip_prefix('{'), segment.contains(['{', '}'])) {
            (Some(name), _) if name.ends_with('}') => Ok(Segment::Param),
            (_, true) => Err(format!("the mount path {path:?}: a name in braces is a whole segment")),
            _ => Ok(Segment::Literal(segment.to_owned())),
        };
        rest.split('/').map(segment).collect::<Result<_, _>>().map(Self)
    }

    /// The values of the pattern's names, undecoded, if the path is one of it.
    pub(crate) fn matches<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let mut params = Vec::new();
        let mut parts = path.strip_prefix('/')?.split('/');
        for segment in &self.0 {
            let part = parts.next()?;
            match segment {
                Segment::Literal(literal) if literal == part => {}
                Segment::Param if !part.is_empty() => params.push(part),
                _ => return None,
            }
        }
        parts.next().is_none().then_some(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_segments() {
        let pattern = Pattern::parse("/raw/{room}").unwrap();
        assert_eq!(pattern.matches("/raw/lobby"), Some(vec!["lobby"]));
        assert_eq!(pattern.matches("/raw/a%2Fb"), Some(vec!["a%2Fb"]));
        for path in ["/raw", "/raw/", "/raw/a/b", "raw/a", "/Raw/a", "//raw/a", "/raw/a/"] {
            assert_eq!(pattern.matches(path), None, "{path}");
        }
        assert_eq!(Pattern::parse("/").unwrap().matches("/"), Some(vec![]));
        assert!(Pattern::parse("raw").is_err());
        assert!(Pattern::parse("/raw/x{room}").is_err());
    }
}
