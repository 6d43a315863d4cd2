//! What hostile clients send: nothing is held that has no bound, and nothing takes long or panics.

use super::*;

#[test]
fn thousands_of_namespaces() {
    let mut session = Session::json();
    for i in 0..128 {
        assert_eq!(session.hear(&format!("0/{i}")), [format!("connect {i} /{i} ()")]);
    }
    for i in 128..5_000 {
        let expected = format!(
            "send 4/{i},{{\"message\":\"too many namespaces in one session, at most 128 are allowed\"}}"
        );
        assert_eq!(session.hear(&format!("0/{i}")), [expected]);
    }
    // It is in those that it is in, and one that it leaves makes room for another.
    assert_eq!(session.hear("2/127,[\"a\"]"), ["event 127 a()"]);
    assert_eq!(session.hear("1/64,"), ["disconnect 64"]);
    assert_eq!(session.hear("0/new"), ["connect 128 /new ()"]);
    assert_eq!(
        session.hear("2/500,[\"a\"]"),
        ["close (protocol error) a packet for /500, which was not joined"]
    );
}

#[test]
fn coming_and_going() {
    let mut session = Session::new(SocketIoOptions { namespaces: 4, ..SocketIoOptions::default() });
    for slot in 0..10_000u32 {
        assert_eq!(session.hear(&format!("0/{}", slot % 7)), [format!("connect {slot} /{} ()", slot % 7)]);
        match slot % 3 {
            0 => assert_eq!(session.hear(&format!("1/{}", slot % 7)), [format!("disconnect {slot}")]),
            1 => assert_eq!(session.say(slot, refused("no", None)).len(), 1),
            _ => assert_eq!(session.say(slot, Item::Left).len(), 1),
        }
    }
}

#[test]
fn long_names_of_namespaces() {
    let long = "é".repeat(100);
    let mut session = Session::json();
    assert_eq!(
        session.hear(&format!("0/{long},")),
        [format!("send 4/{long},{{\"message\":\"Invalid namespace\"}}")]
    );
    let fits = format!("/{}", "n".repeat(199));
    assert_eq!(session.hear(&format!("0{fits},")), [format!("connect 0 {fits} ()")]);
    // The log gets the beginning of it.
    let heard = session.hear(&format!("2/{}[\"a\"]", "é".repeat(100_000)));
    assert!(heard[0].len() < 300, "{heard:?}");
    // Of a query it is the name that counts.
    let (mut session, _) = Session::of_revision(3, SocketIoOptions::default());
    let heard = session.hear(&format!("0/chat?a={long}{long},"));
    assert_eq!(heard, [format!("connect 1 /chat ({{\"a\":\"{long}{long}\"}})")]);
}

#[test]
fn deep_nesting() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let as_deep_as_may_be = format!("2[\"a\",{}]", nested(62));
    assert_eq!(Session::joined().hear(&as_deep_as_may_be), [format!("event 0 a({})", nested(62))]);
    for text in [
        format!("2[\"a\",{}]", nested(63)),
        format!("2[\"a\",{}]", nested(65)),
        format!("2[\"a\",{}", "[".repeat(500_000)),
        format!("2[\"a\",{}", "{\"a\":".repeat(100_000)),
        format!("2{}", "[".repeat(500_000)),
        format!("31{}", "[".repeat(500_000)),
        format!("0/new,{}", "{\"a\":".repeat(100_000)),
        format!("4{}", "[".repeat(500_000)),
    ] {
        let heard = Session::joined().hear(&text);
        assert!(heard[0].starts_with("close (protocol error) "), "{heard:?}");
    }
    // Placeholders within placeholders' names, and far more of them than attachments.
    let text = format!("51-[\"a\",{}1{}]", "{\"_placeholder\":".repeat(50), "}".repeat(50));
    let mut session = Session::joined();
    assert!(session.hear(&text).is_empty());
    assert!(session.hear_bytes(b"\x01")[0].starts_with("close (protocol error) "));
    let all = vec![r#"{"_placeholder":true,"num":0}"#; 1000].join(",");
    let mut session = Session::joined();
    assert!(session.hear(&format!("51-[\"a\",{all}]")).is_empty());
    assert!(session.hear_bytes(&[0; 100_000])[0].starts_with("close (protocol error) "));
}

#[test]
fn long_numbers() {
    for text in [
        format!("2{}[\"a\"]", "9".repeat(500_000)),
        format!("5{}-[\"a\"]", "9".repeat(500_000)),
        format!("2{}", "9".repeat(500_000)),
    ] {
        assert!(Session::joined().hear(&text)[0].starts_with("close (protocol error) "));
    }
    let zeros = format!("2{}7[\"a\"]", "0".repeat(500_000));
    assert_eq!(Session::joined().hear(&zeros), ["event 0 a() #7"]);
    // A name that is a number, in as many digits as JavaScript would tell apart.
    let digits = format!("2[1{}]", "0".repeat(300));
    assert_eq!(Session::joined().hear(&digits), [format!("event 0 1{}()", "0".repeat(300))]);
}

#[test]
fn heads_of_msgpack_that_promise_much() {
    let prefix = "83 a4'type' 02 a3'nsp' a1'/' a4'data'";
    for packet in [
        "df ff ff ff ff".to_owned(),
        "de ff ff".to_owned(),
        format!("{prefix} dd ff ff ff ff"),
        format!("{prefix} dd ff ff ff ff a1'w'"),
        format!("{prefix} df ff ff ff ff a1'w' c0"),
        format!("{prefix} db ff ff ff ff"),
        format!("{prefix} c6 ff ff ff ff"),
        format!("{prefix} c9 ff ff ff ff 00"),
        format!("{prefix} 92 a1'w' dd ff ff ff ff"),
        "81 db ff ff ff ff".to_owned(),
    ] {
        let heard = Session::msgpack().hear_bytes(&bytes(&packet));
        assert!(heard[0].starts_with("close (protocol error) the packet: "), "{packet}: {heard:?}");
    }
    for container in [0x91, 0x81] {
        let mut packet = bytes(prefix);
        packet.resize(500_000, container);
        assert!(Session::msgpack().hear_bytes(&packet)[0].starts_with("close (protocol error) "));
    }
    let deep = |depth: usize| {
        let mut session = Session::msgpack();
        session.hear_bytes(&bytes("82 a4'type' 00 a3'nsp' a1'/'"));
        session.hear_bytes(&bytes(&format!("{prefix} 92 a1'w' {} c0", "91 ".repeat(depth))))
    };
    assert_eq!(deep(62), [format!("event 0 w({}null{})", "[".repeat(62), "]".repeat(62))]);
    assert!(deep(63)[0].starts_with("close (protocol error) "));
    let buffers = format!("{prefix} 9c a1'w' {}", "c4 00 ".repeat(11));
    assert_eq!(
        Session::msgpack().hear_bytes(&bytes(&buffers)),
        ["close (protocol error) the packet's payload: 11 binary attachments, at most 10 are allowed"]
    );
}

#[test]
fn strings_of_any_kind_stay_within_their_packet() {
    // Names and messages with what would end a packet or a namespace.
    let mut session = Session::joined();
    let said = session.say(0, emit("a\",1]\n", json(r#"["\"]"]"#), None));
    assert_eq!(said, [r#"2["a\",1]\n","\"]"]"#]);
    session.hear("0/new");
    assert_eq!(session.say(2, refused("\"}\u{1e}", None)), [r#"4/new,{"message":"\"}\u001e"}"#]);
}
