//! What compression costs in a room.

use everywire_bench::Mode;

use super::fanout;
use crate::rows::{Base, Better, Listeners, Message, Metric, Protocol, Row, Target, Work};

pub(super) const ROWS: &[Row] = &[
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
            listeners: Listeners::Alike,
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
