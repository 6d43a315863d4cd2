//! A client that may come back on another WebSocket: the sheet's section 7.

use super::*;

fn options() -> SignalRConnectionOptions {
    SignalRConnectionOptions { stateful_reconnect: true, buffer_bytes: 20, ..Default::default() }
}

/// One that has shaken hands on lane 0, in a version with which it can.
fn agreed() -> Peer {
    let mut peer = Peer::new(options(), true);
    assert_eq!(peer.open(0, LaneKind::WebSocket), ["opened resumable", "indirect"]);
    assert_eq!(peer.message(0, A), [r#"text {"a":1}␞"#]);
    assert_eq!(peer.write(Message::Text("{}\u{1e}"), false), ["0> {}␞"]);
    assert_eq!(peer.tell(Input::Resumable(true)), ["hold"]);
    peer
}

/// And has spoken.
fn open() -> Peer {
    let mut peer = agreed();
    assert_eq!(peer.message(0, PING), ["release", r#"text {"type":6}␞"#]);
    assert_eq!(peer.message(0, PING), [r#"text {"type":6}␞"#]);
    peer
}

impl Peer {
    /// Comes back, and hears the protocol's word and all that is kept.
    fn back(&mut self, lane: u32) -> Vec<String> {
        let mut out = self.open(lane, LaneKind::WebSocket);
        out.extend(self.write(Message::Text("{\"type\":9}\u{1e}"), false));
        out.extend(self.tell(Input::Drained));
        out
    }
}

const AGAIN: &str = r#"{"type":9}␞"#;

#[test]
fn nothing_is_sent_before_it_speaks() {
    // Official clients in JavaScript hear what comes with the answer to the handshake, and do not count it.
    let mut peer = agreed();
    // What is said by the way goes, and what is in the driver's hands.
    assert_eq!(peer.write(PING, false), [r#"0> {"type":6}␞"#]);
    assert_eq!(peer.send(&[A]), [r#"0> {"a":1}␞"#]);
    assert_eq!(peer.message(0, PING), ["release", r#"text {"type":6}␞"#]);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut peer = open();
    assert_eq!(peer.send(&[A]), [r#"0> {"a":1}␞"#]);
    assert_eq!(peer.send(&[A]), [r#"0> {"a":1}␞"#]);
    // 24 bytes of 20. What is in the driver's hands still comes.
    assert_eq!(peer.send(&[A, B]), [r#"0> {"a":1}␞"#, "hold", r#"0> {"b":2}␞"#]);
    assert_eq!(peer.write(PING, false), [r#"0> {"type":6}␞"#], "a ping is not kept");
    assert_eq!(peer.tell(Input::Acknowledged(1)), NOTHING);
    assert_eq!(peer.tell(Input::Acknowledged(2)), ["release"]);
    assert_eq!(peer.tell(Input::Acknowledged(2)), NOTHING);
    assert_eq!(peer.tell(Input::Acknowledged(1)), NOTHING, "it was said before");
    assert_eq!(peer.tell(Input::Acknowledged(0)), NOTHING);
    assert_eq!(peer.tell(Input::Acknowledged(4)), NOTHING);
}

#[test]
fn what_is_not_acknowledged_is_sent_again() {
    let mut peer = open();
    peer.send(&[A, B]);
    assert_eq!(peer.tell(Input::Acknowledged(1)), NOTHING);
    assert_eq!(peer.lose(0, LaneEnd::Aborted), ["suspended", "hold"]);
    assert_eq!(peer.write(PING, false), NOTHING, "there is nowhere to say it");
    assert_eq!(peer.send(&[BYTES]), NOTHING);
    assert_eq!(peer.wait(10_000), []);
    assert_eq!(peer.open(1, LaneKind::WebSocket), ["resumed 2"]);
    // Nothing comes before the protocol has spoken.
    assert_eq!(peer.write(Message::Text(AGAIN), false), [format!("1> {AGAIN}")]);
    assert_eq!(peer.tell(Input::Drained), [r#"1> {"b":2}␞"#, "1> [2, 145, 6]", "release"]);
    assert_eq!(peer.send(&[]), NOTHING, "once");
    assert_eq!(peer.tell(Input::Acknowledged(3)), NOTHING);
    assert_eq!(peer.lose(1, LaneEnd::Aborted), ["suspended", "hold"]);
    assert_eq!(peer.back(2), ["resumed 4".to_owned(), format!("2> {AGAIN}"), "release".to_owned()]);
    assert_eq!(peer.wait(3_600_000), [], "and nobody waits for it any more");
}

#[test]
fn until_the_protocol_has_spoken_nothing_overtakes_it() {
    let mut peer = open();
    peer.lose(0, LaneEnd::Aborted);
    peer.open(1, LaneKind::WebSocket);
    assert_eq!(peer.write(A, true), NOTHING, "it is kept, and comes with the rest");
    assert_eq!(peer.write(Message::Text(AGAIN), false), [format!("1> {AGAIN}")]);
    assert_eq!(peer.tell(Input::Drained), [r#"1> {"a":1}␞"#, "release"]);
}

#[test]
fn a_full_one_is_held_when_it_is_back() {
    let mut peer = open();
    assert_eq!(peer.send(&[A, A, A]).last().map(String::as_str), Some("hold"));
    assert_eq!(peer.lose(0, LaneEnd::Aborted), ["suspended"], "it is held already");
    assert_eq!(peer.back(1).last().map(String::as_str), Some(r#"1> {"a":1}␞"#));
    assert_eq!(peer.tell(Input::Acknowledged(1)), ["release"]);
}

#[test]
fn it_may_be_back_before_its_loss_is_known() {
    let mut peer = open();
    peer.send(&[A]);
    assert_eq!(
        peer.back(1),
        [
            "0 ends: connection lost".to_owned(),
            "resumed 1".to_owned(),
            format!("1> {AGAIN}"),
            r#"1> {"a":1}␞"#.to_owned()
        ]
    );
    assert_eq!(peer.message(0, B), NOTHING, "from there nothing comes");
    assert_eq!(peer.lose(0, LaneEnd::Aborted), NOTHING);
    assert_eq!(peer.message(1, B), [r#"text {"b":2}␞"#]);
    assert_eq!(peer.session.deadline(), None);
}

#[test]
fn it_may_be_lost_while_it_comes_back() {
    let mut peer = open();
    peer.send(&[A]);
    peer.lose(0, LaneEnd::Aborted);
    assert_eq!(peer.open(1, LaneKind::WebSocket), ["resumed 1"]);
    assert_eq!(peer.lose(1, LaneEnd::Aborted), ["suspended"]);
    assert_eq!(peer.tell(Input::Drained), NOTHING);
    assert_eq!(
        peer.back(2),
        ["resumed 1".to_owned(), format!("2> {AGAIN}"), r#"2> {"a":1}␞"#.to_owned(), "release".to_owned()]
    );
}

#[test]
fn before_it_has_spoken_it_may_be_lost_too() {
    let mut peer = agreed();
    assert_eq!(peer.lose(0, LaneEnd::Aborted), ["suspended"]);
    assert_eq!(peer.back(1), ["resumed 1".to_owned(), format!("1> {AGAIN}"), "release".to_owned()]);
}

#[test]
fn it_is_waited_for_15_seconds() {
    let mut peer = open();
    peer.lose(0, LaneEnd::Aborted);
    assert_eq!(peer.wait(60_000), [(15_000, vec!["closed: connection lost".to_owned()])]);
    peer.assert_over();
    // Each time anew.
    let mut peer = open();
    peer.lose(0, LaneEnd::Aborted);
    assert_eq!(peer.wait(14_999), []);
    peer.back(1);
    peer.lose(1, LaneEnd::Aborted);
    assert_eq!(peer.wait(60_000), [(15_000, vec!["closed: connection lost".to_owned()])]);
}

#[test]
fn it_ends_in_order_at_once() {
    for (how, reason) in [
        (LaneEnd::Finished(Some(1000)), "client closed"),
        (LaneEnd::Finished(None), "client closed"),
        (LaneEnd::Fault(Reason::TooLarge), "too large"),
    ] {
        let mut peer = open();
        assert_eq!(peer.lose(0, how), [format!("closed: {reason}")]);
        peer.assert_over();
    }
    let mut peer = open();
    assert_eq!(peer.close(Reason::Shutdown), ["0 ends: shutting down", "closed: shutting down"]);
    peer.assert_over();
    let mut peer = open();
    peer.lose(0, LaneEnd::Aborted);
    assert_eq!(peer.close(Reason::Shutdown), ["closed: shutting down"]);
    peer.assert_over();
}

#[test]
fn what_was_never_sent_cannot_be_acknowledged() {
    for upto in [3, 4, u64::MAX] {
        let mut peer = open();
        peer.send(&[A, A]);
        // The protocol says why, before the end.
        assert_eq!(peer.tell(Input::Acknowledged(upto)), ["broken: protocol error"]);
        assert_eq!(peer.close(Reason::ProtocolError), ["0 ends: protocol error", "closed: protocol error"]);
        peer.assert_over();
    }
    let mut peer = open();
    assert_eq!(peer.tell(Input::Acknowledged(1)), ["broken: protocol error"]);
}

#[test]
fn in_a_version_without_it_is_an_ordinary_websocket() {
    let mut peer = Peer::new(options(), true);
    peer.open(0, LaneKind::WebSocket);
    assert_eq!(peer.tell(Input::Resumable(false)), ["direct 0 None"]);
    assert_eq!(peer.message(0, A), [r#"text {"a":1}␞"#]);
    assert_eq!(peer.open(1, LaneKind::WebSocket), [format!("1: {CONFLICT}")]);
    assert_eq!(peer.lose(0, LaneEnd::Aborted), ["closed: connection lost"]);
    peer.assert_over();
}

#[test]
fn whatever_else_asks_is_refused() {
    let mut peer = open();
    assert_eq!(peer.open(2, LaneKind::Stream), [format!("2: {OTHER_TRANSPORT}")]);
    assert_eq!(peer.poll(3), [format!("3: {OTHER_TRANSPORT}")]);
    assert_eq!(peer.post(4, A), [format!("4: {POST_ON_WEBSOCKET}")]);
    assert_eq!(peer.delete(5), [format!("5: {DELETE_NOT_POLLING}")]);
}

#[test]
fn before_the_handshake_it_cannot_come_back() {
    let mut peer = Peer::new(options(), true);
    peer.open(0, LaneKind::WebSocket);
    assert_eq!(peer.open(1, LaneKind::WebSocket), [format!("1: {CONFLICT}")]);
    assert_eq!(peer.message(0, A), [r#"text {"a":1}␞"#], "it goes on");
    assert_eq!(peer.lose(0, LaneEnd::Aborted), ["closed: connection lost"]);
    peer.assert_over();
}
