//! The hub against a reference model: random operations, random writability, random answers of the broker;
//! each client's lines have to be the reference's, one by one.

mod reference;
mod spy;

use std::sync::Arc;

use everywire_core::{
    Class, JoinOptions, MailboxOptions, Name, Offset, Overflow, Reason, Retention, RoomKey, Target,
};

use self::reference::Reference;
use self::spy::Spy;
use super::Worlds;
use crate::random::Random;
use crate::world::{Client, ClientOptions, World, payload};

const ROOMS: [&str; 5] = ["a", "b", "c", "d", SHORT];
const USERS: [&str; 2] = ["ann", "bob"];

/// A room that keeps three broadcasts only.
pub(super) const SHORT: &str = "short";

/// One run of the model: everything in it follows from the seed.
struct Run {
    random: Random,
    world: World,
    reference: Arc<Reference>,
    clients: Vec<Client>,
    shards: usize,
    lossy: bool,
    /// Whose session was ended, or who went away.
    gone: Vec<bool>,
    number: u64,
}

/// Does so many random steps with this seed, and compares.
///
/// With `lossy`, mailboxes are small, drop the oldest, and messages are of all classes: then what arrives has to be
/// the reference's in order, without what may be dropped.
///
/// # Panics
///
/// When hub and reference differ.
pub(super) fn run(worlds: &Worlds, seed: u64, steps: usize, lossy: bool) {
    let mut random = Random::new(seed);
    let reference = Arc::new(Reference::default());
    let shards = 1 + random.below(3);
    let world = worlds.world_with(|options| {
        options.shards = shards;
        options.broker = Arc::new(Spy::new(options.broker.clone(), reference.clone()));
        options.retention = Arc::new(|_, room| match room {
            RoomKey::Named(name) if &**name == SHORT => Retention { messages: 3, ..Retention::RECENT },
            _ => Retention { messages: 10_000, ..Retention::RECENT },
        });
    });
    reference.set_lossy(lossy);
    let mut run =
        Run { random, world, reference, clients: Vec::new(), shards, lossy, gone: Vec::new(), number: 0 };
    for _ in 0..3 {
        run.connect();
    }
    for _ in 0..steps {
        run.step();
        run.reference.look();
    }
    for client in &run.clients {
        client.link.bite(usize::MAX);
        client.link.take_all();
    }
    run.world.settle();
    run.reference.look();
    for (i, client) in run.clients.iter().enumerate() {
        let hint = format!("client {i}, seed {seed}, lossy {lossy}");
        let slot = client.connection.slot();
        let mut heard = client.heard();
        heard.retain(|line| line.starts_with(&format!("{slot}/")));
        let over = client.mailbox().ended() == Some(Reason::SlowConsumer);
        run.reference.compare(i, &heard, over, &hint);
        assert!(!client.link.is_torn(), "{hint}");
        assert_eq!(client.mailbox().waiting_bytes(), 0, "{hint}");
    }
}

impl Run {
    fn step(&mut self) {
        match self.random.below(100) {
            0..3 => self.connect(),
            3..5 => self.disconnect(),
            5..7 => self.end(),
            7..22 => self.join(),
            22..30 => self.leave(),
            30..50 => self.publish(),
            50..60 => self.send(),
            60..80 => self.world.pump(),
            80..88 if !self.world.passes.is_empty() => {
                self.world.passes.step(self.random.below(self.world.passes.len()));
            }
            _ => self.socket(),
        }
    }

    fn connect(&mut self) {
        let user = self.random.chance(40).then(|| self.random.pick(&USERS));
        let mailbox = if self.lossy {
            MailboxOptions { bytes: 1500, overflow: Overflow::DropOldest }
        } else {
            MailboxOptions::default()
        };
        let slot = self.clients.len() as u32 + 1;
        let shard = self.random.below(self.shards);
        let direct = self.random.chance(80);
        let mut options = ClientOptions { user, shard, slot, mailbox, direct };
        // Some share a session, and so its shard.
        let other = if self.random.chance(20) { self.somebody() } else { None };
        let client = match other.map(|i| &self.clients[i]) {
            Some(other) => {
                options.shard = other.connection.shard();
                self.world.client_on(other.link.clone(), &options)
            }
            None => self.world.client_with(&options),
        };
        self.reference.connected(&client.connection);
        self.clients.push(client);
        self.gone.push(false);
    }

    /// A client that is still there, if there is one.
    fn somebody(&mut self) -> Option<usize> {
        let there: Vec<_> = (0..self.clients.len()).filter(|&i| !self.gone[i]).collect();
        (!there.is_empty()).then(|| self.random.pick(&there))
    }

    fn disconnect(&mut self) {
        let Some(i) = self.somebody() else { return };
        self.gone[i] = true;
        self.world.namespace.disconnect(&self.clients[i].connection);
        self.reference.disconnected(i);
    }

    /// Ends a session, behind all that was sent to it.
    fn end(&mut self) {
        let Some(i) = self.somebody() else { return };
        let link = &self.clients[i].link;
        let of_session = self.clients.iter().filter(|client| Arc::ptr_eq(&client.link, link));
        // The end of a session with several connections would end the others in the middle.
        if of_session.count() == 1 {
            self.gone[i] = true;
            self.clients[i].connection.end(Reason::ServerClosed);
            self.reference.ended(i);
        }
    }

    fn rooms(&mut self, at_most: usize) -> Vec<RoomKey> {
        (0..=self.random.below(at_most)).map(|_| self.random.pick(&ROOMS).into()).collect()
    }

    fn join(&mut self) {
        let Some(i) = self.somebody() else { return };
        let rooms = self.rooms(3);
        let place = self.reference.place().filter(|_| self.random.chance(40));
        let since = place.map(|at| Offset { seq: self.random.below(at.seq as usize + 1) as u64, ..at });
        let options = JoinOptions { since, meta: self.random.chance(50) };
        let promise = self.world.namespace.join(&self.clients[i].connection, rooms.clone(), options);
        self.reference.joining(i, &rooms, options, promise);
    }

    fn leave(&mut self) {
        let Some(i) = self.somebody() else { return };
        let room: RoomKey = self.random.pick(&ROOMS).into();
        let left = self.world.namespace.leave(&self.clients[i].connection, &room);
        self.reference.left(i, &room, left);
    }

    fn publish(&mut self) {
        let mut rooms = self.rooms(2);
        let mut except = Vec::new();
        if self.random.chance(10) {
            rooms.insert(self.random.below(rooms.len() + 1), self.somebody_key());
        }
        if self.random.chance(10) {
            rooms.insert(self.random.below(rooms.len() + 1), RoomKey::Everyone);
        }
        if self.random.chance(20) {
            except.push(if self.random.chance(50) { self.somebody_key() } else { self.rooms(1)[0].clone() });
        }
        let target = Target { rooms: rooms.into_iter().collect(), except: except.into_iter().collect() };
        self.number += 1;
        let from = if self.random.chance(70) { self.somebody() } else { None };
        let from = from.map(|i| self.clients[i].connection.clone());
        let class = self.class();
        drop(self.world.namespace.publish(from.as_ref(), target, "n", payload(self.number), class));
    }

    fn class(&mut self) -> Class {
        match self.random.below(if self.lossy { 6 } else { 1 }) {
            4 => Class::Volatile,
            5 => Class::Latest(Name::from("key")),
            _ => Class::Event,
        }
    }

    fn somebody_key(&mut self) -> RoomKey {
        if self.random.chance(50) {
            return RoomKey::User(self.random.pick(&USERS).into());
        }
        self.random.pick(&self.clients).connection.id().into()
    }

    fn send(&mut self) {
        let Some(i) = self.somebody() else { return };
        self.number += 1;
        let (client, number) = (&self.clients[i], self.number);
        // Some of it from within a handler, while the task has the mailbox to itself.
        let reply = self.random.chance(50);
        let send = || if reply { client.reply(number) } else { client.emit(number) };
        if self.random.chance(30) {
            client.link.handle(send);
        } else {
            send();
        }
        self.reference.sent(i, if reply { format!("reply {number} ") } else { format!("emit n {number}") });
    }

    fn socket(&mut self) {
        let client = self.random.pick(&self.clients);
        match self.random.below(8) {
            0 => client.link.take(0),
            1 => client.link.take(self.random.below(60)),
            2 => client.link.bite(1 + self.random.below(20)),
            3 => client.link.bite(usize::MAX),
            4 => client.link.take_all(),
            _ if client.link.is_due() => client.link.run(),
            _ => {}
        }
    }
}
