//! A node in a box: clock, broker, hub, flushers and clients, moved by the test alone.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everywire_core::broker::Retention;
use everywire_core::hub::{JoinError, PublishError, RetentionRule, Spec};
use everywire_core::mailbox::MailboxOptions;
use everywire_core::promise::Promise;
use everywire_core::{
    Broker, Class, Connection, ConnectionId, Form, Hub, HubOptions, Identity, JoinOptions, Joined, Link,
    Mailbox, Namespace, Offset, Outcome, Payload, RoomKey, Target, Token,
};
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::lines::Lines;
use crate::link::FakeLink;
use crate::passes::Passes;

/// How a broker moves on when the test has a moment for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pump {
    /// Something that is outstanding may come, or nothing.
    Some,
    /// Everything that is outstanding comes, and all that follows from it.
    All,
}

/// A hub with its surroundings and one namespace.
pub struct World {
    /// Its time.
    pub clock: Clock,
    /// Its hub.
    pub hub: Arc<Hub>,
    /// The namespace that its clients are in.
    pub namespace: Arc<Namespace>,
    /// Its flushers.
    pub passes: Arc<Passes>,
    links: Mutex<Vec<Arc<FakeLink>>>,
    arrivals: AtomicU64,
    pump: Box<dyn Fn(Pump) + Send + Sync>,
}

/// How the next client is made.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Who it is.
    pub user: Option<&'static str>,
    /// Its shard.
    pub shard: usize,
    /// Its slot, which is also the number of its form.
    pub slot: u32,
    /// Its mailbox.
    pub mailbox: MailboxOptions,
    /// Whether its socket may be written to by others than its task.
    pub direct: bool,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { user: None, shard: 0, slot: 0, mailbox: MailboxOptions::default(), direct: true }
    }
}

/// A client: its connection, and its end of the wire.
#[derive(Debug, Clone)]
pub struct Client {
    /// The hub's side.
    pub connection: Arc<Connection>,
    /// Its session.
    pub link: Arc<FakeLink>,
}

impl World {
    /// A world around this broker, which `pump` moves on. Every room keeps what
    /// [`Retention::RECENT`] says.
    pub fn new(clock: &Clock, broker: Arc<dyn Broker>, pump: impl Fn(Pump) + Send + Sync + 'static) -> Self {
        Self::with(clock, broker, pump, |_| {})
    }

    /// The same, with other options.
    pub fn with(
        clock: &Clock,
        broker: Arc<dyn Broker>,
        pump: impl Fn(Pump) + Send + Sync + 'static,
        change: impl FnOnce(&mut HubOptions),
    ) -> Self {
        let passes = Arc::new(Passes::default());
        let recent: RetentionRule = Arc::new(|_, _| Retention::RECENT);
        let mut options = HubOptions::new(broker, Arc::new(Lines), passes.clone());
        options.clock = Arc::new(clock.reader());
        options.retention = recent;
        change(&mut options);
        let hub = Hub::new(options);
        let namespace = hub.namespace("/");
        Self {
            clock: clock.clone(),
            hub,
            namespace,
            passes,
            links: Mutex::default(),
            arrivals: AtomicU64::new(0),
            pump: Box::new(pump),
        }
    }

    /// A client with a session of its own.
    pub fn client(&self) -> Client {
        self.client_with(&ClientOptions::default())
    }

    /// A client of this user.
    pub fn user(&self, user: &'static str) -> Client {
        self.client_with(&ClientOptions { user: Some(user), ..ClientOptions::default() })
    }

    /// A client with a session of its own, made like this.
    pub fn client_with(&self, options: &ClientOptions) -> Client {
        let link = FakeLink::new(options.mailbox, options.direct);
        self.client_on(link, options)
    }

    /// One more client on a session.
    pub fn client_on(&self, link: Arc<FakeLink>, options: &ClientOptions) -> Client {
        let mut random = [0; 15];
        // No two have one, whichever threads they come on.
        let number = self.arrivals.fetch_add(1, Ordering::Relaxed) + 1;
        random[..8].copy_from_slice(&number.to_be_bytes());
        self.connect(ConnectionId::from_random(random), false, link, options)
    }

    /// A client that comes back to an earlier connection.
    pub fn client_again(&self, id: ConnectionId) -> Client {
        let options = ClientOptions::default();
        self.connect(id, true, FakeLink::new(options.mailbox, options.direct), &options)
    }

    fn connect(
        &self,
        id: ConnectionId,
        comes_back: bool,
        link: Arc<FakeLink>,
        options: &ClientOptions,
    ) -> Client {
        self.links.lock().push(link.clone());
        let spec = Spec {
            shares_session: false,
            comes_back,
            id,
            identity: options.user.map(Identity::user).unwrap_or_default(),
            link: link.clone(),
            slot: options.slot,
            form: Form::new(options.slot, false),
            answers: true,
            shard: options.shard,
        };
        let connection = self.namespace.connect(spec);
        link.carry(&connection);
        Client { connection, link }
    }

    /// Clients that are members of a room, and have nothing before them.
    pub fn members(&self, room: &str, count: usize) -> Vec<Client> {
        let members: Vec<Client> = (0..count).map(|_| self.client()).collect();
        for member in &members {
            drop(self.join(member, room));
        }
        self.settle();
        members
    }

    /// Lets the client enter a room, without meta or history.
    pub fn join(&self, client: &Client, room: &str) -> Promise<Result<Joined, JoinError>> {
        self.namespace.join(&client.connection, [room.into()], JoinOptions::default())
    }

    /// Lets the client subscribe to rooms: with meta, and with what it missed since an offset.
    pub fn subscribe(
        &self,
        client: &Client,
        rooms: &[&str],
        since: Option<Offset>,
    ) -> Promise<Result<Joined, JoinError>> {
        let rooms: Vec<RoomKey> = rooms.iter().map(|&room| room.into()).collect();
        self.namespace.join(&client.connection, rooms, JoinOptions { since, meta: true })
    }

    /// Lets the client leave a room.
    pub fn leave(&self, client: &Client, room: &str) -> bool {
        self.namespace.leave(&client.connection, &room.into())
    }

    /// Publishes the event `n` with a number to a room.
    pub fn publish(&self, room: &str, number: u64) {
        drop(self.publish_to(None, Target::room(room), number));
    }

    /// Publishes the event `n` with a number to a room, in a client's name.
    pub fn publish_from(&self, client: &Client, room: &str, number: u64) {
        drop(self.publish_to(Some(client), Target::room(room), number));
    }

    /// Publishes the event `n` with a number.
    pub fn publish_to(
        &self,
        from: Option<&Client>,
        target: Target,
        number: u64,
    ) -> Promise<Result<Offset, PublishError>> {
        let from = from.map(|client| &client.connection);
        self.namespace.publish(from, target, "n", payload(number), Class::Event)
    }

    /// Gives the broker a moment: something may come of it.
    pub fn pump(&self) {
        (self.pump)(Pump::Some);
    }

    /// Lets the broker come to rest.
    pub fn pump_all(&self) {
        (self.pump)(Pump::All);
    }

    /// Lets broker, flushers and tasks come to rest.
    pub fn settle(&self) {
        self.pump_all();
        self.passes.run();
        self.run_tasks();
    }

    /// Lets the tasks of all sessions do what they can.
    pub fn run_tasks(&self) {
        for link in self.links.lock().iter() {
            while link.is_due() {
                link.run();
            }
        }
    }

    /// The value of a promise that the settled world must have kept.
    ///
    /// # Panics
    ///
    /// When it has not.
    #[track_caller]
    pub fn kept<T>(&self, promise: Promise<T>) -> T {
        self.settle();
        match promise.now() {
            Ok(value) => value,
            Err(_) => panic!("everything has come to rest, and a promise is not kept"),
        }
    }
}

impl Client {
    /// Sends it the event `n` with a number.
    pub fn emit(&self, number: u64) {
        // A client that has gone hears nothing, which is what a test that emits to one wants to see.
        let _ = self.connection.emit("n", payload(number), Class::Event);
    }

    /// Answers its event of this number.
    pub fn reply(&self, number: u64) {
        self.connection.reply(Token::Number(number), Outcome::Done(Payload::empty()));
    }

    /// What waits for it.
    pub fn mailbox(&self) -> &Mailbox {
        self.link.mailbox()
    }

    /// What it received so far, line by line.
    pub fn heard(&self) -> Vec<String> {
        self.link.heard()
    }

    /// The sequence numbers of the broadcasts that it received so far.
    pub fn seqs(&self) -> Vec<u64> {
        self.heard().iter().filter_map(|line| seq(line)).collect()
    }
}

/// The arguments that are this number.
pub fn payload(number: u64) -> Payload {
    Payload::from_args(&(number,)).expect("a number is an argument")
}

/// The sequence number of a line, if it is a broadcast.
pub fn seq(line: &str) -> Option<u64> {
    let number = line.split(' ').next()?;
    number.rsplit('/').next()?.parse().ok()
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("hub", &self.hub).field("passes", &self.passes).finish_non_exhaustive()
    }
}
