//! The raw protocol: a message is a message.
//!
//! In: every message is the event `message` with the text or the bytes as its one argument. Out: the event
//! `message` with one text or binary argument is that message; any other event is
//! `{"event":"chat","data":{"text":"hi"}}`. There are no answers.

use std::borrow::Cow;

use everywire_core::payload::{Extras, Message as PayloadMessage};
use everywire_core::{Entry, Item, Name, Payload, PayloadRef, Reason};

use super::{Output, Outputs, Protocol, ProtocolForm, write_json};
use crate::seam::{Kind, Message, Outbox, Time};
use crate::session::Facts;

/// The machine, which has nothing to remember.
#[derive(Debug, Default)]
pub struct Raw;

impl Protocol for Raw {
    fn open(&mut self, _facts: &Facts, _now: Time, _out: &mut Outputs<'_>) {}

    fn message<'a>(&mut self, _now: Time, message: Message<'a>, out: &mut Outputs<'a>) {
        let args = match message {
            Message::Text(text) => PayloadRef::text(text),
            Message::Binary(bytes) => PayloadRef::binary(bytes),
        };
        out.push(Output::Event { slot: 0, name: Cow::Borrowed("message"), args, token: None });
    }

    fn encode(&mut self, entry: &Entry, outbox: &mut dyn Outbox) {
        match &entry.item {
            Item::Broadcast { broadcast, meta } => ProtocolForm::Raw.encode(broadcast, *meta, outbox),
            Item::Emit { event, payload, .. } | Item::Kept { event, payload, .. } => {
                encode(event, payload, outbox);
            }
            // No event comes with a token, so none is answered; nothing is written by itself; and a session is one
            // connection.
            Item::Reply { .. }
            | Item::StreamItem { .. }
            | Item::Wire { .. }
            | Item::Entered { .. }
            | Item::Refused { .. }
            | Item::Left
            | Item::Delivery { .. } => {}
        }
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
}

pub(super) fn encode(event: &Name, payload: &Payload, outbox: &mut dyn Outbox) {
    if **event == *Name::MESSAGE
        && let Some(message) = payload.as_message()
    {
        let (kind, bytes) = match &message {
            PayloadMessage::Text(text) => (Kind::Text, text.as_bytes()),
            PayloadMessage::Binary(bytes) => (Kind::Binary, &bytes[..]),
        };
        outbox.message(kind, bytes.len(), &mut |out| out.extend_from_slice(bytes));
        return;
    }
    outbox.message(Kind::Text, payload.size() + event.len() + 32, &mut |out| {
        out.extend_from_slice(b"{\"event\":");
        write_json(&**event, out);
        out.extend_from_slice(b",\"data\":");
        payload.write_json_value(out);
        out.push(b'}');
    });
}
