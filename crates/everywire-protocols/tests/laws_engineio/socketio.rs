//! Socket.IO over Engine.IO, both sides: a client enters, events go both ways and are answered, while it moves from
//! polls to a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use everywire_core::Payload;
use everywire_core::payload::Extras;
use everywire_protocols::protocol::socketio::{Parser, Revision, What};
use everywire_protocols::protocol::{SocketIo, SocketIoClient, SocketIoOptions};
use everywire_protocols::seam::{Kind, Message, Time};
use everywire_protocols::session::{EngineIo, EngineIoClientOptions, EngineIoOptions};
use everywire_testkit::Random;
use everywire_testkit::rig::{Dialer, Does, Heard, Rig};

use super::client::Client;
use super::{REVISION_3, REVISION_4, numbered};

/// How many events each side sends.
const EVENTS: usize = 40;
/// What the client's application says to leave.
const LEAVE: &str = "leave";

/// A Socket.IO client on its Engine.IO.
struct Speaking {
    below: Client,
    protocol: SocketIoClient,
    revision: Revision,
    entered: bool,
    /// What was said before it was in.
    early: Vec<String>,
    asked: u64,
    /// The answers, in the order in which they came.
    answers: Vec<(u64, String)>,
    faults: Vec<String>,
}

impl Speaking {
    fn new(options: EngineIoClientOptions) -> Self {
        let revision = if options.eio3 { Revision::Four } else { Revision::Five };
        Self {
            below: Client::new(options),
            protocol: SocketIoClient::new(Parser::Json, revision),
            revision,
            entered: false,
            early: Vec::new(),
            asked: 0,
            answers: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn say(&mut self, now: Time, text: &str, out: &mut Vec<Does>) {
        let mut packets = Vec::new();
        let mut outbox = |kind: Kind, bytes: &[u8]| packets.push((kind, bytes.to_vec()));
        if text == LEAVE {
            self.protocol.disconnect("/", &mut outbox);
        } else {
            let id = self.asked;
            self.asked += 1;
            self.protocol.event("/", "message", &Payload::text(text.to_owned()), Some(id), &mut outbox);
        }
        self.send(now, packets, out);
    }

    fn send(&mut self, now: Time, packets: Vec<(Kind, Vec<u8>)>, out: &mut Vec<Does>) {
        for (kind, bytes) in packets {
            assert_eq!(kind, Kind::Text, "nothing binary is sent here");
            let text = String::from_utf8(bytes).expect("a text packet is text");
            self.below.input(now, Heard::Say(text), out);
        }
    }

    fn understand(&mut self, now: Time, text: &str, out: &mut Vec<Does>) {
        let read = |args: &everywire_core::PayloadRef<'_>| {
            args.read::<(String,)>(Extras::Ignore).map(|(text,)| text).expect("one text")
        };
        match self.protocol.message(Message::Text(text)) {
            Ok(Some(heard)) => match heard.what {
                What::Entered { sid, .. } => {
                    assert_eq!(sid.is_some(), self.revision == Revision::Five);
                    self.entered = true;
                    for text in std::mem::take(&mut self.early) {
                        self.say(now, &text, out);
                    }
                }
                What::Event { name, args, ack: None } if name == "message" => {
                    out.push(Does::Deliver(read(&args)));
                }
                What::Answer { id, args } => self.answers.push((id, read(&args))),
                other => self.faults.push(format!("{other:?}")),
            },
            Ok(None) => {}
            Err(fault) => self.faults.push(format!("{fault:?}")),
        }
    }
}

impl Dialer for Speaking {
    fn input(&mut self, now: Time, heard: Heard, out: &mut Vec<Does>) {
        let was_open = self.below.opened;
        match heard {
            Heard::Say(text) if self.entered => self.say(now, &text, out),
            Heard::Say(text) => self.early.push(text),
            heard => {
                let mut below = Vec::new();
                self.below.input(now, heard, &mut below);
                // In protocol 4 a client is in the first namespace unasked.
                if self.below.opened && !was_open && self.revision == Revision::Five {
                    let mut packets = Vec::new();
                    let mut outbox = |kind: Kind, bytes: &[u8]| packets.push((kind, bytes.to_vec()));
                    self.protocol.connect("/", None, &mut outbox);
                    self.send(now, packets, &mut below);
                }
                for does in below {
                    match does {
                        Does::Deliver(text) => self.understand(now, &text, out),
                        other => out.push(other),
                    }
                }
            }
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.below.deadline()
    }
}

#[test]
fn events_and_answers_survive_the_move() {
    for options in [REVISION_4, REVISION_3] {
        let mut moved = 0;
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let engine = EngineIoOptions { allow_eio3: true, ..EngineIoOptions::default() };
            let session = EngineIo::new(Arc::new(engine), "lv_VI97HAXpY6yYWAAAC".into());
            let protocol = SocketIo::new(SocketIoOptions::default());
            let mut rig = Rig::new(Speaking::new(options), Box::new(session), Box::new(protocol));
            let (mut emitted, mut said) = (0, 0);
            while emitted < EVENTS || said < EVENTS {
                // The application has nobody to emit to before the client is in.
                if emitted < EVENTS && rig.client.entered && random.chance(30) {
                    rig.emit(&format!("server {emitted}"));
                    emitted += 1;
                }
                if said < EVENTS && random.chance(30) {
                    rig.say(&format!("client {said}"));
                    said += 1;
                }
                for _ in 0..random.below(6) {
                    rig.step(&mut random);
                }
                assert!(!rig.client.below.gone || rig.client.below.upgraded, "seed {seed}");
                if rig.client.below.gone {
                    break;
                }
            }
            rig.settle(&mut random, Duration::from_secs(1));
            assert_eq!(rig.client.faults, [""; 0], "seed {seed}");
            if rig.client.below.gone {
                // The server gave the WebSocket up before it heard `5`.
                continue;
            }
            assert_eq!(rig.delivered, numbered("server", EVENTS), "seed {seed}");
            assert_eq!(rig.server.heard, numbered("client", EVENTS), "seed {seed}");
            let answers = (0..).zip(numbered("client", EVENTS)).collect::<Vec<_>>();
            assert_eq!(rig.client.answers, answers, "seed {seed}: each answer to its question, in order");
            rig.say(LEAVE);
            rig.settle(&mut random, Duration::from_secs(1));
            assert!(rig.server.left, "seed {seed}");
            moved += usize::from(rig.client.below.upgraded);
        }
        assert!(moved > 350, "{moved} upgrades");
    }
}
