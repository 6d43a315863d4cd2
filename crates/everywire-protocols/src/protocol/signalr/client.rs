//! The client's side: it shakes hands, pings, and numbers what it sends where it may come back after its WebSocket was lost.
//!
//! It does what the official clients do. Of the transports it knows no more than that one may be lost; who is called by what
//! its user knows.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use super::counter::Counter;
use super::framing::Framing;
use super::handshake::{HandshakeRequest, HandshakeResponse, VERSION};
use super::message::{Encoding, Fault, HubMessage};
use super::options::SignalROptions;
use super::write::Outgoing;
use crate::seam::{Kind, Message, Outbox, Time};

/// A client's options.
#[derive(Debug, Clone, Copy)]
pub struct SignalRClientOptions {
    /// What it speaks. Default JSON.
    pub encoding: Encoding,
    /// Whether it wants to come back to its session after it lost its WebSocket, and was told by the negotiation that it
    /// can. Default false.
    pub stateful_reconnect: bool,
    /// From ping to ping; none for a client that polls. Default 15 s, as official clients.
    pub keep_alive: Option<Duration>,
    /// Bytes of one message of the server's. Default none: official clients have no such bound.
    pub message_bytes: usize,
}

impl Default for SignalRClientOptions {
    fn default() -> Self {
        Self {
            encoding: Encoding::Json,
            stateful_reconnect: false,
            keep_alive: Some(SignalROptions::default().keep_alive),
            message_bytes: usize::MAX,
        }
    }
}

/// A client.
#[derive(Debug)]
pub struct SignalRClient {
    options: SignalRClientOptions,
    framing: Framing,
    stage: Stage,
    numbers: Option<Numbers>,
    /// When the next ping is due.
    ping_at: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    /// It has said what it speaks.
    Shaking,
    Open,
    /// It has lost its WebSocket, and may have another.
    Lost,
    Over,
}

/// What it needs to come back.
#[derive(Debug)]
struct Numbers {
    counter: Counter,
    /// What the server has not acknowledged, oldest first.
    kept: VecDeque<Vec<u8>>,
    /// The number of the first that is kept, or of the next.
    first: u64,
}

/// What a server said.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard<'a> {
    /// The client is let in.
    Entered,
    /// It is not, in the server's words.
    Refused(String),
    /// A message for the application, or the end. What was heard before is left out, and so are pings and numbers.
    Message(HubMessage<'a>),
}

impl SignalRClient {
    /// A client that has no transport yet.
    pub fn new(options: SignalRClientOptions) -> Self {
        let framing = Framing::new(Encoding::Json, options.message_bytes);
        Self { options, framing, stage: Stage::New, numbers: None, ping_at: None }
    }

    /// Its transport is open: on the first it says what it speaks; on another, where it begins, and what the server may
    /// not have heard.
    pub fn connected(&mut self, outbox: &mut dyn Outbox) {
        match (self.stage, &mut self.numbers) {
            (Stage::New, _) => {
                self.stage = Stage::Shaking;
                // Official clients say 2 only where it makes a difference.
                let version = if self.options.stateful_reconnect { VERSION } else { 1 };
                let protocol = Cow::Borrowed(self.options.encoding.name());
                // A handshake is text, whatever comes after it.
                outbox.message(Kind::Text, 64, &mut |out| {
                    HandshakeRequest { protocol: protocol.clone(), version }.append(out);
                });
            }
            (Stage::Lost, Some(numbers)) => {
                self.stage = Stage::Open;
                let encoding = self.options.encoding;
                Outgoing::Sequence { sequence: numbers.first }.pass(encoding, outbox);
                for kept in &numbers.kept {
                    outbox.message(encoding.kind(), kept.len(), &mut |out| out.extend_from_slice(kept));
                }
            }
            _ => {}
        }
    }

    /// Its transport is lost. False if that is the end; otherwise it may be [`connected`](Self::connected) again, without
    /// negotiation.
    pub fn lost(&mut self) -> bool {
        self.framing.forget_partial();
        self.stage = match (self.stage, &mut self.numbers) {
            (Stage::Open | Stage::Lost, Some(numbers)) => {
                numbers.counter.resumed();
                Stage::Lost
            }
            _ => Stage::Over,
        };
        self.stage == Stage::Lost
    }

    /// Whether it has been let in, and has not heard the end.
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Lost)
    }

    /// What the server has not acknowledged, in bytes. Official clients send no more when it is above 100,000.
    pub fn kept_bytes(&self) -> usize {
        self.numbers.iter().flat_map(|numbers| &numbers.kept).map(Vec::len).sum()
    }

    /// Sends a message, or keeps it for the next transport. False if the client is not in, and nothing came of it.
    pub fn send(&mut self, message: &Outgoing<'_>, outbox: &mut dyn Outbox) -> bool {
        if !self.is_open() {
            return false;
        }
        let encoding = self.options.encoding;
        let Some(numbers) = self.numbers.as_mut().filter(|_| message.is_counted()) else {
            if self.stage == Stage::Open {
                message.pass(encoding, outbox);
            }
            if let Outgoing::Close { .. } = message {
                self.stage = Stage::Over;
            }
            return true;
        };
        let mut bytes = Vec::new();
        message.append(encoding, &mut bytes);
        if self.stage == Stage::Open {
            outbox.message(encoding.kind(), bytes.len(), &mut |out| out.extend_from_slice(&bytes));
        }
        numbers.kept.push_back(bytes);
        true
    }

    /// Understands what came: bytes, which may have any number of messages, and parts of some.
    pub fn message<'a>(
        &mut self,
        now: Time,
        message: Message<'a>,
        heard: &mut Vec<Heard<'a>>,
    ) -> Result<(), Fault> {
        let mut input = message.as_bytes();
        while let Stage::Shaking | Stage::Open = self.stage {
            let Some(bytes) = self.framing.next(&mut input)? else { break };
            if self.stage == Stage::Shaking {
                heard.push(self.shaken(now, &bytes)?);
                continue;
            }
            let encoding = self.options.encoding;
            let message = match &bytes {
                Cow::Borrowed(bytes) => HubMessage::read(encoding, bytes)?,
                Cow::Owned(bytes) => HubMessage::read(encoding, bytes)?.into_static(),
            };
            heard.extend(self.one(now, message)?.map(Heard::Message));
        }
        Ok(())
    }

    fn shaken(&mut self, now: Time, record: &[u8]) -> Result<Heard<'static>, Fault> {
        let text = std::str::from_utf8(record)
            .map_err(|error| Fault::malformed(format!("Error reading JSON. {error}")))?;
        if let Some(error) = HandshakeResponse::read(text)?.error {
            self.stage = Stage::Over;
            return Ok(Heard::Refused(error.into_owned()));
        }
        self.stage = Stage::Open;
        self.framing.switch(self.options.encoding);
        // The first at once.
        self.ping_at = self.options.keep_alive.map(|_| now);
        let numbers = || Numbers { counter: Counter::new(), kept: VecDeque::new(), first: 1 };
        self.numbers = self.options.stateful_reconnect.then(numbers);
        Ok(Heard::Entered)
    }

    fn one<'a>(&mut self, now: Time, message: HubMessage<'a>) -> Result<Option<HubMessage<'a>>, Fault> {
        if let Some(numbers) = &mut self.numbers {
            match message {
                HubMessage::Ack { sequence } if !numbers.counter.is_deaf() => {
                    numbers.acknowledged(sequence)?;
                }
                HubMessage::Sequence { sequence } if !numbers.counter.restart(sequence) => {
                    return Err(Fault::malformed(
                        "Sequence ID greater than amount of messages we've received.",
                    ));
                }
                _ if message.is_counted() && !numbers.counter.count(now) => return Ok(None),
                _ => {}
            }
        }
        Ok(match message {
            HubMessage::Ping
            | HubMessage::Ack { .. }
            | HubMessage::Sequence { .. }
            | HubMessage::Unknown(_) => None,
            HubMessage::Close { .. } => {
                self.stage = Stage::Over;
                Some(message)
            }
            message => Some(message),
        })
    }

    /// The deadline has come: what is due is said.
    pub fn tick(&mut self, now: Time, outbox: &mut dyn Outbox) {
        if self.stage != Stage::Open {
            return;
        }
        let encoding = self.options.encoding;
        if self.ping_at.is_some_and(|at| now >= at) {
            self.ping_at = self.options.keep_alive.map(|every| now.after(every.max(SHORTEST)));
            Outgoing::Ping.pass(encoding, outbox);
        }
        if let Some(sequence) = self.numbers.as_mut().and_then(|numbers| numbers.counter.ack(now)) {
            Outgoing::Ack { sequence }.pass(encoding, outbox);
        }
    }

    /// When it wants a [`tick`](Self::tick).
    pub fn deadline(&self) -> Option<Time> {
        let ack = self.numbers.as_ref().and_then(|numbers| numbers.counter.deadline());
        [self.ping_at, ack].into_iter().flatten().min().filter(|_| self.stage == Stage::Open)
    }
}

/// What is due at once would be due for ever.
const SHORTEST: Duration = Duration::from_millis(1);

impl Numbers {
    fn acknowledged(&mut self, upto: u64) -> Result<(), Fault> {
        if upto >= self.first + self.kept.len() as u64 {
            return Err(Fault::malformed("an Ack of a message that was never sent"));
        }
        while self.first <= upto && self.kept.pop_front().is_some() {
            self.first += 1;
        }
        Ok(())
    }
}
