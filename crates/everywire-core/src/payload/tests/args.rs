//! Rust values to arguments and back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json as value};

use super::*;
use crate::payload::{ArgsError, Extras, MAX_ARGUMENT_DEPTH, MAX_ATTACHMENTS, Message, PayloadError};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Photo {
    title: String,
    image: Bytes,
    at: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Dot,
    Circle(f64),
    Line(i32, i32),
    Box { w: u8 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair(u8, String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapped(String);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Blob {
    Bytes(Bytes),
    Number(u32),
}

fn photo() -> Photo {
    Photo { title: "cat".into(), image: Bytes::from_static(b"\xff\x00"), at: None }
}

/// A sequence that does not know its length, or lies about it.
struct Sequence<'a>(&'a [&'a str], Option<usize>);

impl Serialize for Sequence<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut sequence = serializer.serialize_seq(self.1)?;
        for element in self.0 {
            sequence.serialize_element(element)?;
        }
        sequence.end()
    }
}

#[test]
fn lists_are_arguments_and_anything_else_is_one() {
    fn made<T: Serialize>(args: T) -> (String, usize) {
        let payload = Payload::from_args(&args).unwrap();
        (json_args(&payload), payload.len())
    }
    assert_eq!(made(()), (String::new(), 0));
    assert_eq!(made(("a", 1)), ("\"a\",1".into(), 2));
    assert_eq!(made(["a", "b"]), ("\"a\",\"b\"".into(), 2));
    assert_eq!(made(vec![1, 2, 3]), ("1,2,3".into(), 3));
    assert_eq!(made(Pair(1, "x".into())), ("1,\"x\"".into(), 2));
    assert_eq!(made("a"), ("\"a\"".into(), 1));
    assert_eq!(made(("a\"\n",)), ("\"a\\\"\\n\"".into(), 1));
    assert_eq!(made((Some("a"),)), ("\"a\"".into(), 1));
    assert_eq!(made((Wrapped("a".into()),)), ("\"a\"".into(), 1));
    assert_eq!(made((None::<u8>,)), ("null".into(), 1));
    assert_eq!(made(((),)), ("null".into(), 1));
    assert_eq!(made(((1, 2),)), ("[1,2]".into(), 1));
    assert_eq!(made(7), ("7".into(), 1));
    assert_eq!(made(photo()), ("{\"title\":\"cat\",\"image\":\"/wA=\",\"at\":null}".into(), 1));
    assert_eq!(made(BTreeMap::from([(1, true)])), ("{\"1\":true}".into(), 1));
    assert_eq!(made(Shape::Box { w: 1 }), ("{\"Box\":{\"w\":1}}".into(), 1));
    assert_eq!(made(Shape::Line(1, 2)), ("{\"Line\":[1,2]}".into(), 1));
    assert_eq!(made((Shape::Dot, Shape::Circle(0.5))), ("\"Dot\",{\"Circle\":0.5}".into(), 2));
    assert_eq!(made(f64::NAN), ("null".into(), 1));
    assert_eq!(made(value!([1, {"a": []}])), ("1,{\"a\":[]}".into(), 2));
    assert_eq!(made(Sequence(&[], None)), (String::new(), 0));
    assert_eq!(made(Sequence(&["a"], None)), ("\"a\"".into(), 1));
    assert_eq!(made(Sequence(&["a", "b", "c"], Some(1))), ("\"a\",\"b\",\"c\"".into(), 3));
    assert_eq!(made(Sequence(&[], Some(1))), (String::new(), 0));
    let long = "x".repeat(40_000);
    assert_eq!(made((&long, 1)), (format!("\"{long}\",1"), 2));
}

#[test]
fn a_single_text_or_binary_stays_one() {
    for payload in [Payload::from_args(&("héy",)), Payload::from_args("héy"), Ok(Payload::text("héy"))] {
        assert_eq!(payload.unwrap().as_message(), Some(Message::Text("héy".into())));
    }
    let bytes = Bytes::from_static(b"\x00\xff");
    for payload in
        [Payload::from_args(&(&bytes,)), Payload::from_args(&bytes), Ok(Payload::binary(bytes.clone()))]
    {
        let payload = payload.unwrap();
        assert_eq!(payload.as_message(), Some(Message::Binary(b"\x00\xff")));
        assert_eq!(payload.size(), 2);
        assert_eq!(parts(&payload), ("{\"_placeholder\":true,\"num\":0}".into(), vec![bytes.clone()]));
    }
}

#[test]
fn bytes_within_json_become_attachments() {
    let payload = Payload::from_args(&("up", photo(), vec![Bytes::from_static(b"x"); 2])).unwrap();
    let (json, attachments) = parts(&payload);
    assert_eq!(
        json,
        "\"up\",{\"title\":\"cat\",\"image\":{\"_placeholder\":true,\"num\":0},\"at\":null},\
         [{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":2}]"
    );
    assert_eq!(attachments, [&b"\xff\x00"[..], b"x", b"x"]);
    assert_eq!(payload.size(), json.len() + 4);

    let many = vec![Bytes::from_static(b"x"); MAX_ATTACHMENTS + 1];
    assert_eq!(Payload::from_args(&(&many, 1)), Err(PayloadError::TooManyAttachments { given: 11 }));
    assert_eq!(Payload::from_args(&(value!({"_placeholder": 1}), photo())), Err(PayloadError::Placeholder));
    assert!(Payload::from_args(&(value!({"_placeholder": true, "num": 0}), 1)).is_ok());
}

#[test]
fn what_a_program_writes_keeps_the_rules() {
    let mut deep = value!(1);
    for _ in 0..MAX_ARGUMENT_DEPTH {
        deep = value!([deep]);
    }
    assert!(Payload::from_args(&(&deep,)).is_ok());
    assert_eq!(Payload::from_args(&([deep],)), Err(PayloadError::Depth));

    let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
    let payload = Payload::from_args(&(raw("[1,\n\"\\ud800\"]"), 2)).unwrap();
    assert_eq!(json_args(&payload), "[1,\"\\ufffd\"],2");
    let nested = "[".repeat(63) + &"]".repeat(63);
    assert_eq!(Payload::from_args(&(raw(&nested),)), Err(PayloadError::Depth));
    let named = raw("{\"_placeholder\":true}");
    assert_eq!(Payload::from_args(&(named, photo())), Err(PayloadError::Placeholder));

    let keyed = BTreeMap::from([(vec![1], 1)]);
    assert_eq!(Payload::from_args(&(&keyed,)), Err(PayloadError::Serialize("key must be a string".into())));
    // A fault leaves nothing behind for the next.
    assert_eq!(json_args(&Payload::from_args(&(1, 2)).unwrap()), "1,2");
}

#[test]
fn what_was_written_reads_back_from_each_encoding() {
    fn check<T: Serialize + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug>(args: &T) {
        let payload = Payload::from_args(args).unwrap();
        assert_eq!(payload.read::<T>(Extras::Refuse).unwrap(), *args);
        assert_eq!(as_msgpack(&payload).read::<T>(Extras::Refuse).unwrap(), *args);
        // As a JSON wire without attachments has it.
        let text = format!("[{}]", json_args(&payload));
        assert_eq!(json(&text).read::<T>(Extras::Refuse).unwrap(), *args);
    }
    check(&());
    check(&("a\u{0}\"é😀".to_owned(), 9_007_199_254_740_993_u64, i64::MIN, -0.5));
    check(&("only".to_owned(),));
    check(&(Bytes::from_static(b"\x00\xff\x80"),));
    check(&(photo(), vec![photo()], Some(1)));
    check(&(vec![Shape::Dot, Shape::Circle(1.0), Shape::Line(-1, 2), Shape::Box { w: 3 }],));
    check(&(Shape::Dot,));
    check(&Pair(1, "x".into()));
    check(&vec![1, 2, 3]);
    check(&[1, 2]);
    check(&(BTreeMap::from([(-1, true)]), BTreeMap::from([('x', Wrapped("y".into()))])));
    check(&(None::<String>, Some("x".to_owned()), ((), 'c', true)));
    check(&photo());
    check(&Wrapped("w".into()));
    check(&(value!({"a": [1, "x", null, {"b": 1.5}]}), value!(null)));
}

#[test]
fn counts_are_checked_and_trailing_options_may_be_absent() {
    use Extras::{Ignore, Refuse};
    let count = |given, expected| ArgsError::Count { given, expected };
    for two in [json("[1,2]").into_owned(), as_msgpack(&json("[1,2]").into_owned())] {
        assert_eq!(two.read::<(u8,)>(Refuse), Err(count(2, 1)));
        assert_eq!(two.read::<(u8,)>(Ignore), Ok((1,)));
        assert_eq!(two.read::<(u8, u8, u8)>(Refuse), Err(count(2, 3)));
        assert_eq!(two.read::<(u8, u8, Option<u8>, Option<u8>)>(Refuse), Ok((1, 2, None, None)));
        assert_eq!(two.read::<()>(Refuse), Err(count(2, 0)));
        assert_eq!(two.read::<()>(Ignore), Ok(()));
        assert_eq!(two.read::<u8>(Refuse), Err(count(2, 1)));
        assert_eq!(two.read::<u8>(Ignore), Ok(1));
        assert_eq!(two.read::<[u8; 3]>(Refuse), Err(count(2, 3)));
        assert_eq!(two.read::<Vec<Value>>(Refuse), Ok(vec![value!(1), value!(2)]));
        assert_eq!(two.read::<Option<(u8, u8)>>(Refuse), Ok(Some((1, 2))));
        assert_eq!(two.read::<Wrapped>(Refuse), Err(count(2, 1)));
    }
    for none in [Payload::empty(), as_msgpack(&Payload::empty()), json("[ ]").into_owned()] {
        assert_eq!(none.read::<(Option<u8>,)>(Refuse), Ok((None,)));
        assert_eq!(none.read::<Option<u8>>(Refuse), Ok(None));
        assert_eq!(none.read::<u8>(Refuse), Err(count(0, 1)));
        assert_eq!(none.read::<(Option<u8>, u8)>(Refuse), Err(count(0, 2)));
        assert_eq!(none.read::<Vec<u8>>(Refuse), Ok(vec![]));
    }
    assert_eq!(json("[null]").read::<Option<u8>>(Refuse), Ok(None));
    assert_eq!(as_msgpack(&json("[null]").into_owned()).read::<Option<u8>>(Refuse), Ok(None));
    assert_eq!(count(2, 1).to_string(), "2 argument(s) given, 1 expected");
}

#[test]
fn faults_name_the_argument() {
    fn told<T: serde::de::DeserializeOwned + std::fmt::Debug>(payload: &PayloadRef<'_>) -> (usize, String) {
        match payload.read::<T>(Extras::Refuse) {
            Err(ArgsError::Type { index, message }) => (index, message),
            other => panic!("{other:?}"),
        }
    }
    let fault = |index: usize, message: &str| (index, message.to_owned());
    let three = json(r#"["a",{"title":7},"cat!"]"#);
    assert_eq!(told::<(u8, Value, Value)>(&three), fault(0, "invalid type: string \"a\", expected u8"));
    assert_eq!(
        told::<(String, Photo, Value)>(&three),
        fault(1, "invalid type: integer `7`, expected a string")
    );
    assert_eq!(
        told::<(String, Value, Bytes)>(&three),
        fault(2, "invalid value: string \"cat!\", expected bytes in base64")
    );
    assert_eq!(
        told::<((u8, u8),)>(&json("[[1,2,3]]")),
        fault(0, "the array has more elements than expected")
    );
    assert_eq!(told::<(u8,)>(&PayloadRef::text("5")), fault(0, "invalid type: string \"5\", expected u8"));
    assert_eq!(told::<(String,)>(&PayloadRef::binary(b"\xff")).0, 0);
    assert_eq!(told::<u8>(&PayloadRef::text("5")).0, 0);
    let error = ArgsError::Type { index: 1, message: "x".into() };
    assert_eq!(error.to_string(), "argument 1 (counted from 0): x");
}

#[test]
fn bytes_are_read_wherever_they_stand() {
    let bytes = Bytes::from_static(b"\xff\x00");
    let nested = Payload::from_args(&(photo(), 1)).unwrap();
    for payload in [nested.clone(), as_msgpack(&nested)] {
        assert_eq!(payload.read::<(Photo, u8)>(Extras::Refuse), Ok((photo(), 1)));
        let any = value!({"title": "cat", "image": "/wA=", "at": null});
        assert_eq!(payload.read::<Vec<Value>>(Extras::Refuse), Ok(vec![any, value!(1)]));
    }
    let binary = Payload::binary(bytes.clone());
    for payload in [binary.clone(), as_msgpack(&binary)] {
        assert_eq!(payload.read::<(Value,)>(Extras::Refuse), Ok((value!("/wA="),)));
        assert_eq!(payload.read::<(Blob,)>(Extras::Refuse), Ok((Blob::Bytes(bytes.clone()),)));
        assert_eq!(payload.read::<(Option<Vec<u8>>,)>(Extras::Refuse), Ok((Some(vec![255, 0]),)));
    }
    assert_eq!(Payload::binary(&b"hi"[..]).read::<(String,)>(Extras::Refuse), Ok(("hi".to_owned(),)));
    assert_eq!(Payload::text("hi").read::<(Bytes,)>(Extras::Refuse), Ok((Bytes::from_static(b"hi"),)));
    assert_eq!(json("[\"aGk\"]").read::<(Bytes,)>(Extras::Refuse), Ok((Bytes::from_static(b"hi"),)));
    assert_eq!(json("[[104,105]]").read::<(Bytes,)>(Extras::Refuse), Ok((Bytes::from_static(b"hi"),)));

    // One attachment in two places.
    let twice = json(r#"[{"_placeholder":true,"num":0},[{"_placeholder":true,"num":0}]]"#);
    let list = [bytes.clone()];
    let twice = twice.with_attachments(&list).unwrap();
    assert_eq!(twice.read::<(Bytes, (Bytes,))>(Extras::Refuse), Ok((bytes.clone(), (bytes,))));
}

#[test]
fn raw_json_is_read_as_it_stands() {
    let payload = json(r#"[ {"a": 1} ,2]"#);
    let (raw, two) = payload.read::<(Box<RawValue>, u8)>(Extras::Refuse).unwrap();
    assert_eq!((raw.get(), two), (r#"{"a": 1}"#, 2));
    assert_eq!(json("[[1, 2]]").read::<Box<RawValue>>(Extras::Refuse).unwrap().get(), "[1, 2]");
}

#[test]
fn each_argument_is_a_payload_of_its_own() {
    let list = [Bytes::from_static(b"x")];
    let mixed = json(r#"["lobby", {"_placeholder":true,"num":0} ,[1, 2]]"#)
        .with_attachments(&list)
        .unwrap()
        .into_owned();
    for payload in [mixed.clone(), as_msgpack(&mixed)] {
        let view = payload.view();
        let one: Vec<_> = view.arguments().map(PayloadRef::into_owned).collect();
        assert_eq!(one.len(), 3);
        assert_eq!(one[0].as_message(), Some(Message::Text("lobby".into())));
        assert_eq!(one[1].as_message(), Some(Message::Binary(b"x")));
        assert_eq!(one[2].read::<(Vec<u8>,)>(Extras::Refuse), Ok((vec![1, 2],)));
        assert_eq!((one[2].len(), parts(&one[2]).1.len()), (1, 0));
    }
    assert_eq!(Payload::text("a").view().arguments().count(), 1);
    assert_eq!(Payload::empty().view().arguments().count(), 0);
}

#[test]
fn what_is_borrowed_can_be_made_ones_own() {
    let binary = [Bytes::from_static(b"\x01")];
    let payloads = [
        PayloadRef::text("a"),
        PayloadRef::binary(b"\x01"),
        json(r#"["a",{"b":1}]"#),
        json(r#"[{"_placeholder":true,"num":0}]"#).with_attachments(&binary).unwrap(),
        PayloadRef::msgpack(b"\x92\xa1a\x07").unwrap(),
    ];
    for payload in payloads {
        let own: PayloadRef<'static> = payload.clone().into_static();
        assert_eq!(own, payload);
        assert_eq!(own.arguments().count(), payload.len());
        assert_eq!(own.into_owned(), payload.into_owned());
    }
    // Placeholders are looked for when the attachments come, then as before.
    let own = json(r#"["a",{ "_placeholder": true,"num":1}]"#).into_static();
    assert_eq!(own.clone().with_attachments(vec![Bytes::new()]), Err(PayloadError::Placeholder));
    assert_eq!(own.with_attachments(vec![Bytes::new(); 2]).unwrap().size(), 33);
}
