//! From messages to bytes, appended to a buffer of the caller's.
//!
//! The mask key is the caller's too: `None` as a server, an unpredictable one for each frame as a client
//! (RFC 6455, section 10.3, says why). For header and payload in one vectored write see [`Header::encode`]; for one
//! message to many receivers see [`Prepared`](crate::Prepared).

use crate::{CloseFrame, Deflater, Header, Kind, Opcode, frame::MAX_CONTROL_PAYLOAD, mask};

/// Appends a message in one frame. If `kind` is text, `payload` is UTF-8.
///
/// ```
/// use everywire_websocket::{Kind, encode};
///
/// let mut out = Vec::new();
/// encode::message(&mut out, Kind::Text, b"Hello", None);
/// assert_eq!(out, b"\x81\x05Hello");
/// ```
#[inline]
pub fn message(out: &mut Vec<u8>, kind: Kind, payload: &[u8], mask: Option<[u8; 4]>) {
    frame(out, Header::new(kind.into(), payload.len(), mask), payload);
}

/// Appends a message in one compressed frame; see [`Deflater::compress`] for when it stays uncompressed.
pub fn compressed(
    out: &mut Vec<u8>,
    kind: Kind,
    payload: &[u8],
    mask: Option<[u8; 4]>,
    deflater: &mut Deflater,
) {
    // How long the header is, is known when the payload stands behind it: leave room for the longest.
    let start = out.len();
    out.resize(start + Header::MAX_LEN, 0);
    if !deflater.compress(payload, out) {
        out.truncate(start);
        return message(out, kind, payload, mask);
    }
    let body = start + Header::MAX_LEN;
    let header = Header { compressed: true, ..Header::new(kind.into(), out.len() - body, mask) };
    if let Some(key) = mask {
        mask::apply(&mut out[body..], key);
    }
    let header_len = header.encoded_len();
    out[start..start + header_len].copy_from_slice(&header.encode()[..header_len]);
    out.copy_within(body.., start + header_len);
    out.truncate(out.len() - (Header::MAX_LEN - header_len));
}

/// Appends one frame of a message that the caller fragments: `Text` or `Binary` first, then `Continuation`, with
/// `fin` on the last.
pub fn fragment(out: &mut Vec<u8>, opcode: Opcode, fin: bool, payload: &[u8], mask: Option<[u8; 4]>) {
    debug_assert!(!opcode.is_control(), "control frames are not fragmented");
    frame(out, Header { fin, ..Header::new(opcode, payload.len(), mask) }, payload);
}

/// Appends a ping.
///
/// # Errors
///
/// [`ControlTooLong`] if `payload` has more than 125 bytes; nothing is appended then.
pub fn ping(out: &mut Vec<u8>, payload: &[u8], mask: Option<[u8; 4]>) -> Result<(), ControlTooLong> {
    control(out, Opcode::Ping, payload, mask)
}

/// Appends a pong, usually with the payload of the ping that it answers.
///
/// # Errors
///
/// [`ControlTooLong`] if `payload` has more than 125 bytes; nothing is appended then.
pub fn pong(out: &mut Vec<u8>, payload: &[u8], mask: Option<[u8; 4]>) -> Result<(), ControlTooLong> {
    control(out, Opcode::Pong, payload, mask)
}

/// Appends a close frame, without body if `close` is `None`. After it, nothing may be sent.
pub fn close(out: &mut Vec<u8>, close: Option<CloseFrame<'_>>, mask: Option<[u8; 4]>) {
    let mut body = [0; MAX_CONTROL_PAYLOAD];
    let len = close.map_or(0, |close| {
        let reason = close.wire_reason();
        body[..2].copy_from_slice(&close.code.get().to_be_bytes());
        body[2..2 + reason.len()].copy_from_slice(reason.as_bytes());
        2 + reason.len()
    });
    frame(out, Header::new(Opcode::Close, len, mask), &body[..len]);
}

/// A ping or pong of more than 125 bytes was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlTooLong {
    /// The bytes that were given.
    pub len: usize,
}

impl std::fmt::Display for ControlTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a ping or pong carries at most {MAX_CONTROL_PAYLOAD} bytes, not {}", self.len)
    }
}

impl std::error::Error for ControlTooLong {}

fn control(
    out: &mut Vec<u8>,
    opcode: Opcode,
    payload: &[u8],
    mask: Option<[u8; 4]>,
) -> Result<(), ControlTooLong> {
    if payload.len() > MAX_CONTROL_PAYLOAD {
        return Err(ControlTooLong { len: payload.len() });
    }
    frame(out, Header::new(opcode, payload.len(), mask), payload);
    Ok(())
}

#[inline]
pub(crate) fn frame(out: &mut Vec<u8>, header: Header, payload: &[u8]) {
    out.reserve(header.encoded_len() + payload.len());
    header.append(out);
    out.extend_from_slice(payload);
    if let Some(key) = header.mask {
        let body = out.len() - payload.len();
        mask::apply(&mut out[body..], key);
    }
}
