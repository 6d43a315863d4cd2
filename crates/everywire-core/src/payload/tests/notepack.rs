//! Notepack's dialect, read and written.

use super::*;
use crate::payload::msgpack::MsgPackFault;
use crate::payload::{MAX_ATTACHMENTS, PayloadError};

/// What notepack 2.2 writes for a value, what it is in plain `MessagePack`, and what it is in JSON.
const VALUES: &[(&[u8], &[u8], &str)] = &[
    // undefined
    (b"\xd4\x00\x00", b"\xc0", "null"),
    // new Date(946684800000), with 5 ms, before 1970, and in a far year
    (b"\xd7\x00\x00\x00\x00\xdc\x6a\xcf\xac\x00", b"\xd6\xff\x38\x6d\x43\x80", "\"2000-01-01T00:00:00Z\""),
    (
        b"\xd7\x00\x00\x00\x00\xdc\x6a\xcf\xac\x05",
        b"\xd7\xff\x01\x31\x2d\x00\x38\x6d\x43\x80",
        "\"2000-01-01T00:00:00.005Z\"",
    ),
    (
        b"\xd7\x00\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xc7\x0c\xff\x3b\x8b\x87\xc0\xff\xff\xff\xff\xff\xff\xff\xff",
        "\"1969-12-31T23:59:59.999Z\"",
    ),
    (
        b"\xd7\x00\x00\x1e\xb2\x08\xc2\xdc\x00\x00",
        b"\xc7\x0c\xff\x00\x00\x00\x00\x00\x00\x07\xdb\xa8\x21\x80\x00",
        "null",
    ),
    // Buffer
    (b"\xc4\x02\x01\x02", b"\xc4\x02\x01\x02", "\"AQI=\""),
    (b"\xa1a", b"\xa1a", "\"a\""),
];

fn plain(values: &[u8], count: u32) -> Vec<u8> {
    let mut out = Vec::new();
    PayloadRef::notepack(values, count).unwrap().write_msgpack_args(&mut out);
    out
}

fn dialect(values: &[u8]) -> Vec<u8> {
    let mut array = vec![0x91];
    array.extend_from_slice(values);
    let mut out = Vec::new();
    PayloadRef::msgpack(&array).unwrap().write_notepack_args(&mut out);
    out
}

#[test]
fn values_of_javascript() {
    for &(notepack, msgpack, json) in VALUES {
        assert_eq!(plain(notepack, 1), msgpack, "{json}");
        assert_eq!(json_args(&PayloadRef::notepack(notepack, 1).unwrap().into_owned()), json);
        let back = if msgpack == b"\xc0" { msgpack } else { notepack };
        assert_eq!(dialect(msgpack), back, "{json}");
        // Within something, and between others.
        let within = [&b"\x81\xa1x\x92\x07"[..], notepack, b"\xa1y"].concat();
        assert_eq!(plain(&within, 2), [&b"\x81\xa1x\x92\x07"[..], msgpack, b"\xa1y"].concat());
    }
}

#[test]
fn array_buffers_are_binary() {
    for (head, length) in [
        (&b"\xc7\x00\x00"[..], 0),
        (b"\xc7\x01\x00", 1),
        // As long as a date, and not one.
        (b"\xc7\x08\x00", 8),
        (b"\xc8\x01\x00\x00", 256),
        (b"\xc9\x00\x01\x00\x00\x00", 65_536),
    ] {
        let bytes = vec![7; length];
        let payload = PayloadRef::notepack(&[head, &bytes].concat(), 1).unwrap().into_owned();
        assert_eq!(parts(&payload).1, [&bytes[..]]);
    }
}

#[test]
fn what_notepack_would_misread_is_written_as_binary() {
    assert_eq!(dialect(b"\xd4\x00\x2a"), b"\xc4\x01\x2a");
    assert_eq!(
        dialect(b"\xd7\x00\x01\x02\x03\x04\x05\x06\x07\x08"),
        b"\xc4\x08\x01\x02\x03\x04\x05\x06\x07\x08"
    );
    assert_eq!(dialect(b"\xd4\x05\x2a"), b"\xd4\x05\x2a", "another extension is nobody's");
    // A time that no date can be.
    assert_eq!(dialect(b"\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"), b"\xc0");
}

#[test]
fn text_and_json_need_no_dialect() {
    let mut out = Vec::new();
    json(r#"["a",{"b":[1,null]}]"#).write_notepack_args(&mut out);
    Payload::binary(&b"\x01"[..]).write_notepack_args(&mut out);
    Payload::text("t").write_notepack_args(&mut out);
    assert_eq!(out, b"\xa1a\x81\xa1b\x92\x01\xc0\xc4\x01\x01\xa1t");
}

#[test]
fn the_rules_are_those_of_messagepack() {
    let refused = |values: &[u8], count| PayloadRef::notepack(values, count).unwrap_err();
    let fault = |values: &[u8], count| match refused(values, count) {
        PayloadError::MsgPack(error) => error.fault,
        other => panic!("{other}"),
    };
    assert_eq!(fault(b"\x01\x02", 1), MsgPackFault::Trailing);
    assert_eq!(fault(b"\x01", 2), MsgPackFault::End);
    assert_eq!(fault(b"\x01", u32::MAX), MsgPackFault::End);
    assert_eq!(fault(b"\xd7\x00\x00", 1), MsgPackFault::End);
    assert_eq!(fault(b"\xc9\xff\xff\xff\xff\x00", 1), MsgPackFault::End);
    assert_eq!(fault(&[0x91; 63], 1), MsgPackFault::Depth);
    let buffers = b"\xc7\x01\x00\x07".repeat(MAX_ATTACHMENTS + 1);
    assert_eq!(refused(&buffers, 11), PayloadError::TooManyAttachments { given: 11 });
    // Those are no binaries.
    assert_eq!(plain(&b"\xd4\x00\x00".repeat(11), 11), [0xc0; 11]);
}
