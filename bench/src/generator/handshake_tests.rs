//! Both ways into a session, and answers that are not as they should be.

use super::*;
use crate::wire::Wires;

const PORT: u16 = 4000;
const OPEN: &str = r#"0{"sid":"one","upgrades":["websocket"]}"#;
const CONNECTED: &str = r#"40{"sid":"two"}"#;
const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn script(wire: Wire, opening: Opening) -> Script {
    const NONE: Wires = Wires::in_turn(&[]);
    Script::new(Door { port: PORT, wires: NONE, deflate: false, opening }, wire)
}

/// As a server sends it.
fn text(packet: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    wire::encode(Wire::Raw, TEXT, packet, &mut out);
    out
}

fn response(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Hands an answer over byte by byte; only the last one may tell anything.
fn answer(script: &Script, state: &mut Handshake, bytes: &[u8]) -> Result<Next> {
    let mut received = Vec::new();
    for byte in &bytes[..bytes.len() - 1] {
        received.push(*byte);
        assert_eq!(script.advance(state, &mut received)?, Next::Wait);
    }
    received.push(bytes[bytes.len() - 1]);
    let next = script.advance(state, &mut received)?;
    assert!(received.is_empty());
    Ok(next)
}

#[test]
fn a_session_over_websocket_is_opened_and_joined() {
    let script = script(Wire::SocketIo, Opening::WebSocket);
    assert!(script.first(0).starts_with(b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"));
    let mut state = script.begin();
    assert_eq!(answer(&script, &mut state, SWITCHED.as_bytes()).unwrap(), Next::Wait);
    assert_eq!(
        answer(&script, &mut state, &text(OPEN.as_bytes())).unwrap(),
        Next::Send(engine::frame(b"40"))
    );
    assert_eq!(answer(&script, &mut state, &text(b"2")).unwrap(), Next::Send(engine::frame(b"3")));
    assert_eq!(answer(&script, &mut state, &text(CONNECTED.as_bytes())).unwrap(), Next::Ready);

    let mut state = script.begin();
    let mut received = [SWITCHED.as_bytes(), &text(OPEN.as_bytes())].concat();
    assert_eq!(script.advance(&mut state, &mut received).unwrap(), Next::Send(engine::frame(b"40")));
    let refused = text(br#"44{"message":"Invalid namespace"}"#);
    assert!(answer(&script, &mut state, &refused).is_err());
}

#[test]
fn a_session_by_polling_is_upgraded_and_proves_it() {
    let script = script(Wire::SocketIo, Opening::Polling);
    assert!(script.first(0).starts_with(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n"));
    let mut state = script.begin();
    let mut say = |bytes: &[u8]| answer(&script, &mut state, bytes).unwrap();
    assert_eq!(say(&response(OPEN)), Next::Send(engine::post(PORT, "one", "40")));
    assert_eq!(say(&response("ok")), Next::Send(engine::get(PORT, Some("one"))));
    assert_eq!(say(&response("2")), Next::Send(engine::get(PORT, Some("one"))));
    let target = "/socket.io/?EIO=4&transport=websocket&sid=one";
    assert_eq!(
        say(&response(&format!("2\u{1e}{CONNECTED}"))),
        Next::Dial(wire::request(target, PORT, false))
    );
    assert_eq!(say(SWITCHED.as_bytes()), Next::Send(engine::frame(b"2probe")));
    let Exchange { sent, back } = Exchange::events("echo", "echo", &Template::text(64).quoted());
    let upgrade = [engine::frame(b"5"), engine::frame(&sent.payload)].concat();
    assert_eq!(say(&text(b"3probe")), Next::Send(upgrade));
    assert_eq!(say(&text(&back.payload)), Next::Ready);
}

#[test]
fn other_wires_need_one_answer() {
    let script = script(Wire::WebSocket, Opening::WebSocket);
    assert_eq!(answer(&script, &mut script.begin(), SWITCHED.as_bytes()).unwrap(), Next::Ready);
    let script = self::script(Wire::Raw, Opening::WebSocket);
    assert_eq!(answer(&script, &mut script.begin(), &script.first(0)).unwrap(), Next::Ready);
    assert!(script.advance(&mut script.begin(), &mut b"POST".to_vec()).is_err());
}

#[test]
fn a_session_of_sockjs_is_open_when_it_says_so() {
    let script = script(Wire::SockJs, Opening::WebSocket);
    assert!(script.first(3).starts_with(b"GET /sockjs/000/bench00003/websocket HTTP/1.1\r\n"));
    let mut state = script.begin();
    assert_eq!(answer(&script, &mut state, SWITCHED.as_bytes()).unwrap(), Next::Wait);
    assert_eq!(answer(&script, &mut state, &text(b"o")).unwrap(), Next::Ready);
    let mut state = Handshake::SockJs;
    assert!(answer(&script, &mut state, &text(b"c[3000,\"Go away!\"]")).is_err());
}

#[test]
fn a_response_that_goes_on_is_left_to_who_listens() {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (wire, start) in [
        (Wire::SockJsStream, &b"POST /sockjs/000/bench00003/xhr_streaming HTTP/1.1\r\n"[..]),
        (Wire::EventSource, b"GET /events?room=bench HTTP/1.1\r\n"),
    ] {
        let script = script(wire, Opening::WebSocket);
        assert!(script.first(3).starts_with(start));
        let (mut state, mut received) = (script.begin(), HEAD[..HEAD.len() - 1].to_vec());
        assert_eq!(script.advance(&mut state, &mut received).unwrap(), Next::Wait);
        received.extend_from_slice(b"\n");
        assert_eq!(script.advance(&mut state, &mut received).unwrap(), Next::Ready);
        assert_eq!(received, HEAD);
        let mut refused = b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec();
        assert!(script.advance(&mut script.begin(), &mut refused).is_err());
    }
}

#[test]
fn wrong_answers_are_found() {
    let script = script(Wire::SocketIo, Opening::Polling);
    for (mut state, wrong) in [
        (Handshake::PolledOpen, response("0{}")),
        (Handshake::Posted { session: "one".to_owned() }, response("no")),
        (Handshake::PolledConnected { session: "one".to_owned() }, response("6")),
        (Handshake::Probed, text(b"3")),
        (Handshake::Event, text(b"6")),
    ] {
        assert!(answer(&script, &mut state, &wrong).is_err(), "{state:?}");
    }
}
