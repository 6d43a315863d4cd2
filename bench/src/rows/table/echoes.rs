//! What comes back to who sent it: echoes, calls, streams.

use crate::rows::{Answer, Base, Better, Message, Metric, Protocol, Row, Target, Work};

const SHORT: Message = Message::Text(64);

const fn echo(message: Message, window: usize) -> Work {
    Work::Echo { message, answer: Answer::Event, connections: 100, window }
}

const fn acknowledged(message: Message, window: usize) -> Work {
    Work::Echo { message, answer: Answer::Acknowledgement, connections: 100, window }
}

const fn mirrored(message: Message, window: usize) -> Work {
    Work::Echo { message, answer: Answer::Stream, connections: 100, window }
}

const fn posted(message: Message, window: usize) -> Work {
    Work::Echo { message, answer: Answer::Response, connections: 100, window }
}

pub(super) const ROWS: &[Row] = &[
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
        id: "sockjs-echo",
        protocol: Protocol::SockJs,
        work: echo(SHORT, 1),
        metrics: &[Metric {
            id: "sockjs-echo",
            title: "echo 64 B, 100 connections, 1 in flight, msg/s",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "echo"),
            targets: &[Target::AtLeast(0.80), Target::OfPeer("sockjs", 10.0)],
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
        id: "sockjs-echo-16",
        protocol: Protocol::SockJs,
        work: echo(SHORT, 16),
        metrics: &[Metric {
            id: "sockjs-echo-16",
            title: "… 16 in flight",
            better: Better::More,
            base: Base::Ours(Protocol::Raw, "echo-16"),
            targets: &[Target::AtLeast(0.80), Target::OfPeer("sockjs", 10.0)],
        }],
    },
    Row {
        id: "sockjs-stream-echo",
        protocol: Protocol::SockJs,
        work: posted(SHORT, 1),
        metrics: &[Metric {
            id: "sockjs-stream-echo",
            title: "… by xhr_streaming and xhr_send, 1 in flight",
            better: Better::More,
            base: Base::Peer("sockjs"),
            targets: &[],
        }],
    },
    Row {
        id: "sockjs-stream-echo-16",
        protocol: Protocol::SockJs,
        work: posted(SHORT, 16),
        metrics: &[Metric {
            id: "sockjs-stream-echo-16",
            title: "… 16 in flight",
            better: Better::More,
            base: Base::Peer("sockjs"),
            targets: &[],
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
        id: "signalr-stream",
        protocol: Protocol::SignalR,
        work: Work::Stream { message: SHORT, connections: 100, items: 1000 },
        metrics: &[Metric {
            id: "signalr-stream",
            title: "streams of 1,000 items, 64 B, 100 connections, items/s",
            better: Better::More,
            base: Base::Own("signalr-invoke-16"),
            targets: &[],
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
];
