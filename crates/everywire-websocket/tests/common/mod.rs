//! What several test files need: owned items, and a peer that speaks raw bytes.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod inflate;
pub(crate) mod peer;

use everywire_websocket::{CloseFrame, Decoder, Fault, Header, Item, Limits, Opcode, Role};

/// An [`Item`] that outlives the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Fault(Fault),
}

impl From<Item<'_>> for Seen {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Text(text) => Self::Text(text.into()),
            Item::Binary(data) => Self::Binary(data.into()),
            Item::Ping(data) => Self::Ping(data.into()),
            Item::Pong(data) => Self::Pong(data.into()),
            Item::Close(close) => {
                Self::Close(close.map(|CloseFrame { code, reason }| (code.get(), reason.into())))
            }
        }
    }
}

/// Everything that `decoder` makes of `bytes` when they come in pieces of these lengths, over and over.
pub(crate) fn decode_in(decoder: &mut Decoder, bytes: &[u8], pieces: &[usize]) -> Vec<Seen> {
    let mut seen = Vec::new();
    let (mut rest, mut pieces) = (bytes, pieces.iter().cycle());
    while !rest.is_empty() {
        let piece = (*pieces.next().unwrap()).clamp(1, rest.len());
        let mut buffer = rest[..piece].to_vec();
        rest = &rest[piece..];
        let mut input = &mut buffer[..];
        loop {
            match decoder.next(&mut input) {
                Ok(Some(item)) => seen.push(item.into()),
                Ok(None) => break,
                Err(fault) => seen.push(Seen::Fault(fault)),
            }
        }
        assert!(input.is_empty(), "all input is consumed");
    }
    seen
}

/// Everything that a fresh decoder makes of `bytes`; the same whole and byte by byte.
pub(crate) fn decode(role: Role, limits: Limits, bytes: &[u8]) -> Vec<Seen> {
    let whole = decode_in(&mut Decoder::new(role, limits), bytes, &[bytes.len().max(1)]);
    let single = decode_in(&mut Decoder::new(role, limits), bytes, &[1]);
    assert_eq!(whole, single);
    whole
}

pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A client's frame.
pub(crate) fn masked(opcode: Opcode, fin: bool, payload: &[u8]) -> Vec<u8> {
    frame(Header { fin, ..Header::new(opcode, payload.len(), Some(KEY)) }, payload)
}

/// A frame under a header of one's own making.
pub(crate) fn frame(header: Header, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header.encode()[..header.encoded_len()].to_vec();
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    if let Some(key) = header.mask {
        everywire_websocket::mask::apply(&mut bytes[start..], key);
    }
    bytes
}
