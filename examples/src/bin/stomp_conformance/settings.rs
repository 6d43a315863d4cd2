//! What the command line may say: a JSON object.

use std::time::Duration;

use everywire::{Options, QueueOptions, SockJsOptions, StompLimits, StompOptions};
use serde::Deserialize;

/// Everything that a story may want to have another way. Times are in milliseconds, sizes in bytes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Settings {
    heartbeat: Option<u64>,
    client_heartbeat: Option<u64>,
    tolerance: Option<u32>,
    login_timeout: Option<u64>,
    body_bytes: Option<usize>,
    headers: Option<usize>,
    line_bytes: Option<usize>,
    first_bytes: Option<usize>,
    subscriptions: Option<usize>,
    prefetch: Option<usize>,
    transactions: Option<usize>,
    transaction_frames: Option<usize>,
    transaction_bytes: Option<usize>,
    /// Messages of one queue.
    queue_messages: Option<usize>,
    /// From one heart-beat of SockJS to the next.
    sockjs_heartbeat: Option<u64>,
    response_limit: Option<usize>,
    disconnect_delay: Option<u64>,
    /// Whether SockJS has what only old browsers need.
    legacy: bool,
    /// The client's script for SockJS's page for iframes.
    script: Option<String>,
    /// Whether everybody has to show who they are.
    pub(crate) members_only: bool,
    pub(crate) origins: Vec<String>,
    /// By what names the server may be asked, beside its own.
    hosts: Vec<String>,
    /// How long clients may take to go when the server is told to.
    pub(crate) grace: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: None,
            client_heartbeat: None,
            tolerance: None,
            login_timeout: None,
            body_bytes: None,
            headers: None,
            line_bytes: None,
            first_bytes: None,
            subscriptions: None,
            prefetch: None,
            transactions: None,
            transaction_frames: None,
            transaction_bytes: None,
            queue_messages: None,
            sockjs_heartbeat: None,
            response_limit: None,
            disconnect_delay: None,
            legacy: false,
            script: None,
            members_only: false,
            origins: Vec::new(),
            hosts: Vec::new(),
            grace: 2000,
        }
    }
}

fn wait(milliseconds: Option<u64>, default: Duration) -> Duration {
    milliseconds.map_or(default, Duration::from_millis)
}

impl Settings {
    pub(crate) fn stomp(&self) -> StompOptions {
        let default = StompOptions::default();
        let limits = StompLimits {
            headers: self.headers.unwrap_or(default.limits.headers),
            line_bytes: self.line_bytes.unwrap_or(default.limits.line_bytes),
            body_bytes: self.body_bytes.unwrap_or(default.limits.body_bytes),
            first_bytes: self.first_bytes.unwrap_or(default.limits.first_bytes),
            ..default.limits
        };
        StompOptions {
            limits,
            heartbeat: wait(self.heartbeat, default.heartbeat),
            client_heartbeat: wait(self.client_heartbeat, default.client_heartbeat),
            tolerance: self.tolerance.unwrap_or(default.tolerance),
            login_timeout: wait(self.login_timeout, default.login_timeout),
            subscriptions: self.subscriptions.unwrap_or(default.subscriptions),
            prefetch: self.prefetch.unwrap_or(default.prefetch),
            transactions: self.transactions.unwrap_or(default.transactions),
            transaction_frames: self.transaction_frames.unwrap_or(default.transaction_frames),
            transaction_bytes: self.transaction_bytes.unwrap_or(default.transaction_bytes),
            ..default
        }
    }

    /// As front ends for Spring's simple broker want it.
    pub(crate) fn spring(&self) -> StompOptions {
        StompOptions { spring: true, lenient_unsubscribe: true, sends_to_users: true, ..self.stomp() }
    }

    pub(crate) fn sockjs(&self) -> SockJsOptions {
        let default = SockJsOptions::default();
        SockJsOptions {
            heartbeat: wait(self.sockjs_heartbeat, default.heartbeat),
            response_limit: self.response_limit.unwrap_or(default.response_limit),
            disconnect_delay: wait(self.disconnect_delay, default.disconnect_delay),
            legacy: self.legacy,
            script: self.script.clone().unwrap_or(default.script),
            // In JSON each byte of a frame may take two.
            body_bytes: 2 * self.stomp().frame_bytes(),
            ..default
        }
    }

    pub(crate) fn options(&self) -> Options {
        let default = QueueOptions::default();
        let queues = QueueOptions { messages: self.queue_messages.unwrap_or(default.messages), ..default };
        Options { origins: self.origins.clone(), hosts: self.hosts.clone(), queues, ..Options::default() }
    }
}
