//! STOMP's server: whatever a client sends, in whatever pieces, it makes the same of it; and what it says are whole frames that
//! our client can read, whoever writes them.

use std::collections::VecDeque;
use std::sync::Arc;

use everywire_core::hub::QueueMessage;
use everywire_core::{
    Broadcast, Class, ConnectionId, Entry, Failure, Item, Name, Offset, Original, Outcome, Payload,
    PayloadRef, Publication, Reason, RoomKey, Target, Token,
};
use everywire_protocols::protocol::stomp::{Heard, Limits, StompClient, StompClientOptions};
use everywire_protocols::protocol::{Output, Outputs, Protocol as _, Stomp, StompOptions, Task};
use everywire_protocols::seam::{Kind, Message, Time};
use everywire_protocols::session::Facts;

/// Small, so that a fuzzer reaches them.
const TIGHT: Limits =
    Limits { headers: 8, line_bytes: 80, head_bytes: 250, body_bytes: 100, first_bytes: 200 };

/// The first byte chooses the CONNECT that comes first, or none, and the options; the second the size of the pieces; the
/// rest is what comes then.
pub fn stomp_server(data: &[u8]) {
    let [settings, size, stream @ ..] = data else { return };
    let (mut whole, mut torn) = (Talk::new(*settings), Talk::new(*settings));
    whole.hear(stream);
    stream.chunks(usize::from(*size).max(1)).for_each(|piece| torn.hear(piece));
    // Where bytes are spoiled into texts, it is the message that is looked at.
    if settings & TEXT_ONLY == 0 {
        assert_eq!(whole.outputs, torn.outputs, "in pieces of {size} bytes");
        go_on(whole, torn);
    } else {
        let mut again = Talk::new(*settings);
        again.hear(stream);
        go_on(whole, again);
    }
}

const TEXT_ONLY: u8 = 1;

struct Talk {
    machine: Stomp,
    now: Time,
    /// What it understood, in words.
    outputs: Vec<String>,
    asked: VecDeque<Token>,
    rooms: Vec<Arc<str>>,
    consumers: Vec<u32>,
    originals: Vec<Option<Arc<Original>>>,
    /// Who hears it, once it is in.
    client: StompClient,
    connected: bool,
    entered: bool,
    closed: bool,
    /// Whether an ERROR has been said.
    told: bool,
}

impl Talk {
    fn new(settings: u8) -> Self {
        let is = |bit: u8| settings & 1 << bit != 0;
        let limits = if is(3) { TIGHT } else { Limits::default() };
        let options = StompOptions {
            limits,
            spring: is(4),
            lenient_unsubscribe: is(5),
            sends_to_users: is(6),
            subscriptions: 5,
            transactions: 2,
            transaction_frames: 5,
            transaction_bytes: 2_000,
            ..StompOptions::default()
        };
        let mut machine = Stomp::new(options.into(), "/".into());
        let mut out = Outputs::new();
        machine.open(&Facts { text_only: is(0), ..Facts::default() }, Time(0), &mut out);
        assert!(out.is_empty(), "it waits for the client: {out:?}");
        let limits = Limits {
            headers: usize::MAX,
            line_bytes: usize::MAX,
            head_bytes: usize::MAX,
            body_bytes: usize::MAX,
            first_bytes: usize::MAX,
        };
        let mut client = StompClient::new(StompClientOptions { limits, ..StompClientOptions::default() });
        client.connect(&mut |_: Kind, _: &[u8]| {}).expect("it can be said");
        let mut talk = Self {
            machine,
            now: Time(0),
            outputs: Vec::new(),
            asked: VecDeque::new(),
            rooms: Vec::new(),
            consumers: Vec::new(),
            originals: Vec::new(),
            client,
            connected: false,
            entered: false,
            closed: false,
            told: false,
        };
        match settings >> 1 & 3 {
            0 => {}
            1 => talk.hear(b"CONNECT\nlogin: ann\n\n\0"),
            2 => talk.hear(b"STOMP\naccept-version:1.1,1.0\nheart-beat:2000,3000\n\n\0\n"),
            _ => talk.hear(b"CONNECT\naccept-version:1.2\nheart-beat:0,0\n\n\0"),
        }
        talk.enter();
        talk
    }

    /// It is let in, if it wants that.
    fn enter(&mut self) {
        if self.connected && !self.entered {
            self.entered = true;
            let id = ConnectionId::from_random([7; 15]);
            self.say(Item::Entered { id, user: Some("ann".into()), recovery: None });
        }
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
                Output::Event { token: Some(token), .. } => self.asked.push_back(token),
                Output::Task { task, token, .. } => {
                    self.asked.push_back(token);
                    match *task {
                        Task::Subscribe { room, mark, .. } => {
                            self.rooms.push(room);
                            self.asked.push_back(mark);
                        }
                        Task::Consume { consumer, .. } => self.consumers.push(consumer),
                        Task::Publish { message, .. } | Task::Send { message, .. } => {
                            self.originals.push(message.original);
                        }
                        _ => {}
                    }
                }
                Output::Send { bytes, kind, .. } => {
                    let said = self.say(Item::Wire { bytes: bytes.into(), text: kind == Kind::Text });
                    assert!(said.len() <= 1);
                }
                Output::Close { .. } => self.closed = true,
                _ => {}
            }
        }
    }

    /// What leaves.
    fn say(&mut self, item: Item) -> Vec<(Kind, Vec<u8>)> {
        let mut said = Vec::new();
        let entry = Entry { slot: 0, item };
        self.machine.encode(&entry, &mut |kind, bytes: &[u8]| said.push((kind, bytes.to_vec())));
        self.check(&said);
        said
    }

    /// Whole frames, one a message, that our client can read; and an ERROR is the last.
    fn check(&mut self, said: &[(Kind, Vec<u8>)]) {
        for (kind, bytes) in said {
            assert!(!self.told, "behind an ERROR: {}", bytes.escape_ascii());
            assert!(*kind == Kind::Binary || std::str::from_utf8(bytes).is_ok());
            let mut heard = Vec::new();
            self.client.message(self.now, Message::Binary(bytes), &mut heard).expect("it is understood");
            assert_eq!((heard.len(), self.client.kept_bytes()), (1, 0), "one whole frame");
            self.told = matches!(heard[0], Heard::Error { .. });
        }
    }

    fn tick(&mut self) {
        let Some(deadline) = self.machine.deadline() else { return };
        self.now = self.now.max(deadline);
        let mut outputs = Outputs::new();
        self.machine.tick(self.now, &mut outputs);
        self.follow(outputs);
        assert!(self.machine.deadline().is_none_or(|next| next > self.now), "it is due for ever");
    }
}

/// What is said to both, which have heard the same, is the same.
fn go_on(mut one: Talk, mut other: Talk) {
    one.enter();
    other.enter();
    for i in 0.. {
        let Some(token) = one.asked.pop_front() else { break };
        assert_eq!(other.asked.pop_front().as_ref(), Some(&token));
        let item = || {
            let failure = Failure { event: "M".into(), ..Failure::new(-32000, "why") };
            let joined = Payload::from_args(&("7-3", true)).expect("it serialises");
            let outcome = match i % 5 {
                0 => failure.into(),
                1 => Outcome::Done(joined),
                _ => Outcome::Done(Payload::empty()),
            };
            Item::Reply { token: token.clone(), outcome }
        };
        assert_eq!(one.say(item()), other.say(item()));
    }
    let (rooms, originals) = (one.rooms.clone(), one.originals.clone());
    for (seq, room) in (4..).zip(&rooms) {
        let original = originals.get(seq as usize % originals.len().max(1)).cloned().flatten();
        let payload = if seq % 2 == 0 { Payload::text("text") } else { Payload::binary(vec![0, 255]) };
        let publication = Publication {
            namespace: "/".into(),
            event: Name::MESSAGE,
            payload,
            target: Target::room(RoomKey::Named(room.clone())),
            from: None,
            user: None,
            time: 1,
            class: Class::Event,
            compress: true,
            original,
        };
        let broadcast = Arc::new(Broadcast::new(Offset { epoch: 7, seq }, publication));
        // The one writes it, and for the other somebody else.
        let expected = one.say(Item::Broadcast { broadcast: broadcast.clone(), meta: true });
        let form = other.machine.form();
        let (mut tail, mut said) = (Vec::new(), Vec::new());
        form.encode(&broadcast, true, &mut |_: Kind, bytes: &[u8]| tail = bytes.to_vec());
        let heads = other.machine.heads().expect("STOMP has heads");
        heads.heads(&broadcast, &mut |head| {
            said.push((form.kind(&broadcast), [head, &tail].concat()));
        });
        heads.said(&broadcast);
        assert_eq!(said, expected);
        other.check(&said);
    }
    for consumer in one.consumers.clone() {
        let message = Arc::new(QueueMessage {
            event: Name::MESSAGE,
            payload: Payload::empty(),
            from: None,
            user: None,
            time: 1,
            original: originals.first().cloned().flatten(),
        });
        let item = || Item::Delivery { consumer, delivery: 7, redelivered: true, message: message.clone() };
        assert_eq!(one.say(item()), other.say(item()));
    }
    for _ in 0..5 {
        one.tick();
        other.tick();
    }
    assert_eq!(one.outputs, other.outputs);
    for (talk, reason) in [(&mut one, Reason::Internal), (&mut other, Reason::Shutdown)] {
        let mut said = Vec::new();
        let mut outbox = |kind: Kind, bytes: &[u8]| said.push((kind, bytes.to_vec()));
        talk.machine.goodbye(reason, &mut outbox);
        assert!(said.len() <= usize::from(reason == Reason::Internal));
        talk.check(&said);
        talk.hear(b"SEND\ndestination:/topic/a\n\n\0");
        assert_eq!(talk.machine.deadline(), None);
    }
}

fn spell(output: &Output<'_>) -> String {
    match output {
        Output::Event { name, args, token, .. } => format!("event {name}({}) {token:?}", json(args)),
        Output::Connect { auth, .. } => format!("connect {}", json(auth)),
        // Whole in themselves.
        other => format!("{other:?}"),
    }
}

fn json(args: &PayloadRef<'_>) -> String {
    let mut out = Vec::new();
    args.write_json_args(&mut out);
    String::from_utf8(out).expect("JSON is text")
}
