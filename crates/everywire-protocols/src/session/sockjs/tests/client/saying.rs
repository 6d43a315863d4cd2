use super::*;

#[test]
fn a_websocket_says_each_message_in_a_frame() {
    let mut user = User::new(User::with(Transport::WebSocket));
    // What is said before it is open waits.
    assert_eq!(user.say("a"), NOTHING);
    user.tell(Told::Start);
    assert_eq!(user.say("\u{2028}😀\""), NOTHING);
    user.answer(0, 200, INFO);
    assert_eq!(user.say(""), NOTHING);
    assert_eq!(
        user.hear(1, Transport::WebSocket, "o"),
        ["opened: websocket", "1> [\"a\"]", "1> [\"\\u2028\\ud83d\\ude00\\\"\"]", "1> [\"\"]"]
    );
    assert_eq!(user.say("b"), ["1> [\"b\"]"]);
    assert_eq!(user.wait(3_600_000), []);
}

#[test]
fn one_request_posts_at_a_time_and_the_rest_goes_together() {
    for transport in HTTP {
        let mut user = User::opened(User::with(transport));
        let post = if transport == Transport::Polling { 3 } else { 2 };
        let send = |lane, body: &str| format!("{lane}: Send /s/001/caaaaaaa/xhr_send {body}");
        assert_eq!(user.say("a"), [send(post, "[\"a\"]")]);
        assert_eq!(user.say("b"), NOTHING);
        assert_eq!(user.say("c"), NOTHING);
        assert_eq!(user.wait(60_000), []);
        assert_eq!(user.answer(post, 204, b""), NOTHING);
        // It pauses, so that what comes now goes along.
        assert_eq!(user.say("d"), NOTHING);
        assert_eq!(user.wait(1000), [(25, vec![send(post + 1, "[\"b\",\"c\",\"d\"]")])]);
        assert_eq!(user.answer(post + 1, 200, b"ok"), NOTHING);
        assert_eq!(user.wait(60_000), []);
        assert_eq!(user.say("e"), [send(post + 2, "[\"e\"]")]);
    }
}

#[test]
fn a_post_that_is_not_taken_ends_it() {
    for transport in HTTP {
        let (listens, post) = if transport == Transport::Polling { (2, 3) } else { (1, 2) };
        for status in [201, 302, 404, 500] {
            let mut user = User::opened(User::with(transport));
            user.say("a");
            let expected = format!("closed: connection lost, 1006 what was sent was answered with {status}");
            assert_eq!(user.answer(post, status, b""), [format!("{listens} ends"), expected]);
            user.assert_over();
        }
        let mut user = User::opened(User::with(transport));
        user.say("a");
        let failed =
            "closed: connection lost, 1006 what was sent: the request has failed, and nobody answered";
        assert_eq!(user.lose(post, LaneEnd::Aborted), [format!("{listens} ends"), failed.to_owned()]);
        user.assert_over();
    }
}

#[test]
fn posts_are_no_longer_than_they_may_be() {
    let mut user = User::opened(SockJsClientOptions { post_bytes: 9, ..User::with(Transport::Streaming) });
    user.say("0");
    for message in ["1", "2", "3", "a long one", "4"] {
        user.say(message);
    }
    let mut bodies = Vec::new();
    for lane in 2..=6 {
        user.answer(lane, 204, b"");
        bodies.extend(user.wait(25).into_iter().flat_map(|(_, lines)| lines));
    }
    let bodies: Vec<_> = bodies.iter().filter_map(|line| line.rsplit_once("xhr_send ")).collect();
    let bodies: Vec<_> = bodies.into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, ["[\"1\",\"2\"]", "[\"3\"]", "[\"a long one\"]", "[\"4\"]"]);
}

#[test]
fn what_waits_is_bounded_and_room_is_told() {
    let options = || SockJsClientOptions {
        outbox_bytes: 20,
        outbox_messages: 3,
        pause: Duration::ZERO,
        ..User::with(Transport::Streaming)
    };
    let mut user = User::new(options());
    assert_eq!(user.try_to_say("123456789012345678901"), Err(SockJsUnsent::TooLong));
    for message in ["a", "b", "c"] {
        assert_eq!(user.say(message), NOTHING);
    }
    assert_eq!(user.try_to_say("d"), Err(SockJsUnsent::Full));
    user.tell(Told::Start);
    user.answer(0, 200, INFO);
    assert_eq!(
        user.hear(1, Transport::Streaming, "o"),
        ["opened: xhr-streaming", "2: Send /s/001/caaaaaaa/xhr_send [\"a\",\"b\",\"c\"]", "room"]
    );
    // What is being posted does not wait any more.
    assert_eq!(user.say("12345678"), NOTHING);
    assert_eq!(user.try_to_say("123456789"), Err(SockJsUnsent::Full));
    assert_eq!(user.say(""), NOTHING);
    // Only for what was refused there has to be room.
    let posted = "3: Send /s/001/caaaaaaa/xhr_send [\"12345678\",\"\"]";
    assert_eq!(user.answer(2, 204, b""), [posted, "room"]);
    assert_eq!(user.say("123456789"), NOTHING);

    // On a WebSocket nothing waits.
    let mut user = User::opened(SockJsClientOptions { transports: vec![Transport::WebSocket], ..options() });
    for _ in 0..100 {
        assert_eq!(user.say("1234567890").len(), 1);
    }
}
