//! Both machines against each other under virtual time, over a transport that cuts what it carries into pieces. Between them,
//! as much of a hub as they need.

mod stories;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::*;
use crate::protocol::{Output, Outputs, Protocol, Published, Task};
use crate::seam::{Kind, Message, Time};
use crate::session::Facts;
use everywire_core::hub::{QueueMessage, Verdict};
use everywire_core::{
    Broadcast, Class, ConnectionId, Entry, Item, Offset, Outcome, Payload, Publication, Reason, RoomKey,
    Target, Token,
};

/// What a client heard, beside the end of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    In(Version),
    /// Of this subscription, with these headers of its sender.
    Message(String, Vec<(String, String)>, Vec<u8>),
    Receipt(String),
    Error(String),
    Silent,
}

struct Pair {
    client: StompClient,
    server: Stomp,
    now: u64,
    /// Into how long pieces the transport cuts what it carries.
    piece: usize,
    /// Whether it carries anything.
    cut: bool,
    up: VecDeque<Vec<u8>>,
    down: VecDeque<Vec<u8>>,
    mailbox: VecDeque<Item>,
    log: Vec<Arc<Broadcast>>,
    /// The consumer of each queue.
    consumers: HashMap<Arc<str>, u32>,
    deliveries: u64,
    settled: Vec<(u64, bool, Verdict)>,
    told: Vec<Told>,
    /// What settles the last message, and its subscription.
    last: Option<(String, Option<String>)>,
    /// Beats, of the client and of the server.
    beats: (u32, u32),
    closed: Option<Reason>,
}

impl Pair {
    fn new(client: StompClientOptions, server: StompOptions, piece: usize) -> Self {
        let mut pair = Self {
            client: StompClient::new(client),
            server: Stomp::new(Arc::new(server), "/".into()),
            now: 1_000_000,
            piece,
            cut: false,
            up: VecDeque::new(),
            down: VecDeque::new(),
            mailbox: VecDeque::new(),
            log: Vec::new(),
            consumers: HashMap::new(),
            deliveries: 0,
            settled: Vec::new(),
            told: Vec::new(),
            last: None,
            beats: (0, 0),
            closed: None,
        };
        pair.server.open(&Facts::default(), Time(pair.now), &mut Outputs::new());
        let up = &mut pair.up;
        pair.client
            .connect(&mut |_: Kind, bytes: &[u8]| up.push_back(bytes.to_vec()))
            .expect("it can be said");
        pair.settle();
        pair
    }

    /// One whose client is in.
    fn open(version: Version, piece: usize) -> Self {
        let client = StompClientOptions { versions: vec![version], ..StompClientOptions::default() };
        let mut pair = Self::new(client, StompOptions::default(), piece);
        assert_eq!(pair.take(), [Told::In(version)]);
        pair
    }

    fn take(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// The client says this, and all that comes of it comes.
    fn say(&mut self, outgoing: Outgoing<'_>, receipt: Option<&str>, headers: &[(&str, &str)]) -> Vec<Told> {
        let up = &mut self.up;
        let mut outbox = |_: Kind, bytes: &[u8]| up.push_back(bytes.to_vec());
        self.client.say(&outgoing, receipt, headers, &mut outbox).expect("it can be said");
        self.settle();
        self.take()
    }

    fn send(
        &mut self,
        destination: &str,
        transaction: Option<&str>,
        body: &[u8],
        receipt: Option<&str>,
    ) -> Vec<Told> {
        self.say(Outgoing::Send { destination, transaction, body }, receipt, &[])
    }

    fn subscribe(&mut self, id: &str, destination: &str, ack: Ack) {
        let told = self.say(Outgoing::Subscribe { id, destination, ack }, Some("subscribed"), &[]);
        assert_eq!(told, [Told::Receipt("subscribed".to_owned())]);
    }

    /// All that is under way arrives.
    fn settle(&mut self) {
        loop {
            if let Some(bytes) = self.up.pop_front() {
                self.beats.0 += u32::from(bytes == PULSE);
                let pieces = bytes.chunks(self.piece).filter(|_| !self.cut);
                for piece in pieces.map(<[u8]>::to_vec).collect::<Vec<_>>() {
                    let mut out = Outputs::new();
                    self.server.message(Time(self.now), Message::Binary(&piece), &mut out);
                    let out = out.into_iter().map(owned).collect();
                    self.follow(out);
                }
            } else if let Some(item) = self.mailbox.pop_front() {
                let down = &mut self.down;
                let entry = Entry { slot: 0, item };
                self.server.encode(&entry, &mut |_, bytes: &[u8]| down.push_back(bytes.to_vec()));
            } else if let Some(bytes) = self.down.pop_front() {
                self.beats.1 += u32::from(bytes == PULSE);
                for piece in bytes.chunks(self.piece).filter(|_| !self.cut) {
                    let mut heard = Vec::new();
                    let message = Message::Binary(piece);
                    self.client
                        .message(Time(self.now), message, &mut heard)
                        .expect("a server makes no mistakes");
                    for heard in &heard {
                        hear(heard, &mut self.told, &mut self.last);
                    }
                }
            } else {
                return;
            }
        }
    }

    fn follow(&mut self, out: Vec<Did>) {
        for did in out {
            match did {
                Did::Connect => self.mailbox.push_back(Item::Entered {
                    id: ConnectionId::from_random([7; 15]),
                    user: None,
                    recovery: None,
                }),
                // A handler answers with what it is given.
                Did::Event(args, token) => self.reply(token, args),
                Did::Task(task, token) => self.task(*task, token),
                Did::Send(item) => self.mailbox.push_back(item),
                Did::Beat(bytes) => self.down.push_back(bytes),
                Did::Close(reason) => self.closed = Some(reason),
            }
        }
    }

    fn reply(&mut self, token: Token, payload: Payload) {
        self.mailbox.push_back(Item::Reply { token, outcome: Outcome::Done(payload) });
    }

    fn task(&mut self, task: Task, token: Token) {
        let mut payload = Payload::empty();
        match task {
            Task::Subscribe { room, since, mark } => {
                self.reply(mark, Payload::empty());
                if let Some(since) = since {
                    let since: Offset = since.parse().expect("an offset of ours");
                    let is_missed = |broadcast: &&Arc<Broadcast>| {
                        let rooms = &broadcast.publication.target.rooms;
                        broadcast.seq() > since.seq && rooms.contains(&RoomKey::Named(room.clone()))
                    };
                    let missed = self.log.iter().filter(is_missed).cloned();
                    self.mailbox.extend(missed.map(|broadcast| Item::Broadcast { broadcast, meta: true }));
                }
                let offset = Offset { epoch: 1, seq: self.log.len() as u64 };
                payload = Payload::from_args(&(offset, true)).expect("it serialises");
            }
            Task::Publish { to, message: Published { event, payload, original } } => {
                let publication = Publication {
                    namespace: "/".into(),
                    event,
                    payload,
                    target: Target::room(to),
                    from: None,
                    user: None,
                    time: self.now,
                    class: Class::Event,
                    compress: true,
                    original,
                };
                let offset = Offset { epoch: 1, seq: self.log.len() as u64 + 1 };
                let broadcast = Arc::new(Broadcast::new(offset, publication));
                self.log.push(broadcast.clone());
                self.mailbox.push_back(Item::Broadcast { broadcast, meta: true });
            }
            Task::Send { queue, message: Published { event, payload, original } } => {
                let message =
                    QueueMessage { event, payload, from: None, user: None, time: self.now, original };
                let consumer = *self.consumers.get(&queue).expect("somebody consumes it");
                let (delivery, message) = (self.deliveries, Arc::new(message));
                self.deliveries += 1;
                self.mailbox.push_back(Item::Delivery { consumer, delivery, redelivered: false, message });
            }
            Task::Consume { queue, consumer, .. } => _ = self.consumers.insert(queue, consumer),
            Task::Settle { delivery, up_to, verdict, .. } => self.settled.push((delivery, up_to, verdict)),
            Task::Call { args, .. } => payload = args,
            Task::Unsubscribe { .. } | Task::Stop { .. } | Task::Rights { .. } | Task::Nothing => {}
        }
        self.reply(token, payload);
    }

    /// Lets so many milliseconds pass.
    fn wait(&mut self, milliseconds: u64) {
        let until = self.now + milliseconds;
        loop {
            let deadlines = self.client.deadline().into_iter().chain(self.server.deadline());
            let Some(deadline) = deadlines.min().filter(|deadline| deadline.0 <= until) else { break };
            // A server that has answered a goodbye is due at once.
            assert!(deadline.0 >= self.now || deadline.0 == 0, "a deadline in the past");
            self.now = self.now.max(deadline.0);
            let now = Time(self.now);
            let (up, mut heard) = (&mut self.up, Vec::new());
            if self.client.deadline() == Some(deadline) {
                let mut outbox = |_: Kind, bytes: &[u8]| up.push_back(bytes.to_vec());
                self.client.tick(now, &mut outbox, &mut heard);
            }
            for heard in &heard {
                hear(heard, &mut self.told, &mut self.last);
            }
            if self.server.deadline() == Some(deadline) {
                let mut out = Outputs::new();
                self.server.tick(now, &mut out);
                self.follow(out.into_iter().map(owned).collect());
            }
            self.settle();
        }
        self.now = until;
    }
}

fn hear(heard: &Heard<'_>, told: &mut Vec<Told>, last: &mut Option<(String, Option<String>)>) {
    const OURS: [&str; 5] = ["event", "offset", "time", "content-type", "correlation-id"];
    told.push(match heard {
        Heard::Connected { version, .. } => Told::In(*version),
        Heard::Message(message) => {
            let settling = message.settling();
            *last = settling.map(|of| (of.id.to_owned(), of.subscription.map(str::to_owned)));
            let own = message.headers.iter().filter(|(name, _)| !OURS.contains(&&**name));
            let own = own.map(|(name, value)| (name.to_string(), value.to_string())).collect();
            Told::Message(message.subscription.clone().unwrap_or_default().into(), own, message.body.to_vec())
        }
        Heard::Receipt { id, .. } => Told::Receipt(id.to_string()),
        Heard::Error { message, receipt, .. } => Told::Error(format!(
            "{} {}",
            message.as_deref().unwrap_or("-"),
            receipt.as_deref().unwrap_or("-")
        )),
        Heard::Silent => Told::Silent,
    });
}

/// What the server's machine wants, on its own.
enum Did {
    Connect,
    Event(Payload, Token),
    Task(Box<Task>, Token),
    Send(Item),
    Beat(Vec<u8>),
    Close(Reason),
}

fn owned(output: Output<'_>) -> Did {
    match output {
        Output::Connect { .. } => Did::Connect,
        Output::Event { args, token: Some(token), .. } => Did::Event(args.into_owned(), token),
        Output::Task { task, token, .. } => Did::Task(task, token),
        Output::Send { bytes, kind, .. } => {
            Did::Send(Item::Wire { bytes: bytes.into(), text: kind == Kind::Text })
        }
        Output::Passing { bytes, .. } => Did::Beat(bytes),
        // The driver tells the session.
        Output::Beats { .. } => Did::Send(Item::Left),
        Output::Close { reason, .. } => Did::Close(reason),
        other => panic!("nobody expects {other:?}"),
    }
}

fn message(id: &str, body: &[u8]) -> Told {
    Told::Message(id.to_owned(), vec![], body.to_vec())
}

fn receipt(id: &str) -> Told {
    Told::Receipt(id.to_owned())
}
