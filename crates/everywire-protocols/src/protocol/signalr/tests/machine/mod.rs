//! The server's machine against the wire sheet: what it makes of what, and what it says, byte for byte. `␞` stands for
//! the byte `1E`.

mod answers;
mod calls;
mod closing;
mod handshakes;
mod pulse;
mod resuming;
mod streams;

use std::sync::Arc;

use bytes::Bytes;
use everywire_core::{
    Broadcast, Class, ConnectionId, Entry, Failure, Item, Name, Offset, Outcome, Payload, Publication,
    Reason, Target, Token,
};

use super::*;
use crate::protocol::{Output, Outputs, Protocol, ProtocolForm};
use crate::seam::{Kind, Message, Time};
use crate::session::Facts;

const HUB: &str = "/hub";
const NOTHING: [&str; 0] = [];
const JSON: &str = r#"{"protocol":"json","version":1}␞"#;
const MSGPACK: &str = r#"{"protocol":"messagepack","version":1}␞"#;

/// A client, and what was said with it, in a form that tests can spell.
struct Peer {
    machine: SignalR,
    now: u64,
}

fn detailed() -> SignalROptions {
    SignalROptions { detailed_errors: true, ..SignalROptions::default() }
}

fn public_id() -> ConnectionId {
    ConnectionId::from_random([7; 15])
}

impl Peer {
    /// One that has said nothing yet.
    fn silent_with(options: SignalROptions, facts: &Facts) -> Self {
        let now = 1_000_000;
        let mut machine = SignalR::new(Arc::new(options), HUB.into(), None);
        let mut out = Outputs::new();
        machine.open(facts, Time(now), &mut out);
        assert!(out.is_empty(), "it waits for the client: {out:?}");
        Self { machine, now }
    }

    fn silent() -> Self {
        Self::silent_with(SignalROptions::default(), &Facts::default())
    }

    /// One that has shaken hands.
    fn open_with(options: SignalROptions, facts: &Facts, encoding: Encoding) -> Self {
        let mut peer = Self::silent_with(options, facts);
        let (handshake, reply) = match encoding {
            Encoding::Json => (JSON, "pass {}␞"),
            Encoding::MsgPack => (MSGPACK, "pass 7b7d1e"),
        };
        let heard = peer.hear(handshake);
        assert_eq!((heard.first().map(String::as_str), heard.last()), (Some(reply), Some(&connect())));
        peer
    }

    fn open(encoding: Encoding) -> Self {
        Self::open_with(SignalROptions::default(), &Facts::default(), encoding)
    }

    /// A text, in which `␞` is the byte.
    fn hear(&mut self, text: &str) -> Vec<String> {
        self.message(Message::Text(&text.replace('␞', "\u{1e}")))
    }

    fn hear_bytes(&mut self, bytes: &[u8]) -> Vec<String> {
        self.message(Message::Binary(bytes))
    }

    fn message(&mut self, message: Message<'_>) -> Vec<String> {
        let mut out = Outputs::new();
        self.machine.message(Time(self.now), message, &mut out);
        out.iter().map(spell).collect()
    }

    /// Lets so many milliseconds pass, and ticks at each deadline on the way; says at which.
    fn wait(&mut self, milliseconds: u64) -> Vec<(u64, Vec<String>)> {
        let (start, until) = (self.now, self.now + milliseconds);
        let mut all = Vec::new();
        while let Some(deadline) = self.machine.deadline().filter(|deadline| deadline.0 <= until) {
            assert!(deadline.0 >= self.now, "a deadline in the past");
            // Just before it, nothing is due.
            self.now = self.now.max(deadline.0 - 1);
            assert_eq!(self.tick(), NOTHING);
            self.now = deadline.0;
            all.push((self.now - start, self.tick()));
        }
        self.now = until;
        all
    }

    fn tick(&mut self) -> Vec<String> {
        let mut out = Outputs::new();
        self.machine.tick(Time(self.now), &mut out);
        out.iter().map(spell).collect()
    }

    fn say(&mut self, item: Item) -> Vec<String> {
        let mut said = Vec::new();
        let entry = Entry { slot: 0, item };
        self.machine.encode(&entry, &mut |kind, bytes: &[u8]| said.push(spell_message(kind, bytes)));
        said
    }

    fn goodbye(&mut self, reason: Reason) -> Vec<String> {
        let mut said = Vec::new();
        self.machine.goodbye(reason, &mut |kind, bytes: &[u8]| said.push(spell_message(kind, bytes)));
        said
    }

    fn resumed(&mut self, from: u64) -> Vec<String> {
        let mut said = Vec::new();
        let now = Time(self.now);
        self.machine.resumed(now, from, &mut |kind, bytes: &[u8]| said.push(spell_message(kind, bytes)));
        said
    }
}

fn connect() -> String {
    format!("connect 0 {HUB} none")
}

fn spell(output: &Output<'_>) -> String {
    match output {
        Output::Event { slot: 0, name, args, token } => {
            format!("event {name}({}){}", json_of(args), spell_asked(token.as_ref()))
        }
        Output::Call { slot: 0, name, args, token, streams, uploads } => {
            let uploads: String = uploads.iter().map(|id| format!(" <{}", spell_token(id))).collect();
            let streams = if *streams { " streams" } else { "" };
            format!("call {name}({}){}{streams}{uploads}", json_of(args), spell_asked(token.as_ref()))
        }
        Output::Upload { token, item } => format!("item {} {}", spell_token(token), show_args(item)),
        Output::Uploaded { token, error } => format!("uploaded {} {error:?}", spell_token(token)),
        Output::Answer { slot: 0, id, answer: Ok(args) } => format!("answer {id} ({})", json_of(args)),
        Output::Answer { slot: 0, id, answer: Err((code, text)) } => format!("no answer {id}: {code} {text}"),
        Output::Connect { slot, namespace, id, auth, resume: None } => {
            assert!(auth.is_empty(), "a handshake has nothing for the application");
            let id = id.map_or("none".to_owned(), |id| id.to_string());
            format!("connect {slot} {namespace} {id}")
        }
        Output::Cancel { token } => format!("cancel {}", spell_token(token)),
        Output::Resumable(may) => format!("resumable {may}"),
        Output::Send { bytes, kind, fault } => {
            assert!(fault.is_some(), "what is sent without asking is for the log");
            format!("send {}", spell_message(*kind, bytes))
        }
        Output::Passing { bytes, kind } => format!("pass {}", spell_message(*kind, bytes)),
        Output::Ignored(what) => format!("ignore {what}"),
        Output::Acknowledged(upto) => format!("acknowledged {upto}"),
        Output::Close { reason, fault } => format!("close ({reason}) {fault}"),
        other => panic!("SignalR never says {other:?}"),
    }
}

fn spell_asked(token: Option<&Token>) -> String {
    token.map_or(String::new(), |token| format!(" #{}", spell_token(token)))
}

/// A number as it is, anything else in quotes.
fn spell_token(token: &Token) -> String {
    match token {
        Token::Number(number) => number.to_string(),
        Token::Text(text) => format!("{:?}", std::str::from_utf8(text).expect("an id was text")),
        Token::Member { .. } => panic!("nothing leaves in groups"),
    }
}

/// A text as it is, bytes in hexadecimal.
fn spell_message(kind: Kind, bytes: &[u8]) -> String {
    match kind {
        Kind::Text => String::from_utf8(bytes.to_vec()).expect("a text is UTF-8").replace('\u{1e}', "␞"),
        Kind::Binary => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// A message in hexadecimal, with its length before it. `'text'` is a text as it is.
fn counted(body: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (i, part) in body.split('\'').enumerate() {
        bytes.extend(if i % 2 == 1 { part.as_bytes().to_vec() } else { hex(part) });
    }
    let mut out = vec![u8::try_from(bytes.len()).expect("short"); 1];
    out.extend(bytes);
    out
}

fn failed(failure: Failure) -> Outcome {
    failure.into()
}

fn reply(id: u64, outcome: Outcome) -> Item {
    Item::Reply { token: Token::Number(id), outcome }
}

fn emit(event: &'static str, payload: Payload, ack: Option<u64>) -> Item {
    Item::Emit { event: event.into(), payload, ack, class: Class::Event, compress: true }
}

#[test]
fn what_it_is() {
    let json = Peer::open(Encoding::Json).machine;
    assert_eq!(json.form(), ProtocolForm::SignalR);
    assert!(json.answers() && json.folds_case());
    assert_eq!(json.extras(), everywire_core::payload::Extras::Refuse);
    assert_eq!(json.entrance(), crate::protocol::Entrance::OnRequest);
    assert_eq!(Peer::open(Encoding::MsgPack).machine.form(), ProtocolForm::SignalRMsgPack);
}
