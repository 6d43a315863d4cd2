//! Events and answers in JSON, one table a direction, in exact bytes; and every breach of the rules.

use super::*;

/// Asserts that each text, sent in a session that is in `/` and `/chat`, is understood as one thing.
fn table(rows: impl IntoIterator<Item = (&'static str, &'static str)>) {
    for (text, expected) in rows {
        assert_eq!(Session::joined().hear(text), [expected], "{text}");
    }
}

#[test]
fn events() {
    table([
        (r#"2["msg",1]"#, r"event 0 msg(1)"),
        (r#"2["msg"]"#, "event 0 msg()"),
        (r#"2["chat",{"text":"hi"}]"#, r#"event 0 chat({"text":"hi"})"#),
        (r#"2["msg",1,"a",[2],null,{"a":{}}]"#, r#"event 0 msg(1,"a",[2],null,{"a":{}})"#),
        (r#"2/chat,12["msg"]"#, "event 1 msg() #12"),
        (r#"2/chat,["msg"]"#, "event 1 msg()"),
        (r#"2/,["msg"]"#, "event 0 msg()"),
        (r#"20["q","x"]"#, r#"event 0 q("x") #0"#),
        (r#"2007["q"]"#, "event 0 q() #7"),
        (r#"218446744073709551615["q"]"#, "event 0 q() #18446744073709551615"),
        // White space and escapes, wherever JSON has them.
        ("2 [ \"msg\" , 1 ] ", "event 0 msg(1)"),
        ("2[\"msg\" ]", "event 0 msg()"),
        ("2[\"msg\",\r\n1\t]", "event 0 msg(1)"),
        (r#"2["m\u0073g","\"]"]"#, r#"event 0 msg("\"]")"#),
        (r#"2["a\"b,]\\",1]"#, r#"event 0 a"b,]\(1)"#),
        (r#"2["é😀",1]"#, "event 0 é😀(1)"),
        (r#"2["\ud800"]"#, "event 0 \u{fffd}()"),
        // Names that other places judge.
        (r#"2["",1]"#, "event 0 (1)"),
        (r#"2["error",1]"#, "event 0 error(1)"),
        (r#"2["Connect"]"#, "event 0 Connect()"),
        (r#"2["disconnected"]"#, "event 0 disconnected()"),
        (r#"2["$reset"]"#, "event 0 $reset()"),
        // Numbers as JavaScript spells them.
        ("2[1]", "event 0 1()"),
        ("2[-1,2]", "event 0 -1(2)"),
        ("2[1.0]", "event 0 1()"),
        ("2[1.5,[]]", "event 0 1.5([])"),
        ("2[1e2]", "event 0 100()"),
        ("2[-0]", "event 0 0()"),
        ("2[9007199254740993]", "event 0 9007199254740992()"),
        // No JSON: accepted, and nothing comes of it.
        ("2", "ignore a packet without payload"),
        ("212", "ignore a packet without payload"),
        ("2/chat,", "ignore a packet without payload"),
        ("31", "ignore a packet without payload"),
        // A placeholder without attachments is an object.
        (r#"2["a",{"_placeholder":true,"num":0}]"#, r#"event 0 a({"_placeholder":true,"num":0})"#),
    ]);
}

#[test]
fn an_ordinary_event_is_borrowed() {
    let text = r#"2["chat",{"text":"hi"}]"#;
    let mut session = Session::joined();
    let mut out = Outputs::new();
    session.machine.message(session.now, Message::Text(text), &mut out);
    let [Output::Event { name: Cow::Borrowed(name), .. }] = &out[..] else { panic!("{out:?}") };
    assert_eq!(name.as_ptr(), text[3..].as_ptr());
}

#[test]
fn answers() {
    table([
        (r#"312["ok"]"#, r#"answer 0 #12 ("ok")"#),
        ("3/chat,0[]", "answer 1 #0 ()"),
        (r#"30[1,{"a":2}]"#, r#"answer 0 #0 (1,{"a":2})"#),
        ("30 [ 1 ]", "answer 0 #0 (1)"),
        ("3[1]", "ignore an answer without id"),
    ]);
}

#[test]
fn breaches() {
    let payload = "close (protocol error) the packet's payload:";
    let name = "close (protocol error) an event's name must be a string or a number";
    let array = "close (protocol error) the payload of an event must be an array that begins with its name";
    let object = "close (protocol error) the payload of a CONNECT packet must be an object";
    let kind = "close (protocol error) unknown packet type, expected a digit from 0 to 6";
    let disconnect = "close (protocol error) a DISCONNECT packet with a payload, expected none";
    let rows = [
        ("", kind.to_owned()),
        ("7", kind.to_owned()),
        ("9[\"a\"]", kind.to_owned()),
        ("a", kind.to_owned()),
        ("é", kind.to_owned()),
        (" 2[\"a\"]", kind.to_owned()),
        ("2{}", array.to_owned()),
        ("2[]", array.to_owned()),
        ("2null", array.to_owned()),
        ("2\"a\"", array.to_owned()),
        ("2[true]", name.to_owned()),
        ("2[null]", name.to_owned()),
        ("2[[\"a\"]]", name.to_owned()),
        ("2[{}]", name.to_owned()),
        ("2[1e999]", name.to_owned()),
        ("21.5[\"a\"]", format!("{payload} expected a JSON value at byte 0")),
        ("2-1[\"a\"]", format!("{payload} expected nothing after the JSON value at byte 2")),
        ("2[\"a\"", format!("{payload} the JSON text is incomplete, expected more at byte 4")),
        ("2[\"a\",]", format!("{payload} expected a JSON value after the comma")),
        ("2[\"a\", ]", format!("{payload} expected a JSON value after the comma")),
        ("2[\"a\",1,]", format!("{payload} the JSON text is incomplete, expected more at byte 2")),
        ("2[\"a\"]]", format!("{payload} expected nothing after the JSON value at byte 5")),
        ("2[\"a\",1],[2]", format!("{payload} expected nothing after the JSON value at byte 1")),
        ("2[\"a\" 1]", format!("{payload} expected a comma or the closing bracket at byte 5")),
        ("2[\"a\"x]", format!("{payload} expected a comma or the closing bracket at byte 4")),
        ("2[\"a\n\"]", format!("{payload} control characters in strings must be escaped at byte 3")),
        ("2[\"\\x\"]", format!("{payload} expected one of the escapes of JSON at byte 2")),
        ("2['a']", format!("{payload} expected a JSON value at byte 1")),
        ("2[\"a\",undefined]", format!("{payload} expected a JSON value at byte 0")),
        ("2[\"a\",NaN]", format!("{payload} expected a JSON value at byte 0")),
        ("31{}", format!("{payload} expected an array at byte 0")),
        ("31null", format!("{payload} expected an array at byte 0")),
        ("31[", format!("{payload} the JSON text is incomplete, expected more at byte 1")),
        ("1{}", disconnect.to_owned()),
        ("1[]", disconnect.to_owned()),
        ("1/chat,{}", disconnect.to_owned()),
        ("0/new,[]", object.to_owned()),
        ("0/new,\"a\"", object.to_owned()),
        ("0/new,null", object.to_owned()),
        ("0/new,{", format!("{payload} the JSON text is incomplete, expected more at byte 1")),
        ("0", "close (protocol error) CONNECT to /, which was joined before".to_owned()),
        ("0/chat,{}", "close (protocol error) CONNECT to /chat, which was joined before".to_owned()),
        (
            "4{\"message\":\"no\"}",
            "close (protocol error) a CONNECT_ERROR packet, which only servers send".to_owned(),
        ),
        ("4\"no\"", "close (protocol error) a CONNECT_ERROR packet, which only servers send".to_owned()),
        ("4", "close (protocol error) a CONNECT_ERROR packet, which only servers send".to_owned()),
        ("2/other,[\"a\"]", "close (protocol error) a packet for /other, which was not joined".to_owned()),
        ("3/other,1[]", "close (protocol error) a packet for /other, which was not joined".to_owned()),
        ("1/other,", "close (protocol error) a packet for /other, which was not joined".to_owned()),
        (
            "2/chat[\"a\"]",
            "close (protocol error) a packet for /chat[\"a\"], which was not joined".to_owned(),
        ),
        ("218446744073709551616[\"a\"]", "close (protocol error) an ack id beyond 64 bits".to_owned()),
        ("318446744073709551616[]", "close (protocol error) an ack id beyond 64 bits".to_owned()),
    ];
    for (text, expected) in rows {
        let mut session = Session::joined();
        assert_eq!(session.hear(text), [expected], "{text}");
        assert!(session.hear("2[\"a\"]").is_empty(), "after its end it is silent");
        assert_eq!(session.machine.deadline(), None);
    }
}

#[test]
fn reserved_names_are_a_breach() {
    for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        let expected = format!("close (protocol error) the event name {name:?} is reserved");
        let escaped = format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]);
        for spelled in [name, &escaped] {
            assert_eq!(Session::joined().hear(&format!("2[\"{spelled}\"]")), [&*expected]);
            assert_eq!(Session::joined().hear(&format!("2[\"{spelled}\",1]")), [&*expected]);
        }
    }
}

#[test]
fn what_is_sent() {
    let failed = |data: Option<&str>| Item::Reply {
        token: Token::Number(3),
        outcome: Failure { data: data.map(json), ..Failure::new(-32000, "n\"o") }.into(),
    };
    let rows = [
        (emit("msg", json("[1]"), None), r#"2["msg",1]"#, r#"2/chat,["msg",1]"#),
        (emit("a\"b", json("[]"), None), r#"2["a\"b"]"#, r#"2/chat,["a\"b"]"#),
        (emit("q", json("[\"x\",{}]"), Some(0)), r#"20["q","x",{}]"#, r#"2/chat,0["q","x",{}]"#),
        (emit("t", Payload::text("a\n"), Some(12)), r#"212["t","a\n"]"#, r#"2/chat,12["t","a\n"]"#),
        (reply(12, json("[\"ok\"]")), r#"312["ok"]"#, r#"3/chat,12["ok"]"#),
        (reply(0, json("[]")), "30[]", "3/chat,0[]"),
        (reply(0, json("[1,2]")), "30[1,2]", "3/chat,0[1,2]"),
        (
            failed(None),
            r#"33[{"error":{"code":-32000,"message":"n\"o"}}]"#,
            r#"3/chat,3[{"error":{"code":-32000,"message":"n\"o"}}]"#,
        ),
        (
            failed(Some("[{\"a\":1}]")),
            r#"33[{"error":{"code":-32000,"message":"n\"o","data":{"a":1}}}]"#,
            r#"3/chat,3[{"error":{"code":-32000,"message":"n\"o","data":{"a":1}}}]"#,
        ),
        (Item::Wire { bytes: Bytes::from_static(b"as it is"), text: true }, "as it is", "as it is"),
        (Item::Wire { bytes: Bytes::from_static(b"\x01"), text: false }, "01", "01"),
    ];
    for (item, of_default, of_chat) in rows {
        let mut session = Session::joined();
        let entry = Entry { slot: 0, item };
        let mut said = Vec::new();
        let mut outbox = |kind, bytes: &[u8]| said.push(spell_message(kind, bytes));
        session.machine.encode(&entry, &mut outbox);
        session.machine.encode(&Entry { slot: 1, ..entry }, &mut outbox);
        assert_eq!(said, [of_default, of_chat]);
    }
    // Tokens that are no ids are none of ours.
    let foreign = Item::Reply {
        token: Token::Text(Bytes::from_static(b"1")),
        outcome: Outcome::Done(Payload::empty()),
    };
    assert!(Session::joined().say(0, foreign).is_empty());
}

#[test]
fn data_of_an_error_that_nests_too_deep_is_left_out() {
    let deep = |depth: usize| json(&format!("[{}{}]", "[".repeat(depth), "]".repeat(depth)));
    let failed = |data| Item::Reply {
        token: Token::Number(3),
        outcome: Failure { data: Some(data), ..Failure::new(1, "no") }.into(),
    };
    let said = Session::joined().say(0, failed(deep(62)));
    assert_eq!(said, [r#"33[{"error":{"code":1,"message":"no"}}]"#]);
    assert!(Session::joined().say(0, failed(deep(60)))[0].contains("[[["));
}

#[test]
fn broadcasts() {
    let meta = r#"{"room":"lob\"by","offset":"1f-42","time":1700000000123,"from":"oSO0OpakMV_3jnilAAAA"}"#;
    let one = || json("[{\"text\":\"hi\"}]");
    let rows = [
        ("/", one(), false, false, r#"2["chat",{"text":"hi"}]"#.to_owned()),
        ("/", one(), true, false, format!(r#"2["chat",{{"text":"hi"}},{meta}]"#)),
        ("/", one(), false, true, r#"2["chat",{"text":"hi"},"1f-42"]"#.to_owned()),
        ("/", one(), true, true, format!(r#"2["chat",{{"text":"hi"}},{meta},"1f-42"]"#)),
        ("/chat", one(), false, false, r#"2/chat,["chat",{"text":"hi"}]"#.to_owned()),
        ("/chat", json("[]"), false, true, r#"2/chat,["chat","1f-42"]"#.to_owned()),
        ("/chat", json("[]"), true, false, format!(r#"2/chat,["chat",{meta}]"#)),
    ];
    for (namespace, args, meta, offset, expected) in rows {
        let form = if offset { ProtocolForm::SocketIoOffset } else { ProtocolForm::SocketIo };
        let broadcast = broadcast(namespace, "chat", args);
        assert_eq!(formed(form, &broadcast, meta), [&*expected]);
        // One that could not leave at once is the same.
        let options = SocketIoOptions { recovery: offset, ..SocketIoOptions::default() };
        let mut session = Session::new(options);
        assert_eq!(session.machine.form(), form);
        session.hear(&format!("0{namespace}"));
        session.enter(0);
        assert_eq!(session.say(0, Item::Broadcast { broadcast, meta }), [expected]);
    }
}

#[test]
fn an_event_that_is_kept_has_its_offset() {
    let mut session = Session::new(SocketIoOptions { recovery: true, ..SocketIoOptions::default() });
    let kept = |session: &mut Session, slot| {
        let mut said = Vec::new();
        let mut outbox = |kind, bytes: &[u8]| said.push(spell_message(kind, bytes));
        session.machine.encode_kept(slot, "news", &json("[1]"), &"1f-42.3", &mut outbox);
        said
    };
    session.hear("0/chat");
    assert!(kept(&mut session, 0).is_empty());
    assert_eq!(session.enter(0)[1..], [r#"2/chat,["news",1,"1f-42.3"]"#]);
    assert_eq!(kept(&mut session, 0), [r#"2/chat,["news",1,"1f-42.3"]"#]);
    assert!(kept(&mut session, 1).is_empty());
    // What is to be answered has none.
    assert_eq!(session.say(0, emit("q", json("[1]"), Some(0))), [r#"2/chat,0["q",1]"#]);
}

#[test]
fn how_clients_are_served() {
    let machine = SocketIo::new(SocketIoOptions::default());
    assert!(machine.entrance() == Entrance::Several && machine.answers());
    assert_eq!(machine.extras(), Extras::Ignore);
    assert_eq!(machine.form(), ProtocolForm::SocketIo);
}

/// What it costs to understand an ordinary event: `cargo test --release -- --ignored --nocapture cost_of`.
#[test]
#[ignore = "a measurement"]
fn cost_of_an_event() {
    const TIMES: u32 = 5_000_000;
    let mut session = Session::joined();
    for text in [r#"2["chat",{"text":"hi"}]"#, r#"2/chat,12["chat",{"text":"hi"}]"#] {
        let start = std::time::Instant::now();
        for _ in 0..TIMES {
            let mut out = Outputs::new();
            session.machine.message(Time(0), Message::Text(std::hint::black_box(text)), &mut out);
            std::hint::black_box(&out);
        }
        println!("{text}: {:?}", start.elapsed() / TIMES);
    }
}
