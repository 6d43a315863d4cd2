use super::*;

const OURS: &str = "closed: client closed, 1000 Normal closure";

#[test]
fn what_was_said_leaves_before_the_end() {
    let mut user = User::opened(User::with(Transport::WebSocket));
    assert_eq!(user.say("a"), ["1> [\"a\"]"]);
    assert_eq!(user.tell(Told::Close), ["1 ends", OURS]);
    user.assert_over();

    for transport in HTTP {
        let (listens, post) = if transport == Transport::Polling { (2, 3) } else { (1, 2) };
        let mut user = User::opened(User::with(transport));
        user.say("a");
        user.say("b");
        assert_eq!(user.tell(Told::Close), NOTHING);
        assert_eq!(user.try_to_say("c"), Err(SockJsUnsent::Closed));
        // It does not pause, and listens on.
        let next = format!("{}: Send /s/001/caaaaaaa/xhr_send [\"b\"]", post + 1);
        assert_eq!(user.answer(post, 204, b""), [next]);
        assert_eq!(user.bytes(listens, &framed(transport, "a[\"x\"]")), ["message x"]);
        let ends = format!("{listens} ends");
        assert_eq!(user.answer(post + 1, 204, b""), [ends, OURS.to_owned()]);
        user.assert_over();

        let mut user = User::opened(User::with(transport));
        assert_eq!(user.tell(Told::Close), [format!("{listens} ends"), OURS.to_owned()]);
        user.assert_over();
    }
}

#[test]
fn it_may_end_before_it_is_open() {
    let mut user = User::new(SockJsClientOptions::new("/s"));
    user.say("a");
    assert_eq!(user.tell(Told::Close), [OURS]);
    user.assert_over();

    let mut user = User::new(SockJsClientOptions::new("/s"));
    user.tell(Told::Start);
    assert_eq!(user.tell(Told::Close), ["0 ends", OURS]);
    user.assert_over();

    let mut user = User::new(SockJsClientOptions::new("/s"));
    user.tell(Told::Start);
    user.answer(0, 200, INFO);
    assert_eq!(user.tell(Told::Close), ["1 ends", OURS]);
    user.assert_over();

    // What was said leaves even so.
    let mut user = User::new(SockJsClientOptions::new("/s"));
    user.tell(Told::Start);
    user.say("a");
    assert_eq!(user.tell(Told::Close), NOTHING);
    user.answer(0, 200, INFO);
    user.lose(1, LaneEnd::Aborted);
    assert_eq!(user.bytes(2, b"o\n"), ["opened: xhr-streaming", "3: Send /s/001/daaaaaaa/xhr_send [\"a\"]"]);
    assert_eq!(user.answer(3, 204, b""), ["2 ends", OURS]);
}

#[test]
fn a_goodbye_does_not_wait_for_ever() {
    let mut user = User::opened(User::with(Transport::Streaming));
    user.say("a");
    user.tell(Told::Close);
    user.now += 1000;
    assert_eq!(user.tell(Told::Close), NOTHING);
    let late = "closed: connection lost, 1006 what was said has not left in time";
    let out = ["2 ends", "1 ends", late].map(str::to_owned).to_vec();
    assert_eq!(user.wait(60_000), [(4000, out)]);
    user.assert_over();
    // And what the server says meanwhile counts.
    let mut user = User::opened(User::with(Transport::Streaming));
    user.say("a");
    user.tell(Told::Close);
    let out = user.hear(1, Transport::Streaming, "c[1012,\"shutting down\"]");
    assert_eq!(out, ["2 ends", "1 ends", "closed: shutting down, 1012 shutting down"]);
}

#[test]
fn the_server_ends_it() {
    for transport in Transport::ALL {
        for (frame, expected) in [
            ("c[1000,\"Normal closure\"]", "server closed, 1000 Normal closure"),
            ("c[3000,\"Go \\u0061way!\"]", "server closed, 3000 Go away!"),
            (
                "c[2010,\"Another connection still open\"]",
                "server closed, 2010 Another connection still open",
            ),
            ("c[1008,\"refused\"]", "refused, 1008 refused"),
            ("c[1009,\"\"]", "too large, 1009 "),
        ] {
            let mut user = User::opened(User::with(transport));
            user.say("a");
            let lane = if transport == Transport::Polling { 2 } else { 1 };
            let out = user.hear(lane, transport, frame);
            assert_eq!(out.last(), Some(&format!("closed: {expected}")), "{transport:?}");
            user.assert_over();
        }
    }
    // Behind the end nothing counts.
    let mut user = User::opened(User::with(Transport::Streaming));
    let out = user.bytes(1, b"a[\"a\"]\nc[1000,\"\"]\na[\"b\"]\nc[3000,\"\"]\n\xff\n");
    assert_eq!(out, ["message a", "1 ends", "closed: server closed, 1000 "]);
}

#[test]
fn a_transport_that_breaks_ends_it() {
    for (code, expected) in [
        (1000, "server closed, 1000"),
        (1001, "server closed, 1001"),
        (1002, "protocol error, 1002"),
        (1012, "shutting down, 1012"),
        (4000, "server closed, 4000"),
    ] {
        let mut user = User::opened(User::with(Transport::WebSocket));
        let expected = format!("closed: {expected} the WebSocket was closed with {code}");
        assert_eq!(user.lose(1, LaneEnd::Finished(Some(code))), [expected]);
        user.assert_over();
    }
    for transport in Transport::ALL {
        let lane = if transport == Transport::Polling { 2 } else { 1 };
        for how in [LaneEnd::Aborted, LaneEnd::Fault(Reason::ProtocolError)] {
            let mut user = User::opened(User::with(transport));
            let expected = format!("closed: connection lost, 1006 {} broke", transport.as_str());
            assert_eq!(user.lose(lane, how), [expected]);
            user.assert_over();
        }
        let mut user = User::opened(User::with(transport));
        let expected = format!("closed: connection lost, 1006 {} was answered with 404", transport.as_str());
        assert_eq!(user.answer(lane, 404, b"o\n"), [expected]);
        user.assert_over();
    }
    for transport in HTTP {
        let lane = if transport == Transport::Polling { 2 } else { 1 };
        let whole = framed(transport, "a[\"a\"]");
        let ended = "closed: connection lost, 1006 the response has ended within a frame";
        // An event that has lost only the end of its last line has come.
        for cut in 1..whole.len() - 1 {
            let mut user = User::opened(User::with(transport));
            assert_eq!(user.bytes(lane, &whole[..cut]), NOTHING, "{transport:?} {cut}");
            assert_eq!(user.lose(lane, LaneEnd::Finished(None)), [ended], "{transport:?} {cut}");
        }
    }
}

#[test]
fn silence_ends_it_if_it_is_to() {
    let silent = "closed: idle timeout, 1006 the server has been silent for 60s";
    for transport in Transport::ALL {
        let silence = Some(Duration::from_secs(60));
        let mut user = User::opened(SockJsClientOptions { silence, ..User::with(transport) });
        let mut lane = if transport == Transport::Polling { 2 } else { 1 };
        for _ in 0..10 {
            assert_eq!(user.wait(59_999), []);
            user.hear(lane, transport, "h");
            lane += u32::from(transport == Transport::Polling);
        }
        // Bytes of no frame, and pings, show that it lives, too.
        user.wait(40_000);
        match transport {
            Transport::WebSocket => user.tell(Told::Ping(Lane(lane))),
            _ => user.bytes(lane, b"a"),
        };
        assert_eq!(user.tell(Told::Ping(Lane(lane + 1))), NOTHING);
        let out = vec![format!("{lane} ends"), silent.to_owned()];
        assert_eq!(user.wait(120_000), [(60_000, out)], "{transport:?}");
        user.assert_over();
    }
}
