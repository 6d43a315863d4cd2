//! What the command line may say: a JSON object, with the reference's names.

use std::time::Duration;

use everywire::{Encodings, SignalRConnectionOptions, SignalROptions, SignalRTransports};
use serde::Deserialize;

/// Everything that a story may want to have another way. Times are in milliseconds.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Settings {
    keep_alive_interval: Option<u64>,
    client_timeout_interval: Option<u64>,
    handshake_timeout: Option<u64>,
    maximum_receive_message_size: Option<usize>,
    supported_protocols: Option<Vec<String>>,
    pub(crate) enable_detailed_errors: bool,
    exception: Option<String>,
    transports: Option<Vec<String>>,
    minimum_protocol_version: Option<u8>,
    poll_timeout: Option<u64>,
    disconnect_timeout: Option<u64>,
    allow_stateful_reconnects: bool,
    stateful_reconnect_buffer_size: Option<usize>,
    /// The token that clients have to show; without it they are 401.
    pub(crate) token: Option<String>,
    pub(crate) origins: Vec<String>,
    pub(crate) inbound_queue: Option<usize>,
    pub(crate) inbound_bytes: Option<usize>,
    pub(crate) streams: Option<usize>,
}

fn wait(milliseconds: Option<u64>, default: Duration) -> Duration {
    milliseconds.map_or(default, Duration::from_millis)
}

impl Settings {
    pub(crate) fn hub(&self) -> SignalROptions {
        let default = SignalROptions::default();
        let has = |name: &str| {
            self.supported_protocols.as_ref().is_none_or(|names| names.iter().any(|known| known == name))
        };
        SignalROptions {
            keep_alive: wait(self.keep_alive_interval, default.keep_alive),
            client_timeout: wait(self.client_timeout_interval, default.client_timeout),
            handshake_timeout: wait(self.handshake_timeout, default.handshake_timeout),
            message_bytes: self.maximum_receive_message_size.unwrap_or(default.message_bytes),
            encodings: Encodings { json: has("json"), msgpack: has("messagepack") },
            exception: self.exception.clone().map_or(default.exception, Into::into),
            ..default
        }
    }

    pub(crate) fn connections(&self) -> SignalRConnectionOptions {
        let default = SignalRConnectionOptions::default();
        let has =
            |name: &str| self.transports.as_ref().is_none_or(|names| names.iter().any(|known| known == name));
        SignalRConnectionOptions {
            transports: SignalRTransports {
                websockets: has("WebSockets"),
                server_sent_events: has("ServerSentEvents"),
                long_polling: has("LongPolling"),
            },
            minimum_version: self.minimum_protocol_version.unwrap_or(default.minimum_version),
            poll_timeout: wait(self.poll_timeout, default.poll_timeout),
            disconnect_timeout: wait(self.disconnect_timeout, default.disconnect_timeout),
            stateful_reconnect: self.allow_stateful_reconnects,
            buffer_bytes: self.stateful_reconnect_buffer_size.unwrap_or(default.buffer_bytes),
            ..default
        }
    }
}
