//! Transactions: what is held, what becomes of it, and how much it may be.

use super::*;

fn fault(message: &str, detail: &str) -> Vec<String> {
    wrong(Reason::ProtocolError, message, detail, None).into()
}

fn send(transaction: &str, more: &str, body: &str) -> String {
    format!("SEND\ndestination:/topic/a\ntransaction:{transaction}\n{more}\n{body}␀")
}

#[test]
fn what_is_committed_is_done_in_order() {
    for version in [Version::V1_1, Version::V1_2] {
        let mut peer = Peer::open(version);
        assert_eq!(peer.hear("BEGIN\ntransaction:t\\c1\nreceipt:0\n\n␀"), ["task nothing #0"]);
        let name = if version == Version::V1_2 { "id" } else { "subscription:s\nmessage-id" };
        for frame in [
            send("t\\c1", "receipt:1\nevent:chat\n", "one"),
            "SEND\ndestination:/queue/jobs\ntransaction:t\\c1\n\ntwo␀".to_owned(),
            "SEND\ndestination:/user/queue/x\ntransaction:t\\c1\n\nthree␀".to_owned(),
            "SEND\ndestination:/app/chat\ntransaction:t\\c1\nreply-to:/temp-queue/r\nreceipt:4\n\nfour␀"
                .to_owned(),
            "SEND\ndestination:/app/chat\ntransaction:t\\c1\nreply-to:/queue/logs\n\nfour␀".to_owned(),
            format!("ACK\n{name}:c1.5\ntransaction:t\\c1\nreceipt:5\n\n␀"),
            format!("NACK\n{name}:q2.6\ntransaction:t\\c1\n\n␀"),
            format!("ACK\n{name}:r3.1f-7\ntransaction:t\\c1\n\n␀"),
        ] {
            assert_eq!(peer.hear(&frame), NOTHING, "{frame}");
        }
        // Others do not wait for it, and subscriptions are in none.
        assert_eq!(peer.hear("SEND\ndestination:/topic/a\n\nnow␀"), ["task publish a message(\"now\")"]);
        let subscribed = peer.hear("SUBSCRIBE\nid:s\ndestination:/topic/a\ntransaction:t\\c1\n\n␀");
        assert_eq!(subscribed, ["task subscribe a with mark 1 joined 1"]);
        assert_eq!(peer.hear("UNSUBSCRIBE\nid:s\ntransaction:none\n\n␀").len(), 1);
        assert_eq!(
            peer.hear("COMMIT\ntransaction:t\\c1\nreceipt:6\n\n␀"),
            [
                "task rights to publish to a, send to jobs, send to logs held #6",
                "task publish a chat(\"one\") #1",
                "task send jobs message(\"two\")",
                "task publish to user \"\" x(\"three\")",
                "task call chat(\"four\") -> /temp-queue/r #4",
                "task call chat(\"four\") for queue logs",
                "task settle 1.5 and before done #5",
                "task settle 2.6 return",
                "task nothing",
                "task nothing #6",
            ]
        );
        assert_eq!(peer.hear("BEGIN\ntransaction:t\\c1\n\n␀"), NOTHING, "its name is free");
    }
    // 1.0 has them as well.
    let mut peer = Peer::open(Version::V1_0);
    peer.hear("BEGIN\ntransaction: t\n\n␀");
    assert_eq!(peer.hear(&send("t", "", "one")), NOTHING);
    assert_eq!(peer.hear("COMMIT\ntransaction:t\n\n␀"), ["task publish a message(\"one\")"]);
}

#[test]
fn what_may_not_be_is_known_before_any_of_it_is_done() {
    let held = |peer: &mut Peer, destinations: &[&str]| {
        peer.hear("BEGIN\ntransaction:t\n\n␀");
        for destination in destinations {
            peer.hear(&format!("SEND\ndestination:{destination}\ntransaction:t\nreceipt:1\n\n1␀"));
        }
        peer.hear("COMMIT\ntransaction:t\nreceipt:r\n\n␀")
    };
    let rights = |destinations: &[&str]| held(&mut Peer::open(Version::V1_2), destinations)[0].clone();
    assert_eq!(
        rights(&["/topic/a", "/topic/a", "/room/b"]),
        "task rights to publish to a, publish to b held #r"
    );
    assert_eq!(rights(&["/queue/a", "/app/b"]), "task rights to send to a held #r");
    // One alone is asked about when it is done, and who asks for nothing by its name has no need of rights.
    assert_eq!(rights(&["/topic/a"]), "task publish a message(1) #1");
    assert_eq!(rights(&["/app/b", "/user/queue/c"]), "task call b(1) #1");

    let mut peer = Peer::open(Version::V1_2);
    held(&mut peer, &["/topic/a", "/topic/b"]);
    assert_eq!(peer.done(), NOTHING, "the receipt is for what is done");
    assert_eq!(peer.done(), ["RECEIPT\nreceipt-id:1\n\n␀"]);
    let mut peer = Peer::open(Version::V1_2);
    held(&mut peer, &["/topic/a", "/topic/b"]);
    let ends = Failure { ends: true, ..Failure::new(-32001, "you may not") };
    assert_eq!(
        peer.answer(ends),
        [
            "ERROR\nmessage:Not done\ncontent-type:text/plain;charset=utf-8\nreceipt-id:r\ncontent-length:11\n\nyou may not␀"
        ]
    );
    assert_eq!(peer.answer(Outcome::Ended), NOTHING);
}

#[test]
fn as_spring_has_it_in_a_transaction() {
    let spring = StompOptions { spring: true, ..StompOptions::default() };
    let mut peer = Peer::open_as(Version::V1_2, spring);
    peer.hear("BEGIN\ntransaction:t\n\n␀SEND\ndestination:/app/chat\ntransaction:t\n\n1␀");
    assert_eq!(peer.hear("COMMIT\ntransaction:t\n\n␀"), ["task call chat(1) for room chat, asked: false"]);
}

#[test]
fn what_is_aborted_is_not_done() {
    let mut peer = Peer::open(Version::V1_2);
    peer.hear("BEGIN\ntransaction:t\n\n␀BEGIN\ntransaction:u\n\n␀");
    peer.hear(&send("t", "receipt:1\n", "one"));
    peer.hear(&send("u", "receipt:2\n", "two"));
    assert_eq!(peer.hear("ABORT\ntransaction:t\nreceipt:3\n\n␀"), ["task nothing #3"]);
    assert_eq!(peer.done(), ["RECEIPT\nreceipt-id:3\n\n␀"]);
    assert_eq!(peer.hear("COMMIT\ntransaction:u\n\n␀"), ["task publish a message(\"two\") #2"]);
    // With a goodbye all that are open are given up.
    peer.hear("BEGIN\ntransaction:t\n\n␀");
    peer.hear(&send("t", "", "one"));
    assert_eq!(peer.hear("DISCONNECT\n\n␀COMMIT\ntransaction:t\n\n␀"), ["task nothing goodbye"]);
    assert!(peer.machine.transactions.is_none());
}

#[test]
fn what_is_wrong_with_them() {
    for command in ["BEGIN", "COMMIT", "ABORT"] {
        let detail = format!("{command} needs the header transaction");
        assert_eq!(
            Peer::open(Version::V1_2).hear(&format!("{command}\nreceipt:r\n\n␀")),
            wrong(Reason::ProtocolError, "Missing transaction", &detail, Some("r"))
        );
    }
    let unknown = "the transaction \"t\" is not open; BEGIN it first";
    for frame in [
        "COMMIT\ntransaction:t\n\n␀".to_owned(),
        "ABORT\ntransaction:t\n\n␀".to_owned(),
        send("t", "", "one"),
        "SEND\ndestination:/app/chat\ntransaction:t\n\n␀".to_owned(),
        "ACK\nid:q1.1\ntransaction:t\n\n␀".to_owned(),
        "NACK\nid:r1.1\ntransaction:t\n\n␀".to_owned(),
        "BEGIN\ntransaction:t\n\n␀COMMIT\ntransaction:t\n\n␀COMMIT\ntransaction:t\n\n␀".to_owned(),
        "BEGIN\ntransaction:t\n\n␀ABORT\ntransaction:t\n\n␀COMMIT\ntransaction:t\n\n␀".to_owned(),
        "BEGIN\ntransaction:T\n\n␀COMMIT\ntransaction:t\n\n␀".to_owned(),
    ] {
        let heard = Peer::open(Version::V1_2).hear(&frame);
        assert_eq!(heard, fault("Bad transaction", unknown), "{frame}");
    }
    let twice = "BEGIN\ntransaction:t\n\n␀BEGIN\ntransaction:t\n\n␀";
    let detail = "the transaction \"t\" is open already; COMMIT or ABORT it, or choose another id";
    assert_eq!(Peer::open(Version::V1_2).hear(twice), fault("Bad transaction", detail));
}

#[test]
fn how_much_they_may_be() {
    let options = || StompOptions {
        transactions: 2,
        transaction_frames: 3,
        transaction_bytes: 2_000,
        ..StompOptions::default()
    };
    let mut peer = Peer::open_as(Version::V1_2, options());
    let begin = |id| format!("BEGIN\ntransaction:{id}\n\n␀");
    peer.hear(&(begin("a") + &begin("b")));
    let detail = "2 transactions are open, and no more may be; end one first";
    assert_eq!(peer.hear(&begin("c")), fault("Transaction too large", detail));

    let mut peer = Peer::open_as(Version::V1_2, options());
    peer.hear(&begin("a"));
    for _ in 0..100 {
        // What has ended does not count.
        assert_eq!(peer.hear(&(begin("b") + &send("b", "", &"x".repeat(900)))), NOTHING);
        assert_eq!(peer.hear("ABORT\ntransaction:b\n\n␀"), NOTHING);
        assert_eq!(peer.hear(&(begin("b") + &send("b", "", &"x".repeat(900)))), NOTHING);
        assert_eq!(peer.hear("COMMIT\ntransaction:b\n\n␀").len(), 1);
    }
    for _ in 0..3 {
        assert_eq!(peer.hear(&send("a", "", "")), NOTHING);
    }
    let detail = "a transaction may have 3 frames";
    assert_eq!(peer.hear(&send("a", "", "")), fault("Transaction too large", detail));

    // All of them together, with what is kept of a frame beside its body.
    for (first, second) in [
        (send("a", "", &"x".repeat(900)), send("b", "", &"x".repeat(900))),
        (
            send("a", &format!("x:{}\n", "x".repeat(900)), ""),
            send("b", &format!("receipt:{}\n", "x".repeat(900)), ""),
        ),
        (
            format!("SEND\ndestination:/topic/{}\ntransaction:a\n\n␀", "x".repeat(900)),
            format!("SEND\ndestination:/user/queue/x\ntransaction:b\nx:{}\n\n␀", "x".repeat(900)),
        ),
        (
            send("a", &format!("x:{}\n", "x".repeat(900)), ""),
            format!(
                "SEND\ndestination:/app/x\nreply-to:/queue/q\ncorrelation-id:{}\ntransaction:b\n\n␀",
                "x".repeat(900)
            ),
        ),
    ] {
        let mut peer = Peer::open_as(Version::V1_2, options());
        peer.hear(&(begin("a") + &begin("b") + &first));
        let detail = "what is held in open transactions may have 2000 bytes";
        let heard = peer.hear(&second);
        assert_eq!(heard.last(), fault("Transaction too large", detail).last());
        assert!(peer.machine.transactions.is_none(), "nothing is kept for one that has gone wrong");
    }
}
