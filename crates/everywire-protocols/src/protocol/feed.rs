//! The wires that only receive: Server-Sent Events and poll.
//!
//! | wire | event `chat` with `{"text":"hi"}`, published to `lobby` |
//! |---|---|
//! | SSE | `id: <offset>`, `event: chat`, `data: {"data":{"text":"hi"},"room":"lobby","time":…,"from":…,"user":…}` |
//! | poll | `{"event":"chat","data":{"text":"hi"},"room":"lobby","offset":…,"time":…,"from":…,"user":…}` |
//!
//! Their clients made their memberships themselves, by naming rooms in the request: meta is always there. An event
//! for one client alone has no place in the log, hence no id and no offset. Line ends cannot occur in `event` (the
//! admission check) nor in `data` (JSON that a payload keeps has none).

use std::borrow::Cow;
use std::io::Write;

use everywire_core::admission::EVENT_SOURCE_EVENTS;
use everywire_core::payload::Extras;
use everywire_core::{Broadcast, Entry, Item, Payload, Reason};

use super::{Output, Outputs, Protocol, ProtocolForm, meta, write_json};
use crate::seam::{Kind, Message, Outbox, Time};
use crate::session::Facts;

/// About how long a message is around its name and data.
const HINT: usize = 32 + meta::HINT;

/// The machine, which has nothing to remember.
#[derive(Debug)]
pub struct Feed(Wire);

#[derive(Debug, Clone, Copy)]
pub(super) enum Wire {
    EventSource,
    Poll,
}

impl Feed {
    /// For [`crate::session::SseEndpoint`]: each message is a block of a stream.
    pub fn event_source() -> Self {
        Self(Wire::EventSource)
    }

    /// For [`crate::session::PollEndpoint`]: each message is an element of an array.
    pub fn poll() -> Self {
        Self(Wire::Poll)
    }
}

impl Protocol for Feed {
    fn open(&mut self, _facts: &Facts, _now: Time, _out: &mut Outputs<'_>) {}

    fn message<'a>(&mut self, _now: Time, _message: Message<'a>, out: &mut Outputs<'a>) {
        out.push(Output::Ignored(Cow::Borrowed("a message on a wire that only receives")));
    }

    fn encode(&mut self, entry: &Entry, outbox: &mut dyn Outbox) {
        match &entry.item {
            Item::Broadcast { broadcast, .. } => encode(self.0, broadcast, outbox),
            Item::Emit { event, payload, .. } | Item::Kept { event, payload, .. } => {
                write(self.0, event, payload, None, outbox);
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
        match self.0 {
            Wire::EventSource => ProtocolForm::EventSource,
            Wire::Poll => ProtocolForm::Poll,
        }
    }

    fn answers(&self) -> bool {
        false
    }

    fn extras(&self) -> Extras {
        Extras::Ignore
    }
}

/// A broadcast.
pub(super) fn encode(wire: Wire, broadcast: &Broadcast, outbox: &mut dyn Outbox) {
    let publication = &broadcast.publication;
    write(wire, &publication.event, &publication.payload, Some(broadcast), outbox);
}

fn write(wire: Wire, event: &str, args: &Payload, told: Option<&Broadcast>, outbox: &mut dyn Outbox) {
    let hint = HINT + event.len() + args.size();
    outbox.message(Kind::Text, hint, &mut |out| match wire {
        Wire::EventSource => write_block(event, args, told, out),
        Wire::Poll => write_object(Some(event), args, told, true, out),
    });
}

/// A block of a stream, its empty line included.
fn write_block(event: &str, args: &Payload, told: Option<&Broadcast>, out: &mut Vec<u8>) {
    if let Some(broadcast) = told {
        writeln!(out, "id: {}", broadcast.offset).expect("a Vec takes every write");
    }
    // What `EventSource` raises itself must not come from us: it is named in the data instead.
    let hidden = EVENT_SOURCE_EVENTS.contains(&event);
    if !hidden {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    write_object(hidden.then_some(event), args, told, false, out);
    out.extend_from_slice(b"\n\n");
}

fn write_object(
    event: Option<&str>,
    args: &Payload,
    told: Option<&Broadcast>,
    offset: bool,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    if let Some(event) = event {
        out.extend_from_slice(b"\"event\":");
        write_json(event, out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"data\":");
    args.write_json_value(out);
    if let Some(broadcast) = told {
        meta::write_members(broadcast, offset, out);
    }
    out.push(b'}');
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
