//! Every example of the specification's section 7, with a server that has its methods.

use serde_json::Value;

use super::*;

/// The methods of the examples.
fn handle(method: &str, args: &everywire_core::PayloadRef<'_>) -> Outcome {
    let args: Value = serde_json::from_str(&format!("[{}]", json_args(args))).expect("JSON");
    let number = |value: &Value| value.as_i64().expect("an integer");
    match method {
        "subtract" if args[0].is_object() => {
            done(&format!("[{}]", number(&args[0]["minuend"]) - number(&args[0]["subtrahend"])))
        }
        "subtract" => done(&format!("[{}]", number(&args[0]) - number(&args[1]))),
        "sum" => done(&format!("[{}]", args.as_array().expect("an array").iter().map(number).sum::<i64>())),
        "get_data" => done(r#"[["hello",5]]"#),
        "update" | "notify_sum" | "notify_hello" => done("[]"),
        _ => failed(code::METHOD_NOT_FOUND, "Method not found"),
    }
}

/// What comes back for a message: each reply, without the details in `data`, which the examples have none of.
fn serve(text: &str) -> Vec<Value> {
    let mut machine = JsonRpc::default();
    let mut said = Vec::new();
    let mut out = Outputs::new();
    machine.message(Time(0), Message::Text(text), &mut out);
    for output in out {
        match output {
            Output::Event { name, args, token, .. } => {
                let outcome = handle(&name, &args);
                said.extend(token.and_then(|token| say(&mut machine, reply(token, outcome))));
            }
            Output::Send { bytes, .. } => said.push(String::from_utf8(bytes).expect("UTF-8")),
            Output::Ignored(_) => {}
            other => panic!("no example has {other:?}"),
        }
    }
    said.iter().map(|text| without_data(serde_json::from_str(text).expect("JSON"))).collect()
}

fn without_data(mut reply: Value) -> Value {
    match &mut reply {
        Value::Array(replies) => replies.iter_mut().for_each(|reply| *reply = without_data(reply.take())),
        Value::Object(members) => {
            if let Some(Value::Object(error)) = members.get_mut("error") {
                error.remove("data");
            }
        }
        _ => {}
    }
    reply
}

#[test]
fn the_examples_of_section_7() {
    let examples = [
        (
            "positional parameters",
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
            Some(r#"{"jsonrpc": "2.0", "result": 19, "id": 1}"#),
        ),
        (
            "positional parameters, the other way round",
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
            Some(r#"{"jsonrpc": "2.0", "result": -19, "id": 2}"#),
        ),
        (
            "named parameters",
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
            Some(r#"{"jsonrpc": "2.0", "result": 19, "id": 3}"#),
        ),
        (
            "named parameters, the other way round",
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
            Some(r#"{"jsonrpc": "2.0", "result": 19, "id": 4}"#),
        ),
        ("a notification", r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, None),
        ("a notification to nobody", r#"{"jsonrpc": "2.0", "method": "foobar"}"#, None),
        (
            "a method that does not exist",
            r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
            Some(
                r#"{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}"#,
            ),
        ),
        (
            "invalid JSON",
            r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
            Some(r#"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}"#),
        ),
        (
            "an invalid request",
            r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
            Some(
                r#"{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#,
            ),
        ),
        (
            "a batch that is invalid JSON",
            r#"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
                {"jsonrpc": "2.0", "method"]"#,
            Some(r#"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}"#),
        ),
        (
            "an empty batch",
            "[]",
            Some(
                r#"{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#,
            ),
        ),
        (
            "an invalid batch that is not empty",
            "[1]",
            Some(
                r#"[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]"#,
            ),
        ),
        (
            "an invalid batch of three",
            "[1,2,3]",
            Some(
                r#"[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
                    {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
                    {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]"#,
            ),
        ),
        (
            "a batch of all kinds",
            r#"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
                {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
                {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
                {"foo": "boo"},
                {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
                {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]"#,
            // In the specification's order but for the invalid one, which is answered before the others: section 6
            // lets replies be in any order.
            Some(
                r#"[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
                    {"jsonrpc": "2.0", "result": 7, "id": "1"},
                    {"jsonrpc": "2.0", "result": 19, "id": "2"},
                    {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
                    {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}]"#,
            ),
        ),
        (
            "a batch of notifications",
            r#"[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
                {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]"#,
            None,
        ),
    ];
    for (what, sent, expected) in examples {
        let expected: Vec<Value> =
            expected.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect();
        assert_eq!(serve(sent), expected, "{what}");
    }
}
