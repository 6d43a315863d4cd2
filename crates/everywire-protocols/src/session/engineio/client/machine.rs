//! The client's machine.

use std::time::Duration;

use everywire_core::Reason;

use super::super::super::{Lane, LaneKind};
use super::super::heartbeat::{Due, Heartbeat, Pace};
use super::super::opening::Opening;
use super::super::packet::{Dialect, Malformed, Packet, Queue, Revision, Type};
use super::super::payload::{self, Payload};
use super::{EngineIoClientInput as Input, EngineIoClientOptions, EngineIoClientOutput as Output};
use crate::seam::{Decoded, Kind, Message, Time};

/// The machine.
#[derive(Debug)]
pub struct EngineIoClient {
    options: EngineIoClientOptions,
    dialect: Dialect,
    pace: Pace,
    heartbeat: Heartbeat,
    sid: Option<String>,
    /// Bytes of a body that the server takes.
    max_payload: usize,
    lanes: u32,
    get: Option<Lane>,
    post: Option<Lane>,
    websocket: Option<(Lane, WebSocket)>,
    queue: Queue,
    ending: bool,
    closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WebSocket {
    /// It is opened, and probed.
    Probing,
    /// It works, and takes over when no request is under way.
    Pausing,
    /// It is what counts.
    Carrying,
}

impl EngineIoClient {
    /// A client that waits for its start.
    pub fn new(options: EngineIoClientOptions) -> Self {
        let revision = if options.eio3 { Revision::Three } else { Revision::Four };
        let pace = Pace { interval: Duration::ZERO, timeout: Duration::ZERO };
        Self {
            options,
            dialect: Dialect { revision, base64: options.base64 },
            pace,
            heartbeat: Heartbeat::begin(revision, Time::default(), pace),
            sid: None,
            max_payload: usize::MAX,
            lanes: 0,
            get: None,
            post: None,
            websocket: None,
            queue: Queue::default(),
            ending: false,
            closed: false,
        }
    }

    /// Takes one input and pushes what follows from it.
    pub fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Vec<Output<'a>>) {
        if self.closed {
            return;
        }
        match input {
            Input::Start if self.options.websocket => {
                let lane = self.open(LaneKind::WebSocket, None, out);
                self.websocket = Some((lane, WebSocket::Carrying));
            }
            Input::Start => self.get = Some(self.open(LaneKind::Poll, None, out)),
            Input::Connected(lane) if self.websocket == Some((lane, WebSocket::Probing)) => {
                out.push(Output::Write(lane, Decoded::Text("2probe".to_owned())));
            }
            Input::Connected(_) => {}
            Input::Message(lane, message) => self.message(now, lane, message, out),
            Input::Response(lane, status, body) => self.response(now, lane, status, body, out),
            Input::LaneClosed(lane) => self.lane_closed(lane, out),
            Input::Send(message) => self.queue.push_message(message, true),
            Input::Close => {
                self.ending = true;
                self.queue.push(Type::Close, "");
            }
            Input::Tick => match self.heartbeat.tick(now, self.pace) {
                Some(Due::Ping) => self.queue.push(Type::Ping, ""),
                Some(Due::End) => self.close(Reason::IdleTimeout, out),
                None => {}
            },
        }
        self.go_on(out);
    }

    /// When it wants a tick.
    pub fn deadline(&self) -> Option<Time> {
        (self.sid.is_some() && !self.closed).then(|| self.heartbeat.deadline())
    }

    /// Whether it is on a WebSocket.
    pub fn is_on_websocket(&self) -> bool {
        self.websocket.is_some_and(|(_, websocket)| websocket == WebSocket::Carrying)
    }

    fn open(&mut self, kind: LaneKind, body: Option<Decoded>, out: &mut Vec<Output<'_>>) -> Lane {
        let lane = Lane(self.lanes);
        self.lanes += 1;
        let transport = if kind == LaneKind::WebSocket { "websocket" } else { "polling" };
        let mut query = format!("EIO={}&transport={transport}", self.dialect.revision as u8);
        if self.dialect.base64 {
            query.push_str("&b64=1");
        }
        if let Some(sid) = &self.sid {
            query.push_str("&sid=");
            query.push_str(sid);
        }
        out.push(Output::Open { lane, kind, query, body });
        lane
    }

    /// Polls, posts, moves, or writes: whatever can be done now.
    fn go_on(&mut self, out: &mut Vec<Output<'_>>) {
        if self.closed || self.sid.is_none() {
            return;
        }
        if let Some((lane, WebSocket::Pausing)) = self.websocket
            && self.get.is_none()
            && self.post.is_none()
        {
            self.websocket = Some((lane, WebSocket::Carrying));
            out.push(Output::Write(lane, Decoded::Text("5".to_owned())));
            out.push(Output::Upgraded);
        }
        match self.websocket {
            Some((lane, WebSocket::Carrying)) => self.flush(lane, out),
            Some((_, WebSocket::Pausing)) => {}
            Some((_, WebSocket::Probing)) | None => {
                if self.post.is_none() && !self.queue.is_empty() {
                    let packets = self.queue.take_within(self.max_payload);
                    let body = payload::write(self.dialect, packets).into_decoded();
                    self.post = Some(self.open(LaneKind::Post, Some(body), out));
                }
                if self.get.is_none() {
                    self.get = Some(self.open(LaneKind::Poll, None, out));
                }
            }
        }
    }

    fn flush(&mut self, lane: Lane, out: &mut Vec<Output<'_>>) {
        for (kind, packet) in std::mem::take(&mut self.queue).packets() {
            let mut write =
                |kind, bytes: &[u8]| out.push(Output::Write(lane, Decoded::new(kind, bytes.to_vec())));
            match kind {
                Kind::Text => write(kind, packet),
                Kind::Binary => self.dialect.wrapping().message(
                    kind,
                    packet.len(),
                    &mut |out| out.extend_from_slice(packet),
                    &mut write,
                ),
            }
        }
        if self.ending {
            self.close(Reason::ClientClosed, out);
        }
    }

    fn message<'a>(&mut self, now: Time, lane: Lane, message: Message<'a>, out: &mut Vec<Output<'a>>) {
        let Some((of, websocket)) = self.websocket.filter(|(of, _)| *of == lane) else { return };
        match (websocket, message) {
            (WebSocket::Carrying, message) => {
                self.take(now, Packet::read(self.dialect.revision, message), out);
            }
            (WebSocket::Probing, Message::Text("3probe")) => self.websocket = Some((of, WebSocket::Pausing)),
            (WebSocket::Probing | WebSocket::Pausing, _) => {
                self.websocket = None;
                out.push(Output::End(lane));
            }
        }
    }

    fn response<'a>(
        &mut self,
        now: Time,
        lane: Lane,
        status: u16,
        body: Message<'a>,
        out: &mut Vec<Output<'a>>,
    ) {
        let got = self.get.take_if(|get| *get == lane).is_some();
        let posted = self.post.take_if(|post| *post == lane).is_some();
        match (got, posted, status) {
            (true, _, 200) => {
                for packet in Payload::read(self.dialect.revision, body) {
                    self.take(now, packet, out);
                    if self.closed {
                        return;
                    }
                }
            }
            (_, true, 200) if self.ending && self.queue.is_empty() => self.close(Reason::ClientClosed, out),
            (false, true, 200) | (false, false, _) => {}
            _ => self.close(Reason::Lost, out),
        }
    }

    fn take<'a>(&mut self, now: Time, packet: Result<Packet<'a>, Malformed>, out: &mut Vec<Output<'a>>) {
        let legal = match packet {
            Ok(Packet::Control(Type::Open, text)) => return self.opened(now, text, out),
            Ok(Packet::Control(Type::Close, _)) => return self.close(Reason::ServerClosed, out),
            Ok(Packet::Control(Type::Ping, _)) => {
                self.queue.push(Type::Pong, "");
                self.heartbeat.ping(now, self.pace)
            }
            Ok(Packet::Control(Type::Pong, _)) => self.heartbeat.pong(now, self.pace),
            Ok(Packet::Message(message)) => {
                out.push(Output::Message(message));
                true
            }
            Ok(Packet::Decoded(bytes)) => {
                out.push(Output::Decoded(Decoded::Binary(bytes)));
                true
            }
            Ok(Packet::Control(Type::Noop, _)) => true,
            Ok(Packet::Control(Type::Upgrade | Type::Message, _)) | Err(_) => false,
        };
        if !legal || self.sid.is_none() {
            self.close(Reason::ProtocolError, out);
        }
    }

    fn opened(&mut self, now: Time, text: &str, out: &mut Vec<Output<'_>>) {
        let Some(opening) = Opening::read(text).filter(|_| self.sid.is_none()) else {
            return self.close(Reason::ProtocolError, out);
        };
        self.sid = Some(opening.sid.into_owned());
        // Clients of revision 3 do not look at it.
        if opening.max_payload > 0 && !self.options.eio3 {
            self.max_payload = opening.max_payload;
        }
        self.pace = Pace {
            interval: Duration::from_millis(opening.ping_interval),
            timeout: Duration::from_millis(opening.ping_timeout),
        };
        // Who pings is the other way round.
        let mirrored = if self.options.eio3 { Revision::Four } else { Revision::Three };
        self.heartbeat = Heartbeat::begin(mirrored, now, self.pace);
        out.push(Output::Opened);
        if self.options.upgrade && self.websocket.is_none() && opening.upgrades.contains(&"websocket") {
            let lane = self.open(LaneKind::WebSocket, None, out);
            self.websocket = Some((lane, WebSocket::Probing));
        }
    }

    fn lane_closed(&mut self, lane: Lane, out: &mut Vec<Output<'_>>) {
        let websocket = self.websocket.take_if(|(of, _)| *of == lane).map(|(_, websocket)| websocket);
        let posted = self.post == Some(lane);
        match websocket {
            // A goodbye that was heard is often answered with nothing.
            _ if posted && self.ending => self.close(Reason::ClientClosed, out),
            Some(WebSocket::Carrying) => self.close(Reason::Lost, out),
            _ if posted || self.get == Some(lane) => self.close(Reason::Lost, out),
            Some(WebSocket::Probing | WebSocket::Pausing) | None => {}
        }
    }

    fn close(&mut self, reason: Reason, out: &mut Vec<Output<'_>>) {
        self.closed = true;
        out.extend(self.websocket.take().map(|(lane, _)| Output::End(lane)));
        out.push(Output::Closed(reason));
    }
}
