//! Walks the tables of `crossing.md`.

use super::*;
use crate::payload::{Extras, Message};

/// The first two cells of each row between two headings of `crossing.md`, without their backticks.
fn rows(from: &str, to: &str) -> Vec<(&'static str, &'static str)> {
    let text = include_str!("../crossing.md");
    let part = text.split_once(from).unwrap().1.split_once(to).unwrap().0;
    let rows: Vec<_> = part
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split("` | `");
            Some((cells.next()?, cells.next()?.split_once("` |")?.0))
        })
        .collect();
    assert!(rows.len() >= 10, "the table was not found: {rows:?}");
    rows
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.split(' ').map(|byte| u8::from_str_radix(byte, 16).expect(hex)).collect()
}

#[test]
fn messagepack_becomes_json_as_the_table_says() {
    for (hex, expected) in rows("From `MessagePack`", "From JSON") {
        let mut array = vec![0x91];
        array.extend(bytes(hex));
        let payload = PayloadRef::msgpack(&array).expect(hex).into_owned();
        assert_eq!(json_args(&payload), expected, "{hex}");
        // What comes out is JSON that we would take.
        assert_eq!(PayloadRef::json_value(expected).unwrap().len(), 1);
    }
}

#[test]
fn json_becomes_messagepack_as_the_table_says() {
    for (text, expected) in rows("From JSON", "What a handler's type gets") {
        let mut out = Vec::new();
        PayloadRef::json_value(text).expect(text).write_msgpack_args(&mut out);
        assert_eq!(out, bytes(expected), "{text}");
    }
}

#[test]
fn messagepack_times_are_read_as_text_where_a_type_wants_text() {
    let payload = PayloadRef::msgpack(&[0x91, 0xd6, 0xff, 0x38, 0x6d, 0x43, 0x80]).unwrap();
    assert_eq!(payload.read::<(String,)>(Extras::Refuse), Ok(("2000-01-01T00:00:00Z".to_owned(),)));
}

#[test]
fn messages_cross_to_each_encoding_and_back() {
    let text = Payload::text("a\n\"é");
    let binary = Payload::binary(&b"\x00\xff"[..]);
    assert_eq!(json_args(&text), r#""a\n\"é""#);
    assert_eq!(json_args(&binary), "\"AP8=\"");
    assert_eq!(as_msgpack(&text).as_message(), Some(Message::Text("a\n\"é".into())));
    assert_eq!(as_msgpack(&binary).as_message(), Some(Message::Binary(b"\x00\xff")));
    let json_text = json(r#"["a\n\"\u00e9"]"#);
    assert_eq!(json_text.as_message(), Some(Message::Text("a\n\"é".into())));
    assert_eq!(json(r#"["\ud800"]"#).as_message(), Some(Message::Text("\u{fffd}".into())));
    let list = [Bytes::from_static(b"\x00\xff")];
    let json_binary = json(r#"[{"_placeholder":true,"num":0}]"#).with_attachments(&list).unwrap();
    assert_eq!(json_binary.as_message(), Some(Message::Binary(b"\x00\xff")));
    assert_eq!(json_args(&json_binary.into_owned()), "\"AP8=\"");
    for other in ["[]", "[1]", "[null]", r#"["a","b"]"#, r#"[{"_placeholder":true,"num":0}]"#] {
        let payload = json(other).into_owned();
        assert_eq!(payload.as_message(), None, "{other}");
        assert_eq!(as_msgpack(&payload).as_message(), None, "{other}");
    }
}

#[test]
fn one_value_is_itself_and_several_are_an_array() {
    for (array, value) in [("[]", "null"), ("[{\"a\":1}]", "{\"a\":1}"), ("[1,2]", "[1,2]"), ("[[1]]", "[1]")]
    {
        let mut out = Vec::new();
        json(array).write_json_value(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), value, "{array}");
    }
}

#[test]
fn binaries_of_messagepack_become_attachments() {
    let array = [0x92, 0xc4, 0x01, 0xaa, 0x81, 0xa1, b'x', 0xd4, 0x05, 0xbb];
    let payload = PayloadRef::msgpack(&array).unwrap().into_owned();
    let (json, attachments) = parts(&payload);
    assert_eq!(json, r#"{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}}"#);
    assert_eq!(attachments, [&[0xaa][..], &[0xbb]]);
}

#[test]
fn heads_of_containers_take_the_length_they_need() {
    for count in [0usize, 15, 16, 65_535, 65_536] {
        let array = format!("[[{}]]", vec!["1"; count].join(","));
        let payload = as_msgpack(&json(&array).into_owned());
        let head = if count < 16 {
            1
        } else if count < 65_536 {
            3
        } else {
            5
        };
        assert_eq!(payload.size(), head + count);
        assert_eq!(format!("[{}]", json_args(&payload)), array);
        let members: Vec<_> = (0..count).map(|name| format!("\"{name}\":null")).collect();
        let array = format!("[{{{}}}]", members.join(","));
        assert_eq!(format!("[{}]", json_args(&as_msgpack(&json(&array).into_owned()))), array);
    }
}
