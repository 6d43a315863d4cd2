//! Two peers over a network that a test owns: a client machine against a session and a protocol of the server's.
//!
//! Each lane is a pair of queues. What is in them arrives in order, when the test's chance says so; lanes know nothing
//! of each other. A lane that is cut loses what was under way, in both directions, and each side learns of it on
//! its own. The server's side is a small driver: it does with session and protocol what the real one does.

mod server;
mod watched;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use everywire_protocols::protocol::Protocol;
use everywire_protocols::seam::Time;
use everywire_protocols::session::{Lane, LaneEnd, LaneKind, Session};

pub use self::server::Server;
pub use self::watched::{Said, Wanted, Watched};
use crate::random::Random;

/// What a client machine is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It is to begin.
    Start,
    /// A WebSocket is open.
    Connected(Lane),
    /// A message came on a WebSocket.
    Text(Lane, String),
    /// A binary message came on a WebSocket.
    Bytes(Lane, Vec<u8>),
    /// A response began, with this status.
    Begun(Lane, u16),
    /// A part of a response came.
    Chunk(Lane, String),
    /// A response came whole, with this status.
    Body(Lane, u16, String),
    /// A lane is gone; true if it ended in order.
    Closed(Lane, bool),
    /// The application sends this to the server.
    Say(String),
    /// Its deadline has come.
    Tick,
}

/// What a client machine wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    /// Open a lane; a request has this path, and a body if it is a post.
    Open(Lane, LaneKind, String, Option<String>),
    /// Send this on a WebSocket.
    Write(Lane, String),
    /// Send these bytes on a WebSocket.
    WriteBytes(Lane, Vec<u8>),
    /// End a WebSocket in order, or give a response up.
    Close(Lane),
    /// Hand this to the application.
    Deliver(String),
}

/// The client's side of a conversation.
pub trait Dialer {
    /// Takes one input and pushes what follows from it.
    fn input(&mut self, now: Time, heard: Heard, out: &mut Vec<Does>);

    /// When it wants a [`Heard::Tick`].
    fn deadline(&self) -> Option<Time> {
        None
    }
}

/// What travels to the server.
#[derive(Debug)]
enum Up {
    Open(LaneKind, String),
    Message(Said),
    Close(LaneEnd),
}

/// What travels to the client.
#[derive(Debug)]
enum Down {
    Heard(Heard),
    /// The last thing on its lane.
    Last(Heard),
}

/// Nothing is under way for longer, whatever else happens meanwhile.
const LATENCY: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
struct Wire {
    /// With the moment at which each was sent.
    up: VecDeque<(Time, Up)>,
    down: VecDeque<(Time, Down)>,
    /// Whether the client, and the server, still count on it.
    client: bool,
    server: bool,
    /// Whether the last that the client will hear is under way.
    ending: bool,
}

/// Two peers and what is between them.
pub struct Rig<D> {
    /// The client's machine.
    pub client: D,
    /// The server's.
    pub server: Server,
    /// What the client's application was handed.
    pub delivered: Vec<String>,
    now: Time,
    wires: BTreeMap<Lane, Wire>,
}

impl<D: Dialer> Rig<D> {
    /// Two peers that have not met.
    pub fn new(client: D, session: Box<dyn Session>, protocol: Box<dyn Protocol>) -> Self {
        let server = Server::new(session, protocol);
        let mut rig =
            Self { client, server, delivered: Vec::new(), now: Time(1_000_000), wires: BTreeMap::new() };
        rig.tell_client(Heard::Start);
        rig
    }

    /// The server's application sends this to the client.
    pub fn emit(&mut self, text: &str) {
        self.server.emit(text);
    }

    /// The client's application sends this to the server.
    pub fn say(&mut self, text: &str) {
        self.tell_client(Heard::Say(text.to_owned()));
    }

    /// The lanes that are there.
    pub fn lanes(&self) -> Vec<Lane> {
        self.wires.keys().copied().collect()
    }

    /// Cuts a lane: what is under way is lost, and both sides will learn of it.
    pub fn cut(&mut self, lane: Lane) {
        let Some(wire) = self.wires.get_mut(&lane) else { return };
        let known_to_server = wire.server;
        wire.up.clear();
        wire.down.clear();
        if known_to_server {
            wire.up.push_back((self.now, Up::Close(LaneEnd::Aborted)));
        }
        wire.down.push_back((self.now, Down::Last(Heard::Closed(lane, false))));
        wire.ending = true;
    }

    /// Lets something happen by chance: something arrives, the server looks into the mailbox, or time goes on to the
    /// next deadline. False if nothing can.
    pub fn step(&mut self, random: &mut Random) -> bool {
        let mut moves: Vec<Move> = Vec::new();
        for (&lane, wire) in &self.wires {
            moves.extend((!wire.up.is_empty()).then_some(Move::Up(lane)));
            moves.extend((!wire.down.is_empty()).then_some(Move::Down(lane)));
        }
        moves.extend(self.server.has_work().then_some(Move::Pass));
        // Time is slow: it goes on when nothing else can, and now and then.
        if moves.is_empty() || random.chance(5) {
            let sent = self
                .wires
                .values()
                .flat_map(|wire| [wire.up.front().map(|up| up.0), wire.down.front().map(|d| d.0)]);
            let arrives_by = sent.flatten().min().map(|sent| sent.after(LATENCY));
            let deadline = self.deadline().filter(|deadline| arrives_by.is_none_or(|by| *deadline <= by));
            moves.extend(deadline.map(Move::Wait));
        }
        if moves.is_empty() {
            return false;
        }
        match random.pick(&moves) {
            Move::Up(lane) => self.arrive_at_server(lane),
            Move::Down(lane) => self.arrive_at_client(lane),
            Move::Pass => {
                let at_most = 1 + random.below(3);
                let wanted = self.server.pass(self.now, at_most);
                self.carry(wanted);
            }
            Move::Wait(deadline) => self.wait(deadline),
        }
        true
    }

    /// Lets everything happen that is under way, and then as much time pass.
    pub fn settle(&mut self, random: &mut Random, time: Duration) {
        let until = self.now.after(time);
        // More steps than any exchange here needs: two machines that keep each other busy are a fault.
        for _ in 0..100_000 {
            let busy =
                self.server.has_work() || self.wires.values().any(|w| !w.up.is_empty() || !w.down.is_empty());
            if !busy && self.deadline().is_none_or(|deadline| deadline > until) {
                self.now = self.now.max(until);
                return;
            }
            self.step(random);
        }
        panic!("the peers do not come to rest: {self:?}");
    }

    fn deadline(&self) -> Option<Time> {
        match (self.client.deadline(), self.server.deadline()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn wait(&mut self, deadline: Time) {
        self.now = self.now.max(deadline);
        if self.server.deadline().is_some_and(|deadline| deadline <= self.now) {
            let wanted = self.server.tick(self.now);
            self.carry(wanted);
        }
        if self.client.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.tell_client(Heard::Tick);
        }
    }

    fn tell_client(&mut self, heard: Heard) {
        let mut out = Vec::new();
        self.client.input(self.now, heard, &mut out);
        for does in out {
            match does {
                Does::Deliver(text) => self.delivered.push(text),
                Does::Open(lane, kind, path, body) => {
                    let mut wire = Wire { client: true, ..Wire::default() };
                    wire.up.push_back((self.now, Up::Open(kind, path)));
                    wire.up.extend(body.map(|body| (self.now, Up::Message(Said::Text(body)))));
                    assert!(self.wires.insert(lane, wire).is_none(), "the client opens {lane:?} twice");
                }
                Does::Write(lane, text) => self.write_up(lane, Said::Text(text)),
                Does::WriteBytes(lane, bytes) => self.write_up(lane, Said::Binary(bytes)),
                Does::Close(lane) => {
                    if let Some(wire) = self.wires.get_mut(&lane) {
                        wire.client = false;
                        wire.down.clear();
                        wire.up.push_back((self.now, Up::Close(LaneEnd::Finished(None))));
                    }
                }
            }
        }
    }

    /// To a lane that is gone it writes for nothing, as into a socket that is about to fail.
    fn write_up(&mut self, lane: Lane, message: Said) {
        if let Some(wire) = self.wires.get_mut(&lane).filter(|wire| wire.client) {
            wire.up.push_back((self.now, Up::Message(message)));
        }
    }

    fn arrive_at_client(&mut self, lane: Lane) {
        let Some(wire) = self.wires.get_mut(&lane) else { return };
        match wire.down.pop_front() {
            Some((_, Down::Heard(heard))) => {
                let drained = wire.server && wire.down.is_empty();
                let writable = matches!(heard, Heard::Chunk(..)) && drained;
                self.tell_client(heard);
                if writable {
                    let wanted = self.server.lane_writable(self.now, lane);
                    self.carry(wanted);
                }
            }
            Some((_, Down::Last(heard))) => {
                wire.client = false;
                self.forget(lane);
                self.tell_client(heard);
            }
            None => {}
        }
    }

    fn arrive_at_server(&mut self, lane: Lane) {
        let Some(wire) = self.wires.get_mut(&lane) else { return };
        let Some((_, up)) = wire.up.pop_front() else { return };
        let wanted = match up {
            Up::Open(kind, path) => {
                if self.server.is_over() {
                    // There is no such session any more.
                    wire.up.clear();
                    wire.down.push_back((self.now, Down::Last(Heard::Closed(lane, false))));
                    return;
                }
                wire.server = true;
                let wanted = self.server.lane_opened(self.now, lane, kind, &path);
                let refused = |wanted: &Wanted| matches!(wanted, Wanted::Respond(of, ..) if *of == lane);
                if kind == LaneKind::WebSocket && !wanted.iter().any(refused) {
                    wire.down.push_back((self.now, Down::Heard(Heard::Connected(lane))));
                }
                wanted
            }
            Up::Message(said) if wire.server => self.server.message(self.now, lane, &said),
            Up::Message(_) => Vec::new(),
            Up::Close(how) => {
                let told = std::mem::take(&mut wire.server);
                self.forget(lane);
                if told { self.server.lane_closed(self.now, lane, how) } else { Vec::new() }
            }
        };
        self.carry(wanted);
    }

    /// A wire that neither side counts on, and nothing is on, is gone.
    fn forget(&mut self, lane: Lane) {
        self.wires.retain(|of, wire| {
            *of != lane || wire.client || wire.server || !wire.up.is_empty() || !wire.down.is_empty()
        });
    }

    /// Carries what the server wants to its lanes.
    fn carry(&mut self, wanted: Vec<Wanted>) {
        for wanted in wanted {
            let (lane, down) = match wanted {
                Wanted::Write(lane, Said::Text(text)) if self.server.is_websocket(lane) => {
                    (lane, Down::Heard(Heard::Text(lane, text)))
                }
                Wanted::Write(lane, Said::Text(text)) => (lane, Down::Heard(Heard::Chunk(lane, text))),
                Wanted::Write(lane, Said::Binary(bytes)) if self.server.is_websocket(lane) => {
                    (lane, Down::Heard(Heard::Bytes(lane, bytes)))
                }
                Wanted::Write(_, Said::Binary(_)) => panic!("requests are of text"),
                Wanted::Respond(lane, status, _, None) => (lane, Down::Heard(Heard::Begun(lane, status))),
                Wanted::Respond(lane, status, _, Some(body)) => {
                    let body = String::from_utf8(body).expect("sketches speak text");
                    (lane, Down::Last(Heard::Body(lane, status, body)))
                }
                Wanted::End(lane, _) => (lane, Down::Last(Heard::Closed(lane, true))),
                _ => continue,
            };
            let last = matches!(down, Down::Last(_));
            let Some(wire) = self.wires.get_mut(&lane) else { continue };
            if wire.client && !wire.ending {
                wire.down.push_back((self.now, down));
                wire.ending = last;
            }
            if last && std::mem::take(&mut wire.server) {
                // The carrier has done what it was told, and says so.
                wire.up.clear();
                let more = self.server.lane_closed(self.now, lane, LaneEnd::Finished(None));
                self.forget(lane);
                self.carry(more);
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Up(Lane),
    Down(Lane),
    Pass,
    Wait(Time),
}

impl<D> std::fmt::Debug for Rig<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rig")
            .field("now", &self.now)
            .field("server", &self.server)
            .field("wires", &self.wires)
            .finish_non_exhaustive()
    }
}
