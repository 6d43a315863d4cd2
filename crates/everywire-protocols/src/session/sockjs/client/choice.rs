//! Which transport to take: the first of the client's own that the server has, and that opens in time.

use std::collections::VecDeque;
use std::time::Duration;

use super::{SockJsClientTransport as Transport, addresses};

/// How many times there and back a transport may take until it is open: one for the connection, one for the request.
const ROUND_TRIPS: u32 = 2;

#[derive(Debug)]
pub(super) struct Choice {
    /// Not tried yet, each with the name of the session that it would have: an abandoned one may still live on the server.
    left: VecDeque<(Transport, String)>,
    /// Why others were not taken.
    failures: Vec<String>,
}

impl Choice {
    pub(super) fn of(transports: &[Transport], random: &mut dyn FnMut() -> u64) -> Self {
        let mut left: VecDeque<(Transport, String)> = VecDeque::new();
        for transport in transports {
            if left.iter().all(|(known, _)| known != transport) {
                left.push_back((*transport, addresses::session(random())));
            }
        }
        Self { left, failures: Vec::new() }
    }

    /// The server has no WebSockets.
    pub(super) fn without_websocket(&mut self) {
        self.left.retain(|(transport, _)| *transport != Transport::WebSocket);
    }

    pub(super) fn failed(&mut self, transport: Transport, why: &str) {
        self.failures.push(format!("{}: {why}", transport.as_str()));
    }

    /// The next to try.
    pub(super) fn next(&mut self) -> Option<(Transport, String)> {
        self.left.pop_front()
    }

    /// Whether any was tried.
    pub(super) fn has_failed(&self) -> bool {
        !self.failures.is_empty()
    }

    /// Why none was taken, when none is left.
    pub(super) fn failures(&self) -> String {
        if self.has_failed() {
            return format!("All transports failed ({})", self.failures.join("; "));
        }
        "All transports failed (the server has none of the client's)".to_owned()
    }
}

/// How long a transport is given, when `info` has taken so long: the rule of the official client.
pub(super) fn time_to_open(info: Duration, at_least: Duration) -> Duration {
    let once = if info > Duration::from_millis(100) { info * 4 } else { Duration::from_millis(300) + info };
    (once * ROUND_TRIPS).max(at_least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_tried_once_under_a_name_of_its_own() {
        let mut numbers = 0..;
        let transports = [Transport::Polling, Transport::WebSocket, Transport::Polling, Transport::Streaming];
        let mut choice = Choice::of(&transports, &mut || numbers.next().expect("a number"));
        choice.without_websocket();
        assert_eq!(choice.next(), Some((Transport::Polling, "aaaaaaaa".to_owned())));
        assert_eq!(choice.next(), Some((Transport::Streaming, "caaaaaaa".to_owned())));
        assert_eq!(choice.next(), None);
        assert_eq!(choice.failures(), "All transports failed (the server has none of the client's)");
        choice.failed(Transport::Polling, "too late");
        choice.failed(Transport::Streaming, "status 404");
        assert_eq!(
            choice.failures(),
            "All transports failed (xhr-polling: too late; xhr-streaming: status 404)"
        );
    }

    #[test]
    fn slow_servers_are_given_longer() {
        let given = |info, at_least| {
            time_to_open(Duration::from_millis(info), Duration::from_millis(at_least)).as_millis()
        };
        assert_eq!([given(0, 0), given(100, 0), given(101, 0), given(8000, 0)], [600, 800, 808, 64_000]);
        assert_eq!((given(0, 599), given(0, 5000)), (600, 5000));
    }
}
