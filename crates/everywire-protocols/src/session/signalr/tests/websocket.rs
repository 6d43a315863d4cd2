//! A session on one WebSocket, which is all it ever has.

use super::*;

#[test]
fn messages_go_both_ways() {
    let mut peer = Peer::new(SignalRConnectionOptions::default(), false);
    assert_eq!(peer.open(0, LaneKind::WebSocket), ["opened", "direct 0 None"]);
    assert_eq!(peer.message(0, A), [r#"text {"a":1}␞"#]);
    assert_eq!(peer.message(0, BYTES), ["bytes [2, 145, 6]"]);
    assert_eq!(peer.session.deadline(), None);
}

#[test]
fn whatever_else_asks_is_refused() {
    let mut peer = Peer::opened(LaneKind::WebSocket);
    assert_eq!(peer.open(1, LaneKind::WebSocket), [format!("1: {CONFLICT}")]);
    assert_eq!(peer.open(2, LaneKind::Stream), [format!("2: {OTHER_TRANSPORT}")]);
    assert_eq!(peer.poll(3), [format!("3: {OTHER_TRANSPORT}")]);
    assert_eq!(peer.post(4, A), [format!("4: {POST_ON_WEBSOCKET}")]);
    assert_eq!(peer.delete(5), [format!("5: {DELETE_NOT_POLLING}")]);
    // Nothing has changed.
    for lane in 1..6 {
        assert_eq!(peer.lose(lane, LaneEnd::Finished(None)), NOTHING);
    }
    assert_eq!(peer.message(0, A), [r#"text {"a":1}␞"#]);
}

#[test]
fn it_ends_with_its_websocket() {
    for (how, reason) in [
        (LaneEnd::Aborted, "connection lost"),
        (LaneEnd::Finished(Some(1000)), "client closed"),
        (LaneEnd::Finished(None), "client closed"),
        (LaneEnd::Fault(Reason::TooLarge), "too large"),
    ] {
        let mut peer = Peer::opened(LaneKind::WebSocket);
        assert_eq!(peer.lose(0, how), [format!("closed: {reason}")]);
        peer.assert_over();
    }
    let mut peer = Peer::opened(LaneKind::WebSocket);
    assert_eq!(peer.close(Reason::Shutdown), ["0 ends: shutting down", "closed: shutting down"]);
    assert_eq!(peer.lose(0, LaneEnd::Finished(None)), NOTHING);
    peer.assert_over();
}
