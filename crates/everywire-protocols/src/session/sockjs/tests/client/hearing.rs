use super::*;

#[test]
fn a_websocket_hears_a_frame_a_message() {
    let mut user = User::opened(User::with(Transport::WebSocket));
    let mut hear = |frame| user.hear(1, Transport::WebSocket, frame);
    assert_eq!(hear("h"), ["heartbeat"]);
    assert_eq!(hear("a[\"a\",\"\\u2028\",\"\"]"), ["message a", "message \u{2028}", "message "]);
    assert_eq!(hear("m\"x\""), ["message x"]);
    assert_eq!(hear(""), NOTHING);
    assert_eq!(hear("x[\"what nobody knows\"]"), NOTHING);
    assert_eq!(hear("c[1000]"), NOTHING);
    // Of one that it does not have it hears nothing.
    assert_eq!(user.hear(7, Transport::WebSocket, "a[\"a\"]"), NOTHING);
    assert_eq!(user.bytes(1, b"a[\"a\"]\n"), NOTHING);
    let bytes = user.tell(Told::Message(Lane(1), Message::Binary("a[\"é\"]".as_bytes())));
    assert_eq!(bytes, ["message é"]);
}

#[test]
fn streams_hear_frames_in_pieces_of_any_size() {
    for transport in [Transport::Streaming, Transport::EventSource] {
        let prelude = if transport == Transport::Streaming { "h".repeat(2048) + "\n" } else { "\r\n".into() };
        let frames = ["o", "a[\"é😀\",\"5 %\"]", "h", "m\"x\"", "a[\"b\"]"];
        let mut whole = prelude.into_bytes();
        whole.extend(frames.iter().flat_map(|frame| framed(transport, frame)));
        let opened = format!("opened: {}", transport.as_str());
        let heard = [&*opened, "message é😀", "message 5 %", "heartbeat", "message x", "message b"];
        for size in (1..40).chain([whole.len()]) {
            let mut user = User::new(User::with(transport));
            user.tell(Told::Start);
            user.answer(0, 200, INFO);
            let out: Vec<_> = whole.chunks(size).flat_map(|piece| user.bytes(1, piece)).collect();
            assert_eq!(out, heard, "{transport:?} in pieces of {size}");
        }
    }
}

#[test]
fn each_response_is_followed_by_the_next() {
    let mut user = User::opened(User::with(Transport::Polling));
    for (lane, frame, heard) in
        [(2, "a[\"a\"]", "message a"), (3, "h", "heartbeat"), (4, "a[\"b\",\"c\"]", "message b")]
    {
        user.now += 25_000;
        let out = user.hear(lane, Transport::Polling, frame);
        assert_eq!(out[0], heard);
        assert_eq!(out.last().unwrap(), &format!("{}: Poll /s/001/caaaaaaa/xhr", lane + 1));
    }
    // It may come in pieces, too.
    assert_eq!(user.bytes(5, b"a[\"d\"]"), NOTHING);
    assert_eq!(user.bytes(5, b"\n"), ["message d"]);
    assert_eq!(user.lose(5, LaneEnd::Finished(None)), ["6: Poll /s/001/caaaaaaa/xhr"]);

    for (transport, next) in [
        (Transport::Streaming, "2: Streaming /s/001/caaaaaaa/xhr_streaming"),
        (Transport::EventSource, "2: Events /s/001/caaaaaaa/eventsource"),
    ] {
        let mut user = User::opened(User::with(transport));
        assert_eq!(user.lose(1, LaneEnd::Finished(None)), [next]);
        // With a prelude, and without `o`.
        assert_eq!(user.bytes(2, b"\r\n"), NOTHING);
        assert_eq!(user.hear(2, transport, "a[\"a\"]"), ["message a"]);
        assert_eq!(user.hear(1, transport, "a[\"late\"]"), NOTHING);
    }
    // What has begun in the one says nothing of the next.
    let mut user = User::opened(User::with(Transport::EventSource));
    assert_eq!(user.bytes(1, b"event: other\n"), NOTHING);
    assert_eq!(user.lose(1, LaneEnd::Finished(None)).len(), 1);
    assert_eq!(user.hear(2, Transport::EventSource, "a[\"a\"]"), ["message a"]);
}

#[test]
fn no_server_makes_it_ask_without_end() {
    let brings = ["", "h", "a[]"];
    for (transport, frame) in HTTP.into_iter().flat_map(|of| brings.map(|frame| (of, frame))) {
        let mut user = User::opened(User::with(transport));
        // Where it polls, `o` was the answer to the first request, and the second is under way.
        if transport != Transport::Polling {
            assert_eq!(user.lose(1, LaneEnd::Finished(None)).len(), 1);
        }
        let lane = 2;
        let body = if frame.is_empty() { Vec::new() } else { framed(transport, frame) };
        let heard = if frame == "h" { vec!["heartbeat"] } else { vec![] };
        assert_eq!(user.answer(lane, 200, &body), heard, "{transport:?} {frame}");
        let out = user.wait(1500);
        assert_eq!(out.len(), 1, "{out:?}");
        assert_eq!((out[0].0, out[0].1.len()), (1000, 1));
        assert!(out[0].1[0].starts_with("3: "), "{out:?}");
        // What is said meanwhile is posted.
        user.answer(3, 200, b"");
        assert_eq!(user.say("a"), ["4: Send /s/001/caaaaaaa/xhr_send [\"a\"]"]);
    }
}

#[test]
fn what_makes_no_sense_ends_it() {
    let longest = 50;
    let long = format!("a[\"{}\"]", "x".repeat(longest));
    for transport in Transport::ALL {
        for (frame, expected) in [
            ("a", "protocol error, 1002 a frame of messages is no array of strings"),
            ("a[1]", "protocol error, 1002 a frame of messages is no array of strings"),
            (
                "a[\"1\",\"2\",\"3\"]",
                "protocol error, 1002 a frame has more than the 2 messages that one may have",
            ),
            ("m[]", "protocol error, 1002 a frame of one message is no string"),
            ("c[1,2]", "protocol error, 1002 a frame of the end is no pair of a code and a reason"),
            ("o", "connection lost, 1006 Server lost session"),
            (&*long, "too large, 1009 a frame has more than the 50 bytes that one may have"),
        ] {
            let options =
                SockJsClientOptions { frame_bytes: longest, frame_messages: 2, ..User::with(transport) };
            let mut user = User::opened(options);
            let lane = if transport == Transport::Polling { 2 } else { 1 };
            let mut out = user.hear(lane, transport, frame);
            assert_eq!(out.pop(), Some(format!("closed: {expected}")), "{transport:?} {frame}");
            // A response that has come whole has ended by itself.
            let ends = if transport == Transport::Polling { vec![] } else { vec!["1 ends"] };
            assert_eq!(out, ends, "{transport:?} {frame}");
            user.assert_over();
        }
    }
    for transport in Transport::ALL {
        let mut user = User::new(User::with(transport));
        user.tell(Told::Start);
        user.answer(0, 200, INFO);
        let early = "closed: protocol error, 1002 the server has sent messages before it opened the session";
        assert_eq!(user.hear(1, transport, "a[\"early\"]").pop().as_deref(), Some(early));
    }
    let mut user = User::opened(User::with(Transport::Streaming));
    assert_eq!(
        user.bytes(1, b"a[\"a\"]\na[\"\xff\"]\n"),
        ["message a", "1 ends", "closed: invalid text, 1007 a frame is not UTF-8"]
    );
    let mut user = User::opened(User::with(Transport::WebSocket));
    let out = user.tell(Told::Message(Lane(1), Message::Binary(b"a[\"\xff\"]")));
    assert_eq!(out, ["1 ends", "closed: invalid text, 1007 a frame is not UTF-8"]);
}

#[test]
fn before_it_is_open_nothing_beats() {
    for transport in [Transport::WebSocket, Transport::Streaming, Transport::EventSource] {
        let mut user = User::new(User::with(transport));
        user.tell(Told::Start);
        user.answer(0, 200, INFO);
        assert_eq!(user.hear(1, transport, "h"), NOTHING);
        assert_eq!(user.hear(1, transport, "o").len(), 1);
        assert_eq!(user.hear(1, transport, "h"), ["heartbeat"]);
    }
}
