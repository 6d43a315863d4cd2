//! What each of the nine kinds becomes, in both encodings.

use super::*;

/// What is heard, in both encodings, and what follows.
fn both(json: &str, msgpack: &str, expected: &[&str]) {
    let mut peer = Peer::open(Encoding::Json);
    assert_eq!(peer.hear(&format!("{json}␞")), expected, "{json}");
    let mut peer = Peer::open(Encoding::MsgPack);
    assert_eq!(peer.hear_bytes(&counted(msgpack)), expected, "{msgpack}");
}

#[test]
fn all_nine_kinds() {
    both(
        r#"{"type":1,"invocationId":"1","target":"Send","arguments":[42,"é"]}"#,
        "96 01 80 a1'1' a4'Send' 92 2a a2'é' 90",
        &["event Send(42,\"é\") #1"],
    );
    // Nobody awaits an answer.
    both(r#"{"type":1,"target":"Send","arguments":[]}"#, "95 01 80 c0 a4'Send' 90", &["event Send()"]);
    both(
        r#"{"type":1,"invocationId":"","target":"Send","arguments":[]}"#,
        "95 01 80 a0 a4'Send' 90",
        &["event Send()"],
    );
    both(r#"{"type":2,"invocationId":"5","item":[1]}"#, "94 02 80 a1'5' 91 01", &["item 5 ([1])"]);
    both(r#"{"type":3,"invocationId":"5"}"#, "94 03 80 a1'5' 02", &["uploaded 5 None"]);
    both(
        r#"{"type":4,"invocationId":"3","target":"S","arguments":[1]}"#,
        "96 04 80 a1'3' a1'S' 91 01 90",
        &["call S(1) #3 streams"],
    );
    both(r#"{"type":5,"invocationId":"3"}"#, "93 05 80 a1'3'", &["cancel 3"]);
    both(r#"{"type":6}"#, "91 06", &[]);
    both(r#"{"type":7}"#, "92 07 c0", &["close (client closed) the client closed"]);
    both(
        r#"{"type":7,"error":"bad day","allowReconnect":true}"#,
        "93 07 a7'bad day' c3",
        &["close (client closed) the client closed: bad day"],
    );
    // Here nothing is to be acknowledged, and nothing to be sent again.
    let ignored = ["ignore an Ack, and nothing is to be acknowledged"];
    both(r#"{"type":8,"sequenceId":3}"#, "92 08 03", &ignored);
    both(r#"{"type":9,"sequenceId":3}"#, "92 09 03", &[]);
}

#[test]
fn kinds_that_nobody_knows_are_left_alone_and_what_follows_is_not() {
    for kind in [0, 10, 99, u64::MAX] {
        let mut peer = Peer::open(Encoding::Json);
        let text = format!(r#"{{"type":{kind},"target":7}}␞{{"type":1,"target":"M","arguments":[]}}␞"#);
        assert_eq!(peer.hear(&text), [&format!("ignore a message of the unknown kind {kind}"), "event M()"]);
    }
    let mut peer = Peer::open(Encoding::MsgPack);
    let bytes = [counted("93 0a c0 93 01 02 03"), counted("95 01 80 c0 a1'M' 90")].concat();
    assert_eq!(peer.hear_bytes(&bytes), ["ignore a message of the unknown kind 10", "event M()"]);
}

#[test]
fn ids_go_back_as_they_came() {
    for (id, token) in [
        ("0", "0"),
        ("7", "7"),
        ("18446744073709551615", "18446744073709551615"),
        // Not as we would spell them.
        ("18446744073709551616", "\"18446744073709551616\""),
        ("01", "\"01\""),
        ("00", "\"00\""),
        ("+1", "\"+1\""),
        ("-0", "\"-0\""),
        (" 1", "\" 1\""),
        ("1.0", "\"1.0\""),
        ("abc", "\"abc\""),
        ("s1", "\"s1\""),
        ("é\u{1f600}", "\"é\u{1f600}\""),
        ("99999999999999999999999999999999999999999999", "\"99999999999999999999999999999999999999999999\""),
    ] {
        let mut peer = Peer::open(Encoding::Json);
        let text = format!(r#"{{"type":1,"invocationId":"{id}","target":"M","arguments":[]}}"#);
        let record = format!("{text}\u{1e}");
        let mut out = Outputs::new();
        peer.machine.message(Time(peer.now), Message::Text(&record), &mut out);
        let Some(Output::Event { token: Some(given), .. }) = out.pop() else { panic!("{out:?}") };
        assert_eq!(spell_token(&given), token);
        let said = peer.say(Item::Reply { token: given, outcome: Outcome::Done(Payload::empty()) });
        assert_eq!(said, [format!(r#"{{"type":3,"invocationId":"{id}","result":null}}␞"#)]);
    }
}

#[test]
fn arguments_that_cannot_be_taken_fail_the_call_and_nothing_else() {
    // More values of bytes than a payload may have.
    let count = everywire_core::payload::MAX_ATTACHMENTS + 1;
    let call = |id: &str, kind: &str| {
        let mut body = hex(&format!("95 {kind} 80 {id} a14d dc 00"));
        body.push(u8::try_from(count).expect("few"));
        body.extend(std::iter::repeat_n([0xc4, 0], count).flatten());
        let mut bytes = vec![body.len() as u8 & 0x7f | 0x80, (body.len() >> 7) as u8];
        bytes.extend(body);
        bytes
    };
    let said = |options, bytes: &[u8]| {
        let mut peer = Peer::open_with(options, &Facts::default(), Encoding::MsgPack);
        let said = peer.hear_bytes(bytes);
        assert_eq!(peer.hear_bytes(&counted("95 01 80 c0 a1'M' 90")), ["event M()"], "it goes on");
        said
    };
    let text = "Failed to invoke 'M' due to an error on the server.";
    let error = |text: &str| {
        let mut bytes = Vec::new();
        Outgoing::Completion { id: "7", ended: Ended::Error(text) }.append(Encoding::MsgPack, &mut bytes);
        format!("send {}", spell_message(Kind::Binary, &bytes))
    };
    for kind in ["01", "04"] {
        assert_eq!(said(SignalROptions::default(), &call("a137", kind)), [error(text)]);
        let [shown] = &said(detailed(), &call("a137", kind))[..] else { panic!("one answer") };
        let detail = spell_message(Kind::Binary, b" InvalidDataException: ");
        assert!(shown.contains(&detail) && *shown != error(text), "{shown}");
    }
    // Nobody awaits it.
    assert_eq!(said(SignalROptions::default(), &call("c0", "01")), [format!("ignore {text}")]);
}

#[test]
fn what_is_no_message_ends_it() {
    for (record, fault) in [
        (r#"{"type":1,"arguments":[]}"#, "Missing required property 'target'."),
        (r#"{"type":1,"target":"M"}"#, "Missing required property 'arguments'."),
        (r#"{"type":4,"target":"M","arguments":[]}"#, "Missing required property 'invocationId'."),
        (r#"{"type":2,"invocationId":"1"}"#, "Missing required property 'item'."),
        (
            r#"{"type":3,"invocationId":"1","result":1,"error":"E"}"#,
            "The 'error' and 'result' properties are mutually exclusive.",
        ),
        (r#"{"type":8}"#, "Missing required property 'sequenceId'."),
        ("{}", "Missing required property 'type'."),
    ] {
        for (options, shown) in [
            (SignalROptions::default(), String::new()),
            (detailed(), format!(" InvalidDataException: {fault}")),
        ] {
            let mut peer = Peer::open_with(options, &Facts::default(), Encoding::Json);
            let said = peer.hear(&format!("{{\"type\":6}}␞{record}␞{{\"type\":5,\"invocationId\":\"1\"}}␞"));
            assert_eq!(said, [format!("close (protocol error) {fault}")]);
            assert_eq!(peer.hear(r#"{"type":5,"invocationId":"1"}␞"#), NOTHING);
            assert_eq!(peer.machine.deadline(), None);
            let error = format!("Connection closed with an error.{shown}");
            assert_eq!(
                peer.goodbye(Reason::ProtocolError),
                [format!(r#"{{"type":7,"error":"{error}","allowReconnect":true}}␞"#)]
            );
            assert_eq!(peer.goodbye(Reason::ProtocolError), NOTHING, "it is said once");
        }
    }
    let mut peer = Peer::open(Encoding::MsgPack);
    assert_eq!(
        peer.hear_bytes(&counted("95 01 80 c0 a0 90")),
        ["close (protocol error) Null or empty target for Invocation message."]
    );
    // Text that is none.
    let mut peer = Peer::open(Encoding::Json);
    let said = peer.hear_bytes(b"{\"type\":1,\"target\":\"\xff\",\"arguments\":[]}\x1e");
    assert!(said[0].starts_with("close (protocol error) Error reading JSON. "), "{said:?}");
}

#[test]
fn what_is_too_long_ends_it() {
    for (encoding, message) in [
        (
            Encoding::Json,
            format!(r#"{{"type":1,"target":"M","arguments":["{}"]}}"#, "x".repeat(100)).into_bytes(),
        ),
        (Encoding::MsgPack, [vec![0xe8, 0x07], vec![0; 20]].concat()),
    ] {
        let options = SignalROptions { message_bytes: 100, ..detailed() };
        let mut peer = Peer::open_with(options, &Facts::default(), encoding);
        let text = "The maximum message size of 100B was exceeded. The message size can be configured in AddHubOptions.";
        assert_eq!(peer.hear_bytes(&message), [format!("close (too large) {text}")]);
        let error = format!("Connection closed with an error. InvalidDataException: {text}");
        let mut bytes = Vec::new();
        Outgoing::Close { error: Some(&error), allow_reconnect: true }.append(encoding, &mut bytes);
        assert_eq!(peer.goodbye(Reason::TooLarge), [spell_message(encoding.kind(), &bytes)]);
    }
}

#[test]
fn answers_to_our_calls() {
    both(
        r#"{"type":3,"invocationId":"s1","result":{"a":1}}"#,
        "95 03 80 a2's1' 03 81 a1'a' 01",
        &["answer 1 ({\"a\":1})"],
    );
    both(r#"{"type":3,"invocationId":"s0","result":null}"#, "95 03 80 a2's0' 03 c0", &["answer 0 (null)"]);
    both(r#"{"type":3,"invocationId":"s12"}"#, "94 03 80 a3's12' 02", &["answer 12 ()"]);
    both(
        r#"{"type":3,"invocationId":"s1","error":"Error: x"}"#,
        "95 03 80 a2's1' 01 a8'Error: x'",
        &["no answer 1: 0 Error: x"],
    );
    // Not as we spell ours.
    for id in ["s01", "s+1", "s", "s1x", "S1", "s18446744073709551616"] {
        let mut peer = Peer::open(Encoding::Json);
        let text = format!(r#"{{"type":3,"invocationId":"{id}","result":1}}␞"#);
        assert_eq!(peer.hear(&text), [format!("uploaded {id:?} None")]);
    }
}

#[test]
fn an_answer_that_cannot_be_taken_is_an_error() {
    let count = everywire_core::payload::MAX_ATTACHMENTS + 1;
    let mut body = hex("95 03 80 a2 73 31 03 dc 00");
    body.push(u8::try_from(count).expect("few"));
    body.extend(std::iter::repeat_n([0xc4, 0], count).flatten());
    let mut bytes = vec![body.len() as u8 & 0x7f | 0x80, (body.len() >> 7) as u8];
    bytes.extend(body);
    let said = Peer::open(Encoding::MsgPack).hear_bytes(&bytes);
    assert!(said[0].starts_with("no answer 1: 0 Error trying to deserialize result. "), "{said:?}");
}
