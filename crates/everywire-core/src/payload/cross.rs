//! How arguments cross from one encoding to another, in one pass each. The table is in `crossing.md`.

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};
use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::msgpack::{Token, Tokens, instant, is_timestamp};
use super::read::UntypedBinary;
use super::read_json::JsonReader;
use super::view::View;
use super::{placeholder, scan};

/// Takes base64 with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

pub(super) fn to_base64(bytes: &[u8]) -> String {
    general_purpose::STANDARD.encode(bytes)
}

/// Appends bytes as a JSON string in base64.
pub(super) fn base64_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    // Bytes in memory are far fewer than three quarters of the address space.
    let length = base64::encoded_len(bytes.len(), true).expect("a length that fits");
    out.resize(start + length, 0);
    general_purpose::STANDARD.encode_slice(bytes, &mut out[start..]).expect("room for exactly this");
    out.push(b'"');
}

pub(super) fn write_placeholder(out: &mut Vec<u8>, num: usize) {
    placeholder::write(out, num).expect("a Vec takes all that is written");
}

fn json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a scalar has JSON, and a Vec takes all that is written");
}

fn json_string(text: &str, out: &mut Vec<u8>) {
    if scan::is_plain(text) {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        json(text, out);
    }
}

/// The inside of a JSON array; `binary` writes what stands for bytes.
pub(super) fn json_args(view: &View<'_>, out: &mut Vec<u8>, binary: &mut impl FnMut(&[u8], &mut Vec<u8>)) {
    match view {
        View::Text(text) => json_string(text, out),
        View::Binary(bytes) => binary(bytes, out),
        View::Json { args, attachments, .. } if attachments.is_empty() => {
            out.extend_from_slice(args.as_bytes());
        }
        View::Json { args, attachments, .. } => {
            placeholder::splice(args, attachments, out, |bytes, out| binary(bytes, out));
        }
        View::MsgPack { args, len } => {
            let mut tokens = Tokens::new(args);
            for index in 0..*len {
                if index > 0 {
                    out.push(b',');
                }
                json_value(&mut tokens, out, binary);
            }
        }
    }
}

/// The inside of a JSON array with placeholders, and what they stand for.
pub(super) fn json_parts(view: &View<'_>, out: &mut Vec<u8>) -> Vec<Bytes> {
    if let View::Json { args, attachments, .. } = view {
        out.extend_from_slice(args.as_bytes());
        return attachments.to_vec();
    }
    let mut attachments = Vec::new();
    json_args(view, out, &mut |bytes, out| {
        write_placeholder(out, attachments.len());
        attachments.push(Bytes::copy_from_slice(bytes));
    });
    attachments
}

/// One value of valid `MessagePack` as JSON.
fn json_value(tokens: &mut Tokens<'_>, out: &mut Vec<u8>, binary: &mut impl FnMut(&[u8], &mut Vec<u8>)) {
    match next(tokens) {
        Token::Nil => out.extend_from_slice(b"null"),
        Token::Bool(value) => json(&value, out),
        Token::Unsigned(value) => json(&value, out),
        Token::Signed(value) => json(&value, out),
        Token::Float32(value) => json(&value, out),
        Token::Float64(value) => json(&value, out),
        Token::Str(text) => json_string(text, out),
        Token::Bin(bytes) => binary(bytes, out),
        Token::Ext(kind, data) if is_timestamp(kind, data) => timestamp(data, out),
        Token::Ext(_, data) => binary(data, out),
        Token::Array(count) => {
            out.push(b'[');
            for index in 0..count {
                if index > 0 {
                    out.push(b',');
                }
                json_value(tokens, out, binary);
            }
            out.push(b']');
        }
        Token::Map(count) => {
            out.push(b'{');
            for index in 0..count {
                if index > 0 {
                    out.push(b',');
                }
                match next(tokens) {
                    Token::Str(name) => json_string(name, out),
                    Token::Unsigned(name) => json(&name.to_string(), out),
                    Token::Signed(name) => json(&name.to_string(), out),
                    key => unreachable!("the scan let a key pass that is no string or integer: {key:?}"),
                }
                out.push(b':');
                json_value(tokens, out, binary);
            }
            out.push(b'}');
        }
    }
}

fn next<'a>(tokens: &mut Tokens<'a>) -> Token<'a> {
    tokens.read().expect("a payload's MessagePack was scanned when it was made")
}

/// A timestamp as an ISO 8601 string in UTC; null outside the years 0 to 9999, which that format cannot say.
fn timestamp(data: &[u8], out: &mut Vec<u8>) {
    let (seconds, nanos) = instant(data);
    let days = seconds.div_euclid(86_400);
    // 0000-01-01 to 9999-12-31, in days from 1970.
    if !(-719_528..=2_932_896).contains(&days) || nanos > 999_999_999 {
        out.extend_from_slice(b"null");
        return;
    }
    let (year, month, day) = date(days);
    let second = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if nanos > 0 {
        // Milliseconds as JavaScript has them, more digits only where there is more.
        let fraction = format!(".{nanos:09}");
        let digits = if nanos % 1_000_000 == 0 {
            4
        } else if nanos % 1000 == 0 {
            7
        } else {
            10
        };
        text.push_str(&fraction[..digits]);
    }
    text.push('Z');
    json(&text, out);
}

/// Year, month and day, proleptic Gregorian, of a day counted from 1970-01-01
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The inside of a `MessagePack` array.
pub(super) fn msgpack_args(view: &View<'_>, out: &mut Vec<u8>) {
    match view {
        View::Text(text) => write_str(text, out),
        View::Binary(bytes) => write_bin(bytes, out),
        View::Json { args, len, attachments, .. } => {
            let mut json = JsonReader::new(args, attachments, UntypedBinary::Bytes);
            for _ in 0..*len {
                json.skip_comma();
                json.deserialize_any(ToMsgPack(out)).expect("a payload's JSON was scanned when it was made");
            }
        }
        View::MsgPack { args, .. } => out.extend_from_slice(args),
    }
}

const FITS: &str = "a Vec takes all that is written";

fn write_str(text: &str, out: &mut Vec<u8>) {
    rmp::encode::write_str(out, text).expect(FITS);
}

fn write_bin(bytes: &[u8], out: &mut Vec<u8>) {
    rmp::encode::write_bin(out, bytes).expect(FITS);
}

/// Writes what it visits as `MessagePack`.
struct ToMsgPack<'o>(&'o mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for ToMsgPack<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ToMsgPack<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        rmp::encode::write_nil(self.0).expect(FITS);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        rmp::encode::write_bool(self.0, value).expect(FITS);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        rmp::encode::write_uint(self.0, value).expect(FITS);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        rmp::encode::write_sint(self.0, value).expect(FITS);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        rmp::encode::write_f64(self.0, value).expect(FITS);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        write_str(text, self.0);
        Ok(())
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<(), E> {
        write_bin(bytes, self.0);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let head = open(self.0);
        let mut count = 0;
        while items.next_element_seed(ToMsgPack(self.0))?.is_some() {
            count += 1;
        }
        close(self.0, head, count, |head, count| rmp::encode::write_array_len(head, count).map(drop));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let head = open(self.0);
        let mut count = 0;
        while items.next_key_seed(ToMsgPack(self.0))?.is_some() {
            items.next_value_seed(ToMsgPack(self.0))?;
            count += 1;
        }
        close(self.0, head, count, |head, count| rmp::encode::write_map_len(head, count).map(drop));
        Ok(())
    }
}

/// Leaves a byte for the head of a container, which is enough up to 15 items.
fn open(out: &mut Vec<u8>) -> usize {
    out.push(0);
    out.len() - 1
}

/// Writes the head that [`open`] left room for, and moves the items where it needs more.
fn close<E: fmt::Debug>(
    out: &mut Vec<u8>,
    at: usize,
    count: u32,
    write: impl FnOnce(&mut &mut [u8], u32) -> Result<(), E>,
) {
    let mut head = [0; 5];
    let mut room = &mut head[..];
    write(&mut room, count).expect("five bytes hold any head");
    let length = 5 - room.len();
    out.splice(at..=at, head[..length].iter().copied());
}
