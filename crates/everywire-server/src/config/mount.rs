//! A row of the mount table, as a configuration says it.

use everywire::Mount;

use super::signalr::SignalR;
use super::socketio::SocketIo;
use super::sockjs::SockJs;
use super::stomp::Stomp;

/// How a client's conversation is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    WebSocket,
    Sse,
    Poll,
    Publish,
    EngineIo,
    SignalR,
    SockJs,
}

/// What its messages mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    JsonRpc,
    Raw,
    SocketIo,
    SignalR,
    Stomp,
}

/// A `[[mount]]` row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MountRow {
    pub(crate) path: String,
    pub(crate) session: Session,
    pub(crate) protocol: Protocol,
    pub(crate) namespace: String,
    pub(crate) choose_namespace: bool,
}

impl Default for MountRow {
    fn default() -> Self {
        Self {
            path: String::new(),
            session: Session::WebSocket,
            protocol: Protocol::Raw,
            namespace: "/".into(),
            choose_namespace: false,
        }
    }
}

impl MountRow {
    /// What is served unless a configuration says otherwise.
    pub(crate) fn defaults() -> Vec<Self> {
        use Session::{EngineIo, Poll, Publish, Sse, WebSocket};
        let (jsonrpc, raw, socketio) = (Protocol::JsonRpc, Protocol::Raw, Protocol::SocketIo);
        [
            ("/ws", WebSocket, jsonrpc),
            ("/raw/{room}", WebSocket, raw),
            ("/socket.io/", EngineIo, socketio),
            ("/hubs/{namespace}", Session::SignalR, Protocol::SignalR),
            ("/sockjs", Session::SockJs, jsonrpc),
            ("/stomp", Session::SockJs, Protocol::Stomp),
            ("/sse", Sse, raw),
            ("/poll", Poll, raw),
            ("/pub/{room}", Publish, raw),
        ]
        .map(|(path, session, protocol)| Self { path: path.into(), session, protocol, ..Self::default() })
        .into()
    }

    pub(crate) fn names_room(&self) -> bool {
        self.path.contains("{room}")
    }

    pub(crate) fn names_namespace(&self) -> bool {
        self.path.contains("{namespace}")
    }

    /// The row for the library, with these options if it is one of Socket.IO, SignalR, SockJS or STOMP.
    pub(super) fn mount(
        &self,
        socketio: &SocketIo,
        signalr: &SignalR,
        sockjs: &SockJs,
        stomp: &Stomp,
    ) -> Mount {
        // What only old browsers need is on or off for all.
        let legacy = socketio.serves_old_browsers();
        let mount = match (self.session, self.protocol) {
            (Session::SockJs, Protocol::Raw) => sockjs.raw_mount(legacy),
            (Session::SockJs, Protocol::Stomp) => stomp.sockjs_mount(sockjs.options(legacy)),
            (Session::SockJs, _) => sockjs.mount(legacy),
            (Session::EngineIo, _) | (_, Protocol::SocketIo) => socketio.mount(),
            (Session::SignalR, Protocol::Raw) => signalr.raw_mount(),
            (Session::SignalR, _) | (_, Protocol::SignalR) => signalr.mount(),
            (Session::WebSocket, Protocol::JsonRpc) => stomp.beside_jsonrpc(),
            (Session::WebSocket, Protocol::Stomp) => stomp.mount(),
            (Session::WebSocket, Protocol::Raw) if self.names_room() => everywire::raw_room(),
            (Session::WebSocket, Protocol::Raw) => everywire::raw(),
            (Session::Sse, _) => everywire::sse(),
            (Session::Poll, _) => everywire::poll(),
            (Session::Publish, _) => everywire::publish(),
        };
        let mount = mount.namespace(&self.namespace);
        if self.choose_namespace { mount.choose_namespace() } else { mount }
    }

    /// What does not go together, and the key that says it.
    pub(crate) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let raw_only = matches!(self.session, Session::Sse | Session::Poll | Session::Publish);
        if (self.session == Session::EngineIo) != (self.protocol == Protocol::SocketIo) {
            faults.push((
                "protocol",
                "the session \"engineio\" carries \"socketio\", and nothing else does; write both".into(),
            ));
        }
        if self.session != Session::SignalR && self.protocol == Protocol::SignalR {
            faults.push(("protocol", "only the session \"signalr\" carries \"signalr\"; write both".into()));
        }
        if self.session == Session::SignalR && self.protocol == Protocol::JsonRpc {
            faults.push((
                "protocol",
                "the session \"signalr\" carries \"signalr\" and \"raw\"; write one of them".into(),
            ));
        }
        if self.names_namespace() && self.session != Session::SignalR {
            faults.push((
                "path",
                "only the session \"signalr\" has its namespace in the path; write `namespace`, or `choose_namespace = true`".into(),
            ));
        }
        if self.session == Session::SignalR && self.choose_namespace {
            faults.push((
                "choose_namespace",
                "SignalR clients name their namespace in the path; write {namespace} there".into(),
            ));
        }
        let own_names = self.namespace != "/" || self.choose_namespace;
        if self.session == Session::EngineIo && own_names {
            let key = if self.choose_namespace { "choose_namespace" } else { "namespace" };
            faults.push((key, "Socket.IO clients name their namespaces themselves; leave it out".into()));
        }
        let carries_stomp = matches!(self.session, Session::WebSocket | Session::SockJs);
        if self.protocol == Protocol::Stomp && !carries_stomp {
            faults.push((
                "protocol",
                "only the sessions \"websocket\" and \"sockjs\" carry \"stomp\"; write one of them".into(),
            ));
        }
        if raw_only && self.protocol == Protocol::JsonRpc {
            faults.push((
                "protocol",
                "only the sessions \"websocket\" and \"sockjs\" carry \"jsonrpc\"; write \"raw\"".into(),
            ));
        }
        let relays = self.session == Session::WebSocket && self.protocol == Protocol::Raw;
        match self.session {
            Session::Publish if !self.names_room() => {
                faults.push((
                    "path",
                    "the session \"publish\" needs {room} in its path, as in \"/pub/{room}\"".into(),
                ));
            }
            Session::SignalR if self.names_room() => {
                faults
                    .push(("path", "SignalR clients subscribe to rooms; write a path without {room}".into()));
            }
            Session::SockJs if self.names_room() => {
                faults
                    .push(("path", "SockJS clients subscribe to rooms; write a path without {room}".into()));
            }
            Session::EngineIo if self.names_room() => {
                faults.push((
                    "path",
                    "Socket.IO clients subscribe to rooms; write a path without {room}".into(),
                ));
            }
            Session::Sse | Session::Poll if self.names_room() => {
                faults.push((
                    "path",
                    "clients name the rooms in the query, as in ?room=lobby; write a path without {room}"
                        .into(),
                ));
            }
            Session::WebSocket if self.names_room() && !relays => {
                faults.push((
                    "path",
                    "\"jsonrpc\" and \"stomp\" clients subscribe to rooms; write a path without {room}"
                        .into(),
                ));
            }
            _ => {}
        }
        faults
    }
}

/// Whether the library takes this as a mount's path: whole segments, of which one may be `{room}` or `{namespace}`.
pub(crate) fn is_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%".contains(c);
    let named = |segment: &str| matches!(segment, "{room}" | "{namespace}");
    rest.split('/').filter(|segment| named(segment)).count() <= 1
        && rest.split('/').all(|segment| named(segment) || segment.chars().all(plain))
}
