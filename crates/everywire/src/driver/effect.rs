//! What a conversation asks of its carrier.

use bytes::Bytes;
use everywire_core::Reason;
use everywire_protocols::session::{Lane, Wrapping};
use smallvec::SmallVec;

/// One thing that a carrier is to do.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Begin the response of a lane, or give it whole.
    Respond {
        lane: Lane,
        status: http::StatusCode,
        headers: Box<http::HeaderMap>,
        body: Option<Bytes>,
        compress: bool,
    },
    /// Write this, behind what was written to the lane.
    Write { lane: Lane, bytes: Bytes, text: bool },
    /// Let whoever publishes write broadcasts to the lane, until so many bytes have been written.
    Share { lane: Lane, wrapping: Wrapping, most: usize },
    /// Send a ping.
    Ping,
    /// End the lane, in order, behind what was written.
    End { lane: Lane, reason: Reason },
}

/// Effects, in order. An ordinary message has none.
pub(crate) type Effects = SmallVec<[Effect; 1]>;
