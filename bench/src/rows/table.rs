//! The rows.

use std::time::Duration;

use everywire_bench::Mode;

use super::{Answer, Base, Better, Message, Metric, Protocol, Row, Target, Work};
use crate::generator::Opening;

const SHORT: Message = Message::Text(64);
const CHAT: Message = Message::Text(128);

const fn echo(message: Message, window: usize) -> Work {
    Work::Echo { message, answer: Answer::Event, connections: 100, window }
}

const fn acknowledged(message: Message, window: usize) -> Work {
    Work::Echo { message, answer: Answer::Acknowledgement, connections: 100, window }
}

const fn mirrored(message: Message, window: usize) -> Work {
    Work::Echo { message, answer: Answer::Stream, connections: 100, window }
}

const fn fanout(message: Message, members: usize, publishers: usize, window: usize) -> Work {
    Work::Fanout { mode: Mode::Room, message, members, publishers, window }
}

/// In the order in which they are measured: rows that are compared across protocols are neighbours, so that the machine is
/// the same for both.
pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "echo",
        protocol: Protocol::Raw,
        work: echo(SHORT, 1),
        metrics: &[Metric {
            id: "echo",
            title: "echo 64 B, 100 connections, 1 in flight, msg/s",
            better: Better::More,
            base: Base::Floor,
            targets: &[Target::AtLeast(0.92)],
        }],
    },
    Row {
        id: "socketio-echo",
        protocol: Protocol::SocketIo,
        work: echo(SHORT, 1),
        metrics: &[Metric {
            id: "socketio-echo",
            title: "echo 64 B, 100 connections, 1 in flight, msg/s",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "echo"),
            targets: &[Target::AtLeast(0.85)],
        }],
    },
    Row {
        id: "echo-16",
        protocol: Protocol::Raw,
        work: echo(SHORT, 16),
        metrics: &[Metric {
            id: "echo-16",
            title: "… 16 in flight",
            better: Better::More,
            base: Base::Floor,
            targets: &[Target::AtLeast(0.85), Target::OfBestPeer(1.6)],
        }],
    },
    Row {
        id: "socketio-echo-16",
        protocol: Protocol::SocketIo,
        work: echo(SHORT, 16),
        metrics: &[Metric {
            id: "socketio-echo-16",
            title: "… 16 in flight",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "echo-16"),
            targets: &[Target::AtLeast(0.60), Target::OfPeer("socketioxide", 3.0)],
        }],
    },
    Row {
        id: "socketio-ack",
        protocol: Protocol::SocketIo,
        work: acknowledged(SHORT, 1),
        metrics: &[Metric {
            id: "socketio-ack",
            title: "… acknowledged, 1 in flight",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "echo"),
            targets: &[],
        }],
    },
    Row {
        id: "socketio-ack-16",
        protocol: Protocol::SocketIo,
        work: acknowledged(SHORT, 16),
        metrics: &[Metric {
            id: "socketio-ack-16",
            title: "… acknowledged, 16 in flight",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "echo-16"),
            targets: &[],
        }],
    },
    Row {
        id: "signalr-invoke",
        protocol: Protocol::SignalR,
        work: acknowledged(SHORT, 1),
        metrics: &[Metric {
            id: "signalr-invoke",
            title: "invoke with a result, 64 B, 100 connections, 1 in flight, calls/s",
            better: Better::More,
            base: Base::Ours(Protocol::SocketIo, "socketio-ack"),
            targets: &[Target::AtLeast(0.85)],
        }],
    },
    Row {
        id: "signalr-invoke-16",
        protocol: Protocol::SignalR,
        work: acknowledged(SHORT, 16),
        metrics: &[Metric {
            id: "signalr-invoke-16",
            title: "… 16 in flight",
            better: Better::More,
            base: Base::Ours(Protocol::SocketIo, "socketio-ack-16"),
            targets: &[Target::AtLeast(0.85)],
        }],
    },
    Row {
        id: "signalr-stream-16",
        protocol: Protocol::SignalR,
        work: mirrored(SHORT, 16),
        metrics: &[Metric {
            id: "signalr-stream-16",
            title: "items of a stream that is mirrored, 16 in flight, items/s",
            better: Better::More,
            base: Base::Own("signalr-invoke-16"),
            targets: &[],
        }],
    },
    Row {
        id: "echo-large",
        protocol: Protocol::Raw,
        work: echo(Message::Text(16 << 10), 4),
        metrics: &[Metric {
            id: "echo-large",
            title: "echo 16 KiB, 4 in flight",
            better: Better::More,
            base: Base::Floor,
            targets: &[Target::AtLeast(0.70)],
        }],
    },
    Row {
        id: "fanout-16",
        protocol: Protocol::Raw,
        work: fanout(CHAT, 1000, 1, 16),
        metrics: &[Metric {
            id: "fanout-16",
            title: "fan-out 128 B to 1,000, 16 publishes in flight, deliveries/s",
            better: Better::More,
            base: Base::Floor,
            targets: &[Target::AtLeast(1.4), Target::OfBestPeer(3.0)],
        }],
    },
    Row {
        id: "socketio-fanout-16",
        protocol: Protocol::SocketIo,
        work: fanout(CHAT, 1000, 1, 16),
        metrics: &[Metric {
            id: "socketio-fanout-16",
            title: "fan-out 128 B to 1,000, 16 publishes in flight, deliveries/s",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "fanout-16"),
            targets: &[Target::AtLeast(0.95)],
        }],
    },
    Row {
        id: "signalr-fanout-16",
        protocol: Protocol::SignalR,
        work: fanout(CHAT, 1000, 1, 16),
        metrics: &[Metric {
            id: "signalr-fanout-16",
            title: "fan-out 128 B to 1,000, 16 publishes in flight, deliveries/s",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "fanout-16"),
            targets: &[Target::AtLeast(0.95)],
        }],
    },
    Row {
        id: "fanout-10k",
        protocol: Protocol::Raw,
        work: fanout(CHAT, 10_000, 1, 16),
        metrics: &[Metric {
            id: "fanout-10k",
            title: "… to 10,000",
            better: Better::More,
            base: Base::Floor,
            targets: &[Target::AtLeast(1.4), Target::OfBestPeer(3.0)],
        }],
    },
    Row {
        id: "socketio-fanout-10k",
        protocol: Protocol::SocketIo,
        work: fanout(CHAT, 10_000, 1, 16),
        metrics: &[Metric {
            id: "socketio-fanout-10k",
            title: "… to 10,000",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "fanout-10k"),
            targets: &[Target::AtLeast(0.95)],
        }],
    },
    Row {
        id: "signalr-fanout-10k",
        protocol: Protocol::SignalR,
        work: fanout(CHAT, 10_000, 1, 16),
        metrics: &[Metric {
            id: "signalr-fanout-10k",
            title: "… to 10,000",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "fanout-10k"),
            targets: &[Target::AtLeast(0.95)],
        }],
    },
    Row {
        id: "fanout",
        protocol: Protocol::Raw,
        work: fanout(CHAT, 1000, 1, 1),
        metrics: &[Metric {
            id: "fanout",
            title: "… to 1,000, 1 in flight",
            better: Better::More,
            base: Base::Floor,
            targets: &[Target::AtLeast(0.95)],
        }],
    },
    Row {
        id: "publishers",
        protocol: Protocol::Raw,
        work: fanout(CHAT, 1000, 16, 1),
        metrics: &[Metric {
            id: "publishers",
            title: "… to 1,000, 16 publishers, 1 in flight each",
            better: Better::More,
            base: Base::Floor,
            targets: &[Target::AtLeast(5.0)],
        }],
    },
    Row {
        id: "latency",
        protocol: Protocol::Raw,
        work: Work::Latency { message: CHAT, members: 1000, every: Duration::from_millis(10) },
        metrics: &[
            Metric {
                id: "latency-p50",
                title: "latency p50 at 100 publishes/s to 1,000, µs",
                better: Better::Less,
                base: Base::Floor,
                // 0.95 of the floor, in a unit of which less is better.
                targets: &[Target::AtMost(1.05)],
            },
            Metric {
                id: "latency-p99",
                title: "… p99, µs",
                better: Better::Less,
                base: Base::Floor,
                targets: &[Target::AtMost(1.0)],
            },
        ],
    },
    Row {
        id: "socketio-latency",
        protocol: Protocol::SocketIo,
        work: Work::Latency { message: CHAT, members: 1000, every: Duration::from_millis(10) },
        metrics: &[
            Metric {
                id: "socketio-latency-p50",
                title: "latency p50 at 100 publishes/s to 1,000, µs",
                better: Better::Less,
                base: Base::Ours(Protocol::Raw, "latency-p50"),
                targets: &[],
            },
            Metric {
                id: "socketio-latency-p99",
                title: "… p99, µs",
                better: Better::Less,
                base: Base::Ours(Protocol::Raw, "latency-p99"),
                targets: &[],
            },
        ],
    },
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
        id: "json",
        protocol: Protocol::Raw,
        work: fanout(Message::Json(1024), 1000, 1, 16),
        metrics: &[Metric {
            id: "json",
            title: "fan-out 1 KiB JSON to 1,000, 16 in flight, deliveries/s",
            better: Better::More,
            base: Base::Floor,
            targets: &[],
        }],
    },
    Row {
        id: "deflate",
        protocol: Protocol::Raw,
        work: Work::Fanout {
            mode: Mode::DeflateRoom,
            message: Message::Json(1024),
            members: 1000,
            publishers: 1,
            window: 16,
        },
        metrics: &[Metric {
            id: "deflate",
            title: "… compressed, no context takeover (ratio: to the row above)",
            better: Better::More,
            base: Base::Own("json"),
            targets: &[Target::AtLeast(0.85)],
        }],
    },
];
