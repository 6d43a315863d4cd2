//! One message for many receivers, framed once.

use bytes::Bytes;

use crate::{Deflater, Header, Kind, encode};

/// A server's frame, encoded once: cloning it is a reference count.
///
/// A broadcast prepares its message once, plain, and compressed for the receivers who agreed to that; each receiver
/// then costs a write and nothing else. Clients cannot share frames: each of theirs has a mask of its own.
///
/// ```
/// use everywire_websocket::{Deflater, Kind, Prepared};
///
/// let text = br#"{"event":"chat","data":{"text":"hello, hello, hello"}}"#.repeat(10);
/// let plain = Prepared::new(Kind::Text, &text);
/// let small = Prepared::compressed(Kind::Text, &text, &mut Deflater::shared(6, 15));
/// for subscriber_compresses in [true, false] {
///     let frame = if subscriber_compresses { &small } else { &plain };
///     // socket.write(frame.bytes())
/// #   assert_eq!(frame.bytes()[0], if subscriber_compresses { 0xc1 } else { 0x81 });
/// }
/// # assert!(small.bytes().len() < plain.bytes().len() / 5);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    bytes: Bytes,
}

impl Prepared {
    /// Frames `payload`. If `kind` is text, it is UTF-8.
    pub fn new(kind: Kind, payload: &[u8]) -> Self {
        let mut out = Vec::new();
        encode::message(&mut out, kind, payload, None);
        Self { bytes: out.into() }
    }

    /// Compresses and frames `payload`, with a deflater made by [`Deflater::shared`].
    ///
    /// For every connection that agreed to permessage-deflate with a server window of at least the deflater's. One
    /// that compresses other messages with a context of its own calls [`Deflater::reset`] on that after each shared
    /// frame: the receiver's window then has bytes in it that the context does not know of.
    pub fn compressed(kind: Kind, payload: &[u8], deflater: &mut Deflater) -> Self {
        debug_assert!(
            !deflater.keeps_context(),
            "a frame for many cannot refer to what one of them has seen"
        );
        let mut out = Vec::new();
        encode::compressed(&mut out, kind, payload, None, deflater);
        Self { bytes: out.into() }
    }

    /// Whether the frame is for connections that agreed to permessage-deflate only.
    pub fn is_compressed(&self) -> bool {
        self.bytes[0] & Header::COMPRESSED != 0
    }

    /// The frame as it goes over the wire.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The frame as it goes over the wire.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}
