//! What is measured, and what the product has to reach. Targets are ratios: absolute figures drift with the machine.

use std::time::Duration;

use everywire_bench::Mode;

use crate::message::Template;

pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) work: Work,
    /// What a measurement yields, in this order.
    pub(crate) metrics: &'static [Metric],
}

pub(crate) struct Metric {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) better: Better,
    pub(crate) base: Base,
    pub(crate) targets: &'static [Target],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
}

/// What the ratio in a cell is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// The greedy floor, in the same round.
    Floor,
    /// The same peer's value of another metric, in the same round.
    Own(&'static str),
    /// Nothing: the value counts.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// The ratio to the base.
    AtLeast(f64),
    AtMost(f64),
    /// The ratio to the best peer from a registry.
    OfBestPeer(f64),
    /// The value itself.
    ValueAtMost(f64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    Echo { message: Message, connections: usize, window: usize },
    Fanout { mode: Mode, message: Message, members: usize, publishers: usize, window: usize },
    Latency { message: Message, members: usize, every: Duration },
    Connect { at_once: usize },
    Idle { message: Message, connections: usize },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Message {
    Text(usize),
    Json(usize),
}

impl Message {
    pub(crate) fn template(self) -> Template {
        match self {
            Self::Text(length) => Template::text(length),
            Self::Json(length) => Template::json(length),
        }
    }
}

impl Work {
    pub(crate) fn mode(self) -> Mode {
        match self {
            Self::Echo { .. } | Self::Connect { .. } => Mode::Echo,
            Self::Fanout { mode, .. } => mode,
            Self::Latency { .. } | Self::Idle { .. } => Mode::Room,
        }
    }

    /// The same with few connections, to see that it works.
    pub(crate) fn small(mut self) -> Self {
        match &mut self {
            Self::Echo { connections: count, .. }
            | Self::Fanout { members: count, .. }
            | Self::Latency { members: count, .. }
            | Self::Idle { connections: count, .. } => *count = (*count / 50).max(10),
            Self::Connect { at_once } => *at_once = 8,
        }
        self
    }
}

const CHAT: Message = Message::Text(128);

const fn fanout(message: Message, members: usize, publishers: usize, window: usize) -> Work {
    Work::Fanout { mode: Mode::Room, message, members, publishers, window }
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "echo",
        work: Work::Echo { message: Message::Text(64), connections: 100, window: 1 },
        metrics: &[Metric {
            id: "echo",
            title: "echo 64 B, 100 connections, 1 in flight, msg/s",
            better: Better::More,
            base: Base::Floor,
            targets: &[Target::AtLeast(0.92)],
        }],
    },
    Row {
        id: "echo-16",
        work: Work::Echo { message: Message::Text(64), connections: 100, window: 16 },
        metrics: &[Metric {
            id: "echo-16",
            title: "… 16 in flight",
            better: Better::More,
            base: Base::Floor,
            targets: &[Target::AtLeast(0.85), Target::OfBestPeer(1.6)],
        }],
    },
    Row {
        id: "echo-large",
        work: Work::Echo { message: Message::Text(16 << 10), connections: 100, window: 4 },
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
        id: "fanout-10k",
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
        id: "fanout",
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
        id: "connect",
        work: Work::Connect { at_once: 64 },
        metrics: &[Metric {
            id: "connect",
            title: "connect + close, /s",
            better: Better::More,
            base: Base::Floor,
            targets: &[Target::AtLeast(0.85)],
        }],
    },
    Row {
        id: "idle",
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
        id: "json",
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
