//! The client at the rig, on each of the three transports, as official clients are: a WebSocket that is lost is followed by
//! another, and what is to be posted is posted one request at a time.

use std::collections::VecDeque;

use everywire_core::Payload;
use everywire_core::payload::Extras;
use everywire_protocols::protocol::signalr::{
    Completed, Encoding, HubMessage, Outgoing, SignalRClientOptions,
};
use everywire_protocols::protocol::{SignalRClient, signalr};
use everywire_protocols::seam::{Kind, Message, Time};
use everywire_protocols::session::{Lane, LaneKind};
use everywire_testkit::rig::{Dialer, Does, Heard};

const PATH: &str = "/h?id=token";

/// The client, and what a test wants to know of it.
pub(super) struct Client {
    machine: SignalRClient,
    transport: LaneKind,
    /// Whether it may come back.
    stateful: bool,
    lanes: u32,
    /// The WebSocket, the stream, or the poll that waits.
    lane: Option<Lane>,
    /// A post that has not been answered.
    post: Option<Lane>,
    to_post: Vec<String>,
    /// What came of a stream of events since the last one that was whole.
    events: String,
    /// What the application said before the client was in.
    early: VecDeque<String>,
    asked: u64,
    /// Whether it has shaken hands.
    pub(super) open: bool,
    /// Whether it has said something since.
    spoken: bool,
    /// Whether it acknowledges nothing, and does not ping.
    pub(super) silent: bool,
    /// The answers to its calls, in the order in which they came.
    pub(super) answers: Vec<(String, String)>,
    /// Why the server does not know it any more.
    pub(super) gone: Option<String>,
    pub(super) reconnects: u32,
}

impl Client {
    pub(super) fn new(transport: LaneKind, encoding: Encoding, stateful_reconnect: bool) -> Self {
        // Only a WebSocket can be followed by another.
        let stateful = stateful_reconnect && transport == LaneKind::WebSocket;
        let mut options = SignalRClientOptions {
            encoding,
            stateful_reconnect: stateful,
            ..SignalRClientOptions::default()
        };
        // Who polls does not ping.
        options.keep_alive.take_if(|_| transport == LaneKind::Poll);
        Self {
            machine: SignalRClient::new(options),
            transport,
            stateful,
            lanes: 0,
            lane: None,
            post: None,
            to_post: Vec::new(),
            events: String::new(),
            early: VecDeque::new(),
            asked: 0,
            open: false,
            spoken: false,
            silent: false,
            answers: Vec::new(),
            gone: None,
            reconnects: 0,
        }
    }

    pub(super) fn kept_bytes(&self) -> usize {
        self.machine.kept_bytes()
    }

    fn dial(&mut self, kind: LaneKind, body: Option<String>, out: &mut Vec<Does>) -> Lane {
        self.lanes += 1;
        let lane = Lane(self.lanes);
        out.push(Does::Open(lane, kind, PATH.to_owned(), body));
        lane
    }

    /// What the machine writes, on its way.
    fn with(
        &mut self,
        act: impl FnOnce(&mut SignalRClient, &mut dyn FnMut(Kind, &[u8])),
        out: &mut Vec<Does>,
    ) {
        let mut written = Vec::new();
        act(&mut self.machine, &mut |kind, bytes: &[u8]| written.push((kind, bytes.to_vec())));
        self.spoken |= self.open && !written.is_empty();
        for (kind, bytes) in written {
            // A message of the hub's may come in two of the WebSocket's.
            let cut = if bytes.len().is_multiple_of(2) { bytes.len() / 2 } else { 0 };
            let (first, second) = bytes.split_at(cut);
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a text message is text");
            match (self.transport, self.lane) {
                (LaneKind::WebSocket, Some(lane)) => {
                    let parts = [first, second].into_iter().filter(|part| !part.is_empty());
                    out.extend(parts.map(|part| match kind {
                        Kind::Text => Does::Write(lane, text(part)),
                        Kind::Binary => Does::WriteBytes(lane, part.to_vec()),
                    }));
                }
                _ => self.to_post.push(text(&bytes)),
            }
        }
        self.post_on(out);
    }

    /// Posts all that waits for it at once, if no post is under way.
    fn post_on(&mut self, out: &mut Vec<Does>) {
        if self.post.is_none() && !self.to_post.is_empty() {
            let body = std::mem::take(&mut self.to_post).concat();
            self.post = Some(self.dial(LaneKind::Post, Some(body), out));
        }
    }

    fn say(&mut self, text: String, out: &mut Vec<Does>) {
        if !self.open {
            return self.early.push_back(text);
        }
        let args = Payload::text(text);
        // Each second one awaits its answer.
        let id = self.asked.is_multiple_of(2).then(|| self.asked.to_string());
        self.asked += 1;
        let id = id.as_deref();
        let call = Outgoing::Invocation {
            stream: false,
            id,
            target: "echo",
            args: &args,
            extra: None,
            streams: &[],
        };
        self.with(|machine, mut outbox| assert!(machine.send(&call, &mut outbox)), out);
    }

    fn understand(&mut self, now: Time, message: Message<'_>, out: &mut Vec<Does>) {
        let mut all = Vec::new();
        self.machine.message(now, message, &mut all).expect("a server makes no mistakes");
        let read = |args: &everywire_core::PayloadRef<'_>| {
            args.read::<(String,)>(Extras::Ignore).map(|(text,)| text).expect("one text")
        };
        for heard in all {
            match heard {
                signalr::Heard::Entered => {
                    self.open = true;
                    while let Some(text) = self.early.pop_front() {
                        self.say(text, out);
                    }
                }
                signalr::Heard::Message(HubMessage::Invocation(call)) => {
                    // Official clients would hear it, and not count it.
                    assert!(self.spoken || !self.stateful, "too early");
                    out.push(Does::Deliver(read(&call.args.expect("arguments"))));
                }
                signalr::Heard::Message(HubMessage::Completion {
                    id,
                    outcome: Completed::Result(Ok(result)),
                }) => self.answers.push((id.into_owned(), read(&result))),
                other => panic!("the client did not expect {other:?}"),
            }
        }
    }

    fn poll(&mut self, out: &mut Vec<Does>) {
        self.lane = Some(self.dial(LaneKind::Poll, None, out));
    }

    /// A whole response.
    fn answered(&mut self, now: Time, lane: Lane, status: u16, body: &str, out: &mut Vec<Does>) {
        if self.post.take_if(|post| *post == lane).is_some() {
            match status {
                200 => self.post_on(out),
                _ => self.gone = Some(format!("{status} {body}")),
            }
            return;
        }
        assert_eq!(self.lane, Some(lane));
        match status {
            200 => {
                if self.lanes == 1 {
                    self.with(|machine, mut outbox| machine.connected(&mut outbox), out);
                }
                self.understand(now, Message::Text(body), out);
                self.poll(out);
            }
            _ => self.gone = Some(format!("{status} {body}")),
        }
    }

    /// A part of a stream: messages are in lines, events between empty ones.
    fn part(&mut self, now: Time, text: &str, out: &mut Vec<Does>) {
        self.events.push_str(text);
        while let Some((event, rest)) = self.events.split_once("\r\n\r\n") {
            let event = event.strip_prefix(":\r\n").unwrap_or(event);
            let lines = event.split("\r\n").map(|line| line.strip_prefix("data: ").expect("a line of data"));
            let message = lines.collect::<Vec<_>>().join("\n");
            self.events = rest.to_owned();
            self.understand(now, Message::Text(&message), out);
        }
    }
}

impl Dialer for Client {
    fn input(&mut self, now: Time, heard: Heard, out: &mut Vec<Does>) {
        match heard {
            Heard::Start => self.lane = Some(self.dial(self.transport, None, out)),
            Heard::Connected(lane) if self.lane == Some(lane) => {
                self.with(|machine, mut outbox| machine.connected(&mut outbox), out);
            }
            // A stream has begun.
            Heard::Begun(lane, 200) if self.lane == Some(lane) => {
                self.with(|machine, mut outbox| machine.connected(&mut outbox), out);
            }
            Heard::Chunk(lane, text) if self.lane == Some(lane) => self.part(now, &text, out),
            Heard::Text(lane, text) if self.lane == Some(lane) => {
                self.understand(now, Message::Text(&text), out);
            }
            Heard::Bytes(lane, bytes) if self.lane == Some(lane) => {
                self.understand(now, Message::Binary(&bytes), out);
            }
            Heard::Body(lane, status, body) => self.answered(now, lane, status, &body, out),
            Heard::Closed(lane, _) if self.lane == Some(lane) => {
                if self.machine.lost() {
                    self.reconnects += 1;
                    self.lane = Some(self.dial(LaneKind::WebSocket, None, out));
                } else {
                    self.lane = None;
                    self.gone = Some("lost".to_owned());
                }
            }
            Heard::Say(text) => self.say(text, out),
            Heard::Tick => {
                self.with(|machine, mut outbox| machine.tick(now, &mut outbox), out);
            }
            // From a lane that it has given up, or a post that was lost with the rest.
            Heard::Connected(_) | Heard::Text(..) | Heard::Bytes(..) | Heard::Closed(..) => {}
            other => panic!("the client did not expect {other:?}"),
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.machine.deadline().filter(|_| !self.silent)
    }
}

/// About how long a call is, as the server sends it: `server n` and what is around it.
pub(super) fn length_of_a_call(encoding: Encoding) -> usize {
    let mut bytes = Vec::new();
    let args = Payload::text("server 10");
    Outgoing::Invocation {
        stream: false,
        id: None,
        target: "message",
        args: &args,
        extra: None,
        streams: &[],
    }
    .append(encoding, &mut bytes);
    bytes.len()
}
