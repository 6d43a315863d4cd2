//! The broker is told of subscriptions in the order in which they were decided, by several threads too.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use everywire_core::broker::{Command, Door, Ticket};
use everywire_core::{Broker, RoomKey};
use parking_lot::Mutex;

use crate::laws::{Law, Worlds};
use crate::random::Random;
use crate::world::{ClientOptions, World};

pub(super) const LAWS: &[Law<Worlds>] = &[
    ("subscriptions alternate with their ends", alternate),
    ("publishers, members and those who come and go, all at once", all_at_once),
];

/// Passes commands on, and notes the subscriptions.
struct Noting {
    broker: Arc<dyn Broker>,
    noted: Arc<Mutex<Noted>>,
}

#[derive(Default)]
struct Noted {
    /// Whether a room was subscribed last, or its subscription ended.
    rooms: HashMap<RoomKey, bool>,
    faults: Vec<String>,
}

impl Broker for Noting {
    fn submit(&self, ticket: Ticket, command: Command, door: &Arc<dyn Door>) {
        let (room, to) = match &command {
            Command::Subscribe { room, .. } => (room, true),
            Command::Unsubscribe { room, .. } => (room, false),
            Command::Publish { .. } | Command::History { .. } | Command::Tell { .. } => {
                return self.broker.submit(ticket, command, door);
            }
        };
        let mut noted = self.noted.lock();
        if noted.rooms.insert(room.clone(), to).unwrap_or(false) == to {
            noted.faults.push(format!("{command:?} twice"));
        }
        drop(noted);
        self.broker.submit(ticket, command, door);
    }
}

const ROOMS: [&str; 3] = ["a", "b", "c"];

fn alternate(worlds: &Worlds) {
    let noted = Arc::new(Mutex::new(Noted::default()));
    let world = worlds.world_with(|options| {
        options.broker = Arc::new(Noting { broker: options.broker.clone(), noted: noted.clone() });
    });
    come_and_go(&world, 4, 150, |_| {});
    world.settle();
    let noted = noted.lock();
    assert_eq!(noted.faults, [""; 0]);
    for (room, subscribed) in &noted.rooms {
        let members = world.namespace.local_members(room).len();
        assert_eq!(*subscribed, members > 0, "{room} has {members} members");
    }
}

/// Lets threads enter, leave and close; `meanwhile` is called by the one thread that moves the broker on.
fn come_and_go(world: &World, threads: u64, rounds: usize, mut meanwhile: impl FnMut(usize)) {
    let at_work = Mutex::new(threads);
    thread::scope(|scope| {
        for thread in 0..threads {
            let at_work = &at_work;
            scope.spawn(move || {
                let mut random = Random::new(thread);
                let mut client = world.client();
                for _ in 0..rounds {
                    let room = random.pick(&ROOMS);
                    match random.below(8) {
                        0..4 => drop(world.join(&client, room)),
                        4..7 => drop(world.leave(&client, room)),
                        _ => {
                            world.namespace.disconnect(&client.connection);
                            client = world.client();
                        }
                    }
                }
                *at_work.lock() -= 1;
            });
        }
        let mut round = 0;
        while *at_work.lock() > 0 {
            world.pump();
            meanwhile(round);
            round += 1;
        }
    });
}

fn all_at_once(worlds: &Worlds) {
    let world = worlds.world_with(|options| options.shards = 2);
    let members: Vec<_> = (0..6)
        .map(|i| {
            let options = ClientOptions { shard: i % 2, ..ClientOptions::default() };
            let client = world.client_with(&options);
            for room in ROOMS {
                drop(world.join(&client, room));
            }
            client
        })
        .collect();
    world.settle();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for (thread, member) in (0..).zip(&members[..2]) {
            let (world, done) = (&world, &done);
            scope.spawn(move || {
                let mut random = Random::new(thread);
                for number in 1000 * thread..1000 * thread + 200 {
                    world.publish_from(member, random.pick(&ROOMS), number);
                    member.reply(number);
                }
                done.store(true, Ordering::Release);
            });
        }
        // One flusher a shard would be the driver's way; one for both shows the same races with deliveries.
        let (world, done) = (&world, &done);
        scope.spawn(move || {
            while !done.load(Ordering::Acquire) {
                world.passes.run();
                thread::yield_now();
            }
        });
        come_and_go(world, 1, 300, |round| {
            if round % 3 == 0 {
                world.run_tasks();
            }
        });
    });
    world.settle();
    let all: Vec<u64> = (1..=400).collect();
    for (i, member) in members.iter().enumerate() {
        assert_eq!(member.seqs(), all, "member {i}");
    }
    for (thread, publisher) in members[..2].iter().enumerate() {
        let heard = publisher.heard();
        for number in 1000 * thread..1000 * thread + 200 {
            let own = heard.iter().position(|line| line.ends_with(&format!(" n {number}")));
            let reply = heard.iter().position(|line| *line == format!("reply {number} "));
            assert!(own.is_some() && own < reply, "publication {number} at {own:?}, its reply at {reply:?}");
        }
    }
}
