//! Incoming frames: any chunking gives the same items, and memory stays within the limits.

use everywire_websocket::{Decoder, Direction, Fault, Item, Limits, Role};

/// Small, so that a fuzzer reaches them.
pub(crate) const LIMITS: Limits = Limits { frame: 3000, message: 4000, inflated: 5000, fragment_cost: 16 };

/// What a decoder may hold beside the bytes of a message: an inflater with the largest window.
const OVERHEAD: usize = 80 << 10;

/// `[setting, piece, wire…]`: role and compression, and the length of the pieces in which the wire is read.
pub fn frames(data: &[u8]) {
    let [setting, piece, wire @ ..] = data else { return };
    let role = if setting & 1 == 0 { Role::Server } else { Role::Client };
    let direction = Direction { window_bits: 8 + (setting >> 5), context_takeover: setting & 4 != 0 };
    let incoming = (setting & 2 != 0).then_some(direction);
    let decoder = || Decoder::new(role, LIMITS).with_deflate(incoming);
    let whole = decode(decoder(), wire, wire.len());
    let pieces = decode(decoder(), wire, usize::from(*piece));
    assert_eq!(whole, pieces, "the same items and the same end, whatever the length of the pieces");
}

/// What a decoder gave: an item's `Debug` form, which holds all of it, or the fault that ended it.
type Given = Result<String, Fault>;

/// Decodes `wire` in pieces of this length, and checks what must hold at every step.
pub(crate) fn decode(mut decoder: Decoder, wire: &[u8], piece: usize) -> Vec<Given> {
    let mut given = Vec::new();
    let mut ended = false;
    for piece in wire.chunks(piece.max(1)) {
        let mut buffer = piece.to_vec();
        let mut input = &mut buffer[..];
        loop {
            let step =
                decoder.next(&mut input).map(|item| item.map(|item| (length(item), format!("{item:?}"))));
            match step {
                Ok(None) => break,
                Ok(Some((length, item))) => {
                    assert!(!ended, "an item after the end: {item}");
                    assert!(length <= LIMITS.inflated.max(LIMITS.message), "{length} bytes in one item");
                    ended = item.starts_with("Close");
                    given.push(Ok(item));
                }
                Err(fault) => {
                    assert!(!ended, "a fault after the end: {fault:?}");
                    ended = true;
                    given.push(Err(fault));
                }
            }
        }
        assert!(input.is_empty(), "all input is consumed");
        let held = decoder.held_bytes();
        let bound = 2 * LIMITS.inflated.max(LIMITS.message) + OVERHEAD;
        assert!(held <= bound, "holds {held} bytes");
    }
    given
}

fn length(item: Item<'_>) -> usize {
    match item {
        Item::Text(text) => text.len(),
        Item::Binary(bytes) | Item::Ping(bytes) | Item::Pong(bytes) => bytes.len(),
        Item::Close(close) => close.map_or(0, |close| close.reason.len()),
    }
}
