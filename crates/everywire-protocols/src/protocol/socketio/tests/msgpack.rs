//! The msgpack parser, in exact bytes: what the official client sends, what it is sent, and every breach of the rules.

use super::*;

const UNDEFINED: &str = "d4 00 00";

/// One that is in `/` with slot 0 and in `/chat` with slot 1.
fn joined() -> Session {
    let mut session = Session::msgpack();
    session.hear_bytes(&bytes("82 a4'type' 00 a3'nsp' a1'/'"));
    session.hear_bytes(&bytes("82 a4'type' 00 a3'nsp' a5'/chat'"));
    session.enter(0);
    session.enter(1);
    session
}

#[test]
fn entering() {
    let rows = [
        ("82 a4'type' 00 a3'nsp' a1'/'", "connect 0 / ()"),
        // As the browser sends it, with its options.
        ("83 a4'type' 00 a3'nsp' a5'/chat' a7'options' 81 a8'compress' c3", "connect 0 /chat ()"),
        ("83 a4'type' 00 a4'data' d4 00 00 a3'nsp' a1'/'", "connect 0 / ()"),
        ("84 a4'type' 00 a4'data' 80 a2'id' d4 00 00 a3'nsp' a1'/'", "connect 0 / ({})"),
        ("83 a4'type' 00 a4'data' 81 a5'token' a1'x' a3'nsp' a1'/'", "connect 0 / ({\"token\":\"x\"})"),
        (
            "83 a4'data' 82 a3'pid' a4'Gy9c' a6'offset' a5'1f-42' a4'type' 00 a3'nsp' a1'/'",
            "connect 0 / ({\"pid\":\"Gy9c\",\"offset\":\"1f-42\"}) from Gy9c at 1f-42",
        ),
        (
            "83 a4'type' 00 a4'data' 82 a3'pid' a4'Gy9c' a6'offset' d4 00 00 a3'nsp' a1'/'",
            "connect 0 / ({\"pid\":\"Gy9c\",\"offset\":null}) from Gy9c at the beginning",
        ),
        // A name is a name: who has namespaces will not know this one.
        ("82 a4'type' 00 a3'nsp' a4'chat'", "connect 0 chat ()"),
        ("82 a4'type' 00 a3'nsp' a0", "connect 0  ()"),
    ];
    for (packet, expected) in rows {
        assert_eq!(Session::msgpack().hear_bytes(&bytes(packet)), [expected], "{packet}");
    }
}

#[test]
fn events_and_answers() {
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    let rows = [
        (
            "83 a4'type' 02 a4'data' 94 a5'hello' 01 c4 02 01 02 81 a1'a' c0 a3'nsp' a1'/'",
            format!("event 0 hello(1,{placeholder},{{\"a\":null}} + 0102)"),
        ),
        ("84 a4'type' 02 a4'data' 91 a1'w' a2'id' 00 a3'nsp' a1'/'", "event 0 w() #0".to_owned()),
        // Any order, other members, any of the forms of an integer.
        (
            "86 a3'nsp' a5'/chat' a1'x' 93 c0 81 07 c0 90 a2'id' cd 01 00 a4'data' 92 a1'w' c3 07 c2 a4'type' 02",
            "event 1 w(true) #256".to_owned(),
        ),
        (
            "84 a4'type' cb 40 00 00 00 00 00 00 00 a4'data' 91 a1'w' a2'id' ca 41 20 00 00 a3'nsp' a1'/'",
            "event 0 w() #10".to_owned(),
        ),
        (
            "84 a4'type' d0 02 a4'data' 91 a1'w' a2'id' cf ff ff ff ff ff ff ff ff a3'nsp' a1'/'",
            "event 0 w() #18446744073709551615".to_owned(),
        ),
        // The last of two counts.
        ("84 a4'type' 00 a4'type' 02 a4'data' 91 a1'w' a3'nsp' a1'/'", "event 0 w()".to_owned()),
        // undefined and Date, an ArrayBuffer, and what a browser makes of a typed array.
        (
            "83 a4'type' 02 a4'data' 93 a1'w' d4 00 00 d7 00 00 00 00 dc 6a cf ac 05 a3'nsp' a1'/'",
            "event 0 w(null,\"2000-01-01T00:00:00.005Z\")".to_owned(),
        ),
        (
            "83 a4'type' 02 a4'data' 93 a1'w' c7 01 00 2a 81 a1'0' 2a a3'nsp' a1'/'",
            format!("event 0 w({placeholder},{{\"0\":42}} + 2a)"),
        ),
        // Numbers as names, as JavaScript spells them.
        ("83 a4'type' 02 a4'data' 91 07 a3'nsp' a1'/'", "event 0 7()".to_owned()),
        ("83 a4'type' 02 a4'data' 92 ff c0 a3'nsp' a1'/'", "event 0 -1(null)".to_owned()),
        ("83 a4'type' 02 a4'data' 91 ca 3f c0 00 00 a3'nsp' a1'/'", "event 0 1.5()".to_owned()),
        ("83 a4'type' 02 a4'data' 91 cb 3f f8 00 00 00 00 00 00 a3'nsp' a1'/'", "event 0 1.5()".to_owned()),
        // This parser looks at no names.
        ("83 a4'type' 02 a4'data' 91 a7'connect' a3'nsp' a1'/'", "event 0 connect()".to_owned()),
        ("83 a4'type' 02 a4'data' 90 a3'nsp' a1'/'", "ignore an event without a name".to_owned()),
        ("83 a4'type' 02 a4'data' 92 c3 01 a3'nsp' a1'/'", "ignore an event without a name".to_owned()),
        ("84 a2'id' 03 a4'type' 03 a4'data' 91 07 a3'nsp' a1'/'", "answer 0 #3 (7)".to_owned()),
        ("84 a2'id' 03 a4'type' 03 a4'data' 90 a3'nsp' a5'/chat'", "answer 1 #3 ()".to_owned()),
        ("83 a4'type' 03 a4'data' 91 07 a3'nsp' a1'/'", "ignore an answer without id".to_owned()),
        ("82 a4'type' 01 a3'nsp' a1'/'", "disconnect 0".to_owned()),
        ("84 a4'type' 01 a4'data' d4 00 00 a2'id' d4 00 00 a3'nsp' a5'/chat'", "disconnect 1".to_owned()),
    ];
    for (packet, expected) in rows {
        assert_eq!(joined().hear_bytes(&bytes(packet)), [expected], "{packet}");
    }
    let many = format!("83 a4'type' 02 a4'data' dc 00 11 a1'w' {} a3'nsp' a1'/'", "c0 ".repeat(16));
    assert_eq!(joined().hear_bytes(&bytes(&many)), [format!("event 0 w({})", ["null"; 16].join(","))]);
}

#[test]
fn an_ordinary_event_is_borrowed() {
    let packet = bytes("83 a4'type' 02 a4'data' 92 a5'hello' a2'hi' a3'nsp' a1'/'");
    let mut session = joined();
    let mut out = Outputs::new();
    session.machine.message(session.now, Message::Binary(&packet), &mut out);
    let [Output::Event { name: Cow::Borrowed(_), args, .. }] = &out[..] else { panic!("{out:?}") };
    assert_eq!(args.len(), 1);
}

#[test]
fn breaches() {
    let kind = "the type of a packet must be an integer from 0 to 4";
    let namespace = "the nsp of a packet must be a string";
    let array = "the data of an event or an answer must be an array";
    let map = "the data of a CONNECT packet must be a map";
    let id = "the id of a packet must be an integer from 0 to 2^64 - 1";
    let rows = [
        ("", "the packet: the MessagePack value is incomplete, expected more at byte 0".to_owned()),
        ("c1", "the packet: 0xc1 begins no MessagePack value at byte 1".to_owned()),
        ("c0", "a packet must be a map".to_owned()),
        ("90", "a packet must be a map".to_owned()),
        ("80", namespace.to_owned()),
        ("81 a3'nsp' a1'/'", kind.to_owned()),
        ("82 a4'type' 05 a3'nsp' a1'/'", kind.to_owned()),
        ("82 a4'type' 06 a3'nsp' a1'/'", kind.to_owned()),
        ("82 a4'type' ff a3'nsp' a1'/'", kind.to_owned()),
        ("82 a4'type' a1'2' a3'nsp' a1'/'", kind.to_owned()),
        ("82 a4'type' c0 a3'nsp' a1'/'", kind.to_owned()),
        ("82 a4'type' ca 3f 00 00 00 a3'nsp' a1'/'", kind.to_owned()),
        ("82 a4'type' cd 01 02 a3'nsp' a1'/'", kind.to_owned()),
        ("81 a4'type' 00", namespace.to_owned()),
        ("82 a4'type' 00 a3'nsp' c0", namespace.to_owned()),
        ("82 a4'type' 00 a3'nsp' c4 01 2f", namespace.to_owned()),
        ("82 a4'type' 00 a3'nsp' d4 00 00", namespace.to_owned()),
        ("82 a4'type' 02 a3'nsp' a1'/'", array.to_owned()),
        ("83 a4'type' 02 a4'data' 80 a3'nsp' a1'/'", array.to_owned()),
        ("83 a4'type' 02 a4'data' c0 a3'nsp' a1'/'", array.to_owned()),
        ("83 a4'type' 02 a4'data' d4 00 00 a3'nsp' a1'/'", array.to_owned()),
        ("84 a4'type' 03 a4'data' a1'x' a2'id' 00 a3'nsp' a1'/'", array.to_owned()),
        ("83 a4'type' 00 a4'data' c0 a3'nsp' a1'x'", map.to_owned()),
        ("83 a4'type' 00 a4'data' 90 a3'nsp' a1'x'", map.to_owned()),
        ("83 a4'type' 00 a4'data' a1'x' a3'nsp' a1'x'", map.to_owned()),
        (
            "83 a4'type' 01 a4'data' 80 a3'nsp' a1'/'",
            "a DISCONNECT packet with data, expected none".to_owned(),
        ),
        ("84 a4'type' 02 a4'data' 91 a1'w' a2'id' c0 a3'nsp' a1'/'", id.to_owned()),
        ("84 a4'type' 02 a4'data' 91 a1'w' a2'id' ff a3'nsp' a1'/'", id.to_owned()),
        ("84 a4'type' 02 a4'data' 91 a1'w' a2'id' ca 3f 00 00 00 a3'nsp' a1'/'", id.to_owned()),
        ("84 a4'type' 02 a4'data' 91 a1'w' a2'id' a1'1' a3'nsp' a1'/'", id.to_owned()),
        ("84 a4'type' 02 a4'data' 91 a1'w' a2'id' cb 44 00 00 00 00 00 00 00 a3'nsp' a1'/'", id.to_owned()),
        (
            "83 a4'type' 04 a4'data' a1'x' a3'nsp' a1'/'",
            "a CONNECT_ERROR packet, which only servers send".to_owned(),
        ),
        (
            "82 a4'type' 04 a3'nsp' a1'/'",
            "the data of a CONNECT_ERROR packet must be a map or a string".to_owned(),
        ),
        ("82 a4'type' 00 a3'nsp' a1'/'", "CONNECT to /, which was joined before".to_owned()),
        (
            "83 a4'type' 02 a4'data' 91 a1'w' a3'nsp' a6'/other'",
            "a packet for /other, which was not joined".to_owned(),
        ),
        ("82 a4'type' 01 a3'nsp' a6'/other'", "a packet for /other, which was not joined".to_owned()),
        ("82 a4'type' 01 a3'nsp' a1'/' c0", "more bytes behind a packet, expected none".to_owned()),
        ("83 a4'type' 01 c0 c0 a3'nsp' a1'/'", "the names in a packet must be strings".to_owned()),
        (
            "82 a4'type' 01 a3'nsp' a2 'x",
            "the packet: the MessagePack value is incomplete, expected more at byte 12".to_owned(),
        ),
        (
            "82 a4'type' 01 a3'nsp' a1 ff",
            "the packet: MessagePack strings must be UTF-8 at byte 12".to_owned(),
        ),
    ];
    for (packet, expected) in rows {
        let mut session = joined();
        let heard = session.hear_bytes(&bytes(packet));
        assert_eq!(heard, [format!("close (protocol error) {expected}")], "{packet}");
        assert!(session.hear_bytes(&bytes("82 a4'type' 01 a3'nsp' a1'/'")).is_empty());
    }
    assert_eq!(
        joined().hear("2[\"a\"]"),
        ["close (protocol error) a text message, where the msgpack parser has binary ones only"]
    );
}

/// Asserts that what is said for an item is this one message, spelled.
fn said(session: &mut Session, slot: u32, item: Item, expected: &str) {
    assert_eq!(session.say(slot, item), [hex(&bytes(expected))], "{expected}");
}

#[test]
fn what_is_sent() {
    let mut session = Session::msgpack();
    for (namespace, slot) in [("a1'/'", 0), ("a5'/chat'", 1), ("a3'/zz'", 2)] {
        let heard = session.hear_bytes(&bytes(&format!("82 a4'type' 00 a3'nsp' {namespace}")));
        assert!(heard[0].starts_with(&format!("connect {slot} ")));
    }
    said(
        &mut session,
        0,
        Item::Entered { id: id(), recovery: None, user: None },
        "83 a4'type' 00 a4'data' 81 a3'sid' b4'oSO0OpakMV_3jnilAAAA' a3'nsp' a1'/'",
    );
    said(
        &mut session,
        1,
        Item::Entered { id: id(), recovery: Some("Gy9c".into()), user: None },
        "83 a4'type' 00 a4'data' 82 a3'sid' b4'oSO0OpakMV_3jnilAAAA' a3'pid' a4'Gy9c' a3'nsp' a5'/chat'",
    );
    said(
        &mut session,
        2,
        refused(INVALID_NAMESPACE, None),
        "83 a4'type' 04 a4'data' 81 a7'message' b1'Invalid namespace' a3'nsp' a3'/zz'",
    );
    let hello = with_attachments(r#"[1,{"_placeholder":true,"num":0},{"a":null}]"#, &[b"\x01\x02"]);
    said(
        &mut session,
        0,
        emit("hello", hello, None),
        "83 a4'type' 02 a4'data' 94 a5'hello' 01 c4 02 01 02 81 a1'a' c0 a3'nsp' a1'/'",
    );
    for (ack, id) in [(0, "00"), (127, "7f"), (128, "cc 80"), (256, "cd 01 00"), (65_536, "ce 00 01 00 00")] {
        let expected = format!("84 a4'type' 02 a4'data' 91 a1'w' a2'id' {id} a3'nsp' a1'/'");
        said(&mut session, 0, emit("w", json("[]"), Some(ack)), &expected);
    }
    said(
        &mut session,
        0,
        reply(u64::MAX, json("[7]")),
        "84 a2'id' cf ff ff ff ff ff ff ff ff a4'type' 03 a4'data' 91 07 a3'nsp' a1'/'",
    );
    said(&mut session, 1, reply(3, json("[]")), "84 a2'id' 03 a4'type' 03 a4'data' 90 a3'nsp' a5'/chat'");
    let failed = Item::Reply { token: Token::Number(3), outcome: Failure::new(-32000, "no").into() };
    said(
        &mut session,
        0,
        failed,
        "84 a2'id' 03 a4'type' 03 a4'data' 91 81 a5'error' 82 a4'code' d1 83 00 a7'message' a2'no' a3'nsp' a1'/'",
    );
    said(&mut session, 1, Item::Left, "82 a4'type' 01 a3'nsp' a5'/chat'");
    let expected = hex(&bytes("82 a4'type' 01 a3'nsp' a1'/'"));
    assert_eq!(session.goodbye(Reason::ServerClosed), [expected]);
}

#[test]
fn arrays_have_the_head_they_need() {
    for (count, head) in [(14usize, "9f"), (15, "dc 00 10"), (65_534, "dc ff ff"), (65_535, "dd 00 01 00 00")]
    {
        let args = json(&format!("[{}]", vec!["1"; count].join(",")));
        let said = joined().say(0, emit("w", args, None));
        let begins = hex(&bytes(&format!("83 a4'type' 02 a4'data' {head} a1'w' 01")));
        assert!(said[0].starts_with(&begins), "{count}: {}", &said[0][..60]);
    }
}

#[test]
fn a_date_comes_back_as_one() {
    let packet = "83 a4'type' 02 a4'data' 93 a1'w' d7 00 00 00 00 dc 6a cf ac 05 d4 00 00 a3'nsp' a1'/'";
    let mut session = joined();
    let packet_bytes = bytes(packet);
    let mut out = Outputs::new();
    session.machine.message(session.now, Message::Binary(&packet_bytes), &mut out);
    let Some(Output::Event { args, .. }) = out.pop() else { panic!("{out:?}") };
    let payload = args.into_owned();
    said(&mut session, 0, emit("w", payload, None), &packet.replace(UNDEFINED, "c0"));
}

#[test]
fn broadcasts() {
    let broadcast = broadcast("/chat", "up", Payload::binary(&b"\x01"[..]));
    let plain = "83 a4'type' 02 a4'data' 92 a2'up' c4 01 01 a3'nsp' a5'/chat'";
    assert_eq!(formed(ProtocolForm::SocketIoMsgPack, &broadcast, false), [hex(&bytes(plain))]);
    let offset = "83 a4'type' 02 a4'data' 93 a2'up' c4 01 01 a5'1f-42' a3'nsp' a5'/chat'";
    assert_eq!(formed(ProtocolForm::SocketIoMsgPackOffset, &broadcast, false), [hex(&bytes(offset))]);
    let meta = "84 a4'room' a6'lob\"by' a6'offset' a5'1f-42' a4'time' cf 00 00 01 8b cf e5 68 7b \
                a4'from' b4'oSO0OpakMV_3jnilAAAA'";
    let both = format!("83 a4'type' 02 a4'data' 94 a2'up' c4 01 01 {meta} a5'1f-42' a3'nsp' a5'/chat'");
    assert_eq!(formed(ProtocolForm::SocketIoMsgPackOffset, &broadcast, true), [hex(&bytes(&both))]);
    for (recovery, form) in
        [(false, ProtocolForm::SocketIoMsgPack), (true, ProtocolForm::SocketIoMsgPackOffset)]
    {
        let options = SocketIoOptions { parser: Parser::MsgPack, recovery, ..SocketIoOptions::default() };
        assert_eq!(SocketIo::new(options).form(), form);
    }
}
