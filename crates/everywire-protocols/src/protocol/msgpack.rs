//! What stands around payloads in `MessagePack`, in its shortest forms.

use everywire_core::PayloadRef;

const FIXARRAY: u8 = 0x90;

/// A text.
pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    PayloadRef::text(text).write_msgpack_args(out);
}

/// In its shortest form.
pub(super) fn integer(number: u64, out: &mut Vec<u8>) {
    let length = match number {
        0..=0x7f => return out.push(number as u8),
        0x80..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8usize,
    };
    out.push(0xcc + length.trailing_zeros() as u8);
    out.extend_from_slice(&number.to_be_bytes()[8 - length..]);
}

/// The head of an array. Payloads count their arguments in 32 bits.
pub(super) fn array(count: usize, out: &mut Vec<u8>) {
    match count {
        0..=15 => out.push(FIXARRAY | count as u8),
        16..=0xffff => {
            out.push(0xdc);
            out.extend_from_slice(&(count as u16).to_be_bytes());
        }
        _ => {
            out.push(0xdd);
            out.extend_from_slice(&(count as u32).to_be_bytes());
        }
    }
}
