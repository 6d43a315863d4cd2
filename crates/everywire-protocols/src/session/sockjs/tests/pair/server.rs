//! The server's side: the endpoint, its sessions, and as much of a driver as they need.

use std::collections::{BTreeMap, VecDeque};

use super::super::super::endpoint::SockJsVerdict;
use super::super::super::frame::{Shape, append_single, append_to_response};
use super::*;
use crate::session::{SockJsRequest, Wrapping};

/// What the server does to a lane.
#[derive(Debug)]
pub(super) enum Does {
    /// A response, whole.
    Answers(u16, Vec<u8>),
    /// Some more of a response.
    Says(Vec<u8>),
    /// A message on a WebSocket.
    Writes(String),
    Pings,
    /// The end of a response, or of a WebSocket with this code.
    Ends(Option<u16>),
}

/// A session, and the application behind it.
pub(super) struct Hosted {
    session: Box<dyn Session>,
    held: bool,
    /// The WebSocket that is written to directly.
    direct: Option<Lane>,
    /// The response that whoever publishes may write to, and how.
    shared: Option<(Lane, Wrapping)>,
    /// Whether the application ends it when all is sent, and whether it has.
    ends: bool,
    ended: bool,
    /// Which of what the application says has been sent.
    sent: usize,
    opened: bool,
    pub(super) heard: Vec<String>,
    pub(super) closed: Option<Reason>,
}

pub(super) struct Server {
    pub(super) endpoint: SockJsEndpoint,
    /// In the order of their beginning.
    pub(super) sessions: Vec<Hosted>,
    by_name: BTreeMap<String, usize>,
    by_lane: BTreeMap<Lane, usize>,
    /// What the application says to whoever comes.
    pub(super) says: Vec<String>,
    pub(super) does: VecDeque<(Lane, Does)>,
    /// It is stuck: it neither reads nor writes, nor does its time pass.
    pub(super) stuck: bool,
    passes: usize,
}

impl Server {
    pub(super) fn new(options: SockJsOptions) -> Self {
        Self {
            endpoint: SockJsEndpoint::new(options),
            sessions: Vec::new(),
            by_name: BTreeMap::new(),
            by_lane: BTreeMap::new(),
            says: Vec::new(),
            does: VecDeque::new(),
            stuck: false,
            passes: 0,
        }
    }

    pub(super) fn request(&mut self, now: Time, lane: Lane, request: SockJsRequest, url: &str, body: &[u8]) {
        let method = match request {
            SockJsRequest::Info | SockJsRequest::WebSocket | SockJsRequest::Events => "GET",
            SockJsRequest::Streaming | SockJsRequest::Poll | SockJsRequest::Send => "POST",
        };
        let mut head = Request::builder().method(method).uri(url);
        if request == SockJsRequest::WebSocket {
            head = head
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        }
        let head = head.body(()).expect("an address");
        let rest = head.uri().path().strip_prefix("/s").expect("the mount's path");
        match self.endpoint.request(rest, &head, 7) {
            SockJsVerdict::Respond { response, .. } | SockJsVerdict::Page(response) => {
                self.respond(lane, &response);
            }
            SockJsVerdict::WebSocket => {
                let session = self.begin();
                self.open_lane(now, session, lane, LaneKind::WebSocket, &head);
            }
            SockJsVerdict::Receive { id, transport } => {
                let known = self.by_name.get(&*id).copied();
                let session = known.filter(|session| self.sessions[*session].closed.is_none());
                let session = session.unwrap_or_else(|| self.begin());
                self.by_name.insert(id.to_string(), session);
                self.open_lane(now, session, lane, transport.lane(), &head);
            }
            SockJsVerdict::Send { id, jsonp } => {
                let known = self.by_name.get(&*id).copied();
                match known.filter(|session| self.sessions[*session].closed.is_none()) {
                    Some(session) => {
                        self.open_lane(now, session, lane, LaneKind::Post, &head);
                        self.tell(now, session, Input::Message { lane, message: Message::Binary(body) });
                    }
                    None => {
                        let refusal = self.endpoint.check(&head, body, jsonp);
                        self.respond(lane, &refusal.of_session());
                    }
                }
            }
            SockJsVerdict::Raw => panic!("nobody asks for a plain WebSocket"),
        }
    }

    fn respond(&mut self, lane: Lane, response: &http::Response<bytes::Bytes>) {
        let answer = Does::Answers(response.status().as_u16(), response.body().to_vec());
        self.does.push_back((lane, answer));
    }

    fn begin(&mut self) -> usize {
        self.sessions.push(Hosted {
            session: self.endpoint.session(),
            held: false,
            direct: None,
            shared: None,
            ends: false,
            ended: false,
            sent: 0,
            opened: false,
            heard: Vec::new(),
            closed: None,
        });
        self.sessions.len() - 1
    }

    fn open_lane(&mut self, now: Time, session: usize, lane: Lane, kind: LaneKind, head: &Request<()>) {
        self.by_lane.insert(lane, session);
        self.tell(now, session, Input::LaneOpened { lane, kind, head });
    }

    /// Something happens on a lane of a session's.
    pub(super) fn on_lane(&mut self, now: Time, lane: Lane, input: Input<'_>) {
        if let Some(session) = self.by_lane.get(&lane) {
            self.tell(now, *session, input);
        }
    }

    fn tell(&mut self, now: Time, index: usize, input: Input<'_>) {
        let hosted = &mut self.sessions[index];
        let mut out = Outputs::new();
        hosted.session.input(now, input, &mut out);
        for output in out {
            assert_eq!(hosted.closed, None, "{output:?} after the end");
            match output {
                Output::Opened(_) => hosted.opened = true,
                Output::Decoded(message) => {
                    let text = String::from_utf8(message.as_message().as_bytes().to_vec());
                    hosted.heard.push(text.expect("text"));
                }
                Output::Write { lane, bytes, .. } => {
                    let bytes = bytes.into_owned();
                    let is_frame = hosted.direct == Some(lane) || !hosted.opened && bytes == b"o";
                    let does = match String::from_utf8(bytes) {
                        Ok(text) if is_frame => Does::Writes(text),
                        Ok(text) => Does::Says(text.into_bytes()),
                        Err(error) => panic!("{error}"),
                    };
                    self.does.push_back((lane, does));
                }
                Output::Respond { body: None, .. } | Output::Indirect => {}
                Output::Respond { lane, status, body: Some(body), .. } => {
                    self.does.push_back((lane, Does::Answers(status.as_u16(), body.into_owned())));
                }
                Output::Direct { lane, .. } => hosted.direct = Some(lane),
                Output::Ping { lane } => self.does.push_back((lane, Does::Pings)),
                Output::End { lane, reason } => {
                    hosted.shared.take_if(|(shared, _)| *shared == lane);
                    let code = (hosted.direct == Some(lane)).then(|| reason.close_code());
                    self.does.push_back((lane, Does::Ends(code)));
                }
                Output::Hold => hosted.held = true,
                Output::Release => hosted.held = false,
                Output::Share { lane, wrapping, most } => {
                    hosted.held = false;
                    hosted.shared = (most > 0).then_some((lane, wrapping));
                }
                Output::Closed(reason) => hosted.closed = Some(reason),
                other => panic!("SockJS never says {other:?}"),
            }
        }
    }

    /// One pass over the mailboxes.
    pub(super) fn pass(&mut self, now: Time) {
        for index in 0..self.sessions.len() {
            let hosted = &mut self.sessions[index];
            if hosted.closed.is_some() || hosted.ended || !hosted.opened {
                continue;
            }
            if !hosted.held {
                let from = std::mem::replace(&mut hosted.sent, self.says.len());
                let mut unsent = self.says[from..].to_vec();
                self.passes += 1;
                if let Some((lane, wrapping)) = self.sessions[index].shared
                    && !self.passes.is_multiple_of(3)
                    && !unsent.is_empty()
                {
                    // Whoever publishes writes to the response itself.
                    let bytes = run(wrapping, &std::mem::take(&mut unsent));
                    let len = bytes.len();
                    self.does.push_back((lane, Does::Says(bytes)));
                    self.tell(now, index, Input::Shared { lane, bytes: len });
                }
                for text in &unsent {
                    if let Some(lane) = self.sessions[index].direct {
                        let mut frame = Vec::new();
                        let write = &mut |out: &mut Vec<u8>| out.extend_from_slice(text.as_bytes());
                        append_single(write, &mut frame);
                        let frame = String::from_utf8(frame).expect("text");
                        self.does.push_back((lane, Does::Writes(frame)));
                    } else {
                        let message = Message::Text(text);
                        let send = Input::Send { message, offset: None, retain: true, compress: true };
                        self.tell(now, index, send);
                    }
                }
                if self.sessions[index].direct.is_none() {
                    self.tell(now, index, Input::Drained);
                }
            }
            let hosted = &mut self.sessions[index];
            if hosted.ends && hosted.sent == self.says.len() {
                hosted.ended = true;
                self.tell(now, index, Input::Close(Reason::ServerClosed));
            }
        }
    }

    /// The application ends all sessions, when what it has said is sent.
    pub(super) fn end(&mut self) {
        self.sessions.iter_mut().for_each(|hosted| hosted.ends = true);
    }

    pub(super) fn tick(&mut self, now: Time) {
        for index in 0..self.sessions.len() {
            if self.sessions[index].session.deadline().is_some_and(|deadline| deadline <= now) {
                self.tell(now, index, Input::Tick);
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        if self.stuck {
            return None;
        }
        self.sessions.iter().filter_map(|hosted| hosted.session.deadline()).min()
    }
}

/// Messages as a pass writes them.
fn run(wrapping: Wrapping, messages: &[String]) -> Vec<u8> {
    let shape = if wrapping == Wrapping::SockJsEvents { Shape::Events } else { Shape::Lines };
    let mut out = Vec::new();
    for text in messages {
        append_to_response(&shape, &mut |out| out.extend_from_slice(text.as_bytes()), &mut out);
    }
    out
}
