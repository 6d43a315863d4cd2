//! What is said to a client.

use everywire_core::payload::Extras;
use everywire_core::{Broadcast, Failure, Item, Name, Offset, Outcome, Payload};
use serde::Serialize;

use super::frame::Command;
use super::server::{Complaint, Stage, Stomp};
use super::token::{Awaited, What};
use super::version::Version;
use super::write::write_frame;
use crate::protocol::jsonrpc::code::INVALID_PARAMS;
use crate::protocol::{Heads, write_json};
use crate::seam::{Kind, Outbox};

/// The name and version that CONNECTED shows.
const SERVER: &str = concat!("everywire/", env!("CARGO_PKG_VERSION"));
/// The event by which a client hears of what failed and has no other answer: `/user/queue/errors`.
const ERRORS: &str = "errors";

/// The body of a message on `/user/queue/errors`.
#[derive(Serialize)]
struct Report<'f> {
    code: i32,
    message: &'f str,
    event: &'f str,
}

impl Stomp {
    pub(super) fn say(&mut self, item: &Item, outbox: &mut dyn Outbox) {
        if self.stage == Stage::Told {
            return;
        }
        match item {
            Item::Broadcast { broadcast, .. } => self.say_broadcast(broadcast, outbox),
            Item::Emit { event, payload, .. } | Item::Kept { event, payload, .. } => {
                self.say_event(event, payload, outbox);
            }
            Item::Reply { token, outcome } => {
                if let Some(awaited) = Awaited::of(token) {
                    self.answer(awaited, outcome, outbox);
                }
            }
            Item::Delivery { consumer, delivery, redelivered, message } => {
                let mut tail = Vec::new();
                let (time, from) = (message.time.to_string(), message.from.map(|from| from.to_string()));
                let from = from.as_deref().map(|from| ("from", from));
                let user = message.user.as_deref().map(|user| ("user", user));
                let told: Vec<_> = [("time", &*time)].into_iter().chain(from).chain(user).collect();
                let (payload, original) = (&message.payload, message.original.as_deref());
                self.reader().write(Some(&message.event), &told, payload, original, &mut tail);
                let kind = self.reader().kind(payload);
                self.subscriptions
                    .of_queue(*consumer, *delivery, *redelivered, |head| join(kind, head, &tail, outbox));
            }
            Item::Entered { id, user, .. } => {
                let (id, heartbeat) = (id.to_string(), self.heartbeat().to_string());
                let version = self.parser.version();
                // 1.0 has none, and a client of it might take the header for a promise.
                let heartbeat = (version > Version::V1_0).then_some(("heart-beat", &*heartbeat));
                let user = user.as_deref().map(|user| ("user-name", user));
                let session = [("session", &*id), ("server", SERVER)];
                let headers = [("version", version.as_str())].into_iter().chain(heartbeat).chain(session);
                frame(outbox, |out| {
                    write_frame(version, &Command::Connected, headers.clone().chain(user), &[], out);
                });
                if self.stage == Stage::Entering {
                    self.stage = Stage::Open;
                }
                self.parser.log_in();
            }
            Item::Refused { message, .. } => self.complain_of("Connection refused", message, None, outbox),
            Item::Wire { bytes, text } => {
                let kind = if *text { Kind::Text } else { Kind::Binary };
                outbox.message(kind, bytes.len(), &mut |out| out.extend_from_slice(bytes));
                if bytes.starts_with(b"ERROR\n") {
                    self.fall_silent();
                }
            }
            // It is one connection, and its answers are single.
            Item::StreamItem { .. } | Item::Left => {}
        }
    }

    fn say_broadcast(&self, broadcast: &Broadcast, outbox: &mut dyn Outbox) {
        let reader = self.reader();
        let kind = reader.kind(&broadcast.publication.payload);
        let mut tail = Vec::new();
        self.subscriptions.heads(broadcast, &mut |head| {
            if tail.is_empty() {
                reader.broadcast(broadcast, &mut tail);
            }
            join(kind, head, &tail, outbox);
        });
        // What is encoded here leaves.
        self.subscriptions.said(broadcast);
    }

    fn say_event(&self, event: &Name, payload: &Payload, outbox: &mut dyn Outbox) {
        let reader = self.reader();
        let mut tail = Vec::new();
        self.subscriptions.of_event(event, |head| {
            if tail.is_empty() {
                reader.write(Some(event), &[], payload, None, &mut tail);
            }
            join(reader.kind(payload), head, &tail, outbox);
        });
    }

    fn answer(&mut self, awaited: Awaited<'_>, outcome: &Outcome, outbox: &mut dyn Outbox) {
        let Awaited { what, receipt } = awaited;
        let payload = match outcome {
            Outcome::Done(payload) => Some(payload),
            Outcome::Ended => None,
            Outcome::Failed(failure) if failure.ends => {
                return self.complain_of("Not done", &failure.message, receipt, outbox);
            }
            Outcome::Failed(failure) => return self.report(failure, receipt, outbox),
        };
        let reader = self.reader();
        let (offset, recovered) = match (what, payload) {
            (What::Joined(number), Some(payload)) => self.joined(number, payload).unzip(),
            (What::Published, Some(payload)) => (published(payload), None),
            _ => (None, None),
        };
        match (what, payload) {
            (What::Mark(number), _) => return self.subscriptions.begin(number),
            (What::Held, _) => return,
            (What::Spoiled { destination, detail }, _) => {
                let failure = Failure { event: destination.into(), ..Failure::new(INVALID_PARAMS, detail) };
                return self.report(&failure, receipt, outbox);
            }
            (What::Stopped(number), _) => self.subscriptions.forget(number),
            // As Spring: a subscription hears nothing of a handler that says nothing. Who asks for an answer has one, though.
            (What::Once(_), Some(payload)) if payload.is_empty() => {}
            (What::Once(number), Some(payload)) => {
                let mut tail = Vec::new();
                reader.write(None, &[], payload, None, &mut tail);
                self.subscriptions.once(number, |head| join(reader.kind(payload), head, &tail, outbox));
            }
            (What::Event { reply_to: Some(to), correlation }, Some(payload)) => {
                let mut tail = Vec::new();
                let correlation: Vec<_> = correlation.map(|id| ("correlation-id", id)).into_iter().collect();
                reader.write(None, &correlation, payload, None, &mut tail);
                let mut head = |head: &[u8]| join(reader.kind(payload), head, &tail, outbox);
                match to.strip_prefix("/user/queue/").or_else(|| to.strip_prefix("/user/topic/")) {
                    Some(event) => self.subscriptions.of_event(event, head),
                    None => self.subscriptions.reply(to, |bytes| head(bytes)),
                }
            }
            (What::Goodbye, _) => {
                // The receipt is the last that it hears.
                self.subscriptions.clear();
                if let Stage::Leaving { waits } = self.stage {
                    self.stage = Stage::Parting { waits };
                }
            }
            (What::Task | What::Published | What::Joined(_) | What::Once(_) | What::Event { .. }, _) => {}
        }
        if let Some(receipt) = receipt {
            let version = self.parser.version();
            let offset = offset.as_deref().map(|offset| ("offset", offset));
            let recovered =
                recovered.map(|recovered| ("recovered", if recovered { "true" } else { "false" }));
            let headers = [("receipt-id", receipt)].into_iter().chain(offset).chain(recovered);
            frame(outbox, |out| write_frame(version, &Command::Receipt, headers.clone(), &[], out));
        }
    }

    /// Where a subscription stands, and whether nothing was missed.
    fn joined(&self, number: u32, payload: &Payload) -> Option<(String, bool)> {
        let (offset, recovered): (String, bool) = payload.read(Extras::Ignore).ok()?;
        if let Ok(Offset { seq, .. }) = offset.parse() {
            self.subscriptions.stands(number, seq);
        }
        Some((offset, recovered))
    }

    /// Tells what failed to whoever subscribes to that.
    fn report(&self, failure: &Failure, receipt: Option<&str>, outbox: &mut dyn Outbox) {
        let (code, message, event) = (failure.code, &*failure.message, &*failure.event);
        let mut json = Vec::new();
        write_json(&Report { code, message, event }, &mut json);
        if let Some(data) = &failure.data {
            json.pop();
            json.extend_from_slice(b",\"data\":");
            data.write_json_value(&mut json);
            json.push(b'}');
        }
        let told = receipt.map(|receipt| ("receipt-id", receipt));
        let headers = [("content-type", super::body::JSON)].into_iter().chain(told);
        let mut tail = Vec::new();
        super::write::write_tail(self.parser.version(), headers, &json, &mut tail);
        self.subscriptions.of_event(ERRORS, |head| join(Kind::Text, head, &tail, outbox));
    }

    fn complain_of(&mut self, message: &str, detail: &str, receipt: Option<&str>, outbox: &mut dyn Outbox) {
        // Of two faults the first is told.
        if matches!(self.stage, Stage::Over | Stage::Told) {
            return;
        }
        self.fall_silent();
        let complaint = Complaint { message, detail: detail.into(), receipt };
        frame(outbox, |out| complaint.append(self.parser.version(), out));
    }
}

/// Where a publication stands.
fn published(payload: &Payload) -> Option<String> {
    payload.read::<(String,)>(Extras::Ignore).ok().map(|(offset,)| offset)
}

/// A frame of ours, whose length is not known before.
fn frame(outbox: &mut dyn Outbox, write: impl Fn(&mut Vec<u8>)) {
    let mut bytes = Vec::new();
    write(&mut bytes);
    outbox.message(Kind::Text, bytes.len(), &mut |out| out.extend_from_slice(&bytes));
}

fn join(kind: Kind, head: &[u8], tail: &[u8], outbox: &mut dyn Outbox) {
    outbox.message(kind, head.len() + tail.len(), &mut |out| {
        out.extend_from_slice(head);
        out.extend_from_slice(tail);
    });
}
