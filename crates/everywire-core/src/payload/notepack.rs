//! Notepack's dialect of `MessagePack`, which Socket.IO's msgpack parser speaks (notepack 2.2).
//!
//! JavaScript has values that `MessagePack` had none for when it was written; notepack gave them extension type 0, and
//! tells them apart by their markers alone:
//!
//! | marker | value in JavaScript | here |
//! |---|---|---|
//! | `d4 00` (fixext 1) | `undefined` | nil |
//! | `d7 00` (fixext 8) | `Date`: milliseconds, signed, big-endian | extension −1, a timestamp |
//! | `c7`, `c8`, `c9` (ext 8, 16, 32) | `ArrayBuffer`, typed array | bin |

use std::borrow::Cow;

use super::PayloadError;
use super::msgpack::{self, TIMESTAMP, Token, Tokens, is_timestamp};

/// Notepack's one extension type.
const OWN: i8 = 0;
const FIXEXT_1: u8 = 0xd4;
const FIXEXT_8: u8 = 0xd7;
const EXT_8: u8 = 0xc7;
const EXT_32: u8 = 0xc9;
const FITS: &str = "a Vec takes all that is written";

/// `count` values in plain `MessagePack`, validated.
pub(super) fn plain(values: &[u8], count: u32) -> Result<Cow<'_, [u8]>, PayloadError> {
    // The dialect's values are rare; without any, there is one look more at the bytes and no copy.
    let plain = rewritten(values, |marker, token, out| {
        let Token::Ext(OWN, data) = token else { return false };
        match marker {
            FIXEXT_1 => rmp::encode::write_nil(out).expect(FITS),
            FIXEXT_8 => timestamp(data.iter().fold(0, |value, byte| value << 8 | i64::from(*byte)), out),
            EXT_8..=EXT_32 => rmp::encode::write_bin(out, data).expect(FITS),
            // The other lengths mean nothing to notepack either.
            _ => return false,
        }
        true
    })?;
    msgpack::values(Tokens::new(&plain), count)?;
    Ok(plain)
}

/// Appends valid values in notepack's dialect.
pub(super) fn write(values: &[u8], out: &mut Vec<u8>) {
    let dialect = rewritten(values, |_, token, out| {
        match token {
            Token::Ext(TIMESTAMP, data) if is_timestamp(TIMESTAMP, data) => match milliseconds(data) {
                Some(date) => {
                    out.extend_from_slice(&[FIXEXT_8, 0]);
                    out.extend_from_slice(&date.to_be_bytes());
                }
                None => rmp::encode::write_nil(out).expect(FITS),
            },
            // Somebody else's extension 0, which notepack would take for its own.
            Token::Ext(OWN, data) => rmp::encode::write_bin(out, data).expect(FITS),
            _ => return false,
        }
        true
    });
    out.extend_from_slice(&dialect.expect("a payload's MessagePack was scanned when it was made"));
}

/// Copies values with some tokens replaced: those for which `replace`, given the marker and the token, says that it wrote
/// something else. Nothing is copied if there are none.
fn rewritten(
    values: &[u8],
    mut replace: impl FnMut(u8, Token<'_>, &mut Vec<u8>) -> bool,
) -> Result<Cow<'_, [u8]>, PayloadError> {
    let mut tokens = Tokens::new(values);
    let mut out = Vec::new();
    let mut copied = 0;
    while !tokens.is_at_end() {
        let start = tokens.position();
        let token = tokens.read()?;
        if !matches!(token, Token::Ext(..)) {
            continue;
        }
        let mut other = Vec::new();
        if replace(values[start], token, &mut other) {
            out.extend_from_slice(&values[copied..start]);
            out.append(&mut other);
            copied = tokens.position();
        }
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(values));
    }
    out.extend_from_slice(&values[copied..]);
    Ok(Cow::Owned(out))
}

/// A date as a timestamp, in the shortest of the three forms (`MessagePack` specification, "Timestamp extension type").
fn timestamp(milliseconds: i64, out: &mut Vec<u8>) {
    let seconds = milliseconds.div_euclid(1000);
    let nanos = milliseconds.rem_euclid(1000) as u32 * 1_000_000;
    match (u32::try_from(seconds), u64::try_from(seconds)) {
        (Ok(seconds), _) if nanos == 0 => {
            rmp::encode::write_ext_meta(out, 4, TIMESTAMP).expect(FITS);
            out.extend_from_slice(&seconds.to_be_bytes());
        }
        (_, Ok(seconds)) if seconds >> 34 == 0 => {
            rmp::encode::write_ext_meta(out, 8, TIMESTAMP).expect(FITS);
            out.extend_from_slice(&(u64::from(nanos) << 34 | seconds).to_be_bytes());
        }
        _ => {
            rmp::encode::write_ext_meta(out, 12, TIMESTAMP).expect(FITS);
            out.extend_from_slice(&nanos.to_be_bytes());
            out.extend_from_slice(&seconds.to_be_bytes());
        }
    }
}

/// A timestamp as a date, which has no finer parts; none beyond what JavaScript's has.
fn milliseconds(data: &[u8]) -> Option<i64> {
    /// ECMA-262, 21.4.1.1: 100,000,000 days around 1970.
    const MAX: i64 = 8_640_000_000_000_000;
    let (seconds, nanos) = msgpack::instant(data);
    let date = seconds.checked_mul(1000)?.checked_add(i64::try_from(nanos).ok()? / 1_000_000)?;
    (-MAX..=MAX).contains(&date).then_some(date)
}
