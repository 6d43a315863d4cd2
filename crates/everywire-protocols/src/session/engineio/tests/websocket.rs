//! What messages on a WebSocket are answered with, when a session runs on it.

use super::*;

#[test]
fn messages() {
    let mut peer = Peer::websocket();
    let rows: [(Message<'_>, &[&str]); 9] = [
        (Message::Text("4hello"), &["text hello"]),
        (Message::Text("4"), &["text "]),
        (Message::Binary(&[4, 1]), &["bytes [4, 1]"]),
        (Message::Binary(&[]), &["bytes []"]),
        (Message::Text("bAQID"), &["bytes [1, 2, 3]"]),
        (Message::Text("0"), &[]),
        (Message::Text("5"), &[]),
        (Message::Text("6"), &[]),
        (Message::Text("3"), &[]),
    ];
    for (message, expected) in rows {
        assert_eq!(peer.tell(Input::Message { lane: Lane(0), message }), expected, "{message:?}");
        assert_eq!(peer.message(0, message), expected, "{message:?}");
    }
}

#[test]
fn messages_stand_where_they_came() {
    let (mut peer, text, mut out) = (Peer::websocket(), "4hello".to_owned(), Outputs::new());
    let plain = peer.session.message(Time(peer.now), Lane(0), Message::Text(&text), &mut out);
    assert_eq!((plain, &out[..]), (Some(Message::Text("hello")), &[][..]));
    assert_eq!(plain.map(|said| said.as_bytes().as_ptr()), Some(text[1..].as_ptr()));
}

#[test]
fn what_is_no_packet_ends_the_session() {
    for text in ["", "7", "x", "hello", "b*", "2", "2probe"] {
        let mut peer = Peer::websocket();
        assert_eq!(peer.text(0, text), ["0 ends: protocol error", "closed: protocol error"], "{text}");
        assert_eq!(peer.text(0, "4a"), NOTHING);
        assert_eq!(peer.session.deadline(), None);
    }
}

#[test]
fn a_client_may_close() {
    // Node does nothing here, and waits until the client does not answer its pings.
    let mut peer = Peer::websocket();
    assert_eq!(peer.text(0, "1"), ["0 ends: client closed", "closed: client closed"]);
}

#[test]
fn a_websocket_that_ends_ends_the_session() {
    let rows = [
        (LaneEnd::Finished(Some(1000)), "closed: client closed"),
        (LaneEnd::Aborted, "closed: connection lost"),
        (LaneEnd::Fault(Reason::TooLarge), "closed: too large"),
    ];
    for (how, closed) in rows {
        let mut peer = Peer::websocket();
        assert_eq!(peer.lose(0, how), [closed]);
    }
}

#[test]
fn other_lanes_do_not_fit() {
    let mut peer = Peer::websocket();
    assert_eq!(peer.poll(1), [format!("1: {BAD_REQUEST}")]);
    assert_eq!(peer.open(2, LaneKind::Post, "EIO=4"), [format!("2: {BAD_REQUEST}")]);
    assert_eq!(peer.text(2, "4late"), NOTHING);
    assert_eq!(peer.knock(3), ["3 ends: protocol error"]);
    assert_eq!(peer.text(3, "4other"), NOTHING);
    assert_eq!(peer.open(4, LaneKind::WebSocket, "EIO=3"), ["4: 400 Bad request"]);
    assert_eq!(peer.lose(3, LaneEnd::Aborted), NOTHING);
    assert_eq!(peer.text(0, "4a"), ["text a"]);
}

#[test]
fn what_still_comes_from_the_driver_is_written() {
    let rows = [
        ("EIO=4", ["0> 4a", "0> [1, 2, 3]"]),
        ("EIO=4&b64=1", ["0> 4a", "0> bAQID"]),
        ("EIO=3", ["0> 4a", "0> [4, 1, 2, 3]"]),
        ("EIO=3&b64=1", ["0> 4a", "0> b4AQID"]),
    ];
    for (query, expected) in rows {
        assert_eq!(Peer::websocket_with(all(), query).send(&[A, BYTES]), expected, "{query}");
    }
}
