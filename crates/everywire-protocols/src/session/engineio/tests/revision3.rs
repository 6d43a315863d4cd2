//! Clients of revision 3.

use super::*;

fn polling() -> Peer {
    Peer::polling_with(all(), "EIO=3")
}

#[test]
fn opens_with_the_same_packet() {
    let opening = format!(
        r#"0{{"sid":"{SID}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}}"#
    );
    let answer = format!("0: 200 {}:{opening}", opening.len());
    assert_eq!(Peer::new(all(), "EIO=3").poll(0), ["opened 3", "indirect", "hold", &answer]);
}

#[test]
fn texts_are_counted_in_utf16() {
    let mut peer = polling();
    peer.poll(1);
    assert_eq!(
        peer.send(&[Message::Text("0"), Message::Text("€"), Message::Text("😀"), Message::Text("")]),
        ["1: 200 2:402:4€3:4😀1:4", "hold"]
    );
    assert_eq!(peer.post(2, "2:402:4€3:4😀1:40:"), ["text 0", "text €", "text 😀", "text ", "2: 200 ok"]);
}

#[test]
fn bytes_make_a_body_of_bytes() {
    let mut peer = polling();
    peer.poll(1);
    let expected: &[u8] = &[0, 2, 255, b'4', b'0', 0, 4, 255, b'4', 0xe2, 0x82, 0xac, 1, 4, 255, 4, 1, 2, 3];
    assert_eq!(
        peer.send(&[Message::Text("0"), Message::Text("€"), BYTES]),
        [format!("1: 200 {expected:?}"), "hold".to_owned()]
    );
    assert_eq!(peer.post_bytes(2, expected), ["text 0", "text €", "bytes [1, 2, 3]", "2: 200 ok"]);
}

#[test]
fn a_client_that_cannot_receive_bytes_gets_base64() {
    let mut peer = Peer::polling_with(all(), "EIO=3&b64=1");
    peer.poll(1);
    assert_eq!(peer.send(&[A, BYTES]), ["1: 200 2:4a6:b4AQID", "hold"]);
    assert_eq!(
        peer.post(2, "6:b4AQID2:b42:b1"),
        ["bytes [1, 2, 3]", "bytes []", "2: 200 ok", "closed: client closed"]
    );
}

#[test]
fn what_is_no_packet_ends_the_session() {
    for body in
        ["", "abc", "4a", ":4a", "2:4", "3:4a", "1:4a", "-1:4", "2:4a2", "1:x", "2:4😀", "+2:4a", "1:7"]
    {
        let mut peer = polling();
        peer.poll(1);
        let out = peer.post(2, body);
        assert_eq!(out[out.len() - 3..], ["2: 200 ok", "1: 200 1:1", "closed: protocol error"], "{body}");
    }
    let bodies: [&[u8]; 9] = [
        b"",
        b"2:4a",
        &[0, 255],
        &[0, 2, 255, b'4'],
        &[2, 2, 255, b'4', b'a'],
        &[0, 10, 255, b'4', b'a'],
        &[0, 2, 255, b'4', 0xff],
        &[1, 1, 255, 7],
        &[1, 0, 255],
    ];
    for body in bodies {
        let mut peer = polling();
        assert_eq!(peer.post_bytes(1, body), ["1: 200 ok", "closed: protocol error"], "{body:?}");
    }
}

#[test]
fn on_a_websocket() {
    let mut peer = Peer::websocket_with(all(), "EIO=3");
    assert_eq!(peer.text(0, "4hello"), ["text hello"]);
    assert_eq!(peer.bytes(0, &[4, 1, 2, 3]), ["bytes [1, 2, 3]"]);
    assert_eq!(peer.bytes(0, &[4]), ["bytes []"]);
    assert_eq!(peer.text(0, "b4AQID"), ["bytes [1, 2, 3]"]);
    assert_eq!(peer.bytes(0, &[6]), NOTHING);
    assert_eq!(peer.bytes(0, &[1]), ["0 ends: client closed", "closed: client closed"]);
    for bytes in [&[] as &[u8], &[7], b"4a"] {
        let mut peer = Peer::websocket_with(all(), "EIO=3");
        assert_eq!(peer.bytes(0, bytes), ["0 ends: protocol error", "closed: protocol error"], "{bytes:?}");
    }
}

#[test]
fn moves_to_a_websocket() {
    let mut peer = polling();
    peer.poll(1);
    peer.knock(2);
    assert_eq!(peer.text(2, "2probe"), ["2> 3probe", "1: 200 1:6", "hold"]);
    peer.send(&[A, BYTES]);
    assert_eq!(peer.text(2, "5"), ["2> 4a", "2> [4, 1, 2, 3]", "release", "direct 2 EngineIo3"]);
    assert_eq!(peer.text(2, "2"), ["2> 3"]);
}

#[test]
fn closes_in_its_own_words() {
    let mut peer = polling();
    peer.close(Reason::ServerClosed);
    assert_eq!(peer.poll(1), ["1: 200 1:61:1", "closed: server closed"]);

    let mut peer = polling();
    peer.poll(1);
    assert_eq!(peer.post(2, "1:1"), ["1: 200 1:6", "hold", "2: 200 ok", "closed: client closed"]);
}
