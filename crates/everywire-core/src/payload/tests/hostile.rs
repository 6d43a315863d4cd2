//! Whatever comes, nothing panics, and what is admitted can be written in every form.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::payload::{Extras, MAX_ARGUMENT_DEPTH, MAX_ATTACHMENTS, MsgPackError, MsgPackFault, PayloadError};

/// Writes a payload in every form, and reads back those that can be.
fn write_all(payload: &Payload) {
    let text = format!("[{}]", json_args(payload));
    let again = PayloadRef::json(&text).unwrap();
    assert_eq!(again.len(), payload.len());
    assert!(!text.contains(['\n', '\r']), "{text:?}");

    let (json, attachments) = parts(payload);
    let text = format!("[{json}]");
    assert_eq!(PayloadRef::json(&text).unwrap().with_attachments(&attachments).unwrap().len(), payload.len());

    assert_eq!(as_msgpack(payload).len(), payload.len());
    assert_eq!(payload.view().arguments().count(), payload.len());
    let values: Vec<Value> = payload.read(Extras::Refuse).unwrap();
    assert_eq!(values.len(), payload.len());
    let _ = payload.as_message();
    // Whether it fits is not the question.
    let _ = payload.read::<(u8, String, Option<Bytes>)>(Extras::Refuse);
    let _ = payload.read::<(Bytes,)>(Extras::Ignore);
}

#[test]
fn messagepack_faults_say_what_and_where() {
    use MsgPackFault::*;
    for (bytes, fault, at) in [
        (&b""[..], End, 0),
        (b"\x80", NotArray, 0),
        (b"\x91", End, 1),
        (b"\x91\xc1", Reserved, 2),
        (b"\x91\xa3ab", End, 2),
        (b"\x91\xa3a\xffb", Utf8, 3),
        (b"\x91\xcd\x01", End, 2),
        (b"\xdd\xff\xff\xff\xff\xc0", End, 6),
        (b"\x91\xc6\xff\xff\xff\xff\x00", End, 6),
        (b"\x91\xdf\xff\xff\xff\xff\xa1a\xc0", End, 9),
        (b"\x91\xc9\xff\xff\xff\xff\x05", End, 7),
        (b"\x90\xc0", Trailing, 1),
        (b"\x91\x81\xc0\xc0", Key, 2),
        (b"\x91\x81\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xc0", Key, 2),
        (b"\x91\x81\xc4\x01\x00\xc0", Key, 2),
    ] {
        assert_eq!(
            PayloadRef::msgpack(bytes),
            Err(PayloadError::MsgPack(MsgPackError { fault, at })),
            "{bytes:x?}"
        );
    }
    let nested = |depth: u32| [vec![0x91; depth as usize + 1], vec![0xc0]].concat();
    assert!(PayloadRef::msgpack(&nested(MAX_ARGUMENT_DEPTH)).is_ok());
    assert!(PayloadRef::msgpack(&nested(MAX_ARGUMENT_DEPTH + 1)).is_err());
    assert!(PayloadRef::msgpack(&vec![0x91; 1 << 20]).is_err());
}

#[test]
fn messagepack_keeps_the_rules_of_attachments() {
    let binaries = |count: usize| [vec![0x90 | count as u8], [0xc4, 0x01, 0xff].repeat(count)].concat();
    write_all(&PayloadRef::msgpack(&binaries(MAX_ATTACHMENTS)).unwrap().into_owned());
    let eleven = binaries(MAX_ATTACHMENTS + 1);
    assert_eq!(PayloadRef::msgpack(&eleven), Err(PayloadError::TooManyAttachments { given: 11 }));

    let placeholder = [&[0x81, 0xac][..], b"_placeholder", &[0xc3]].concat();
    let beside = [&[0x92][..], &placeholder, &[0xc4, 0x00]].concat();
    assert_eq!(PayloadRef::msgpack(&beside), Err(PayloadError::Placeholder));
    write_all(&PayloadRef::msgpack(&[&[0x91][..], &placeholder].concat()).unwrap().into_owned());
}

#[test]
fn the_deepest_and_the_widest_cross() {
    let depth = MAX_ARGUMENT_DEPTH as usize;
    write_all(&json(&("[".repeat(depth + 1) + &"]".repeat(depth + 1))).into_owned());
    write_all(&json(&format!("[{}1{}]", "{\"a\":".repeat(depth), "}".repeat(depth))).into_owned());
    write_all(&json(&format!("[{}]", vec!["1"; 100_000].join(","))).into_owned());
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"\\\\é]{0,4}", inner, 0..20)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// One value of `MessagePack`, or nearly.
fn msgpack_value() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop::sample::select(vec![
        &b"\xc0"[..],
        b"\xc3",
        b"\x01",
        b"\xff",
        b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
        b"\xca\x7f\xc0\x00\x00",
        b"\xa2a\"",
        b"\xd9\x03\xe2\x98\x83",
        b"\xc4\x01\xff",
        b"\xc4\x02hi",
        b"\xd4\x01\x00",
        b"\xd5\xff\x00\x00",
        b"\xd6\xff\xff\xff\xff\xff",
        b"\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xc7\x0c\xff\x3b\x9a\xc9\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xc7\x0c\xff\x00\x00\x00\x01\x80\x00\x00\x00\x00\x00\x00\x00",
    ]);
    let key = prop::sample::select(vec![
        &b"\xa1k"[..],
        b"\xa1\n",
        b"\x07",
        b"\xd0\x80",
        b"\xac_placeholder",
        b"\xc0",
    ]);
    leaf.prop_map(<[u8]>::to_vec).prop_recursive(4, 24, 4, move |inner| {
        let array = |items: Vec<Vec<u8>>| [vec![0x90 | items.len() as u8], items.concat()].concat();
        let map = |items: Vec<(&[u8], Vec<u8>)>| {
            let members = items.iter().map(|(key, value)| [key, value.as_slice()].concat());
            [vec![0x80 | items.len() as u8], members.collect::<Vec<_>>().concat()].concat()
        };
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(array),
            prop::collection::vec((key.clone(), inner), 0..3).prop_map(map),
        ]
    })
}

/// JSON with a placeholder here and there, in all spellings, right and wrong.
fn nearly_placeholders() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "{\"_placeholder\":true,\"num\":0}",
        "{\"_placeholder\":true,\"num\":0}",
        "{\"num\":1,\"_placeholder\":true}",
        "{ \"\\u005fplaceholder\" : true , \"num\" : 1 }",
        "{\"num\":7}",
        "{\"_placeholder\":true,\"num\":1e0}",
        "\"{\\\"_placeholder\\\":true,\\\"num\\\":0}\"",
        "\"_placeholder\"",
        "\"\\ud800\"",
        "1e999",
        "true",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,\n"))),
            ("[a-z]{0,2}", inner.clone()).prop_map(|(name, value)| format!("{{\"{name}\":{value}}}")),
            inner.prop_map(|value| format!("{{\"num\":0,\"_placeholder\" :{value}}}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_goes_round(values in prop::collection::vec(value(), 0..5)) {
        let payload = Payload::from_args(&values).unwrap();
        write_all(&payload);
        prop_assert_eq!(&payload.read::<Vec<Value>>(Extras::Refuse).unwrap(), &values);
        prop_assert_eq!(&as_msgpack(&payload).read::<Vec<Value>>(Extras::Refuse).unwrap(), &values);
        let pretty = serde_json::to_string_pretty(&values).unwrap();
        let inbound = json(&pretty).into_owned();
        write_all(&inbound);
        prop_assert_eq!(&inbound.read::<Vec<Value>>(Extras::Refuse).unwrap(), &values);
        prop_assert_eq!(json_args(&as_msgpack(&inbound)), json_args(&as_msgpack(&payload)));
    }

    #[test]
    fn no_bytes_are_too_much_for_messagepack(mut bytes in prop::collection::vec(any::<u8>(), 0..60), count in 0u8..4) {
        bytes.insert(0, 0x90 | count);
        if let Ok(payload) = PayloadRef::msgpack(&bytes) {
            write_all(&payload.into_owned());
        }
    }

    #[test]
    fn no_value_is_too_much_for_messagepack(
        values in prop::collection::vec(msgpack_value(), 0..4),
        damage in prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut array = [vec![0x90 | values.len() as u8], values.concat()].concat();
        if let Some((at, byte)) = damage {
            let at = at.index(array.len());
            array[at] = byte;
        }
        if let Ok(payload) = PayloadRef::msgpack(&array) {
            write_all(&payload.into_owned());
        }
    }

    #[test]
    fn no_value_is_too_much_for_json(
        values in prop::collection::vec(nearly_placeholders(), 0..4),
        count in 0usize..3,
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut text = format!("[{}]", values.join(","));
        if let Some(at) = cut {
            text.remove(at.index(text.len()));
        }
        let attachments = vec![Bytes::from_static(b"\x00\xff"); count];
        if let Ok(payload) = PayloadRef::json(&text).and_then(|json| json.with_attachments(&attachments)) {
            write_all(&payload.into_owned());
        }
    }
}
