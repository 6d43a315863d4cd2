//! What holds for any input.

use everywire_core::PayloadRef;
use proptest::prelude::*;

use super::*;

/// Texts that come near the rules: whole objects of right and wrong parts, single or in arrays, sometimes cut.
fn near_json_rpc() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "1",
        "-1",
        "1.5",
        "null",
        "true",
        "\"m\"",
        "\"rpc.x\"",
        "\"2.0\"",
        "[]",
        "[1,\"a\"]",
        "{}",
        "{\"a\":[1]}",
        "{\"code\":1,\"message\":\"no\"}",
        "\"\\ud800\"",
        "18446744073709551616",
    ]);
    let name = prop::sample::select(vec!["jsonrpc", "method", "params", "id", "result", "error", "other"]);
    let random = prop::collection::vec((name, value), 0..7).prop_map(|members| {
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    });
    let valid = "[0-9]{1,3}".prop_map(|id| {
        let id = id.parse::<u32>().unwrap_or(0);
        format!(r#"{{"jsonrpc":"2.0","method":"m","params":[{id}],"id":{id}}}"#)
    });
    let object = prop_oneof![random, valid];
    let batch = prop::collection::vec(object.clone(), 0..6).prop_map(|all| format!("[{}]", all.join(",")));
    (prop_oneof![object, batch], any::<prop::sample::Index>(), prop::bool::weighted(0.1))
        .prop_map(|(text, cut, is_cut)| if is_cut { text[..cut.index(text.len())].to_owned() } else { text })
}

/// How many responses a message is. (`serde_json` refuses half a surrogate pair, which an id may be.)
fn responses(message: &str) -> usize {
    let message = RawJson::parse(message).expect("what is sent is JSON");
    if message.is_array() { message.len() } else { 1 }
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer_at_most(bytes: Vec<u8>) {
        let mut out = Outputs::new();
        JsonRpc::default().message(Time(0), Message::Binary(&bytes), &mut out);
        prop_assert_eq!(out.len(), 1);
    }

    /// Each token is answered once, in whichever order the answers come, and a second answer to a member says nothing.
    #[test]
    fn each_token_is_answered_once(
        texts in prop::collection::vec(near_json_rpc(), 1..5),
        order in any::<prop::sample::Index>(),
        batch_bytes in prop_oneof![Just(500usize), Just(1 << 20)],
    ) {
        let mut machine = JsonRpc::new(JsonRpcOptions { batch_bytes, ..JsonRpcOptions::default() });
        let mut tokens = Vec::new();
        for text in &texts {
            let mut out = Outputs::new();
            machine.message(Time(0), Message::Text(text), &mut out);
            let mut at_once = 0;
            for output in out {
                match output {
                    Output::Event { token, .. } => tokens.extend(token),
                    Output::Send { bytes, .. } => {
                        at_once += 1;
                        responses(std::str::from_utf8(&bytes).expect("a text"));
                    }
                    _ => {}
                }
            }
            prop_assert!(at_once <= 1);
        }
        let middle = order.index(tokens.len() + 1);
        tokens.rotate_left(middle);
        let mut answered = 0;
        for token in &tokens {
            let said = say(&mut machine, reply(token.clone(), done("[\"an answer\"]")));
            answered += said.as_deref().map_or(0, responses);
            if matches!(token, Token::Member { .. }) {
                prop_assert_eq!(say(&mut machine, reply(token.clone(), done("[]"))), None);
            }
        }
        // Faults within a batch are answered with its array.
        prop_assert!(answered >= tokens.len());
        prop_assert_eq!(machine.batches.held(), 0);
    }

    /// Two machines understand each other, in both roles.
    #[test]
    fn what_one_encodes_the_other_decodes(
        name in "[^r\\PC][^\\PC]{0,20}",
        args in prop::collection::vec(prop_oneof![any::<i64>().prop_map(|n| n.to_string()), "[a-z\"\\\\é]{0,9}".prop_map(|s| serde_json::to_string(&s).expect("JSON"))], 0..4),
        ack: Option<u64>,
        code: i32,
        message: String,
        success: bool,
    ) {
        let (mut one, mut other) = (JsonRpc::default(), JsonRpc::default());
        let args = format!("[{}]", args.join(","));
        let event = Item::Emit { event: name.clone().into(), payload: json(&args), ack, class: Class::Event, compress: true };
        let said = say(&mut one, event).expect("a message");
        let mut out = Outputs::new();
        other.message(Time(0), Message::Text(&said), &mut out);
        let [Output::Event { slot: 0, name: heard, args: heard_args, token }] = &out[..] else { panic!("{out:?}") };
        prop_assert_eq!((&**heard, heard_args), (&name[..], &PayloadRef::json(&args).expect("JSON")));
        prop_assert_eq!(token, &ack.map(Token::Number));
        if let Some(token) = token.clone() {
            let outcome = if success { done("[[1,\"a\"]]") } else { failed(code, &message) };
            let said = say(&mut other, reply(token, outcome)).expect("a message");
            let expected = if success { "[1,\"a\"]".to_owned() } else { format!("{code} {message}") };
            prop_assert_eq!(hear(&mut one, &said), [format!("answer {}: {expected}", ack.expect("it had a token"))]);
        }
    }

    #[test]
    fn a_batch_is_decoded_and_answered(acks in prop::collection::vec(any::<Option<u64>>(), 1..8)) {
        let (mut client, mut server) = (JsonRpc::default(), JsonRpc::default());
        let args = json("[1]");
        let mut said = Vec::new();
        JsonRpc::encode_batch(acks.iter().map(|ack| ("m", &args, *ack)), &mut |_, bytes: &[u8]| {
            said.push(String::from_utf8(bytes.to_vec()).expect("a text"));
        });
        let mut out = Outputs::new();
        server.message(Time(0), Message::Text(&said[0]), &mut out);
        prop_assert_eq!((said.len(), out.len()), (1, acks.len()));
        let tokens: Vec<Token> = out.into_iter().filter_map(|output| match output {
            Output::Event { token, .. } => token,
            other => panic!("{other:?}"),
        }).collect();
        let replies: Vec<String> =
            tokens.into_iter().filter_map(|token| say(&mut server, reply(token, done("[1]")))).collect();
        let answers: Vec<String> = replies.iter().flat_map(|reply| hear(&mut client, reply)).collect();
        let expected: Vec<String> = acks.iter().flatten().map(|id| format!("answer {id}: 1")).collect();
        prop_assert_eq!((replies.len(), answers), (usize::from(!expected.is_empty()), expected));
    }
}
