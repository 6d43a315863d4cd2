//! What becomes of what a client says, on both sides.

use proptest::prelude::*;

use super::*;

const PIECES: [usize; 4] = [usize::MAX, 7, 2, 1];

#[test]
fn they_agree_on_a_version() {
    use Version::{V1_0, V1_1, V1_2};
    for (offered, expected) in [
        (vec![V1_2, V1_1, V1_0], V1_2),
        (vec![V1_0, V1_2], V1_2),
        (vec![V1_1, V1_0], V1_1),
        (vec![V1_1], V1_1),
        (vec![V1_0], V1_0),
        (vec![], V1_0),
    ] {
        let options = StompClientOptions { versions: offered, ..StompClientOptions::default() };
        let mut pair = Pair::new(options, StompOptions::default(), 5);
        assert_eq!(pair.take(), [Told::In(expected)]);
        assert!(pair.client.is_open() && pair.client.version() == expected);
        assert_eq!(pair.server.form(), Pair::open(expected, 1).server.form());
    }
}

#[test]
fn what_one_sends_its_subscriptions_hear() {
    for version in Version::ALL {
        for piece in PIECES {
            let mut pair = Pair::open(version, piece);
            pair.subscribe("a:\\", "/topic/x:y", Ack::Auto);
            pair.subscribe("b", "/room/x:y", Ack::Client);
            let told = pair.send("/topic/x:y", None, "é\0\n".as_bytes(), Some("r:1"));
            assert_eq!(
                told,
                [message("a:\\", "é\0\n".as_bytes()), message("b", "é\0\n".as_bytes()), receipt("r:1")]
            );
            // Rooms do not mind.
            let (id, subscription) = pair.last.clone().expect("it can be settled");
            let ack = Settling { id: &id, subscription: subscription.as_deref() };
            assert_eq!(
                pair.say(Outgoing::Ack { message: ack, transaction: None }, Some("2"), &[]),
                [receipt("2")]
            );
            assert_eq!(pair.send("/topic/other", None, b"", None), []);
            assert_eq!(pair.say(Outgoing::Unsubscribe { id: "a:\\" }, Some("3"), &[]), [receipt("3")]);
            assert_eq!(pair.send("/room/x:y", None, b"\xff", None), [message("b", b"\xff")]);
            // Who comes back hears what it missed, and nobody twice.
            let again = Outgoing::Subscribe { id: "c", destination: "/topic/x:y", ack: Ack::Auto };
            assert_eq!(
                pair.say(again, Some("4"), &[("since", "1-2")]),
                [message("c", b"\xff"), receipt("4")]
            );
            assert_eq!(pair.send("/topic/x:y", None, b"", None), [message("b", b""), message("c", b"")]);
            // And handlers answer.
            let ask = Outgoing::Send { destination: "/app/echo", transaction: None, body: b"[1, 2]" };
            assert_eq!(
                pair.say(ask, Some("5"), &[("reply-to", "/temp-queue/me")]),
                [message("/temp-queue/me", b"[1, 2]"), receipt("5")]
            );
            assert_eq!(pair.closed, None);
        }
    }
}

#[test]
fn both_beat_for_an_hour() {
    for (can, wants, client, server) in [
        (10, 10, 450, 450),
        (10, 0, 450, 0),
        (0, 10, 0, 450),
        (0, 0, 0, 0),
        (30, 60, 150, 75),
        (1, 1, 450, 450),
    ] {
        let seconds = std::time::Duration::from_secs;
        let options = StompClientOptions {
            heartbeat: seconds(can),
            server_heartbeat: seconds(wants),
            ..StompClientOptions::default()
        };
        let mut pair = Pair::new(options, StompOptions::default(), 3);
        pair.wait(3_600_000);
        assert_eq!(pair.take(), [Told::In(Version::V1_2)]);
        assert_eq!((pair.beats, pair.closed), ((client, server), None), "{can}, {wants}");
        assert!(pair.client.is_open());
        // Then nothing is carried any more, and whoever listens finds out.
        pair.cut = true;
        pair.wait(600_000);
        let told = if server == 0 { vec![] } else { vec![Told::Silent] };
        assert_eq!(pair.take(), told, "{can}, {wants}");
        assert_eq!(pair.closed, (client != 0).then_some(Reason::IdleTimeout), "{can}, {wants}");
    }
    let mut pair = Pair::open(Version::V1_0, 3);
    pair.wait(3_600_000);
    assert_eq!((pair.beats, pair.closed), ((0, 0), None));
}

#[test]
fn transactions() {
    for version in Version::ALL {
        for piece in PIECES {
            let mut pair = Pair::open(version, piece);
            pair.subscribe("s", "/topic/a", Ack::Auto);
            assert_eq!(pair.say(Outgoing::Begin { transaction: "t:1" }, Some("0"), &[]), [receipt("0")]);
            pair.say(Outgoing::Begin { transaction: "u" }, None, &[]);
            assert_eq!(pair.send("/topic/a", Some("t:1"), b"one", Some("1")), []);
            assert_eq!(pair.send("/topic/a", Some("u"), b"never", Some("2")), []);
            assert_eq!(pair.send("/topic/a", None, b"now", None), [message("s", b"now")]);
            assert_eq!(pair.send("/topic/a", Some("t:1"), b"two", None), []);
            assert_eq!(pair.say(Outgoing::Abort { transaction: "u" }, Some("3"), &[]), [receipt("3")]);
            assert_eq!(
                pair.say(Outgoing::Commit { transaction: "t:1" }, Some("4"), &[]),
                [message("s", b"one"), receipt("1"), message("s", b"two"), receipt("4")]
            );
            let told = pair.say(Outgoing::Commit { transaction: "t:1" }, Some("5"), &[]);
            assert_eq!(told, [Told::Error("Bad transaction 5".to_owned())]);
            assert_eq!((pair.client.is_open(), pair.closed), (false, Some(Reason::ProtocolError)));
        }
    }
}

#[test]
fn queues_are_settled() {
    for version in Version::ALL {
        for (ack, up_to) in [(Ack::Client, true), (Ack::Individual, false)] {
            let mut pair = Pair::open(version, 4);
            pair.subscribe("s:1", "/queue/jobs", ack);
            for i in 0..3 {
                assert_eq!(pair.send("/queue/jobs", None, b"job", None), [message("s:1", b"job")]);
                let (id, subscription) = pair.last.clone().expect("it can be settled");
                let of = Settling { id: &id, subscription: subscription.as_deref() };
                let verdict = match i {
                    1 if version > Version::V1_0 => {
                        pair.say(Outgoing::Nack { message: of, transaction: None }, None, &[]);
                        Verdict::Return
                    }
                    2 => {
                        pair.say(Outgoing::Begin { transaction: "t" }, None, &[]);
                        pair.say(Outgoing::Ack { message: of, transaction: Some("t") }, None, &[]);
                        assert_eq!(pair.settled.len(), 2);
                        pair.say(Outgoing::Commit { transaction: "t" }, None, &[]);
                        Verdict::Done
                    }
                    _ => {
                        pair.say(Outgoing::Ack { message: of, transaction: None }, None, &[]);
                        Verdict::Done
                    }
                };
                assert_eq!(pair.settled.last(), Some(&(i, up_to, verdict)));
            }
        }
        let mut pair = Pair::open(version, 4);
        pair.subscribe("s", "/queue/jobs", Ack::Auto);
        pair.send("/queue/jobs", None, b"job", None);
        assert_eq!(pair.last.is_some(), version < Version::V1_2, "there is nothing to settle");
    }
}

#[test]
fn they_part() {
    for version in Version::ALL {
        for piece in PIECES {
            let mut pair = Pair::open(version, piece);
            assert_eq!(pair.say(Outgoing::Disconnect, Some("bye"), &[]), [receipt("bye")]);
            assert_eq!((pair.client.is_open(), pair.closed), (false, None), "it is the client's to close");
            pair.wait(2_000);
            assert_eq!((pair.closed, pair.take()), (Some(Reason::ClientClosed), vec![]));
        }
    }
    let mut pair = Pair::open(Version::V1_2, 1);
    assert_eq!(pair.say(Outgoing::Disconnect, None, &[]), []);
    pair.wait(2_000);
    assert_eq!((pair.closed, pair.take()), (Some(Reason::ClientClosed), vec![]));
}

#[test]
fn a_fault_is_told_with_its_receipt() {
    let mut pair = Pair::open(Version::V1_2, 3);
    pair.subscribe("s", "/topic/a", Ack::Auto);
    let told =
        pair.say(Outgoing::Subscribe { id: "s", destination: "/topic/b", ack: Ack::Auto }, Some("r\n"), &[]);
    assert_eq!(told, [Told::Error("Duplicate subscription r\n".to_owned())]);
    assert_eq!((pair.client.is_open(), pair.closed), (false, Some(Reason::ProtocolError)));
}

proptest! {
    #[test]
    fn whatever_is_sent_comes_as_it_was(
        version in prop::sample::select(&Version::ALL[..]),
        piece in 1_usize..40,
        headers in prop::collection::vec(("x[a-z:\\\\ \n\ré]{0,4}", "[ -~\n\ré🙂]{0,9}"), 0..4),
        body in prop_oneof![prop::collection::vec(any::<u8>(), 0..40), "[a-z\0\né]{0,20}".prop_map(String::into_bytes)],
    ) {
        let mut pair = Pair::open(version, piece);
        pair.subscribe("s", "/topic/a", Ack::Auto);
        let given: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (client, up) = (&mut pair.client, &mut pair.up);
        let send = Outgoing::Send { destination: "/topic/a", transaction: None, body: &body };
        let said = client.say(&send, None, &given, &mut |_: Kind, bytes: &[u8]| up.push_back(bytes.to_vec()));
        let mut expected: Vec<(String, String)> = Vec::new();
        for (name, value) in headers.clone() {
            // Blanks before a value are no part of it in 1.0.
            let value = if version == Version::V1_0 { value.trim_start_matches(' ').to_owned() } else { value };
            if expected.iter().all(|(known, _)| *known != name) {
                expected.push((name, value));
            }
        }
        pair.settle();
        match said {
            Ok(()) => prop_assert_eq!(pair.take(), [Told::Message("s".to_owned(), expected, body)]),
            Err(Unsaid::Unspelled { .. }) => {
                prop_assert!(version < Version::V1_2);
                prop_assert_eq!(pair.take(), []);
            }
            Err(other) => panic!("{other}"),
        }
    }
}
