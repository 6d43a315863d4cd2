//! A client's socket that takes as much as it is told to, and the task that serves its session as the
//! driver's would: cork, drain, encode, write, block or park.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use bytes::Bytes;
use everywire_core::mailbox::Drain;
use everywire_core::{Broadcast, Connection, Entry, Item, Link, Mailbox, MailboxOptions, Reason};
use parking_lot::Mutex;

use crate::lines::Lines;

/// How a session spells what waits for its client.
pub trait Spell: Send + Sync {
    /// Appends the message that an entry is.
    fn entry(&self, entry: &Entry, out: &mut Vec<u8>);

    /// Appends the messages that a broadcast is, where the form has heads.
    fn messages(&self, slot: u32, broadcast: &Broadcast, tail: &[u8], out: &mut Vec<u8>);

    /// They have left, or begun to. See [`Link::written`].
    fn written(&self, _slot: u32, _broadcast: &Broadcast) {}
}

/// A session whose socket and task are a test's.
pub struct FakeLink {
    mailbox: Mailbox,
    spell: Box<dyn Spell>,
    /// The connections that it carries: their deliveries leave here.
    carried: Mutex<Vec<Weak<Connection>>>,
    socket: Mutex<Socket>,
    before_sleep: Mutex<Option<BeforeSleep>>,
    alarm: Arc<Alarm>,
}

#[derive(Debug)]
struct Socket {
    received: Vec<u8>,
    /// How many bytes it takes before it blocks.
    room: usize,
    /// How many bytes it takes in one write.
    bite: usize,
    broken: bool,
    /// Whether the task found it full, and is woken when it takes bytes again.
    awaited: bool,
    ended: Option<Reason>,
}

/// What happens between the task's last look at its mailbox and its sleep.
type BeforeSleep = Box<dyn FnOnce() + Send>;

/// Wakes nobody; counts.
#[derive(Debug, Default)]
struct Alarm {
    rung: AtomicUsize,
    answered: AtomicUsize,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rung.fetch_add(1, Ordering::Release);
    }
}

impl FakeLink {
    /// A session with an empty mailbox and a socket that takes everything, which speaks [`Lines`].
    pub fn new(options: MailboxOptions, direct: bool) -> Arc<Self> {
        Self::spelling(options, direct, Lines)
    }

    /// The same for a session that speaks otherwise.
    pub fn spelling(options: MailboxOptions, direct: bool, spell: impl Spell + 'static) -> Arc<Self> {
        let socket = Socket {
            received: Vec::new(),
            room: usize::MAX,
            bite: usize::MAX,
            broken: false,
            awaited: false,
            ended: None,
        };
        let link = Self {
            mailbox: Mailbox::new(options, direct),
            spell: Box::new(spell),
            carried: Mutex::default(),
            socket: Mutex::new(socket),
            before_sleep: Mutex::default(),
            alarm: Arc::default(),
        };
        assert!(link.mailbox.park(&link.waker()), "nothing can wait in a new mailbox");
        Arc::new(link)
    }

    /// It carries this connection from now on.
    pub fn carry(&self, connection: &Arc<Connection>) {
        self.carried.lock().push(Arc::downgrade(connection));
    }

    /// The socket takes so many bytes more, then it blocks.
    pub fn take(&self, bytes: usize) {
        self.socket.lock().room = bytes;
    }

    /// The socket takes everything again.
    pub fn take_all(&self) {
        self.take(usize::MAX);
    }

    /// The socket takes at most so many bytes in one write, without being full after it.
    pub fn bite(&self, bytes: usize) {
        self.socket.lock().bite = bytes;
    }

    /// Every write fails from now on.
    pub fn break_off(&self) {
        self.socket.lock().broken = true;
    }

    /// Whether the task would run: it was woken, or the socket that it waits for takes bytes again.
    pub fn is_due(&self) -> bool {
        let woken = self.alarm.rung.load(Ordering::Acquire) != self.alarm.answered.load(Ordering::Relaxed);
        let socket = self.socket.lock();
        socket.ended.is_none() && (woken || socket.awaited && socket.room > 0)
    }

    /// Runs the task: it does everything that it can and goes to sleep.
    pub fn run(&self) {
        self.alarm.answered.store(self.alarm.rung.load(Ordering::Acquire), Ordering::Relaxed);
        self.drain();
    }

    /// What another thread does once, when the task has found its mailbox clear and is about to sleep.
    pub fn before_sleep(&self, what: impl FnOnce() + Send + 'static) {
        *self.before_sleep.lock() = Some(Box::new(what));
    }

    /// What the task does around a handler: what the handler sends leaves when it is done.
    pub fn handle<T>(&self, handler: impl FnOnce() -> T) -> T {
        let mut entries = VecDeque::new();
        self.mailbox.cork_with(&mut entries);
        let value = handler();
        self.drain();
        value
    }

    /// All bytes that the client received.
    pub fn received(&self) -> Vec<u8> {
        self.socket.lock().received.clone()
    }

    /// The lines that the client received whole.
    pub fn heard(&self) -> Vec<String> {
        let text = String::from_utf8(self.received()).expect("lines are text");
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        if whole.is_empty() { Vec::new() } else { whole.split('\n').map(str::to_owned).collect() }
    }

    /// Whether the client waits for the rest of a line.
    pub fn is_torn(&self) -> bool {
        self.socket.lock().received.last().is_some_and(|&byte| byte != b'\n')
    }

    /// Why the task ended the session, if it did.
    pub fn ended(&self) -> Option<Reason> {
        self.socket.lock().ended
    }

    fn waker(&self) -> Waker {
        self.alarm.clone().into()
    }

    fn drain(&self) {
        self.socket.lock().awaited = false;
        let mut entries = VecDeque::new();
        while self.ended().is_none() {
            let bytes = match self.mailbox.drain(&mut entries) {
                Drain::Unsent(bytes) => bytes,
                Drain::Entries => self.encode(&mut entries),
                Drain::Clear => {
                    let meanwhile = self.before_sleep.lock().take();
                    meanwhile.into_iter().for_each(|meanwhile| meanwhile());
                    if self.mailbox.park(&self.waker()) {
                        return;
                    }
                    continue;
                }
                Drain::Ended(reason) => {
                    self.socket.lock().ended = Some(reason);
                    return;
                }
            };
            match self.write_all(bytes) {
                Ok(rest) if rest.is_empty() => {}
                Ok(rest) => {
                    self.mailbox.block(rest);
                    if self.mailbox.park(&self.waker()) {
                        return;
                    }
                }
                Err(_) => {
                    self.mailbox.end(Reason::Lost, false);
                    self.socket.lock().ended = Some(Reason::Lost);
                }
            }
        }
    }

    fn encode(&self, entries: &mut VecDeque<Entry>) -> Bytes {
        let mut out = Vec::new();
        for entry in entries.drain(..) {
            self.spell.entry(&entry, &mut out);
            if let Item::Delivery { consumer, delivery, .. } = entry.item {
                self.delivered(entry.slot, consumer, delivery);
            }
        }
        out.into()
    }

    fn delivered(&self, slot: u32, consumer: u32, delivery: u64) {
        let carried: Vec<_> = self.carried.lock().iter().filter_map(Weak::upgrade).collect();
        if let Some(connection) = carried.iter().find(|connection| connection.slot() == slot) {
            connection.namespace().delivery_left(connection, consumer, delivery);
        }
    }

    /// Writes until all is out or the socket blocks; gives back the rest.
    fn write_all(&self, mut bytes: Bytes) -> io::Result<Bytes> {
        while !bytes.is_empty() {
            match self.try_write(&bytes) {
                Ok(written) => drop(bytes.split_to(written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.socket.lock().awaited = true;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }
}

impl fmt::Debug for FakeLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mailbox, socket, .. } = self;
        f.debug_struct("FakeLink").field("mailbox", mailbox).field("socket", socket).finish_non_exhaustive()
    }
}

impl Link for FakeLink {
    fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    fn try_write(&self, bytes: &Bytes) -> io::Result<usize> {
        let mut socket = self.socket.lock();
        if socket.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        assert!(!bytes.is_empty(), "a write of nothing is a system call for nothing");
        let taken = bytes.len().min(socket.room).min(socket.bite);
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if socket.room != usize::MAX {
            socket.room -= taken;
        }
        socket.received.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn messages(&self, slot: u32, broadcast: &Broadcast, tail: &[u8], out: &mut Vec<u8>) {
        self.spell.messages(slot, broadcast, tail, out);
    }

    fn written(&self, slot: u32, broadcast: &Broadcast) {
        self.spell.written(slot, broadcast);
    }
}
