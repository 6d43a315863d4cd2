//! Which transport to take: the first of the server's that the client may, that can carry its protocol, and that works.

use std::collections::VecDeque;

use super::super::negotiate::{SignalRTransports, TransferFormat, TransportKind};

#[derive(Debug, Default)]
pub(super) struct Choice {
    /// Not tried yet.
    left: VecDeque<TransportKind>,
    /// Why others were not taken, in the words of the official client.
    failures: Vec<String>,
}

impl Choice {
    /// Of what is offered, what the client may and can take.
    pub(super) fn of(
        offered: &[(TransportKind, Vec<TransferFormat>)],
        may: SignalRTransports,
        format: TransferFormat,
    ) -> Self {
        let mut choice = Self::default();
        for (transport, formats) in offered {
            if !may.offers(*transport) {
                choice.failed(*transport, &format!("'{transport:?}' is disabled by the client."));
            } else if !formats.contains(&format) {
                choice.failed(*transport, &format!("'{transport:?}' does not support {format:?}."));
            } else {
                choice.left.push_back(*transport);
            }
        }
        choice
    }

    pub(super) fn failed(&mut self, transport: TransportKind, why: &str) {
        self.failures.push(format!("{transport:?} failed: Error: {why}"));
    }

    pub(super) fn has_more(&self) -> bool {
        !self.left.is_empty()
    }

    /// The next to try, or why there is none.
    pub(super) fn next(&mut self) -> Result<TransportKind, String> {
        self.left.pop_front().ok_or_else(|| {
            if self.failures.is_empty() {
                return "None of the transports supported by the client are supported by the server."
                    .to_owned();
            }
            let failures = self.failures.join(" ");
            format!("Unable to connect to the server with any of the available transports. {failures}")
        })
    }
}
