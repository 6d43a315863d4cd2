//! What polls and posts are answered with.

use super::*;

#[test]
fn a_poll_gets_what_there_is() {
    let mut peer = Peer::polling();
    assert_eq!(peer.poll(1), ["release"]);
    assert_eq!(peer.send(&[]), NOTHING);
    assert_eq!(peer.send(&[A, BYTES, Message::Binary(&[]), B]), ["1: 200 4a␞bAQID␞b␞4b", "hold"]);
    // In the driver's hands when there was no poll.
    assert_eq!(peer.send(&[A]), NOTHING);
    assert_eq!(peer.send(&[B]), NOTHING);
    assert_eq!(peer.poll(2), ["2: 200 4a␞4b", "hold"]);
    assert_eq!(peer.poll(3), ["release"]);
    assert_eq!(peer.send(&[BYTES]), ["3: 200 bAQID", "hold"]);
}

#[test]
fn a_post_brings_packets() {
    let mut peer = Peer::polling();
    let rows: [(&str, &[&str]); 7] = [
        (r#"42["a"]␞42["b"]"#, &[r#"text 2["a"]"#, r#"text 2["b"]"#]),
        ("4", &["text "]),
        ("4€😀", &["text €😀"]),
        ("451-[]␞bAQID␞b", &["text 51-[]", "bytes [1, 2, 3]", "bytes []"]),
        // Without padding, too.
        ("bAQI␞bAQ==", &["bytes [1, 2]", "bytes [1]"]),
        // A pong, and what means nothing on a session that is open.
        ("3␞0␞5␞6␞4a", &["text a"]),
        ("3probe", &[]),
    ];
    for (lane, (body, messages)) in (1..).zip(rows) {
        let mut expected: Vec<_> = messages.iter().map(ToString::to_string).collect();
        expected.push(format!("{lane}: 200 ok"));
        assert_eq!(peer.post(lane, body), expected, "{body}");
    }
}

#[test]
fn what_is_no_packet_ends_the_session_after_what_was_one() {
    for body in ["abc", "", "7", "4a␞", "4a␞␞4b", "4a␞x4b", "4a␞b*", "4a␞bA", "😀"] {
        let mut peer = Peer::polling();
        peer.poll(1);
        let before: &[&str] = if body.starts_with("4a") { &["text a"] } else { &[] };
        let after = ["2: 200 ok", "1: 200 1", "closed: protocol error"];
        assert_eq!(peer.post(2, body), [before, &after].concat(), "{body}");
        assert_eq!(peer.poll(3), NOTHING);
        assert_eq!(peer.session.deadline(), None);
    }
}

#[test]
fn clients_of_revision_4_send_no_ping_and_no_bytes() {
    for body in ["2", "2probe"] {
        let mut peer = Peer::polling();
        peer.poll(1);
        assert_eq!(peer.post(2, body), ["2: 200 ok", "1: 200 1", "closed: protocol error"]);
    }
    let mut peer = Peer::polling();
    peer.poll(1);
    assert_eq!(peer.post_bytes(2, b"4a"), ["2: 400 ", "1: 200 1", "closed: protocol error"]);
}

#[test]
fn two_polls_at_once() {
    let mut peer = Peer::polling();
    peer.poll(1);
    assert_eq!(peer.poll(2), ["2: 400 ", "1: 200 1", "closed: protocol error"]);
}

#[test]
fn two_posts_at_once() {
    let mut peer = Peer::polling();
    peer.poll(1);
    assert_eq!(peer.open(2, LaneKind::Post, "EIO=4"), NOTHING);
    assert_eq!(
        peer.open(3, LaneKind::Post, "EIO=4"),
        ["3: 400 ", "1: 200 1", &format!("2: {UNKNOWN}"), "closed: protocol error"]
    );
    assert_eq!(peer.text(2, "4late"), NOTHING);
}

#[test]
fn a_request_that_breaks_off_ends_the_session() {
    let ends = [
        (LaneEnd::Aborted, "closed: connection lost"),
        (LaneEnd::Finished(None), "closed: connection lost"),
        (LaneEnd::Fault(Reason::InvalidText), "closed: invalid text"),
    ];
    for (how, closed) in ends {
        let mut peer = Peer::polling();
        peer.poll(1);
        assert_eq!(peer.lose(1, how), [closed]);

        let mut peer = Peer::polling();
        peer.poll(1);
        peer.open(2, LaneKind::Post, "EIO=4");
        assert_eq!(peer.lose(2, how), ["1: 200 1", closed]);
    }
}

#[test]
fn one_that_was_answered_may_break_off() {
    let mut peer = Peer::polling();
    assert_eq!(peer.lose(0, LaneEnd::Aborted), NOTHING);
    peer.poll(1);
    peer.post(2, "4a");
    assert_eq!(peer.lose(2, LaneEnd::Finished(None)), NOTHING);
    assert_eq!(peer.send(&[A]), ["1: 200 4a", "hold"]);
}

#[test]
fn a_body_that_was_too_long_harms_nothing() {
    let mut peer = Peer::polling();
    peer.open(1, LaneKind::Post, "EIO=4");
    assert_eq!(peer.lose(1, LaneEnd::Fault(Reason::TooLarge)), NOTHING);
    assert_eq!(peer.post(2, "4a"), ["text a", "2: 200 ok"]);
}

#[test]
fn requests_that_do_not_fit_the_session_harm_nothing() {
    let mut peer = Peer::polling();
    peer.poll(1);
    let refused = |lane: u32| [format!("{lane}: {BAD_REQUEST}")];
    for (lane, query) in (2..).zip(["EIO=3", "EIO=5", "", "transport=polling"]) {
        assert_eq!(peer.open(lane, LaneKind::Poll, query), refused(lane), "{query}");
        assert_eq!(peer.open(lane + 10, LaneKind::Post, query), refused(lane + 10), "{query}");
        assert_eq!(
            peer.open(lane + 20, LaneKind::WebSocket, query),
            [format!("{}: 400 Bad request", lane + 20)]
        );
    }
    assert_eq!(peer.open(40, LaneKind::Stream, "EIO=4"), refused(40));
    assert_eq!(peer.send(&[A]), ["1: 200 4a", "hold"]);
}

#[test]
fn a_body_of_too_many_packets_ends_the_session() {
    let options = EngineIoOptions { max_packets: 3, ..all() };
    let mut peer = Peer::polling_with(options.clone(), "EIO=4");
    assert_eq!(peer.post(1, "4␞6␞4"), ["text ", "text ", "1: 200 ok"]);
    let expected = ["text ", "text ", "text ", "2: 200 ok", "closed: too large"];
    assert_eq!(peer.post(2, "4␞4␞4␞4"), expected);
    let mut peer = Peer::polling_with(options, "EIO=3");
    assert_eq!(peer.post(1, "1:61:60:1:6"), ["1: 200 ok"]);
    assert_eq!(peer.post(2, "1:61:61:61:6"), ["2: 200 ok", "closed: too large"]);
}
