//! What leaves: calls, answers and their errors, word for word as .NET has them, for users compare them.

use super::*;

#[test]
fn answers() {
    let mut peer = Peer::open(Encoding::Json);
    for (outcome, json) in [
        (Outcome::Done(args("42")), r#"{"type":3,"invocationId":"1","result":42}␞"#),
        // A method that gives nothing: .NET says so too.
        (Outcome::Done(Payload::empty()), r#"{"type":3,"invocationId":"1","result":null}␞"#),
        (Outcome::Done(args("1,\"b\"")), r#"{"type":3,"invocationId":"1","result":[1,"b"]}␞"#),
        (Outcome::Done(Payload::binary(vec![1, 2])), r#"{"type":3,"invocationId":"1","result":"AQI="}␞"#),
        (Outcome::Ended, r#"{"type":3,"invocationId":"1"}␞"#),
    ] {
        assert_eq!(peer.say(reply(1, outcome)), [json]);
    }
    let mut peer = Peer::open(Encoding::MsgPack);
    for (outcome, bytes) in [
        (Outcome::Done(args("42")), "07950380a131032a"),
        (Outcome::Done(Payload::empty()), "07950380a13103c0"),
        (Outcome::Done(Payload::binary(vec![1, 2])), "0a950380a13103c4020102"),
        (Outcome::Ended, "06940380a13102"),
    ] {
        assert_eq!(peer.say(reply(1, outcome)), [bytes]);
    }
}

/// What a failure is called, without detailed errors and with.
fn words(failure: &Failure) -> [String; 2] {
    [SignalROptions::default(), detailed()].map(|options| {
        let mut peer = Peer::open_with(options, &Facts::default(), Encoding::Json);
        let said = peer.say(reply(1, failed(failure.clone()))).concat();
        let error = said.strip_prefix(r#"{"type":3,"invocationId":"1","error":""#).expect("an error");
        error.strip_suffix("\"}␞").expect("a text").to_owned()
    })
}

const IN_USE: &str = "Invocation ID '1' is already in use.";
const STREAMING: &str =
    "The client attempted to invoke the streaming 'Send' method with a non-streaming invocation.";

#[test]
fn errors_word_for_word() {
    let failure = |code, message: &str| Failure { event: "Send".into(), ..Failure::new(code, message) };
    let counted = Failure { count: Some((3, 2)), ..failure(-32602, "too many") };
    let streamed = |code| Failure { streamed: true, ..failure(code, "it broke") };
    let invoke = "Failed to invoke 'Send' due to an error on the server.";
    let threw = "An unexpected error occurred invoking 'Send' on the server.";
    let stream = "An error occurred on the server while streaming results.";
    for (failure, short, detail) in [
        (failure(-32601, "no such event"), "Unknown hub method 'Send'", ""),
        (failure(-32003, "no"), "Failed to invoke 'Send' because user is unauthorized", ""),
        (counted, invoke, " InvalidDataException: Invocation provides 3 argument(s) but target expects 2."),
        (
            failure(-32602, "expected a number"),
            invoke,
            " InvalidDataException: Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked. expected a number",
        ),
        // What broke on our side is for nobody else.
        (failure(-32603, "a secret"), threw, " Exception: a secret"),
        (streamed(-32603), stream, " Exception: it broke"),
        // Ids in use, and calls of the wrong kind: the words are whole already.
        (failure(-32004, IN_USE), IN_USE, ""),
        (failure(-32004, STREAMING), STREAMING, ""),
    ] {
        assert_eq!(words(&failure), [short.to_owned(), format!("{short}{detail}")]);
    }
    // A handler's own words, whoever asks; and what .NET says as if it were one.
    for (failure, text) in [
        (failure(-32000, "not today"), format!("{threw} HubException: not today")),
        (failure(7, "not today"), format!("{threw} HubException: not today")),
        (
            failure(-32000, "Client sent 1 stream(s), Hub method expects 2."),
            format!("{threw} HubException: Client sent 1 stream(s), Hub method expects 2."),
        ),
        (streamed(-32000), format!("{stream} HubException: it broke")),
    ] {
        assert_eq!(words(&failure), [text.clone(), text]);
    }
}

#[test]
fn the_exception_has_the_name_that_the_application_chose() {
    let options = SignalROptions { exception: "MyException".into(), ..SignalROptions::default() };
    let mut peer = Peer::open_with(options, &Facts::default(), Encoding::Json);
    let failure = Failure { event: "Send".into(), ..Failure::new(-32000, "no \"way\"") };
    assert_eq!(
        peer.say(reply(1, failed(failure))),
        [
            r#"{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking 'Send' on the server. MyException: no \"way\""}␞"#
        ]
    );
}

#[test]
fn calls_of_ours() {
    let mut peer = Peer::open(Encoding::Json);
    assert_eq!(
        peer.say(emit("receive", args("\"a\",1"), None)),
        [r#"{"type":1,"target":"receive","arguments":["a",1]}␞"#]
    );
    assert_eq!(
        peer.say(emit("ask", Payload::empty(), Some(12))),
        [r#"{"type":1,"invocationId":"s12","target":"ask","arguments":[]}␞"#]
    );
    let mut peer = Peer::open(Encoding::MsgPack);
    assert_eq!(peer.say(emit("M", args("42"), None)), ["09960180c0a14d912a90"]);
    assert_eq!(peer.say(emit("M", args("42"), Some(1))), ["0b960180a27331a14d912a90"]);
}

#[test]
fn what_is_wired_goes_as_it_is_and_what_is_nothing_says_nothing() {
    let mut peer = Peer::open(Encoding::Json);
    assert_eq!(peer.say(Item::Wire { bytes: Bytes::from_static(b"as it is"), text: true }), ["as it is"]);
    assert_eq!(peer.say(Item::Wire { bytes: Bytes::from_static(&[1, 255]), text: false }), ["01ff"]);
    assert_eq!(peer.say(Item::Entered { id: public_id(), recovery: None, user: None }), NOTHING);
    assert_eq!(peer.say(Item::Left), NOTHING);
}

fn broadcast(payload: Payload) -> Arc<Broadcast> {
    let publication = Publication {
        namespace: HUB.into(),
        event: Name::from("chat"),
        payload,
        target: Target::room("a\"room"),
        from: None,
        user: None,
        time: 1_700_000_000_123,
        class: Class::Event,
        compress: true,
        original: None,
    };
    Arc::new(Broadcast::new(Offset { epoch: 0x1f, seq: 42 }, publication))
}

#[test]
fn broadcasts_are_the_same_for_all_and_meta_is_one_more_argument() {
    let meta = r#"{"room":"a\"room","offset":"1f-42","time":1700000000123}"#;
    let rows = [
        (args("1"), false, r#"{"type":1,"target":"chat","arguments":[1]}␞"#.to_owned()),
        (args("1"), true, format!(r#"{{"type":1,"target":"chat","arguments":[1,{meta}]}}␞"#)),
        (Payload::empty(), true, format!(r#"{{"type":1,"target":"chat","arguments":[{meta}]}}␞"#)),
    ];
    for (payload, meta, expected) in rows {
        let broadcast = broadcast(payload);
        let mut peer = Peer::open(Encoding::Json);
        assert_eq!(peer.say(Item::Broadcast { broadcast: broadcast.clone(), meta }), [&*expected]);
        let mut formed = Vec::new();
        peer.machine.form().encode(&broadcast, meta, &mut |kind, bytes: &[u8]| {
            formed.push(spell_message(kind, bytes));
        });
        assert_eq!(formed, [&*expected]);
        // And in the other encoding it says the same.
        let mut whole = Vec::new();
        let form = ProtocolForm::SignalRMsgPack;
        form.encode(&broadcast, meta, &mut |kind, bytes: &[u8]| {
            assert_eq!(kind, Kind::Binary);
            whole.extend_from_slice(bytes);
        });
        let json = expected.replace('␞', "\u{1e}");
        let of = |encoding, bytes: &[u8]| heard(encoding, 1000, [bytes]);
        assert_eq!(of(Encoding::MsgPack, &whole), of(Encoding::Json, json.as_bytes()));
    }
}
