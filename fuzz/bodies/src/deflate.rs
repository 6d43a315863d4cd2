//! permessage-deflate: what we compress comes back, and what a peer says is compressed stays within the
//! limits, however it is cut.

use everywire_websocket::{Decoder, Deflater, Direction, Header, Item, Kind, Limits, Opcode, Role, encode};

use crate::frames::{LIMITS, decode};

/// `[setting, level, cut, payload…]`: window and takeover, how hard to compress, where messages and fragments end.
pub fn deflate(data: &[u8]) {
    let [setting, level, cut, payload @ ..] = data else { return };
    let direction = Direction { window_bits: 8 + (setting & 7), context_takeover: setting & 8 != 0 };
    let part = usize::from(*cut).max(1);
    round_trip(direction, level % 10, payload, part);
    noise(direction, payload, part);
}

fn round_trip(direction: Direction, level: u8, payload: &[u8], part: usize) {
    let mut deflater = Deflater::new(level, direction);
    let mut decoder = Decoder::new(Role::Client, Limits::default()).with_deflate(Some(direction));
    // Each message twice, so that a context that is kept has something to refer back to.
    for message in payload.chunks(part).flat_map(|message| [message, message]) {
        let mut wire = Vec::new();
        encode::compressed(&mut wire, Kind::Binary, message, None, &mut deflater);
        let item = decoder.next(&mut &mut wire[..]).map(|item| item == Some(Item::Binary(message)));
        assert_eq!(item, Ok(true), "{message:02x?}");
    }
}

/// The payload as one compressed message in fragments, twice.
fn noise(direction: Direction, payload: &[u8], part: usize) {
    let mut wire = Vec::new();
    for _ in 0..2 {
        let parts = payload.chunks(part).count();
        for (number, fragment) in payload.chunks(part).enumerate() {
            let first = number == 0;
            let opcode = if first { Opcode::Binary } else { Opcode::Continuation };
            let header = Header::new(opcode, fragment.len(), None);
            let header = Header { fin: number + 1 == parts, compressed: first, ..header };
            wire.extend_from_slice(&header.encode()[..header.encoded_len()]);
            wire.extend_from_slice(fragment);
        }
    }
    let decoder = || Decoder::new(Role::Client, LIMITS).with_deflate(Some(direction));
    assert_eq!(decode(decoder(), &wire, wire.len()), decode(decoder(), &wire, part), "whatever the pieces");
}
