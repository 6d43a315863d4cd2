//! The client's side.

use std::sync::Arc;

use everywire_core::{Entry, Item, Outcome, Token};

use super::*;
use crate::protocol::{Output, Outputs, Protocol};
use crate::seam::{Kind, Message, Time};
use crate::session::Facts;

const NOTHING: [&str; 0] = [];
const STATEFUL: SignalRClientOptions = SignalRClientOptions {
    encoding: Encoding::Json,
    stateful_reconnect: true,
    keep_alive: None,
    message_bytes: usize::MAX,
};
const CALL: &str = r#"{"type":1,"target":"M","arguments":[]}␞"#;

/// A client, and what it said, in a form that tests can spell.
struct Peer {
    machine: SignalRClient,
    now: Time,
}

impl Peer {
    fn new(options: SignalRClientOptions) -> Self {
        Self { machine: SignalRClient::new(options), now: Time(1_000) }
    }

    /// One that has been let in.
    fn open(options: SignalRClientOptions) -> Self {
        let mut peer = Self::new(options);
        assert_eq!(peer.connected().len(), 1);
        assert_eq!(peer.hear("{}␞"), ["entered"]);
        peer
    }

    fn said(&mut self, act: impl FnOnce(&mut SignalRClient, &mut dyn FnMut(Kind, &[u8]))) -> Vec<String> {
        let mut said = Vec::new();
        act(&mut self.machine, &mut |kind, bytes: &[u8]| {
            said.push(match kind {
                Kind::Text => String::from_utf8(bytes.to_vec()).expect("text").replace('\u{1e}', "␞"),
                Kind::Binary => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            });
        });
        said
    }

    fn connected(&mut self) -> Vec<String> {
        self.said(|machine, mut outbox| machine.connected(&mut outbox))
    }

    fn send(&mut self, message: &Outgoing<'_>) -> Vec<String> {
        self.said(|machine, mut outbox| assert!(machine.send(message, &mut outbox)))
    }

    fn tick(&mut self) -> Vec<String> {
        let now = self.now;
        self.said(|machine, mut outbox| machine.tick(now, &mut outbox))
    }

    /// What it heard, and what went wrong last.
    fn hear(&mut self, text: &str) -> Vec<String> {
        let text = text.replace('␞', "\u{1e}");
        let mut heard = Vec::new();
        let fault = self.machine.message(self.now, Message::Text(&text), &mut heard);
        let heard = heard.iter().map(|heard| match heard {
            Heard::Entered => "entered".to_owned(),
            Heard::Refused(error) => format!("refused: {error}"),
            Heard::Message(message) => show(message),
        });
        heard.chain(fault.err().map(|fault| format!("fault: {fault}"))).collect()
    }
}

#[test]
fn what_it_says_first() {
    let options = |encoding, stateful_reconnect| SignalRClientOptions {
        encoding,
        stateful_reconnect,
        ..SignalRClientOptions::default()
    };
    for (options, record) in [
        (options(Encoding::Json, false), r#"{"protocol":"json","version":1}␞"#),
        (options(Encoding::Json, true), r#"{"protocol":"json","version":2}␞"#),
        (options(Encoding::MsgPack, false), r#"{"protocol":"messagepack","version":1}␞"#),
    ] {
        let mut peer = Peer::new(options);
        assert!(!peer.machine.send(&Outgoing::Ping, &mut |_: Kind, _: &[u8]| panic!("it is not in")));
        assert_eq!(peer.connected(), [record]);
        assert_eq!((peer.machine.is_open(), peer.machine.deadline()), (false, None));
        assert_eq!(peer.hear("{}␞"), ["entered"]);
        assert!(peer.machine.is_open());
    }
}

#[test]
fn it_may_not_be_let_in() {
    let mut peer = Peer::new(SignalRClientOptions::default());
    peer.connected();
    assert_eq!(peer.hear(r#"{"error":"no"}␞{"type":6}␞"#), ["refused: no"]);
    assert!(!peer.machine.is_open());
    let mut peer = Peer::new(SignalRClientOptions::default());
    peer.connected();
    assert_eq!(peer.hear(r#"{"type":6}␞"#), ["fault: Expected a handshake response from the server."]);
    // And never have been.
    let mut peer = Peer::new(STATEFUL);
    peer.connected();
    assert!(!peer.machine.lost(), "that is the end");
    assert_eq!(peer.connected(), NOTHING);
}

#[test]
fn what_it_hears() {
    let mut peer = Peer::open(SignalRClientOptions::default());
    assert_eq!(peer.hear(&format!("{CALL}{{\"type\":6}}␞{CALL}")), ["call - M()", "call - M()"]);
    assert_eq!(peer.hear(r#"{"type":8,"sequenceId":7}␞{"type":9,"sequenceId":7}␞{"type":44}␞"#), NOTHING);
    let (first, second) = CALL.split_at(9);
    assert_eq!(peer.hear(first), NOTHING);
    assert_eq!(peer.hear(second), ["call - M()"]);
    assert_eq!(peer.hear(&format!(r#"{{"type":7,"error":"e"}}␞{CALL}"#)), ["close Some(\"e\")"]);
    assert!(!peer.machine.is_open() && !peer.machine.lost());
}

#[test]
fn it_pings() {
    let mut peer = Peer::open(SignalRClientOptions::default());
    assert_eq!(peer.machine.deadline(), Some(peer.now), "the first at once");
    assert_eq!(peer.tick(), [r#"{"type":6}␞"#]);
    assert_eq!(peer.tick(), NOTHING);
    assert_eq!(peer.machine.deadline(), Some(Time(16_000)));
    assert!(!peer.machine.lost());
    assert_eq!((peer.machine.deadline(), peer.tick()), (None, vec![]));
}

#[test]
fn what_is_not_acknowledged_is_sent_again() {
    let mut peer = Peer::open(STATEFUL);
    let (one, two) = (Outgoing::CancelInvocation { id: "1" }, Outgoing::CancelInvocation { id: "2" });
    assert_eq!(peer.send(&one), [r#"{"type":5,"invocationId":"1"}␞"#]);
    assert_eq!(peer.send(&Outgoing::Ping), [r#"{"type":6}␞"#]);
    assert_eq!(peer.hear(r#"{"type":8,"sequenceId":1}␞"#), NOTHING);
    assert_eq!(peer.machine.kept_bytes(), 0);
    assert_eq!(peer.send(&one).len() + peer.send(&two).len(), 2);
    assert!(peer.machine.lost());
    assert_eq!(peer.send(&Outgoing::Ping), NOTHING, "nobody hears it");
    assert_eq!(peer.send(&two), NOTHING, "it is kept");
    assert!(peer.machine.lost(), "another that came to nothing");
    assert_eq!(
        peer.connected(),
        [
            r#"{"type":9,"sequenceId":2}␞"#,
            r#"{"type":5,"invocationId":"1"}␞"#,
            r#"{"type":5,"invocationId":"2"}␞"#,
            r#"{"type":5,"invocationId":"2"}␞"#,
        ]
    );
    // Before the server says where it begins, nothing counts.
    assert_eq!(peer.hear(&format!(r#"{CALL}{{"type":8,"sequenceId":2}}␞"#)), NOTHING);
    assert_eq!(peer.machine.kept_bytes(), 90);
    assert_eq!(peer.hear(&format!(r#"{{"type":9,"sequenceId":1}}␞{CALL}"#)), ["call - M()"]);
    assert_eq!(peer.hear(r#"{"type":8,"sequenceId":4}␞"#), NOTHING);
    assert_eq!(peer.machine.kept_bytes(), 0);
    peer.now = Time(2_000);
    assert_eq!(peer.tick(), [r#"{"type":8,"sequenceId":1}␞"#]);
    let bye = Outgoing::Close { error: None, allow_reconnect: false };
    assert_eq!(peer.send(&bye), [r#"{"type":7}␞"#]);
    assert!(!peer.machine.lost(), "after a goodbye nobody comes back");
}

#[test]
fn a_server_that_makes_numbers_up_is_not_believed() {
    let mut peer = Peer::open(STATEFUL);
    peer.hear(CALL);
    peer.machine.lost();
    peer.connected();
    assert_eq!(
        peer.hear(r#"{"type":9,"sequenceId":3}␞"#),
        ["fault: Sequence ID greater than amount of messages we've received."]
    );
    let mut peer = Peer::open(STATEFUL);
    assert_eq!(
        peer.hear(r#"{"type":8,"sequenceId":1}␞"#),
        ["fault: an Ack of a message that was never sent"]
    );
}

/// What the client heard of it when the server's machine was told this, and what that made of it.
fn between(
    client: &mut SignalRClient,
    server: &mut SignalR,
    written: Vec<(Kind, Vec<u8>)>,
) -> (Vec<String>, Vec<Token>) {
    let (mut heard, mut tokens) = (Vec::new(), Vec::new());
    for (_, bytes) in written {
        let mut out = Outputs::new();
        server.message(Time(0), Message::Binary(&bytes), &mut out);
        for output in out {
            match output {
                Output::Passing { bytes, .. } => {
                    let mut all = Vec::new();
                    client.message(Time(0), Message::Binary(&bytes), &mut all).expect("no fault");
                    heard.extend(all.iter().map(|heard| format!("{heard:?}")));
                }
                Output::Event { token, .. } => tokens.extend(token),
                Output::Connect { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    (heard, tokens)
}

#[test]
fn both_sides_understand_each_other_in_both_encodings() {
    for encoding in Encoding::ALL {
        let options = SignalRClientOptions { encoding, ..SignalRClientOptions::default() };
        let mut client = SignalRClient::new(options);
        let mut server = SignalR::new(Arc::default(), "/h".into(), None);
        server.open(&Facts::default(), Time(0), &mut Outputs::new());
        let mut written = Vec::new();
        client.connected(&mut |kind, bytes: &[u8]| written.push((kind, bytes.to_vec())));
        assert_eq!(between(&mut client, &mut server, written).0, ["Entered"]);
        let args = args("1,\"two\"");
        let call = |id| Outgoing::Invocation {
            stream: false,
            id: Some(id),
            target: "M",
            args: &args,
            extra: None,
            streams: &[],
        };
        let mut written = Vec::new();
        for id in ["1", "one"] {
            assert!(client.send(&call(id), &mut |kind, bytes: &[u8]| written.push((kind, bytes.to_vec()))));
        }
        let tokens = between(&mut client, &mut server, written).1;
        assert_eq!(tokens.len(), 2);
        let mut shown = Vec::new();
        for token in tokens {
            let item = Item::Reply { token, outcome: Outcome::Done(args.clone()) };
            server.encode(&Entry { slot: 0, item }, &mut |_, bytes: &[u8]| {
                let mut all = Vec::new();
                client.message(Time(0), Message::Binary(bytes), &mut all).expect("no fault");
                shown.extend(all.iter().map(|heard| match heard {
                    Heard::Message(message) => show(message),
                    other => panic!("{other:?}"),
                }));
            });
        }
        assert_eq!(shown, ["result 1 ([1,\"two\"])", "result one ([1,\"two\"])"]);
    }
}
