//! The keys of `[queues]`.

use std::ops::RangeInclusive;

use super::Config;
use super::key::{Key, field};
use super::keys::{COUNT, SIZE};
use super::kind::{Bytes, OrFalse, Whole};

/// All queues may be more than one of them.
const TOTAL: RangeInclusive<u64> = 1..=1 << 40;

pub(super) fn keys() -> Vec<Key<Config>> {
    vec![
        Key::new(
            "messages",
            Whole(COUNT),
            field!(options.queues.messages),
            "Messages that one queue may hold, those included that are with a client and not settled.",
        ),
        Key::new(
            "bytes",
            Bytes(SIZE),
            field!(options.queues.bytes),
            "What one queue may hold: payloads and names, and 128 bytes for each message.",
        ),
        Key::new("queues", Whole(COUNT), field!(options.queues.queues), "Queues of one namespace."),
        Key::new(
            "total_bytes",
            Bytes(TOTAL),
            field!(options.queues.total_bytes),
            "What all queues of one namespace may hold.",
        ),
        Key::new(
            "deliveries",
            OrFalse(Whole(COUNT)),
            field!(options.queues.deliveries),
            "How often a message may come back from the clients that it was sent to; then it is dropped, and the log says so. `false`: as often as may be.",
        ),
    ]
}
