//! The laws of a protocol, tried with what its clients send, right, wrong and torn.

use std::sync::Arc;

use everywire_core::{
    Broadcast, Class, Entry, Item, Name, Offset, Outcome, Payload, Publication, Reason, Target, Token,
};
use everywire_protocols::protocol::{Output, Outputs, Protocol};
use everywire_protocols::seam::{Kind, Time};
use everywire_protocols::session::Facts;

use crate::random::Random;
use crate::rig::Said;

/// A protocol, and what its clients send.
pub struct ProtocolCase {
    /// Makes a fresh one.
    pub make: Box<dyn Fn() -> Box<dyn Protocol>>,
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

struct Play<'a> {
    case: &'a ProtocolCase,
    random: Random,
    protocol: Box<dyn Protocol>,
    now: Time,
    /// Events that have had no answer. Two may have the same token, where the client chooses it.
    open: Vec<Token>,
    closed: bool,
    /// Everything that it said, to be compared.
    said: Vec<String>,
}

impl<'a> Play<'a> {
    fn new(case: &'a ProtocolCase, seed: u64) -> Self {
        let mut protocol = (case.make)();
        let mut random = Random::new(seed);
        let mut out = Outputs::new();
        protocol.open(&Facts { text_only: random.chance(30), ..Facts::default() }, Time(0), &mut out);
        let mut play =
            Self { case, random, protocol, now: Time(0), open: Vec::new(), closed: false, said: Vec::new() };
        play.follow(&Said::Text("the opening".to_owned()), out);
        play
    }

    fn run(mut self) -> Vec<String> {
        for _ in 0..STEPS {
            match self.random.below(10) {
                0..5 => self.receive(),
                5..7 => self.answer(),
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

    fn receive(&mut self) {
        let message = self.message();
        let mut out = Outputs::new();
        self.protocol.message(self.now, message.as_message(), &mut out);
        self.follow(&message, out);
    }

    fn follow(&mut self, after: &Said, out: Outputs<'_>) {
        assert!(!self.closed || out.is_empty(), "after its end it was told {after:?}, and wants {out:?}");
        for output in out {
            self.said.push(format!("{output:?}"));
            assert!(!self.closed, "more after its end: {output:?}");
            match output {
                Output::Event { token: Some(token), .. } => self.open.push(token),
                Output::Cancel { token } => self.open.retain(|open| *open != token),
                Output::Close { .. } => self.closed = true,
                _ => {}
            }
        }
    }

    /// Answers an event: by one message at most, and never in two.
    fn answer(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let token = self.open.swap_remove(self.random.below(self.open.len()));
        let outcome = if self.random.chance(50) {
            Outcome::Done(self.payload())
        } else {
            Outcome::Failed { code: -32000, message: "why".into(), data: None }
        };
        let messages = self.encode(Item::Reply { token, outcome });
        assert!(messages.len() <= 1, "one answer in {messages:?}");
    }

    fn encode_something(&mut self) {
        let event = Name::from(["message", "chat", "error"][self.random.below(3)]);
        let payload = self.payload();
        let item = match self.random.below(3) {
            0 => Item::Emit { event, payload, ack: None, class: Class::Event },
            1 if self.protocol.answers() => {
                Item::Emit { event, payload, ack: Some(self.random.number()), class: Class::Event }
            }
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
                };
                let broadcast = Broadcast::new(Offset { epoch: 7, seq: 1 }, publication);
                Item::Broadcast { broadcast: Arc::new(broadcast), meta: self.random.chance(50) }
            }
        };
        self.encode(item);
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

    fn encode(&mut self, item: Item) -> Vec<String> {
        let mut messages = Vec::new();
        let entry = Entry { slot: 0, item };
        self.protocol.encode(&entry, &mut |kind, bytes: &[u8]| messages.push(spoken(kind, bytes)));
        self.said.extend(messages.iter().cloned());
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
