//! SEND, and what comes back: events and their answers, receipts, errors.

use super::*;

const CHAT: &str = "SEND\ndestination:/app/chat\n";

fn spring() -> StompOptions {
    StompOptions { spring: true, ..StompOptions::default() }
}

fn text(text: &'static str) -> Outcome {
    Outcome::Done(Payload::text(text))
}

#[test]
fn what_is_published() {
    for (headers, expected) in [
        ("", "task publish a message(\"hi\")"),
        ("event:chat\n", "task publish a chat(\"hi\")"),
        ("event:chat\nreceipt:r1\n", "task publish a chat(\"hi\") #r1"),
        ("receipt:\n", "task publish a message(\"hi\") #"),
        ("event:with\\cescapes\n", "task publish a with:escapes(\"hi\")"),
        // Headers of the client's own go along; what is said by the server of a message, they cannot say.
        ("x:1\nY y:\\c\\n\nx:2\n", "task publish a message(\"hi\") [x:1,Y y::\n|=|=]"),
        (
            "receipt:r\ncontent-length:2\nmessage-id:1\nsubscription:0\nack:1\nid:1\nredelivered:true\noffset:1\ntime:1\nfrom:1\nuser:ann\nuser-name:ann\nuser-id:1\nsince:1\nreceipt-id:1\n",
            "task publish a message(\"hi\") #r",
        ),
        (
            " user:ann\nuser \t:bob\n\u{feff}user:carol\n\u{feff} from:dan\n\u{a0}offset:1\n",
            "task publish a message(\"hi\")",
        ),
        ("priority:9\npersistent:true\n", "task publish a message(\"hi\") [priority:9,persistent:true|=|=]"),
    ] {
        for (destination, to) in [("/topic/a", "publish a"), ("/room/a", "publish a"), ("/queue/a", "send a")]
        {
            let expected = expected.replace("publish a", to);
            for version in [Version::V1_1, Version::V1_2] {
                let heard =
                    Peer::open(version).hear(&format!("SEND\ndestination:{destination}\n{headers}\nhi␀"));
                assert_eq!(heard, [&*expected], "{headers}");
            }
        }
    }
}

#[test]
fn what_is_no_event() {
    for (event, why) in [
        ("", "the event name is empty, expected 1 to 200 bytes"),
        ("connect", "the event name \"connect\" is reserved by Socket.IO"),
        ("$reset", "event names that begin with `$` are Everywire's own"),
        ("a\\nb", "the event name has the control character U+000A at byte 1"),
    ] {
        for destination in ["/topic/a", "/queue/a"] {
            let frame = format!("SEND\ndestination:{destination}\nevent:{event}\nreceipt:r\n\n␀");
            let expected = wrong(Reason::ProtocolError, "Bad event", why, Some("r"));
            assert_eq!(Peer::open(Version::V1_2).hear(&frame), expected);
        }
    }
}

#[test]
fn events_of_the_application() {
    for (headers, body, expected) in [
        ("", "", "event chat()"),
        ("", "hi", "event chat(\"hi\")"),
        ("content-type:application/json\n", "{\"text\":\"hi\"}", "event chat({\"text\":\"hi\"})"),
        ("receipt:r\nx:1\nevent:other\n", "1", "event chat(1) #r"),
        ("correlation-id:7\n", "", "event chat()"),
        ("reply-to:/temp-queue/a\n", "", "event chat() -> /temp-queue/a"),
        ("reply-to:/temp-queue/a\ncorrelation-id:7\nreceipt:r\n", "", "event chat() -> /temp-queue/a (7) #r"),
        ("reply-to:/user/queue/a\n", "", "event chat() -> /user/queue/a"),
        ("reply-to:/user/topic/a\n", "", "event chat() -> /user/topic/a"),
    ] {
        let heard = Peer::open(Version::V1_2).hear(&format!("{CHAT}{headers}\n{body}␀"));
        assert_eq!(heard, [expected], "{headers}");
    }
    // Who may not send its answer there is told before anything is done.
    for (headers, expected) in [
        (
            "reply-to:/topic/a\nreceipt:r\n",
            ["task rights to publish to a held #r", "task call chat() for room a, asked: true #r"],
        ),
        (
            "reply-to:/room/a\ncorrelation-id:7\n",
            [
                "task rights to publish to a held",
                "task call chat() for room a, asked: true [correlation-id:7|=|=]",
            ],
        ),
        (
            "reply-to:/queue/a\ncorrelation-id:7\n",
            ["task rights to send to a held", "task call chat() for queue a [correlation-id:7|=|=]"],
        ),
    ] {
        let heard = Peer::open(Version::V1_2).hear(&format!("{CHAT}{headers}\n␀"));
        assert_eq!(heard, expected, "{headers}");
    }
    // What others answer comes by a queue or a room.
    let heard = Peer::open(Version::V1_2).hear("SEND\ndestination:/queue/rpc\nreply-to:/temp-queue/a\n\n␀");
    let detail = "what other clients answer does not come to \"/temp-queue/a\", only what the application does; name a queue or a room";
    assert_eq!(heard, wrong(Reason::ProtocolError, "Bad reply-to", detail, None));
    for (reply_to, message, why) in [
        (
            "/app/a",
            "Bad reply-to",
            "answers do not go to \"/app/a\"; choose /temp-queue/, /user/queue/, /topic/ or /queue/",
        ),
        (
            "/user/ann/queue/a",
            "Bad reply-to",
            "answers do not go to \"/user/ann/queue/a\"; choose /temp-queue/, /user/queue/, /topic/ or /queue/",
        ),
        ("/topic/$a", "Bad destination", "room names that begin with `$` are Everywire's own"),
        (
            "/temp-queue/",
            "Unknown destination",
            "\"/temp-queue/\": a name has to follow the destination's beginning",
        ),
    ] {
        let heard = Peer::open(Version::V1_2).hear(&format!("{CHAT}reply-to:{reply_to}\nreceipt:r\n\n␀"));
        assert_eq!(heard, wrong(Reason::ProtocolError, message, why, Some("r")));
    }
}

#[test]
fn answers_go_where_the_client_wants_them() {
    let mut peer = Peer::open(Version::V1_2);
    // Nowhere.
    peer.hear(&format!("{CHAT}\n␀"));
    assert_eq!(peer.answer(text("yes")), NOTHING);
    peer.hear(&format!("{CHAT}receipt:r\\c1\n\n␀"));
    assert_eq!(peer.answer(text("yes")), ["RECEIPT\nreceipt-id:r\\c1\n\n␀"]);
    // To itself, without a subscription.
    peer.hear(&format!("{CHAT}reply-to:/temp-queue/a\\cb\ncorrelation-id:7\nreceipt:r\n\n␀"));
    assert_eq!(
        peer.answer(text("yes")),
        [
            "MESSAGE\nsubscription:/temp-queue/a\\cb\ndestination:/temp-queue/a\\cb\nmessage-id:e0.0\ncorrelation-id:7\ncontent-type:text/plain;charset=utf-8\ncontent-length:3\n\nyes␀",
            "RECEIPT\nreceipt-id:r\n\n␀"
        ]
    );
    // To a subscription of its own, if it has one.
    let ask = format!("{CHAT}reply-to:/user/queue/answers\ncorrelation-id:8\n\n␀");
    peer.hear(&ask);
    assert_eq!(peer.answer(text("yes")), NOTHING);
    peer.subscribe("x", "/user/queue/answers");
    peer.subscribe("y", "/user/topic/answers");
    peer.hear(&ask);
    let said = |id, destination, number| {
        format!(
            "MESSAGE\nsubscription:{id}\ndestination:{destination}\nmessage-id:e{number}.1\ncorrelation-id:8\ncontent-type:application/json\ncontent-length:4\n\ntrue␀"
        )
    };
    assert_eq!(
        peer.answer(Outcome::Done(Payload::from_args(&(true,)).expect("it serialises"))),
        [said("x", "/user/queue/answers", 1), said("y", "/user/topic/answers", 2)]
    );
    // To others: that is the hub's.
    peer.hear(&format!("{CHAT}reply-to:/topic/a\nreceipt:r\n\n␀"));
    assert_eq!(peer.done(), NOTHING, "it may");
    assert_eq!(peer.answer(text("yes")), ["RECEIPT\nreceipt-id:r\n\n␀"]);
    // Who does not await it gets no answer that is a stream.
    peer.hear(&format!("{CHAT}reply-to:/temp-queue/a\nreceipt:r\n\n␀"));
    let token = peer.asked[0].clone();
    assert_eq!(peer.say(Item::StreamItem { token, payload: Payload::text("one") }), NOTHING);
    assert_eq!(peer.answer(Outcome::Ended), ["RECEIPT\nreceipt-id:r\n\n␀"]);
}

#[test]
fn as_spring_has_it() {
    let mut peer = Peer::open_as(Version::V1_2, spring());
    assert_eq!(
        peer.hear(&format!("{CHAT}receipt:r\n\n␀")),
        ["task call chat() for room chat, asked: false #r"],
        "the application answers to the topic of the event's name"
    );
    assert_eq!(peer.answer(text("yes")), ["RECEIPT\nreceipt-id:r\n\n␀"]);
    // Unless the client says otherwise.
    let heard = peer.hear(&format!("{CHAT}reply-to:/temp-queue/a\n\n␀"));
    assert_eq!(heard, ["event chat() -> /temp-queue/a"]);
}

#[test]
fn a_subscription_to_the_application_is_answered_once() {
    let mut peer = Peer::open(Version::V1_2);
    peer.hear(
        "SUBSCRIBE\nid:s\ndestination:/app/hello\nreceipt:r\n\n␀SUBSCRIBE\nid:t\ndestination:/app/hello\n\n␀",
    );
    assert_eq!(
        peer.answer(text("hi")),
        [
            "MESSAGE\nsubscription:s\ndestination:/app/hello\nmessage-id:e1.0\ncontent-type:text/plain;charset=utf-8\ncontent-length:2\n\nhi␀",
            "RECEIPT\nreceipt-id:r\n\n␀"
        ]
    );
    // One that is on its way comes; then there is nobody to tell.
    peer.hear("UNSUBSCRIBE\nid:t\n\n␀");
    peer.asked.rotate_left(1);
    assert_eq!(peer.done(), NOTHING);
    assert_eq!(peer.answer(text("hi")), NOTHING);
}

#[test]
fn a_handler_that_says_nothing() {
    let mut peer = Peer::open(Version::V1_2);
    peer.subscribe("r", "/user/queue/answers");
    peer.hear("SUBSCRIBE\nid:s\ndestination:/app/hello\nreceipt:1\n\n␀");
    assert_eq!(peer.done(), ["RECEIPT\nreceipt-id:1\n\n␀"]);
    // Who asks has an answer.
    for reply_to in ["/user/queue/answers", "/temp-queue/answers"] {
        peer.hear(&format!("SEND\ndestination:/app/hello\nreply-to:{reply_to}\nreceipt:2\n\n␀"));
        let said = peer.done();
        let [message, receipt] = &said[..] else { panic!("{said:?}") };
        assert!(message.starts_with("MESSAGE\n") && message.ends_with("\n\n␀"), "{message}");
        assert_eq!(receipt, "RECEIPT\nreceipt-id:2\n\n␀");
    }
}

#[test]
fn what_fails_is_told_to_who_wants_to_know() {
    let failure = || Failure {
        event: "chat".into(),
        data: Some(Payload::from_args(&([1, 2],)).expect("it serialises")),
        ..Failure::new(-32000, "no \"way\"")
    };
    let mut peer = Peer::open(Version::V1_2);
    peer.hear(&format!("{CHAT}receipt:r\n\n␀"));
    assert_eq!(peer.answer(failure()), NOTHING, "no RECEIPT, and nobody who listens");
    peer.subscribe("e", "/user/queue/errors");
    for (headers, receipt) in [("receipt:r\\c1\n", "receipt-id:r\\c1\n"), ("reply-to:/temp-queue/a\n", "")] {
        peer.hear(&format!("{CHAT}{headers}\n␀"));
        let number = usize::from(receipt.is_empty());
        assert_eq!(
            peer.answer(failure()),
            [format!(
                "MESSAGE\nsubscription:e\ndestination:/user/queue/errors\nmessage-id:e1.{number}\ncontent-type:application/json\n{receipt}content-length:66\n\n{{\"code\":-32000,\"message\":\"no \\\"way\\\"\",\"event\":\"chat\",\"data\":[1,2]}}␀"
            )]
        );
    }
    peer.hear(&format!("{CHAT}\n␀"));
    let plain = Failure { data: None, ..failure() };
    assert!(
        peer.answer(plain)[0]
            .ends_with("{\"code\":-32000,\"message\":\"no \\\"way\\\"\",\"event\":\"chat\"}␀")
    );
    // A subscription to the application that fails is not answered.
    peer.hear("SUBSCRIBE\nid:s\ndestination:/app/chat\n\n␀");
    assert!(peer.answer(failure())[0].starts_with("MESSAGE\nsubscription:e\n"));
    // What may not be ends the conversation.
    peer.hear("SUBSCRIBE\nid:a\ndestination:/topic/a\nreceipt:r\\n\n\n␀");
    let ends = Failure { ends: true, ..Failure::new(-32001, "you may not") };
    assert_eq!(
        peer.answer(ends.clone()),
        [
            "ERROR\nmessage:Not done\ncontent-type:text/plain;charset=utf-8\nreceipt-id:r\\n\ncontent-length:11\n\nyou may not␀"
        ]
    );
    assert_eq!(peer.hear(&format!("{CHAT}\n␀")), NOTHING);
    assert_eq!(peer.goodbye(Reason::Refused), NOTHING);
}
