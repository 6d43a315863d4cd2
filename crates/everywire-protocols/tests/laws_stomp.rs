//! A sketch of STOMP: a broadcast whose tail is shared, and whose head is written for each delivery.
//!
//! A MESSAGE names the client's own subscription, so no two clients get the same bytes. What can be shared stands at
//! the end: the publication's headers and the body. It is encoded once, whoever hears it; before it the link
//! writes the head, from the subscriptions that the protocol has noted.

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use everywire_core::payload::Extras;
use everywire_core::{Broadcast, Encode, Entry, Form, Item, MemoryBroker, PayloadRef, Reason, RoomKey};
use everywire_protocols::protocol::{Output, Outputs, Protocol, ProtocolForm};
use everywire_protocols::seam::{Kind, Message, Outbox, Time};
use everywire_protocols::session::Facts;
use everywire_testkit::link::Spell;
use everywire_testkit::world::{Client, ClientOptions};
use everywire_testkit::{Clock, FakeLink, Random, World};
use parking_lot::Mutex;

const FORM: Form = Form::new(1, false).headed();

/// A client's subscriptions: written by its protocol, read by whoever writes to its link.
#[derive(Clone, Default)]
struct Subscriptions(Arc<Mutex<Vec<(RoomKey, String)>>>);

impl Subscriptions {
    /// Writes the messages that a broadcast is for this client, each with its head; `tail` ends them all.
    fn messages(&self, broadcast: &Broadcast, tail: &[u8], mut message: impl FnMut(&[u8])) {
        for (room, id) in &*self.0.lock() {
            if broadcast.publication.target.rooms.contains(room) {
                let seq = broadcast.seq();
                let head =
                    format!("MESSAGE\nsubscription:{id}\nmessage-id:{id}-{seq}\ndestination:/room/{room}\n");
                message(&[head.as_bytes(), tail].concat());
            }
        }
    }
}

fn tail(broadcast: &Broadcast, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    broadcast.publication.payload.write_json_value(&mut body);
    let event = &broadcast.publication.event;
    write!(out, "event:{event}\ncontent-length:{}\n\n", body.len()).expect("a Vec takes every write");
    out.extend_from_slice(&body);
    out.push(0);
}

/// As much of STOMP as the sketch needs.
struct Stomp {
    subscriptions: Subscriptions,
}

impl Protocol for Stomp {
    fn open(&mut self, _facts: &Facts, _now: Time, _out: &mut Outputs<'_>) {}

    fn message<'a>(&mut self, _now: Time, message: Message<'a>, out: &mut Outputs<'a>) {
        let Message::Text(text) = message else { return };
        let header = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        if let (true, Some(id), Some(destination)) =
            (text.starts_with("SUBSCRIBE\n"), header("id"), header("destination"))
        {
            let room = destination.trim_start_matches("/room/");
            self.subscriptions.0.lock().push((room.into(), id.to_owned()));
            out.push(Output::Event {
                slot: 0,
                name: Cow::Borrowed("subscribe"),
                args: PayloadRef::text(room),
                token: None,
            });
        }
    }

    fn encode(&mut self, entry: &Entry, outbox: &mut dyn Outbox) {
        let Item::Broadcast { broadcast, .. } = &entry.item else { return };
        let mut ending = Vec::new();
        tail(broadcast, &mut ending);
        self.subscriptions.messages(broadcast, &ending, |message| {
            outbox.message(Kind::Text, message.len(), &mut |out| out.extend_from_slice(message));
        });
    }

    fn goodbye(&mut self, _reason: Reason, _outbox: &mut dyn Outbox) {}

    fn form(&self) -> ProtocolForm {
        ProtocolForm::Raw
    }

    fn answers(&self) -> bool {
        false
    }

    fn extras(&self) -> Extras {
        Extras::Ignore
    }
}

/// What encodes for everybody: tails, counted.
#[derive(Default)]
struct Tails(AtomicUsize);

impl Encode for Tails {
    fn encode(&self, form: Form, broadcast: &Broadcast, out: &mut Vec<u8>) {
        assert_eq!(form, FORM.with_meta(true));
        self.0.fetch_add(1, Ordering::Relaxed);
        tail(broadcast, out);
    }
}

/// A carrier that frames a message by its length, as a WebSocket does.
fn frame(message: &[u8], out: &mut Vec<u8>) {
    write!(out, "{}:", message.len()).expect("a Vec takes every write");
    out.extend_from_slice(message);
}

/// What the driver would be: protocol and carrier of one client.
struct Driver {
    protocol: Mutex<Stomp>,
    subscriptions: Subscriptions,
}

impl Spell for Driver {
    fn entry(&self, entry: &Entry, out: &mut Vec<u8>) {
        self.protocol.lock().encode(entry, &mut |_, bytes: &[u8]| frame(bytes, out));
    }

    fn messages(&self, _slot: u32, broadcast: &Broadcast, tail: &[u8], out: &mut Vec<u8>) {
        self.subscriptions.messages(broadcast, tail, |message| frame(message, out));
    }
}

/// The messages that came through the frames.
fn unframe(mut bytes: &[u8]) -> Vec<String> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let colon = bytes.iter().position(|byte| *byte == b':').expect("a length before each message");
        let length: usize = std::str::from_utf8(&bytes[..colon]).expect("digits").parse().expect("a length");
        let (message, rest) = bytes[colon + 1..].split_at(length);
        messages.push(String::from_utf8(message.to_vec()).expect("text"));
        bytes = rest;
    }
    messages
}

fn client(world: &World, subscriptions: &[(&str, &str)]) -> Client {
    let noted = Subscriptions::default();
    let mut protocol = Stomp { subscriptions: noted.clone() };
    let mut rooms = Vec::new();
    for (room, id) in subscriptions {
        let text = format!("SUBSCRIBE\nid:{id}\ndestination:/room/{room}\n\n\0");
        let mut out = Outputs::new();
        protocol.message(Time(0), Message::Text(&text), &mut out);
        assert!(matches!(&out[..], [Output::Event { name, .. }] if name == "subscribe"));
        rooms.push(*room);
    }
    let driver = Driver { protocol: Mutex::new(protocol), subscriptions: noted };
    let options = ClientOptions::default();
    let link = FakeLink::spelling(options.mailbox, true, driver);
    let client = world.client_on(link, &options);
    client.connection.set_form(FORM);
    drop(world.subscribe(&client, &rooms, None));
    client
}

fn expected(id: &str, room: &str, seq: u64, body: u64) -> String {
    let length = body.to_string().len();
    format!(
        "MESSAGE\nsubscription:{id}\nmessage-id:{id}-{seq}\ndestination:/room/{room}\nevent:n\ncontent-length:{length}\n\n{body}\0"
    )
}

#[test]
fn ten_thousand_heads_and_one_tail() {
    let tails = Arc::new(Tails::default());
    let clock = Clock::new();
    let broker = Arc::new(MemoryBroker::new(7, clock.reader()));
    let world = World::with(&clock, broker, |_| {}, |options| options.encode = tails.clone());
    let mut random = Random::new(1);
    let clients: Vec<_> = (0..10_000).map(|i| client(&world, &[("lobby", &format!("sub-{i}"))])).collect();
    let both = client(&world, &[("lobby", "x"), ("hall", "y"), ("lobby", "z")]);
    for client in clients.iter().step_by(3) {
        client.link.take(random.below(400));
    }
    for body in [1, 22, 333] {
        world.publish("lobby", body);
    }
    world.settle();
    // Three tails for a run of three, however many clients; who hears by its mailbox has its own.
    assert_eq!(tails.0.load(Ordering::Relaxed), 3);
    for client in &clients {
        client.link.take_all();
    }
    world.publish("hall", 4444);
    world.settle();
    for (i, client) in clients.iter().enumerate() {
        let id = format!("sub-{i}");
        let messages = [(1, 1), (2, 22), (3, 333)].map(|(seq, body)| expected(&id, "lobby", seq, body));
        assert_eq!(unframe(&client.link.received()), messages, "client {i}");
    }
    let mut messages = Vec::new();
    for (seq, body) in [(1, 1), (2, 22), (3, 333)] {
        messages.extend(["x", "z"].map(|id| expected(id, "lobby", seq, body)));
    }
    messages.push(expected("y", "hall", 4, 4444));
    assert_eq!(unframe(&both.link.received()), messages, "one message for each subscription");
}

#[test]
fn heads_may_be_cut_anywhere() {
    let whole = {
        let text = [expected("a", "lobby", 1, 1), expected("a", "lobby", 2, 22)];
        text.iter().map(|text| text.len() + 4).sum::<usize>()
    };
    for cut in 0..=whole {
        let tails = Arc::new(Tails::default());
        let clock = Clock::new();
        let broker = Arc::new(MemoryBroker::new(7, clock.reader()));
        let world = World::with(&clock, broker, |_| {}, |options| options.encode = tails.clone());
        let client = client(&world, &[("lobby", "a")]);
        client.link.take(cut);
        world.publish("lobby", 1);
        world.publish("lobby", 22);
        world.settle();
        client.link.take_all();
        world.settle();
        let messages = [expected("a", "lobby", 1, 1), expected("a", "lobby", 2, 22)];
        assert_eq!(unframe(&client.link.received()), messages, "cut at {cut}");
    }
}
