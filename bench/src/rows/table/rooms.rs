//! What goes to everybody in a room, and how soon.

use std::time::Duration;

use super::{CHAT, fanout, streamed};
use crate::rows::{Base, Better, Metric, Protocol, Row, Target, Work};

pub(super) const ROWS: &[Row] = &[
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
        id: "sockjs-fanout-16",
        protocol: Protocol::SockJs,
        work: fanout(CHAT, 1000, 1, 16),
        metrics: &[Metric {
            id: "sockjs-fanout-16",
            title: "fan-out 128 B to 1,000, 16 publishes in flight, deliveries/s",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "fanout-16"),
            targets: &[Target::AtLeast(0.80), Target::OfPeer("sockjs", 10.0)],
        }],
    },
    Row {
        id: "sockjs-stream-fanout-16",
        protocol: Protocol::SockJs,
        work: streamed(CHAT, 1000, 16),
        metrics: &[Metric {
            id: "sockjs-stream-fanout-16",
            title: "… to 1,000 by xhr_streaming",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "fanout-16"),
            targets: &[Target::AtLeast(0.70)],
        }],
    },
    Row {
        id: "sse-fanout-16",
        protocol: Protocol::Raw,
        work: streamed(CHAT, 1000, 16),
        metrics: &[Metric {
            id: "sse-fanout-16",
            title: "… to 1,000 by Server-Sent Events (ratio: to the row above)",
            better: Better::More,
            base: Base::Own("fanout-16"),
            targets: &[Target::AtLeast(0.70)],
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
        id: "sockjs-fanout-10k",
        protocol: Protocol::SockJs,
        work: fanout(CHAT, 10_000, 1, 16),
        metrics: &[Metric {
            id: "sockjs-fanout-10k",
            title: "… to 10,000",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "fanout-10k"),
            targets: &[Target::AtLeast(0.80), Target::OfPeer("sockjs", 10.0)],
        }],
    },
    Row {
        id: "mixed-fanout-10k",
        protocol: Protocol::Mixed,
        work: fanout(CHAT, 10_000, 1, 16),
        metrics: &[Metric {
            id: "mixed-fanout-10k",
            title: "fan-out 128 B to 10,000, 16 publishes in flight, deliveries/s",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "fanout-10k"),
            targets: &[Target::AtLeast(0.90)],
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
];
