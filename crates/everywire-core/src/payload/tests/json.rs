//! The scanner and what is built on it.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;
use crate::payload::json::{Elements, JsonError, JsonFault, RawJson, members};
use crate::payload::{MAX_ARGUMENT_DEPTH, MAX_DEPTH, PayloadError};

#[test]
fn arguments_are_counted_and_kept_as_written() {
    for (array, inner, len) in [
        ("[]", "", 0),
        (" [ ] ", "", 0),
        ("[1]", "1", 1),
        ("[ 1 , 2 ]", "1 , 2", 2),
        (r#"["a",{"x":[1,2],"y":"],["}, [3,4]]"#, r#""a",{"x":[1,2],"y":"],["}, [3,4]"#, 3),
        ("[1,\r\n 2]", "1, 2", 2),
        (r#"["\n\\",2]"#, r#""\n\\",2"#, 2),
        (r#"["\ud83d!","\ud83d\ude00","\ude00"]"#, r#""\ufffd!","\ud83d\ude00","\ufffd""#, 3),
        (r#"["\ud83d\ud83d\ude00"]"#, r#""\ufffd\ud83d\ude00""#, 1),
    ] {
        let payload = json(array);
        assert_eq!(
            (json_args(&payload.clone().into_owned()).as_str(), payload.len()),
            (inner, len),
            "{array}"
        );
        let from_inner = PayloadRef::json_inner(&array.trim()[1..array.trim().len() - 1]).unwrap();
        assert_eq!((json_args(&from_inner.into_owned()).as_str(), payload.len()), (inner, len), "{array}");
    }
    assert_eq!(PayloadRef::json_value(" [1,2] ").unwrap().len(), 1);
    assert_eq!(json_args(&PayloadRef::json_value("{\n}").unwrap().into_owned()), "{}");
}

#[test]
fn faults_say_what_and_where() {
    use JsonFault::*;
    for (text, fault, at) in [
        ("", End, 0),
        ("[", End, 1),
        ("[1", End, 2),
        ("[\"a", End, 3),
        ("[1,]", Value, 3),
        ("[x]", Value, 1),
        ("[tru]", Value, 1),
        ("[1 2]", CommaOrEnd, 3),
        ("[1}", CommaOrEnd, 2),
        ("[01]", CommaOrEnd, 2),
        ("[1.]", Number, 3),
        ("[-]", Number, 2),
        ("[1e+]", Number, 4),
        ("[{1:2}]", Name, 2),
        ("[{\"a\":1,}]", Name, 8),
        ("[{\"a\" 1}]", Colon, 6),
        ("[\"\\x\"]", Escape, 2),
        ("[\"\\u12g4\"]", Escape, 2),
        ("[\"\\u12", Escape, 2),
        ("[\"\t\"]", Control, 2),
        ("[\"12345678\u{1f}\"]", Control, 10),
        ("[] x", Trailing, 3),
        ("{}", NotArray, 0),
    ] {
        assert_eq!(PayloadRef::json(text), Err(PayloadError::Json(JsonError { fault, at })), "{text}");
    }
    let error = PayloadRef::json_bytes(b"[\"\xff\"]").unwrap_err();
    assert_eq!(error.to_string(), "JSON text must be UTF-8 at byte 2");
}

#[test]
fn depth_is_counted_as_the_deepest_wire_counts_it() {
    let nested = |depth: u32| "[".repeat(depth as usize) + &"]".repeat(depth as usize);
    assert!(RawJson::parse(&nested(MAX_DEPTH)).is_ok());
    let fault = JsonError { fault: JsonFault::Depth, at: 64 };
    assert_eq!(RawJson::parse(&nested(MAX_DEPTH + 1)), Err(fault));
    // An argument list is one level more than its arguments.
    assert!(PayloadRef::json(&nested(MAX_ARGUMENT_DEPTH + 1)).is_ok());
    assert_eq!(PayloadRef::json(&nested(MAX_ARGUMENT_DEPTH + 2)), Err(PayloadError::Depth));
    assert!(PayloadRef::json_value(&nested(MAX_ARGUMENT_DEPTH)).is_ok());
    assert_eq!(PayloadRef::json_value(&nested(MAX_ARGUMENT_DEPTH + 1)), Err(PayloadError::Depth));
    assert!(PayloadRef::json_inner(&nested(MAX_ARGUMENT_DEPTH)).is_ok());
    assert_eq!(PayloadRef::json_inner(&nested(MAX_ARGUMENT_DEPTH + 1)), Err(PayloadError::Depth));
    // The object that is walked counts too.
    let message = |depth| format!("{{\"a\":{}}}", nested(depth));
    assert!(walked(&message(MAX_DEPTH - 1)).1.is_ok());
    assert_eq!(walked(&message(MAX_DEPTH)).1.unwrap_err().fault, JsonFault::Depth);
}

#[test]
fn an_object_is_walked_in_the_order_written() {
    let text = " { \"b\\u0061\" : [1, 2] , \"a\":{\"x\":1}, \"a\" : null } ";
    let (seen, end) = walked(text);
    let seen: Vec<_> = seen.iter().map(|(name, value)| (&**name, value.text(), value.len())).collect();
    assert_eq!(seen, [("ba", "[1, 2]", 2), ("a", "{\"x\":1}", 1), ("a", "null", 0)]);
    assert_eq!(end, Ok(()));
    assert_eq!(walked(" { } "), (Vec::new(), Ok(())));

    for (text, taken, fault) in [
        ("{\"a\":1", 1, JsonFault::End),
        ("{\"a\":1 \"b\":2}", 1, JsonFault::CommaOrEnd),
        ("{\"a\":1,}", 1, JsonFault::Name),
        ("{\"a\":1} x", 1, JsonFault::Trailing),
        ("{} x", 0, JsonFault::Trailing),
        ("{\"a\":}", 0, JsonFault::Value),
        ("{,}", 0, JsonFault::Name),
        ("{", 0, JsonFault::End),
        ("", 0, JsonFault::End),
        ("[1]", 0, JsonFault::NotObject),
    ] {
        let (seen, end) = walked(text);
        assert_eq!((seen.len(), end.unwrap_err().fault), (taken, fault), "{text}");
    }

    // Who walks may stop.
    let mut seen = 0;
    let stopped = members("{\"a\":1,\"b\":2}", |_, _| {
        seen += 1;
        Err(JsonError { fault: JsonFault::Value, at: 0 })
    });
    assert!(stopped.is_err() && seen == 1);
}

/// The members of an object as far as they go, and how the walk ended.
fn walked(text: &str) -> (Vec<(String, RawJson<'_>)>, Result<(), JsonError>) {
    let mut seen = Vec::new();
    let end = members(text, |name, value| {
        seen.push((name.to_owned(), value));
        Ok(())
    });
    (seen, end)
}

#[test]
fn an_array_is_walked_and_its_elements_become_payloads() {
    let elements: Vec<_> =
        Elements::parse("[[1,2],{\"p\":1},\n\"s\"]").unwrap().map(Result::unwrap).collect();
    assert_eq!(PayloadRef::from_elements(elements[0]).unwrap(), json("[1,2]"));
    assert_eq!(PayloadRef::from_value(elements[1]).unwrap().len(), 1);
    assert_eq!(elements[2].as_str().as_deref(), Some("s"));
    assert_eq!((elements[0].as_str(), elements[1].is_object(), elements[0].is_array()), (None, true, true));
}

#[test]
fn a_first_element_is_split_off() {
    let split = |array: &'static str| PayloadRef::split_first(RawJson::parse(array).unwrap());
    for (array, first, rest) in [
        (r#"["chat"]"#, "\"chat\"", "[]"),
        (r#"[ "chat" , 1, [2] ]"#, "\"chat\"", "[1, [2]]"),
        ("[7,\n8]", "7", "[8]"),
    ] {
        let (name, args) = split(array).unwrap();
        assert_eq!(
            (name.text(), json_args(&args.into_owned())),
            (first, json_args(&json(rest).into_owned())),
            "{array}"
        );
    }
    assert!(split("[]").is_err() && split("{}").is_err() && split("1").is_err());
}

#[test]
fn placeholders_are_brought_to_one_spelling() {
    let two = [Bytes::from_static(b"zero"), Bytes::from_static(b"one")];
    for (array, canonical) in [
        (r#"[{"_placeholder":true,"num":1}]"#, r#"{"_placeholder":true,"num":1}"#),
        (r#"[{ "num" : 0 , "_placeholder" : true }, 2]"#, r#"{"_placeholder":true,"num":0}, 2"#),
        (r#"[{"a":[{"\u005fplaceholder":true,"num":1}]}]"#, r#"{"a":[{"_placeholder":true,"num":1}]}"#),
        (r#"["{\"_placeholder\":true,\"num\":7}"]"#, r#""{\"_placeholder\":true,\"num\":7}""#),
        (
            r#"["_placeholder",{"x":"_placeholder","num":9}]"#,
            r#""_placeholder",{"x":"_placeholder","num":9}"#,
        ),
    ] {
        let payload = json(array).with_attachments(&two).unwrap().into_owned();
        assert_eq!(parts(&payload), (canonical.to_owned(), two.to_vec()), "{array}");
    }
    for array in [
        r#"[{"_placeholder":true,"num":2}]"#,
        r#"[{"_placeholder":true,"num":99999999999999999999999}]"#,
        r#"[{"_placeholder":true,"num":0.0}]"#,
        r#"[{"_placeholder":true,"num":0,"num":0}]"#,
        r#"[{"_placeholder":true,"_placeholder":true,"num":0}]"#,
        r#"[{"_placeholder":false,"num":0}]"#,
        r#"[{"x":{"_placeholder":true}}]"#,
        r#"[{"x":1,"_placeholder":true,"num":0}]"#,
    ] {
        assert_eq!(json(array).with_attachments(&two), Err(PayloadError::Placeholder), "{array}");
    }
    assert_eq!(PayloadRef::text("a").with_attachments(&two), Err(PayloadError::Attachments));
}

/// Text that is nearly JSON.
fn nearly_json() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "\\",
        "\"a\"",
        "\"b\":",
        "1",
        "-",
        "0",
        ".5",
        "e9",
        "E+",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\n",
        "\t",
        "\r",
        "\\u",
        "d83d",
        "\\ude00",
        "\\n",
        "é",
        "\u{1}",
        "12345678",
        "\"_placeholder\":true",
    ]);
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn accepts_what_serde_json_accepts(text in prop_oneof![nearly_json(), ".{0,40}"], wrap in any::<bool>()) {
        let text = if wrap { format!("[\"{text}\",1]") } else { text };
        prop_assert_eq!(RawJson::parse(&text).is_ok(), serde_json::from_str::<IgnoredAny>(&text).is_ok());
    }

    #[test]
    fn bytes_at_any_offset_end_a_string_or_do_not(head in "[a-zé]{0,20}", stop in any::<u8>(), tail in "[a-z]{0,20}") {
        let mut text = b"\"".to_vec();
        text.extend_from_slice(head.as_bytes());
        text.push(stop);
        text.extend_from_slice(tail.as_bytes());
        text.push(b'"');
        let strict = std::str::from_utf8(&text).is_ok() && serde_json::from_slice::<IgnoredAny>(&text).is_ok();
        prop_assert_eq!(RawJson::from_bytes(&text).is_ok(), strict);
    }
}
