//! The client's machine against the wire sheet: what it asks for, hears, says, and how it ends.

mod ending;
mod hearing;
mod opening;
mod saying;

use super::*;
use crate::session::{
    SockJsClient, SockJsClientInput as Told, SockJsClientOptions, SockJsClientOutput as Wants,
    SockJsClientTransport as Transport, SockJsUnsent,
};

const INFO: &[u8] = br#"{"websocket":true,"origins":["*:*"],"cookie_needed":false,"entropy":7}"#;
const HTTP: [Transport; 3] = [Transport::Streaming, Transport::EventSource, Transport::Polling];

/// What a server's frame is in this transport's response.
fn framed(transport: Transport, frame: &str) -> Vec<u8> {
    match transport {
        Transport::EventSource => format!("data: {}\r\n\r\n", frame.replace('%', "%25")),
        _ => format!("{frame}\n"),
    }
    .into_bytes()
}

/// A client, and the time.
struct User {
    client: SockJsClient,
    now: u64,
}

impl User {
    fn new(options: SockJsClientOptions) -> Self {
        let mut number = 0;
        // Of each number the lowest digits and characters are its own.
        let mut random = || {
            number += 1;
            number
        };
        Self { client: SockJsClient::new(options, &mut random), now: 1_000_000 }
    }

    fn with(transport: Transport) -> SockJsClientOptions {
        SockJsClientOptions { transports: vec![transport], ..SockJsClientOptions::new("/s") }
    }

    /// One whose session is open. Its lane is number 1; where it polls, it has begun to poll with number 2.
    fn opened(options: SockJsClientOptions) -> Self {
        let transport = options.transports[0];
        let mut user = Self::new(options);
        user.tell(Told::Start);
        user.answer(0, 200, INFO);
        let out = user.hear(1, transport, "o");
        assert_eq!(out[0], format!("opened: {}", transport.as_str()));
        user
    }

    fn tell(&mut self, told: Told<'_>) -> Vec<String> {
        let mut out = Vec::new();
        self.client.input(Time(self.now), told, &mut out);
        assert!(!self.client.is_closed() || self.client.deadline().is_none());
        out.iter().map(show).collect()
    }

    fn answer(&mut self, lane: u32, status: u16, body: &[u8]) -> Vec<String> {
        self.tell(Told::Response(Lane(lane), status, body))
    }

    fn bytes(&mut self, lane: u32, bytes: &[u8]) -> Vec<String> {
        self.tell(Told::Bytes(Lane(lane), bytes))
    }

    fn lose(&mut self, lane: u32, how: LaneEnd) -> Vec<String> {
        self.tell(Told::LaneClosed(Lane(lane), how))
    }

    /// A frame, as this transport carries it.
    fn hear(&mut self, lane: u32, transport: Transport, frame: &str) -> Vec<String> {
        match transport {
            Transport::WebSocket => self.tell(Told::Message(Lane(lane), Message::Text(frame))),
            Transport::Polling => self.answer(lane, 200, &framed(transport, frame)),
            _ => self.bytes(lane, &framed(transport, frame)),
        }
    }

    fn say(&mut self, text: &str) -> Vec<String> {
        self.try_to_say(text).expect("there is room")
    }

    fn try_to_say(&mut self, text: &str) -> Result<Vec<String>, SockJsUnsent> {
        let mut out = Vec::new();
        self.client.send(Time(self.now), text, &mut out)?;
        Ok(out.iter().map(show).collect())
    }

    /// Lets so many milliseconds pass, and ticks at each deadline on the way; says at which.
    fn wait(&mut self, milliseconds: u64) -> Vec<(u64, Vec<String>)> {
        let (start, until) = (self.now, self.now + milliseconds);
        let mut all = Vec::new();
        while let Some(deadline) = self.client.deadline().filter(|deadline| deadline.0 <= until) {
            assert!(deadline.0 > self.now, "a deadline that has passed");
            // Just before it, nothing is due.
            self.now = deadline.0 - 1;
            assert_eq!(self.tell(Told::Tick), NOTHING);
            self.now = deadline.0;
            all.push((self.now - start, self.tell(Told::Tick)));
        }
        self.now = until;
        all
    }

    /// Nothing comes of anything any more.
    fn assert_over(&mut self) {
        assert!(self.client.is_closed());
        assert_eq!(self.client.deadline(), None);
        assert_eq!(self.try_to_say("x"), Err(SockJsUnsent::Closed));
        for told in [Told::Start, Told::Close, Told::Tick] {
            assert_eq!(self.tell(told), NOTHING);
        }
        for lane in 0..4 {
            assert_eq!(self.bytes(lane, b"o\na[\"x\"]\n"), NOTHING);
            assert_eq!(self.tell(Told::Message(Lane(lane), Message::Text("o"))), NOTHING);
            assert_eq!(self.answer(lane, 200, INFO), NOTHING);
            assert_eq!(self.lose(lane, LaneEnd::Aborted), NOTHING);
        }
    }
}

/// An output as a line.
fn show(wants: &Wants<'_>) -> String {
    match wants {
        Wants::Open { lane, request, url, body } if body.is_empty() => {
            format!("{}: {request:?} {url}", lane.0)
        }
        Wants::Open { lane, request, url, body } => {
            format!("{}: {request:?} {url} {}", lane.0, readable(body))
        }
        Wants::Write(lane, frame) => format!("{}> {}", lane.0, readable(frame.as_message().as_bytes())),
        Wants::End(lane) => format!("{} ends", lane.0),
        Wants::Opened { transport } => format!("opened: {}", transport.as_str()),
        Wants::Message(message) => format!("message {}", readable(message.as_bytes())),
        Wants::Decoded(message) => format!("message {}", readable(message.as_message().as_bytes())),
        Wants::Heartbeat => "heartbeat".to_owned(),
        Wants::Room => "room".to_owned(),
        Wants::Closed { reason, code, text } => format!("closed: {reason}, {code} {text}"),
    }
}
