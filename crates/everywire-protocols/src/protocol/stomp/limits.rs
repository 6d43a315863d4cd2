//! How much of a peer's is taken.

use super::fault::Flaw;

/// Bytes of a command, without the line's end: as in RabbitMQ. The longest command has 11.
///
/// It is no option: whoever speaks something else, as JSON without line ends, is to hear of it early.
pub const COMMAND_BYTES: usize = 32;

/// What a frame may have. All in bytes but one; none is set aside before it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Header lines, repeated ones too. Default 64 (RabbitMQ: 100). Each is compared with all before it, so thousands would
    /// cost time.
    pub headers: usize,
    /// One header line, without its end. Default 8 KiB (as nginx has it for HTTP).
    pub line_bytes: usize,
    /// Command and headers, with the ends of lines and the empty line. Default 64 KiB.
    pub head_bytes: usize,
    /// The body, without the NUL behind it. Default 1 MiB.
    pub body_bytes: usize,
    /// Head and body together, before the peer is logged in ([`Parser::log_in`](super::Parser::log_in)), where the others
    /// count as well. Default 64 KiB (as in RabbitMQ and Spring).
    pub first_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: 64,
            line_bytes: 8 * 1024,
            head_bytes: 64 * 1024,
            body_bytes: 1024 * 1024,
            first_bytes: 64 * 1024,
        }
    }
}

impl Limits {
    /// What a server may send: what a client of its may, with escapes (twice as long at most), and headers of the server's own.
    pub fn of_server() -> Self {
        Self { headers: 128, line_bytes: 32 * 1024, head_bytes: 192 * 1024, ..Self::default() }
    }
}

/// The limits that count now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) limits: Limits,
    pub(super) logged_in: bool,
}

impl Bounds {
    /// Bytes that a head may have, and what is wrong above.
    pub(super) fn head(&self) -> (usize, Flaw) {
        let Limits { head_bytes, first_bytes, .. } = self.limits;
        if self.logged_in || head_bytes <= first_bytes {
            (head_bytes, Flaw::HeadTooLong(head_bytes))
        } else {
            (first_bytes, Flaw::FirstTooLong(first_bytes))
        }
    }

    /// Bytes that a body may have behind a head of so many, and what is wrong above.
    pub(super) fn body(&self, head: usize) -> (usize, Flaw) {
        let Limits { body_bytes, first_bytes, .. } = self.limits;
        let left = first_bytes.saturating_sub(head);
        if self.logged_in || body_bytes <= left {
            (body_bytes, Flaw::BodyTooLong(body_bytes))
        } else {
            (left, Flaw::FirstTooLong(first_bytes))
        }
    }
}
