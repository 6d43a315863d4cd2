//! A sketch of SignalR's stateful reconnect: what is sent is kept until it is acknowledged, and sent again on a new lane.
//!
//! The session counts and keeps, and never looks into a message; what is counted, the acknowledgements and the
//! message that opens a replay are the protocol's. Beyond a bound the session holds back, and what is sent then
//! waits in the mailbox.
//!
//! On the wire: `1:text` is counted, `8:n` acknowledges up to n, `9:n` says that the next counted one is number n.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use everywire_core::payload::{Extras, Message as PayloadMessage};
use everywire_core::{Entry, Item, PayloadRef, Reason};
use everywire_protocols::protocol::{self, Protocol, ProtocolForm};
use everywire_protocols::seam::{Kind, Message, Outbox, Time};
use everywire_protocols::session::{Facts, Input, Lane, LaneEnd, LaneKind, Output, Outputs, Session};
use everywire_testkit::Random;
use everywire_testkit::laws::{self, ProtocolCase, SessionCase};
use everywire_testkit::rig::{Dialer, Does, Heard, Rig, Said};

/// What is kept beyond this makes the session hold back. (SignalR: `StatefulReconnectBufferSize`, 100,000 bytes.)
const BOUND: usize = 60;

/// How long a session lives without a lane. (SignalR: `DisconnectTimeout`.)
const PATIENCE: Duration = Duration::from_secs(15);

const ACK_EVERY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Stateful {
    opened: bool,
    closed: bool,
    lane: Option<Lane>,
    /// Since when it has none.
    alone_since: Option<Time>,
    /// Whether the protocol has yet to say what comes before a replay.
    resuming: bool,
    /// What has not been acknowledged, oldest first.
    kept: VecDeque<Vec<u8>>,
    kept_bytes: usize,
    /// The number of the first that is kept, or of the next.
    first: u64,
    held: bool,
}

impl Stateful {
    fn new() -> Self {
        Self { first: 1, ..Self::default() }
    }

    fn lane_opened(&mut self, lane: Lane, out: &mut Outputs<'_>) {
        if !self.opened {
            self.opened = true;
            self.lane = Some(lane);
            out.push(Output::Opened(Facts { resumable: true, ..Facts::default() }));
            out.push(Output::Indirect);
            return;
        }
        // The one before may not have been seen to be gone.
        if let Some(old) = self.lane.replace(lane) {
            out.push(Output::End { lane: old, reason: Reason::Lost });
        }
        self.alone_since = None;
        self.resuming = true;
        out.push(Output::Resumed { from: self.first });
    }

    fn send(&mut self, message: Message<'_>, retain: bool, out: &mut Outputs<'_>) {
        let bytes = message.as_bytes();
        if let Some(lane) = self.lane.filter(|_| !self.resuming || !retain) {
            out.push(Output::Write { lane, bytes: Cow::Owned(bytes.to_vec()), text: true });
        }
        if retain {
            self.kept_bytes += bytes.len();
            self.kept.push_back(bytes.to_vec());
            self.weigh(out);
        }
    }

    /// The protocol has spoken: the rest again, from the first on.
    fn replay(&mut self, out: &mut Outputs<'_>) {
        if !std::mem::take(&mut self.resuming) {
            return;
        }
        if let Some(lane) = self.lane {
            let again = self.kept.iter().map(|bytes| Cow::Owned(bytes.clone()));
            out.extend(again.map(|bytes| Output::Write { lane, bytes, text: true }));
        }
        self.weigh(out);
    }

    fn acknowledged(&mut self, upto: u64, out: &mut Outputs<'_>) {
        if upto >= self.first + self.kept.len() as u64 {
            return self.close(Reason::ProtocolError, out);
        }
        while self.first <= upto {
            let Some(bytes) = self.kept.pop_front() else { break };
            self.kept_bytes -= bytes.len();
            self.first += 1;
        }
        self.weigh(out);
    }

    /// Holds back, or no more.
    fn weigh(&mut self, out: &mut Outputs<'_>) {
        let hold = self.lane.is_none() || self.kept_bytes > BOUND;
        if hold != std::mem::replace(&mut self.held, hold) {
            out.push(if hold { Output::Hold } else { Output::Release });
        }
    }

    fn lane_closed(&mut self, now: Time, lane: Lane, how: LaneEnd, out: &mut Outputs<'_>) {
        if self.lane != Some(lane) {
            return;
        }
        self.lane = None;
        self.resuming = false;
        match how {
            LaneEnd::Aborted => {
                self.alone_since = Some(now);
                self.weigh(out);
            }
            LaneEnd::Finished(_) | LaneEnd::Fault(_) => self.close(how.reason(), out),
        }
    }

    fn close(&mut self, reason: Reason, out: &mut Outputs<'_>) {
        self.closed = true;
        out.extend(self.lane.take().map(|lane| Output::End { lane, reason }));
        out.push(Output::Closed(reason));
    }
}

impl Session for Stateful {
    fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Outputs<'a>) {
        if self.closed {
            return;
        }
        match input {
            Input::LaneOpened { lane, .. } => self.lane_opened(lane, out),
            Input::Message { lane, message } if self.lane == Some(lane) => out.push(Output::Message(message)),
            Input::LaneClosed { lane, how } => self.lane_closed(now, lane, how, out),
            Input::Send { message, retain, .. } => self.send(message, retain, out),
            Input::Drained => self.replay(out),
            Input::Acknowledged(upto) => self.acknowledged(upto, out),
            Input::Close(reason) => self.close(reason, out),
            Input::Tick => {
                if self.deadline().is_some_and(|deadline| now >= deadline) {
                    self.close(Reason::Lost, out);
                }
            }
            // A message here is one from a lane that has been replaced.
            Input::Message { .. }
            | Input::Joined { .. }
            | Input::Pong { .. }
            | Input::LaneWritable { .. } => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.alone_since.filter(|_| !self.closed).map(|since| since.after(PATIENCE))
    }
}

/// Numbers what comes in, on both sides: drops what it has seen, and acknowledges the rest once a second.
#[derive(Default)]
struct Counter {
    /// The number of the next.
    next: u64,
    seen: u64,
    acknowledged: u64,
    ack_at: Option<Time>,
    /// Whether all is to be ignored up to a `9`.
    deaf: bool,
}

impl Counter {
    fn new() -> Self {
        Self { next: 1, ..Self::default() }
    }

    /// Whether this message, which is counted, is a new one.
    fn count(&mut self, now: Time) -> bool {
        if self.deaf {
            return false;
        }
        let number = self.next;
        self.next += 1;
        if number >= self.seen {
            // Also for the last that was seen before: the peer sends it again because our word of it was lost.
            self.ack_at.get_or_insert(now.after(ACK_EVERY));
        }
        let is_new = number > self.seen;
        self.seen = self.seen.max(number);
        is_new
    }

    /// A replay begins. False if it leaves something out.
    fn restart(&mut self, from: u64) -> bool {
        self.deaf = false;
        self.next = from;
        from <= self.seen + 1
    }

    fn ack(&mut self, now: Time) -> Option<u64> {
        if self.ack_at.is_none_or(|at| now < at) {
            return None;
        }
        self.ack_at = None;
        self.acknowledged = self.seen;
        Some(self.seen)
    }
}

struct Counting(Counter);

impl Protocol for Counting {
    fn open(&mut self, facts: &Facts, _now: Time) {
        assert!(facts.resumable || facts.text_only || *facts == Facts::default());
    }

    fn message<'a>(&mut self, now: Time, message: Message<'a>, out: &mut protocol::Outputs<'a>) {
        let text = std::str::from_utf8(message.as_bytes()).unwrap_or_default();
        let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number < 1 << 32);
        match (text.split_at_checked(2), text.get(2..).and_then(number)) {
            (Some(("1:", text)), _) if self.0.count(now) => {
                let (name, args) = (Cow::Borrowed("message"), PayloadRef::text(text));
                out.push(protocol::Output::Event { slot: 0, name, args, token: None });
            }
            (Some(("1:", _)), _) => {}
            (Some(("8:", _)), _) if self.0.deaf => {}
            (Some(("8:", _)), Some(upto)) => out.push(protocol::Output::Acknowledged(upto)),
            (Some(("9:", _)), Some(from)) if self.0.restart(from) => {}
            _ => out.push(protocol::Output::Ignored(Cow::Borrowed("nonsense"))),
        }
    }

    fn encode(&mut self, entry: &Entry, outbox: &mut dyn Outbox) {
        match &entry.item {
            Item::Emit { payload, .. } => {
                let Some(PayloadMessage::Text(text)) = payload.as_message() else { return };
                outbox.message(Kind::Text, text.len() + 2, &mut |out| {
                    out.extend_from_slice(b"1:");
                    out.extend_from_slice(text.as_bytes());
                });
            }
            Item::Wire { .. } | Item::Broadcast { .. } | Item::Reply { .. } => {}
        }
    }

    fn resumed(&mut self, _now: Time, from: u64, outbox: &mut dyn Outbox) {
        self.0.deaf = true;
        outbox.passing(Kind::Text, 8, &mut |out| out.extend_from_slice(format!("9:{from}").as_bytes()));
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

    fn tick(&mut self, now: Time, out: &mut protocol::Outputs<'_>) {
        if let Some(upto) = self.0.ack(now) {
            let bytes = format!("8:{upto}").into_bytes();
            out.push(protocol::Output::Passing { bytes, kind: Kind::Text });
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.0.ack_at
    }
}

/// The client's side, which does the same.
struct Client {
    lanes: u32,
    lane: Option<Lane>,
    connected: bool,
    counter: Counter,
    kept: VecDeque<String>,
    first: u64,
    reconnects: u32,
}

impl Client {
    fn new() -> Self {
        Self {
            lanes: 0,
            lane: None,
            connected: false,
            counter: Counter::new(),
            kept: VecDeque::new(),
            first: 1,
            reconnects: 0,
        }
    }

    fn connect(&mut self, out: &mut Vec<Does>) {
        self.lanes += 1;
        self.lane = Some(Lane(self.lanes));
        self.connected = false;
        out.push(Does::Open(Lane(self.lanes), LaneKind::WebSocket, "/?id=token".to_owned(), None));
    }

    fn write(&self, text: String, out: &mut Vec<Does>) {
        out.extend(self.lane.filter(|_| self.connected).map(|lane| Does::Write(lane, text)));
    }
}

impl Dialer for Client {
    fn input(&mut self, now: Time, heard: Heard, out: &mut Vec<Does>) {
        match heard {
            Heard::Start => self.connect(out),
            Heard::Connected(lane) if self.lane == Some(lane) => {
                self.connected = true;
                if self.lanes > 1 {
                    self.counter.deaf = true;
                    self.write(format!("9:{}", self.first), out);
                }
                for text in self.kept.clone() {
                    self.write(format!("1:{text}"), out);
                }
            }
            Heard::Text(lane, text) if self.lane == Some(lane) => match text.split_at(2) {
                ("1:", text) => {
                    if self.counter.count(now) {
                        out.push(Does::Deliver(text.to_owned()));
                    }
                }
                ("8:", upto) => {
                    let upto: u64 = upto.parse().expect("a number");
                    assert!(upto < self.first + self.kept.len() as u64, "acknowledged before it was sent");
                    while self.first <= upto && self.kept.pop_front().is_some() {
                        self.first += 1;
                    }
                }
                ("9:", from) => assert!(self.counter.restart(from.parse().expect("a number")), "a gap"),
                other => panic!("the client does not understand {other:?}"),
            },
            Heard::Closed(lane, _) if self.lane == Some(lane) => {
                self.reconnects += 1;
                self.connect(out);
            }
            Heard::Say(text) => {
                self.kept.push_back(text.clone());
                self.write(format!("1:{text}"), out);
            }
            Heard::Tick => {
                if let Some(upto) = self.counter.ack(now) {
                    self.write(format!("8:{upto}"), out);
                }
            }
            // From a lane that it has given up.
            Heard::Connected(_) | Heard::Text(..) | Heard::Closed(..) => {}
            other => panic!("the client did not expect {other:?}"),
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.counter.ack_at
    }
}

fn numbered(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{what} {i}")).collect()
}

#[test]
fn nothing_is_lost_or_doubled_however_often_the_lane_is_cut() {
    let mut reconnects = 0;
    for seed in 0..1000 {
        let mut random = Random::new(seed);
        let mut rig = Rig::new(Client::new(), Box::new(Stateful::new()), Box::new(Counting(Counter::new())));
        for i in 0..30 {
            rig.emit(&format!("server {i}"));
            rig.say(&format!("client {i}"));
            for _ in 0..random.below(8) {
                rig.step(&mut random);
            }
            if random.chance(15) {
                let lanes = rig.lanes();
                if !lanes.is_empty() {
                    rig.cut(random.pick(&lanes));
                }
            }
        }
        // Six messages fill the session, and a second passes before they are acknowledged.
        rig.settle(&mut random, Duration::from_secs(10));
        assert_eq!(rig.delivered, numbered("server", 30), "seed {seed}");
        assert_eq!(rig.server.heard, numbered("client", 30), "seed {seed}");
        assert_eq!(rig.server.mailbox.len(), 0, "seed {seed}");
        reconnects += rig.client.reconnects;
    }
    assert!(reconnects > 2000, "{reconnects} reconnects");
}

#[test]
fn what_is_kept_is_bounded_and_the_rest_waits_in_the_mailbox() {
    let mut random = Random::new(1);
    let mut rig = Rig::new(Client::new(), Box::new(Stateful::new()), Box::new(Counting(Counter::new())));
    rig.settle(&mut random, Duration::ZERO);
    let lane = rig.lanes()[0];
    for i in 0..30 {
        rig.emit(&format!("server {i}"));
    }
    // Nothing is acknowledged before a second has passed: the session takes what makes it full, and no more.
    rig.settle(&mut random, Duration::from_millis(500));
    let taken = rig.delivered.len();
    assert_eq!(taken + rig.server.mailbox.len(), 30);
    // Each is `1:server n`, ten or eleven bytes, and up to three are in the driver's hands at once.
    assert!((6..=9).contains(&taken), "{taken} were sent");
    // Without a lane it takes nothing, although it is told what the client holds.
    rig.cut(lane);
    rig.settle(&mut random, Duration::from_secs(30));
    assert_eq!(rig.delivered, numbered("server", 30));
    assert_eq!(rig.server.session.closed(), None);
}

#[test]
fn a_client_that_stays_away_is_given_up() {
    let mut session = Stateful::new();
    let head = http::Request::new(());
    let lane = Lane(0);
    let mut step = |at, input| {
        let mut out = Outputs::new();
        session.input(Time(at), input, &mut out);
        let closed = out.iter().find_map(|output| match output {
            Output::Closed(reason) => Some(*reason),
            _ => None,
        });
        (closed, session.deadline())
    };
    assert_eq!(step(0, Input::LaneOpened { lane, kind: LaneKind::WebSocket, head: &head }), (None, None));
    let deadline = Some(Time(16_000));
    assert_eq!(step(1000, Input::LaneClosed { lane, how: LaneEnd::Aborted }), (None, deadline));
    assert_eq!(step(15_999, Input::Tick), (None, deadline));
    assert_eq!(step(16_000, Input::Tick), (Some(Reason::Lost), None));
}

#[test]
fn keeps_the_laws_of_session_and_protocol() {
    let head = || http::Request::new(());
    let messages =
        || ["1:hello", "8:1", "8:99", "9:1", "9:7", "nonsense"].map(|text| Said::Text(text.into())).into();
    laws::session(&SessionCase {
        make: Box::new(|| Box::new(Stateful::new())),
        first: (LaneKind::WebSocket, head()),
        more: vec![(LaneKind::WebSocket, head())],
        messages: messages(),
    });
    laws::protocol(&ProtocolCase {
        make: Box::new(|| Box::new(Counting(Counter::new()))),
        messages: messages(),
    });
}
