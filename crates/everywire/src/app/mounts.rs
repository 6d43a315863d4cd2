//! The mounts that there are, with their defaults.

use std::sync::Arc;

use everywire_protocols::protocol::socketio::SocketIoOptions;
use everywire_protocols::session::{EngineIoEndpoint, EngineIoOptions, SockJsEndpoint, SockJsOptions};

use super::mount::{Engine, Hub, Mount, Wire};

/// The size from which answers to polls are compressed: Node's `httpCompression`.
const COMPRESS_FROM: usize = 1024;

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

/// SignalR for the official clients, over WebSockets, Server-Sent Events and long polling. Where the path has a name in
/// braces, as `/hubs/{hub}` has, that is the namespace: `default` for `/`, and else one of that name, with a slash before
/// it or without.
pub fn signalr() -> Mount {
    let hub = Hub { endpoint: Arc::default(), protocol: Some(Arc::default()), negotiate: None };
    Mount { hub: Some(Box::new(hub)), ..Mount::new(Wire::SignalR) }
}

/// Plain messages, carried as SignalR's are, with its negotiation and its transports: each is the event `message`.
pub fn signalr_raw() -> Mount {
    let hub = Hub { endpoint: Arc::default(), protocol: None, negotiate: None };
    Mount { hub: Some(Box::new(hub)), ..Mount::new(Wire::SignalRRaw) }
}

/// JSON-RPC 2.0 over SockJS, for clients of `sockjs-client`: by WebSocket, or by what works where that does not. A plain
/// WebSocket is at `/websocket` below.
pub fn sockjs() -> Mount {
    let endpoint = Arc::new(SockJsEndpoint::new(SockJsOptions::default()));
    Mount { sockjs: Some(endpoint), ..Mount::new(Wire::SockJs) }
}

/// Plain messages over SockJS: each is the event `message`, a text.
pub fn sockjs_raw() -> Mount {
    Mount { wire: Wire::SockJsRaw, ..sockjs() }
}

/// STOMP 1.0, 1.1 and 1.2 on WebSocket, for clients such as `@stomp/stompjs` and `stomp-py`. Who they are is found out when
/// they CONNECT: [`Credentials::auth`](crate::Credentials::auth) has that frame's headers.
pub fn stomp() -> Mount {
    Mount { stomp: Some(Arc::default()), ..Mount::new(Wire::Stomp) }
}

/// STOMP over SockJS, as Spring's front ends speak it. A plain WebSocket is at `/websocket` below.
pub fn sockjs_stomp() -> Mount {
    let endpoint = Arc::new(SockJsEndpoint::new(SockJsOptions::default()));
    let stomp = Some(Arc::default());
    Mount { sockjs: Some(endpoint), stomp, ..Mount::new(Wire::SockJsStomp) }.with_room_for_frames()
}
