//! The server's machine: one client.
//!
//! What it does at once is what concerns the connection alone: the handshake, subscriptions' ids, transactions, faults. All
//! else happens in its turn ([`Task`]), and so do receipts. A fault is answered by an ERROR, and nothing of the
//! client's is read behind it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use everywire_core::payload::Extras;
use everywire_core::{Entry, PayloadRef, Reason};

use super::act::turn;
use super::beats::{Beats, HeartBeat};
use super::fault::Fault;
use super::frame::{Command, Event, Frame};
use super::options::StompOptions;
use super::parser::Parser;
use super::subscriptions::Subscriptions;
use super::tail::Reader;
use super::token::{Awaited, What};
use super::transactions::Transactions;
use super::version::Version;
use super::write::{PULSE, write_frame};
use crate::protocol::{Entrance, Heads, Output, Outputs, Protocol, ProtocolForm, Task};
use crate::seam::{Kind, Message, Outbox, Time};
use crate::session::Facts;

/// How long a client may take to close its socket after its goodbye was answered. Clients do so on the receipt.
const PARTING: Duration = Duration::from_secs(2);

/// The machine.
#[derive(Debug)]
pub struct Stomp {
    pub(super) options: Arc<StompOptions>,
    pub(super) parser: Parser,
    pub(super) stage: Stage,
    pub(super) subscriptions: Arc<Subscriptions>,
    pub(super) transactions: Option<Box<Transactions>>,
    beats: Beats,
    text_only: bool,
    namespace: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has not been opened.
    New,
    /// CONNECT has to come until then.
    Silent(Time),
    /// It has come, and has not been answered.
    Entering,
    Open,
    /// The client has said goodbye, behind what it has asked for before.
    Leaving {
        /// Whether it waits for a receipt, and closes its socket then.
        waits: bool,
    },
    /// That has been answered just now.
    Parting {
        /// As before.
        waits: bool,
    },
    /// It is to close its socket until then.
    Parted(Time),
    /// Nothing of it counts any more. What waits for it is still said, a fault of its own last.
    Over,
    /// It has heard an ERROR, and nothing comes behind that.
    Told,
}

/// What an ERROR says.
#[derive(Debug)]
pub(super) struct Complaint<'c> {
    /// In its header, short.
    pub(super) message: &'c str,
    /// In its body: what was wrong, and what would be right.
    pub(super) detail: Cow<'c, str>,
    /// The receipt that the frame asked for.
    pub(super) receipt: Option<&'c str>,
}

impl Complaint<'_> {
    pub(super) fn append(&self, version: Version, out: &mut Vec<u8>) {
        let receipt = self.receipt.map(|receipt| ("receipt-id", receipt));
        let headers =
            [("message", self.message), ("content-type", super::body::TEXT)].into_iter().chain(receipt);
        write_frame(version, &Command::Error, headers, self.detail.as_bytes(), out);
    }
}

impl Stomp {
    /// A machine for a client of this namespace.
    pub fn new(options: Arc<StompOptions>, namespace: Arc<str>) -> Self {
        Self {
            parser: Parser::new(options.limits),
            options,
            stage: Stage::New,
            subscriptions: Arc::default(),
            transactions: None,
            beats: Beats::default(),
            text_only: false,
            namespace,
        }
    }

    pub(super) fn reader(&self) -> Reader {
        Reader { version: self.parser.version(), text_only: self.text_only }
    }

    /// What we can do and want.
    pub(super) fn heartbeat(&self) -> HeartBeat {
        HeartBeat::new(self.options.heartbeat, self.options.client_heartbeat)
    }

    /// The client has heard an ERROR. Others may be about to write to its socket.
    pub(super) fn fall_silent(&mut self) {
        self.stage = Stage::Told;
        self.subscriptions.clear();
    }

    fn is_reading(&self) -> bool {
        matches!(self.stage, Stage::Silent(_) | Stage::Entering | Stage::Open)
    }

    /// Says what is wrong, and ends the conversation.
    pub(super) fn complain(&mut self, reason: Reason, complaint: &Complaint<'_>, out: &mut Outputs<'_>) {
        let mut bytes = Vec::new();
        complaint.append(self.parser.version(), &mut bytes);
        out.push(Output::Send { bytes, kind: Kind::Text, fault: None });
        let fault = format!("{}: {}", complaint.message, complaint.detail);
        out.push(Output::Close { reason, fault: fault.into() });
        self.stage = Stage::Over;
        self.transactions = None;
    }

    fn fail(&mut self, fault: &Fault, out: &mut Outputs<'_>) {
        let detail = fault.to_string().into();
        self.complain(fault.reason(), &Complaint { message: fault.message(), detail, receipt: None }, out);
    }

    fn frame<'a>(&mut self, now: Time, frame: Frame<'a>, out: &mut Outputs<'a>) {
        match (self.stage, &frame.command) {
            (Stage::Silent(_), Command::Connect | Command::Stomp) => self.connect(now, &frame, out),
            (Stage::Silent(_), command) => {
                let detail = format!("{} before CONNECT; a client has to CONNECT first", command.as_str());
                let receipt = frame.header("receipt");
                let complaint = Complaint { message: "Not connected", detail: detail.into(), receipt };
                self.complain(Reason::ProtocolError, &complaint, out);
            }
            (_, Command::Disconnect) => self.part(&frame, out),
            _ => self.act(frame, out),
        }
    }

    /// CONNECT: a version, heart-beats, and who the client is.
    fn connect(&mut self, now: Time, frame: &Frame<'_>, out: &mut Outputs<'_>) {
        let refuse = |message, detail: String| Complaint { message, detail: detail.into(), receipt: None };
        let offered = frame.header("accept-version");
        let Some(version) = Version::agree(offered) else {
            let detail =
                format!("accept-version {:?} has none of 1.0, 1.1 and 1.2", offered.unwrap_or_default());
            let mut bytes = Vec::new();
            let headers = [
                ("message", "Version mismatch"),
                ("version", "1.0,1.1,1.2"),
                ("content-type", super::body::TEXT),
            ];
            write_frame(Version::V1_0, &Command::Error, headers, detail.as_bytes(), &mut bytes);
            out.push(Output::Send { bytes, kind: Kind::Text, fault: None });
            out.push(Output::Close { reason: Reason::ProtocolError, fault: detail.into() });
            self.stage = Stage::Over;
            return;
        };
        let given = frame.header("heart-beat");
        let Ok(theirs) = HeartBeat::parse(given) else {
            let detail = format!(
                "heart-beat {:?}; it has to be two numbers of milliseconds, such as 10000,10000",
                given.unwrap_or_default()
            );
            return self.complain(Reason::ProtocolError, &refuse("Malformed heart-beat", detail), out);
        };
        if !frame.body.is_empty() && version > Version::V1_0 {
            let detail = "CONNECT has a body, and may have none".to_owned();
            return self.complain(Reason::ProtocolError, &refuse("Body not allowed", detail), out);
        }
        self.parser.switch(version);
        self.subscriptions.speak(version);
        self.beats = Beats::agree(version, self.heartbeat(), theirs, self.options.tolerance, now);
        self.stage = Stage::Entering;
        let shown: serde_json::Map<String, serde_json::Value> = frame
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), serde_json::Value::String(value.to_string())))
            .collect();
        let shown = serde_json::Value::Object(shown).to_string();
        let auth =
            PayloadRef::json_value(&shown).map_or_else(|_| PayloadRef::empty(), PayloadRef::into_static);
        let namespace = Cow::Owned(self.namespace.to_string());
        out.push(Output::Connect { slot: 0, namespace, id: None, auth, resume: None });
        let (ours, theirs) = (self.beats.ours(), self.beats.are_theirs());
        if ours.is_some() || theirs {
            out.push(Output::Beats { ours, theirs });
        }
    }

    /// DISCONNECT: all that came before is done first.
    fn part(&mut self, frame: &Frame<'_>, out: &mut Outputs<'_>) {
        self.transactions = None;
        let receipt = frame.header("receipt");
        self.stage = Stage::Leaving { waits: receipt.is_some() };
        // Others are to have what waits in queues.
        for consumer in self.subscriptions.consumers() {
            let token = Awaited { what: What::Task, receipt: None }.token();
            out.push(Output::Task { slot: 0, task: Box::new(Task::Stop { consumer }), token });
        }
        turn(What::Goodbye, receipt, out);
    }

    fn close_parted(&mut self, out: &mut Outputs<'_>) {
        self.stage = Stage::Over;
        let fault = "the client has said goodbye".into();
        out.push(Output::Close { reason: Reason::ClientClosed, fault });
    }

    /// Says that we live, if that is due.
    fn beat(&mut self, now: Time, out: &mut Outputs<'_>) {
        if self.beats.is_due(now) {
            out.push(Output::Passing { bytes: PULSE.to_vec(), kind: Kind::Text });
        }
    }

    /// Whether this is what a client's library makes of bytes where only text can be sent.
    fn is_spoiled(&self, message: Message<'_>) -> bool {
        let is_between = self.text_only && !self.parser.is_within();
        let bytes = message.as_bytes();
        is_between
            && (bytes.starts_with(b"[object ")
                || bytes.first().is_some_and(u8::is_ascii_digit)
                    && bytes.contains(&b',')
                    && bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b','))
    }
}

impl Protocol for Stomp {
    fn open(&mut self, facts: &Facts, now: Time, _out: &mut Outputs<'_>) {
        self.text_only = facts.text_only;
        self.stage = Stage::Silent(now.after(self.options.login_timeout));
    }

    fn message<'a>(&mut self, now: Time, message: Message<'a>, out: &mut Outputs<'a>) {
        self.beats.heard(now);
        if !self.is_reading() {
            return;
        }
        if self.is_spoiled(message) {
            let detail =
                "this session carries text only, and bytes came as the name of an object or as numbers; \
                          connect by a plain WebSocket to send binary"
                    .into();
            let complaint = Complaint { message: "Binary is not possible here", detail, receipt: None };
            return self.complain(Reason::Unsupported, &complaint, out);
        }
        let mut input = message.as_bytes();
        while self.is_reading() {
            match self.parser.next(&mut input) {
                Ok(Some(Event::Pulse)) => {}
                Ok(Some(Event::Frame(frame))) => self.frame(now, frame, out),
                Ok(None) => return,
                Err(fault) => return self.fail(&fault, out),
            }
        }
    }

    #[inline]
    fn encode(&mut self, entry: &Entry, outbox: &mut dyn Outbox) {
        self.say(&entry.item, outbox);
    }

    /// An end that the client may have to do with is told; one that is none of its business has a close code.
    fn goodbye(&mut self, reason: Reason, outbox: &mut dyn Outbox) {
        let is_over = self.has_parted() || matches!(self.stage, Stage::Over | Stage::Told | Stage::New);
        self.stage = Stage::Over;
        let in_order = matches!(
            reason,
            Reason::Shutdown
                | Reason::ServerClosed
                | Reason::ClientClosed
                | Reason::ClientLeft
                | Reason::Lost
        );
        if is_over || in_order {
            return;
        }
        self.fall_silent();
        let complaint =
            Complaint { message: reason.as_str(), detail: Cow::Borrowed(explain(reason)), receipt: None };
        let mut bytes = Vec::new();
        complaint.append(self.parser.version(), &mut bytes);
        outbox.message(Kind::Text, bytes.len(), &mut |out| out.extend_from_slice(&bytes));
    }

    fn has_parted(&self) -> bool {
        matches!(self.stage, Stage::Leaving { .. } | Stage::Parting { .. } | Stage::Parted(_))
    }

    fn unheard(&mut self, now: Time) {
        self.beats.heard(now);
    }

    fn form(&self) -> ProtocolForm {
        match (self.parser.version(), self.text_only) {
            (Version::V1_0, false) => ProtocolForm::Stomp10,
            (Version::V1_1, false) => ProtocolForm::Stomp11,
            (Version::V1_2, false) => ProtocolForm::Stomp12,
            (Version::V1_0, true) => ProtocolForm::Stomp10Text,
            (Version::V1_1, true) => ProtocolForm::Stomp11Text,
            (Version::V1_2, true) => ProtocolForm::Stomp12Text,
        }
    }

    fn heads(&self) -> Option<Arc<dyn Heads>> {
        Some(self.subscriptions.clone())
    }

    fn entrance(&self) -> Entrance {
        Entrance::OnRequest
    }

    fn shows_credentials(&self) -> bool {
        true
    }

    fn answers(&self) -> bool {
        false
    }

    fn extras(&self) -> Extras {
        Extras::Refuse
    }

    fn tick(&mut self, now: Time, out: &mut Outputs<'_>) {
        match self.stage {
            Stage::Silent(until) if now >= until => {
                let seconds = self.options.login_timeout.as_secs_f32();
                let detail = format!("no CONNECT came within {seconds} s").into();
                let complaint = Complaint { message: "Login timeout", detail, receipt: None };
                self.complain(Reason::HandshakeTimeout, &complaint, out);
            }
            // The client does not beat before it knows that it is in, however long that takes.
            Stage::Entering => self.beats.rest(now),
            Stage::Open if self.beats.is_silent(now) => {
                let detail = "nothing came for longer than the heart-beats that were agreed on allow".into();
                let complaint = Complaint { message: "Heart-beat timeout", detail, receipt: None };
                self.complain(Reason::IdleTimeout, &complaint, out);
            }
            // Of one that leaves, what its handlers are at is done first, and meanwhile it waits for us.
            Stage::Open | Stage::Leaving { .. } => self.beat(now, out),
            Stage::Parting { waits: true } => self.stage = Stage::Parted(now.after(PARTING)),
            // Who wants no answer has nothing to wait for.
            Stage::Parting { waits: false } => self.close_parted(out),
            Stage::Parted(until) if now >= until => self.close_parted(out),
            Stage::New | Stage::Silent(_) | Stage::Parted(_) | Stage::Over | Stage::Told => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        match self.stage {
            Stage::Silent(until) | Stage::Parted(until) => Some(until),
            // At once: when that is, the next tick says.
            Stage::Parting { .. } => Some(Time(0)),
            Stage::Entering => self.beats.rests_until(),
            Stage::Open => self.beats.deadline(),
            Stage::Leaving { .. } => self.beats.due(),
            Stage::New | Stage::Over | Stage::Told => None,
        }
    }
}

/// What an end means to a client.
fn explain(reason: Reason) -> &'static str {
    match reason {
        Reason::SlowConsumer => {
            "more waited for the client than may: it reads too slowly, or unsubscribes too little"
        }
        Reason::Overloaded => "frames came faster than they are handled: send fewer, or wait for receipts",
        Reason::Unauthenticated => "who the client is holds no longer: connect again with new credentials",
        Reason::IdleTimeout => "nothing was heard of the client for too long",
        Reason::TooLarge => "a message is longer than may be",
        Reason::InvalidText => "a text message is not UTF-8",
        Reason::Internal => "something broke in the server",
        _ => "the connection ends",
    }
}
