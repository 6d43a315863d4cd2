//! The `[signalr]` section: what holds for every mount that is carried as SignalR is.

use std::ops::RangeInclusive;
use std::time::Duration;

use everywire::{Encodings, Mount, SignalRConnectionOptions, SignalROptions, SignalRTransports};

use super::Config;
use super::key::{Key, field};
use super::kind::{Bytes, Flag, Text, Wait, Whole, Word};

/// The section, as it is written; [`SignalR::mount`] makes options of it.
#[derive(Debug, Clone)]
pub(crate) struct SignalR {
    /// Without the encodings and the exception's name.
    hub: SignalROptions,
    /// Without the transports.
    connections: SignalRConnectionOptions,
    transports: Vec<Transport>,
    protocols: Vec<Encoding>,
    exception: String,
}

/// How a session is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    WebSockets,
    ServerSentEvents,
    LongPolling,
}

/// What messages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Json,
    MsgPack,
}

const TRANSPORTS: Word<Transport> = Word(&[
    ("websockets", Transport::WebSockets),
    ("server-sent-events", Transport::ServerSentEvents),
    ("long-polling", Transport::LongPolling),
]);
const PROTOCOLS: Word<Encoding> = Word(&[("json", Encoding::Json), ("messagepack", Encoding::MsgPack)]);
const EXCEPTION: Text = Text {
    expected: "the name of a type, such as \"HubException\"",
    check: |text| !text.is_empty() && !text.contains(|c: char| c.is_control() || c.is_whitespace()),
};
/// As all other waits.
const WAIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(24 * 3600);
const SIZE: RangeInclusive<u64> = 1..=1 << 30;

impl Default for SignalR {
    fn default() -> Self {
        let hub = SignalROptions::default();
        Self {
            exception: hub.exception.to_string(),
            hub,
            connections: SignalRConnectionOptions::default(),
            transports: vec![Transport::WebSockets, Transport::ServerSentEvents, Transport::LongPolling],
            protocols: vec![Encoding::Json, Encoding::MsgPack],
        }
    }
}

impl SignalR {
    /// A mount of hubs with these options.
    pub(super) fn mount(&self) -> Mount {
        everywire::signalr().hub(self.hub()).connections(self.connections())
    }

    /// A mount of plain messages.
    pub(super) fn raw_mount(&self) -> Mount {
        everywire::signalr_raw().connections(self.connections())
    }

    pub(super) fn hub(&self) -> SignalROptions {
        SignalROptions {
            encodings: Encodings {
                json: self.protocols.contains(&Encoding::Json),
                msgpack: self.protocols.contains(&Encoding::MsgPack),
            },
            exception: self.exception.clone().into(),
            ..self.hub.clone()
        }
    }

    pub(super) fn connections(&self) -> SignalRConnectionOptions {
        let has = |transport| self.transports.contains(&transport);
        SignalRConnectionOptions {
            transports: SignalRTransports {
                websockets: has(Transport::WebSockets),
                server_sent_events: has(Transport::ServerSentEvents),
                long_polling: has(Transport::LongPolling),
            },
            ..self.connections.clone()
        }
    }

    /// What of it does not go together: the key that says it, and why.
    pub(super) fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut need = |is_empty: bool, key: &str| {
            if is_empty {
                let text = "clients need one of them; to serve no SignalR, leave its [[mount]] row out";
                faults.push((format!("signalr.{key}"), text.to_owned()));
            }
        };
        need(self.transports.is_empty(), "transports");
        need(self.protocols.is_empty(), "protocols");
        faults
    }
}

/// The keys of the section.
pub(super) fn keys() -> Vec<Key<Config>> {
    let wait = || Wait(WAIT);
    vec![
        Key::new(
            "keep_alive",
            wait(),
            field!(signalr.hub.keep_alive),
            "From one ping of the server's to the next; not more than half of what its clients wait, which is 30 s. .NET's `KeepAliveInterval`.",
        ),
        Key::new(
            "client_timeout",
            wait(),
            field!(signalr.hub.client_timeout),
            "How long a client that has pinged once may be silent before it counts as gone. .NET's `ClientTimeoutInterval`.",
        ),
        Key::new(
            "handshake_timeout",
            wait(),
            field!(signalr.hub.handshake_timeout),
            "From a session's opening to its client's handshake. .NET's `HandshakeTimeout`.",
        ),
        Key::new(
            "message_bytes",
            Bytes(SIZE),
            field!(signalr.hub.message_bytes),
            "One message of a client's. `limits.message_bytes` is for the other wires. .NET's `MaximumReceiveMessageSize`.",
        ),
        Key::new(
            "body_bytes",
            Bytes(SIZE),
            field!(signalr.connections.body_bytes),
            "One WebSocket frame, or the body of one POST, which may have many messages. .NET has no such bound.",
        ),
        Key::new(
            "transports",
            TRANSPORTS,
            field!(signalr.transports),
            "How clients may be carried; they try them in this order. .NET's `Transports`.",
        ),
        Key::new(
            "protocols",
            PROTOCOLS,
            field!(signalr.protocols),
            "What messages may be written in; each client chooses. .NET's `SupportedProtocols`.",
        ),
        Key::new(
            "minimum_version",
            Whole(0..=1),
            field!(signalr.connections.minimum_version),
            "The lowest version of the negotiation that is let in. With 1, an id that others may see never lets a client in, and clients in Python cannot come. .NET's `MinimumProtocolVersion`.",
        ),
        Key::new(
            "poll_timeout",
            wait(),
            field!(signalr.connections.poll_timeout),
            "How long a poll is held; clients wait 100 s. .NET's `LongPolling.PollTimeout`.",
        ),
        Key::new(
            "disconnect_timeout",
            wait(),
            field!(signalr.connections.disconnect_timeout),
            "How long a session lives without a transport: after the negotiation, between two polls, after its WebSocket was lost. .NET's `DisconnectTimeout`.",
        ),
        Key::new(
            "stateful_reconnect",
            Flag,
            field!(signalr.connections.stateful_reconnect),
            "Whether a client that lost its WebSocket may go on with its session and hear what it missed, if it wants that, too. .NET's `AllowStatefulReconnects`.",
        ),
        Key::new(
            "buffer_bytes",
            Bytes(SIZE),
            field!(signalr.connections.buffer_bytes),
            "What is kept for such a client until it says that it has it; beyond, what is sent waits under `mailbox.bytes`. .NET's `StatefulReconnectBufferSize`.",
        ),
        Key::new(
            "exception",
            EXCEPTION,
            field!(signalr.exception),
            "What stands before a handler's own words in an error, for clients that look for the name of their exception.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_put_together() {
        let by_default = SignalR::default();
        assert_eq!(format!("{:?}", by_default.hub()), format!("{:?}", SignalROptions::default()));
        let connections = format!("{:?}", SignalRConnectionOptions::default());
        assert_eq!(format!("{:?}", by_default.connections()), connections);
        let changed = SignalR {
            transports: vec![Transport::LongPolling],
            protocols: vec![Encoding::MsgPack],
            exception: "Oops".to_owned(),
            ..SignalR::default()
        };
        let transports = changed.connections().transports;
        assert!(transports.long_polling && !transports.websockets && !transports.server_sent_events);
        assert!(changed.hub().encodings.msgpack && !changed.hub().encodings.json);
        assert_eq!(changed.hub().exception, "Oops");
    }
}
