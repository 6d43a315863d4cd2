//! Client and server: every transport, both ways, lost and found again, and what is said when one cannot have the other.

mod stories;

use std::collections::VecDeque;

use super::super::endpoint::{Negotiated, SignalREndpoint};
use super::*;
use crate::seam::Decoded;
use crate::session::{
    Endpoint as _, SignalRRequest as Wanted, SignalRSessionClient, SignalRSessionClientInput as Told,
    SignalRSessionClientOptions, SignalRSessionClientOutput as Wants, Verdict,
};

const TOKEN: [u8; 16] = [0xfb; 16];

/// What travels, in order.
#[derive(Debug)]
enum Travels {
    Opens { lane: Lane, request: Wanted, url: String, body: Vec<u8> },
    ToServer(Lane, Decoded),
    ToClient(Lane, Decoded),
    Streamed(Lane, Vec<u8>),
    Answer(Lane, u16, Vec<u8>),
    ServerEnds(Lane),
    ClientEnds(Lane),
}

/// A client, a server, and the network between them.
struct Pair {
    client: SignalRSessionClient,
    endpoint: SignalREndpoint,
    session: Option<Box<dyn Session>>,
    token: Option<String>,
    now: Time,
    travels: VecDeque<Travels>,
    /// Responses that go on.
    streams: Vec<Lane>,
    websockets: Vec<Lane>,
    held: bool,
    mailbox: VecDeque<Decoded>,
    /// What a proxy does not let through.
    blocked: Vec<Wanted>,
    /// The answer to the next negotiations, in place of the server's.
    elsewhere: VecDeque<String>,
    /// How the events of the client's come apart.
    piece: usize,
    client_heard: Vec<u8>,
    server_heard: Vec<u8>,
    /// All that the client asked for, and what became of it.
    log: Vec<String>,
}

impl Pair {
    fn new(client: SignalRSessionClientOptions, server: SignalRConnectionOptions) -> Self {
        Self {
            client: SignalRSessionClient::new(client),
            endpoint: SignalREndpoint::new(server),
            session: None,
            token: None,
            now: Time(1),
            travels: VecDeque::new(),
            streams: Vec::new(),
            websockets: Vec::new(),
            held: false,
            mailbox: VecDeque::new(),
            blocked: Vec::new(),
            elsewhere: VecDeque::new(),
            piece: usize::MAX,
            client_heard: Vec::new(),
            server_heard: Vec::new(),
            log: Vec::new(),
        }
    }

    fn started(mut self) -> Self {
        self.tell_client(Told::Start);
        self.run();
        self
    }

    fn tell_client(&mut self, told: Told<'_>) {
        let mut out = Vec::new();
        self.client.input(told, &mut out);
        for wants in out {
            match wants {
                Wants::Open { lane, request, url, access_token, body } => {
                    let token = access_token.map(|token| format!(" as {token}")).unwrap_or_default();
                    self.log.push(format!("{request:?} {url}{token}"));
                    self.travels.push_back(Travels::Opens { lane, request, url, body });
                }
                Wants::Write(lane, message) => self.travels.push_back(Travels::ToServer(lane, message)),
                Wants::End(lane) => self.travels.push_back(Travels::ClientEnds(lane)),
                Wants::Message(message) => self.client_heard.extend_from_slice(message.as_bytes()),
                Wants::Decoded(message) => {
                    self.client_heard.extend_from_slice(message.as_message().as_bytes());
                }
                Wants::Opened { id, transport, stateful } => {
                    let named = if id.is_some() { "" } else { ", without id" };
                    let stateful = if stateful { ", stateful" } else { "" };
                    self.log.push(format!("opened: {transport:?}{named}{stateful}"));
                }
                Wants::Lost => self.log.push("lost".to_owned()),
                Wants::Back => self.log.push("back".to_owned()),
                Wants::Closed { reason, error } => {
                    self.log.push(format!("client closed: {reason}"));
                    self.log.extend(error);
                }
            }
        }
    }

    fn tell_server(&mut self, input: Input<'_>) {
        let mut out = Outputs::new();
        self.session.as_mut().expect("a session").input(self.now, input, &mut out);
        for output in out {
            match output {
                Output::Message(message) => self.server_heard.extend_from_slice(message.as_bytes()),
                Output::Decoded(message) => {
                    self.server_heard.extend_from_slice(message.as_message().as_bytes());
                }
                Output::Write { lane, bytes, .. } if self.streams.contains(&lane) => {
                    self.travels.push_back(Travels::Streamed(lane, bytes.into_owned()));
                }
                Output::Write { lane, bytes, text } => {
                    let kind = if text { crate::seam::Kind::Text } else { crate::seam::Kind::Binary };
                    self.travels.push_back(Travels::ToClient(lane, Decoded::new(kind, bytes.into_owned())));
                }
                Output::Respond { lane, body: None, .. } => self.streams.push(lane),
                Output::Respond { lane, status, body: Some(body), .. } => {
                    self.travels.push_back(Travels::Answer(lane, status.as_u16(), body.into_owned()));
                }
                Output::End { lane, .. } => self.travels.push_back(Travels::ServerEnds(lane)),
                Output::Hold => self.held = true,
                Output::Release => self.held = false,
                Output::Closed(reason) => self.log.push(format!("server closed: {reason}")),
                _ => {}
            }
        }
    }

    /// Lets everything arrive.
    fn run(&mut self) {
        loop {
            if self.session.is_some() && !self.held {
                for message in std::mem::take(&mut self.mailbox) {
                    let message = message.as_message();
                    self.tell_server(Input::Send { message, offset: None, retain: true, compress: true });
                }
                self.tell_server(Input::Drained);
                for lane in self.streams.clone() {
                    self.tell_server(Input::LaneWritable { lane });
                }
            }
            let Some(travels) = self.travels.pop_front() else { return };
            match travels {
                Travels::Opens { lane, request, url, body } => {
                    self.request(lane, request, &url, &body);
                }
                Travels::ToServer(lane, message) if self.websockets.contains(&lane) => {
                    self.tell_server(Input::Message { lane, message: message.as_message() });
                }
                Travels::ToClient(lane, message) if self.websockets.contains(&lane) => {
                    self.tell_client(Told::Message(lane, message.as_message()));
                }
                // It was lost under way.
                Travels::ToServer(..) | Travels::ToClient(..) => {}
                Travels::Streamed(lane, bytes) => {
                    for piece in bytes.chunks(self.piece) {
                        self.tell_client(Told::Bytes(lane, piece));
                    }
                }
                Travels::Answer(lane, status, body) => {
                    self.websockets.retain(|of| *of != lane);
                    self.tell_client(Told::Response(lane, status, &body));
                }
                Travels::ServerEnds(lane) => {
                    self.tell_client(Told::LaneClosed(lane, LaneEnd::Finished(Some(1000))));
                }
                Travels::ClientEnds(lane) => {
                    if self.session.is_some() {
                        self.tell_server(Input::LaneClosed { lane, how: LaneEnd::Finished(Some(1000)) });
                    }
                }
            }
        }
    }

    fn request(&mut self, lane: Lane, request: Wanted, url: &str, body: &[u8]) {
        if self.blocked.contains(&request) {
            return self.tell_client(Told::Response(lane, 403, b"not here"));
        }
        let (method, accept) = match request {
            Wanted::Negotiate | Wanted::Post => (Method::POST, "*/*"),
            Wanted::Delete => (Method::DELETE, "*/*"),
            Wanted::Events => (Method::GET, "text/event-stream"),
            Wanted::Poll | Wanted::WebSocket => (Method::GET, "*/*"),
        };
        let mut head = Request::builder().method(method).uri(url).header("accept", accept);
        if request == Wanted::WebSocket {
            head = head
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        }
        let head = head.body(()).expect("an address");
        if request == Wanted::Negotiate {
            return self.negotiate(lane, &head);
        }
        let known = self.token.clone();
        match self.endpoint.request(&head, &|id| known.as_deref() == Some(id), [0; 16]) {
            Verdict::Respond(response) => {
                self.tell_client(Told::Response(lane, response.status().as_u16(), response.body()));
            }
            Verdict::Open { session, lane: kind, .. } => {
                self.session = Some(session);
                self.attach(lane, kind, &head, body);
            }
            Verdict::Attach { lane: kind, .. } => self.attach(lane, kind, &head, body),
        }
    }

    fn negotiate(&mut self, lane: Lane, head: &Request<()>) {
        if let Some(answer) = self.elsewhere.pop_front() {
            return self.tell_client(Told::Response(lane, 200, answer.as_bytes()));
        }
        match self.endpoint.negotiate(head, ([3; 15], TOKEN)) {
            Negotiated::Respond(response) => {
                self.tell_client(Told::Response(lane, response.status().as_u16(), response.body()));
            }
            Negotiated::Reserve { token, session, response, .. } => {
                self.token = Some(token.to_string());
                self.session = Some(session);
                self.tell_client(Told::Response(lane, 200, response.body()));
            }
        }
    }

    fn attach(&mut self, lane: Lane, kind: LaneKind, head: &Request<()>, body: &[u8]) {
        if kind == LaneKind::WebSocket {
            self.websockets.push(lane);
        }
        self.tell_server(Input::LaneOpened { lane, kind, head });
        match kind {
            LaneKind::WebSocket | LaneKind::Stream => self.tell_client(Told::Connected(lane)),
            LaneKind::Post if head.method() == Method::POST => {
                self.tell_server(Input::Message { lane, message: Message::Binary(body) });
            }
            LaneKind::Post | LaneKind::Poll => {}
        }
    }

    /// Sends these both ways.
    fn exchange(&mut self, messages: &[Message<'_>]) {
        for message in messages {
            self.mailbox.push_back(Decoded::from(*message));
            self.tell_client(Told::Send(*message));
        }
        self.run();
    }

    /// What the client asked for, and what became of it, since the last look.
    fn log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }
}
