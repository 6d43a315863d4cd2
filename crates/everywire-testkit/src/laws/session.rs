//! The laws of a session, tried with whatever may happen to it, in any order.

use std::time::Duration;

use everywire_core::{Offset, Reason};
use everywire_protocols::seam::Time;
use everywire_protocols::session::{Input, Lane, LaneEnd, LaneKind, Session};

use crate::random::Random;
use crate::rig::{Said, Wanted, Watched};

/// A kind of session, and what its clients do.
pub struct SessionCase {
    /// Makes a fresh one.
    pub make: Box<dyn Fn() -> Box<dyn Session>>,
    /// The lane that opens it.
    pub first: (LaneKind, http::Request<()>),
    /// The lanes that may come later, if any may.
    pub more: Vec<(LaneKind, http::Request<()>)>,
    /// What a client may send, rightly or wrongly.
    pub messages: Vec<Said>,
}

impl std::fmt::Debug for SessionCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionCase").field("first", &self.first.0).finish_non_exhaustive()
    }
}

const SEEDS: u64 = 300;
const STEPS: usize = 120;

pub(super) fn try_all(case: &SessionCase) {
    for seed in 0..SEEDS {
        let first = Play::new(case, seed).run();
        let second = Play::new(case, seed).run();
        assert_eq!(first, second, "outputs depend on inputs and times alone, seed {seed}");
    }
}

struct Play<'a> {
    case: &'a SessionCase,
    random: Random,
    session: Watched,
    now: Time,
    lanes: u32,
    joined: bool,
    /// Whether the protocol has said whether the client may come back.
    told: bool,
}

impl<'a> Play<'a> {
    fn new(case: &'a SessionCase, seed: u64) -> Self {
        let session = Watched::new((case.make)());
        let now = Time(1_000_000);
        Self { case, random: Random::new(seed), session, now, lanes: 0, joined: false, told: false }
    }

    fn run(mut self) -> Vec<Wanted> {
        let mut all = self.open(&self.case.first);
        for _ in 0..STEPS {
            all.extend(self.step());
        }
        all
    }

    fn tell(&mut self, input: Input<'_>) -> Vec<Wanted> {
        self.session.input(self.now, input)
    }

    fn open(&mut self, (kind, head): &(LaneKind, http::Request<()>)) -> Vec<Wanted> {
        let lane = Lane(self.lanes);
        self.lanes += 1;
        let mut wanted = self.tell(Input::LaneOpened { lane, kind: *kind, head });
        // A body may take its time, or never come.
        if *kind == LaneKind::Post
            && self.random.chance(80)
            && self.session.lanes().any(|(there, _)| there == lane)
        {
            let body = self.random.pick(&self.case.messages);
            wanted.extend(self.tell(Input::Message { lane, message: body.as_message() }));
        }
        wanted
    }

    /// One of the lanes, if there is one.
    fn lane(&mut self, which: impl Fn(LaneKind) -> bool) -> Option<Lane> {
        let lanes: Vec<_> =
            self.session.lanes().filter(|(_, kind)| which(*kind)).map(|(lane, _)| lane).collect();
        (!lanes.is_empty()).then(|| self.random.pick(&lanes))
    }

    fn step(&mut self) -> Vec<Wanted> {
        self.now = self.now.after(Duration::from_millis(self.random.below(50) as u64));
        match self.random.below(20) {
            0..5 => self.send(),
            5..9 => self.receive(),
            9..13 => self.tick(),
            13..15 if !self.case.more.is_empty() && self.session.closed().is_none() => {
                let more = self.random.below(self.case.more.len());
                self.open(&self.case.more[more])
            }
            15 => self.lose(),
            16 => match self.lane(|kind| kind == LaneKind::WebSocket) {
                Some(lane) => self.tell(Input::Pong { lane }),
                None => Vec::new(),
            },
            17 => match self.lane(|_| true) {
                Some(lane) => self.tell(Input::LaneWritable { lane }),
                None => Vec::new(),
            },
            18 if self.random.chance(10) => {
                let reason = self.random.pick(&Reason::ALL);
                self.tell(Input::Close(reason))
            }
            19 if !self.told && self.session.facts().is_some_and(|facts| facts.resumable) => {
                self.told = true;
                let may = self.random.chance(80);
                self.tell(Input::Resumable(may))
            }
            _ => {
                let upto = self.random.below(4) as u64;
                self.tell(Input::Acknowledged(upto))
            }
        }
    }

    fn send(&mut self) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        if !self.joined
            && self.session.takes()
            && self.session.facts().is_some_and(|facts| !facts.rooms.is_empty())
        {
            self.joined = true;
            let recovered = self.random.chance(50);
            wanted.extend(self.tell(Input::Joined { offset: Offset { epoch: 7, seq: 3 }, recovered }));
        }
        for _ in 0..self.random.below(3) {
            if self.session.takes() {
                let offset = self.random.chance(50).then_some(Offset { epoch: 7, seq: 4 });
                let message = Said::Text(format!("message {}", self.random.below(1000)));
                let retain = self.random.chance(80);
                wanted.extend(self.tell(Input::Send {
                    message: message.as_message(),
                    offset,
                    retain,
                    compress: true,
                }));
            }
        }
        if self.session.takes() {
            wanted.extend(self.tell(Input::Drained));
        }
        wanted
    }

    fn receive(&mut self) -> Vec<Wanted> {
        let Some(lane) = self.lane(|kind| kind == LaneKind::WebSocket) else { return Vec::new() };
        let said = match self.random.below(4) {
            0 => Said::Binary((0..self.random.below(9)).map(|_| self.random.below(256) as u8).collect()),
            1 => Said::Text("x".repeat(self.random.below(9))),
            _ if self.case.messages.is_empty() => Said::Text(String::new()),
            _ => self.random.pick(&self.case.messages),
        };
        self.tell(Input::Message { lane, message: said.as_message() })
    }

    fn tick(&mut self) -> Vec<Wanted> {
        if let Some(deadline) = self.session.deadline().filter(|_| self.random.chance(80)) {
            self.now = self.now.max(deadline);
        }
        // One that comes too early is no harm.
        self.tell(Input::Tick)
    }

    fn lose(&mut self) -> Vec<Wanted> {
        let lanes = self.session.known_lanes();
        if lanes.is_empty() {
            return Vec::new();
        }
        let lane = self.random.pick(&lanes);
        let ends = [
            LaneEnd::Aborted,
            LaneEnd::Finished(None),
            LaneEnd::Finished(Some(1000)),
            LaneEnd::Fault(Reason::TooLarge),
        ];
        let how = self.random.pick(&ends);
        self.tell(Input::LaneClosed { lane, how })
    }
}
