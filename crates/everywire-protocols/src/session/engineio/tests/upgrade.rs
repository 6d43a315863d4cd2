//! The move from polling to a WebSocket.

use super::*;

#[test]
fn as_it_should_be() {
    let mut peer = Peer::polling();
    peer.poll(1);
    assert_eq!(peer.knock(2), NOTHING);
    assert_eq!(peer.text(2, "2probe"), ["2> 3probe", "1: 200 6", "hold"]);
    // Polls count until the end: one that still comes gets what there is, or is let go at the next of the regular moments.
    peer.wait(50);
    assert_eq!(peer.poll(3), ["release"]);
    assert_eq!(peer.send(&[A]), ["3: 200 4a", "hold"]);
    peer.poll(4);
    assert_eq!(peer.wait(60), [(50, vec!["4: 200 6".to_owned(), "hold".to_owned()])]);
    assert_eq!(peer.post(5, "4b"), ["text b", "5: 200 ok"]);
    peer.send(&[A, BYTES]);
    assert_eq!(peer.text(2, "5"), ["2> 4a", "2> [1, 2, 3]", "release", "direct 2 EngineIo"]);
    assert_eq!(peer.text(2, "4hello"), ["text hello"]);
    assert_eq!(peer.poll(6), [format!("6: {BAD_REQUEST}")]);
    assert_eq!(peer.open(7, LaneKind::Post, "EIO=4"), [format!("7: {BAD_REQUEST}")]);
    assert_eq!(peer.knock(8), ["8 ends: protocol error"]);
    assert_eq!(peer.lose(2, LaneEnd::Finished(Some(1000))), ["closed: client closed"]);
}

#[test]
fn without_a_poll_nothing_is_due() {
    let mut peer = Peer::polling();
    peer.knock(1);
    peer.text(1, "2probe");
    peer.wait(430);
    assert_eq!(peer.session.deadline(), Some(Time(1_000_000 + 10_000)), "the end of patience");
    peer.poll(2);
    assert_eq!(peer.session.deadline(), Some(Time(1_000_000 + 500)));
}

#[test]
fn a_poll_that_waits_at_the_end_is_closed() {
    let mut peer = Peer::polling();
    peer.knock(1);
    peer.text(1, "2probe");
    peer.poll(2);
    assert_eq!(peer.text(1, "5"), ["2: 200 1", "release", "direct 1 EngineIo"]);
}

#[test]
fn a_post_that_is_under_way_at_the_end_is_refused() {
    let mut peer = Peer::polling();
    peer.knock(1);
    peer.open(2, LaneKind::Post, "EIO=4");
    assert_eq!(peer.text(1, "5"), [&format!("2: {BAD_REQUEST}"), "release", "direct 1 EngineIo"]);
    assert_eq!(peer.text(2, "4late"), NOTHING);
}

#[test]
fn without_a_probe() {
    let mut peer = Peer::polling();
    peer.poll(1);
    peer.knock(2);
    assert_eq!(peer.text(2, "5"), ["1: 200 1", "release", "direct 2 EngineIo"]);
}

#[test]
fn a_websocket_that_says_anything_else_is_given_up() {
    let rows =
        [A, BYTES, Message::Text(""), Message::Text("2"), Message::Text("2hello"), Message::Text("4a")];
    for message in rows {
        let mut peer = Peer::polling();
        peer.poll(1);
        peer.knock(2);
        let out = peer.tell(Input::Message { lane: Lane(2), message });
        assert_eq!(out, ["2 ends: protocol error"], "{message:?}");
        assert_eq!(peer.text(2, "5"), NOTHING);
        assert_eq!(peer.send(&[A]), ["1: 200 4a", "hold"]);
        // The client may try again.
        assert_eq!(peer.knock(3), NOTHING);
        assert_eq!(peer.text(3, "5"), ["release", "direct 3 EngineIo"]);
    }
}

#[test]
fn a_websocket_that_ends_harms_nothing() {
    let mut peer = Peer::polling();
    peer.poll(1);
    peer.knock(2);
    assert_eq!(peer.lose(2, LaneEnd::Aborted), NOTHING);
    assert_eq!(peer.send(&[A]), ["1: 200 4a", "hold"]);
    assert_eq!(peer.knock(3), NOTHING);
}

#[test]
fn a_websocket_that_takes_too_long_is_given_up() {
    for probed in [false, true] {
        let mut peer = Peer::polling();
        peer.knock(1);
        if probed {
            peer.text(1, "2probe");
        }
        assert_eq!(peer.wait(10_000), [(10_000, vec!["1 ends: handshake timeout".to_owned()])]);
        assert_eq!(peer.text(1, "5"), NOTHING);
        assert_eq!(peer.poll(2), ["release"]);
        assert_eq!(peer.session.deadline(), Some(Time(1_000_000 + PING_INTERVAL)));
    }
}

#[test]
fn a_second_websocket_is_ended() {
    let mut peer = Peer::polling();
    peer.knock(1);
    assert_eq!(peer.knock(2), ["2 ends: protocol error"]);
    assert_eq!(peer.text(2, "5"), NOTHING);
    assert_eq!(peer.lose(2, LaneEnd::Finished(None)), NOTHING);
    assert_eq!(peer.text(1, "5"), ["release", "direct 1 EngineIo"]);
}

#[test]
fn where_there_are_no_upgrades_none_is_let_in() {
    let mut peer = Peer::polling_with(EngineIoOptions { allow_upgrades: false, ..all() }, "EIO=4");
    assert_eq!(peer.knock(1), ["1: 400 Bad request"]);
    assert_eq!(peer.poll(2), ["release"]);
}

#[test]
fn the_heartbeat_goes_on() {
    let mut peer = Peer::polling();
    peer.wait(20_000);
    peer.knock(1);
    peer.text(1, "5");
    assert_eq!(peer.wait(5_000), [(5_000, vec!["1> 2".to_owned()])], "from the opening");

    // A pong that is owed is owed after the move; the ping waits for a poll, and comes.
    let mut peer = Peer::polling();
    peer.wait(PING_INTERVAL);
    peer.knock(1);
    assert_eq!(peer.text(1, "5"), ["1> 2", "release", "direct 1 EngineIo"]);
    let ends = ["1 ends: idle timeout", "closed: idle timeout"].map(str::to_owned).to_vec();
    assert_eq!(peer.wait(PING_TIMEOUT), [(PING_TIMEOUT, ends)]);
}

#[test]
fn whether_bytes_can_be_received_is_asked_anew() {
    let mut peer = Peer::polling_with(all(), "EIO=4&b64=1");
    peer.query = "EIO=4".to_owned();
    peer.knock(1);
    peer.send(&[BYTES]);
    assert_eq!(peer.text(1, "5"), ["1> [1, 2, 3]", "release", "direct 1 EngineIo"]);
}

#[test]
fn of_a_session_that_ends_meanwhile() {
    let mut peer = Peer::polling();
    peer.poll(1);
    peer.knock(2);
    assert_eq!(
        peer.close(Reason::ServerClosed),
        ["1: 200 1", "2 ends: server closed", "closed: server closed"]
    );
}
