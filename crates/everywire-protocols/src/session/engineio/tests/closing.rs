//! How either side ends a session.

use super::*;

#[test]
fn the_server_on_a_websocket() {
    for reason in [Reason::ServerClosed, Reason::Shutdown, Reason::SlowConsumer] {
        let mut peer = Peer::websocket();
        assert_eq!(peer.close(reason), [format!("0 ends: {reason}"), format!("closed: {reason}")]);
        assert_eq!(peer.close(reason), NOTHING);
        assert_eq!(peer.wait(100_000), []);
    }
}

#[test]
fn the_server_while_a_poll_waits() {
    let mut peer = Peer::polling();
    peer.poll(1);
    assert_eq!(peer.close(Reason::ServerClosed), ["1: 200 1", "closed: server closed"]);
}

#[test]
fn the_server_with_last_words() {
    let mut peer = Peer::polling();
    peer.poll(1);
    peer.tell(Input::Send { message: A, offset: None, retain: true, compress: true });
    // By themselves: official clients look at a close before they look at the messages of the same poll.
    assert_eq!(peer.close(Reason::ServerClosed), ["1: 200 4a", "hold"]);
    assert_eq!(peer.poll(2), ["2: 200 6␞1", "closed: server closed"]);
}

#[test]
fn the_server_while_no_poll_waits() {
    let mut peer = Peer::polling();
    assert_eq!(peer.close(Reason::ServerClosed), NOTHING);
    assert_eq!(peer.close(Reason::Shutdown), NOTHING);
    assert_eq!(peer.send(&[A]), NOTHING);
    assert_eq!(peer.post(1, "4late"), ["1: 200 ok"]);
    assert_eq!(peer.poll(2), ["2: 200 6␞1", "closed: server closed"]);
}

#[test]
fn the_server_while_no_poll_waits_with_last_words() {
    let mut peer = Peer::polling();
    peer.send(&[A, B]);
    peer.close(Reason::ServerClosed);
    assert_eq!(peer.poll(1), ["1: 200 4a␞4b", "hold"]);
    peer.open(2, LaneKind::Post, "EIO=4");
    assert_eq!(peer.poll(3), ["3: 200 6␞1", &format!("2: {UNKNOWN}"), "closed: server closed"]);
}

#[test]
fn the_server_and_no_poll_comes() {
    let mut peer = Peer::polling();
    peer.wait(PING_INTERVAL - 1);
    peer.close(Reason::Shutdown);
    assert_eq!(peer.wait(60_000), [(30_000, vec!["closed: shutting down".to_owned()])]);
}

#[test]
fn nobody_moves_a_session_that_ends() {
    let mut peer = Peer::polling();
    peer.knock(1);
    assert_eq!(peer.close(Reason::ServerClosed), ["1 ends: server closed"]);
    assert_eq!(peer.text(1, "5"), NOTHING);
    assert_eq!(peer.knock(2), ["2: 400 Bad request"]);
    peer.open(3, LaneKind::Post, "EIO=4");
    assert_eq!(peer.lose(3, LaneEnd::Aborted), ["closed: server closed"]);
}

#[test]
fn the_client_in_a_body() {
    let mut peer = Peer::polling();
    peer.poll(1);
    let expected = ["text a", "1: 200 6", "hold", "2: 200 ok", "closed: client closed"];
    assert_eq!(peer.post(2, "4a␞1␞4b"), expected);
    assert_eq!(peer.poll(3), NOTHING);

    let mut peer = Peer::polling();
    assert_eq!(peer.post(1, "1"), ["1: 200 ok", "closed: client closed"]);
}
