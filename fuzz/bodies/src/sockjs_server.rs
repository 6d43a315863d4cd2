//! SockJS's server: whatever is asked for, posted and said, in whatever order, each request has an answer of HTTP's, the laws
//! of a session hold, and what a client brings is not much longer than what it sent.

use everywire_core::Reason;
use everywire_protocols::seam::{Kind, Message, Time};
use everywire_protocols::session::{
    Input, Lane, LaneEnd, LaneKind, SockJsEndpoint, SockJsHeartbeat, SockJsOptions, SockJsVerdict, Wrapping,
};
use everywire_testkit::rig::{Said, Wanted, Watched};
use http::{Method, Request};

/// `[setting, lines…]`: options, and what happens, each thing on a line that begins with a letter.
///
/// | letter | what happens |
/// |---|---|
/// | `G…`, `P…`, `O…` | a request of this method for this path and query below the mount |
/// | `t…`, `b…` | a text, or bytes, on the last WebSocket, or as the body that was posted last |
/// | `x…` | the last lane ends, in a way that the next byte says |
/// | `s…` | the protocol sends a text |
/// | `m…` | a text is published, and written to the response that may be written to |
/// | `l` | all that was written to the last response has left |
/// | `d`, `c` | the deadline comes; the server closes |
pub fn sockjs_server(data: &[u8]) {
    let [setting, lines @ ..] = data else { return };
    let mut play = Play::new(*setting);
    for line in lines.split(|byte| *byte == b'\n') {
        if let [letter, rest @ ..] = line {
            play.step(*letter, rest);
        }
    }
}

struct Play {
    endpoint: SockJsEndpoint,
    session: Watched,
    now: Time,
    lanes: u32,
    /// The response that whoever publishes may write to.
    shared: Option<(Lane, Wrapping)>,
}

impl Play {
    fn new(setting: u8) -> Self {
        let is = |bit: u8| setting & 1 << bit != 0;
        let default = SockJsOptions::default();
        let endpoint = SockJsEndpoint::new(SockJsOptions {
            legacy: !is(0),
            websocket: !is(1),
            response_limit: if is(2) { 40 } else { default.response_limit },
            websocket_heartbeat: if is(3) { SockJsHeartbeat::Frame } else { default.websocket_heartbeat },
            ..default
        });
        let session = Watched::new(endpoint.session());
        Self { endpoint, session, now: Time(0), lanes: 0, shared: None }
    }

    fn tell(&mut self, input: Input<'_>) -> Vec<Wanted> {
        let wanted = self.session.input(self.now, input);
        for wanted in &wanted {
            match wanted {
                Wanted::Share(lane, wrapping, most) => {
                    self.shared = (*most > 0).then_some((*lane, *wrapping));
                }
                Wanted::Hold => self.shared = None,
                Wanted::End(lane, _) => drop(self.shared.take_if(|(shared, _)| shared == lane)),
                _ => {}
            }
        }
        wanted
    }

    fn ask(&mut self, method: Method, address: &[u8]) {
        let Ok(head) = Request::builder().method(method).uri([b"/", address].concat()).body(()) else {
            return;
        };
        let path = head.uri().path();
        match self.endpoint.request(path, &head, 7) {
            SockJsVerdict::Respond { response, .. } | SockJsVerdict::Page(response) => {
                let status = response.status();
                assert!(status.is_success() || status.is_redirection() || status.as_u16() >= 400, "{status}");
            }
            SockJsVerdict::Raw => {}
            SockJsVerdict::WebSocket => {
                self.session = Watched::new(self.endpoint.session());
                (self.now, self.shared) = (Time(0), None);
                self.open(LaneKind::WebSocket, &head);
            }
            SockJsVerdict::Receive { transport, .. } => {
                if self.session.closed().is_some() {
                    self.session = Watched::new(self.endpoint.session());
                    (self.now, self.shared) = (Time(0), None);
                }
                self.open(transport.lane(), &head);
            }
            SockJsVerdict::Send { jsonp, .. } if self.session.facts().is_none() => {
                let status = self.endpoint.check(&head, address, jsonp).of_session().status();
                assert!(
                    status.is_client_error() || status.is_server_error(),
                    "{status}: there is no session"
                );
            }
            SockJsVerdict::Send { .. } => self.open(LaneKind::Post, &head),
        }
    }

    fn open(&mut self, kind: LaneKind, head: &Request<()>) {
        if self.session.closed().is_some() {
            return;
        }
        let lane = Lane(self.lanes);
        self.lanes += 1;
        self.tell(Input::LaneOpened { lane, kind, head });
    }

    fn step(&mut self, letter: u8, rest: &[u8]) {
        let text = String::from_utf8_lossy(rest);
        let last = |which: &dyn Fn(LaneKind) -> bool, session: &Watched| {
            session.lanes().filter(|(_, kind)| which(*kind)).map(|(lane, _)| lane).last()
        };
        match letter {
            b'G' => self.ask(Method::GET, rest),
            b'P' => self.ask(Method::POST, rest),
            b'O' => self.ask(Method::OPTIONS, rest),
            b't' | b'b' => {
                let speaks = |kind| matches!(kind, LaneKind::WebSocket | LaneKind::Post);
                let message = if letter == b't' { Message::Text(&text) } else { Message::Binary(rest) };
                if let Some(lane) = last(&speaks, &self.session) {
                    self.say(lane, message);
                }
            }
            b'x' => {
                if let Some(lane) = self.session.known_lanes().pop() {
                    let how = match rest.first().map_or(0, |byte| byte % 3) {
                        0 => LaneEnd::Aborted,
                        1 => LaneEnd::Finished(Some(1000)),
                        _ => LaneEnd::Fault(Reason::TooLarge),
                    };
                    self.shared.take_if(|(shared, _)| *shared == lane);
                    self.tell(Input::LaneClosed { lane, how });
                }
            }
            b's' if self.session.takes() => {
                let message = Message::Text(&text);
                self.tell(Input::Send { message, offset: None, retain: true, compress: true });
                if self.session.takes() {
                    self.tell(Input::Drained);
                }
            }
            b'm' => {
                if let Some((lane, wrapping)) = self.shared {
                    let mut bytes = 0;
                    let write = &mut |out: &mut Vec<u8>| out.extend_from_slice(rest);
                    wrapping.message(Kind::Text, rest.len(), write, &mut |_: Kind, frame: &[u8]| {
                        bytes = frame.len();
                        assert!(std::str::from_utf8(frame).is_ok(), "a frame is text");
                    });
                    self.tell(Input::Shared { lane, bytes });
                }
            }
            b'l' => {
                if let Some(lane) = last(&|kind| kind == LaneKind::Stream, &self.session) {
                    self.tell(Input::LaneWritable { lane });
                }
            }
            b'd' => {
                if let Some(deadline) = self.session.deadline() {
                    self.now = self.now.max(deadline);
                    self.tell(Input::Tick);
                }
            }
            b'c' => drop(self.tell(Input::Close(Reason::ServerClosed))),
            _ => {}
        }
    }

    fn say(&mut self, lane: Lane, message: Message<'_>) {
        let brought = self.tell(Input::Message { lane, message });
        let brought: usize = brought
            .iter()
            .map(|wanted| match wanted {
                Wanted::Message(Said::Text(text)) => text.len(),
                Wanted::Message(Said::Binary(bytes)) => bytes.len(),
                _ => 0,
            })
            .sum();
        // A byte that is no text becomes U+FFFD, which has three.
        let sent = 3 * message.as_bytes().len();
        assert!(brought <= sent, "{brought} bytes of messages in {sent}");
    }
}
