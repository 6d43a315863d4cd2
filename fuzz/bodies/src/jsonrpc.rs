//! JSON-RPC: whatever a client sends, what it gets is JSON, each token is answered once, and a batch in one piece.

use everywire_core::payload::json::RawJson;
use everywire_core::{Entry, Item, Outcome, Payload, Token};
use everywire_protocols::protocol::{JsonRpc, JsonRpcOptions, Output, Outputs, Protocol as _};
use everywire_protocols::seam::{Kind, Message, Time};

/// Small, so that a fuzzer reaches them.
const OPTIONS: JsonRpcOptions = JsonRpcOptions { batch: 8, batch_bytes: 400 };

/// Messages of a client, one a line, to one machine; then all that awaits an answer gets one.
pub fn jsonrpc(data: &[u8]) {
    let mut machine = JsonRpc::new(OPTIONS);
    let mut tokens = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        let message = std::str::from_utf8(line).map_or(Message::Binary(line), Message::Text);
        let mut outputs = Outputs::new();
        machine.message(Time(0), message, &mut outputs);
        assert!(!outputs.is_empty(), "nothing is passed over in silence");
        assert!(outputs.len() <= OPTIONS.batch + 1, "{} outputs", outputs.len());
        for output in outputs {
            match output {
                Output::Event { args, token, .. } => {
                    drop(args.into_owned());
                    tokens.extend(token);
                }
                Output::Answer { .. } | Output::Ignored(_) => {}
                Output::Send { bytes, kind, .. } => check(kind, &bytes),
                other => panic!("JSON-RPC never says {other:?}"),
            }
        }
    }
    for token in tokens {
        let again = token.clone();
        answer(&mut machine, token);
        if matches!(again, Token::Member { .. }) {
            assert_eq!(answer(&mut machine, again), 0, "a second answer within a batch");
        }
    }
}

/// How many messages leave.
fn answer(machine: &mut JsonRpc, token: Token) -> usize {
    let item = Item::Reply { token, outcome: Outcome::Done(Payload::text("an answer")) };
    let mut said = 0;
    machine.encode(&Entry { slot: 0, item }, &mut |kind, bytes: &[u8]| {
        check(kind, bytes);
        said += 1;
    });
    assert!(said <= 1, "{said} messages for one answer");
    said
}

fn check(kind: Kind, bytes: &[u8]) {
    assert_eq!(kind, Kind::Text);
    RawJson::from_bytes(bytes).unwrap_or_else(|error| panic!("not JSON: {error}: {bytes:?}"));
}
