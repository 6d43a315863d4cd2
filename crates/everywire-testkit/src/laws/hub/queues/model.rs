//! Queues against a naive model: random steps, after each of which every message waits, or is with one consumer, or is gone,
//! on both sides alike.

use std::sync::Arc;

use everywire_core::Reason;
use everywire_core::hub::{ConsumeOptions, QueueError, Settles, Verdict};
use parking_lot::Mutex;

use super::message;
use super::watched::{QUEUES, Seen, watched};
use crate::laws::{Law, Worlds};
use crate::random::Random;
use crate::world::{Client, World, payload};

pub(in crate::laws::hub) const LAWS: &[Law<Worlds>] =
    &[("queues do as the model does, whatever happens", as_the_model)];

const STEPS: usize = 300;
const SEEDS: u64 = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the queue, or on its way to somebody.
    Waits,
    /// With a consumer that has to settle it: its place in the model's list, and the delivery.
    Held(usize, u64),
    Gone,
}

#[derive(Debug)]
struct Message {
    queue: usize,
    cost: usize,
    place: Place,
    returned: bool,
}

#[derive(Debug)]
struct Consumer {
    client: usize,
    number: u32,
    queue: usize,
    options: ConsumeOptions,
    open: bool,
    last: u64,
}

struct Peer {
    client: Client,
    blocked: bool,
    /// Its session has ended, and the hub has not been told.
    dying: bool,
    gone: bool,
}

struct Run {
    random: Random,
    world: World,
    seen: Arc<Mutex<Vec<Seen>>>,
    peers: Vec<Peer>,
    consumers: Vec<Consumer>,
    /// By number.
    messages: Vec<Message>,
    hint: String,
}

fn as_the_model(worlds: &Worlds) {
    for seed in 0..SEEDS {
        let mut run = Run {
            random: Random::new(seed),
            world: worlds.world(),
            seen: Arc::default(),
            peers: Vec::new(),
            consumers: Vec::new(),
            messages: Vec::new(),
            hint: String::new(),
        };
        for _ in 0..3 {
            run.connect();
        }
        for step in 0..STEPS {
            run.hint = format!("seed {seed}, step {step}");
            run.step();
            run.world.settle();
            run.look();
            run.compare();
        }
        run.finish();
    }
}

impl Run {
    fn step(&mut self) {
        match self.random.below(100) {
            0..4 => self.connect(),
            4..8 => self.end(),
            8..10 => self.break_off(),
            10..22 => self.consume(),
            22..28 => self.stop(),
            28..55 => self.send(),
            55..85 => self.settle(),
            85..90 => self.settle_nothing(),
            _ => self.socket(),
        }
    }

    fn connect(&mut self) {
        if self.open_peers().len() < 4 {
            // Small ones have room for three deliveries.
            let bytes = self.random.pick(&[2_000, 1 << 20]);
            let client = watched(&self.world, self.peers.len(), bytes, &self.seen);
            self.peers.push(Peer { client, blocked: false, dying: false, gone: false });
        }
    }

    fn open_peers(&self) -> Vec<usize> {
        (0..self.peers.len()).filter(|&i| !self.peers[i].gone).collect()
    }

    fn some_peer(&mut self) -> Option<usize> {
        let open = self.open_peers();
        (!open.is_empty()).then(|| self.random.pick(&open))
    }

    fn end(&mut self) {
        let Some(i) = self.some_peer() else { return };
        let peer = &mut self.peers[i];
        peer.gone = true;
        peer.client.mailbox().end(Reason::Lost, false);
        self.world.namespace.disconnect(&peer.client.connection);
        for consumer in self.consumers.iter_mut().filter(|consumer| consumer.client == i) {
            consumer.open = false;
        }
        let consumers = &self.consumers;
        for message in &mut self.messages {
            if matches!(message.place, Place::Held(by, _) if consumers[by].client == i) {
                message.place = Place::Waits;
                message.returned = true;
            }
        }
    }

    fn break_off(&mut self) {
        if let Some(i) = self.some_peer() {
            self.peers[i].dying = true;
            self.peers[i].client.mailbox().end(Reason::Lost, false);
        }
    }

    fn consume(&mut self) {
        let Some(client) = self.some_peer() else { return };
        let queue = self.random.below(QUEUES.len());
        let settles = if self.random.chance(30) { Settles::WhenSent } else { Settles::ByClient };
        let options = ConsumeOptions { settles, prefetch: 1 + self.random.below(4) };
        let number = self.consumers.len() as u32;
        self.consumers.push(Consumer { client, number, queue, options, open: true, last: 0 });
        let connection = &self.peers[client].client.connection;
        let begun = self.world.namespace.consume(connection, QUEUES[queue], number, options);
        assert_eq!(begun, Ok(()), "{}", self.hint);
    }

    fn stop(&mut self) {
        let open: Vec<usize> = (0..self.consumers.len())
            .filter(|&i| self.consumers[i].open && !self.peers[self.consumers[i].client].dying)
            .collect();
        if open.is_empty() {
            return;
        }
        let consumer = &mut self.consumers[self.random.pick(&open)];
        consumer.open = false;
        let connection = &self.peers[consumer.client].client.connection;
        assert!(self.world.namespace.stop_consuming(connection, consumer.number), "{}", self.hint);
    }

    fn send(&mut self) {
        for _ in 0..=self.random.below(5) {
            let queue = self.random.below(QUEUES.len());
            let sent = message(payload(self.messages.len() as u64));
            let cost = sent.size() + 128;
            self.messages.push(Message { queue, cost, place: Place::Waits, returned: false });
            self.world.namespace.enqueue(QUEUES[queue], sent).expect("there is room");
        }
    }

    fn settle(&mut self) {
        let held: Vec<(usize, u64)> = self.messages.iter().filter_map(Message::holder).collect();
        if held.is_empty() {
            return;
        }
        let (by, delivery) = self.random.pick(&held);
        let up_to = self.random.chance(25);
        let verdict = self.random.pick(&[Verdict::Done, Verdict::Done, Verdict::Return, Verdict::Drop]);
        let consumer = &self.consumers[by];
        let connection = &self.peers[consumer.client].client.connection;
        let settled = self.world.namespace.settle(connection, consumer.number, delivery, up_to, verdict);
        assert_eq!(settled, Ok(()), "{}", self.hint);
        for message in &mut self.messages {
            let concerned = |(who, which)| who == by && (which == delivery || up_to && which < delivery);
            if message.holder().is_some_and(concerned) {
                let returned = verdict == Verdict::Return;
                message.place = if returned { Place::Waits } else { Place::Gone };
                message.returned |= returned;
            }
        }
    }

    /// Settles what is not out.
    fn settle_nothing(&mut self) {
        if self.consumers.is_empty() {
            return;
        }
        let by = self.random.below(self.consumers.len());
        let consumer = &self.consumers[by];
        let last = consumer.last;
        let out = |delivery| self.messages.iter().any(|m| m.holder() == Some((by, delivery)));
        let settled = (1..=last).filter(|&delivery| !out(delivery)).chain([0, last + 1000]);
        for delivery in settled {
            let connection = &self.peers[consumer.client].client.connection;
            let namespace = &self.world.namespace;
            let settled = namespace.settle(connection, consumer.number, delivery, true, Verdict::Return);
            assert_eq!(settled, Err(QueueError::Unknown), "{}", self.hint);
        }
    }

    fn socket(&mut self) {
        let Some(i) = self.some_peer() else { return };
        let blocked = self.random.chance(50);
        let bytes = if blocked { self.random.below(60) } else { usize::MAX };
        self.peers[i].blocked = blocked;
        self.peers[i].client.link.take(bytes);
    }

    /// What left since.
    fn look(&mut self) {
        for seen in std::mem::take(&mut *self.seen.lock()) {
            let hint = format!("{seen:?}, {}", self.hint);
            let by = seen.consumer as usize;
            let consumer = &mut self.consumers[by];
            assert_eq!(consumer.client, seen.client, "{hint}");
            assert_eq!(seen.delivery, consumer.last + 1, "{hint}");
            consumer.last = seen.delivery;
            let message = &mut self.messages[seen.number as usize];
            assert_eq!(message.queue, consumer.queue, "{hint}");
            assert_eq!(message.place, Place::Waits, "{hint}");
            assert_eq!(message.returned, seen.redelivered, "{hint}");
            message.place = match consumer.options.settles {
                Settles::WhenSent => Place::Gone,
                Settles::ByClient => Place::Held(by, seen.delivery),
            };
            assert!(self.held_by(by) <= self.consumers[by].options.prefetch, "{hint}");
        }
    }

    fn held_by(&self, by: usize) -> usize {
        self.messages.iter().filter(|message| message.holder().is_some_and(|(who, _)| who == by)).count()
    }

    fn compare(&self) {
        let states = self.world.namespace.queues();
        let quick = self.peers.iter().all(|peer| peer.gone || !peer.blocked);
        for (i, name) in QUEUES.iter().enumerate() {
            let hint = format!("queue {name}, {}", self.hint);
            let held: Vec<_> =
                self.messages.iter().filter(|m| m.queue == i && m.place != Place::Gone).collect();
            let open = || self.consumers.iter().enumerate().filter(|(_, c)| c.queue == i && c.open);
            let lively = || open().filter(|(_, c)| !self.peers[c.client].dying);
            let Some(state) = states.iter().find(|state| *state.name == **name) else {
                assert_eq!((held.len(), lively().count()), (0, 0), "it is forgotten: {hint}");
                continue;
            };
            assert_eq!(state.messages + state.unsettled, held.len(), "{hint}");
            assert_eq!(state.bytes, held.iter().map(|message| message.cost).sum::<usize>(), "{hint}");
            // The hub may have found out about those that are dying, or not.
            assert!((lively().count()..=open().count()).contains(&state.consumers), "{state:?}, {hint}");
            assert!(state.consumers > 0 || !held.is_empty(), "it is not forgotten: {hint}");
            if quick && state.messages > 0 {
                for (by, consumer) in lively() {
                    assert_eq!(self.held_by(by), consumer.options.prefetch, "{consumer:?} is idle: {hint}");
                }
            }
        }
    }

    /// All go; then one client takes what is left.
    fn finish(mut self) {
        self.hint += ", at the end";
        while !self.open_peers().is_empty() {
            self.end();
            self.world.settle();
            self.look();
        }
        self.compare();
        for (queue, name) in QUEUES.iter().enumerate() {
            let last = self.world.client();
            self.world.consume_sent(&last, name, 1).unwrap();
            self.world.settle();
            let left = |(number, message): (usize, &Message)| {
                let again = if message.returned { "again " } else { "" };
                (message.queue == queue && message.place != Place::Gone).then(|| format!("{again}n {number}"))
            };
            let expected: Vec<String> = self.messages.iter().enumerate().filter_map(left).collect();
            let given: Vec<String> = last
                .deliveries()
                .iter()
                .filter_map(|line| Some(line.split_once(' ')?.1.to_owned()))
                .collect();
            assert_eq!(given, expected, "queue {name}, {}", self.hint);
        }
    }
}

impl Message {
    /// Which consumer has it, by which delivery.
    fn holder(&self) -> Option<(usize, u64)> {
        match self.place {
            Place::Held(by, delivery) => Some((by, delivery)),
            Place::Waits | Place::Gone => None,
        }
    }
}
