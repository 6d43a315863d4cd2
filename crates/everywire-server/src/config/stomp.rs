//! The `[stomp]` section: what holds for every mount that speaks STOMP, by WebSocket or over SockJS.

use std::ops::RangeInclusive;
use std::time::Duration;

use everywire::{Mount, SockJsOptions, StompOptions};

use super::Config;
use super::key::{Key, field};
use super::kind::{Bytes, Flag, Wait, Whole};

/// The section.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stomp {
    pub(super) options: StompOptions,
}

/// As all other waits.
const WAIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(24 * 3600);
/// A heart-beat may be none.
const BEAT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(24 * 3600);
const SIZE: RangeInclusive<u64> = 1..=1 << 30;
const COUNT: RangeInclusive<u64> = 1..=1_000_000;

impl Stomp {
    /// A mount on WebSocket.
    pub(super) fn mount(&self) -> Mount {
        everywire::stomp().stomp(self.options.clone())
    }

    /// A mount over SockJS with these options.
    pub(super) fn sockjs_mount(&self, sockjs: SockJsOptions) -> Mount {
        everywire::sockjs_stomp().sockjs(sockjs).stomp(self.options.clone())
    }

    /// A mount of JSON-RPC, which takes clients of STOMP, too.
    pub(super) fn beside_jsonrpc(&self) -> Mount {
        everywire::jsonrpc().stomp(self.options.clone())
    }
}

/// The keys of the section.
pub(super) fn keys() -> Vec<Key<Config>> {
    vec![
        Key::new(
            "login_timeout",
            Wait(WAIT),
            field!(stomp.options.login_timeout),
            "From the beginning of a session until its CONNECT. RabbitMQ's `login_timeout`.",
        ),
        Key::new(
            "heartbeat",
            Wait(BEAT),
            field!(stomp.options.heartbeat),
            "How often the server can say that it lives, for clients that want that; 0 for never. The first number of the header `heart-beat`.",
        ),
        Key::new(
            "client_heartbeat",
            Wait(BEAT),
            field!(stomp.options.client_heartbeat),
            "How often the server wants to hear of clients that can say that they live; 0 for never. The second number.",
        ),
        Key::new(
            "tolerance",
            Whole(1..=100),
            field!(stomp.options.tolerance),
            "After how many of the intervals agreed on a silent client is gone. Browsers let timers of hidden pages run once a minute: with heart-beats of 10 s, 7 keeps those.",
        ),
        Key::new(
            "subscriptions",
            Whole(COUNT),
            field!(stomp.options.subscriptions),
            "Subscriptions that one client may have.",
        ),
        Key::new(
            "same_destination",
            Whole(COUNT),
            field!(stomp.options.same_destination),
            "How many of them may have the same destination: each has a copy of every message.",
        ),
        Key::new(
            "prefetch",
            Whole(COUNT),
            field!(stomp.options.prefetch),
            "Messages of a queue that a consumer may have that are not settled, unless it says `prefetch-count`.",
        ),
        Key::new(
            "most_prefetch",
            Whole(COUNT),
            field!(stomp.options.most_prefetch),
            "The most that `prefetch-count` may say.",
        ),
        Key::new(
            "transactions",
            Whole(COUNT),
            field!(stomp.options.transactions),
            "Transactions that one client may have open.",
        ),
        Key::new(
            "transaction_frames",
            Whole(COUNT),
            field!(stomp.options.transaction_frames),
            "Frames in one transaction.",
        ),
        Key::new(
            "transaction_bytes",
            Bytes(SIZE),
            field!(stomp.options.transaction_bytes),
            "All that one client's open transactions hold.",
        ),
        Key::new(
            "body_bytes",
            Bytes(SIZE),
            field!(stomp.options.limits.body_bytes),
            "The body of one frame.",
        ),
        Key::new(
            "head_bytes",
            Bytes(SIZE),
            field!(stomp.options.limits.head_bytes),
            "The command and headers of one frame.",
        ),
        Key::new(
            "header_bytes",
            Bytes(SIZE),
            field!(stomp.options.limits.line_bytes),
            "One header, name and value.",
        ),
        Key::new("headers", Whole(1..=1000), field!(stomp.options.limits.headers), "Headers of one frame."),
        Key::new(
            "login_bytes",
            Bytes(SIZE),
            field!(stomp.options.limits.first_bytes),
            "One frame of a client that is not connected yet.",
        ),
        Key::new(
            "send_to_users",
            Flag,
            field!(stomp.options.sends_to_users),
            "Whether clients may send to other users, by `/user/{name}/queue/…`.",
        ),
        Key::new(
            "spring",
            Flag,
            field!(stomp.options.spring),
            "Whether the answer to a SEND to `/app/{event}` is published to `/topic/{event}`, as Spring does; else it goes to `reply-to`, if that is there.",
        ),
        Key::new(
            "lenient_unsubscribe",
            Flag,
            field!(stomp.options.lenient_unsubscribe),
            "Whether an UNSUBSCRIBE of what is not subscribed is passed over, as Spring does; else it is a fault, and ends the connection.",
        ),
    ]
}
