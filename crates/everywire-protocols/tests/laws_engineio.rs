//! A sketch of Engine.IO's upgrade: one session that polls, and moves to a WebSocket while messages are on their way.
//!
//! Until the client says `5` the polls are what counts: what the server sends waits for the next poll, in the mailbox
//! as long as there is none. Nothing may be lost or doubled, however the two carriers interleave.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use everywire_core::Reason;
use everywire_protocols::protocol::Raw;
use everywire_protocols::seam::{Message, Time};
use everywire_protocols::session::{
    Facts, Input, Lane, LaneEnd, LaneKind, Output, Outputs, Session, Wrapping,
};
use everywire_testkit::Random;
use everywire_testkit::laws::{self, SessionCase};
use everywire_testkit::rig::{Dialer, Does, Heard, Rig, Said};
use http::StatusCode;

/// Between packets of one body.
const SEPARATOR: char = '\u{1e}';

/// How often a poll that hinders an upgrade is answered with a noop.
const NOOP_EVERY: Duration = Duration::from_millis(100);

/// How long an upgrade may take.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// The server's side. It has no heartbeat: that is not what the sketch is about.
#[derive(Default)]
struct EngineIo {
    opened: bool,
    closed: bool,
    /// The poll that waits for something to say.
    poll: Option<Lane>,
    /// Messages that the driver had in its hands when a poll was answered.
    queue: VecDeque<String>,
    upgrade: Upgrade,
}

#[derive(Default)]
enum Upgrade {
    #[default]
    No,
    /// A WebSocket is there, and has perhaps been probed.
    Probing {
        lane: Lane,
        noop_at: Option<Time>,
        give_up_at: Time,
    },
    Done {
        lane: Lane,
    },
}

fn respond<'a>(lane: Lane, status: StatusCode, body: impl Into<String>) -> Output<'a> {
    let body = Some(Cow::Owned(body.into().into_bytes()));
    Output::Respond { lane, status, headers: Box::default(), body }
}

fn write<'a>(lane: Lane, packet: impl Into<String>) -> Output<'a> {
    Output::Write { lane, bytes: Cow::Owned(packet.into().into_bytes()), text: true }
}

impl EngineIo {
    fn lane_opened(&mut self, now: Time, lane: Lane, kind: LaneKind, out: &mut Outputs<'_>) {
        match (kind, &self.upgrade) {
            (LaneKind::Poll, _) if !self.opened => {
                self.opened = true;
                out.push(Output::Opened(Facts { text_only: true, ..Facts::default() }));
                out.push(Output::Indirect);
                out.push(Output::Hold);
                out.push(respond(lane, StatusCode::OK, "0{}"));
            }
            (LaneKind::Poll, Upgrade::Done { .. }) => out.push(respond(lane, StatusCode::BAD_REQUEST, "")),
            (LaneKind::Poll, _) if self.poll.is_some() => {
                out.push(respond(lane, StatusCode::BAD_REQUEST, ""));
                self.close(Reason::ProtocolError, out);
            }
            (LaneKind::Poll, _) => {
                self.poll = Some(lane);
                if self.queue.is_empty() { out.push(Output::Release) } else { self.answer_poll(out) }
            }
            (LaneKind::WebSocket, Upgrade::No) if self.opened => {
                let give_up_at = now.after(UPGRADE_TIMEOUT);
                self.upgrade = Upgrade::Probing { lane, noop_at: None, give_up_at };
            }
            (LaneKind::WebSocket | LaneKind::Stream, _) => {
                out.push(Output::End { lane, reason: Reason::ProtocolError });
            }
            // The body is still to come.
            (LaneKind::Post, _) => {}
        }
    }

    fn answer_poll(&mut self, out: &mut Outputs<'_>) {
        if self.queue.is_empty() {
            return;
        }
        let Some(lane) = self.poll.take() else { return };
        let packets = Vec::from(std::mem::take(&mut self.queue));
        out.push(respond(lane, StatusCode::OK, packets.join(&SEPARATOR.to_string())));
        out.push(Output::Hold);
    }

    /// Lets a poll go that the client waits for.
    fn answer_with(&mut self, packet: &str, out: &mut Outputs<'_>) {
        if let Some(lane) = self.poll.take() {
            out.push(respond(lane, StatusCode::OK, packet));
            out.push(Output::Hold);
        }
    }

    fn posted<'a>(&mut self, lane: Lane, body: &'a str, out: &mut Outputs<'a>) {
        if matches!(self.upgrade, Upgrade::Done { .. }) {
            return out.push(respond(lane, StatusCode::BAD_REQUEST, ""));
        }
        for packet in body.split(SEPARATOR) {
            match packet.strip_prefix('4') {
                Some(text) => out.push(Output::Message(Message::Text(text))),
                None if packet == "1" => {
                    out.push(respond(lane, StatusCode::OK, "ok"));
                    return self.close(Reason::ClientClosed, out);
                }
                None => {
                    out.push(respond(lane, StatusCode::OK, "ok"));
                    return self.close(Reason::ProtocolError, out);
                }
            }
        }
        out.push(respond(lane, StatusCode::OK, "ok"));
    }

    fn framed<'a>(&mut self, now: Time, lane: Lane, packet: &'a str, out: &mut Outputs<'a>) {
        match &mut self.upgrade {
            Upgrade::Done { lane: moved } if *moved == lane => match packet.strip_prefix('4') {
                Some(text) => out.push(Output::Message(Message::Text(text))),
                None => self.close(Reason::ProtocolError, out),
            },
            Upgrade::Probing { lane: probing, noop_at, .. } if *probing == lane => match packet {
                "2probe" => {
                    *noop_at = Some(now.after(NOOP_EVERY));
                    out.push(write(lane, "3probe"));
                    self.answer_with("6", out);
                }
                "5" => {
                    self.answer_with("1", out);
                    out.extend(self.queue.drain(..).map(|packet| write(lane, packet)));
                    self.upgrade = Upgrade::Done { lane };
                    out.push(Output::Release);
                    out.push(Output::Direct { lane, wrapping: Wrapping::EngineIo });
                }
                _ => {
                    self.upgrade = Upgrade::No;
                    out.push(Output::End { lane, reason: Reason::ProtocolError });
                }
            },
            _ => {}
        }
    }

    fn lane_closed(&mut self, lane: Lane, how: LaneEnd, out: &mut Outputs<'_>) {
        match self.upgrade {
            Upgrade::Done { lane: moved } if moved == lane => {
                self.upgrade = Upgrade::No;
                self.close(how.reason(), out);
            }
            Upgrade::Probing { lane: probing, .. } if probing == lane => self.upgrade = Upgrade::No,
            _ if self.poll == Some(lane) => {
                self.poll = None;
                self.close(Reason::Lost, out);
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: Time, out: &mut Outputs<'_>) {
        let Upgrade::Probing { lane, noop_at, give_up_at } = &mut self.upgrade else { return };
        if now >= *give_up_at {
            out.push(Output::End { lane: *lane, reason: Reason::HandshakeTimeout });
            self.upgrade = Upgrade::No;
        } else if noop_at.is_some_and(|at| now >= at) {
            *noop_at = Some(now.after(NOOP_EVERY));
            self.answer_with("6", out);
        }
    }

    fn close(&mut self, reason: Reason, out: &mut Outputs<'_>) {
        self.closed = true;
        if let Some(lane) = self.poll.take() {
            out.push(respond(lane, StatusCode::OK, "1"));
        }
        if let Upgrade::Probing { lane, .. } | Upgrade::Done { lane } = self.upgrade {
            out.push(Output::End { lane, reason });
        }
        out.push(Output::Closed(reason));
    }
}

impl Session for EngineIo {
    fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Outputs<'a>) {
        if self.closed {
            return;
        }
        match input {
            Input::LaneOpened { lane, kind, .. } => self.lane_opened(now, lane, kind, out),
            Input::Message { lane, message: Message::Text(text) } if self.is_websocket(lane) => {
                self.framed(now, lane, text, out);
            }
            Input::Message { lane, message: Message::Text(text) } => self.posted(lane, text, out),
            Input::Message { lane, message: Message::Binary(_) } if self.is_websocket(lane) => {
                self.close(Reason::Unsupported, out);
            }
            Input::Message { lane, message: Message::Binary(_) } => {
                out.push(respond(lane, StatusCode::BAD_REQUEST, ""));
            }
            Input::LaneClosed { lane, how } => self.lane_closed(lane, how, out),
            Input::Send { message: Message::Text(text), .. } => self.queue.push_back(format!("4{text}")),
            Input::Drained => self.answer_poll(out),
            Input::Close(reason) => self.close(reason, out),
            Input::Tick => self.tick(now, out),
            // Text only, no rooms, and it keeps nothing.
            Input::Send { .. }
            | Input::Joined { .. }
            | Input::Acknowledged(_)
            | Input::Pong { .. }
            | Input::LaneWritable { .. } => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        match self.upgrade {
            Upgrade::Probing { noop_at, give_up_at, .. } if !self.closed => {
                Some(noop_at.map_or(give_up_at, |noop_at| noop_at.min(give_up_at)))
            }
            _ => None,
        }
    }
}

impl EngineIo {
    fn is_websocket(&self, lane: Lane) -> bool {
        matches!(self.upgrade, Upgrade::Probing { lane: of, .. } | Upgrade::Done { lane: of } if of == lane)
    }
}

/// The client's side, as the official one does it: it stops polling and posting before it says `5`.
#[derive(Default)]
struct Client {
    lanes: u32,
    opened: bool,
    polling: bool,
    posting: bool,
    outbox: Vec<String>,
    websocket: Option<Lane>,
    pausing: bool,
    upgraded: bool,
    /// The server gave the WebSocket up before it heard `5`: to the client the connection is lost.
    gone: bool,
}

impl Client {
    fn lane(&mut self) -> Lane {
        self.lanes += 1;
        Lane(self.lanes)
    }

    fn poll(&mut self, out: &mut Vec<Does>) {
        self.polling = true;
        out.push(Does::Open(self.lane(), LaneKind::Poll, "/".to_owned(), None));
    }

    fn go_on(&mut self, out: &mut Vec<Does>) {
        if !self.opened || self.upgraded || self.posting {
            return;
        }
        if self.pausing {
            if let (false, Some(lane)) = (self.polling, self.websocket) {
                self.upgraded = true;
                out.push(Does::Write(lane, "5".to_owned()));
                out.extend(self.outbox.drain(..).map(|packet| Does::Write(lane, packet)));
            }
        } else if !self.outbox.is_empty() {
            self.posting = true;
            let body = std::mem::take(&mut self.outbox).join(&SEPARATOR.to_string());
            out.push(Does::Open(self.lane(), LaneKind::Post, "/".to_owned(), Some(body)));
        }
    }

    fn packets(&mut self, body: &str, out: &mut Vec<Does>) {
        for packet in body.split(SEPARATOR) {
            match packet.split_at(1) {
                ("4", text) => out.push(Does::Deliver(text.to_owned())),
                ("0", _) => {
                    self.opened = true;
                    let lane = self.lane();
                    self.websocket = Some(lane);
                    out.push(Does::Open(lane, LaneKind::WebSocket, "/".to_owned(), None));
                }
                ("6", "") => {}
                other => panic!("the client does not understand {other:?}"),
            }
        }
    }
}

impl Dialer for Client {
    fn input(&mut self, _now: Time, heard: Heard, out: &mut Vec<Does>) {
        match heard {
            Heard::Start => self.poll(out),
            Heard::Body(_, 200, body) if body == "ok" => {
                self.posting = false;
                self.go_on(out);
            }
            Heard::Body(_, 200, body) => {
                self.polling = false;
                self.packets(&body, out);
                if !self.pausing {
                    self.poll(out);
                }
                self.go_on(out);
            }
            Heard::Connected(lane) => out.push(Does::Write(lane, "2probe".to_owned())),
            Heard::Text(_, packet) if packet == "3probe" => {
                self.pausing = true;
                self.go_on(out);
            }
            Heard::Text(_, packet) => self.packets(&packet, out),
            Heard::Say(text) => {
                let packet = format!("4{text}");
                match self.websocket.filter(|_| self.upgraded) {
                    Some(lane) => out.push(Does::Write(lane, packet)),
                    None => self.outbox.push(packet),
                }
                self.go_on(out);
            }
            Heard::Closed(lane, _) if self.websocket == Some(lane) && !self.upgraded => {
                self.websocket = None;
                self.pausing = false;
                if !self.polling {
                    self.poll(out);
                }
                self.go_on(out);
            }
            Heard::Closed(lane, _) if self.websocket == Some(lane) => self.gone = true,
            other => panic!("the client did not expect {other:?}"),
        }
    }
}

fn rig() -> Rig<Client> {
    Rig::new(Client::default(), Box::new(EngineIo::default()), Box::new(Raw))
}

fn numbered(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{what} {i}")).collect()
}

#[test]
fn nothing_is_lost_or_doubled_by_an_upgrade() {
    // How often the move had not come yet when the n-th message was sent.
    let mut before_move = [0; 40];
    let mut moved = 0;
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let mut rig = rig();
        let (mut emitted, mut said) = (0, 0);
        while emitted < 40 || said < 40 {
            if emitted < 40 && random.chance(30) {
                rig.emit(&format!("server {emitted}"));
                emitted += 1;
                before_move[emitted - 1] += usize::from(!rig.client.upgraded);
            }
            if said < 40 && random.chance(30) {
                rig.say(&format!("client {said}"));
                said += 1;
            }
            for _ in 0..random.below(6) {
                rig.step(&mut random);
            }
        }
        rig.settle(&mut random, Duration::from_secs(1));
        if rig.client.gone {
            continue;
        }
        assert_eq!(rig.delivered, numbered("server", 40), "seed {seed}");
        assert_eq!(rig.server.heard, numbered("client", 40), "seed {seed}");
        assert_eq!(rig.server.session.direct().is_some(), rig.client.upgraded, "seed {seed}");
        moved += usize::from(rig.client.upgraded);
    }
    // Time passes by chance, so an upgrade may take too long; most do not, and they come between the messages.
    assert!(moved > 1500, "{moved} upgrades");
    assert!(before_move[0] > 1000 && before_move[39] < 300, "{before_move:?}");
}

#[test]
fn an_upgrade_that_fails_changes_nothing() {
    let mut failed = 0;
    for seed in 0..500 {
        let mut random = Random::new(seed);
        let mut rig = rig();
        for i in 0..20 {
            rig.emit(&format!("server {i}"));
            rig.say(&format!("client {i}"));
            for _ in 0..random.below(8) {
                rig.step(&mut random);
            }
            let probing =
                rig.client.websocket.filter(|lane| !rig.client.upgraded && rig.lanes().contains(lane));
            if let Some(lane) = probing {
                rig.cut(lane);
            }
        }
        rig.settle(&mut random, Duration::from_secs(1));
        let (delivered, heard) = (&rig.delivered, &rig.server.heard);
        assert!(numbered("server", 20).starts_with(delivered), "seed {seed}: {delivered:?}");
        assert!(numbered("client", 20).starts_with(heard), "seed {seed}: {heard:?}");
        let all = delivered.len() == 20 && heard.len() == 20;
        assert!(all || rig.client.gone, "seed {seed}: {delivered:?} {heard:?}");
        failed += usize::from(all && !rig.client.upgraded);
    }
    assert!(failed > 250, "{failed} upgrades failed");
}

#[test]
fn without_a_poll_messages_wait_in_the_mailbox() {
    let head = http::Request::new(());
    let mut session = EngineIo::default();
    let mut out = Outputs::new();
    session.input(Time(0), Input::LaneOpened { lane: Lane(0), kind: LaneKind::Poll, head: &head }, &mut out);
    assert!(matches!(out[..], [Output::Opened(_), Output::Indirect, Output::Hold, Output::Respond { .. }]));
    out.clear();
    session.input(Time(0), Input::LaneOpened { lane: Lane(1), kind: LaneKind::Poll, head: &head }, &mut out);
    assert_eq!(out[..], [Output::Release]);
    out.clear();
    session.input(Time(0), Input::Send { message: Message::Text("a"), offset: None, retain: true }, &mut out);
    session.input(Time(0), Input::Send { message: Message::Text("b"), offset: None, retain: true }, &mut out);
    session.input(Time(0), Input::Drained, &mut out);
    assert_eq!(out[..], [respond(Lane(1), StatusCode::OK, "4a\u{1e}4b"), Output::Hold]);
}

#[test]
fn keeps_the_laws_of_a_session() {
    let head = || http::Request::new(());
    laws::session(&SessionCase {
        make: Box::new(|| Box::new(EngineIo::default())),
        first: (LaneKind::Poll, head()),
        more: vec![(LaneKind::Poll, head()), (LaneKind::Post, head()), (LaneKind::WebSocket, head())],
        messages: ["2probe", "5", "4hello", "4a\u{1e}4b", "1", "nonsense"]
            .map(|text| Said::Text(text.into()))
            .into(),
    });
}
