//! Engine.IO 4 and Socket.IO as far as a client that measures needs them: requests of both transports, and what opens a
//! session.

use anyhow::{Context as _, Result, bail, ensure};
use everywire_bench::SOCKET_IO_PATH;
use serde::Deserialize;

use crate::wire::{self, Frame, TEXT, Wire};

/// The server asks whether anybody is there; [`PONG`] has to follow.
pub(crate) const PING: &[u8] = b"2";
pub(crate) const PONG: &[u8] = b"3";

/// Stands between the packets of one poll.
pub(crate) const SEPARATOR: u8 = 0x1e;

/// May the session go on over this WebSocket? Yes. Then it does.
pub(crate) const PROBE: &[u8] = b"2probe";
pub(crate) const PROBED: &[u8] = b"3probe";
pub(crate) const UPGRADE: &[u8] = b"5";

/// Joins the namespace `/`.
pub(crate) const CONNECT: &str = "40";

/// What the server answers to a POST.
pub(crate) const POSTED: &[u8] = b"ok";

/// Longest response of the polling transport that is taken from a peer, with its head.
const MAX_RESPONSE: usize = 8 << 10;

/// Whether a message is a heartbeat and no event.
pub(crate) fn is_ping(wire: Wire, frame: &Frame<'_>) -> bool {
    wire == Wire::SocketIo && frame.opcode == TEXT && frame.payload == PING
}

/// A packet in a frame.
pub(crate) fn frame(packet: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    wire::encode(Wire::SocketIo, TEXT, packet, &mut out);
    out
}

/// Where the WebSocket transport is, of a session that began with the polling transport if there is one.
pub(crate) fn websocket(session: Option<&str>) -> String {
    target("websocket", session)
}

fn target(transport: &str, session: Option<&str>) -> String {
    let start = format!("{SOCKET_IO_PATH}?EIO=4&transport={transport}");
    session.map_or(start.clone(), |session| format!("{start}&sid={session}"))
}

/// Opens a session, or asks for what it has.
pub(crate) fn get(port: u16, session: Option<&str>) -> Vec<u8> {
    let target = target("polling", session);
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n").into_bytes()
}

pub(crate) fn post(port: u16, session: &str, body: &str) -> Vec<u8> {
    let target = target("polling", Some(session));
    format!(
        "POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\
         Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The body of a response with status 200, and the length of the response; `None` when more bytes are needed.
pub(crate) fn parse_response(bytes: &[u8]) -> Result<Option<(&[u8], usize)>> {
    ensure!(bytes.len() <= MAX_RESPONSE, "a response of more than {MAX_RESPONSE} bytes");
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = str::from_utf8(&bytes[..end]).context("a response head that is not text")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "a request was refused:\n{head}");
    let length = head.lines().skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    let Some(length) = length else { bail!("a response without a length:\n{head}") };
    let start = end + 4;
    Ok(bytes.get(start..start.saturating_add(length?)).map(|body| (body, start + body.len())))
}

/// The id of the session that a packet opens.
pub(crate) fn opened(packet: &[u8]) -> Result<String> {
    id(packet, b"0")
}

/// Sees that a packet says that the namespace `/` was joined.
pub(crate) fn check_connected(packet: &[u8]) -> Result<()> {
    id(packet, CONNECT.as_bytes()).map(drop)
}

fn id(packet: &[u8], kind: &[u8]) -> Result<String> {
    #[derive(Deserialize)]
    struct Ids {
        sid: String,
    }
    let read = || serde_json::from_slice(packet.strip_prefix(kind)?).ok();
    let Some(Ids { sid }) = read() else {
        let (kind, packet) = (String::from_utf8_lossy(kind), String::from_utf8_lossy(packet));
        bail!("{packet:?} where {kind}{{\"sid\":…}} was expected");
    };
    Ok(sid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_a_session_is_checked() {
        let open = br#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],"pingInterval":25000}"#;
        assert_eq!(opened(open).unwrap(), "lv_VI97HAXpY6yYWAAAC");
        check_connected(br#"40{"sid":"oSO0OpakMV_3jnilAAAA"}"#).unwrap();
        for packet in ["", "0", "2", "0{}", r#"44{"message":"no"}"#, r#"40{"sid":1}"#, r#"0{"sid":"a""#] {
            assert!(
                opened(packet.as_bytes()).is_err() && check_connected(packet.as_bytes()).is_err(),
                "{packet}"
            );
        }
    }

    #[test]
    fn a_response_is_read_from_any_prefix() {
        let response = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nok";
        for cut in 0..response.len() {
            assert_eq!(parse_response(&response[..cut]).unwrap(), None, "cut at {cut}");
        }
        assert_eq!(parse_response(response).unwrap(), Some((POSTED, response.len())));
        let two = response.repeat(2);
        assert_eq!(parse_response(&two).unwrap(), Some((POSTED, response.len())));
        for wrong in ["HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
            assert!(parse_response(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(parse_response(&[b'a'; MAX_RESPONSE + 1]).is_err());
    }
}
