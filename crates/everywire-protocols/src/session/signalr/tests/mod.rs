//! The machine against the wire sheet: what it says to what. `␞` stands for the byte `1E`.

mod events;
mod pair;
mod polling;
mod stateful;
mod websocket;

use std::sync::Arc;

use everywire_core::Reason;
use http::{HeaderMap, Method, Request};

use super::super::{Facts, Input, Lane, LaneEnd, LaneKind, Output, Outputs, Session};
use super::options::SignalRConnectionOptions;
use super::session::SignalRSession;
use crate::seam::{Message, Time};

const NOTHING: [&str; 0] = [];
const PING: Message<'_> = Message::Text("{\"type\":6}\u{1e}");
const A: Message<'_> = Message::Text("{\"a\":1}\u{1e}");
const B: Message<'_> = Message::Text("{\"b\":2}\u{1e}");
const BYTES: Message<'_> = Message::Binary(&[2, 0x91, 6]);

const UNKNOWN: &str = "404 text/plain No Connection with that ID";
const OTHER_TRANSPORT: &str = "400 text/plain Cannot change transports mid-connection";
const CONFLICT: &str = "409 text/plain ";
const POST_ON_WEBSOCKET: &str = "405 text/plain POST requests are not allowed for WebSocket connections.";
const DELETE_NOT_POLLING: &str = "400 text/plain Cannot terminate this connection using the DELETE endpoint.";

/// A session, and the time.
struct Peer {
    session: SignalRSession,
    now: u64,
}

impl Peer {
    /// One that has negotiated, and has no lane yet.
    fn new(options: SignalRConnectionOptions, resumes: bool) -> Self {
        Self { session: SignalRSession::new(Arc::new(options), resumes), now: 1_000_000 }
    }

    /// One whose first lane is number 0.
    fn opened(kind: LaneKind) -> Self {
        let mut peer = Self::new(SignalRConnectionOptions::default(), false);
        let out = peer.open(0, kind);
        assert!(out.iter().any(|line| line.starts_with("opened")), "{out:?}");
        peer
    }

    fn tell(&mut self, input: Input<'_>) -> Vec<String> {
        let mut out = Outputs::new();
        self.session.input(Time(self.now), input, &mut out);
        out.iter().map(show).collect()
    }

    fn knock(&mut self, lane: u32, kind: LaneKind, method: Method) -> Vec<String> {
        let head = Request::builder().method(method).uri("/h?id=token").body(()).expect("a request");
        self.tell(Input::LaneOpened { lane: Lane(lane), kind, head: &head })
    }

    fn open(&mut self, lane: u32, kind: LaneKind) -> Vec<String> {
        self.knock(lane, kind, Method::GET)
    }

    fn poll(&mut self, lane: u32) -> Vec<String> {
        self.open(lane, LaneKind::Poll)
    }

    fn post(&mut self, lane: u32, body: Message<'_>) -> Vec<String> {
        let mut out = self.knock(lane, LaneKind::Post, Method::POST);
        if out.is_empty() {
            out.extend(self.message(lane, body));
        }
        out
    }

    fn delete(&mut self, lane: u32) -> Vec<String> {
        self.knock(lane, LaneKind::Post, Method::DELETE)
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

    fn write(&mut self, message: Message<'_>, retain: bool) -> Vec<String> {
        self.tell(Input::Send { message, offset: None, retain, compress: true })
    }

    /// One pass over the mailbox.
    fn send(&mut self, messages: &[Message<'_>]) -> Vec<String> {
        let mut out: Vec<_> = messages.iter().flat_map(|message| self.write(*message, true)).collect();
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
            assert_eq!(self.tell(Input::Tick), NOTHING);
            self.now = deadline.0;
            all.push((self.now - start, self.tell(Input::Tick)));
        }
        self.now = until;
        all
    }

    /// Nothing comes of anything any more.
    fn assert_over(&mut self) {
        assert_eq!(self.session.deadline(), None);
        assert_eq!(self.send(&[A]), NOTHING);
        assert_eq!(self.tell(Input::Tick), NOTHING);
        assert_eq!(self.close(Reason::Shutdown), NOTHING);
        for kind in [LaneKind::Poll, LaneKind::Stream, LaneKind::WebSocket] {
            assert_eq!(self.open(99, kind), [format!("99: {UNKNOWN}")]);
        }
        assert_eq!(self.post(99, A), [format!("99: {UNKNOWN}")]);
        assert_eq!(self.delete(99), [format!("99: {UNKNOWN}")]);
    }
}

/// An output as a line.
fn show(output: &Output<'_>) -> String {
    match output {
        Output::Opened(facts) => {
            let Facts { text_only, polls, resumable, .. } = *facts;
            assert_eq!(*facts, Facts { text_only, polls, resumable, ..Facts::default() });
            let words = [(text_only, " text only"), (polls, " polls"), (resumable, " resumable")];
            words.iter().filter(|(is, _)| *is).fold("opened".to_owned(), |all, (_, word)| all + word)
        }
        Output::Message(message) => shown(*message),
        Output::Direct { lane, wrapping } => format!("direct {} {wrapping:?}", lane.0),
        Output::Indirect => "indirect".to_owned(),
        Output::Hold => "hold".to_owned(),
        Output::Release => "release".to_owned(),
        Output::Suspended => "suspended".to_owned(),
        Output::Resumed { from } => format!("resumed {from}"),
        Output::Write { lane, bytes, text: true } => format!("{}> {}", lane.0, readable(bytes)),
        Output::Write { lane, bytes, text: false } => format!("{}> {bytes:?}", lane.0),
        Output::Respond { lane, status, headers, body, compress: false } => {
            let kind = headers["content-type"].to_str().expect("text");
            let body = body.as_ref().map_or("…".to_owned(), |body| readable(body));
            format!("{}: {} {kind} {body}", lane.0, status.as_u16())
        }
        Output::End { lane, reason } => format!("{} ends: {reason}", lane.0),
        Output::Broken(reason) => format!("broken: {reason}"),
        Output::Closed(reason) => format!("closed: {reason}"),
        Output::Decoded(decoded) => shown(decoded.as_message()),
        other => panic!("SignalR never says {other:?}"),
    }
}

fn shown(message: Message<'_>) -> String {
    match message {
        Message::Text(text) => format!("text {}", readable(text.as_bytes())),
        Message::Binary(bytes) => format!("bytes {bytes:?}"),
    }
}

/// With the ends of lines to be seen, and bytes that are no text in brackets.
fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.replace('\u{1e}', "␞").replace('\r', "\\r").replace('\n', "\\n"),
        Err(_) => format!("{bytes:?}"),
    }
}

/// The headers of the first response among these.
fn headers_of(peer: &mut Peer, lane: u32, kind: LaneKind) -> HeaderMap {
    let head = Request::new(());
    let mut out = Outputs::new();
    peer.session.input(Time(peer.now), Input::LaneOpened { lane: Lane(lane), kind, head: &head }, &mut out);
    let headers = out.into_iter().find_map(|output| match output {
        Output::Respond { headers, .. } => Some(*headers),
        _ => None,
    });
    headers.expect("a response")
}

#[test]
fn before_its_first_lane_it_does_not_end_by_request() {
    let mut peer = Peer::new(SignalRConnectionOptions::default(), false);
    assert_eq!(peer.session.deadline(), None);
    assert_eq!(peer.delete(1), [format!("1: {DELETE_NOT_POLLING}")]);
    assert_eq!(peer.close(Reason::Shutdown), ["closed: shutting down"]);
    peer.assert_over();
}

#[test]
fn a_client_may_speak_before_it_listens() {
    let mut peer = Peer::new(SignalRConnectionOptions::default(), false);
    assert_eq!(peer.post(0, A), ["0: 200 text/plain "]);
    assert_eq!(peer.delete(1), [format!("1: {DELETE_NOT_POLLING}")]);
    assert_eq!(peer.post(2, B), ["2: 200 text/plain "]);
    let opened = peer.poll(3);
    let said: Vec<_> = opened.iter().filter(|line| line.contains('{') && line.starts_with("text")).collect();
    assert_eq!(said, [r#"text {"a":1}␞"#, r#"text {"b":2}␞"#], "{opened:?}");
    assert_eq!(peer.post(4, A), [r#"text {"a":1}␞"#, "4: 200 text/plain "]);

    // Who never listens is gone, and who says too much.
    let mut peer = Peer::new(SignalRConnectionOptions::default(), false);
    peer.post(0, A);
    assert_eq!(peer.knock(1, LaneKind::Post, Method::POST), NOTHING);
    let gone = [format!("1: {UNKNOWN}"), "closed: connection lost".to_owned()];
    assert_eq!(peer.wait(60_000), [(15_000, gone.to_vec())]);
    let mut peer = Peer::new(SignalRConnectionOptions { body_bytes: 530, ..Default::default() }, false);
    assert_eq!(peer.post(0, A), ["0: 200 text/plain "]);
    assert_eq!(peer.post(1, A), [format!("1: {UNKNOWN}"), "closed: too large".to_owned()]);
}

#[test]
fn is_small() {
    assert_eq!(size_of::<SignalRSession>(), 32);
}
