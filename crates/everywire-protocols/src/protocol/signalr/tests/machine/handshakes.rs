//! Who is let in, and what is said to who is not.

use super::*;

fn not_let_in(error: &str) -> [String; 2] {
    [format!("pass {{\"error\":\"{error}\"}}␞"), format!("close (protocol error) {error}")]
}

#[test]
fn who_is_let_in() {
    for (record, reply) in [
        (r#"{"protocol":"json","version":1}␞"#, "pass {}␞"),
        // What signalrcore says, and who wants a stateful reconnect.
        (r#"{"protocol":"json","version":0}␞"#, "pass {}␞"),
        (r#"{"protocol":"json","version":2}␞"#, "pass {}␞"),
        (r#"{"version":1,"more":{"a":[1]},"protocol":"JSON"}␞"#, "pass {}␞"),
        (r#"{"protocol":"messagepack","version":1}␞"#, "pass 7b7d1e"),
        (r#"{"protocol":"MessagePack","version":2}␞"#, "pass 7b7d1e"),
    ] {
        let mut peer = Peer::silent();
        assert_eq!(peer.hear(record), [reply, &connect()], "{record}");
        // Either kind of message is taken, whatever the encoding will be.
        let mut peer = Peer::silent();
        let bytes = record.replace('␞', "\u{1e}");
        assert_eq!(peer.hear_bytes(bytes.as_bytes()), [reply, &connect()], "{record}");
    }
}

#[test]
fn the_application_learns_the_id_that_the_client_was_told() {
    let mut machine = SignalR::new(Arc::default(), HUB.into(), Some(public_id()));
    machine.open(&Facts::default(), Time(0), &mut Outputs::new());
    let mut peer = Peer { machine, now: 0 };
    assert_eq!(peer.hear(JSON), ["pass {}␞".to_owned(), format!("connect 0 {HUB} {}", public_id())]);
}

#[test]
fn who_is_not_let_in() {
    let unexpected = "An unexpected error occurred during connection handshake.";
    let rows = [
        (r#"{"protocol":"blazorpack","version":1}"#, "The protocol 'blazorpack' is not supported."),
        (r#"{"protocol":"","version":9}"#, "The protocol '' is not supported."),
        (
            r#"{"protocol":"json","version":3}"#,
            "The server does not support version 3 of the 'json' protocol.",
        ),
        (
            r#"{"protocol":"messagepack","version":4000000000}"#,
            "The server does not support version 4000000000 of the 'messagepack' protocol.",
        ),
        ("", unexpected),
        ("{", unexpected),
        ("hello", unexpected),
        (r#"{"type":6}"#, unexpected),
        (r#"{"version":1}"#, unexpected),
        (r#"{"protocol":"json"}"#, unexpected),
        (r#"{"protocol":"json","version":"1"}"#, unexpected),
        (r#"{"protocol":"json","version":-1}"#, unexpected),
    ];
    for (record, error) in rows {
        let mut peer = Peer::silent();
        assert_eq!(peer.hear(&format!("{record}␞{{\"type\":6}}␞")), not_let_in(error), "{record}");
        assert_eq!(peer.hear(JSON), NOTHING, "{record}");
        assert_eq!(peer.goodbye(Reason::ProtocolError), NOTHING, "it has no other words for it");
        assert_eq!(peer.machine.deadline(), None);
    }
}

#[test]
fn with_detailed_errors_it_says_what_was_wrong() {
    for (record, detail) in [
        (r#"{"version":1}"#, "Missing required property 'protocol'."),
        (r#"{"protocol":"json"}"#, "Missing required property 'version'."),
        (r#"{"protocol":1,"version":1}"#, "Expected 'protocol' to be of type String."),
    ] {
        let mut peer = Peer::silent_with(detailed(), &Facts::default());
        let error = "An unexpected error occurred during connection handshake. InvalidDataException: "
            .to_owned()
            + detail;
        assert_eq!(peer.hear(&format!("{record}␞")), not_let_in(&error));
    }
    let mut peer = Peer::silent_with(detailed(), &Facts::default());
    let said = peer.hear_bytes(b"{\"protocol\":\"\xff\"}\x1e");
    assert!(said[0].starts_with("pass {\"error\":\"An unexpected error occurred during connection handshake. InvalidDataException: Error reading JSON. "), "{said:?}");
}

#[test]
fn bytes_cannot_go_where_only_text_can() {
    let text_only = Facts { text_only: true, ..Facts::default() };
    let mut peer = Peer::silent_with(SignalROptions::default(), &text_only);
    let error = "Cannot use the 'messagepack' protocol on the current transport. The transport does not support 'Binary' transfer format.";
    assert_eq!(peer.hear(MSGPACK), not_let_in(error));
    let mut peer = Peer::silent_with(SignalROptions::default(), &text_only);
    assert_eq!(peer.hear(JSON), ["pass {}␞", &connect()]);
}

#[test]
fn an_encoding_may_be_switched_off() {
    let only = |encoding| {
        let encodings =
            Encodings { json: encoding == Encoding::Json, msgpack: encoding == Encoding::MsgPack };
        Peer::silent_with(SignalROptions { encodings, ..SignalROptions::default() }, &Facts::default())
    };
    assert_eq!(only(Encoding::Json).hear(JSON), ["pass {}␞", &connect()]);
    assert_eq!(only(Encoding::MsgPack).hear(MSGPACK), ["pass 7b7d1e", &connect()]);
    let error = "The protocol 'messagepack' is not supported.";
    assert_eq!(only(Encoding::Json).hear(MSGPACK), not_let_in(error));
    assert_eq!(only(Encoding::MsgPack).hear(JSON), not_let_in("The protocol 'json' is not supported."));
    // Whatever the version: .NET looks for the protocol first.
    let high = r#"{"protocol":"messagepack","version":3}␞"#;
    assert_eq!(only(Encoding::Json).hear(high), not_let_in(error));
}

#[test]
fn a_handshake_has_to_come_in_time_and_be_short() {
    let canceled = |reason: Reason| {
        not_let_in("Handshake was canceled.").map(|line| line.replace("protocol error", reason.as_str()))
    };
    let mut peer = Peer::silent();
    assert_eq!(peer.wait(10_000), []);
    // What is begun is no handshake.
    assert_eq!(peer.hear(r#"{"protocol":"json""#), NOTHING);
    assert_eq!(peer.wait(60_000), [(5_000, canceled(Reason::HandshakeTimeout).to_vec())]);
    assert_eq!(peer.hear(r#","version":1}␞"#), NOTHING);
    let options = || SignalROptions { message_bytes: 40, ..SignalROptions::default() };
    let record = |length: usize| format!(r#"{{"protocol":"json","version":1}}{}␞"#, " ".repeat(length - 32));
    for (length, fits) in [(40, true), (41, false), (400, false)] {
        let record = record(length);
        let expected = if fits { ["pass {}␞".to_owned(), connect()] } else { canceled(Reason::TooLarge) };
        let mut peer = Peer::silent_with(options(), &Facts::default());
        assert_eq!(peer.hear(&record), expected, "{length} bytes");
        let mut peer = Peer::silent_with(options(), &Facts::default());
        let bytes = record.replace('␞', "\u{1e}");
        let said: Vec<_> = bytes.as_bytes().chunks(7).flat_map(|piece| peer.hear_bytes(piece)).collect();
        assert_eq!(said, expected, "{length} bytes");
    }
}

#[test]
fn nothing_is_said_before() {
    let mut peer = Peer::silent();
    assert_eq!(peer.say(emit("early", Payload::empty(), None)), NOTHING);
    assert_eq!(peer.goodbye(Reason::Shutdown), NOTHING);
    assert_eq!(peer.hear(JSON), NOTHING);
}

/// A handshake and what lies behind it, as bytes.
fn conversation(encoding: Encoding, behind: &[Vec<u8>]) -> Vec<u8> {
    let handshake = if encoding == Encoding::Json { JSON } else { MSGPACK };
    let mut bytes = handshake.replace('␞', "\u{1e}").into_bytes();
    bytes.extend(behind.concat());
    bytes
}

#[test]
fn messages_may_lie_behind_it_and_all_be_cut_anywhere() {
    let json = |record: &str| format!("{record}\u{1e}").into_bytes();
    let conversations = [
        (
            conversation(
                Encoding::Json,
                &[
                    json(r#"{"type":6}"#),
                    json(r#"{"type":1,"invocationId":"1","target":"M","arguments":[1,"é"]}"#),
                    json(r#"{"type":4,"invocationId":"2","target":"S","arguments":[],"streamIds":["x"]}"#),
                    json(r#"{"type":2,"invocationId":"x","item":{"a":[1]}}"#),
                    json(r#"{"type":3,"invocationId":"s4","result":7}"#),
                    json(r#"{"type":12}"#),
                    json(r#"{"type":7}"#),
                    json(r#"{"type":1,"target":"late","arguments":[]}"#),
                ],
            ),
            8,
        ),
        (conversation(Encoding::Json, &[json(r#"{"type":6}"#), json(r#"{"type":1}"#)]), 3),
        (
            conversation(
                Encoding::MsgPack,
                &[
                    counted("91 06"),
                    counted("96 01 80 a1'1' a1'M' 92 01 a2'é' 90"),
                    counted("96 04 80 a1'2' a1'S' 90 91 a1'x'"),
                    counted("94 02 80 a1'x' c4 02 01 02"),
                    counted("95 03 80 a2's4' 03 07"),
                    counted("91 0c"),
                    counted("92 07 c0"),
                    counted("95 01 80 c0 a4'late' 90"),
                ],
            ),
            8,
        ),
        (conversation(Encoding::MsgPack, &[counted("91 06"), counted("91 01")]), 3),
        // Not a message at all, and longer than one may be.
        (conversation(Encoding::MsgPack, &[vec![0xff; 9]]), 3),
        (conversation(Encoding::Json, &[vec![b' '; 40_000]]), 3),
        (json(r#"{"protocol":"x","version":1}"#), 2),
    ];
    for (bytes, outputs) in conversations {
        let mut peer = Peer::silent();
        let whole = peer.hear_bytes(&bytes);
        assert_eq!(whole.len(), outputs, "{whole:#?}");
        let said = whole.last().expect("outputs");
        assert!(said.starts_with("close ("), "{said}");
        for size in [1, 2, 3, 7, 50] {
            let mut peer = Peer::silent();
            let said: Vec<_> = bytes.chunks(size).flat_map(|piece| peer.hear_bytes(piece)).collect();
            assert_eq!(said, whole, "by {size}");
        }
        for cut in 0..bytes.len().min(400) {
            let mut peer = Peer::silent();
            let (first, second) = bytes.split_at(cut);
            let said = [peer.hear_bytes(first), peer.hear_bytes(second)].concat();
            assert_eq!(said, whole, "at {cut}");
        }
    }
}
