//! A row of the mount table, as a configuration says it.

use everywire::Mount;

use super::socketio::SocketIo;

/// How a client's conversation is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    WebSocket,
    Sse,
    Poll,
    Publish,
    EngineIo,
}

/// What its messages mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    JsonRpc,
    Raw,
    SocketIo,
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
        use Protocol::{JsonRpc, Raw, SocketIo};
        use Session::{EngineIo, Poll, Publish, Sse, WebSocket};
        [
            ("/ws", WebSocket, JsonRpc),
            ("/raw/{room}", WebSocket, Raw),
            ("/socket.io/", EngineIo, SocketIo),
            ("/sse", Sse, Raw),
            ("/poll", Poll, Raw),
            ("/pub/{room}", Publish, Raw),
        ]
        .map(|(path, session, protocol)| Self { path: path.into(), session, protocol, ..Self::default() })
        .into()
    }

    pub(crate) fn names_room(&self) -> bool {
        self.path.contains('{')
    }

    /// The row for the library, with these options if it is one of Socket.IO.
    pub(super) fn mount(&self, socketio: &SocketIo) -> Mount {
        let mount = match (self.session, self.protocol) {
            (Session::EngineIo, _) | (_, Protocol::SocketIo) => socketio.mount(),
            (Session::WebSocket, Protocol::JsonRpc) => everywire::jsonrpc(),
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
        let own_names = self.namespace != "/" || self.choose_namespace;
        if self.session == Session::EngineIo && own_names {
            let key = if self.choose_namespace { "choose_namespace" } else { "namespace" };
            faults.push((key, "Socket.IO clients name their namespaces themselves; leave it out".into()));
        }
        if raw_only && self.protocol == Protocol::JsonRpc {
            faults.push((
                "protocol",
                "only the session \"websocket\" carries \"jsonrpc\"; write \"raw\"".into(),
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
                    "\"jsonrpc\" clients subscribe to rooms; write a path without {room}".into(),
                ));
            }
            _ => {}
        }
        faults
    }
}

/// Whether the library takes this as a mount's path: whole segments, of which one may be `{room}`.
pub(crate) fn is_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%".contains(c);
    let rooms = rest.split('/').filter(|segment| *segment == "{room}").count();
    rooms <= 1 && rest.split('/').all(|segment| segment == "{room}" || segment.chars().all(plain))
}
