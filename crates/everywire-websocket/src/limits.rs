//! How much a peer may send: all in bytes, so that memory and work are bounded whatever the shape of the frames.

/// Bounds of the [`Decoder`](crate::Decoder). What goes over them is answered with close code 1009, as soon as the
/// announced length says so and before anything is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Payload of one data frame, as it travels. Default: 16 MiB.
    pub frame: usize,
    /// Payload of one message, as it travels, over all its frames; plus, if there are several,
    /// [`fragment_cost`](Limits::fragment_cost) for each. Default: 16 MiB, the largest message of Autobahn's suite.
    pub message: usize,
    /// One message after decompression. Default: 16 MiB.
    pub inflated: usize,
    /// What each frame of a fragmented message counts beside its payload, against `message`: it is why a peer
    /// cannot send empty fragments for ever. Default: 16, about what a frame header costs to send and to parse.
    pub fragment_cost: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { frame: 16 << 20, message: 16 << 20, inflated: 16 << 20, fragment_cost: 16 }
    }
}

impl Limits {
    /// The same bound for a frame, a message and a decompressed message.
    pub fn of_message(bytes: usize) -> Self {
        Self { frame: bytes, message: bytes, inflated: bytes, ..Self::default() }
    }
}
