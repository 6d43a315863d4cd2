//! STOMP's broadcasts in the hub: a tail that is encoded once for all, and for each client heads that whoever writes to its
//! socket puts before it.
//!
//! A MESSAGE names the client's own subscription, so no two clients get the same bytes; what can be shared stands at the end.
//! Sockets are a test's: they take as many bytes as they are told to, so that some hear by a run and some by their mailbox.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use everywire_core::{
    Broadcast, ConnectionId, Encode, Entry, Form, Item, MemoryBroker, Outcome, Payload, Token,
};
use everywire_protocols::protocol::stomp::{Event, Limits, Parser, Version};
use everywire_protocols::protocol::{Heads, Output, Outputs, Protocol, ProtocolForm, Stomp, Task};
use everywire_protocols::seam::{Kind, Message, Time};
use everywire_protocols::session::Facts;
use everywire_testkit::link::Spell;
use everywire_testkit::world::{Client, ClientOptions};
use everywire_testkit::{Clock, FakeLink, Random, World};
use parking_lot::Mutex;

const FORM: Form = Form::new(ProtocolForm::Stomp12 as u32, false).headed();

/// What encodes for everybody: tails, counted.
#[derive(Default)]
struct Tails(AtomicUsize);

impl Encode for Tails {
    fn encode(&self, form: Form, broadcast: &Broadcast, out: &mut Vec<u8>) {
        assert_eq!(form, FORM.with_meta(true));
        self.0.fetch_add(1, Ordering::Relaxed);
        let mut tail = |_: Kind, bytes: &[u8]| out.extend_from_slice(bytes);
        ProtocolForm::Stomp12.encode(broadcast, true, &mut tail);
    }
}

/// What the driver would be: protocol and carrier of one client.
struct Driver {
    protocol: Mutex<Stomp>,
    heads: Arc<dyn Heads>,
}

impl Spell for Driver {
    fn entry(&self, entry: &Entry, out: &mut Vec<u8>) {
        self.protocol.lock().encode(entry, &mut |_: Kind, bytes: &[u8]| frame(&[bytes], out));
    }

    fn messages(&self, _slot: u32, broadcast: &Broadcast, tail: &[u8], out: &mut Vec<u8>) {
        self.heads.heads(broadcast, &mut |head| frame(&[head, tail], out));
    }

    fn written(&self, _slot: u32, broadcast: &Broadcast) {
        self.heads.said(broadcast);
    }
}

/// A carrier that frames a message by its length, as a WebSocket does.
fn frame(parts: &[&[u8]], out: &mut Vec<u8>) {
    let message = parts.concat();
    write!(out, "{}:", message.len()).expect("a Vec takes every write");
    out.extend_from_slice(&message);
}

/// The messages that came through the frames: subscription, place and body of each.
fn heard(mut bytes: &[u8]) -> Vec<(String, u64, u64)> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let colon = bytes.iter().position(|byte| *byte == b':').expect("a length before each message");
        let length: usize = std::str::from_utf8(&bytes[..colon]).expect("digits").parse().expect("a length");
        let (mut message, rest) = bytes[colon + 1..].split_at(length);
        let mut parser = Parser::new(Limits::default());
        parser.switch(Version::V1_2);
        let event = parser.next(&mut message).expect("no fault").expect("a whole frame");
        assert_eq!(message, b"", "one frame a message");
        let Event::Frame(frame) = event else { panic!("{event:?}") };
        let offset = frame.header("offset").and_then(|offset| offset.split_once('-')).expect("an offset");
        let subscription = frame.header("subscription").expect("a subscription").to_owned();
        let body = std::str::from_utf8(&frame.body).expect("text").parse().expect("a number");
        messages.push((subscription, offset.1.parse().expect("a number"), body));
        bytes = rest;
    }
    messages
}

/// A client's protocol that is in, and hears rooms by these subscriptions.
fn protocol(subscriptions: &[(&str, &str)]) -> Stomp {
    let mut protocol = Stomp::new(Arc::default(), "/".into());
    protocol.open(&Facts::default(), Time(0), &mut Outputs::new());
    let mut quiet = |_: Kind, _: &[u8]| {};
    let connect = tell(&mut protocol, "CONNECT\naccept-version:1.2\n\n\0");
    assert!(matches!(&connect[..], [Output::Connect { .. }]), "{connect:?}");
    drop(connect);
    let id = ConnectionId::from_random([0; 15]);
    let entered = Item::Entered { id, user: None, recovery: None };
    protocol.encode(&Entry { slot: 0, item: entered }, &mut quiet);
    for (room, id) in subscriptions {
        let mark = subscribe(&mut protocol, room, id);
        // From here on it hears.
        let reply = Item::Reply { token: mark, outcome: Outcome::Done(Payload::empty()) };
        protocol.encode(&Entry { slot: 0, item: reply }, &mut quiet);
    }
    protocol
}

fn subscribe(protocol: &mut Stomp, room: &str, id: &str) -> Token {
    let text = format!("SUBSCRIBE\nid:{id}\ndestination:/topic/{room}\n\n\0");
    match tell(protocol, &text).pop() {
        Some(Output::Task { task, .. }) => match *task {
            Task::Subscribe { mark, .. } => mark,
            other => panic!("it asks for {other:?}"),
        },
        other => panic!("it wants {other:?}"),
    }
}

fn tell<'a>(protocol: &mut Stomp, text: &'a str) -> Outputs<'a> {
    let mut out = Outputs::new();
    protocol.message(Time(0), Message::Text(text), &mut out);
    out
}

fn client(world: &World, subscriptions: &[(&str, &str)]) -> Client {
    let protocol = protocol(subscriptions);
    assert_eq!(protocol.form(), ProtocolForm::Stomp12);
    let heads = protocol.heads().expect("STOMP has heads");
    let driver = Driver { protocol: Mutex::new(protocol), heads };
    let options = ClientOptions::default();
    let link = FakeLink::spelling(options.mailbox, true, driver);
    let client = world.client_on(link, &options);
    client.connection.set_form(FORM);
    let rooms: Vec<_> = subscriptions.iter().map(|(room, _)| *room).collect();
    drop(world.subscribe(&client, &rooms, None));
    client
}

fn world(tails: &Arc<Tails>) -> World {
    let clock = Clock::new();
    let broker = Arc::new(MemoryBroker::new(7, clock.reader()));
    World::with(&clock, broker, |_| {}, |options| options.encode = tails.clone())
}

fn message(id: &str, seq: u64, body: u64) -> (String, u64, u64) {
    (id.to_owned(), seq, body)
}

#[test]
fn ten_thousand_heads_and_one_tail() {
    let tails = Arc::new(Tails::default());
    let world = world(&tails);
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
        let expected = [message(&id, 1, 1), message(&id, 2, 22), message(&id, 3, 333)];
        assert_eq!(heard(&client.link.received()), expected, "client {i}");
    }
    let mut expected = Vec::new();
    for (seq, body) in [(1, 1), (2, 22), (3, 333)] {
        expected.extend(["x", "z"].map(|id| message(id, seq, body)));
    }
    expected.push(message("y", 4, 4444));
    assert_eq!(heard(&both.link.received()), expected, "one message for each subscription");
}

#[test]
fn heads_may_be_cut_anywhere() {
    let run = |cut: Option<usize>| {
        let tails = Arc::new(Tails::default());
        let world = world(&tails);
        let client = client(&world, &[("lobby", "a")]);
        cut.into_iter().for_each(|cut| client.link.take(cut));
        world.publish("lobby", 1);
        world.publish("lobby", 22);
        world.settle();
        client.link.take_all();
        world.settle();
        client.link.received()
    };
    let whole = run(None);
    assert_eq!(heard(&whole), [message("a", 1, 1), message("a", 2, 22)]);
    for cut in 0..=whole.len() {
        assert_eq!(run(Some(cut)), whole, "cut at {cut}");
    }
}
