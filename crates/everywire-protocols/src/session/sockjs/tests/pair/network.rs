//! The network: what was sent on a lane arrives in order, as whole messages or pieces of any size; lanes do not wait for
//! each other. It may lose lanes, with all that is on its way there.

use std::collections::{BTreeMap, VecDeque};

use everywire_testkit::Random;

use super::server::{Does, Server};
use super::*;
use crate::session::{SockJsClient, SockJsClientOutput as Wants, SockJsRequest};

/// What is on its way to the server.
#[derive(Debug)]
enum ToServer {
    Request(SockJsRequest, String, Vec<u8>),
    Message(String),
    Pong,
    Ends,
}

/// What is under way on a lane.
#[derive(Debug)]
struct Way {
    request: SockJsRequest,
    to_server: VecDeque<ToServer>,
    to_client: VecDeque<Does>,
    /// The client does not care any more.
    ended: bool,
}

pub(super) struct Network {
    pub(super) client: SockJsClient,
    pub(super) server: Server,
    pub(super) now: Time,
    ways: BTreeMap<Lane, Way>,
    /// What a proxy does not let through, and what it lets through only when it is whole.
    pub(super) blocked: Vec<SockJsRequest>,
    pub(super) buffered: Vec<SockJsRequest>,
    pub(super) heard: Vec<String>,
    pub(super) heartbeats: u32,
    pub(super) opened: Option<Transport>,
    /// The code of its end, why, and in which words.
    pub(super) closed: Option<(u16, Reason, String)>,
    /// How many requests there were of each kind.
    pub(super) asked: BTreeMap<&'static str, u32>,
    pub(super) sessions_asked: Vec<String>,
}

impl Network {
    pub(super) fn new(client: SockJsClientOptions, server: SockJsOptions) -> Self {
        let mut numbers = Random::new(1);
        let mut network = Self {
            client: SockJsClient::new(client, &mut || numbers.number()),
            server: Server::new(server),
            now: Time(1_000_000),
            ways: BTreeMap::new(),
            blocked: Vec::new(),
            buffered: Vec::new(),
            heard: Vec::new(),
            heartbeats: 0,
            opened: None,
            closed: None,
            asked: BTreeMap::new(),
            sessions_asked: Vec::new(),
        };
        network.tell(Told::Start);
        network
    }

    pub(super) fn tell(&mut self, told: Told<'_>) {
        let mut out = Vec::new();
        self.client.input(self.now, told, &mut out);
        for wants in out {
            self.do_(wants);
        }
    }

    /// Whether it was taken.
    pub(super) fn say(&mut self, text: &str) -> bool {
        let mut out = Vec::new();
        let taken = self.client.send(self.now, text, &mut out);
        for wants in out {
            self.do_(wants);
        }
        taken.is_ok()
    }

    fn do_(&mut self, wants: Wants<'_>) {
        assert_eq!(self.closed, None, "{wants:?} after the end");
        match wants {
            Wants::Open { lane, request, url, body } => {
                let name = match request {
                    SockJsRequest::Info => "info",
                    SockJsRequest::Send => "send",
                    _ => "listen",
                };
                *self.asked.entry(name).or_default() += 1;
                if name == "listen" {
                    self.sessions_asked.extend(url.split('/').nth(3).map(str::to_owned));
                }
                let to_server = [ToServer::Request(request, url, body)].into();
                let way = Way { request, to_server, to_client: VecDeque::new(), ended: false };
                assert!(self.ways.insert(lane, way).is_none(), "a lane that is known");
            }
            Wants::Write(lane, message) => {
                let text = String::from_utf8(message.as_message().as_bytes().to_vec()).expect("text");
                self.way(lane).to_server.push_back(ToServer::Message(text));
            }
            Wants::End(lane) => {
                let way = self.way(lane);
                assert!(!way.ended, "it ends a lane that has ended");
                way.ended = true;
                way.to_client.clear();
                way.to_server.push_back(ToServer::Ends);
            }
            Wants::Opened { transport } => assert_eq!(self.opened.replace(transport), None),
            Wants::Message(message) => self.heard.push(text(message)),
            Wants::Decoded(message) => self.heard.push(text(message.as_message())),
            Wants::Heartbeat => self.heartbeats += 1,
            Wants::Room => {}
            Wants::Closed { reason, code, text } => self.closed = Some((code, reason, text)),
        }
    }

    /// A lane that is there: the client does nothing with others.
    fn way(&mut self, lane: Lane) -> &mut Way {
        self.ways.get_mut(&lane).expect("a lane that has not ended")
    }

    /// Lanes on which something happens, or may.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        self.ways.keys().copied().collect()
    }

    /// Something arrives somewhere, or an application has its turn. False if there is nothing.
    pub(super) fn step(&mut self, random: &mut Random) -> bool {
        if !self.server.stuck {
            self.server.pass(self.now);
        }
        for (lane, does) in std::mem::take(&mut self.server.does) {
            if let Some(way) = self.ways.get_mut(&lane).filter(|way| !way.ended) {
                way.to_client.push_back(does);
            }
        }
        let mut ready = Vec::new();
        for (lane, way) in &self.ways {
            let whole = way.to_client.iter().any(|does| matches!(does, Does::Ends(_) | Does::Answers(..)));
            let to_client = !way.to_client.is_empty() && (whole || !self.buffered.contains(&way.request));
            let to_server = !way.to_server.is_empty() && !self.server.stuck;
            ready.extend([(*lane, true)].iter().filter(|_| to_client));
            ready.extend([(*lane, false)].iter().filter(|_| to_server));
        }
        if ready.is_empty() {
            return false;
        }
        match random.pick(&ready) {
            (lane, true) => self.arrive(lane, random),
            (lane, false) => self.arrive_at_server(lane),
        }
        true
    }

    fn arrive(&mut self, lane: Lane, random: &mut Random) {
        let way = self.way(lane);
        let Some(does) = way.to_client.pop_front() else { return };
        match does {
            Does::Says(mut bytes) => {
                let size = 1 + random.below(bytes.len().min(3000));
                let rest = bytes.split_off(size.min(bytes.len()));
                if rest.is_empty() {
                    // What was written last may have left while the first pieces arrive.
                    if way.to_client.is_empty() {
                        self.server.on_lane(self.now, lane, Input::LaneWritable { lane });
                    }
                } else {
                    way.to_client.push_front(Does::Says(rest));
                }
                self.tell(Told::Bytes(lane, &bytes));
            }
            Does::Answers(status, body) => {
                self.ways.remove(&lane);
                self.server.on_lane(self.now, lane, Input::LaneClosed { lane, how: LaneEnd::Finished(None) });
                self.tell(Told::Response(lane, status, &body));
            }
            Does::Writes(text) => self.tell(Told::Message(lane, Message::Text(&text))),
            Does::Pings => {
                way.to_server.push_back(ToServer::Pong);
                self.tell(Told::Ping(lane));
            }
            Does::Ends(code) => {
                self.ways.remove(&lane);
                let how = LaneEnd::Finished(code);
                self.server.on_lane(self.now, lane, Input::LaneClosed { lane, how });
                self.tell(Told::LaneClosed(lane, how));
            }
        }
    }

    fn arrive_at_server(&mut self, lane: Lane) {
        let way = self.ways.get_mut(&lane).expect("a lane that has not ended");
        let Some(message) = way.to_server.pop_front() else { return };
        match message {
            ToServer::Request(request, ..) if self.blocked.contains(&request) => {
                way.to_client.push_back(Does::Answers(403, b"not here\n".to_vec()));
            }
            ToServer::Request(request, url, body) => {
                self.server.request(self.now, lane, request, &url, &body);
            }
            ToServer::Message(text) => {
                let message = Message::Text(&text);
                self.server.on_lane(self.now, lane, Input::Message { lane, message });
            }
            ToServer::Pong => self.server.on_lane(self.now, lane, Input::Pong { lane }),
            ToServer::Ends => {
                let websocket = way.request == SockJsRequest::WebSocket;
                let how = if websocket { LaneEnd::Finished(Some(1000)) } else { LaneEnd::Aborted };
                self.ways.remove(&lane);
                self.server.on_lane(self.now, lane, Input::LaneClosed { lane, how });
            }
        }
    }

    /// A lane breaks: what is on its way there is lost, and both sides see it, this one first.
    pub(super) fn cut(&mut self, lane: Lane, client_first: bool) {
        let Some(way) = self.ways.remove(&lane) else { return };
        for of_client in [client_first, !client_first] {
            if !of_client {
                let how = LaneEnd::Aborted;
                self.server.on_lane(self.now, lane, Input::LaneClosed { lane, how });
            } else if !way.ended {
                self.tell(Told::LaneClosed(lane, LaneEnd::Aborted));
            }
        }
    }

    /// Lets everything arrive, and so much time pass when nothing is on its way.
    pub(super) fn settle(&mut self, random: &mut Random, time: Duration) {
        let until = self.now.after(time);
        loop {
            while self.step(random) {}
            let due = self.client.deadline().into_iter().chain(self.server.deadline()).min();
            let Some(due) = due.filter(|due| *due <= until) else { break };
            self.now = self.now.max(due);
            self.tell(Told::Tick);
            if !self.server.stuck {
                self.server.tick(self.now);
            }
            let next = self.client.deadline();
            assert!(next.is_none_or(|next| next > self.now), "the client is due for ever");
        }
        self.now = until;
    }

    /// What all sessions of the server have heard.
    pub(super) fn server_heard(&self) -> Vec<String> {
        self.server.sessions.iter().flat_map(|hosted| hosted.heard.clone()).collect()
    }

    /// How they have ended, as far as they have.
    pub(super) fn server_closed(&self) -> Vec<Option<Reason>> {
        self.server.sessions.iter().map(|hosted| hosted.closed).collect()
    }
}

fn text(message: Message<'_>) -> String {
    String::from_utf8(message.as_bytes().to_vec()).expect("text")
}

/// Texts that cannot be taken for each other, and that every transport has to spell with care.
pub(super) fn numbered(what: &str, count: usize) -> Vec<String> {
    const TAILS: [&str; 5] = ["", " %25 \r\n", " \"é\\", " 😀\u{2028}", " \n\nc[3000,\"x\"]\n"];
    (0..count).map(|i| format!("{what} {i}{}", TAILS[i % TAILS.len()])).collect()
}
