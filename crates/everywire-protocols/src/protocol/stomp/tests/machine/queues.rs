//! Queues: what comes from them, and what a client says of it.

use everywire_core::hub::QueueMessage;

use super::*;

fn delivery(consumer: u32, delivery: u64, redelivered: bool, message: &Arc<QueueMessage>) -> Item {
    Item::Delivery { consumer, delivery, redelivered, message: message.clone() }
}

fn message(payload: Payload) -> Arc<QueueMessage> {
    Arc::new(QueueMessage {
        event: "job".into(),
        payload,
        from: Some(public_id()),
        user: Some("ann".into()),
        time: 1_700_000_000_123,
        original: None,
    })
}

#[test]
fn what_comes() {
    let job = message(Payload::text("hi"));
    let from = public_id();
    for version in Version::ALL {
        for (ack, kind) in [("auto", 'q'), ("client", 'c'), ("client-individual", 'q')] {
            let mut peer = Peer::open(version);
            peer.subscribe("other", "/topic/jobs");
            peer.subscribe("s", &format!("/queue/jobs\nack:{ack}"));
            let settles = ack != "auto" && version == Version::V1_2;
            let tells = if settles { format!("ack:{kind}2.7\n") } else { String::new() };
            for (redelivered, told) in [(false, ""), (true, "redelivered:true\n")] {
                assert_eq!(
                    peer.say(delivery(2, 7, redelivered, &job)),
                    [format!(
                        "MESSAGE\nsubscription:s\ndestination:/queue/jobs\nmessage-id:{kind}2.7\n{tells}{told}event:job\ntime:1700000000123\nfrom:{from}\nuser:ann\ncontent-type:text/plain;charset=utf-8\ncontent-length:2\n\nhi␀"
                    )]
                );
            }
            // Nothing of others that it has, or has not.
            assert_eq!(peer.say(delivery(3, 1, false, &job)), NOTHING);
        }
    }
    // What another client of STOMP's sent, as it sent it.
    let sent = Peer::open(Version::V1_2).publishes(b"SEND\ndestination:/queue/jobs\nx:1\n\n[1]\n\0");
    let Published { event, payload, original } = sent;
    let sent = Arc::new(QueueMessage { event, payload, from: None, user: None, time: 1, original });
    let mut peer = Peer::open(Version::V1_2);
    peer.subscribe("s", "/queue/jobs");
    assert_eq!(
        peer.say(delivery(1, 0, false, &sent)),
        [
            "MESSAGE\nsubscription:s\ndestination:/queue/jobs\nmessage-id:q1.0\nevent:message\ntime:1\nx:1\ncontent-length:4\n\n[1]\n␀"
        ]
    );
    let bytes = message(Payload::binary(vec![0, 255]));
    assert!(peer.say(delivery(1, 1, false, &bytes))[0].starts_with("bytes MESSAGE\\nsubscription:s\\n"));
}

#[test]
fn what_is_on_its_way_still_comes() {
    let job = message(Payload::text("hi"));
    let mut peer = Peer::open(Version::V1_2);
    peer.subscribe("s", "/queue/jobs\nack:client");
    assert_eq!(peer.hear("UNSUBSCRIBE\nid:s\nreceipt:r\n\n␀"), ["task stop 1 stopped 1 #r"]);
    let comes = peer.say(delivery(1, 1, false, &job)).concat();
    assert!(
        comes.starts_with("MESSAGE\nsubscription:s\ndestination:/queue/jobs\nmessage-id:c1.1\n"),
        "{comes}"
    );
    // Another of the same name is another.
    peer.subscribe("s", "/topic/t");
    assert!(peer.say(delivery(1, 2, false, &job))[0].contains("\ndestination:/queue/jobs\n"));
}

#[test]
fn once_it_has_ended_nothing_comes() {
    let job = message(Payload::text("hi"));
    let mut peer = Peer::open(Version::V1_2);
    peer.subscribe("s", "/queue/jobs\nack:client");
    peer.hear("UNSUBSCRIBE\nid:s\nreceipt:r\n\n␀");
    assert_eq!(peer.done(), ["RECEIPT\nreceipt-id:r\n\n␀"]);
    assert_eq!(peer.say(delivery(1, 1, false, &job)), NOTHING);
    // What had come can be settled.
    assert_eq!(peer.hear("ACK\nid:c1.1\n\n␀"), ["task settle 1.1 and before done"]);
}

#[test]
fn what_a_client_says_of_it() {
    for version in Version::ALL {
        let name = if version == Version::V1_2 { "id" } else { "message-id" };
        for (frame, expected) in [
            ("ACK\nID:q1.7\n\n␀", &["task settle 1.7 done"][..]),
            ("ACK\nID:q1.7\nsubscription:s\nreceipt:r\n\n␀", &["task settle 1.7 done #r"]),
            ("ACK\nID:c1.7\n\n␀", &["task settle 1.7 and before done"]),
            (
                "ACK\nID:q4294967295.18446744073709551615\n\n␀",
                &["task settle 4294967295.18446744073709551615 done"],
            ),
            // Nobody waits for what becomes of these.
            ("ACK\nID:r1.1f-7\n\n␀", &[]),
            ("ACK\nID:e1.7\n\n␀", &[]),
            ("ACK\nID:r1.1f-7\nreceipt:r\n\n␀", &["task nothing #r"]),
        ] {
            let frame = frame.replace("ID", name);
            assert_eq!(Peer::open(version).hear(&frame), expected, "{version} {frame}");
        }
        for (frame, expected) in [
            ("NACK\nID:q1.7\n\n␀", &["task settle 1.7 return"][..]),
            ("NACK\nID:c1.7\nreceipt:r\n\n␀", &["task settle 1.7 and before return #r"]),
            ("NACK\nID:q1.7\nrequeue:true\n\n␀", &["task settle 1.7 return"]),
            ("NACK\nID:q1.7\nrequeue:false\n\n␀", &["task settle 1.7 drop"]),
            ("NACK\nID:e1.7\n\n␀", &[]),
        ] {
            let frame = frame.replace("ID", name);
            let none =
                wrong(Reason::ProtocolError, "Unknown command", "\"NACK\" is no command of STOMP 1.0", None);
            match version {
                Version::V1_0 => {
                    assert_eq!(Peer::open(version).hear(&frame.replace("receipt:r\n", "")), none);
                }
                _ => assert_eq!(Peer::open(version).hear(&frame), expected, "{version} {frame}"),
            }
        }
    }
}

#[test]
fn the_subscription_says_how_it_is_settled() {
    let mut peer = Peer::open(Version::V1_2);
    for (ack, id) in [("client", "a"), ("client-individual", "b")] {
        peer.hear(&format!("SUBSCRIBE\nid:{id}\ndestination:/queue/jobs\nack:{ack}\n\n␀"));
    }
    // Whatever a client makes of an id of ours.
    assert_eq!(peer.hear("ACK\nid:q1.7\n\n␀"), ["task settle 1.7 and before done"]);
    assert_eq!(peer.hear("ACK\nid:c2.7\n\n␀"), ["task settle 2.7 done"]);
}

#[test]
fn what_is_no_message() {
    for version in Version::ALL {
        let (name, other) =
            if version == Version::V1_2 { ("id", "message-id") } else { ("message-id", "id") };
        for id in [
            "",
            "q",
            "q1",
            "q1.",
            "q.1",
            "x1.7",
            "1.7",
            "q1.7 ",
            "q-1.7",
            "q1.-7",
            "q1.1f-7",
            "q1.+7",
            "q+1.7",
            "q4294967296.1",
            "q1.18446744073709551616",
            "r1",
            "r1.",
            "é1.7",
            "Q1.7",
        ] {
            let frame = format!("ACK\n{name}:{id}\nreceipt:r\n\n␀");
            let detail = format!("{name} {id:?} is of no message that was sent");
            let expected = wrong(Reason::ProtocolError, "Unknown message", &detail, Some("r"));
            assert_eq!(Peer::open(version).hear(&frame), expected);
        }
        let frame = format!("ACK\n{other}:q1.7\n\n␀");
        let detail = format!("ACK needs the header {name}");
        let expected = wrong(Reason::ProtocolError, "Missing header", &detail, None);
        assert_eq!(Peer::open(version).hear(&frame), expected);
    }
    // One that is none of the consumer's any more: the hub knows.
    let mut peer = Peer::open(Version::V1_2);
    peer.hear("ACK\nid:q1.7\nreceipt:r\n\n␀");
    let ends = Failure { ends: true, ..Failure::new(-32602, "settled already") };
    assert!(peer.answer(ends)[0].starts_with("ERROR\nmessage:Not done\n"));
}
