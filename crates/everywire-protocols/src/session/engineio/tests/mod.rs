//! The machine against the wire sheet: what it says to what, byte for byte. `␞` stands for the byte `1E`.

mod closing;
mod heartbeat;
mod opening;
mod pair;
mod polling;
mod revision3;
mod scripts;
mod upgrade;
mod websocket;

use super::*;
use crate::seam::{Decoded, Kind};
use crate::session::EngineIoCookie;

const SID: &str = "lv_VI97HAXpY6yYWAAAC";
const PING_INTERVAL: u64 = 25_000;
const PING_TIMEOUT: u64 = 20_000;

/// A session, and the time.
struct Peer {
    session: EngineIo,
    now: u64,
    query: String,
}

fn all() -> EngineIoOptions {
    EngineIoOptions { allow_eio3: true, jsonp: true, ..EngineIoOptions::default() }
}

fn head(query: &str) -> Request<()> {
    Request::get(format!("/engine.io/?{query}")).body(()).expect("a request")
}

impl Peer {
    /// A session that has no lane yet. The query is that of its requests, but for the transport.
    fn new(options: EngineIoOptions, query: &str) -> Self {
        let session = EngineIo::new(Arc::new(options), SID.into());
        Self { session, now: 1_000_000, query: query.to_owned() }
    }

    /// One that polls, whose handshake was lane 0.
    fn polling_with(options: EngineIoOptions, query: &str) -> Self {
        let mut peer = Self::new(options, query);
        let out = peer.poll(0);
        assert_eq!(out[1..3], ["indirect", "hold"], "{out:?}");
        peer
    }

    fn polling() -> Self {
        Self::polling_with(all(), "EIO=4")
    }

    /// One on a WebSocket, lane 0.
    fn websocket_with(options: EngineIoOptions, query: &str) -> Self {
        let mut peer = Self::new(options, query);
        let out = peer.knock(0);
        assert!(out.len() == 3 && out[2].starts_with("direct 0"), "{out:?}");
        peer
    }

    fn websocket() -> Self {
        Self::websocket_with(all(), "EIO=4")
    }

    fn tell(&mut self, input: Input<'_>) -> Vec<String> {
        let mut out = Outputs::new();
        self.session.input(Time(self.now), input, &mut out);
        out.iter().map(show).collect()
    }

    fn open(&mut self, lane: u32, kind: LaneKind, query: &str) -> Vec<String> {
        self.tell(Input::LaneOpened { lane: Lane(lane), kind, head: &head(query) })
    }

    fn poll(&mut self, lane: u32) -> Vec<String> {
        let query = self.query.clone();
        self.open(lane, LaneKind::Poll, &query)
    }

    fn knock(&mut self, lane: u32) -> Vec<String> {
        let query = self.query.clone();
        self.open(lane, LaneKind::WebSocket, &query)
    }

    /// A POST: `␞` in its body is the byte.
    fn post(&mut self, lane: u32, body: &str) -> Vec<String> {
        let query = self.query.clone();
        let mut out = self.open(lane, LaneKind::Post, &query);
        out.extend(self.text(lane, &body.replace('␞', "\u{1e}")));
        out
    }

    fn post_bytes(&mut self, lane: u32, body: &[u8]) -> Vec<String> {
        let query = self.query.clone();
        let mut out = self.open(lane, LaneKind::Post, &query);
        out.extend(self.bytes(lane, body));
        out
    }

    fn text(&mut self, lane: u32, text: &str) -> Vec<String> {
        self.message(lane, Message::Text(text))
    }

    fn bytes(&mut self, lane: u32, bytes: &[u8]) -> Vec<String> {
        self.message(lane, Message::Binary(bytes))
    }

    /// By the way of ordinary messages, whatever it is.
    fn message(&mut self, lane: u32, message: Message<'_>) -> Vec<String> {
        let mut out = Outputs::new();
        let plain = self.session.message(Time(self.now), Lane(lane), message, &mut out);
        assert!(plain.is_none() || out.is_empty());
        plain.into_iter().map(shown).chain(out.iter().map(show)).collect()
    }

    fn lose(&mut self, lane: u32, how: LaneEnd) -> Vec<String> {
        self.tell(Input::LaneClosed { lane: Lane(lane), how })
    }

    /// One pass over the mailbox.
    fn send(&mut self, messages: &[Message<'_>]) -> Vec<String> {
        let mut out = Vec::new();
        for &message in messages {
            out.extend(self.tell(Input::Send { message, offset: None, retain: true, compress: true }));
        }
        out.extend(self.tell(Input::Drained));
        out
    }

    fn close(&mut self, reason: Reason) -> Vec<String> {
        self.tell(Input::Close(reason))
    }

    /// Lets so many milliseconds pass, and ticks at each deadline on the way; says at which.
    fn wait(&mut self, milliseconds: u64) -> Vec<(u64, Vec<String>)> {
        let (start, until) = (self.now, self.now + milliseconds);
        let mut all = Vec::new();
        while let Some(deadline) = self.session.deadline().filter(|deadline| deadline.0 <= until) {
            assert!(deadline.0 >= self.now, "a deadline in the past");
            // Just before it, nothing is due.
            self.now = self.now.max(deadline.0 - 1);
            assert_eq!(self.tell(Input::Tick), [""; 0]);
            self.now = deadline.0;
            all.push((self.now - start, self.tell(Input::Tick)));
        }
        self.now = until;
        all
    }
}

/// An output as a line.
fn show(output: &Output<'_>) -> String {
    match output {
        Output::Opened(facts) => {
            assert_eq!(*facts, Facts { revision: facts.revision, ..Facts::default() });
            format!("opened {}", facts.revision)
        }
        Output::Message(message) => shown(*message),
        Output::Decoded(decoded) => shown(decoded.as_message()),
        Output::Direct { lane, wrapping } => format!("direct {} {wrapping:?}", lane.0),
        Output::Indirect => "indirect".to_owned(),
        Output::Hold => "hold".to_owned(),
        Output::Release => "release".to_owned(),
        Output::Write { lane, bytes, text: true } => format!("{}> {}", lane.0, readable(bytes)),
        Output::Write { lane, bytes, text: false } => format!("{}> {bytes:?}", lane.0),
        Output::Respond { lane, status, headers, body: Some(body), .. } => {
            let kind = headers.get("content-type").map_or("", |kind| kind.to_str().expect("text"));
            let (lane, status) = (lane.0, status.as_u16());
            match kind {
                "text/plain; charset=UTF-8" | "text/html" | "" => {
                    format!("{lane}: {status} {}", readable(body))
                }
                "application/octet-stream" => format!("{lane}: {status} {body:?}"),
                other => format!("{lane}: {status} {other} {}", readable(body)),
            }
        }
        Output::End { lane, reason } => format!("{} ends: {reason}", lane.0),
        Output::Closed(reason) => format!("closed: {reason}"),
        other => panic!("Engine.IO never says {other:?}"),
    }
}

fn shown(message: Message<'_>) -> String {
    match message {
        Message::Text(text) => format!("text {text}"),
        Message::Binary(bytes) => format!("bytes {bytes:?}"),
    }
}

fn readable(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text").replace('\u{1e}', "␞")
}

const A: Message<'_> = Message::Text("a");
const B: Message<'_> = Message::Text("b");
const BYTES: Message<'_> = Message::Binary(&[1, 2, 3]);
const NOTHING: [&str; 0] = [];

const BAD_REQUEST: &str = r#"400 application/json {"code":3,"message":"Bad request"}"#;
const UNKNOWN: &str = r#"400 application/json {"code":1,"message":"Session ID unknown"}"#;

#[test]
fn is_small() {
    assert_eq!(size_of::<EngineIo>(), 64);
}
