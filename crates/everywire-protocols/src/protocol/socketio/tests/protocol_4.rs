//! What is different with clients of version 2, which speak Engine.IO 3 and protocol 4.

use super::*;

fn session() -> Session {
    let (session, opened) = Session::of_revision(3, SocketIoOptions::default());
    assert_eq!(opened, ["connect 0 / ()"], "nobody has to ask for `/`");
    session
}

#[test]
fn the_server_lets_the_client_in_by_itself() {
    let mut session = session();
    assert_eq!(session.machine.deadline(), Some(Time(46_000)));
    assert_eq!(session.enter(0), ["0"]);
    assert_eq!(session.machine.deadline(), None);
    assert_eq!(session.hear("2[\"a\",1]"), ["event 0 a(1)"]);
    assert_eq!(session.hear("0"), ["close (protocol error) CONNECT to /, which was joined before"]);
}

#[test]
fn other_revisions_are_protocol_5() {
    for revision in [0, 4, 5] {
        let (mut session, opened) = Session::of_revision(revision, SocketIoOptions::default());
        assert!(opened.is_empty());
        assert_eq!(session.hear("0/chat?token=1,"), ["connect 0 /chat?token=1 ()"]);
    }
}

#[test]
fn other_namespaces_are_asked_for_and_may_have_a_query() {
    let rows = [
        ("0/chat,", "connect 1 /chat ()"),
        ("0/chat", "connect 1 /chat ()"),
        ("0/chat?token=1", "connect 1 /chat ({\"token\":\"1\"})"),
        ("0/chat?token=1,", "connect 1 /chat ({\"token\":\"1\"})"),
        ("0/chat?", "connect 1 /chat ({})"),
        ("0/chat?a=1&a=2&&b&=c", r#"connect 1 /chat ({"":"c","a":"2","b":""})"#),
        ("0/chat?a=%2C+%22%C3%A9&%61=x?y=z", "connect 1 /chat ({\"a\":\"x?y=z\"})"),
        ("0/chat?a=%2C+%22%C3%A9%zz%ff", "connect 1 /chat ({\"a\":\", \\\"é%zz\u{fffd}\"})"),
        // There is nothing to come back to.
        ("0/chat?pid=1&offset=2,", r#"connect 1 /chat ({"offset":"2","pid":"1"})"#),
        // What protocol 5 has as auth is not.
        ("0/chat,{\"token\":1}", "connect 1 /chat ()"),
    ];
    for (text, expected) in rows {
        let mut session = session();
        assert_eq!(session.hear(text), [expected], "{text}");
        assert_eq!(session.enter(1), ["0/chat,"]);
        // The query names nothing.
        assert_eq!(session.hear("2/chat,[\"a\"]"), ["event 1 a()"]);
        assert_eq!(session.hear("2/chat?other,[\"a\"]"), ["event 1 a()"]);
        assert_eq!(session.say(1, emit("b", json("[]"), None)), ["2/chat,[\"b\"]"]);
        assert_eq!(session.hear("1/chat?token=1,"), ["disconnect 1"]);
    }
}

#[test]
fn a_query_with_attachments() {
    let mut session = session();
    session.hear("0/chat?token=1");
    assert!(session.hear("51-/chat?token=1,[\"a\",{\"_placeholder\":true,\"num\":0}]").is_empty());
    assert_eq!(session.hear_bytes(b"\x01"), [r#"event 1 a({"_placeholder":true,"num":0} + 01)"#]);
}

#[test]
fn refusals_are_raw() {
    let rows = [
        (refused("msg", None), "4/chat,\"msg\""),
        (refused("msg", Some("[{\"code\":42}]")), "4/chat,{\"code\":42}"),
        (refused(INVALID_NAMESPACE, None), r#"4/chat,{"message":"Invalid namespace"}"#),
    ];
    for (item, expected) in rows {
        let mut session = session();
        session.hear("0/chat?token=1,");
        assert_eq!(session.say(1, item), [expected]);
    }
    let options = SocketIoOptions { namespaces: 1, ..SocketIoOptions::default() };
    let (mut session, _) = Session::of_revision(3, options);
    let refusal = r#"send 4/chat,"too many namespaces in one session, at most 1 are allowed""#;
    assert_eq!(session.hear("0/chat?a,"), [refusal]);
}

#[test]
fn who_was_refused_or_left_may_ask_again() {
    let mut session = session();
    assert_eq!(session.say(0, refused("no", None)), ["4\"no\""]);
    assert_eq!(session.hear("0"), ["connect 1 / ()"]);
    assert_eq!(session.enter(1), ["0"]);
    assert_eq!(session.hear("1"), ["disconnect 1"]);
    assert_eq!(session.hear("0"), ["connect 2 / ()"]);
    assert_eq!(session.enter(2), ["0"]);
    assert_eq!(session.say(2, Item::Left), ["1"]);
}

#[test]
fn recovery_shows_in_events_alone() {
    let options = SocketIoOptions { recovery: true, ..SocketIoOptions::default() };
    let (mut session, _) = Session::of_revision(3, options);
    assert_eq!(session.say(0, Item::Entered { id: id(), recovery: Some("Gy9c".into()), user: None }), ["0"]);
    let broadcast = broadcast("/", "news", json("[1]"));
    assert_eq!(session.say(0, Item::Broadcast { broadcast, meta: false }), [r#"2["news",1,"1f-42"]"#]);
}

#[test]
fn msgpack() {
    let options = SocketIoOptions { parser: Parser::MsgPack, ..SocketIoOptions::default() };
    let (mut session, opened) = Session::of_revision(3, options);
    assert_eq!(opened, ["connect 0 / ()"]);
    assert_eq!(session.enter(0), [hex(&bytes("82 a4'type' 00 a3'nsp' a1'/'"))]);
    let connect = bytes("82 a4'type' 00 a3'nsp' ad'/chat?token=1'");
    assert_eq!(session.hear_bytes(&connect), ["connect 1 /chat ({\"token\":\"1\"})"]);
    assert_eq!(
        session.say(1, refused("msg", None)),
        [hex(&bytes("83 a4'type' 04 a4'data' a3'msg' a3'nsp' a5'/chat'"))]
    );
}
