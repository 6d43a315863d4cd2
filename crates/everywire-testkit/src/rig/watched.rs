//! A session under watch: what it is told makes sense, and what it wants keeps the laws.

use std::collections::BTreeMap;

use everywire_core::Reason;
use everywire_protocols::seam::{Message, Time};
use everywire_protocols::session::{Facts, Input, Lane, LaneKind, Output, Outputs, Session, Wrapping};

/// A message that is owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl Said {
    /// The same, to look at.
    pub fn as_message(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(bytes) => Message::Binary(bytes),
        }
    }
}

impl From<Message<'_>> for Said {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.to_owned()),
            Message::Binary(bytes) => Self::Binary(bytes.to_owned()),
        }
    }
}

/// What a session wants ([`Output`]), owned.
#[expect(missing_docs, reason = "each means what the output of its name means")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Opened(Facts),
    Message(Said),
    Direct(Lane, Wrapping),
    Indirect,
    Hold,
    Release,
    Share(Lane, Wrapping, usize),
    Suspended,
    Resumed(u64),
    Write(Lane, Said),
    Ping(Lane),
    Respond(Lane, u16, http::HeaderMap, Option<Vec<u8>>),
    End(Lane, Reason),
    Pause(Lane),
    Resume(Lane),
    Broken(Reason),
    Closed(Reason),
}

/// How far a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A request that has had no response.
    Asked,
    /// It carries messages, or bytes of a response.
    Begun,
    /// Nothing more goes to it.
    Done,
}

/// The session, and what is known about it from outside.
pub struct Watched {
    session: Box<dyn Session>,
    lanes: BTreeMap<Lane, (LaneKind, Stage)>,
    facts: Option<Facts>,
    direct: Option<(Lane, Wrapping)>,
    held: bool,
    closed: Option<Reason>,
    now: Time,
}

impl Watched {
    /// Puts a fresh session under watch.
    pub fn new(session: Box<dyn Session>) -> Self {
        let lanes = BTreeMap::new();
        Self { session, lanes, facts: None, direct: None, held: false, closed: None, now: Time::default() }
    }

    /// What it said when it opened, if it did.
    pub fn facts(&self) -> Option<&Facts> {
        self.facts.as_ref()
    }

    /// Why it is over, if it is.
    pub fn closed(&self) -> Option<Reason> {
        self.closed
    }

    /// The lane that messages may be written to without asking, and how they are wrapped.
    pub fn direct(&self) -> Option<(Lane, Wrapping)> {
        self.direct
    }

    /// Whether it takes what is to be sent.
    pub fn takes(&self) -> bool {
        self.facts.is_some() && self.closed.is_none() && self.direct.is_none() && !self.held
    }

    /// The lanes that are there, with what they carry.
    pub fn lanes(&self) -> impl Iterator<Item = (Lane, LaneKind)> + '_ {
        self.lanes
            .iter()
            .filter(|(_, (_, stage))| *stage != Stage::Done)
            .map(|(lane, (kind, _))| (*lane, *kind))
    }

    /// The lanes that have not been closed, also those that nothing more goes to.
    pub fn known_lanes(&self) -> Vec<Lane> {
        self.lanes.keys().copied().collect()
    }

    /// When it wants a tick.
    pub fn deadline(&self) -> Option<Time> {
        self.session.deadline()
    }

    /// Tells it something, and gives back what follows.
    ///
    /// # Panics
    ///
    /// When a law is broken, by the session or by whoever tells it what cannot be.
    #[track_caller]
    pub fn input(&mut self, now: Time, input: Input<'_>) -> Vec<Wanted> {
        assert!(now >= self.now, "time goes on");
        self.now = now;
        self.check_input(&input);
        let knocking = match input {
            Input::LaneOpened { lane, kind: LaneKind::WebSocket, .. } if self.facts.is_some() => Some(lane),
            _ => None,
        };
        let told = format!("{input:?}");
        let is_tick = matches!(input, Input::Tick);
        let over = self.closed.is_some();
        let mut out = Outputs::new();
        match input {
            Input::Message { lane, message } => {
                let plain = self.session.message(now, lane, message, &mut out);
                assert!(plain.is_none() || out.is_empty(), "{plain:?} is not all that follows: {out:?}");
                out.extend(plain.map(Output::Message));
            }
            input => self.session.input(now, input, &mut out),
        }
        assert!(!over || out.is_empty(), "after its end it was told {told}, and wants {out:?}");
        let wanted: Vec<Wanted> = out.into_iter().map(owned).collect();
        for (i, output) in wanted.iter().enumerate() {
            self.check(output, knocking, &told);
            assert!(self.closed.is_none() || i + 1 == wanted.len(), "more after its end: {wanted:?}");
        }
        if is_tick {
            let deadline = self.session.deadline();
            assert!(
                deadline.is_none_or(|deadline| deadline > now),
                "ticked at {now:?}, it wants {deadline:?}"
            );
        }
        wanted
    }

    #[track_caller]
    fn check_input(&mut self, input: &Input<'_>) {
        match input {
            Input::LaneOpened { lane, kind, .. } => {
                let stage = if *kind == LaneKind::WebSocket { Stage::Begun } else { Stage::Asked };
                assert!(self.lanes.insert(*lane, (*kind, stage)).is_none(), "{lane:?} is new");
            }
            Input::LaneClosed { lane, .. } => {
                assert!(self.lanes.remove(lane).is_some(), "{lane:?} was there");
                self.direct.take_if(|(direct, _)| direct == lane);
            }
            Input::Message { lane, .. }
            | Input::Pong { lane }
            | Input::LaneBlocked { lane }
            | Input::LaneWritable { lane }
            | Input::Shared { lane, .. } => {
                assert!(self.lanes.contains_key(lane), "{lane:?} is there");
            }
            Input::Send { .. } | Input::Drained => assert!(self.direct.is_none(), "it is direct"),
            Input::Joined { .. }
            | Input::Acknowledged(_)
            | Input::Resumable(_)
            | Input::Beats { .. }
            | Input::Close(_)
            | Input::Unheard
            | Input::Tick => {}
        }
    }

    #[track_caller]
    fn check(&mut self, wanted: &Wanted, knocking: Option<Lane>, told: &str) {
        let said = || format!("told {told}, it wants {wanted:?}; its lanes: {:?}", self.lanes);
        let before_opened = matches!(wanted, Wanted::Message(_) | Wanted::Direct(..) | Wanted::Resumed(_));
        assert!(!before_opened || self.facts.is_some(), "it is not open; {}", said());
        let stage = |lane: &Lane| self.lanes.get(lane).map_or(Stage::Done, |(_, stage)| *stage);
        let is_websocket = |lane: &Lane| matches!(self.lanes.get(lane), Some((LaneKind::WebSocket, stage)) if *stage != Stage::Done);
        match wanted {
            Wanted::Write(lane, _) | Wanted::Direct(lane, _) => {
                assert_eq!(stage(lane), Stage::Begun, "{}", said());
            }
            Wanted::Share(lane, ..) => {
                let response = matches!(self.lanes.get(lane), Some((LaneKind::Stream, Stage::Begun)));
                assert!(response, "{}", said());
            }
            // A WebSocket that joins a session is refused with a whole response, or not.
            Wanted::Respond(lane, _, _, Some(_)) if knocking == Some(*lane) => {
                assert_eq!(stage(lane), Stage::Begun, "{}", said());
            }
            Wanted::Respond(lane, ..) => assert_eq!(stage(lane), Stage::Asked, "{}", said()),
            Wanted::End(lane, _) | Wanted::Pause(lane) | Wanted::Resume(lane) => {
                assert_ne!(stage(lane), Stage::Done, "{}", said());
            }
            Wanted::Ping(lane) => assert!(is_websocket(lane), "{}", said()),
            Wanted::Opened(_) => assert!(self.facts.is_none(), "twice; {}", said()),
            // A request that nobody answers would wait for ever.
            Wanted::Closed(_) => assert_eq!(self.lanes().collect::<Vec<_>>(), [], "{}", said()),
            Wanted::Message(_)
            | Wanted::Indirect
            | Wanted::Hold
            | Wanted::Release
            | Wanted::Suspended
            | Wanted::Resumed(_)
            | Wanted::Broken(_) => {}
        }
        match wanted {
            Wanted::Opened(facts) => self.facts = Some(facts.clone()),
            Wanted::Direct(lane, wrapping) => self.direct = Some((*lane, *wrapping)),
            Wanted::Indirect => self.direct = None,
            Wanted::Hold => self.held = true,
            Wanted::Release | Wanted::Share(..) => self.held = false,
            Wanted::Respond(lane, _, _, body) => {
                let stage = if body.is_some() { Stage::Done } else { Stage::Begun };
                self.lanes.entry(*lane).and_modify(|(_, known)| *known = stage);
            }
            Wanted::End(lane, _) => {
                self.direct.take_if(|(direct, _)| direct == lane);
                self.lanes.entry(*lane).and_modify(|(_, known)| *known = Stage::Done);
            }
            Wanted::Closed(reason) => self.closed = Some(*reason),
            _ => {}
        }
    }
}

fn owned(output: Output<'_>) -> Wanted {
    match output {
        Output::Opened(facts) => Wanted::Opened(facts),
        Output::Message(message) => Wanted::Message(message.into()),
        Output::Decoded(decoded) => Wanted::Message(decoded.as_message().into()),
        Output::Direct { lane, wrapping } => Wanted::Direct(lane, wrapping),
        Output::Indirect => Wanted::Indirect,
        Output::Hold => Wanted::Hold,
        Output::Release => Wanted::Release,
        Output::Share { lane, wrapping, most } => Wanted::Share(lane, wrapping, most),
        Output::Suspended => Wanted::Suspended,
        Output::Resumed { from } => Wanted::Resumed(from),
        Output::Write { lane, bytes, text: true } => {
            let text = String::from_utf8(bytes.into_owned()).expect("what is written as text is text");
            Wanted::Write(lane, Said::Text(text))
        }
        Output::Write { lane, bytes, text: false } => Wanted::Write(lane, Said::Binary(bytes.into_owned())),
        Output::Ping { lane } => Wanted::Ping(lane),
        Output::Respond { lane, status, headers, body, .. } => {
            Wanted::Respond(lane, status.as_u16(), *headers, body.map(std::borrow::Cow::into_owned))
        }
        Output::End { lane, reason } => Wanted::End(lane, reason),
        Output::Pause { lane } => Wanted::Pause(lane),
        Output::Resume { lane } => Wanted::Resume(lane),
        Output::Broken(reason) => Wanted::Broken(reason),
        Output::Closed(reason) => Wanted::Closed(reason),
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched")
            .field("lanes", &self.lanes)
            .field("direct", &self.direct)
            .field("held", &self.held)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
