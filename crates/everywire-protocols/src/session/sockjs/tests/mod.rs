//! The machine against the wire sheet: what it says to what.

mod client;
mod pair;
mod polling;
mod streaming;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use everywire_core::Reason;
use http::Request;

use super::options::{SockJsHeartbeat, SockJsOptions};
use super::session::SockJs;
use crate::seam::{Message, Time};
use crate::session::{Facts, Input, Lane, LaneEnd, LaneKind, Output, Outputs, Session};

const NOTHING: [&str; 0] = [];
const NOT_FOUND: &str = "404 404 Error: Page not found\\n";
const PRELUDE: &str = "[2049 bytes]";

/// A session, and the time.
struct Peer {
    session: SockJs,
    now: u64,
}

impl Peer {
    fn new(options: SockJsOptions) -> Self {
        Self { session: SockJs::new(Arc::new(options)), now: 1_000_000 }
    }

    /// One whose first lane is number 0, by this transport.
    fn opened(name: &str) -> Self {
        let mut peer = Self::new(SockJsOptions::default());
        let out = peer.ask(0, name);
        assert!(out.contains(&"opened".to_owned()), "{out:?}");
        peer
    }

    fn tell(&mut self, input: Input<'_>) -> Vec<String> {
        let mut out = Outputs::new();
        self.session.input(Time(self.now), input, &mut out);
        out.iter().map(show).collect()
    }

    /// A request by the last segment of its path.
    fn ask(&mut self, lane: u32, name: &str) -> Vec<String> {
        let kind = match name {
            "xhr" | "jsonp" => LaneKind::Poll,
            "websocket" => LaneKind::WebSocket,
            "xhr_send" | "jsonp_send" => LaneKind::Post,
            _ => LaneKind::Stream,
        };
        let head = Request::builder().uri(format!("/s/000/abc/{name}?c=cb")).body(()).expect("a request");
        self.tell(Input::LaneOpened { lane: Lane(lane), kind, head: &head })
    }

    fn post(&mut self, lane: u32, name: &str, body: &str) -> Vec<String> {
        let mut out = self.ask(lane, name);
        if out.is_empty() {
            out = self.hear(lane, body);
        }
        out
    }

    fn hear(&mut self, lane: u32, text: &str) -> Vec<String> {
        self.tell(Input::Message { lane: Lane(lane), message: Message::Text(text) })
    }

    /// One pass over the mailbox.
    fn send(&mut self, messages: &[&str]) -> Vec<String> {
        let mut out = Vec::new();
        for text in messages {
            let message = Message::Text(text);
            out.extend(self.tell(Input::Send { message, offset: None, retain: true, compress: true }));
        }
        out.extend(self.tell(Input::Drained));
        out
    }

    fn left(&mut self, lane: u32) -> Vec<String> {
        self.tell(Input::LaneWritable { lane: Lane(lane) })
    }

    fn shared(&mut self, lane: u32, bytes: usize) -> Vec<String> {
        self.tell(Input::Shared { lane: Lane(lane), bytes })
    }

    fn lose(&mut self, lane: u32, how: LaneEnd) -> Vec<String> {
        self.tell(Input::LaneClosed { lane: Lane(lane), how })
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
        assert_eq!(self.send(&["x"]), NOTHING);
        assert_eq!(self.tell(Input::Tick), NOTHING);
        assert_eq!(self.close(Reason::Shutdown), NOTHING);
        for name in ["xhr", "xhr_streaming", "eventsource", "xhr_send", "websocket"] {
            assert_eq!(self.ask(99, name), [format!("99: {NOT_FOUND}")]);
        }
    }
}

/// An output as a line.
fn show(output: &Output<'_>) -> String {
    match output {
        Output::Opened(facts) => {
            assert_eq!(*facts, Facts { text_only: true, ..Facts::default() });
            "opened".to_owned()
        }
        Output::Decoded(decoded) => format!("message {}", readable(decoded.as_message().as_bytes())),
        Output::Direct { lane, wrapping } => format!("direct {} {wrapping:?}", lane.0),
        Output::Indirect => "indirect".to_owned(),
        Output::Hold => "hold".to_owned(),
        Output::Release => "release".to_owned(),
        Output::Share { lane, wrapping, most } => format!("share {} {wrapping:?} {most}", lane.0),
        Output::Ping { lane } => format!("{} ping", lane.0),
        Output::Write { lane, bytes, text: true } => format!("{}> {}", lane.0, readable(bytes)),
        Output::Respond { lane, status, headers, body, compress: false } => {
            let no_cache = "no-store, no-cache, no-transform, must-revalidate, max-age=0";
            assert_eq!(headers["cache-control"], no_cache);
            let body = body.as_ref().map_or("…".to_owned(), |body| readable(body));
            format!("{}: {} {body}", lane.0, status.as_u16())
        }
        Output::End { lane, reason } => format!("{} ends: {reason}", lane.0),
        Output::Closed(reason) => format!("closed: {reason}"),
        other => panic!("SockJS never says {other:?}"),
    }
}

fn readable(bytes: &[u8]) -> String {
    if bytes.len() > 1000 {
        return format!("[{} bytes]", bytes.len());
    }
    String::from_utf8_lossy(bytes).replace('\r', "\\r").replace('\n', "\\n")
}
