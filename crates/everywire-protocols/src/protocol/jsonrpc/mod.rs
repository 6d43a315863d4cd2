//! JSON-RPC 2.0, in full: requests, notifications, batches, errors, and requests of the server's.
//!
//! The rules are those of the specification (<https://www.jsonrpc.org/specification>, whose sections are named here). Where
//! it leaves something open:
//!
//! | open | here |
//! |---|---|
//! | `params` by name | one argument, the object; by position, the elements are the arguments |
//! | the name of a detail in an error | `data` says what was wrong, and where; `message` is the specification's |
//! | an invalid request that has an id | is answered under it |
//! | ids with a fraction or an exponent | are invalid: a peer that reads them as doubles writes them differently |
//! | a member written twice | counts as written last |
//! | binary messages | are UTF-8 JSON like text ones: some clients send nothing else (web3.py, older jsonrpsee). What we send is text |
//! | responses that nobody awaits | are logged, not answered |
//!
//! The two peers of JSON-RPC are equal but for who speaks first, so one machine is both: [`JsonRpc`] encodes
//! [`Item::Emit`] as a notification or, with `ack`, a request, and understands the response; a client that is one adds
//! [`JsonRpc::encode_batch`].

mod batch;
pub mod code;
mod decode;
mod encode;

use std::borrow::Cow;

use bytes::Bytes;
use everywire_core::payload::Extras;
use everywire_core::payload::json::{Elements, JsonError, RawJson};
use everywire_core::{Broadcast, Entry, Item, Payload, Reason, Token};
use smallvec::SmallVec;

use self::batch::{Batch, Batches};
use self::decode::{Fault, Heard};
use self::encode::Id;
use super::{Output, Outputs, Protocol, ProtocolForm, meta};
use crate::seam::{Kind, Message, Outbox, Time};
use crate::session::Facts;

/// The bounds of one client's batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonRpcOptions {
    /// How many elements a batch may have. Default 100.
    pub batch: usize,
    /// About how many bytes may be held back, for all batches that are not yet answered in full. Default 1 MiB, as much as may
    /// wait for a client's handlers.
    pub batch_bytes: usize,
}

impl Default for JsonRpcOptions {
    fn default() -> Self {
        Self { batch: 100, batch_bytes: 1 << 20 }
    }
}

/// The machine. Nothing is remembered but unfinished batches.
#[derive(Debug, Default)]
pub struct JsonRpc {
    options: JsonRpcOptions,
    batches: Batches,
}

impl JsonRpc {
    /// A machine with these bounds.
    pub fn new(options: JsonRpcOptions) -> Self {
        Self { options, batches: Batches::default() }
    }

    /// Encodes events as one batch: each with its arguments, and an id where an answer is awaited.
    pub fn encode_batch<'e>(
        events: impl IntoIterator<Item = (&'e str, &'e Payload, Option<u64>)>,
        outbox: &mut dyn Outbox,
    ) {
        let mut events = events.into_iter().peekable();
        // An empty batch is an invalid request.
        if events.peek().is_none() {
            return;
        }
        outbox.message(Kind::Text, encode::HINT, &mut |out| {
            let mut before = b'[';
            for (event, args, id) in &mut events {
                out.push(before);
                encode::call(event, args, None, id, out);
                before = b',';
            }
            out.push(b']');
        });
    }

    fn one<'a>(heard: Heard<'a>, out: &mut Outputs<'a>) {
        let token = |id: &str| match id.parse() {
            Ok(number) => Token::Number(number),
            Err(_) => Token::Text(Bytes::copy_from_slice(id.as_bytes())),
        };
        match heard {
            Heard::Call { method, args, id } => {
                out.push(Output::Event { slot: 0, name: method, args, token: id.map(token) });
            }
            Heard::Answer { id, answer } => out.push(Output::Answer { slot: 0, id, answer }),
            Heard::Ignored(fault) => out.push(Output::Ignored(fault)),
            Heard::Fault(fault) => {
                let mut bytes = Vec::new();
                encode::fault(&fault, &mut bytes);
                out.push(Output::Send { bytes, kind: Kind::Text, fault: Some(fault.data) });
            }
        }
    }

    fn batch<'a>(&mut self, text: &'a str, out: &mut Outputs<'a>) {
        let elements = match elements(text, self.options.batch) {
            Ok(elements) => elements,
            Err(fault) => return Self::one(Heard::Fault(fault), out),
        };
        let group = self.batches.number();
        let mut batch = Batch::default();
        let mut first_fault = None;
        for element in elements {
            let fault = match one_of_batch(element) {
                Heard::Call { method, args, id: None } => {
                    out.push(Output::Event { slot: 0, name: method, args, token: None });
                    continue;
                }
                Heard::Call { id: Some(id), .. }
                    if self.batches.held() + batch.cost() >= self.options.batch_bytes =>
                {
                    let why = "as many batches wait for answers as may: wait for some";
                    Fault::new(code::BUSY, why, Some(id))
                }
                Heard::Call { method, args, id: Some(id) } => {
                    let token = Some(batch.expect(group, id));
                    out.push(Output::Event { slot: 0, name: method, args, token });
                    continue;
                }
                Heard::Fault(fault) => fault,
                heard @ (Heard::Answer { .. } | Heard::Ignored(_)) => {
                    Self::one(heard, out);
                    continue;
                }
            };
            batch.refuse(&fault);
            first_fault.get_or_insert(fault.data);
        }
        if batch.waiting() > 0 {
            out.extend(first_fault.map(Output::Ignored));
            self.batches.open(group, batch);
        } else if let Some(bytes) = batch.finished() {
            out.push(Output::Send { bytes, kind: Kind::Text, fault: first_fault });
        }
    }
}

/// The elements of a batch that is one: nothing is done until all of it is known to be JSON, so each is looked at twice.
fn elements(text: &str, limit: usize) -> Result<SmallVec<[RawJson<'_>; 8]>, Fault<'_>> {
    let mut elements = SmallVec::new();
    let mut count = 0;
    for element in Elements::parse(text).map_err(|error| Fault::parse(&error))? {
        let element = element.map_err(|error| Fault::parse(&error))?;
        count += 1;
        if count <= limit {
            elements.push(element);
        }
    }
    let invalid = |why| Err(Fault::new(code::INVALID_REQUEST, why, None));
    match count {
        0 => invalid(Cow::Borrowed("a batch has one request at least")),
        _ if count > limit => {
            invalid(Cow::Owned(format!("a batch of {count}, at most {limit} requests are allowed")))
        }
        _ => Ok(elements),
    }
}

fn one_of_batch(element: RawJson<'_>) -> Heard<'_> {
    if element.is_object() { understood(decode::object(element.text())) } else { not_an_object() }
}

fn understood(heard: Result<Heard<'_>, JsonError>) -> Heard<'_> {
    heard.unwrap_or_else(|error| Heard::Fault(Fault::parse(&error)))
}

fn not_an_object<'a>() -> Heard<'a> {
    Heard::Fault(Fault::new(code::INVALID_REQUEST, "a request is an object", None))
}

impl Protocol for JsonRpc {
    fn open(&mut self, _facts: &Facts, _now: Time, _out: &mut Outputs<'_>) {}

    fn message<'a>(&mut self, _now: Time, message: Message<'a>, out: &mut Outputs<'a>) {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => {
                    let why = format!("JSON text must be UTF-8: {error}");
                    return Self::one(Heard::Fault(Fault::new(code::PARSE_ERROR, why, None)), out);
                }
            },
        };
        let heard = match text.bytes().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            Some(b'{') => understood(decode::object(text)),
            Some(b'[') => return self.batch(text, out),
            _ => RawJson::parse(text)
                .map_or_else(|error| Heard::Fault(Fault::parse(&error)), |_| not_an_object()),
        };
        Self::one(heard, out);
    }

    fn encode(&mut self, entry: &Entry, outbox: &mut dyn Outbox) {
        match &entry.item {
            Item::Broadcast { broadcast, meta } => ProtocolForm::JsonRpc.encode(broadcast, *meta, outbox),
            Item::Emit { event, payload, ack, .. } => {
                let hint = encode::HINT + event.len() + payload.size();
                outbox.message(Kind::Text, hint, &mut |out| encode::call(event, payload, None, *ack, out));
            }
            Item::Kept { event, payload, .. } => {
                let hint = encode::HINT + event.len() + payload.size();
                outbox.message(Kind::Text, hint, &mut |out| encode::call(event, payload, None, None, out));
            }
            Item::Reply { token, outcome } => {
                let mut respond = |id| {
                    let hint = encode::response_hint(outcome);
                    outbox.message(Kind::Text, hint, &mut |out| encode::response(outcome, id, out));
                };
                match token {
                    Token::Number(number) => respond(Id::Number(*number)),
                    Token::Text(id) => respond(Id::Json(id)),
                    Token::Member { group, place } => {
                        self.batches.answer((*group, *place), outcome, self.options.batch_bytes, outbox);
                    }
                }
            }
            Item::Wire { bytes, text } => {
                let kind = if *text { Kind::Text } else { Kind::Binary };
                outbox.message(kind, bytes.len(), &mut |out| out.extend_from_slice(bytes));
            }
            // A session is one connection, and an answer one value.
            Item::Entered { .. }
            | Item::Refused { .. }
            | Item::Left
            | Item::StreamItem { .. }
            | Item::Delivery { .. } => {}
        }
    }

    fn goodbye(&mut self, _reason: Reason, _outbox: &mut dyn Outbox) {}

    fn form(&self) -> ProtocolForm {
        ProtocolForm::JsonRpc
    }

    fn answers(&self) -> bool {
        true
    }

    /// JSON-RPC's methods have signatures: what does not fit is −32602.
    fn extras(&self) -> Extras {
        Extras::Refuse
    }
}

/// A broadcast, with meta as its last argument or without.
pub(super) fn encode(broadcast: &Broadcast, with_meta: bool, outbox: &mut dyn Outbox) {
    let (event, args) = (&broadcast.publication.event, &broadcast.publication.payload);
    let hint = encode::HINT + event.len() + args.size() + if with_meta { meta::HINT } else { 0 };
    let told = with_meta.then_some(broadcast);
    outbox.message(Kind::Text, hint, &mut |out| encode::call(event, args, told, None, out));
}

#[cfg(test)]
mod tests;
