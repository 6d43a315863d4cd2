//! Socket.IO: whatever a client sends, what it gets are packets, and what it sent comes back as it was.

use everywire_core::payload::PayloadRef;
use everywire_core::{Class, ConnectionId, Entry, Item, Name, Outcome, Payload, Token};
use everywire_protocols::protocol::socketio::{Parser, Revision, What};
use everywire_protocols::protocol::{
    Output, Outputs, Protocol as _, SocketIo, SocketIoClient, SocketIoOptions,
};
use everywire_protocols::seam::{Kind, Message, Time};
use everywire_protocols::session::Facts;

/// The first byte chooses parser and protocol; the rest are messages of a client to one machine.
///
/// To the JSON parser they are lines, text if they are UTF-8 and do not begin with a zero; to the msgpack parser, each is
/// as many bytes as the byte before it says.
pub fn socketio(data: &[u8]) {
    let Some((&settings, data)) = data.split_first() else { return };
    let parser = if settings & 1 == 0 { Parser::Json } else { Parser::MsgPack };
    let revision = if settings & 2 == 0 { 4 } else { 3 };
    let mut talk = Talk::new(parser, revision);
    match parser {
        Parser::Json => {
            for line in data.split(|byte| *byte == b'\n') {
                match line {
                    [0, bytes @ ..] => talk.hear(Message::Binary(bytes)),
                    _ => talk.hear(std::str::from_utf8(line).map_or(Message::Binary(line), Message::Text)),
                }
            }
        }
        Parser::MsgPack => {
            let mut rest = data;
            while let Some((&length, more)) = rest.split_first() {
                let (message, more) = more.split_at(more.len().min(length.into()));
                talk.hear(Message::Binary(message));
                rest = more;
            }
        }
    }
}

/// One client's session.
struct Talk {
    parser: Parser,
    machine: SocketIo,
    client: SocketIoClient,
    slots: u32,
    closed: bool,
}

impl Talk {
    fn new(parser: Parser, revision: u32) -> Self {
        // Small, so that a fuzzer reaches them.
        let options = SocketIoOptions {
            parser,
            namespaces: 3,
            attachment_bytes: 64,
            held_bytes: 400,
            ..SocketIoOptions::default()
        };
        let client = SocketIoClient::new(parser, Revision::of_engine(revision));
        let mut talk = Self { parser, machine: SocketIo::new(options), client, slots: 0, closed: false };
        let mut outputs = Outputs::new();
        talk.machine.open(&Facts { revision, ..Facts::default() }, Time(0), &mut outputs);
        talk.follow(outputs);
        talk
    }

    fn hear(&mut self, message: Message<'_>) {
        let mut outputs = Outputs::new();
        self.machine.message(Time(0), message, &mut outputs);
        self.follow(outputs);
    }

    fn follow(&mut self, outputs: Outputs<'_>) {
        assert!(outputs.len() <= 1, "{} outputs", outputs.len());
        for output in outputs {
            assert!(!self.closed, "after its end: {output:?}");
            match output {
                Output::Connect { slot, auth, .. } => {
                    assert_eq!(slot, self.slots, "slots are given one by one");
                    self.slots += 1;
                    drop(auth.into_owned());
                    self.answer_connect(slot);
                }
                Output::Event { slot, name, args, token } => self.echo(slot, &name, &args, token),
                Output::Answer { answer, .. } => drop(answer.map(PayloadRef::into_owned)),
                Output::Send { bytes, kind, .. } => {
                    let refusal = self.heard(&[(kind, bytes)]).expect("a whole packet");
                    assert!(matches!(refusal, Said::Other), "{refusal:?}");
                }
                Output::Disconnect { slot } => {
                    assert!(self.say(slot, Item::Left).is_empty(), "it has left");
                }
                Output::Ignored(_) => {}
                Output::Close { .. } => self.closed = true,
                other => panic!("Socket.IO never says {other:?}"),
            }
        }
    }

    /// Lets most in, and leaves some waiting.
    fn answer_connect(&mut self, slot: u32) {
        self.emit(slot, "early", Payload::binary(vec![slot as u8]));
        match slot % 4 {
            3 => {}
            2 => drop(self.say(slot, Item::Refused { message: "no".into(), data: None })),
            _ => {
                let item = Item::Entered {
                    id: ConnectionId::from_random([7; 15]),
                    recovery: Some("pid".into()),
                    user: None,
                };
                self.say(slot, item);
            }
        }
    }

    fn emit(&mut self, slot: u32, event: &str, payload: Payload) -> Vec<Said> {
        let event = Name::from(event.to_owned());
        self.say(slot, Item::Emit { event, payload, ack: None, class: Class::Event, compress: true })
    }

    /// Sends an event back, which the client hears as it was sent if it is let in.
    fn echo(&mut self, slot: u32, name: &str, args: &PayloadRef<'_>, token: Option<Token>) {
        let payload = args.clone().into_owned();
        for said in self.emit(slot, name, payload.clone()) {
            let Said::Event { name: heard, args } = said else { panic!("an event became {said:?}") };
            assert_eq!(heard, name);
            assert_eq!(args.len(), payload.len());
            // Finer times than milliseconds, and extensions that notepack has not, do not come back.
            if self.parser == Parser::Json {
                assert_eq!(json(&args), json(&payload));
            }
        }
        if let Some(token) = token {
            for said in self.say(slot, Item::Reply { token, outcome: Outcome::Done(payload) }) {
                assert!(matches!(said, Said::Other), "an answer became {said:?}");
            }
        }
    }

    /// What the client makes of an entry.
    fn say(&mut self, slot: u32, item: Item) -> Vec<Said> {
        let mut messages = Vec::new();
        self.machine
            .encode(&Entry { slot, item }, &mut |kind, bytes: &[u8]| messages.push((kind, bytes.to_vec())));
        let mut said = Vec::new();
        for message in messages {
            said.extend(self.heard(&[message]));
        }
        said
    }

    fn heard(&mut self, messages: &[(Kind, Vec<u8>)]) -> Option<Said> {
        let mut said = None;
        for (kind, bytes) in messages {
            let message = match kind {
                Kind::Text => Message::Text(std::str::from_utf8(bytes).expect("a text is UTF-8")),
                Kind::Binary => Message::Binary(bytes),
            };
            let heard = self.client.message(message).unwrap_or_else(|fault| panic!("{fault:?}: {message:?}"));
            said = heard.map(|heard| match heard.what {
                What::Event { name, args, .. } => {
                    Said::Event { name: name.into_owned(), args: args.into_owned() }
                }
                _ => Said::Other,
            });
        }
        said
    }
}

/// What the client hears.
#[derive(Debug)]
enum Said {
    Event { name: String, args: Payload },
    Other,
}

fn json(payload: &Payload) -> Vec<u8> {
    let mut out = Vec::new();
    payload.write_json_args(&mut out);
    out
}
