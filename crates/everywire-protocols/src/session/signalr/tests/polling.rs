//! Polls, and what is posted beside them: the sheet's section 2.3.

use super::*;

const OVER: &str = "204 text/plain ";

#[test]
fn the_first_poll_is_answered_at_once_with_nothing() {
    let mut peer = Peer::new(SignalRConnectionOptions::default(), false);
    assert_eq!(peer.poll(0), ["0: 200 application/octet-stream ", "opened polls", "indirect", "hold"]);
    // Also of a client that could come back on another WebSocket, had it one.
    let mut peer = Peer::new(SignalRConnectionOptions::default(), true);
    assert_eq!(peer.poll(0), ["0: 200 application/octet-stream ", "opened polls", "indirect", "hold"]);
}

#[test]
fn answers_are_not_to_be_cached() {
    let mut peer = Peer::new(SignalRConnectionOptions::default(), false);
    let first = headers_of(&mut peer, 0, LaneKind::Poll);
    peer.poll(1);
    let replaced = headers_of(&mut peer, 2, LaneKind::Poll);
    for headers in [first, replaced] {
        assert_eq!(headers["cache-control"], "no-cache, no-store");
        assert_eq!(headers["pragma"], "no-cache");
        assert_eq!(headers["expires"], "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}

#[test]
fn a_poll_gets_all_that_there_is() {
    let mut peer = Peer::opened(LaneKind::Poll);
    assert_eq!(peer.poll(1), ["release"]);
    assert_eq!(peer.send(&[]), NOTHING);
    assert_eq!(peer.send(&[A, B]), [r#"1: 200 application/octet-stream {"a":1}␞{"b":2}␞"#, "hold"]);
    // In the driver's hands when there was no poll.
    assert_eq!(peer.send(&[A]), NOTHING);
    assert_eq!(peer.send(&[B]), NOTHING);
    // What has come since waits in the mailbox, and leaves along with it.
    assert_eq!(peer.poll(2), ["release"]);
    assert_eq!(peer.send(&[A]), [r#"2: 200 application/octet-stream {"a":1}␞{"b":2}␞{"a":1}␞"#, "hold"]);
    assert_eq!(peer.poll(3), ["release"]);
    assert_eq!(
        peer.send(&[BYTES, Message::Binary(&[0xff])]),
        ["3: 200 application/octet-stream [2, 145, 6, 255]", "hold"]
    );
}

#[test]
fn a_poll_takes_over_from_the_one_before() {
    let mut peer = Peer::opened(LaneKind::Poll);
    assert_eq!(peer.poll(1), ["release"]);
    assert_eq!(peer.wait(50_000), []);
    assert_eq!(peer.poll(2), [format!("1: {OVER}")]);
    assert_eq!(peer.lose(1, LaneEnd::Finished(None)), NOTHING);
    // It has its own time.
    assert_eq!(peer.wait(89_999), []);
    assert_eq!(peer.send(&[A]), [r#"2: 200 application/octet-stream {"a":1}␞"#, "hold"]);
}

#[test]
fn a_poll_that_hears_nothing_is_let_go() {
    let mut peer = Peer::opened(LaneKind::Poll);
    peer.poll(1);
    assert_eq!(peer.wait(90_000), [(90_000, vec!["1: 200 text/plain ".to_owned(), "hold".to_owned()])]);
    assert_eq!(peer.poll(2), ["release"], "and the next comes");
    let options = SignalRConnectionOptions {
        poll_timeout: std::time::Duration::from_secs(3),
        ..SignalRConnectionOptions::default()
    };
    let mut peer = Peer::new(options, false);
    peer.poll(0);
    peer.poll(1);
    assert_eq!(peer.wait(3_000), [(3_000, vec!["1: 200 text/plain ".to_owned(), "hold".to_owned()])]);
}

#[test]
fn a_client_that_does_not_poll_is_gone() {
    let lost = |at| vec![(at, vec!["closed: connection lost".to_owned()])];
    let mut peer = Peer::opened(LaneKind::Poll);
    assert_eq!(peer.wait(60_000), lost(15_000));
    peer.assert_over();
    // From the last answer on; what it posts does not count.
    let mut peer = Peer::opened(LaneKind::Poll);
    peer.poll(1);
    assert_eq!(peer.wait(40_000), []);
    peer.send(&[A]);
    assert_eq!(peer.wait(10_000), []);
    peer.post(2, A);
    assert_eq!(peer.wait(60_000), lost(5_000));
    // From the time that it gave its poll up.
    let mut peer = Peer::opened(LaneKind::Poll);
    peer.poll(1);
    assert_eq!(peer.wait(40_000), []);
    assert_eq!(peer.lose(1, LaneEnd::Aborted), ["hold"]);
    assert_eq!(peer.send(&[A]), NOTHING, "it waits");
    assert_eq!(peer.wait(14_999), []);
    assert_eq!(peer.poll(2), ["release"]);
    assert_eq!(peer.send(&[]), [r#"2: 200 application/octet-stream {"a":1}␞"#, "hold"]);
    assert_eq!(peer.wait(60_000), lost(15_000));
}

#[test]
fn what_is_posted_is_taken() {
    let mut peer = Peer::opened(LaneKind::Poll);
    // As JavaScript does: the handshake before the second poll.
    assert_eq!(peer.post(1, A), [r#"text {"a":1}␞"#, "1: 200 text/plain "]);
    peer.poll(2);
    assert_eq!(peer.post(3, BYTES), ["bytes [2, 145, 6]", "3: 200 text/plain "]);
    assert_eq!(peer.knock(4, LaneKind::Post, Method::POST), NOTHING);
    assert_eq!(peer.knock(5, LaneKind::Post, Method::POST), NOTHING);
    assert_eq!(peer.message(4, A), [r#"text {"a":1}␞"#, "4: 200 text/plain "]);
    assert_eq!(peer.message(5, B), [r#"text {"b":2}␞"#, "5: 200 text/plain "]);
    assert_eq!(peer.send(&[B]), [r#"2: 200 application/octet-stream {"b":2}␞"#, "hold"]);
}

#[test]
fn whatever_else_asks_is_refused() {
    let mut peer = Peer::opened(LaneKind::Poll);
    for kind in [LaneKind::Stream, LaneKind::WebSocket] {
        assert_eq!(peer.open(1, kind), [format!("1: {OTHER_TRANSPORT}")]);
    }
}

#[test]
fn a_client_ends_it() {
    let mut peer = Peer::opened(LaneKind::Poll);
    peer.poll(1);
    assert_eq!(
        peer.delete(2),
        ["2: 202 text/plain ".to_owned(), format!("1: {OVER}"), "closed: client closed".to_owned()]
    );
    peer.assert_over();
    let mut peer = Peer::opened(LaneKind::Poll);
    assert_eq!(peer.delete(1), ["1: 202 text/plain ", "closed: client closed"]);
    peer.assert_over();
}

#[test]
fn a_server_ends_it_by_two_polls() {
    // The goodbye, in answer to the poll that waits; and in answer to the next, that it is over.
    let mut peer = Peer::opened(LaneKind::Poll);
    peer.poll(1);
    assert_eq!(peer.write(A, false), NOTHING);
    assert_eq!(peer.close(Reason::Shutdown), [r#"1: 200 application/octet-stream {"a":1}␞"#, "hold"]);
    assert_eq!(peer.close(Reason::Internal), NOTHING, "it ends for one reason");
    assert_eq!(peer.poll(2), [format!("2: {OVER}"), "closed: shutting down".to_owned()]);
    peer.assert_over();
    // No poll waits when it ends.
    let mut peer = Peer::opened(LaneKind::Poll);
    assert_eq!(peer.write(A, false), NOTHING);
    assert_eq!(peer.close(Reason::ServerClosed), NOTHING);
    assert_eq!(peer.poll(1), [r#"1: 200 application/octet-stream {"a":1}␞"#, "hold"]);
    assert_eq!(peer.poll(2), [format!("2: {OVER}"), "closed: server closed".to_owned()]);
    peer.assert_over();
    // Nothing is to be said.
    let mut peer = Peer::opened(LaneKind::Poll);
    peer.poll(1);
    assert_eq!(peer.close(Reason::ServerClosed), [format!("1: {OVER}"), "closed: server closed".to_owned()]);
    peer.assert_over();
}

#[test]
fn a_client_that_does_not_come_for_it_is_not_waited_for() {
    let mut peer = Peer::opened(LaneKind::Poll);
    peer.write(A, false);
    peer.close(Reason::Shutdown);
    assert_eq!(peer.wait(60_000), [(15_000, vec!["closed: shutting down".to_owned()])]);
    peer.assert_over();
    // Nor one that comes once, and gives up.
    let mut peer = Peer::opened(LaneKind::Poll);
    peer.write(A, false);
    peer.close(Reason::Shutdown);
    peer.wait(10_000);
    peer.poll(1);
    assert_eq!(peer.post(2, B), [r#"text {"b":2}␞"#, "2: 200 text/plain "]);
    assert_eq!(peer.wait(60_000), [(15_000, vec!["closed: shutting down".to_owned()])]);
}

#[test]
fn a_body_that_would_come_too_late_is_not_waited_for() {
    let mut peer = Peer::opened(LaneKind::Poll);
    for lane in 1..4 {
        assert_eq!(peer.knock(lane, LaneKind::Post, Method::POST), NOTHING);
    }
    assert_eq!(peer.message(2, A), [r#"text {"a":1}␞"#, "2: 200 text/plain "]);
    assert_eq!(peer.lose(1, LaneEnd::Aborted), NOTHING);
    assert_eq!(peer.knock(4, LaneKind::Post, Method::POST), NOTHING);
    assert_eq!(
        peer.delete(5),
        ["5: 202 text/plain ", &format!("3: {UNKNOWN}"), &format!("4: {UNKNOWN}"), "closed: client closed"]
    );
    peer.assert_over();
}
