//! SockJS over HTTP, both sides: one receiver at a time, which ends after so many bytes, and senders beside it. What a
//! response has no room for waits for the next: nothing is lost at a limit, nor while there is no receiver.

use std::collections::VecDeque;
use std::time::Duration;

use everywire_protocols::protocol::Raw;
use everywire_protocols::seam::Time;
use everywire_protocols::session::{Lane, LaneKind, Session, SockJsEndpoint, SockJsOptions};
use everywire_testkit::Random;
use everywire_testkit::laws::{self, SessionCase};
use everywire_testkit::rig::{Dialer, Does, Heard, Rig, Said};

fn session(response_limit: usize) -> Box<dyn Session> {
    SockJsEndpoint::new(SockJsOptions { response_limit, ..SockJsOptions::default() }).session()
}

fn path(transport: &str) -> String {
    format!("/000/session/{transport}")
}

/// The client's side: receives again and again by one transport, sends one request at a time.
struct Client {
    transport: &'static str,
    lanes: u32,
    opened: bool,
    sending: bool,
    outbox: VecDeque<String>,
    receivers: u32,
}

impl Client {
    fn new(transport: &'static str) -> Self {
        Self { transport, lanes: 0, opened: false, sending: false, outbox: VecDeque::new(), receivers: 0 }
    }

    fn open(&mut self, kind: LaneKind, path: String, body: Option<String>, out: &mut Vec<Does>) {
        self.lanes += 1;
        out.push(Does::Open(Lane(self.lanes), kind, path, body));
    }

    fn receive(&mut self, out: &mut Vec<Does>) {
        self.receivers += 1;
        let kind = if self.transport == "xhr" { LaneKind::Poll } else { LaneKind::Stream };
        self.open(kind, path(self.transport), None, out);
    }

    fn send(&mut self, out: &mut Vec<Does>) {
        if self.opened
            && !self.sending
            && let Some(text) = self.outbox.pop_front()
        {
            self.sending = true;
            let body = serde_json::json!([text]).to_string();
            self.open(LaneKind::Post, path("xhr_send"), Some(body), out);
        }
    }

    fn hear(&mut self, chunk: &str, out: &mut Vec<Does>) {
        let frame = match self.transport {
            "eventsource" => chunk.strip_prefix("data: ").and_then(|rest| rest.strip_suffix("\r\n\r\n")),
            _ => chunk.strip_suffix('\n'),
        };
        // Clients of an event source run a decoder of addresses over it.
        let frame = frame
            .map(|frame| frame.replace("%25", if self.transport == "eventsource" { "%" } else { "%25" }));
        match frame.as_deref() {
            Some("o") => {
                self.opened = true;
                self.send(out);
            }
            Some(frame) if frame.starts_with('a') => {
                let messages: Vec<String> = serde_json::from_str(&frame[1..]).expect("an array of strings");
                out.extend(messages.into_iter().map(Does::Deliver));
            }
            Some("h") => {}
            // What it begins with.
            _ if chunk == "\r\n" || chunk.starts_with("hhh") => {}
            _ => panic!("{chunk:?} is no frame"),
        }
    }
}

impl Dialer for Client {
    fn input(&mut self, _now: Time, heard: Heard, out: &mut Vec<Does>) {
        match heard {
            Heard::Start | Heard::Closed(_, true) => self.receive(out),
            Heard::Begun(_, 200) => {}
            Heard::Chunk(_, chunk) => self.hear(&chunk, out),
            Heard::Body(_, 200, frame) => {
                self.hear(&frame, out);
                self.receive(out);
            }
            Heard::Body(_, 204, _) => {
                self.sending = false;
                self.send(out);
            }
            Heard::Say(text) => {
                self.outbox.push_back(text);
                self.send(out);
            }
            other => panic!("the client did not expect {other:?}"),
        }
    }
}

fn numbered(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{what} {i} %\u{2028}")).collect()
}

#[test]
fn nothing_is_lost_where_a_receiver_ends() {
    for transport in ["xhr_streaming", "eventsource", "xhr"] {
        for limit in [1, 80, 200, 1 << 20] {
            let mut receivers = 0;
            for seed in 0..300 {
                let mut random = Random::new(seed);
                let mut rig = Rig::new(Client::new(transport), session(limit), Box::new(Raw));
                // The application has nobody to emit to before the client is in.
                while !rig.client.opened {
                    rig.step(&mut random);
                }
                for (down, up) in numbered("server", 30).iter().zip(numbered("client", 30)) {
                    rig.emit(down);
                    rig.say(&up);
                    for _ in 0..random.below(8) {
                        rig.step(&mut random);
                    }
                }
                rig.settle(&mut random, Duration::from_secs(1));
                assert_eq!(rig.delivered, numbered("server", 30), "{transport}, limit {limit}, seed {seed}");
                assert_eq!(
                    rig.server.heard,
                    numbered("client", 30),
                    "{transport}, limit {limit}, seed {seed}"
                );
                receivers += rig.client.receivers;
            }
            let ends = transport == "xhr" || limit < 1000;
            assert!(!ends || receivers > 600, "{transport}, limit {limit}: {receivers} receivers");
        }
    }
}

#[test]
fn keeps_the_laws_of_a_session() {
    let head = |transport: &str| http::Request::post(path(transport)).body(()).expect("a path is a URI");
    for (transport, kind) in [
        ("websocket", LaneKind::WebSocket),
        ("xhr_streaming", LaneKind::Stream),
        ("eventsource", LaneKind::Stream),
        ("xhr", LaneKind::Poll),
    ] {
        for limit in [20, 1 << 20] {
            let more = [(transport, kind), ("xhr", LaneKind::Poll), ("xhr_send", LaneKind::Post)];
            laws::session(&SessionCase {
                make: Box::new(move || session(limit)),
                first: (kind, head(transport)),
                more: more.map(|(transport, kind)| (kind, head(transport))).into(),
                messages: ["[\"hello\"]", "[]", "", "[1", "\"alone\""]
                    .map(|text| Said::Text(text.into()))
                    .into(),
            });
        }
    }
}
