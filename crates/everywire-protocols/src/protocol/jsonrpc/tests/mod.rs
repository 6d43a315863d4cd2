mod batches;
mod messages;
mod properties;
mod specification;

use everywire_core::{Class, Failure, Outcome};

use super::*;

/// What the machine understands, in a form that tests can spell.
fn hear(machine: &mut JsonRpc, text: &str) -> Vec<String> {
    let mut out = Outputs::new();
    machine.message(Time(0), Message::Text(text), &mut out);
    out.iter().map(spell).collect()
}

fn spell(output: &Output<'_>) -> String {
    match output {
        Output::Event { slot: 0, name, args, token } => {
            let token = match token {
                None => String::new(),
                Some(Token::Number(number)) => format!(" #{number}"),
                Some(Token::Text(id)) => format!(" {}", String::from_utf8_lossy(id)),
                Some(Token::Member { group, place }) => format!(" {group}.{place}"),
            };
            format!("{name}({}){token}", json_args(args))
        }
        Output::Answer { slot: 0, id, answer: Ok(args) } => format!("answer {id}: {}", json_args(args)),
        Output::Answer { slot: 0, id, answer: Err((code, words)) } => format!("answer {id}: {code} {words}"),
        Output::Send { bytes, kind: Kind::Text, .. } => format!("send {}", String::from_utf8_lossy(bytes)),
        Output::Ignored(what) => format!("ignore {what}"),
        other => panic!("JSON-RPC never says {other:?}"),
    }
}

fn json_args(args: &everywire_core::PayloadRef<'_>) -> String {
    let mut json = Vec::new();
    args.write_json_args(&mut json);
    String::from_utf8(json).expect("JSON is UTF-8")
}

/// What the machine writes for an item: at most one message.
fn say(machine: &mut JsonRpc, item: Item) -> Option<String> {
    let mut said = Vec::new();
    machine.encode(&Entry { slot: 0, item }, &mut |kind, bytes: &[u8]| {
        assert_eq!(kind, Kind::Text);
        said.push(String::from_utf8(bytes.to_vec()).expect("a text is UTF-8"));
    });
    assert!(said.len() <= 1, "one item, several messages: {said:?}");
    said.pop()
}

fn json(array: &str) -> Payload {
    everywire_core::PayloadRef::json(array).expect("the test's own JSON").into_owned()
}

fn done(array: &str) -> Outcome {
    Outcome::Done(json(array))
}

fn failed(code: i32, message: &str) -> Outcome {
    Failure::new(code, message).into()
}

fn reply(token: Token, outcome: Outcome) -> Item {
    Item::Reply { token, outcome }
}

fn emit(event: &'static str, args: &str, ack: Option<u64>) -> Item {
    Item::Emit { event: event.into(), payload: json(args), ack, class: Class::Event, compress: true }
}
