//! The server's machine: one client of one hub.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use everywire_core::payload::Extras;
use everywire_core::{ConnectionId, Entry, PayloadRef, Reason, Token};

use super::counter::Counter;
use super::framing::Framing;
use super::message::{Completed, Encoding, Fault, HubMessage, Invocation};
use super::options::SignalROptions;
use super::shaking::Shaking;
use super::{Ended, Outgoing};
use crate::protocol::{Entrance, Output, Outputs, Protocol, ProtocolForm};
use crate::seam::{Message, Outbox, Time};
use crate::session::Facts;

/// What stands before the numbers of our own invocations, as in .NET.
const OURS: char = 's';

/// The machine. An idle client's is small: what only its beginning needs is in a box, and gone after it.
#[derive(Debug)]
pub struct SignalR {
    pub(super) options: Arc<SignalROptions>,
    pub(super) framing: Framing,
    pub(super) stage: Stage,
    /// Where a lost client may come back.
    pub(super) counter: Option<Box<Counter>>,
    heard: Time,
    /// When the next ping is due; none for a client that polls.
    pub(super) ping_at: Option<Time>,
    /// Whether the client pings, and so may be taken for gone when it is silent.
    pings: bool,
    /// What went wrong, for the last message.
    pub(super) detail: Option<Box<str>>,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// It has not been opened.
    New(Arc<str>, Option<ConnectionId>),
    /// The client has not said yet what it wants to speak.
    Shaking(Box<Shaking>),
    Open,
    /// It was told the end, or is to be.
    Over {
        /// Whether it knows our words for that.
        shaken: bool,
    },
}

impl SignalR {
    /// A machine for a client of the hub of this name, and with the public id that it was told, if it was.
    pub fn new(options: Arc<SignalROptions>, hub: Arc<str>, id: Option<ConnectionId>) -> Self {
        let framing = Framing::new(Encoding::Json, options.message_bytes);
        Self {
            options,
            framing,
            stage: Stage::New(hub, id),
            counter: None,
            heard: Time::default(),
            ping_at: None,
            pings: false,
            detail: None,
        }
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.framing.encoding()
    }

    fn is_away(&self) -> bool {
        self.counter.as_ref().is_some_and(|counter| counter.is_away())
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open)
    }

    /// One message.
    fn one<'a>(&mut self, now: Time, message: HubMessage<'a>, out: &mut Outputs<'a>) {
        if let Some(counter) = &mut self.counter {
            if message.is_counted() && !counter.count(now) {
                return;
            }
            if counter.is_deaf() && !matches!(message, HubMessage::Sequence { .. } | HubMessage::Close { .. })
            {
                return;
            }
        }
        match message {
            HubMessage::Invocation(invocation) => self.invoked(invocation, false, out),
            HubMessage::StreamInvocation(invocation) => self.invoked(invocation, true, out),
            HubMessage::StreamItem { id, item } => out.push(Output::Upload { token: token(&id), item }),
            HubMessage::Completion { id, outcome } => completed(&id, outcome, out),
            HubMessage::CancelInvocation { id } => out.push(Output::Cancel { token: token(&id) }),
            HubMessage::Ping => self.pings = true,
            HubMessage::Close { error, .. } => {
                let fault = error.map_or(Cow::Borrowed("the client closed"), |error| {
                    Cow::Owned(format!("the client closed: {error}"))
                });
                self.stage = Stage::Over { shaken: true };
                out.push(Output::Close { reason: Reason::ClientClosed, fault });
            }
            HubMessage::Ack { sequence } if self.counter.is_some() => {
                out.push(Output::Acknowledged(sequence));
            }
            HubMessage::Sequence { sequence } => {
                if self.counter.as_mut().is_some_and(|counter| !counter.restart(sequence)) {
                    let what = "Sequence ID greater than amount of messages we've received.";
                    self.fail(&Fault::Malformed(what.into()), out);
                }
            }
            HubMessage::Ack { .. } => {
                out.push(Output::Ignored("an Ack, and nothing is to be acknowledged".into()));
            }
            HubMessage::Unknown(kind) => {
                out.push(Output::Ignored(format!("a message of the unknown kind {kind}").into()));
            }
        }
    }

    fn invoked<'a>(&mut self, invocation: Invocation<'a>, streams: bool, out: &mut Outputs<'a>) {
        let Invocation { id, target, args, streams: uploads } = invocation;
        let token = id.as_deref().map(token);
        let args = match args {
            Ok(args) => args,
            Err(error) => {
                // As an argument of another type: the client's call fails, and nothing else.
                let mut text = format!("Failed to invoke '{target}' due to an error on the server.");
                if self.options.detailed_errors {
                    text = format!("{text} InvalidDataException: {error}");
                }
                match id {
                    Some(id) => self.complete_badly(&id, &text, out),
                    None => out.push(Output::Ignored(text.into())),
                }
                return;
            }
        };
        if !streams && uploads.is_empty() {
            return out.push(Output::Event { slot: 0, name: target, args, token });
        }
        if let Some(ours) = uploads.iter().find(|id| number_of_ours(id).is_some()) {
            let text = format!(
                "Stream IDs that are an {OURS} and a number are the server's, and '{ours}' is one; choose another."
            );
            return match id {
                Some(id) => self.complete_badly(&id, &text, out),
                None => out.push(Output::Ignored(text.into())),
            };
        }
        let uploads = uploads.iter().map(|id| self::token(id)).collect();
        out.push(Output::Call { slot: 0, name: target, args, token, streams, uploads });
    }

    fn complete_badly(&self, id: &str, error: &str, out: &mut Outputs<'_>) {
        let mut bytes = Vec::new();
        Outgoing::Completion { id, ended: Ended::Error(error) }.append(self.encoding(), &mut bytes);
        let fault = Some(Cow::Owned(error.to_owned()));
        out.push(Output::Send { bytes, kind: self.encoding().kind(), fault });
    }

    /// The client did something beyond which nothing of it means anything.
    fn fail(&mut self, fault: &Fault, out: &mut Outputs<'_>) {
        self.detail = Some(format!("InvalidDataException: {fault}").into());
        let reason = match fault {
            Fault::TooLong { .. } => Reason::TooLarge,
            Fault::Malformed(_) => Reason::ProtocolError,
        };
        self.stage = Stage::Over { shaken: true };
        out.push(Output::Close { reason, fault: Cow::Owned(fault.to_string()) });
    }

    fn next<'a>(&mut self, now: Time, input: &mut &'a [u8], out: &mut Outputs<'a>) -> Result<bool, Fault> {
        let Some(message) = self.framing.next(input)? else { return Ok(false) };
        if let Stage::Shaking(_) = self.stage {
            self.shake(now, &message, out);
            return Ok(true);
        }
        let encoding = self.encoding();
        let message = match &message {
            Cow::Borrowed(bytes) => HubMessage::read(encoding, bytes)?,
            // It came in pieces.
            Cow::Owned(bytes) => HubMessage::read(encoding, bytes)?.into_static(),
        };
        self.one(now, message, out);
        Ok(true)
    }
}

/// What a call or a stream of the client's is known by. Clients in JavaScript and Python count.
fn token(id: &str) -> Token {
    match id.parse::<u64>() {
        // Spelled as we spell it, or it could not be given back as it was.
        Ok(number) if !id.starts_with('+') && (id == "0" || !id.starts_with('0')) => Token::Number(number),
        _ => Token::Text(Bytes::copy_from_slice(id.as_bytes())),
    }
}

/// The number of an invocation of ours.
fn number_of_ours(id: &str) -> Option<u64> {
    match token(id.strip_prefix(OURS)?) {
        Token::Number(number) => Some(number),
        _ => None,
    }
}

/// The id of an invocation of ours.
pub(super) fn id_of_ours(number: u64) -> String {
    format!("{OURS}{number}")
}

fn completed<'a>(id: &str, outcome: Completed<'a>, out: &mut Outputs<'a>) {
    let Some(ours) = number_of_ours(id) else {
        let error = match outcome {
            Completed::Error(error) => Some(error.into_owned()),
            Completed::Nothing | Completed::Result(_) => None,
        };
        return out.push(Output::Uploaded { token: token(id), error });
    };
    let answer = match outcome {
        Completed::Nothing => Ok(PayloadRef::empty()),
        Completed::Result(Ok(result)) => Ok(result),
        Completed::Result(Err(error)) => Err((0, format!("Error trying to deserialize result. {error}"))),
        Completed::Error(error) => Err((0, error.into_owned())),
    };
    out.push(Output::Answer { slot: 0, id: ours, answer });
}

impl Protocol for SignalR {
    fn open(&mut self, facts: &Facts, now: Time, _out: &mut Outputs<'_>) {
        let Stage::New(namespace, id) = &self.stage else { return };
        self.heard = now;
        self.stage = Stage::Shaking(Box::new(Shaking {
            until: now.after(self.options.handshake_timeout),
            namespace: namespace.clone(),
            id: *id,
            text_only: facts.text_only,
            polls: facts.polls,
            resumable: facts.resumable,
        }));
    }

    fn message<'a>(&mut self, now: Time, message: Message<'a>, out: &mut Outputs<'a>) {
        let mut input = message.as_bytes();
        self.heard = now;
        while let Stage::Shaking(_) | Stage::Open = self.stage {
            match self.next(now, &mut input, out) {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) if !self.is_open() => {
                    return self.turn_away(Reason::TooLarge, "Handshake was canceled.", out);
                }
                Err(fault) => return self.fail(&fault, out),
            }
        }
    }

    #[inline]
    fn encode(&mut self, entry: &Entry, outbox: &mut dyn Outbox) {
        self.say(&entry.item, outbox);
    }

    fn goodbye(&mut self, reason: Reason, outbox: &mut dyn Outbox) {
        if let Stage::Open | Stage::Over { shaken: true } = self.stage {
            self.say_goodbye(reason, outbox);
        }
        self.stage = Stage::Over { shaken: false };
    }

    fn unheard(&mut self, now: Time) {
        if self.is_open() {
            self.heard = now;
        }
    }

    fn suspended(&mut self) {
        if let Some(counter) = &mut self.counter {
            counter.suspended();
        }
    }

    fn resumed(&mut self, now: Time, from: u64, outbox: &mut dyn Outbox) {
        // It lives, although it has not said so yet.
        self.heard = now;
        self.framing.forget_partial();
        if let Some(counter) = &mut self.counter {
            counter.resumed();
        }
        Outgoing::Sequence { sequence: from }.pass(self.encoding(), outbox);
    }

    fn form(&self) -> ProtocolForm {
        match self.encoding() {
            Encoding::Json => ProtocolForm::SignalR,
            Encoding::MsgPack => ProtocolForm::SignalRMsgPack,
        }
    }

    fn entrance(&self) -> Entrance {
        Entrance::OnRequest
    }

    fn answers(&self) -> bool {
        true
    }

    /// Methods have signatures.
    fn extras(&self) -> Extras {
        Extras::Refuse
    }

    fn folds_case(&self) -> bool {
        true
    }

    fn lends_turn(&self) -> bool {
        true
    }

    fn tick(&mut self, now: Time, out: &mut Outputs<'_>) {
        match &self.stage {
            Stage::Shaking(shaking) if now >= shaking.until => {
                self.turn_away(Reason::HandshakeTimeout, "Handshake was canceled.", out);
            }
            // A client without a lane is neither silent nor to be told anything.
            Stage::Open if self.is_away() => {}
            Stage::Open => {
                if self.pings
                    && self.ping_at.is_some()
                    && now >= self.heard.after(self.options.client_timeout)
                {
                    self.detail = Some(
                        "OperationCanceledException: Client hasn't sent a message/ping within the configured ClientTimeoutInterval."
                            .into(),
                    );
                    self.stage = Stage::Over { shaken: true };
                    let fault = Cow::Borrowed("the client has pinged, and is silent");
                    return out.push(Output::Close { reason: Reason::IdleTimeout, fault });
                }
                let encoding = self.encoding();
                let mut pass = |message: Outgoing<'_>| {
                    let mut bytes = Vec::new();
                    message.append(encoding, &mut bytes);
                    out.push(Output::Passing { bytes, kind: encoding.kind() });
                };
                if let Some(ping_at) = self.ping_at.filter(|at| now >= *at) {
                    pass(Outgoing::Ping);
                    self.ping_at = Some(now.after(self.options.keep_alive.max(SHORTEST)));
                    debug_assert!(ping_at <= now, "it was due");
                }
                if let Some(sequence) = self.counter.as_mut().and_then(|counter| counter.ack(now)) {
                    pass(Outgoing::Ack { sequence });
                }
            }
            Stage::New(..) | Stage::Shaking(_) | Stage::Over { .. } => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        match &self.stage {
            Stage::Shaking(shaking) => Some(shaking.until),
            Stage::Open if self.is_away() => None,
            Stage::Open => {
                let silence = self.ping_at.filter(|_| self.pings);
                let silence = silence.map(|_| self.heard.after(self.options.client_timeout));
                let ack = self.counter.as_ref().and_then(|counter| counter.deadline());
                [self.ping_at, silence, ack].into_iter().flatten().min()
            }
            Stage::New(..) | Stage::Over { .. } => None,
        }
    }
}

/// What is due at once would be due for ever.
const SHORTEST: std::time::Duration = std::time::Duration::from_millis(1);
