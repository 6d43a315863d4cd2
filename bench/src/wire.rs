//! RFC 6455 as far as a client that measures needs it: masked frames out, unmasked frames in, one fixed handshake.
//!
//! The floor gets the frames that a server would send (unmasked, same header), so that both ends move the same bytes
//! and one parser checks both; only the four bytes of the mask are missing on the way in.

use anyhow::{Result, bail, ensure};

/// How a peer is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Bare TCP: no handshake, and what is sent comes back as it is.
    Raw,
    WebSocket,
    /// Packets of Socket.IO in packets of Engine.IO in text messages of a WebSocket.
    SocketIo,
    /// Messages of SignalR in JSON.
    SignalR,
    /// The same in `MessagePack`.
    SignalRMsgPack,
    /// Frames of SockJS in text messages of a WebSocket.
    SockJs,
    /// Frames of SockJS, a line each, in responses that go on: `xhr_streaming`. What is sent goes by requests, as texts with
    /// a comma behind each.
    SockJsStream,
    /// Server-Sent Events. To listen only.
    EventSource,
}

impl Wire {
    /// Whether what the client sends is masked.
    pub(crate) fn is_masked(self) -> bool {
        !matches!(self, Self::Raw | Self::SockJsStream)
    }

    /// Whether what the server says comes in a response that goes on.
    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Self::SockJsStream | Self::EventSource)
    }
}

/// How the connections of a row are spoken to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wires {
    all: &'static [Wire],
    /// Whether the first connection is alone on the first wire.
    apart: bool,
}

impl Wires {
    /// In turn, by these.
    pub(crate) const fn in_turn(all: &'static [Wire]) -> Self {
        Self { all, apart: false }
    }

    /// The first connection by the one, all others by the other.
    pub(crate) const fn apart(both: &'static [Wire; 2]) -> Self {
        Self { all: both, apart: true }
    }

    pub(crate) fn all(self) -> &'static [Wire] {
        self.all
    }

    /// The wire of the first connection, on which it may publish.
    pub(crate) fn first(self) -> Wire {
        self.all[0]
    }

    pub(crate) fn of(self, index: usize) -> Wire {
        self.all[self.place(index)]
    }

    /// Which of all wires is a connection's.
    pub(crate) fn place(self, index: usize) -> usize {
        match self.all {
            [_] => 0,
            _ if self.apart => usize::from(index > 0),
            all => index % all.len(),
        }
    }
}

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// The mask of every frame, the one of RFC 6455 section 5.7: not zero, which some servers do not apply at all.
pub(crate) const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Longest payload that is taken from a peer. The read buffer of the generator holds several of the longest messages.
const MAX_PAYLOAD: usize = 64 << 10;

/// The payload of a close frame: code 1000.
pub(crate) const NORMAL: [u8; 2] = 1000_u16.to_be_bytes();

/// A whole frame of a peer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    /// RSV1: the payload is deflated (RFC 7692).
    pub(crate) compressed: bool,
    pub(crate) payload: &'a [u8],
}

/// The first frame in `bytes` and its length with header, or `None` when more bytes are needed.
///
/// Nobody who answers our small messages has a reason to fragment or to mask, so both are faults of the peer.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>> {
    let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
    ensure!(first & 0x80 != 0 && first & 0x0f != 0, "a fragmented message ({first:#04x})");
    ensure!(first & 0x30 == 0, "RSV2 or RSV3 is set ({first:#04x})");
    ensure!(second & 0x80 == 0, "a masked frame from a server");
    let (length, header) = match (second, rest) {
        (126, &[a, b, ..]) => (u64::from(u16::from_be_bytes([a, b])), 4),
        (127, &[a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 10),
        (126 | 127, _) => return Ok(None),
        (short, _) => (u64::from(short), 2),
    };
    let Some(length) = usize::try_from(length).ok().filter(|length| *length <= MAX_PAYLOAD) else {
        bail!("a frame of {length} bytes");
    };
    let end = header + length;
    let Some(payload) = bytes.get(header..end) else { return Ok(None) };
    Ok(Some((Frame { opcode: first & 0x0f, compressed: first & 0x40 != 0, payload }, end)))
}

/// Appends a frame, as a client sends it on this wire, and returns where its payload begins.
pub(crate) fn encode(wire: Wire, opcode: u8, payload: &[u8], out: &mut Vec<u8>) -> usize {
    if wire == Wire::SockJsStream {
        let start = out.len();
        out.extend_from_slice(payload);
        out.push(b',');
        return start;
    }
    let masked = if wire.is_masked() { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    match payload.len() {
        length @ 0..126 => out.push(masked | length as u8),
        length @ 126..=0xffff => {
            out.push(masked | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if wire.is_masked() {
        out.extend_from_slice(&MASK);
    }
    let start = out.len();
    out.extend_from_slice(payload);
    if wire.is_masked() {
        mask(&mut out[start..], 0);
    }
    start
}

/// Masks bytes that stand `offset` bytes into a payload.
pub(crate) fn mask(bytes: &mut [u8], offset: usize) {
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte ^= MASK[(offset + i) % 4];
    }
}

/// The upgrade request. The key is the one of RFC 6455 section 1.3, so that the answer is known.
pub(crate) fn request(target: &str, port: u16, deflate: bool) -> Vec<u8> {
    let offer = if deflate {
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
    } else {
        ""
    };
    format!(
        "GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"
    )
    .into_bytes()
}

/// The answer to [`request`]: the length of its head, or `None` when more bytes are needed.
pub(crate) fn check_response(bytes: &[u8], deflate: bool) -> Result<Option<usize>> {
    const MAX_HEAD: usize = 4096;
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        ensure!(bytes.len() < MAX_HEAD, "no end of the response head in {MAX_HEAD} bytes");
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    ensure!(head.starts_with("HTTP/1.1 101 "), "the handshake was refused:\n{head}");
    let field = |name: &str| {
        head.lines().find_map(|line| {
            line.split_once(':')
                .filter(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim())
        })
    };
    let accept = field("sec-websocket-accept");
    ensure!(accept == Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "wrong Sec-WebSocket-Accept: {accept:?}");
    let extensions = field("sec-websocket-extensions").unwrap_or_default();
    if deflate {
        ensure!(
            extensions.contains("permessage-deflate") && extensions.contains("server_no_context_takeover"),
            "deflate without context takeover was declined: {extensions:?}"
        );
    } else {
        ensure!(extensions.is_empty(), "an extension that was not offered: {extensions:?}");
    }
    Ok(Some(end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_frames_are_those_of_the_rfc() {
        let mut out = Vec::new();
        assert_eq!(encode(Wire::WebSocket, TEXT, b"Hello", &mut out), 6);
        assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn texts_have_a_comma_behind_them() {
        let mut out = Vec::new();
        assert_eq!(encode(Wire::SockJsStream, TEXT, b"\"a\"", &mut out), 0);
        assert_eq!(encode(Wire::SockJsStream, TEXT, b"\"b\"", &mut out), 4);
        assert_eq!(out, b"\"a\",\"b\",");
    }

    #[test]
    fn connections_take_turns_or_the_first_is_apart() {
        use Wire::{EventSource, SockJs, WebSocket};
        let of = |wires: Wires| [0, 1, 2, 3].map(|index| wires.of(index));
        assert_eq!(of(Wires::in_turn(&[SockJs])), [SockJs; 4]);
        assert_eq!(of(Wires::in_turn(&[WebSocket, SockJs])), [WebSocket, SockJs, WebSocket, SockJs]);
        let apart = [WebSocket, EventSource, EventSource, EventSource];
        assert_eq!(of(Wires::apart(&[WebSocket, EventSource])), apart);
    }

    #[test]
    fn every_length_form_is_read_back_from_any_prefix() {
        for length in [0, 1, 125, 126, 127, 16 << 10, 65_535] {
            let payload = vec![b'x'; length];
            let mut out = Vec::new();
            let start = encode(Wire::Raw, TEXT, &payload, &mut out);
            assert_eq!(start + length, out.len());
            for cut in [0, 1, 2, 3, 4, out.len() - 1] {
                if cut < out.len() {
                    assert_eq!(parse(&out[..cut]).unwrap(), None, "{length} cut at {cut}");
                }
            }
            out.extend_from_slice(b"next");
            let (frame, end) = parse(&out).unwrap().unwrap();
            assert_eq!(frame, Frame { opcode: TEXT, compressed: false, payload: &payload });
            assert_eq!(end, out.len() - 4);
        }
    }

    #[test]
    fn what_no_peer_should_send_is_a_fault() {
        for bytes in [
            &[0x01, 0x00][..],                                     // not final
            &[0x80, 0x00],                                         // a continuation
            &[0xa1, 0x00],                                         // RSV2
            &[0x81, 0x80, 0, 0, 0, 0],                             // masked
            &[0x81, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255], // 2^63 - 1 bytes
        ] {
            assert!(parse(bytes).is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn the_response_is_checked() {
        let good = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
                    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        assert_eq!(check_response(good.as_bytes(), false).unwrap(), Some(good.len()));
        assert_eq!(check_response(&good.as_bytes()[..good.len() - 1], false).unwrap(), None);
        assert!(check_response(good.as_bytes(), true).is_err(), "deflate was asked for and declined");
        assert!(check_response(good.replace("s3p", "xxx").as_bytes(), false).is_err());
        assert!(check_response(b"HTTP/1.1 403 Forbidden\r\n\r\n", false).is_err());
        assert!(check_response(&[b'a'; 5000], false).is_err());
    }
}
