//! What holds for any input.

use everywire_core::payload::json::RawJson;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// Texts that come near the rules.
fn near_packets() -> impl Strategy<Value = String> {
    let head = "[0-6]?(([0-9]{1,2}-)?(/[a-z]{0,2}(\\?a=1)?,)?[0-9]{0,3})?";
    let json = prop::sample::select(vec![
        "",
        "{}",
        "{\"pid\":\"a\",\"offset\":\"b\"}",
        "[]",
        "[\"a\"]",
        "[\"a\",1]",
        "[\"a\",{\"_placeholder\":true,\"num\":0}]",
        "[\"a\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true}]",
        "[\"connect\"]",
        "[\"\\u0061\", {\"x\" : [1.5e3]}]",
        "[1]",
        "[null]",
        "\"a\"",
        "[\"a\",]",
        "[\"\\ud800\",\"\\ud83d\"]\n",
    ]);
    (head, json, any::<Index>(), prop::bool::weighted(0.1)).prop_map(|(head, json, cut, is_cut)| {
        let text = format!("{head}{json}");
        if is_cut && !text.is_empty() { text[..cut.index(text.len())].to_owned() } else { text }
    })
}

#[derive(Debug, Clone)]
enum Step {
    Text(String),
    Binary(Vec<u8>),
    Enter(u32),
    Refuse(u32),
    Leave(u32),
    Emit(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let slot = || 0u32..6;
    let step = prop_oneof![
        8 => near_packets().prop_map(Step::Text),
        1 => "\\PC{0,12}".prop_map(Step::Text),
        2 => prop::collection::vec(any::<u8>(), 0..12).prop_map(Step::Binary),
        3 => slot().prop_map(Step::Enter),
        1 => slot().prop_map(Step::Refuse),
        1 => slot().prop_map(Step::Leave),
        3 => slot().prop_map(Step::Emit),
    ];
    prop::collection::vec(step, 0..30)
}

/// Arguments in JSON, with their attachments.
fn arguments() -> impl Strategy<Value = Payload> {
    let value = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        "[a-z\"\\\\é/\\n]{0,9}".prop_map(|text| serde_json::to_string(&text).expect("a string has JSON")),
        Just("{\"a\":[null,true,{}]}".to_owned()),
        Just("{\"_placeholder\":true,\"num\":N}".to_owned()),
        Just("[{\"x\":{\"_placeholder\":true,\"num\":N}}]".to_owned()),
    ];
    (prop::collection::vec(value, 0..6), prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 5))
        .prop_map(|(values, buffers)| {
            let mut count = 0;
            let mut numbered = Vec::new();
            for value in values {
                if value.contains("N}") {
                    numbered.push(value.replace("N}", &format!("{count}}}")));
                    count += 1;
                } else {
                    numbered.push(value);
                }
            }
            let buffers: Vec<Bytes> = buffers.into_iter().cycle().take(count).map(Bytes::from).collect();
            let json = format!("[{}]", numbered.join(","));
            let args = PayloadRef::json(&json).expect("JSON");
            args.with_attachments(buffers).expect("as many as there are").into_owned()
        })
}

fn parsers() -> impl Strategy<Value = Parser> {
    prop_oneof![Just(Parser::Json), Just(Parser::MsgPack)]
}

/// Arguments as any encoding has them.
fn same(args: &PayloadRef<'_>) -> (Vec<u8>, Vec<Bytes>) {
    let mut json = Vec::new();
    let attachments = args.write_json_parts(&mut json);
    (json, attachments)
}

/// Gives each message to somebody; what the last came to.
fn deliver<T>(messages: &[(Kind, Vec<u8>)], mut to: impl FnMut(Message<'_>) -> Option<T>) -> Option<T> {
    let mut last = None;
    for (i, (kind, bytes)) in messages.iter().enumerate() {
        let message = match kind {
            Kind::Text => Message::Text(std::str::from_utf8(bytes).expect("a text is UTF-8")),
            Kind::Binary => Message::Binary(bytes),
        };
        last = to(message);
        assert_eq!(last.is_some(), i + 1 == messages.len(), "a packet is complete with its last message");
    }
    last
}

proptest! {
    /// Nothing panics, nothing is said after the end, what leaves is well-formed, and slots are new.
    #[test]
    fn any_conversation(steps in steps(), parser in parsers(), revision in 3u32..5) {
        let options = SocketIoOptions { parser, namespaces: 3, held_bytes: 300, ..SocketIoOptions::default() };
        let mut machine = SocketIo::new(options);
        let mut client = SocketIoClient::new(parser, Revision::of_engine(revision));
        let mut out = Outputs::new();
        machine.open(&Facts { revision, ..Facts::default() }, Time(0), &mut out);
        let (mut closed, mut slots) = (false, out.len() as u32);
        for step in steps {
            let item = match &step {
                Step::Text(_) | Step::Binary(_) => None,
                Step::Enter(slot) => Some((*slot, Item::Entered { id: id(), recovery: Some("pid".into()), user: None })),
                Step::Refuse(slot) => Some((*slot, refused("no", None))),
                Step::Leave(slot) => Some((*slot, Item::Left)),
                Step::Emit(slot) => Some((*slot, emit("e", Payload::binary(&b"\x01"[..]), None))),
            };
            if let Some((slot, item)) = item {
                machine.encode(&Entry { slot, item }, &mut |kind, bytes: &[u8]| {
                    let message = match kind {
                        Kind::Text => Message::Text(std::str::from_utf8(bytes).expect("a text is UTF-8")),
                        Kind::Binary => Message::Binary(bytes),
                    };
                    client.message(message).expect("a packet that a client takes");
                });
                continue;
            }
            let mut out = Outputs::new();
            match &step {
                Step::Text(text) => machine.message(Time(0), Message::Text(text), &mut out),
                Step::Binary(bytes) => machine.message(Time(0), Message::Binary(bytes), &mut out),
                _ => {}
            }
            prop_assert!(!closed || out.is_empty());
            prop_assert!(out.len() <= 1);
            for output in &out {
                match output {
                    Output::Connect { slot, .. } => {
                        prop_assert_eq!(*slot, slots);
                        slots += 1;
                    }
                    Output::Close { .. } => closed = true,
                    _ => {}
                }
            }
        }
    }

    /// The short way to an event's name is the long way, only shorter.
    #[test]
    fn both_ways_to_an_event(json in prop_oneof![near_packets(), "\\[\"[a-z\\\\\"u0]{0,6}\"[, \\]1-3]{0,5}\\]?"]) {
        let short = read_json::packet(&format!("2{json}"), 10).map(|(packet, _)| format!("{packet:?}")).ok();
        let long = read_json::packet(&format!("2/, {json}"), 10).map(|(packet, _)| format!("{packet:?}")).ok();
        // A namespace or an id would be read as such in one of them.
        if !json.starts_with(['/', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) && !json.is_empty() {
            prop_assert_eq!(short, long);
        }
    }

    #[test]
    fn what_the_client_sends_the_server_hears(
        name in "[^cdnr\\PC][^\\PC]{0,20}",
        args in arguments(),
        ack: Option<u64>,
        namespace in "(/[a-z0-9é/ -]{0,12})?",
        parser in parsers(),
    ) {
        let namespace = if namespace.is_empty() { "/" } else { &namespace };
        let client = SocketIoClient::new(parser, Revision::Five);
        let mut machine = SocketIo::new(SocketIoOptions { parser, ..SocketIoOptions::default() });
        let mut messages = Vec::new();
        client.connect(namespace, None, &mut |kind, bytes: &[u8]| messages.push((kind, bytes.to_vec())));
        deliver(&messages, |message| {
            let mut out = Outputs::new();
            machine.message(Time(0), message, &mut out);
            out.iter().map(spell).next()
        });
        messages.clear();
        client.event(namespace, &name, &args, ack, &mut |kind, bytes: &[u8]| messages.push((kind, bytes.to_vec())));
        let heard = deliver(&messages, |message| {
            let mut out = Outputs::new();
            machine.message(Time(0), message, &mut out);
            out.pop().map(|output| match output {
                Output::Event { slot: 0, name, args, token } => (name.into_owned(), same(&args), token),
                other => panic!("{other:?}"),
            })
        });
        prop_assert_eq!(heard, Some((name, same(&args.view()), ack.map(Token::Number))));
        let mut messages = Vec::new();
        client.answer(namespace, 7, &args, &mut |kind, bytes: &[u8]| messages.push((kind, bytes.to_vec())));
        let heard = deliver(&messages, |message| {
            let mut out = Outputs::new();
            machine.message(Time(0), message, &mut out);
            out.pop().map(|output| match output {
                Output::Answer { slot: 0, id: 7, answer: Ok(args) } => same(&args),
                other => panic!("{other:?}"),
            })
        });
        prop_assert_eq!(heard, Some(same(&args.view())));
    }

    #[test]
    fn what_the_server_sends_the_client_hears(
        name in "[^cdnr\\PC][^\\PC]{0,20}",
        args in arguments(),
        ack: Option<u64>,
        parser in parsers(),
        chat: bool,
        recovery: bool,
        meta: bool,
    ) {
        let namespace = if chat { "/chat" } else { "/" };
        let mut client = SocketIoClient::new(parser, Revision::Five);
        let mut machine = SocketIo::new(SocketIoOptions { parser, recovery, ..SocketIoOptions::default() });
        let mut messages = Vec::new();
        client.connect(namespace, None, &mut |kind, bytes: &[u8]| messages.push((kind, bytes.to_vec())));
        deliver(&messages, |message| {
            let mut out = Outputs::new();
            machine.message(Time(0), message, &mut out);
            out.iter().map(spell).next()
        });
        machine.encode(&Entry { slot: 0, item: Item::Entered { id: id(), recovery: None, user: None } }, &mut |_, _: &[u8]| {});
        let mut say = |item: Item| {
            let mut messages = Vec::new();
            machine.encode(&Entry { slot: 0, item }, &mut |kind, bytes: &[u8]| messages.push((kind, bytes.to_vec())));
            deliver(&messages, |message| {
                client.message(message).expect("a packet").map(|heard| {
                    assert_eq!(heard.namespace, namespace);
                    match heard.what {
                        What::Event { name, args, ack } => (name.into_owned(), same(&args), ack, args.len()),
                        What::Answer { id, args } => (String::new(), same(&args), Some(id), args.len()),
                        other => panic!("{other:?}"),
                    }
                })
            })
        };
        let event = Item::Emit { event: name.clone().into(), payload: args.clone(), ack, class: Class::Event, compress: true };
        prop_assert_eq!(say(event), Some((name, same(&args.view()), ack, args.len())));
        prop_assert_eq!(say(reply(7, args.clone())), Some((String::new(), same(&args.view()), Some(7), args.len())));
        let broadcast = broadcast(namespace, "chat", args.clone());
        let heard = say(Item::Broadcast { broadcast, meta });
        let told = usize::from(meta) + usize::from(recovery);
        let (_, (json, attachments), _, count) = heard.expect("an event");
        prop_assert_eq!(count, args.len() + told);
        prop_assert_eq!(&attachments, &same(&args.view()).1);
        prop_assert!(json.starts_with(&same(&args.view()).0));
        let array = format!("[{}]", String::from_utf8_lossy(&json));
        prop_assert!(RawJson::parse(&array).is_ok());
    }
}
