//! SignalR's machines: whatever a client sends, in whatever pieces, the server makes the same of it, and what it says are
//! whole messages that a client can read; and whatever a server sends, the client makes the same of it.

use everywire_core::payload::PayloadRef;
use everywire_core::{Class, Entry, Failure, Item, Name, Outcome, Payload, Reason, Token};
use everywire_protocols::protocol::signalr::{
    Encoding, Framing, HandshakeResponse, Heard, HubMessage, SignalRClient, SignalRClientOptions,
};
use everywire_protocols::protocol::{Output, Outputs, Protocol as _, ProtocolForm, SignalR, SignalROptions};
use everywire_protocols::seam::{Kind, Message, Time};
use everywire_protocols::session::Facts;

/// Small, so that a fuzzer reaches it.
const LIMIT: usize = 300;

/// The first byte chooses the session's facts and the handshake, the second the size of the pieces; the rest is what comes
/// behind the handshake, or in place of it.
pub fn signalr_server(data: &[u8]) {
    let [settings, size, rest @ ..] = data else { return };
    let size = usize::from(*size).max(1);
    let handshake = match settings >> 4 & 3 {
        0 => "",
        1 => "{\"protocol\":\"json\",\"version\":1}\u{1e}",
        2 => "{\"protocol\":\"json\",\"version\":2}\u{1e}",
        _ => "{\"protocol\":\"messagepack\",\"version\":2}\u{1e}",
    };
    let stream = [handshake.as_bytes(), rest].concat();
    let whole = server(*settings, [&stream[..]]);
    assert_eq!(server(*settings, stream.chunks(size)), whole, "in pieces of {size} bytes");
    let whole = client(*settings, [rest]);
    assert_eq!(client(*settings, rest.chunks(size)), whole, "to a client, in pieces of {size} bytes");
}

/// What a server makes of it, in words.
fn server<'a>(settings: u8, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut talk = Talk::new(settings);
    for piece in pieces {
        talk.hear(piece);
    }
    let outputs = std::mem::take(&mut talk.outputs);
    talk.go_on();
    outputs
}

struct Talk {
    machine: SignalR,
    now: Time,
    /// What it understood.
    outputs: Vec<String>,
    connected: bool,
    closed: bool,
}

impl Talk {
    fn new(settings: u8) -> Self {
        let is = |bit: u8| settings & 1 << bit != 0;
        let options =
            SignalROptions { message_bytes: LIMIT, detailed_errors: is(3), ..SignalROptions::default() };
        let facts = Facts { text_only: is(0), polls: is(1), resumable: is(2), ..Facts::default() };
        let mut machine = SignalR::new(options.into(), "/h".into(), None);
        let mut outputs = Outputs::new();
        machine.open(&facts, Time(0), &mut outputs);
        assert!(outputs.is_empty(), "it waits for the client: {outputs:?}");
        Self { machine, now: Time(0), outputs: Vec::new(), connected: false, closed: false }
    }

    fn hear(&mut self, piece: &[u8]) {
        let mut outputs = Outputs::new();
        // Either kind of message is taken.
        let message = std::str::from_utf8(piece).map_or(Message::Binary(piece), Message::Text);
        self.machine.message(self.now, message, &mut outputs);
        self.follow(outputs);
    }

    fn follow(&mut self, outputs: Outputs<'_>) {
        for output in outputs {
            assert!(!self.closed, "after its end: {output:?}");
            self.outputs.push(spell(&output));
            match output {
                Output::Connect { .. } => {
                    assert!(!self.connected, "it enters once");
                    self.connected = true;
                }
                Output::Event { token: Some(token), args, .. } => {
                    self.answer(token, false, args.into_owned());
                }
                Output::Call { token: Some(token), args, streams, .. } => {
                    self.answer(token, streams, args.into_owned());
                }
                Output::Send { bytes, kind, .. } => self.check(kind, &bytes),
                // Its answer to the handshake comes before the client is in.
                Output::Passing { bytes, kind } if self.connected => self.check(kind, &bytes),
                Output::Passing { bytes, .. } => {
                    let record = bytes.strip_suffix(b"\x1e").expect("a record");
                    let record = std::str::from_utf8(record).expect("a handshake is text");
                    HandshakeResponse::read(record).expect("an answer to a handshake");
                }
                Output::Close { .. } => self.closed = true,
                _ => {}
            }
        }
    }

    fn answer(&mut self, token: Token, streams: bool, payload: Payload) {
        if streams {
            let item = Item::StreamItem { token: token.clone(), payload };
            assert!(self.say(item) <= 1);
            assert!(self.say(Item::Reply { token, outcome: Outcome::Ended }) <= 1);
            return;
        }
        let failure = Failure { event: "M".into(), ..Failure::new(-32603, "why") };
        let outcome = if payload.is_empty() { failure.into() } else { Outcome::Done(payload) };
        assert!(self.say(Item::Reply { token, outcome }) <= 1);
    }

    /// How many messages leave.
    fn say(&mut self, item: Item) -> usize {
        let mut said = Vec::new();
        let entry = Entry { slot: 0, item };
        self.machine.encode(&entry, &mut |kind, bytes: &[u8]| said.push((kind, bytes.to_vec())));
        said.iter().for_each(|(kind, bytes)| self.check(*kind, bytes));
        said.len()
    }

    /// One whole message, that can be read.
    fn check(&self, kind: Kind, bytes: &[u8]) {
        let encoding = match self.machine.form() {
            ProtocolForm::SignalRMsgPack => Encoding::MsgPack,
            _ => Encoding::Json,
        };
        assert_eq!(kind, encoding.kind());
        let (mut framing, mut input) = (Framing::new(encoding, usize::MAX), bytes);
        let body = framing.next(&mut input).expect("no fault").expect("a whole message");
        assert_eq!(input, [0; 0], "and one alone");
        HubMessage::read(encoding, &body).expect("what is written can be read");
    }

    /// What happens to it later: time passes, the client comes back, and the server ends it.
    fn go_on(&mut self) {
        for _ in 0..5 {
            let Some(deadline) = self.machine.deadline() else { break };
            self.now = self.now.max(deadline);
            let mut outputs = Outputs::new();
            self.machine.tick(self.now, &mut outputs);
            self.follow(outputs);
            assert!(self.machine.deadline().is_none_or(|next| next > self.now), "it is due for ever");
        }
        if self.connected && !self.closed {
            let mut said = Vec::new();
            let mut outbox = |kind: Kind, bytes: &[u8]| said.push((kind, bytes.to_vec()));
            self.machine.resumed(self.now, 1, &mut outbox);
            assert_eq!(said.len(), 1);
            self.check(said[0].0, &said[0].1);
            let event = Name::from("M");
            let item = Item::Emit {
                event,
                payload: Payload::empty(),
                ack: Some(1),
                class: Class::Event,
                compress: true,
            };
            assert_eq!(self.say(item), 1);
        }
        let mut said = Vec::new();
        let mut outbox = |kind: Kind, bytes: &[u8]| said.push((kind, bytes.to_vec()));
        self.machine.goodbye(Reason::ProtocolError, &mut outbox);
        assert_eq!(said.len(), usize::from(self.connected), "who has shaken hands hears a goodbye");
        said.iter().for_each(|(kind, bytes)| self.check(*kind, bytes));
        self.hear(b"{\"type\":6}\x1e");
        assert_eq!(self.machine.deadline(), None);
    }
}

fn spell(output: &Output<'_>) -> String {
    match output {
        Output::Event { name, args, token, .. } => format!("event {name}({}) {token:?}", json(args)),
        Output::Call { name, args, token, streams, uploads, .. } => {
            format!("call {name}({}) {token:?} {streams} {uploads:?}", json(args))
        }
        Output::Upload { token, item } => format!("item {token:?} {:?}", item.as_ref().map(json)),
        Output::Answer { id, answer, .. } => format!("answer {id} {:?}", answer.as_ref().map(json)),
        Output::Connect { .. } => "connect".to_owned(),
        // Whole in themselves.
        other => format!("{other:?}"),
    }
}

fn json(args: &PayloadRef<'_>) -> String {
    let mut out = Vec::new();
    args.write_json_args(&mut out);
    String::from_utf8(out).expect("JSON is text")
}

/// What a client makes of it that has shaken hands already, in words.
fn client<'a>(settings: u8, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let encoding = Encoding::ALL[usize::from(settings & 1)];
    let stateful_reconnect = settings & 4 != 0;
    let options = SignalRClientOptions {
        encoding,
        stateful_reconnect,
        message_bytes: LIMIT,
        ..SignalRClientOptions::default()
    };
    let (mut client, mut heard) = (SignalRClient::new(options), Vec::new());
    client.connected(&mut |_: Kind, _: &[u8]| {});
    client.message(Time(0), Message::Text("{}\u{1e}"), &mut heard).expect("it is let in");
    assert_eq!(heard, [Heard::Entered]);
    let mut words = Vec::new();
    for piece in pieces {
        let mut heard = Vec::new();
        let fault = client.message(Time(0), Message::Binary(piece), &mut heard);
        words.extend(heard.iter().map(|heard| match heard {
            Heard::Message(HubMessage::Invocation(call)) => {
                format!("{:?} {} {:?}", call.id, call.target, call.args.as_ref().map(json))
            }
            Heard::Message(HubMessage::StreamItem { id, item }) => {
                format!("{id} {:?}", item.as_ref().map(json))
            }
            Heard::Message(message) => format!("counted: {}", message.is_counted()),
            other => format!("{other:?}"),
        }));
        if let Err(fault) = fault {
            words.push(fault.to_string());
            break;
        }
    }
    assert_eq!(client.kept_bytes(), 0, "it has said nothing");
    words
}
