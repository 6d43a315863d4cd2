//! Engine.IO: whatever a client asks for, posts and says, in whatever order, the laws of a session hold, and what it
//! brings is no longer than what it sent. And no server can upset our client.

use std::sync::Arc;

use everywire_core::Reason;
use everywire_protocols::seam::{Message, Time};
use everywire_protocols::session::{
    EngineIo, EngineIoClient, EngineIoClientInput, EngineIoClientOptions, EngineIoCookie, EngineIoOptions,
    Input, Lane, LaneEnd, LaneKind,
};
use everywire_testkit::rig::{Said, Wanted, Watched};

/// `[setting, lines…]`: revision and so on, and what happens, each thing on a line that begins with a letter.
///
/// | letter | what happens |
/// |---|---|
/// | `P`, `p…`, `q…` | a poll; a post with a text; one with bytes |
/// | `w`, `t…`, `b…` | a WebSocket; a text on the last one; bytes on it |
/// | `x…` | the last lane ends, in a way that the next byte says |
/// | `s…`, `S…` | the protocol sends a text; bytes |
/// | `d`, `c` | the deadline comes; the server closes |
pub fn engineio(data: &[u8]) {
    let [setting, lines @ ..] = data else { return };
    let lines = || lines.split(|byte| *byte == b'\n');
    let mut play = Play::new(*setting);
    for line in lines() {
        if let [letter, rest @ ..] = line {
            play.step(*letter, rest);
        }
    }
    client(*setting, lines());
}

struct Play {
    session: Watched,
    query: String,
    now: Time,
    lanes: u32,
}

impl Play {
    fn new(setting: u8) -> Self {
        let is = |bit: u8| setting & 1 << bit != 0;
        let options = EngineIoOptions {
            allow_eio3: true,
            jsonp: true,
            allow_upgrades: !is(4),
            cookie: is(5).then(EngineIoCookie::default),
            ..EngineIoOptions::default()
        };
        let mut query = if is(0) { "EIO=3".to_owned() } else { "EIO=4".to_owned() };
        query.push_str(if is(1) { "&b64=1" } else { "" });
        query.push_str(if is(2) { "&j=3" } else { "" });
        let session = Watched::new(Box::new(EngineIo::new(Arc::new(options), "a sid".into())));
        let mut play = Self { session, query, now: Time(0), lanes: 0 };
        play.open(if is(3) { LaneKind::WebSocket } else { LaneKind::Poll });
        play
    }

    fn tell(&mut self, input: Input<'_>) -> Vec<Wanted> {
        self.session.input(self.now, input)
    }

    fn open(&mut self, kind: LaneKind) -> Lane {
        let lane = Lane(self.lanes);
        self.lanes += 1;
        let head = http::Request::get(format!("/?{}", self.query)).body(()).expect("a plain query");
        self.tell(Input::LaneOpened { lane, kind, head: &head });
        lane
    }

    fn step(&mut self, letter: u8, rest: &[u8]) {
        let over = self.session.closed().is_some();
        let text = String::from_utf8_lossy(rest);
        let websocket = self.last(|kind| kind == LaneKind::WebSocket);
        match letter {
            b'P' if !over => drop(self.open(LaneKind::Poll)),
            b'p' | b'q' if !over => {
                let lane = self.open(LaneKind::Post);
                let message = if letter == b'p' { Message::Text(&text) } else { Message::Binary(rest) };
                if self.session.lanes().any(|(there, _)| there == lane) {
                    self.say(lane, message);
                }
            }
            b'w' if !over => drop(self.open(LaneKind::WebSocket)),
            b't' => drop(websocket.map(|lane| self.say(lane, Message::Text(&text)))),
            b'b' => drop(websocket.map(|lane| self.say(lane, Message::Binary(rest)))),
            b'x' => {
                if let Some(lane) = self.session.known_lanes().pop() {
                    let how = match rest.first().map_or(0, |byte| byte % 4) {
                        0 => LaneEnd::Aborted,
                        1 => LaneEnd::Finished(Some(1000)),
                        2 => LaneEnd::Fault(Reason::TooLarge),
                        _ => LaneEnd::Fault(Reason::InvalidText),
                    };
                    self.tell(Input::LaneClosed { lane, how });
                }
            }
            b's' | b'S' if self.session.takes() => {
                let message = if letter == b's' { Message::Text(&text) } else { Message::Binary(rest) };
                self.tell(Input::Send { message, offset: None, retain: true, compress: true });
                if self.session.takes() {
                    self.tell(Input::Drained);
                }
            }
            b'd' => {
                if let Some(deadline) = self.session.deadline() {
                    self.now = self.now.max(deadline);
                    self.tell(Input::Tick);
                }
            }
            b'c' => drop(self.tell(Input::Close(Reason::ServerClosed))),
            _ => {}
        }
    }

    fn last(&self, which: impl Fn(LaneKind) -> bool) -> Option<Lane> {
        self.session.lanes().filter(|(_, kind)| which(*kind)).map(|(lane, _)| lane).last()
    }

    fn say(&mut self, lane: Lane, message: Message<'_>) {
        let brought: usize = self
            .tell(Input::Message { lane, message })
            .iter()
            .map(|wanted| match wanted {
                // Each had at least one byte that is not part of it.
                Wanted::Message(Said::Text(text)) => text.len(),
                Wanted::Message(Said::Binary(bytes)) => bytes.len(),
                _ => 0,
            })
            .sum();
        let sent = message.as_bytes().len();
        assert!(brought <= sent, "{brought} bytes of messages in {sent}");
    }
}

/// What a server says to our client, as answers to its requests and on its WebSockets.
fn client<'a>(setting: u8, lines: impl Iterator<Item = &'a [u8]>) {
    let is = |bit: u8| setting & 1 << bit != 0;
    let options = EngineIoClientOptions { eio3: is(0), base64: is(1), websocket: is(3), upgrade: is(4) };
    let (mut client, mut out) = (EngineIoClient::new(options), Vec::new());
    client.input(Time(0), EngineIoClientInput::Start, &mut out);
    let opening =
        r#"0{"sid":"x","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1}"#;
    let body = if is(0) { format!("{}:{opening}", opening.len()) } else { opening.to_owned() };
    if is(3) {
        client.input(Time(0), EngineIoClientInput::Message(Lane(0), Message::Text(opening)), &mut out);
    } else {
        client.input(Time(0), EngineIoClientInput::Response(Lane(0), 200, Message::Text(&body)), &mut out);
    }
    assert_eq!(out.len(), if is(3) { 2 } else { 3 + usize::from(is(4)) }, "it opened: {out:?}");
    for line in lines {
        let text = String::from_utf8_lossy(line);
        for lane in (0..4).map(Lane) {
            let mut out = Vec::new();
            client.input(Time(1), EngineIoClientInput::Message(lane, Message::Text(&text)), &mut out);
            client.input(Time(1), EngineIoClientInput::Response(lane, 200, Message::Text(&text)), &mut out);
            client.input(Time(1), EngineIoClientInput::Response(lane, 200, Message::Binary(line)), &mut out);
        }
    }
}
