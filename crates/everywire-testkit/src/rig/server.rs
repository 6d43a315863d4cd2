//! The server's side of the rig: a driver as small as can be.

use std::collections::VecDeque;

use everywire_core::{Class, ConnectionId, Entry, Item, Name, Outcome, Payload, Token};
use everywire_protocols::protocol::{self, Protocol};
use everywire_protocols::seam::{Kind, Outbox, Time};
use everywire_protocols::session::{Input, Lane, LaneEnd, LaneKind, Session};

use super::watched::{Said, Wanted, Watched};

/// Session and protocol of one client, and its mailbox.
#[derive(Debug)]
pub struct Server {
    /// The session.
    pub session: Watched,
    protocol: Speaking,
    /// What waits for the client.
    pub mailbox: VecDeque<Entry>,
    /// What has been taken out of the mailbox, and is handed over whatever the session wants by then.
    hands: VecDeque<Entry>,
    /// The first argument of each event that the client sent. One that asks for an answer gets the same back.
    pub heard: Vec<String>,
    /// The connection of a protocol that carries several, and says which.
    slot: u32,
    /// Whether the client has left that connection.
    pub left: bool,
    /// Whether a session that is not direct is owed a look into the mailbox.
    owed: bool,
    websockets: Vec<Lane>,
}

struct Speaking(Box<dyn Protocol>);

impl Server {
    pub(super) fn new(session: Box<dyn Session>, protocol: Box<dyn Protocol>) -> Self {
        Self {
            session: Watched::new(session),
            protocol: Speaking(protocol),
            mailbox: VecDeque::new(),
            hands: VecDeque::new(),
            heard: Vec::new(),
            slot: 0,
            left: false,
            owed: false,
            websockets: Vec::new(),
        }
    }

    pub(super) fn emit(&mut self, text: &str) {
        let payload = Payload::text(text.to_owned());
        let item =
            Item::Emit { event: Name::MESSAGE, payload, ack: None, class: Class::Event, compress: true };
        self.mailbox.push_back(Entry { slot: self.slot, item });
    }

    pub(super) fn is_over(&self) -> bool {
        self.session.closed().is_some()
    }

    pub(super) fn is_websocket(&self, lane: Lane) -> bool {
        self.websockets.contains(&lane)
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        if self.is_over() {
            return None;
        }
        match (self.session.deadline(), self.protocol.0.deadline()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    pub(super) fn tick(&mut self, now: Time) -> Vec<Wanted> {
        let mut all = Vec::new();
        if self.session.deadline().is_some_and(|deadline| deadline <= now) {
            self.tell(now, Input::Tick, &mut all);
        }
        if self.protocol.0.deadline().is_some_and(|deadline| deadline <= now) {
            let mut out = protocol::Outputs::new();
            self.protocol.0.tick(now, &mut out);
            self.follow(now, out, &mut all);
        }
        all
    }

    pub(super) fn lane_opened(&mut self, now: Time, lane: Lane, kind: LaneKind, path: &str) -> Vec<Wanted> {
        if kind == LaneKind::WebSocket {
            self.websockets.push(lane);
        }
        let head = http::Request::builder().uri(path).body(()).expect("a path is a URI");
        let mut all = Vec::new();
        self.tell(now, Input::LaneOpened { lane, kind, head: &head }, &mut all);
        all
    }

    pub(super) fn message(&mut self, now: Time, lane: Lane, message: &Said) -> Vec<Wanted> {
        let mut all = Vec::new();
        self.tell(now, Input::Message { lane, message: message.as_message() }, &mut all);
        all
    }

    pub(super) fn lane_closed(&mut self, now: Time, lane: Lane, how: LaneEnd) -> Vec<Wanted> {
        let mut all = Vec::new();
        self.tell(now, Input::LaneClosed { lane, how }, &mut all);
        all
    }

    /// All that was written to this response has left.
    pub(super) fn lane_writable(&mut self, now: Time, lane: Lane) -> Vec<Wanted> {
        let mut all = Vec::new();
        self.tell(now, Input::LaneWritable { lane }, &mut all);
        all
    }

    /// Whether there is a reason to look into the mailbox.
    pub(super) fn has_work(&self) -> bool {
        let waits = !self.hands.is_empty() || !self.mailbox.is_empty();
        match self.session.direct() {
            _ if self.is_over() => false,
            Some(_) => waits,
            None => !self.hands.is_empty() || self.session.takes() && (self.owed || waits),
        }
    }

    /// Looks into the mailbox, and takes at most so many entries at once.
    pub(super) fn pass(&mut self, now: Time, at_most: usize) -> Vec<Wanted> {
        let mut all = Vec::new();
        if self.hands.is_empty() {
            self.hands.extend(self.mailbox.drain(..at_most.min(self.mailbox.len())));
        }
        if let Some((lane, wrapping)) = self.session.direct() {
            let mut write = |kind, bytes: &[u8]| all.push(Wanted::Write(lane, said(kind, bytes)));
            for entry in self.hands.drain(..) {
                self.protocol.0.encode(&entry, &mut |kind, bytes: &[u8]| {
                    wrapping.message(kind, bytes.len(), &mut |out| out.extend_from_slice(bytes), &mut write);
                });
            }
            return all;
        }
        // One after the other: what happens between them may make the session want no more, but these still come.
        if let Some(entry) = self.hands.pop_front() {
            let apart = self.apart(|protocol, outbox| protocol.encode(&entry, outbox));
            self.send(now, &apart, &mut all);
        }
        if self.session.takes() && self.hands.is_empty() && self.mailbox.is_empty() {
            self.owed = false;
            self.tell(now, Input::Drained, &mut all);
        }
        all
    }

    fn apart(&mut self, encode: impl FnOnce(&mut dyn Protocol, &mut dyn Outbox)) -> Apart {
        let mut apart = Apart::default();
        encode(&mut *self.protocol.0, &mut apart);
        apart
    }

    fn send(&mut self, now: Time, apart: &Apart, all: &mut Vec<Wanted>) {
        for (message, retain) in &apart.0 {
            let input =
                Input::Send { message: message.as_message(), offset: None, retain: *retain, compress: true };
            self.tell(now, input, all);
        }
    }

    fn tell(&mut self, now: Time, input: Input<'_>, all: &mut Vec<Wanted>) {
        if !matches!(input, Input::Drained) {
            self.owed = true;
        }
        for wanted in self.session.input(now, input) {
            match wanted {
                Wanted::Opened(facts) => {
                    let mut out = protocol::Outputs::new();
                    self.protocol.0.open(&facts, now, &mut out);
                    let out = owned(out);
                    self.act(now, out, all);
                }
                Wanted::Message(said) => {
                    let mut out = protocol::Outputs::new();
                    self.protocol.0.message(now, said.as_message(), &mut out);
                    let out = owned(out);
                    self.act(now, out, all);
                }
                Wanted::Resumed(from) => {
                    let apart = self.apart(|protocol, outbox| protocol.resumed(now, from, outbox));
                    self.send(now, &apart, all);
                    self.tell(now, Input::Drained, all);
                }
                other => all.push(other),
            }
        }
    }

    fn follow(&mut self, now: Time, out: protocol::Outputs<'_>, all: &mut Vec<Wanted>) {
        let out = owned(out);
        self.act(now, out, all);
    }

    fn act(&mut self, now: Time, out: Vec<Understood>, all: &mut Vec<Wanted>) {
        for understood in out {
            match understood {
                Understood::Event(text, token) => {
                    if let Some(token) = token {
                        let outcome = Outcome::Done(Payload::text(text.clone()));
                        let item = Item::Reply { token, outcome };
                        self.mailbox.push_back(Entry { slot: self.slot, item });
                    }
                    self.heard.push(text);
                }
                Understood::Connect(slot) => {
                    self.slot = slot;
                    let id = ConnectionId::from_random([7; 15]);
                    self.mailbox
                        .push_back(Entry { slot, item: Item::Entered { id, recovery: None, user: None } });
                }
                Understood::Disconnect => self.left = true,
                Understood::Acknowledged(upto) => self.tell(now, Input::Acknowledged(upto), all),
                Understood::Resumable(may) => self.tell(now, Input::Resumable(may), all),
                Understood::Send(item) => self.mailbox.push_back(Entry { slot: 0, item }),
                Understood::Passing(said) => match self.session.direct() {
                    Some((lane, _)) => all.push(Wanted::Write(lane, said)),
                    None => self.send(now, &Apart(vec![(said, false)]), all),
                },
                Understood::Close(reason) => self.tell(now, Input::Close(reason), all),
            }
        }
    }
}

/// What a protocol understood, as far as sketches need it.
enum Understood {
    Event(String, Option<Token>),
    Connect(u32),
    Disconnect,
    Acknowledged(u64),
    Resumable(bool),
    Send(Item),
    Passing(Said),
    Close(everywire_core::Reason),
}

fn owned(out: protocol::Outputs<'_>) -> Vec<Understood> {
    let understood = out.into_iter().filter_map(|output| match output {
        protocol::Output::Event { args, token, .. } => {
            let (text,): (String,) =
                args.read(everywire_core::payload::Extras::Ignore).expect("sketches send one text");
            Some(Understood::Event(text, token))
        }
        protocol::Output::Connect { slot, .. } => Some(Understood::Connect(slot)),
        protocol::Output::Disconnect { .. } => Some(Understood::Disconnect),
        protocol::Output::Acknowledged(upto) => Some(Understood::Acknowledged(upto)),
        protocol::Output::Resumable(may) => Some(Understood::Resumable(may)),
        protocol::Output::Send { bytes, kind, .. } => {
            Some(Understood::Send(Item::Wire { bytes: bytes.into(), text: kind == Kind::Text }))
        }
        protocol::Output::Passing { bytes, kind } => Some(Understood::Passing(said(kind, &bytes))),
        protocol::Output::Close { reason, .. } => Some(Understood::Close(reason)),
        protocol::Output::Ignored(_) => None,
        other => panic!("sketches do not need {other:?}"),
    });
    understood.collect()
}

/// Messages apart, and whether each is to be retained.
#[derive(Default)]
struct Apart(Vec<(Said, bool)>);

impl Apart {
    fn push(&mut self, kind: Kind, write: &mut dyn FnMut(&mut Vec<u8>), retain: bool) {
        let mut bytes = Vec::new();
        write(&mut bytes);
        self.0.push((said(kind, &bytes), retain));
    }
}

impl Outbox for Apart {
    fn message(&mut self, kind: Kind, _hint: usize, write: &mut dyn FnMut(&mut Vec<u8>)) {
        self.push(kind, write, true);
    }

    fn passing(&mut self, kind: Kind, _hint: usize, write: &mut dyn FnMut(&mut Vec<u8>)) {
        self.push(kind, write, false);
    }
}

fn said(kind: Kind, bytes: &[u8]) -> Said {
    match kind {
        Kind::Text => Said::Text(String::from_utf8(bytes.to_vec()).expect("a text message is text")),
        Kind::Binary => Said::Binary(bytes.to_vec()),
    }
}

impl std::fmt::Debug for Speaking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Speaking").finish_non_exhaustive()
    }
}
