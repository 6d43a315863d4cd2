//! Each rule of the admission check, both sides of its border.

use bytes::Bytes;

use super::*;
use crate::payload::PayloadRef;

/// What the door says to a forbidden part.
fn answer(part: &ForbiddenPart) -> Result<(), Refused> {
    match part {
        ForbiddenPart::Event(name) => admit_event_name(name),
        ForbiddenPart::Room(name) => admit_room(name),
        ForbiddenPart::Arguments { json, attachments } => {
            let attachments = vec![Bytes::from_static(b"x"); *attachments];
            let payload = PayloadRef::json(json)?;
            payload.with_attachments(&attachments)?;
            Ok(())
        }
    }
}

#[test]
fn each_forbidden_example_is_refused_with_its_text() {
    let told: Vec<_> = forbidden_examples()
        .iter()
        .map(|example| (example.rule, answer(&example.what).expect_err(example.rule).to_string()))
        .collect();

    for expected in [
        ("empty", "the event name is empty, expected 1 to 200 bytes"),
        ("empty", "the room name is empty, expected 1 to 200 bytes"),
        ("length", "the event name has 201 bytes, at most 200 are allowed"),
        ("length in bytes", "the room name has 202 bytes, at most 200 are allowed"),
        ("line feed", "the room name has the control character U+000A at byte 1"),
        ("C1 control", "the event name has the control character U+0085 at byte 1"),
        ("line separator", "the event name has the control character U+2028 at byte 1"),
        ("dollar", "event names that begin with `$` are Everywire's own"),
        ("reserved by Socket.IO", "the event name \"removeListener\" is reserved by Socket.IO"),
        ("reserved by JSON-RPC", "the event name \"rpc.discover\" is reserved by JSON-RPC"),
        ("JSON", "the arguments cannot be taken: expected a JSON value at byte 3"),
        (
            "JSON within strings",
            "the arguments cannot be taken: control characters in strings must be escaped at byte 3",
        ),
        ("depth", "the arguments cannot be taken: an argument is nested deeper than 62 levels"),
        ("attachments", "the arguments cannot be taken: 11 binary attachments, at most 10 are allowed"),
        ("placeholders", "the arguments cannot be taken: 11 binary attachments, at most 10 are allowed"),
        (
            "placeholder out of range",
            "the arguments cannot be taken: a member named `_placeholder` beside binary attachments must be in an \
             object {\"_placeholder\":true,\"num\":n} whose n is the number of an attachment, counted from 0",
        ),
    ] {
        assert!(
            told.iter().any(|(rule, text)| (*rule, text.as_str()) == expected),
            "{expected:?} is not in {told:#?}"
        );
    }
}

#[test]
fn names_at_the_border_are_admitted() {
    let longest = "é".repeat(MAX_NAME / 2);
    for name in [
        "a",
        " ",
        "message",
        "error",
        "open",
        "Connect",
        "rpc",
        "rpcs.list",
        "RPC.x",
        "a$",
        "a/b",
        "ünï ☃",
        &longest,
    ] {
        assert_eq!(admit_event_name(name), Ok(()), "{name}");
    }
    for name in ["connect", "rpc.room", "..", "/", "a/b#c?d", "lobby:1"] {
        assert_eq!(admit_room(name), Ok(()), "{name}");
    }
}

#[test]
fn every_byte_is_seen_at_every_place() {
    for len in 1..20 {
        for at in 0..len {
            for byte in 0..=0x7f {
                let mut name = vec![b'x'; len];
                name[at] = byte;
                let name = String::from_utf8(name).unwrap();
                let expected = match byte {
                    b'$' if at == 0 => Err(Refused::Dollar { what: Named::Room }),
                    0..=0x1f | 0x7f => {
                        Err(Refused::Control { what: Named::Room, character: char::from(byte), at })
                    }
                    _ => Ok(()),
                };
                assert_eq!(admit_room(&name), expected, "{name:?}");
            }
        }
    }
}

#[test]
fn arguments_at_the_border_are_admitted() {
    let nested = format!("[{}{}]", "[".repeat(62), "]".repeat(62));
    let ten = vec![Bytes::from_static(b"x"); 10];
    let two = r#"[{"_placeholder":true,"num":9},{"num":9,"_placeholder":true}]"#;
    assert!(PayloadRef::json(&nested).is_ok());
    assert!(PayloadRef::json(two).unwrap().with_attachments(&ten).is_ok());
    // Without attachments it is an object like any other.
    assert!(PayloadRef::json(r#"[{"_placeholder":true,"num":7}]"#).is_ok());
}
