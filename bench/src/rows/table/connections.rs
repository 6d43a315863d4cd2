//! Connections that come and go, and those that only stay.

use super::CHAT;
use crate::generator::Opening;
use crate::rows::{Base, Better, Metric, Protocol, Row, Target, Work};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "connect",
        protocol: Protocol::Raw,
        work: Work::Connect { opening: Opening::WebSocket, at_once: 64 },
        metrics: &[Metric {
            id: "connect",
            title: "connect + close, /s",
            better: Better::More,
            base: Base::Floor,
            targets: &[Target::AtLeast(0.85)],
        }],
    },
    Row {
        id: "sockjs-connect",
        protocol: Protocol::SockJs,
        work: Work::Connect { opening: Opening::WebSocket, at_once: 64 },
        metrics: &[Metric {
            id: "sockjs-connect",
            title: "connect over WebSocket + close, /s",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "connect"),
            targets: &[],
        }],
    },
    Row {
        id: "socketio-connect",
        protocol: Protocol::SocketIo,
        work: Work::Connect { opening: Opening::WebSocket, at_once: 64 },
        metrics: &[Metric {
            id: "socketio-connect",
            title: "connect over WebSocket + close, /s",
            better: Better::More,
            base: Base::Peer("socketioxide"),
            targets: &[Target::AtLeast(1.6)],
        }],
    },
    Row {
        id: "socketio-polling",
        protocol: Protocol::SocketIo,
        work: Work::Connect { opening: Opening::Polling, at_once: 64 },
        metrics: &[Metric {
            id: "socketio-polling",
            title: "connect by polling, upgrade, one event + close, /s",
            better: Better::More,
            base: Base::Peer("socketioxide"),
            targets: &[Target::AtLeast(1.3)],
        }],
    },
    Row {
        id: "idle",
        protocol: Protocol::Raw,
        work: Work::Idle { message: CHAT, connections: 10_000 },
        metrics: &[Metric {
            id: "idle",
            title: "idle connection in a room, server RSS bytes",
            better: Better::Less,
            base: Base::Nothing,
            targets: &[Target::ValueAtMost(2048.0)],
        }],
    },
    Row {
        id: "socketio-idle",
        protocol: Protocol::SocketIo,
        work: Work::Idle { message: CHAT, connections: 10_000 },
        metrics: &[Metric {
            id: "socketio-idle",
            title: "idle connection in a room, server RSS bytes",
            better: Better::Less,
            base: Base::Nothing,
            targets: &[Target::ValueAtMost(3072.0)],
        }],
    },
    Row {
        id: "signalr-idle",
        protocol: Protocol::SignalR,
        work: Work::Idle { message: CHAT, connections: 10_000 },
        metrics: &[Metric {
            id: "signalr-idle",
            title: "idle connection in a room, server RSS bytes",
            better: Better::Less,
            base: Base::Nothing,
            targets: &[Target::ValueAtMost(3072.0)],
        }],
    },
    Row {
        id: "sockjs-idle",
        protocol: Protocol::SockJs,
        work: Work::Idle { message: CHAT, connections: 10_000 },
        metrics: &[Metric {
            id: "sockjs-idle",
            title: "idle connection in a room, server RSS bytes",
            better: Better::Less,
            base: Base::Nothing,
            targets: &[],
        }],
    },
];
