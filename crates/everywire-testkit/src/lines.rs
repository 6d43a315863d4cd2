//! A wire form that a test can read: each message is one line.
//!
//! | message | line |
//! |---|---|
//! | broadcast 7, event `chat`, argument `"hi"` | `7 chat "hi"` |
//! | the same with meta, published to `lobby` | `7 chat "hi" in lobby` |
//! | an event for this client alone | `emit chat "hi"` |
//! | delivery 2 of a queue, for consumer 1 | `take 1.2 chat "hi"`, or `take 1.2 again chat "hi"` |
//! | one that awaits an answer under id 3 | `ask 3 chat "hi"` |
//! | the answer to the client's event 5 | `reply 5 "hi"`, or `reply 5 failed -32000 why` |
//!
//! A line for connection 2 of a session begins with `2/`; form and slot have the same number.
//! A torn, lost or doubled byte shows as a line that nobody expected.

use std::io::Write as _;

use everywire_core::{Broadcast, Encode, Entry, Form, Item, Name, Outcome, Payload, Token};

use crate::link::Spell;

/// The event that this form cannot carry: it encodes to nothing.
pub const UNSPEAKABLE: &str = "unspeakable";

/// Turns broadcasts and entries into lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines;

impl Encode for Lines {
    fn encode(&self, form: Form, broadcast: &Broadcast, out: &mut Vec<u8>) {
        let publication = &broadcast.publication;
        if *publication.event == *UNSPEAKABLE {
            return;
        }
        begin(form.number(), out);
        write(out, format_args!("{} ", broadcast.seq()));
        event(&publication.event, &publication.payload, out);
        if form.meta() {
            let room = broadcast.room().map(ToString::to_string).unwrap_or_default();
            write(out, format_args!(" in {room}"));
        }
        out.push(b'\n');
    }
}

impl Spell for Lines {
    fn entry(&self, entry: &Entry, out: &mut Vec<u8>) {
        if let Item::Broadcast { broadcast, meta } = &entry.item {
            out.extend_from_slice(&broadcast.form(Form::new(entry.slot, *meta), self));
            return;
        }
        begin(entry.slot, out);
        match &entry.item {
            Item::Broadcast { .. } => unreachable!("encoded above"),
            Item::Emit { event: name, payload, ack, .. } => {
                match ack {
                    Some(id) => write(out, format_args!("ask {id} ")),
                    None => write(out, format_args!("emit ")),
                }
                event(name, payload, out);
            }
            Item::Kept { event: name, payload, place, .. } => {
                write(out, format_args!("kept {place} "));
                event(name, payload, out);
            }
            Item::Delivery { consumer, delivery, redelivered, message } => {
                let again = if *redelivered { "again " } else { "" };
                write(out, format_args!("take {consumer}.{delivery} {again}"));
                event(&message.event, &message.payload, out);
            }
            Item::Reply { token, outcome } => reply(token, outcome, out),
            Item::StreamItem { token, payload } => {
                write(out, format_args!("item {token:?} "));
                payload.write_json_args(out);
            }
            Item::Wire { bytes, .. } => out.extend_from_slice(bytes),
            Item::Entered { id, .. } => write(out, format_args!("entered {id}")),
            Item::Refused { message, .. } => write(out, format_args!("refused {message}")),
            Item::Left => write(out, format_args!("left")),
        }
        out.push(b'\n');
    }

    fn messages(&self, _slot: u32, _broadcast: &Broadcast, _tail: &[u8], _out: &mut Vec<u8>) {
        unreachable!("lines have no heads");
    }
}

fn begin(slot: u32, out: &mut Vec<u8>) {
    if slot != 0 {
        write(out, format_args!("{slot}/"));
    }
}

fn event(name: &Name, payload: &Payload, out: &mut Vec<u8>) {
    write(out, format_args!("{name} "));
    payload.write_json_args(out);
}

fn reply(token: &Token, outcome: &Outcome, out: &mut Vec<u8>) {
    match token {
        Token::Number(number) => write(out, format_args!("reply {number} ")),
        Token::Text(text) => write(out, format_args!("reply {} ", text.escape_ascii())),
        Token::Member { group, place } => write(out, format_args!("reply {group}.{place} ")),
    }
    match outcome {
        Outcome::Done(payload) => payload.write_json_args(out),
        Outcome::Ended => write(out, format_args!("ended")),
        Outcome::Failed(failure) => write(out, format_args!("failed {} {}", failure.code, failure.message)),
    }
}

fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every write");
}
