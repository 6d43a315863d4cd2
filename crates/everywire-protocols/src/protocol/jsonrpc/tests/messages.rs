//! Single messages, one table a direction, in exact bytes.

use std::sync::Arc;

use everywire_core::{ConnectionId, Name, Offset, Publication, RoomKey, Target};

use super::*;

fn error(code: i32, message: &str, data: &str, id: &str) -> String {
    format!(
        r#"send {{"jsonrpc":"2.0","error":{{"code":{code},"message":"{message}","data":"{data}"}},"id":{id}}}"#
    )
}

fn invalid(data: &str, id: &str) -> String {
    error(code::INVALID_REQUEST, "Invalid Request", data, id)
}

fn parse_error(data: &str) -> String {
    error(code::PARSE_ERROR, "Parse error", data, "null")
}

/// Asserts that each text is understood as one thing.
fn table(rows: impl IntoIterator<Item = (String, String)>) {
    for (text, expected) in rows {
        assert_eq!(hear(&mut JsonRpc::default(), &text), [expected], "{text}");
    }
}

#[test]
fn calls() {
    let rows = [
        (r#"{"jsonrpc":"2.0","method":"m","id":1}"#, "m() #1"),
        (r#"{"jsonrpc":"2.0","method":"m"}"#, "m()"),
        (r#"{"jsonrpc":"2.0","method":"m","params":[],"id":1}"#, "m() #1"),
        (r#"{"jsonrpc":"2.0","method":"m","params":[1,"a",[2],null],"id":1}"#, r#"m(1,"a",[2],null) #1"#),
        (r#"{"jsonrpc":"2.0","method":"m","params":{"a":1},"id":1}"#, r#"m({"a":1}) #1"#),
        (r#"{"jsonrpc":"2.0","method":"m","params":{},"id":1}"#, "m({}) #1"),
        // Any order, white space, members that nobody knows, and escapes in names.
        (" \r\n\t{ \"id\" : 1 ,\"method\":\"m\",\"x\":[{}], \"jsonrpc\":\"2.0\"}\n", "m() #1"),
        (r#"{"\u006asonrpc":"2\u002e0","meth\u006fd":"\u006d\n","id":1}"#, "m\n() #1"),
        // What is written last counts.
        (r#"{"jsonrpc":"1.0","jsonrpc":"2.0","method":"a","method":"b","id":1,"id":2}"#, "b() #2"),
        (r#"{"jsonrpc":"2.0","method":"m","params":5,"params":[1]}"#, "m(1)"),
        // A method makes it a call.
        (r#"{"jsonrpc":"2.0","method":"m","result":1,"id":1}"#, "m() #1"),
        // Names are for whoever has handlers to judge; only what is reserved for the protocol itself is not.
        (r#"{"jsonrpc":"2.0","method":"","id":1}"#, "() #1"),
        (r#"{"jsonrpc":"2.0","method":"rpc","id":1}"#, "rpc() #1"),
    ];
    table(rows.map(|(text, expected)| (text.to_owned(), expected.to_owned())));
}

#[test]
fn an_id_goes_back_as_it_was_written() {
    let ids = [
        ("0", Token::Number(0)),
        ("18446744073709551615", Token::Number(u64::MAX)),
        ("18446744073709551616", Token::Text(Bytes::from_static(b"18446744073709551616"))),
        ("-1", Token::Text(Bytes::from_static(b"-1"))),
        ("-0", Token::Text(Bytes::from_static(b"-0"))),
        ("null", Token::Text(Bytes::from_static(b"null"))),
        ("\"1\"", Token::Text(Bytes::from_static(b"\"1\""))),
        ("\"\"", Token::Text(Bytes::from_static(b"\"\""))),
        (r#""\u0061\"\/\ud800é""#, Token::Text(Bytes::from(r#""\u0061\"\/\ud800é""#))),
    ];
    for (id, token) in ids {
        let text = format!(r#"{{"jsonrpc":"2.0","method":"m","id": {id} }}"#);
        let mut machine = JsonRpc::default();
        let mut out = Outputs::new();
        machine.message(Time(0), Message::Text(&text), &mut out);
        let [Output::Event { token: Some(heard), .. }] = &out[..] else { panic!("{out:?}") };
        assert_eq!(*heard, token);
        assert_eq!(
            say(&mut machine, reply(token, done("[true]"))),
            Some(format!(r#"{{"jsonrpc":"2.0","result":true,"id":{id}}}"#))
        );
    }
}

#[test]
fn what_is_no_request() {
    let version = r#"expected \"jsonrpc\":\"2.0\""#;
    let id = "the id must be a string, an integer or null";
    let params = "params must be an array or an object";
    let rows = [
        (r#"{"method":"m","id":1}"#, version, "1"),
        (r#"{"jsonrpc":"1.0","method":"m","id":"x"}"#, version, r#""x""#),
        (r#"{"jsonrpc":2.0,"method":"m","id":1}"#, version, "1"),
        (r#"{"jsonrpc":"2","method":"m"}"#, version, "null"),
        (r#"{"jsonrpc":"2.0","method":7,"id":1}"#, "the method must be a string", "1"),
        (r#"{"jsonrpc":"2.0","method":null,"id":1}"#, "the method must be a string", "1"),
        (r#"{"jsonrpc":"2.0","id":1}"#, "expected a member `method`", "1"),
        (r#"{"jsonrpc":"2.0","id":{}}"#, "expected a member `method`", "null"),
        ("{}", "expected a member `method`", "null"),
        (r#"{"jsonrpc":"2.0","method":"m","id":{}}"#, id, "null"),
        (r#"{"jsonrpc":"2.0","method":"m","id":[1]}"#, id, "null"),
        (r#"{"jsonrpc":"2.0","method":"m","id":true}"#, id, "null"),
        (r#"{"jsonrpc":"2.0","method":"m","id":false}"#, id, "null"),
        (r#"{"jsonrpc":"2.0","method":"m","id":1.5}"#, id, "null"),
        (r#"{"jsonrpc":"2.0","method":"m","id":1.0}"#, id, "null"),
        (r#"{"jsonrpc":"2.0","method":"m","id":1e3}"#, id, "null"),
        (r#"{"jsonrpc":"2.0","method":"m","id":1E3}"#, id, "null"),
        (r#"{"jsonrpc":"2.0","method":"m","params":1,"id":1}"#, params, "1"),
        (r#"{"jsonrpc":"2.0","method":"m","params":"x","id":1}"#, params, "1"),
        (r#"{"jsonrpc":"2.0","method":"m","params":null,"id":1}"#, params, "1"),
        (r#"{"jsonrpc":"2.0","method":"m","params":true}"#, params, "null"),
        ("1", "a request is an object", "null"),
        ("\"m\"", "a request is an object", "null"),
        ("null", "a request is an object", "null"),
        (" [ ] ", "a batch has one request at least", "null"),
    ];
    table(rows.map(|(text, data, id)| (text.to_owned(), invalid(data, id))));
}

#[test]
fn what_is_no_json() {
    let rows = [
        ("", "the JSON text is incomplete, expected more at byte 0"),
        (" ", "the JSON text is incomplete, expected more at byte 1"),
        ("{", "the JSON text is incomplete, expected more at byte 1"),
        ("hello", "expected a JSON value at byte 0"),
        ("\u{feff}{}", "expected a JSON value at byte 0"),
        (r#"{"jsonrpc":"2.0","method":"m"} x"#, "expected nothing after the JSON value at byte 31"),
        (r#"{"jsonrpc":"2.0","method":"m",}"#, "expected a member name in double quotes at byte 30"),
        (r#"{'jsonrpc':"2.0"}"#, "expected a member name in double quotes at byte 1"),
        (r#"[{"jsonrpc":"2.0","method":"m"},]"#, "expected a JSON value at byte 32"),
    ];
    table(rows.map(|(text, data)| (text.to_owned(), parse_error(data))));
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    table([(deep, parse_error("nested deeper than 64 levels at byte 129"))]);
}

#[test]
fn nothing_answers_a_notification_but_an_invalid_request() {
    let mut machine = JsonRpc::default();
    let deep = format!("{}{}", "{\"a\":".repeat(62), "0".to_owned() + &"}".repeat(62));
    let call =
        |method: &str, params: &str| format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}"#);

    let ok = call("m", &deep);
    assert_eq!(hear(&mut machine, &format!("{ok}}}")), [format!("m({deep})")]);
    let too_deep = call("m", &format!("{{\"a\":{deep}}}"));
    let why = "an argument is nested deeper than 62 levels";
    assert_eq!(hear(&mut machine, &format!("{too_deep}}}")), [format!("ignore {why}")]);
    assert_eq!(
        hear(&mut machine, &format!("{too_deep},\"id\":1}}")),
        [error(code::INVALID_PARAMS, "Invalid params", why, "1")]
    );

    let reserved = call("rpc.discover", "[]");
    let why = "method names that begin with `rpc.` are reserved";
    assert_eq!(hear(&mut machine, &format!("{reserved}}}")), [format!("ignore {why}")]);
    assert_eq!(
        hear(&mut machine, &format!("{reserved},\"id\":1}}")),
        [error(code::METHOD_NOT_FOUND, "Method not found", why, "1")]
    );
}

#[test]
fn answers() {
    let none = "ignore a response with an id that is none of ours:";
    let rows = [
        (r#"{"jsonrpc":"2.0","result":[1,2],"id":7}"#, "answer 7: [1,2]".to_owned()),
        (r#"{"jsonrpc":"2.0","result":null,"id":7}"#, "answer 7: null".to_owned()),
        (r#"{"jsonrpc":"2.0","result":1,"error":null,"id":7}"#, "answer 7: 1".to_owned()),
        (r#"{"jsonrpc":"2.0","error":null,"id":7}"#, "answer 7: ".to_owned()),
        (
            r#"{"jsonrpc":"2.0","error":{"code":-5,"message":"no","data":1},"id":7}"#,
            "answer 7: -5 no".to_owned(),
        ),
        (
            r#"{"jsonrpc":"2.0","result":1,"error":{"code":-5,"message":"no"},"id":7}"#,
            "answer 7: -5 no".to_owned(),
        ),
        (r#"{"jsonrpc":"2.0","error":"no","id":7}"#, "answer 7: 0 \"no\"".to_owned()),
        (r#"{"jsonrpc":"2.0","error":{"code":1.5},"id":7}"#, "answer 7: 0 {\"code\":1.5}".to_owned()),
        (r#"{"jsonrpc":"2.0","result":1,"id":"7"}"#, format!("{none} 1")),
        (r#"{"jsonrpc":"2.0","result":1}"#, format!("{none} 1")),
        (
            r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#,
            format!("{none} {{\"code\":-32700,\"message\":\"Parse error\"}}"),
        ),
        (r#"{"result":1,"id":7}"#, "ignore a response without \"jsonrpc\":\"2.0\"".to_owned()),
    ];
    table(rows.map(|(text, expected)| (text.to_owned(), expected)));
    let long = "é".repeat(150);
    let text = format!(r#"{{"jsonrpc":"2.0","result":"{long}"}}"#);
    table([(text, format!("{none} \"{}", "é".repeat(99)))]);
}

#[test]
fn a_binary_message_is_read_as_text() {
    let mut out = Outputs::new();
    let mut machine = JsonRpc::default();
    machine.message(Time(0), Message::Binary(br#"{"jsonrpc":"2.0","method":"m","id":1}"#), &mut out);
    machine.message(Time(0), Message::Binary(b"{\"\xff\":1}"), &mut out);
    let said: Vec<String> = out.iter().map(spell).collect();
    assert_eq!(
        said,
        [
            "m() #1".to_owned(),
            parse_error("JSON text must be UTF-8: invalid utf-8 sequence of 1 bytes from index 2")
        ]
    );
}

#[test]
fn what_is_sent() {
    let data = Outcome::from(Failure { data: Some(json(r#"[{"a":1}]"#)), ..Failure::new(-32000, "n\"o") });
    let binary = Outcome::Done(Payload::binary(&b"\x00\xff"[..]));
    let one = Token::Number(1);
    let rows = [
        (
            emit("chat", r#"[{"text":"hi"}]"#, None),
            r#"{"jsonrpc":"2.0","method":"chat","params":[{"text":"hi"}]}"#,
        ),
        (emit("a\"b", "[]", None), r#"{"jsonrpc":"2.0","method":"a\"b","params":[]}"#),
        (emit("ask", "[1,2]", Some(9)), r#"{"jsonrpc":"2.0","method":"ask","params":[1,2],"id":9}"#),
        (reply(one.clone(), done("[]")), r#"{"jsonrpc":"2.0","result":null,"id":1}"#),
        (reply(one.clone(), done(r#"["x"]"#)), r#"{"jsonrpc":"2.0","result":"x","id":1}"#),
        (reply(one.clone(), done("[1,2]")), r#"{"jsonrpc":"2.0","result":[1,2],"id":1}"#),
        (reply(one.clone(), binary), r#"{"jsonrpc":"2.0","result":"AP8=","id":1}"#),
        (
            reply(one.clone(), failed(-32601, "Method not found")),
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}"#,
        ),
        (
            reply(one, data),
            r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"n\"o","data":{"a":1}},"id":1}"#,
        ),
        (Item::Wire { bytes: Bytes::from_static(b"[as it is]"), text: true }, "[as it is]"),
    ];
    for (item, expected) in rows {
        assert_eq!(say(&mut JsonRpc::default(), item).as_deref(), Some(expected));
    }
}

#[test]
fn broadcasts() {
    let heard = |rooms: &[RoomKey], args: &str, from: Option<&str>, user: Option<&str>, meta: bool| {
        let publication = Publication {
            namespace: "/".into(),
            event: Name::from("chat"),
            payload: json(args),
            target: Target { rooms: rooms.iter().cloned().collect(), ..Target::default() },
            from: from.map(|id| id.parse::<ConnectionId>().expect("the test's own id")),
            user: user.map(Arc::from),
            time: 1_700_000_000_123,
            class: Class::Event,
            compress: true,
            original: None,
        };
        let broadcast = Arc::new(Broadcast::new(Offset { epoch: 0x1f, seq: 42 }, publication));
        say(&mut JsonRpc::default(), Item::Broadcast { broadcast, meta }).expect("a message")
    };
    let lobby = [RoomKey::from("lob\"by"), RoomKey::from("other")];
    let from = Some("RXZlcnl3aXJlIHJvb21z");
    assert_eq!(
        heard(&lobby, r#"[{"text":"hi"}]"#, from, Some("ann"), false),
        r#"{"jsonrpc":"2.0","method":"chat","params":[{"text":"hi"}]}"#
    );
    assert_eq!(
        heard(&lobby, r#"[{"text":"hi"},1]"#, from, Some("ann"), true),
        concat!(
            r#"{"jsonrpc":"2.0","method":"chat","params":[{"text":"hi"},1,{"room":"lob\"by","offset":"1f-42","#,
            r#""time":1700000000123,"from":"RXZlcnl3aXJlIHJvb21z","user":"ann"}]}"#
        )
    );
    assert_eq!(
        heard(&[RoomKey::User("ann".into())], "[]", None, None, true),
        r#"{"jsonrpc":"2.0","method":"chat","params":[{"offset":"1f-42","time":1700000000123}]}"#
    );
}
