//! SockJS as far as a client that measures needs it: its addresses, its frames, and the request that listens.

use everywire_bench::SOCKJS_PATH;

use crate::message::{Exchange, Template};
use crate::wire::TEXT;

/// The first frame of a session.
pub(crate) const OPEN: &[u8] = b"o";

pub(crate) const HEARTBEAT: &[u8] = b"h";

/// Before the frames of a streaming response, as one line: some browsers show nothing of a response before so much.
pub(crate) const PRELUDE: usize = 2048;

/// Where the WebSocket of a connection's session is.
pub(crate) fn websocket(index: usize) -> String {
    target(index, "websocket")
}

/// A client chooses what stands for server and session.
fn target(index: usize, transport: &str) -> String {
    format!("{SOCKJS_PATH}/000/bench{index:05}/{transport}")
}

/// Asks for what a connection's session has to say, as long as there is anything.
pub(crate) fn listen(port: u16, index: usize) -> Vec<u8> {
    let target = target(index, "xhr_streaming");
    format!("POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n")
        .into_bytes()
}

/// How a request begins that says what a connection has to say: behind it come the length of the body, and the body.
pub(crate) fn post(port: u16, index: usize) -> Vec<u8> {
    let target = target(index, "xhr_send");
    format!(
        "POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/plain\r\nContent-Length: "
    )
    .into_bytes()
}

/// A message, and what comes back for it: a frame with one text each.
pub(crate) fn exchange(message: &Template) -> Exchange {
    let text = message.quoted();
    let frame = |head: &[u8]| text.within(head, 0..0, b"]", TEXT);
    Exchange { sent: frame(b"["), back: frame(b"a[") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_those_of_the_clients() {
        let message = Template::text(64);
        let text = str::from_utf8(&message.payload).unwrap();
        let Exchange { sent, back } = exchange(&message);
        assert_eq!(str::from_utf8(&sent.payload).unwrap(), format!(r#"["{text}"]"#));
        assert_eq!(str::from_utf8(&back.payload).unwrap(), format!(r#"a["{text}"]"#));
    }

    #[test]
    fn each_connection_has_a_session_of_its_own() {
        assert_eq!(websocket(7), "/sockjs/000/bench00007/websocket");
        let request = String::from_utf8(listen(80, 12)).unwrap();
        assert!(request.starts_with("POST /sockjs/000/bench00012/xhr_streaming HTTP/1.1\r\n"), "{request}");
    }
}
