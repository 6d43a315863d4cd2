//! SUBSCRIBE and UNSUBSCRIBE: ids, what is asked of the hub, and what is wrong.

use super::*;

fn subscribe(peer: &mut Peer, headers: &str) -> Vec<String> {
    peer.hear(&format!("SUBSCRIBE\n{headers}\n\n␀"))
}

fn unsubscribe(peer: &mut Peer, headers: &str) -> Vec<String> {
    peer.hear(&format!("UNSUBSCRIBE\n{headers}\n\n␀"))
}

fn fault(message: &str, detail: &str) -> Vec<String> {
    wrong(Reason::ProtocolError, message, detail, None).into()
}

#[test]
fn what_is_asked_for() {
    for (headers, expected) in [
        ("id:0\ndestination:/topic/lobby", &["task subscribe lobby with mark 1 joined 1"][..]),
        (
            "id:0\ndestination:/room/lobby\nreceipt:r:1\nsince:7-42",
            &["task subscribe lobby since 7-42 with mark 1 joined 1 #r:1"],
        ),
        ("id:0\ndestination:/queue/jobs", &["task consume jobs as 1, takes 100"]),
        ("id:0\ndestination:/queue/jobs\nack:auto\nreceipt:r", &["task consume jobs as 1, takes 100 #r"]),
        ("id:0\ndestination:/queue/jobs\nack:client", &["task consume jobs as 1, settles 100"]),
        (
            "id:0\ndestination:/queue/jobs\nack:client-individual\nprefetch-count:1",
            &["task consume jobs as 1, settles 1"],
        ),
        ("id:0\ndestination:/queue/jobs\nprefetch-count:0", &["task consume jobs as 1, takes 10000"]),
        ("id:0\ndestination:/queue/jobs\nprefetch-count:10001", &["task consume jobs as 1, takes 10000"]),
        // What is the client's own needs nobody else; its receipt comes in its turn.
        ("id:0\ndestination:/user/queue/errors", &["task nothing mark 1"]),
        ("id:0\ndestination:/user/topic/news\nreceipt:r", &["task nothing mark 1", "task nothing #r"]),
        ("id:0\ndestination:/app/hello", &["event hello() once 1"]),
        ("id:0\ndestination:/app/hello\nreceipt:r", &["event hello() once 1 #r"]),
        // Headers that mean nothing here; those of queues on others.
        (
            "id:0\ndestination:/topic/a\nselector:x > 1\nprefetch-count:x",
            &["task subscribe a with mark 1 joined 1"],
        ),
        ("id:\ndestination:/topic/a", &["task subscribe a with mark 1 joined 1"]),
    ] {
        for version in [Version::V1_1, Version::V1_2] {
            let headers = headers.replace("r:1", "r\\c1");
            assert_eq!(subscribe(&mut Peer::open(version), &headers), expected, "{headers}");
        }
        assert_eq!(subscribe(&mut Peer::open(Version::V1_0), headers), expected, "{headers}");
    }
}

#[test]
fn ids_are_needed_but_in_1_0() {
    let mut peer = Peer::open(Version::V1_0);
    assert_eq!(subscribe(&mut peer, "destination:/topic/a"), ["task subscribe a with mark 1 joined 1"]);
    // As often as the client likes: nothing tells them apart, but their number.
    assert_eq!(subscribe(&mut peer, "destination:/topic/a"), ["task subscribe a with mark 2 joined 2"]);
    assert_eq!(subscribe(&mut peer, "destination:/topic/b\nid:b"), ["task subscribe b with mark 3 joined 3"]);
    assert_eq!(
        subscribe(&mut peer, "destination:/topic/b\nid:b"),
        fault("Duplicate subscription", "there is a subscription \"b\" already; choose another id")
    );
    for version in [Version::V1_1, Version::V1_2] {
        assert_eq!(
            subscribe(&mut Peer::open(version), "destination:/topic/a"),
            fault("Missing header", "SUBSCRIBE needs the header id")
        );
        assert_eq!(
            unsubscribe(&mut Peer::open(version), "destination:/topic/a"),
            fault("Missing header", "UNSUBSCRIBE needs the header id")
        );
    }
    assert_eq!(
        unsubscribe(&mut Peer::open(Version::V1_0), "receipt:"),
        wrong(Reason::ProtocolError, "Missing header", "UNSUBSCRIBE needs the header id", Some(""))
    );
    for version in Version::ALL {
        assert_eq!(
            subscribe(&mut Peer::open(version), "id:0"),
            fault("Missing header", "SUBSCRIBE needs the header destination")
        );
    }
}

#[test]
fn an_id_is_given_once_at_a_time() {
    for other in ["/topic/a", "/topic/b", "/queue/a", "/user/queue/a", "/app/a"] {
        let mut peer = Peer::open(Version::V1_2);
        peer.subscribe("0", "/topic/a");
        peer.subscribe("1", other);
        assert_eq!(
            subscribe(&mut peer, &format!("id:0\ndestination:{other}\nreceipt:7")),
            wrong(
                Reason::ProtocolError,
                "Duplicate subscription",
                "there is a subscription \"0\" already; choose another id",
                Some("7")
            )
        );
    }
    // It is free from the frame on that gives it up, whenever that has its turn.
    for destination in ["/topic/a", "/queue/a", "/user/queue/a", "/app/a"] {
        let mut peer = Peer::open(Version::V1_2);
        for _ in 0..3 {
            assert!(subscribe(&mut peer, &format!("id:0\ndestination:{destination}")).len() <= 1);
            assert_eq!(unsubscribe(&mut peer, "id:0").len(), 1);
        }
    }
}

#[test]
fn what_else_may_be_wrong() {
    let most = StompOptions { subscriptions: 2, ..StompOptions::default() };
    let mut peer = Peer::open_as(Version::V1_2, most);
    peer.subscribe("a", "/user/queue/a");
    peer.subscribe("b", "/queue/b");
    peer.hear("UNSUBSCRIBE\nid:b\n\n␀");
    peer.done();
    peer.subscribe("c", "/topic/c");
    let detail = "a connection may have 2 subscriptions, and this one has";
    assert_eq!(
        subscribe(&mut peer, "id:d\ndestination:/topic/d"),
        wrong(Reason::Refused, "Too many subscriptions", detail, None)
    );
    for ack in ["", "Auto", "none", "client-all", "client "] {
        assert_eq!(
            subscribe(&mut Peer::open(Version::V1_2), &format!("id:0\ndestination:/topic/a\nack:{ack}")),
            fault("Bad ack", &format!("ack {ack:?}; it is auto, client or client-individual"))
        );
    }
    for (id, is_short) in [("é".repeat(127) + "x", true), ("é".repeat(128), false)] {
        let heard = subscribe(&mut Peer::open(Version::V1_2), &format!("id:{id}\ndestination:/queue/a"));
        match is_short {
            true => assert_eq!(heard.len(), 1),
            false => assert_eq!(heard, fault("Bad id", "the id has 256 bytes, and may have 255")),
        }
    }
    for destination in ["/topic/a", "/user/queue/a"] {
        let mut peer = Peer::open(Version::V1_2);
        for id in 0..8 {
            assert_eq!(subscribe(&mut peer, &format!("id:{id}\ndestination:{destination}")).len(), 1);
        }
        unsubscribe(&mut peer, "id:0");
        assert_eq!(subscribe(&mut peer, &format!("id:8\ndestination:{destination}")).len(), 1);
        let detail = "8 subscriptions of a connection may have the same destination";
        assert_eq!(
            subscribe(&mut peer, &format!("id:9\ndestination:{destination}")),
            wrong(Reason::Refused, "Too many subscriptions", detail, None)
        );
    }
    // One that is given up and taken again counts once, but not without end.
    let mut peer = Peer::open(Version::V1_2);
    for _ in 0..1024 {
        assert_eq!(subscribe(&mut peer, "id:0\ndestination:/topic/a").len(), 1);
        unsubscribe(&mut peer, "id:0");
    }
    let detail = "the end of 1024 others has not had its turn; wait for a receipt now and then";
    assert_eq!(
        subscribe(&mut peer, "id:0\ndestination:/topic/a"),
        wrong(Reason::Refused, "Too many subscriptions", detail, None)
    );
    let long = "x".repeat(201);
    for (destination, detail) in [
        (format!("/user/queue/{long}"), "the event name has 201 bytes, at most 200 are allowed"),
        (format!("/app/{long}"), "the event name has 201 bytes, at most 200 are allowed"),
        ("/room/$x".to_owned(), "room names that begin with `$` are Everywire's own"),
        (format!("/queue/{long}"), "the queue name has 201 bytes, at most 200 are allowed"),
        ("/user/queue/$x".to_owned(), "event names that begin with `$` are Everywire's own"),
        ("/app/connect".to_owned(), "the event name \"connect\" is reserved by Socket.IO"),
    ] {
        let headers = format!("id:0\ndestination:{destination}");
        assert_eq!(subscribe(&mut Peer::open(Version::V1_2), &headers), fault("Bad destination", detail));
    }
    for count in ["", "-1", "1.5", "many", "99999999999999999999999"] {
        let headers = format!("id:0\ndestination:/queue/a\nprefetch-count:{count}");
        assert_eq!(
            subscribe(&mut Peer::open(Version::V1_2), &headers),
            fault("Bad prefetch-count", &format!("prefetch-count {count:?}; it has to be a number"))
        );
    }
}

#[test]
fn the_last_one_leaves_the_room() {
    for version in Version::ALL {
        let mut peer = Peer::open(version);
        peer.subscribe("a", "/topic/lobby");
        peer.subscribe("b", "/room/lobby");
        peer.subscribe("c", "/topic/hall");
        assert_eq!(unsubscribe(&mut peer, "id:a"), ["task nothing stopped 1"]);
        // The end of the first is on its way, and does not count.
        assert_eq!(unsubscribe(&mut peer, "id:b\nreceipt:r"), ["task unsubscribe lobby stopped 2 #r"]);
        assert_eq!(
            subscribe(&mut peer, "id:b\ndestination:/topic/lobby"),
            ["task subscribe lobby with mark 4 joined 4"]
        );
        assert_eq!((peer.done(), peer.done()), (vec![], vec!["RECEIPT\nreceipt-id:r\n\n␀".to_owned()]));
        assert_eq!(unsubscribe(&mut peer, "id:c"), ["task unsubscribe hall stopped 3"]);
        assert_eq!(unsubscribe(&mut peer, "id:b"), ["task unsubscribe lobby stopped 4"]);
    }
}

#[test]
fn the_end_of_others() {
    let mut peer = Peer::open(Version::V1_2);
    peer.subscribe("q", "/queue/jobs");
    peer.subscribe("u", "/user/queue/errors");
    peer.subscribe("a", "/app/hello");
    assert_eq!(unsubscribe(&mut peer, "id:q\nreceipt:1"), ["task stop 1 stopped 1 #1"]);
    assert_eq!(unsubscribe(&mut peer, "id:u"), ["task nothing stopped 2"]);
    assert_eq!(unsubscribe(&mut peer, "id:a\ndestination:/topic/other"), ["task nothing stopped 3"]);
    assert_eq!(peer.done(), ["RECEIPT\nreceipt-id:1\n\n␀"]);
    assert_eq!((peer.done(), peer.done()), (vec![], vec![]));
    assert_eq!(peer.machine.subscriptions.count(), (0, 0));
}

#[test]
fn by_destination_in_1_0() {
    let mut peer = Peer::open(Version::V1_0);
    for _ in 0..2 {
        subscribe(&mut peer, "destination:/topic/a");
    }
    subscribe(&mut peer, "destination:/topic/b\nid:b");
    assert_eq!(unsubscribe(&mut peer, "destination: /topic/a"), ["task nothing stopped 1"]);
    assert_eq!(unsubscribe(&mut peer, "destination:/topic/a"), ["task unsubscribe a stopped 2"]);
    assert_eq!(
        unsubscribe(&mut peer, "destination:/topic/b"),
        fault("No subscription found", "there is no subscription \"/topic/b\""),
        "one that has an id goes by that"
    );
}

#[test]
fn there_is_none() {
    for version in Version::ALL {
        let mut peer = Peer::open(version);
        peer.subscribe("a", "/topic/a");
        unsubscribe(&mut peer, "id:a");
        let detail = "there is no subscription \"a\"";
        assert_eq!(
            unsubscribe(&mut peer, "id:a\nreceipt:9"),
            wrong(Reason::ProtocolError, "No subscription found", detail, Some("9")),
            "twice"
        );
        let lenient = StompOptions { lenient_unsubscribe: true, ..StompOptions::default() };
        let mut peer = Peer::open_as(version, lenient);
        assert_eq!(unsubscribe(&mut peer, "id:a"), NOTHING);
        assert_eq!(unsubscribe(&mut peer, "id:a\nreceipt:9"), ["task nothing #9"]);
        assert_eq!(peer.done(), ["RECEIPT\nreceipt-id:9\n\n␀"]);
    }
}

#[test]
fn a_receipt_says_where_a_subscription_stands() {
    for (recovered, shown) in [(true, "true"), (false, "false")] {
        let mut peer = Peer::open(Version::V1_2);
        subscribe(&mut peer, "id:0\ndestination:/topic/a\nsince:1f-2\nreceipt:r");
        let joined = Payload::from_args(&("1f-7", recovered)).expect("it serialises");
        assert_eq!(
            peer.answer(Outcome::Done(joined)),
            [format!("RECEIPT\nreceipt-id:r\noffset:1f-7\nrecovered:{shown}\n\n␀")]
        );
    }
    // Who does not ask is not told.
    let mut peer = Peer::open(Version::V1_2);
    subscribe(&mut peer, "id:0\ndestination:/topic/a");
    let joined = Payload::from_args(&("1f-7", false)).expect("it serialises");
    assert_eq!(peer.answer(Outcome::Done(joined)), NOTHING);
}
