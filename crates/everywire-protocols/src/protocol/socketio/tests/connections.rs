//! Namespaces: entering, leaving, being put out, and what happens meanwhile.

use super::*;

const GONE: &str = "ignore a packet that crossed with the end of its connection";

#[test]
fn entering() {
    let rows = [
        ("0", "connect 0 / ()"),
        ("0/,", "connect 0 / ()"),
        ("0{}", "connect 0 / ({})"),
        (r#"0{"token":"x"}"#, r#"connect 0 / ({"token":"x"})"#),
        (r#"0/chat,{"token":"x"}"#, r#"connect 0 /chat ({"token":"x"})"#),
        ("0/chat,", "connect 0 /chat ()"),
        ("0/chat", "connect 0 /chat ()"),
        // Taken literally in protocol 5.
        ("0/chat?x=1,", "connect 0 /chat?x=1 ()"),
        // Nobody sends an id, and nobody minds.
        ("07{}", "connect 0 / ({})"),
        ("0/admin/é,", "connect 0 /admin/é ()"),
    ];
    for (text, expected) in rows {
        assert_eq!(Session::json().hear(text), [expected], "{text}");
    }
}

#[test]
fn coming_back() {
    let rows = [
        (r#"{"pid":"Gy9c","offset":"1f-42","token":"t"}"#, " from Gy9c at 1f-42"),
        (r#"{"pid":"Gy9c"}"#, " from Gy9c at the beginning"),
        (r#"{"pid":"Gy9c","offset":null}"#, " from Gy9c at the beginning"),
        (r#"{"pid":"Gy9c","offset":7}"#, " from Gy9c at the beginning"),
        (r#"{"pid":"G\u0079\"","offset":"é"}"#, " from Gy\" at é"),
        (r#"{"offset":"1f-42"}"#, ""),
        (r#"{"pid":7,"offset":"1f-42"}"#, ""),
        (r#"{"pid":"","offset":"1f-42"}"#, ""),
        (r#"{"pid":{"pid":"Gy9c"},"offset":"1f-42"}"#, ""),
    ];
    for (auth, resume) in rows {
        let expected = format!("connect 0 / ({auth}){resume}");
        assert_eq!(Session::json().hear(&format!("0{auth}")), [expected]);
    }
}

#[test]
fn the_answer_to_connect() {
    let entered =
        |recovery: Option<&str>| Item::Entered { id: id(), recovery: recovery.map(Arc::from), user: None };
    let rows = [
        (entered(None), r#"0{"sid":"oSO0OpakMV_3jnilAAAA"}"#, r#"0/chat,{"sid":"oSO0OpakMV_3jnilAAAA"}"#),
        (
            entered(Some("Gy9c")),
            r#"0{"sid":"oSO0OpakMV_3jnilAAAA","pid":"Gy9c"}"#,
            r#"0/chat,{"sid":"oSO0OpakMV_3jnilAAAA","pid":"Gy9c"}"#,
        ),
        (
            refused(INVALID_NAMESPACE, None),
            r#"4{"message":"Invalid namespace"}"#,
            r#"4/chat,{"message":"Invalid namespace"}"#,
        ),
        (
            refused("not \"authorized\"", Some(r#"[{"code":42}]"#)),
            r#"4{"message":"not \"authorized\"","data":{"code":42}}"#,
            r#"4/chat,{"message":"not \"authorized\"","data":{"code":42}}"#,
        ),
    ];
    for (item, of_default, of_chat) in rows {
        let mut session = Session::json();
        session.hear("0");
        session.hear("0/chat");
        let again = match &item {
            Item::Entered { id, recovery, user } => {
                Item::Entered { id: *id, recovery: recovery.clone(), user: user.clone() }
            }
            Item::Refused { message, data } => Item::Refused { message: message.clone(), data: data.clone() },
            other => panic!("{other:?}"),
        };
        assert_eq!(session.say(1, item), [of_chat]);
        assert_eq!(session.say(0, again), [of_default]);
    }
}

#[test]
fn connect_is_answered_once() {
    let mut session = Session::joined();
    assert!(session.enter(0).is_empty());
    assert!(session.say(0, refused("late", None)).is_empty());
    assert!(session.enter(7).is_empty());
    assert_eq!(session.hear("2[\"a\"]"), ["event 0 a()"], "the connection goes on");
}

#[test]
fn leaving() {
    let mut session = Session::joined();
    assert_eq!(session.hear("1/chat,"), ["disconnect 1"]);
    assert!(session.say(1, emit("late", json("[]"), None)).is_empty());
    assert!(session.say(1, reply(0, json("[]"))).is_empty());
    assert_eq!(session.hear("2[\"a\"]"), ["event 0 a()"], "the other goes on");
    // A new connection has a new number.
    assert_eq!(session.hear("0/chat,"), ["connect 2 /chat ()"]);
    assert_eq!(session.enter(2), [format!("0/chat,{{\"sid\":\"{SID}\"}}")]);
    assert_eq!(session.hear("1"), ["disconnect 0"]);
    assert_eq!(session.hear("2/chat,[\"a\"]"), ["event 2 a()"]);
    assert_eq!(session.hear("1/chat"), ["disconnect 2"], "the comma may be missing");
    assert_eq!(session.machine.deadline(), None, "who was in once may be in none");
    let fault = "close (protocol error) a packet for /chat, which was not joined";
    assert_eq!(session.hear("1/chat"), [fault]);
}

#[test]
fn being_put_out() {
    let mut session = Session::joined();
    assert_eq!(session.say(1, Item::Left), ["1/chat,"]);
    assert!(session.say(1, Item::Left).is_empty());
    assert!(session.say(1, emit("late", json("[]"), None)).is_empty());
    // What was under way is not the client's fault.
    for crossed in ["2/chat,[\"a\"]", "2/chat,1[\"a\"]", "3/chat,1[]", "1/chat,"] {
        assert_eq!(session.hear(crossed), [GONE], "{crossed}");
    }
    assert!(session.hear("51-/chat,[\"a\"]").is_empty());
    assert_eq!(session.hear_bytes(&[1]), [GONE]);
    assert_eq!(session.hear("0/chat"), ["connect 2 /chat ()"]);
    assert_eq!(session.say(0, Item::Left), ["1"]);
    // While it waits to be let in, too.
    assert_eq!(session.say(2, Item::Left), ["1/chat,"]);
    assert!(session.enter(2).is_empty());
}

#[test]
fn packets_after_a_refusal_crossed_with_it() {
    let mut session = Session::json();
    session.hear("0");
    assert_eq!(session.say(0, refused("no", None)), [r#"4{"message":"no"}"#]);
    assert_eq!(session.hear("2[\"a\"]"), [GONE]);
    assert_eq!(session.hear("0"), ["connect 1 / ()"]);
}

#[test]
fn only_the_last_that_ended_are_remembered() {
    let mut session = Session::new(SocketIoOptions { namespaces: 2, ..SocketIoOptions::default() });
    for slot in 0..5 {
        assert_eq!(session.hear(&format!("0/{slot}")), [format!("connect {slot} /{slot} ()")]);
        session.enter(slot);
        session.say(slot, Item::Left);
    }
    for slot in [3, 4] {
        assert_eq!(session.hear(&format!("1/{slot}")), [GONE]);
    }
    assert_eq!(session.hear("1/2"), ["close (protocol error) a packet for /2, which was not joined"]);
}

#[test]
fn what_is_sent_before_the_client_is_in_waits() {
    let mut session = Session::json();
    session.hear("0");
    session.hear("0/chat");
    session.enter(1);
    // The client need not wait either.
    assert_eq!(session.hear("27[\"early\"]"), ["event 0 early() #7"]);
    assert!(session.say(0, emit("a", json("[1]"), None)).is_empty());
    assert!(session.say(0, emit("b", with_attachments(BINARY, &[b"\x01"]), None)).is_empty());
    assert!(session.say(0, reply(7, json("[2]"))).is_empty());
    assert!(
        session
            .say(0, Item::Broadcast { broadcast: broadcast("/", "c", json("[]")), meta: false })
            .is_empty()
    );
    assert!(session.say(0, Item::Wire { bytes: Bytes::from_static(b"2[\"d\"]"), text: true }).is_empty());
    assert_eq!(session.say(1, emit("x", json("[]"), None)), ["2/chat,[\"x\"]"], "another does not wait");
    let hello = format!("0{{\"sid\":\"{SID}\"}}");
    let said = session.enter(0);
    assert_eq!(
        said,
        [
            &hello,
            "2[\"a\",1]",
            &format!("51-[\"b\",{}]", &BINARY[1..BINARY.len() - 1]),
            "01",
            "37[2]",
            "2[\"c\"]",
            "2[\"d\"]"
        ]
    );
    assert_eq!(session.say(0, emit("e", json("[]"), None)), ["2[\"e\"]"]);
}

const BINARY: &str = r#"[{"_placeholder":true,"num":0}]"#;

#[test]
fn what_waited_for_one_who_is_refused_is_dropped() {
    let mut session = Session::json();
    session.hear("0");
    session.say(0, emit("a", json("[]"), None));
    assert_eq!(session.say(0, refused("no", None)), [r#"4{"message":"no"}"#]);
    assert_eq!(session.hear("0"), ["connect 1 / ()"]);
    assert_eq!(session.enter(1), [format!("0{{\"sid\":\"{SID}\"}}")]);
}

#[test]
fn a_session_ends_that_would_hold_back_too_much() {
    let options = SocketIoOptions { held_bytes: 1000, ..SocketIoOptions::default() };
    let long = || emit("a", Payload::text("x".repeat(300)), None);
    let mut session = Session::new(options.clone());
    session.hear("0");
    session.hear("0/chat");
    session.say(0, long());
    session.say(1, long());
    // What left is held no more.
    assert_eq!(session.enter(0).len(), 2);
    session.say(1, long());
    assert_eq!(session.machine.deadline(), None);
    session.say(1, long());
    let end =
        "close (slow consumer) more was to be sent than is held back for connections that are not let in yet";
    assert_eq!(session.machine.deadline(), Some(Time(0)), "at once");
    assert_eq!(session.tick(), [end]);
    assert_eq!(session.machine.deadline(), None);
    assert!(session.tick().is_empty());
    assert!(session.hear("2[\"a\"]").is_empty());
    // Or with the next message.
    let mut session = Session::new(options);
    session.hear("0");
    session.say(0, emit("a", Payload::text("x".repeat(1000)), None));
    assert_eq!(session.hear("2[\"a\"]"), [end]);
}

#[test]
fn a_session_in_no_namespace_ends() {
    let options =
        SocketIoOptions { connect_timeout: Duration::from_millis(1500), ..SocketIoOptions::default() };
    let mut session = Session::new(options.clone());
    let deadline = Time(2_500);
    assert_eq!(session.machine.deadline(), Some(deadline));
    // Neither asking nor being refused is being in.
    session.hear("0");
    session.hear("0/chat");
    session.say(0, refused("no", None));
    assert_eq!(session.machine.deadline(), Some(deadline));
    session.now = Time(2_499);
    assert!(session.tick().is_empty());
    session.now = deadline;
    assert_eq!(session.tick(), ["close (handshake timeout) no namespace was joined within 1.5 s"]);
    assert_eq!(session.machine.deadline(), None);

    let mut session = Session::new(options);
    session.hear("0");
    session.enter(0);
    assert_eq!(session.machine.deadline(), None);
    session.hear("1");
    session.now = Time(1_000_000);
    assert!(session.tick().is_empty());
}

#[test]
fn the_defaults_are_nodes() {
    let options = SocketIoOptions::default();
    assert_eq!(Session::json().machine.deadline(), Some(Time(46_000)));
    assert_eq!((options.attachments, options.attachment_bytes), (10, 1_000_000));
}

#[test]
fn goodbye() {
    let mut session = Session::joined();
    session.hear("0/waiting");
    session.hear("0/gone");
    session.say(3, Item::Left);
    assert_eq!(session.goodbye(Reason::ServerClosed), ["1", "1/chat,"]);
    for reason in Reason::ALL.into_iter().filter(|reason| *reason != Reason::ServerClosed) {
        assert!(session.goodbye(reason).is_empty(), "{reason}");
    }
}

#[test]
fn a_packet_is_held_back_whole() {
    let mut session = Session::new(SocketIoOptions { held_bytes: 150, ..SocketIoOptions::default() });
    session.hear("0");
    let up = || emit("up", Payload::binary(&b"\x01"[..]), None);
    // Its text would fit, and its attachment would not.
    session.say(0, emit("a", json("[]"), None));
    session.say(0, up());
    assert_eq!(session.enter(0)[1..], ["2[\"a\"]"]);
}
