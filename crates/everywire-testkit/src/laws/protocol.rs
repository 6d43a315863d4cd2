//! The laws of a protocol, tried with what its clients send, right, wrong and torn.

use std::sync::Arc;

use everywire_core::{
    Broadcast, Class, ConnectionId, Entry, Failure, Item, Name, Offset, Outcome, Payload, Publication,
    Reason, Target, Token,
};
use everywire_protocols::protocol::{Entrance, Output, Outputs, Protocol};
use everywire_protocols::seam::{Kind, Time};
use everywire_protocols::session::Facts;

use crate::random::Random;
use crate::rig::Said;

/// A protocol, and what its clients send.
pub struct ProtocolCase {
    /// Makes a fresh one.
    pub make: Box<dyn Fn() -> Box<dyn Protocol>>,
    /// What a client says first, where nothing else is understood before it: one of these. Now and then it does not.
    pub first: Vec<Said>,
    /// Messages of clients, rightly and wrongly made.
    pub messages: Vec<Said>,
}

impl std::fmt::Debug for ProtocolCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProtocolCase").field("messages", &self.messages).finish_non_exhaustive()
    }
}

const SEEDS: u64 = 300;
const STEPS: usize = 40;

pub(super) fn try_all(case: &ProtocolCase) {
    for seed in 0..SEEDS {
        let first = Play::new(case, seed).run();
        let second = Play::new(case, seed).run();
        assert_eq!(first, second, "outputs depend on inputs alone, seed {seed}");
    }
}

/// How far a connection is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    Connecting,
    In,
    Gone,
}

struct Play<'a> {
    case: &'a ProtocolCase,
    random: Random,
    protocol: Box<dyn Protocol>,
    now: Time,
    /// Events that have had no answer, and whose. Two may have the same token, where the client chooses it.
    open: Vec<(u32, Token)>,
    /// The connections that asked to be let in, at the index of their slots, where clients enter namespaces by themselves.
    connections: Vec<Connection>,
    closed: bool,
    /// Whether the client may come back on another lane.
    resumes: bool,
    /// Everything that it said, to be compared.
    said: Vec<String>,
}

impl<'a> Play<'a> {
    fn new(case: &'a ProtocolCase, seed: u64) -> Self {
        let mut protocol = (case.make)();
        let mut random = Random::new(seed);
        let mut out = Outputs::new();
        let several = protocol.entrance() == Entrance::Several;
        let facts = Facts {
            text_only: random.chance(30),
            // Those of Engine.IO: the protocol with namespaces is the one with revisions.
            revision: if several { random.pick(&[0, 3, 4]) } else { 0 },
            polls: random.chance(20),
            resumable: random.chance(50),
            ..Facts::default()
        };
        protocol.open(&facts, Time(0), &mut out);
        let (open, connections, said) = (Vec::new(), Vec::new(), Vec::new());
        let (now, closed, resumes) = (Time(0), false, false);
        let mut play = Self { case, random, protocol, now, open, connections, closed, resumes, said };
        play.follow(&Said::Text("the opening".to_owned()), out);
        if !case.first.is_empty() && play.random.chance(80) {
            let first = play.random.pick(&case.first);
            play.hear(&first);
        }
        play
    }

    fn run(mut self) -> Vec<String> {
        for _ in 0..STEPS {
            match self.random.below(10) {
                0..5 => self.receive(),
                5..7 => self.answer(),
                7 if self.is_several() => self.let_in_or_not(),
                7 if self.resumes && self.random.chance(30) => self.come_back(),
                7..9 => self.encode_something(),
                _ => self.tick(),
            }
        }
        let (said, reason) = (&mut self.said, self.random.pick(&Reason::ALL));
        self.protocol.goodbye(reason, &mut |kind, bytes: &[u8]| said.push(spoken(kind, bytes)));
        self.said
    }

    /// A message of a client's: as it is, torn, or with a byte changed.
    fn message(&mut self) -> Said {
        if self.case.messages.is_empty() {
            return Said::Text("anything".to_owned());
        }
        let said = self.random.pick(&self.case.messages);
        let mut bytes = said.as_message().as_bytes().to_vec();
        match self.random.below(4) {
            0 => bytes.truncate(self.random.below(bytes.len() + 1)),
            1 if !bytes.is_empty() => {
                let at = self.random.below(bytes.len());
                bytes[at] = self.random.below(256) as u8;
            }
            _ => return said,
        }
        match said {
            Said::Text(_) => Said::Text(String::from_utf8_lossy(&bytes).into_owned()),
            Said::Binary(_) => Said::Binary(bytes),
        }
    }

    fn is_several(&self) -> bool {
        self.protocol.entrance() == Entrance::Several
    }

    fn receive(&mut self) {
        let message = self.message();
        self.hear(&message);
    }

    fn hear(&mut self, message: &Said) {
        let mut out = Outputs::new();
        self.protocol.message(self.now, message.as_message(), &mut out);
        self.follow(message, out);
    }

    fn follow(&mut self, after: &Said, out: Outputs<'_>) {
        assert!(!self.closed || out.is_empty(), "after its end it was told {after:?}, and wants {out:?}");
        for output in out {
            self.said.push(format!("{output:?}"));
            assert!(!self.closed, "more after its end: {output:?}");
            match output {
                Output::Event { slot, token: Some(token), .. }
                | Output::Task { slot, token, .. }
                | Output::Call { slot, token: Some(token), .. } => self.open.push((slot, token)),
                Output::Cancel { token } => self.open.retain(|(_, open)| *open != token),
                Output::Connect { slot, .. } => {
                    assert_ne!(
                        self.protocol.entrance(),
                        Entrance::AtOnce,
                        "it said that clients are in at once"
                    );
                    assert_eq!(slot as usize, self.connections.len(), "no slot is given twice, or left out");
                    self.connections.push(Connection::Connecting);
                }
                Output::Disconnect { slot } => self.connections[slot as usize] = Connection::Gone,
                Output::Resumable(may) => self.resumes = may,
                Output::Close { .. } => self.closed = true,
                _ => {}
            }
        }
    }

    /// Lets a client into the namespace that it asked for, refuses it, or ends a connection.
    fn let_in_or_not(&mut self) {
        let Some(slot) = self.connections.len().checked_sub(1).map(|last| self.random.below(last + 1)) else {
            return;
        };
        let before = self.connections[slot];
        let (item, after) = match self.random.below(4) {
            0 => (Item::Refused { message: "why".into(), data: None }, Connection::Gone),
            1 => (Item::Left, Connection::Gone),
            _ => {
                let recovery = self.random.chance(50).then(|| "a secret".into());
                (
                    Item::Entered { id: ConnectionId::from_random([7; 15]), recovery, user: None },
                    Connection::In,
                )
            }
        };
        if before != Connection::Connecting && !matches!(item, Item::Left) {
            return;
        }
        self.connections[slot] = if before == Connection::Gone { before } else { after };
        let messages = self.write(slot as u32, item);
        assert_eq!(messages.is_empty(), before == Connection::Gone, "a client is told once: {messages:?}");
    }

    /// The client is back on another lane, and hears from which number on what it missed comes again.
    fn come_back(&mut self) {
        let (said, from) = (&mut self.said, self.random.below(4) as u64);
        self.protocol.resumed(self.now, from, &mut |kind, bytes: &[u8]| said.push(spoken(kind, bytes)));
    }

    /// Answers an event: by one message at most, with its attachments behind it, and never in two.
    fn answer(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let (slot, token) = self.open.swap_remove(self.random.below(self.open.len()));
        let outcome = if self.random.chance(50) {
            Outcome::Done(self.payload())
        } else {
            Failure::new(-32000, "why").into()
        };
        let messages = self.encode(slot, Item::Reply { token, outcome });
        let attachments = messages.get(1..).unwrap_or_default();
        assert!(attachments.iter().all(|(kind, _)| *kind == Kind::Binary), "one answer in {messages:?}");
    }

    fn encode_something(&mut self) {
        let event = Name::from(["message", "chat", "error"][self.random.below(3)]);
        let payload = self.payload();
        let item = match self.random.below(3) {
            0 => Item::Emit { event, payload, ack: None, class: Class::Event, compress: true },
            1 if self.protocol.answers() => Item::Emit {
                event,
                payload,
                ack: Some(self.random.number()),
                class: Class::Event,
                compress: true,
            },
            _ => {
                let publication = Publication {
                    namespace: "/".into(),
                    event,
                    payload,
                    target: Target::room("a room with \"quotes\""),
                    from: None,
                    user: Some("a user\u{7f}".into()),
                    time: 0,
                    class: Class::Event,
                    compress: true,
                    original: None,
                };
                let broadcast = Broadcast::new(Offset { epoch: 7, seq: 1 }, publication);
                Item::Broadcast { broadcast: Arc::new(broadcast), meta: self.random.chance(50) }
            }
        };
        // Of connections that there are, and one that there is not.
        let slot = if self.is_several() { self.random.below(self.connections.len() + 1) } else { 0 };
        self.encode(slot as u32, item);
    }

    fn payload(&mut self) -> Payload {
        let payloads = [
            Payload::empty(),
            Payload::text("text with \"quotes\", \u{1F600} and\nlines"),
            Payload::binary(vec![0, 255, 10]),
            Payload::from_args(&(1, "two", [3.5], None::<u8>)).expect("it serialises"),
        ];
        self.random.pick(&payloads)
    }

    /// What is said to a client that may not be in, or not any more, and is told nothing then.
    fn encode(&mut self, slot: u32, item: Item) -> Vec<(Kind, String)> {
        let messages = self.write(slot, item);
        if self.is_several() && self.connections.get(slot as usize) != Some(&Connection::In) {
            assert!(messages.is_empty(), "to {slot}, which is not in: {messages:?}");
        }
        messages
    }

    fn write(&mut self, slot: u32, item: Item) -> Vec<(Kind, String)> {
        let mut messages = Vec::new();
        let entry = Entry { slot, item };
        self.protocol.encode(&entry, &mut |kind, bytes: &[u8]| messages.push((kind, spoken(kind, bytes))));
        self.said.extend(messages.iter().map(|(_, message)| message.clone()));
        messages
    }

    fn tick(&mut self) {
        let Some(deadline) = self.protocol.deadline() else { return };
        self.now = self.now.max(deadline);
        let mut out = Outputs::new();
        self.protocol.tick(self.now, &mut out);
        self.follow(&Said::Text("a tick".to_owned()), out);
        let next = self.protocol.deadline();
        assert!(next.is_none_or(|next| next > self.now), "ticked at {:?}, it wants {next:?}", self.now);
    }
}

fn spoken(kind: Kind, bytes: &[u8]) -> String {
    match kind {
        Kind::Text => std::str::from_utf8(bytes).expect("a text message is text").to_owned(),
        Kind::Binary => format!("{bytes:?}"),
    }
}
