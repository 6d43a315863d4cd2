mod attachments;
mod client;
mod connections;
mod events;
mod hostile;
mod msgpack;
mod properties;
mod protocol_4;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use everywire_core::{
    Broadcast, Class, ConnectionId, Failure, Item, Name, Offset, Outcome, Payload, Publication, RoomKey,
    Target, Token,
};

use super::*;
use crate::protocol::Output;
use crate::seam::Kind;

const SID: &str = "oSO0OpakMV_3jnilAAAA";

/// A client's session, and what was said in it, in a form that tests can spell.
struct Session {
    machine: SocketIo,
    now: Time,
}

impl Session {
    fn new(options: SocketIoOptions) -> Self {
        Self::of_revision(4, options).0
    }

    fn json() -> Self {
        Self::new(SocketIoOptions::default())
    }

    fn msgpack() -> Self {
        Self::new(SocketIoOptions { parser: Parser::MsgPack, ..SocketIoOptions::default() })
    }

    /// One that is in `/` with slot 0 and in `/chat` with slot 1.
    fn joined() -> Self {
        let mut session = Self::json();
        assert_eq!(session.hear("0"), ["connect 0 / ()"]);
        assert_eq!(session.hear("0/chat,"), ["connect 1 /chat ()"]);
        assert_eq!(session.enter(0), [format!("0{{\"sid\":\"{SID}\"}}")]);
        assert_eq!(session.enter(1), [format!("0/chat,{{\"sid\":\"{SID}\"}}")]);
        session
    }

    /// And what it says when it opens.
    fn of_revision(revision: u32, options: SocketIoOptions) -> (Self, Vec<String>) {
        let mut machine = SocketIo::new(options);
        let mut out = Outputs::new();
        let now = Time(1_000);
        machine.open(&Facts { revision, ..Facts::default() }, now, &mut out);
        (Self { machine, now }, out.iter().map(spell).collect())
    }

    fn hear(&mut self, text: &str) -> Vec<String> {
        self.message(Message::Text(text))
    }

    fn hear_bytes(&mut self, bytes: &[u8]) -> Vec<String> {
        self.message(Message::Binary(bytes))
    }

    fn message(&mut self, message: Message<'_>) -> Vec<String> {
        let mut out = Outputs::new();
        self.machine.message(self.now, message, &mut out);
        out.iter().map(spell).collect()
    }

    fn tick(&mut self) -> Vec<String> {
        let mut out = Outputs::new();
        self.machine.tick(self.now, &mut out);
        out.iter().map(spell).collect()
    }

    fn say(&mut self, slot: u32, item: Item) -> Vec<String> {
        let mut said = Vec::new();
        self.machine
            .encode(&Entry { slot, item }, &mut |kind, bytes: &[u8]| said.push(spell_message(kind, bytes)));
        said
    }

    fn enter(&mut self, slot: u32) -> Vec<String> {
        self.say(slot, Item::Entered { id: id(), recovery: None, user: None })
    }

    fn goodbye(&mut self, reason: Reason) -> Vec<String> {
        let mut said = Vec::new();
        self.machine.goodbye(reason, &mut |kind, bytes: &[u8]| said.push(spell_message(kind, bytes)));
        said
    }
}

fn id() -> ConnectionId {
    SID.parse().expect("the test's own id")
}

fn spell(output: &Output<'_>) -> String {
    match output {
        Output::Event { slot, name, args, token } => {
            let token = match token {
                None => String::new(),
                Some(Token::Number(number)) => format!(" #{number}"),
                Some(other) => panic!("Socket.IO has no such token: {other:?}"),
            };
            format!("event {slot} {name}({}){token}", spell_args(args))
        }
        Output::Answer { slot, id, answer: Ok(args) } => {
            format!("answer {slot} #{id} ({})", spell_args(args))
        }
        Output::Connect { slot, namespace, id: _, auth, resume } => {
            let resume = resume.as_ref().map_or(String::new(), |resume| {
                format!(" from {} at {}", resume.secret, resume.offset.as_deref().unwrap_or("the beginning"))
            });
            format!("connect {slot} {namespace} ({}){resume}", spell_args(auth))
        }
        Output::Disconnect { slot } => format!("disconnect {slot}"),
        Output::Send { bytes, kind, fault } => {
            assert!(fault.is_some(), "what is sent without asking is for the log");
            format!("send {}", spell_message(*kind, bytes))
        }
        Output::Ignored(what) => format!("ignore {what}"),
        Output::Close { reason, fault } => format!("close ({reason}) {fault}"),
        other => panic!("Socket.IO never says {other:?}"),
    }
}

/// Arguments in JSON, and the attachments behind it in hexadecimal.
fn spell_args(args: &PayloadRef<'_>) -> String {
    let mut json = Vec::new();
    let attachments = args.write_json_parts(&mut json);
    let mut text = String::from_utf8(json).expect("JSON is UTF-8");
    for attachment in attachments {
        text.push_str(&format!(" + {}", hex(&attachment)));
    }
    text
}

/// A text as it is, bytes in hexadecimal.
fn spell_message(kind: Kind, bytes: &[u8]) -> String {
    match kind {
        Kind::Text => String::from_utf8(bytes.to_vec()).expect("a text is UTF-8"),
        Kind::Binary => hex(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that a test spells: two hexadecimal digits each, `'text'` as it is, white space between.
fn bytes(spelled: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, part) in spelled.split('\'').enumerate() {
        if i % 2 == 1 {
            out.extend_from_slice(part.as_bytes());
            continue;
        }
        for digits in part.split_whitespace() {
            out.extend(u8::from_str_radix(digits, 16).map_err(|error| panic!("{digits}: {error}")));
        }
    }
    out
}

fn json(array: &str) -> Payload {
    PayloadRef::json(array).expect("the test's own JSON").into_owned()
}

fn with_attachments(array: &str, attachments: &[&'static [u8]]) -> Payload {
    let attachments: Vec<Bytes> = attachments.iter().map(|bytes| Bytes::from_static(bytes)).collect();
    let args = PayloadRef::json(array).expect("the test's own JSON");
    args.with_attachments(attachments).expect("the test's own attachments").into_owned()
}

fn emit(event: &'static str, payload: Payload, ack: Option<u64>) -> Item {
    Item::Emit { event: event.into(), payload, ack, class: Class::Event, compress: true }
}

fn reply(id: u64, payload: Payload) -> Item {
    Item::Reply { token: Token::Number(id), outcome: Outcome::Done(payload) }
}

fn refused(message: &str, data: Option<&str>) -> Item {
    Item::Refused { message: message.into(), data: data.map(json) }
}

fn broadcast(namespace: &str, event: &'static str, payload: Payload) -> Arc<Broadcast> {
    let publication = Publication {
        namespace: namespace.into(),
        event: Name::from(event),
        payload,
        target: Target::room(RoomKey::from("lob\"by")),
        from: Some(id()),
        user: None,
        time: 1_700_000_000_123,
        class: Class::Event,
        compress: true,
        original: None,
    };
    Arc::new(Broadcast::new(Offset { epoch: 0x1f, seq: 42 }, publication))
}

/// What a broadcast is in a form.
fn formed(form: ProtocolForm, broadcast: &Broadcast, meta: bool) -> Vec<String> {
    let mut said = Vec::new();
    form.encode(broadcast, meta, &mut |kind, bytes: &[u8]| said.push(spell_message(kind, bytes)));
    said
}
