//! The server's protocol, of the real trait, and the numbering that both peers do.

use std::borrow::Cow;
use std::time::Duration;

use everywire_core::payload::{Extras, Message as PayloadMessage};
use everywire_core::{Entry, Item, PayloadRef, Reason};
use everywire_protocols::protocol::{Output, Outputs, Protocol, ProtocolForm};
use everywire_protocols::seam::{Kind, Message, Outbox, Time};
use everywire_protocols::session::Facts;

/// Acknowledgements come at most so often.
const ACK_EVERY: Duration = Duration::from_secs(1);

/// Numbers what comes in, on both sides: drops what it has seen, and acknowledges the rest once a second.
#[derive(Default)]
pub(super) struct Counter {
    /// The number of the next.
    next: u64,
    seen: u64,
    acknowledged: u64,
    pub(super) ack_at: Option<Time>,
    /// Whether all is to be ignored up to a `9`.
    pub(super) deaf: bool,
}

impl Counter {
    pub(super) fn new() -> Self {
        Self { next: 1, ..Self::default() }
    }

    /// Whether this message, which is counted, is a new one.
    pub(super) fn count(&mut self, now: Time) -> bool {
        if self.deaf {
            return false;
        }
        let number = self.next;
        self.next += 1;
        if number >= self.seen {
            // Also for the last that was seen before: the peer sends it again because our word of it was lost.
            self.ack_at.get_or_insert(now.after(ACK_EVERY));
        }
        let is_new = number > self.seen;
        self.seen = self.seen.max(number);
        is_new
    }

    /// A replay begins. False if it leaves something out.
    pub(super) fn restart(&mut self, from: u64) -> bool {
        self.deaf = false;
        self.next = from;
        from <= self.seen + 1
    }

    pub(super) fn ack(&mut self, now: Time) -> Option<u64> {
        if self.ack_at.is_none_or(|at| now < at) {
            return None;
        }
        self.ack_at = None;
        self.acknowledged = self.seen;
        Some(self.seen)
    }
}

pub(super) struct Counting(pub(super) Counter);

impl Protocol for Counting {
    fn open(&mut self, facts: &Facts, _now: Time, _out: &mut Outputs<'_>) {
        assert!(facts.resumable || facts.text_only || *facts == Facts::default());
    }

    fn message<'a>(&mut self, now: Time, message: Message<'a>, out: &mut Outputs<'a>) {
        let text = std::str::from_utf8(message.as_bytes()).unwrap_or_default();
        let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number < 1 << 32);
        match (text.split_at_checked(2), text.get(2..).and_then(number)) {
            (Some(("1:", text)), _) if self.0.count(now) => {
                let (name, args) = (Cow::Borrowed("message"), PayloadRef::text(text));
                out.push(Output::Event { slot: 0, name, args, token: None });
            }
            (Some(("1:", _)), _) => {}
            (Some(("8:", _)), _) if self.0.deaf => {}
            (Some(("8:", _)), Some(upto)) => out.push(Output::Acknowledged(upto)),
            (Some(("9:", _)), Some(from)) if self.0.restart(from) => {}
            _ => out.push(Output::Ignored(Cow::Borrowed("nonsense"))),
        }
    }

    fn encode(&mut self, entry: &Entry, outbox: &mut dyn Outbox) {
        if let Item::Emit { payload, .. } = &entry.item {
            let Some(PayloadMessage::Text(text)) = payload.as_message() else { return };
            outbox.message(Kind::Text, text.len() + 2, &mut |out| {
                out.extend_from_slice(b"1:");
                out.extend_from_slice(text.as_bytes());
            });
        }
    }

    fn resumed(&mut self, _now: Time, from: u64, outbox: &mut dyn Outbox) {
        self.0.deaf = true;
        outbox.passing(Kind::Text, 8, &mut |out| out.extend_from_slice(format!("9:{from}").as_bytes()));
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

    fn tick(&mut self, now: Time, out: &mut Outputs<'_>) {
        if let Some(upto) = self.0.ack(now) {
            let bytes = format!("8:{upto}").into_bytes();
            out.push(Output::Passing { bytes, kind: Kind::Text });
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.0.ack_at
    }
}
