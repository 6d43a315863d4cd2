//! A stream of events, and what is posted beside it: the sheet's section 2.2.

use super::*;

#[test]
fn it_opens_with_a_comment() {
    let mut peer = Peer::new(SignalRConnectionOptions::default(), false);
    assert_eq!(
        peer.open(0, LaneKind::Stream),
        ["0: 200 text/event-stream …", "0> :\\r\\n", "opened text only", "indirect"]
    );
    assert_eq!(peer.session.deadline(), None);
    let mut peer = Peer::new(SignalRConnectionOptions::default(), true);
    let headers = headers_of(&mut peer, 0, LaneKind::Stream);
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache,no-store"),
        ("pragma", "no-cache"),
        ("content-encoding", "identity"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(headers[name], value);
    }
}

#[test]
fn a_message_is_an_event() {
    let mut peer = Peer::opened(LaneKind::Stream);
    for (message, event) in [
        ("{\"type\":6}\u{1e}", r#"0> data: {"type":6}␞\r\n\r\n"#),
        ("a\nb\u{1e}", r"0> data: a\r\ndata: b␞\r\n\r\n"),
        // Before the end of a line it is part of that.
        ("a\r\nb\u{1e}", r"0> data: a\r\ndata: b␞\r\n\r\n"),
        ("a\n\nb\u{1e}", r"0> data: a\r\ndata: \r\ndata: b␞\r\n\r\n"),
        // To a browser it ends one by itself.
        ("a\rb\r\u{1e}", r"0> data: a\r\ndata: b\r\ndata: ␞\r\n\r\n"),
        ("a\r\r\nb\u{1e}", r"0> data: a\r\ndata: \r\ndata: b␞\r\n\r\n"),
        ("é\u{1e}", r"0> data: é␞\r\n\r\n"),
    ] {
        assert_eq!(peer.write(Message::Text(message), true), [event]);
    }
}

#[test]
fn what_comes_next_waits_until_it_has_left() {
    let mut peer = Peer::opened(LaneKind::Stream);
    assert_eq!(peer.send(&[]), NOTHING);
    assert_eq!(peer.send(&[A, B]), [r#"0> data: {"a":1}␞\r\n\r\n"#, r#"0> data: {"b":2}␞\r\n\r\n"#, "hold"]);
    // A ping goes all the same.
    assert_eq!(peer.write(PING, false), [r#"0> data: {"type":6}␞\r\n\r\n"#]);
    assert_eq!(peer.tell(Input::LaneWritable { lane: Lane(7) }), NOTHING);
    assert_eq!(peer.tell(Input::LaneWritable { lane: Lane(0) }), ["release"]);
    assert_eq!(peer.tell(Input::LaneWritable { lane: Lane(0) }), NOTHING);
}

#[test]
fn what_is_posted_is_taken() {
    let mut peer = Peer::opened(LaneKind::Stream);
    assert_eq!(peer.post(1, A), [r#"text {"a":1}␞"#, "1: 200 text/plain "]);
    assert_eq!(peer.post(2, BYTES), ["bytes [2, 145, 6]", "2: 200 text/plain "]);
    assert_eq!(peer.post(3, Message::Text("")), ["text ", "3: 200 text/plain "]);
    // Two at once, which is no conflict.
    assert_eq!(peer.knock(4, LaneKind::Post, Method::POST), NOTHING);
    assert_eq!(peer.knock(5, LaneKind::Post, Method::POST), NOTHING);
    assert_eq!(peer.message(5, B), [r#"text {"b":2}␞"#, "5: 200 text/plain "]);
    assert_eq!(peer.message(4, A), [r#"text {"a":1}␞"#, "4: 200 text/plain "]);
    // One that is given up is nothing.
    assert_eq!(peer.knock(6, LaneKind::Post, Method::POST), NOTHING);
    assert_eq!(peer.lose(6, LaneEnd::Aborted), NOTHING);
    assert_eq!(peer.close(Reason::ServerClosed), ["0 ends: server closed", "closed: server closed"]);
}

#[test]
fn whatever_else_asks_is_refused() {
    let mut peer = Peer::opened(LaneKind::Stream);
    assert_eq!(peer.open(1, LaneKind::Stream), [format!("1: {CONFLICT}")]);
    assert_eq!(peer.open(2, LaneKind::WebSocket), [format!("2: {OTHER_TRANSPORT}")]);
    assert_eq!(peer.poll(3), [format!("3: {OTHER_TRANSPORT}")]);
    assert_eq!(peer.delete(4), [format!("4: {DELETE_NOT_POLLING}")]);
}

#[test]
fn it_ends_with_its_stream() {
    for (how, reason) in [(LaneEnd::Aborted, "connection lost"), (LaneEnd::Finished(None), "client closed")] {
        let mut peer = Peer::opened(LaneKind::Stream);
        assert_eq!(peer.lose(0, how), [format!("closed: {reason}")]);
        peer.assert_over();
    }
}

#[test]
fn a_body_that_would_come_too_late_is_not_waited_for() {
    let mut peer = Peer::opened(LaneKind::Stream);
    for lane in 1..4 {
        assert_eq!(peer.knock(lane, LaneKind::Post, Method::POST), NOTHING);
    }
    assert_eq!(peer.message(2, A), [r#"text {"a":1}␞"#, "2: 200 text/plain "]);
    assert_eq!(peer.lose(1, LaneEnd::Aborted), NOTHING);
    assert_eq!(peer.knock(4, LaneKind::Post, Method::POST), NOTHING);
    assert_eq!(
        peer.close(Reason::Shutdown),
        [
            "0 ends: shutting down",
            &format!("3: {UNKNOWN}"),
            &format!("4: {UNKNOWN}"),
            "closed: shutting down"
        ]
    );
    peer.assert_over();
    // The stream may be lost before them.
    let mut peer = Peer::opened(LaneKind::Stream);
    peer.knock(1, LaneKind::Post, Method::POST);
    assert_eq!(peer.lose(0, LaneEnd::Aborted), [&format!("1: {UNKNOWN}"), "closed: connection lost"]);
    peer.assert_over();
}
