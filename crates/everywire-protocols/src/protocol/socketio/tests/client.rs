//! The client's side, alone and against the server's.

use super::*;

/// What a client sends, spelled.
fn sent(write: impl FnOnce(&mut dyn Outbox)) -> Vec<String> {
    let mut said = Vec::new();
    write(&mut |kind, bytes: &[u8]| said.push(spell_message(kind, bytes)));
    said
}

fn heard(client: &mut SocketIoClient, text: &str) -> String {
    match client.message(Message::Text(text)) {
        Ok(Some(Heard { namespace, what })) => match what {
            What::Entered { sid, pid } => format!("{namespace}: in as {sid:?}, {pid:?}"),
            What::Refused(error) => format!("{namespace}: refused {}", spell_args(&error)),
            What::Event { name, args, ack } => {
                format!("{namespace}: {name}({}) {ack:?}", spell_args(&args))
            }
            What::Answer { id, args } => format!("{namespace}: answer {id} ({})", spell_args(&args)),
            What::Left => format!("{namespace}: left"),
            What::Nothing(what) => format!("{namespace}: {what}"),
        },
        Ok(None) => "more".to_owned(),
        Err(fault) => format!("fault: {}", fault.what),
    }
}

#[test]
fn what_it_sends() {
    let client = SocketIoClient::new(Parser::Json, Revision::Five);
    let auth = json("[{\"token\":\"x\"}]");
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    let binary = Payload::binary(&b"\x01"[..]);
    let rows = [
        (sent(|out| client.connect("/", None, out)), vec!["0".to_owned()]),
        (sent(|out| client.connect("/", Some(&auth), out)), vec!["0{\"token\":\"x\"}".to_owned()]),
        (sent(|out| client.connect("/chat", Some(&auth), out)), vec!["0/chat,{\"token\":\"x\"}".to_owned()]),
        (sent(|out| client.connect("/chat", None, out)), vec!["0/chat,".to_owned()]),
        (sent(|out| client.event("/", "msg", &json("[1]"), None, out)), vec!["2[\"msg\",1]".to_owned()]),
        (
            sent(|out| client.event("/chat", "msg", &json("[]"), Some(12), out)),
            vec!["2/chat,12[\"msg\"]".to_owned()],
        ),
        (
            sent(|out| client.event("/", "up", &binary, None, out)),
            vec![format!("51-[\"up\",{placeholder}]"), "01".to_owned()],
        ),
        (sent(|out| client.answer("/", 12, &json("[\"ok\"]"), out)), vec!["312[\"ok\"]".to_owned()]),
        (
            sent(|out| client.answer("/", 3, &binary, out)),
            vec![format!("61-3[{placeholder}]"), "01".to_owned()],
        ),
        (sent(|out| client.disconnect("/", out)), vec!["1".to_owned()]),
        (sent(|out| client.disconnect("/chat", out)), vec!["1/chat,".to_owned()]),
    ];
    for (said, expected) in rows {
        assert_eq!(said, expected);
    }
    let old = SocketIoClient::new(Parser::Json, Revision::Four);
    assert_eq!(sent(|out| old.connect("/chat?token=x", Some(&auth), out)), ["0/chat?token=x,"]);
}

#[test]
fn what_it_hears() {
    let rows = [
        (r#"0{"sid":"a"}"#, r#"/: in as Some("a"), None"#),
        (r#"0/chat,{"sid":"a","pid":"b","x":[1]}"#, r#"/chat: in as Some("a"), Some("b")"#),
        ("0", "/: in as None, None"),
        (r#"4/no,{"message":"Invalid namespace"}"#, r#"/no: refused {"message":"Invalid namespace"}"#),
        ("4\"no\"", "/: refused \"no\""),
        ("4", "/: refused "),
        ("2/chat,[\"a\",1]", "/chat: a(1) None"),
        ("212[\"a\"]", "/: a() Some(12)"),
        ("3/chat,12[1]", "/chat: answer 12 (1)"),
        ("3[1]", "/: an answer without id"),
        ("1/chat,", "/chat: left"),
        ("2", "/: a packet without payload"),
        ("51-[\"a\"]", "more"),
        ("8", "fault: unknown packet type, expected a digit from 0 to 6"),
    ];
    for (text, expected) in rows {
        assert_eq!(heard(&mut SocketIoClient::new(Parser::Json, Revision::Five), text), expected, "{text}");
    }
}

/// What a server and a client make of each other, whichever parser they have.
#[test]
fn a_conversation() {
    for parser in [Parser::Json, Parser::MsgPack] {
        let mut session = Session::new(SocketIoOptions { parser, ..SocketIoOptions::default() });
        let mut client = SocketIoClient::new(parser, Revision::Five);
        let told = |session: &mut Session, write: &dyn Fn(&SocketIoClient, &mut dyn Outbox)| {
            let mut messages = Vec::new();
            // What it sends depends on nothing that it heard.
            write(&SocketIoClient::new(parser, Revision::Five), &mut |kind, bytes: &[u8]| {
                messages.push((kind, bytes.to_vec()));
            });
            messages
                .iter()
                .flat_map(|(kind, bytes)| session.message(message(*kind, bytes)))
                .collect::<Vec<_>>()
        };
        let auth = json("[{\"token\":\"x\"}]");
        let binary = Payload::binary(&b"\x01"[..]);
        let placeholder = r#"{"_placeholder":true,"num":0}"#;
        assert_eq!(
            told(&mut session, &|client, out| client.connect("/chat", Some(&auth), out)),
            ["connect 0 /chat ({\"token\":\"x\"})"]
        );
        session.enter(0);
        assert_eq!(
            told(&mut session, &|client, out| client.event("/chat", "up", &binary, Some(7), out)),
            [format!("event 0 up({placeholder} + 01) #7")]
        );
        assert_eq!(
            told(&mut session, &|client, out| client.answer("/chat", 9, &binary, out)),
            [format!("answer 0 #9 ({placeholder} + 01)")]
        );
        let mut hear = |session: &mut Session, item: Item| {
            let mut messages = Vec::new();
            let mut outbox = |kind, bytes: &[u8]| messages.push((kind, bytes.to_vec()));
            session.machine.encode(&Entry { slot: 0, item }, &mut outbox);
            let mut heard = Vec::new();
            for (kind, bytes) in &messages {
                heard.extend(client.message(message(*kind, bytes)).expect("a packet").map(|heard| {
                    assert_eq!(heard.namespace, "/chat");
                    match heard.what {
                        What::Event { name, args, ack } => format!("{name}({}) {ack:?}", spell_args(&args)),
                        What::Answer { id, args } => format!("answer {id} ({})", spell_args(&args)),
                        What::Left => "left".to_owned(),
                        other => panic!("{other:?}"),
                    }
                }));
            }
            heard
        };
        assert_eq!(
            hear(&mut session, emit("up", binary.clone(), Some(3))),
            [format!("up({placeholder} + 01) Some(3)")]
        );
        assert_eq!(hear(&mut session, reply(7, binary.clone())), [format!("answer 7 ({placeholder} + 01)")]);
        assert_eq!(hear(&mut session, Item::Left), ["left"]);
        assert!(told(&mut session, &|client, out| client.disconnect("/chat", out))[0].starts_with("ignore "));
    }
}

fn message(kind: Kind, bytes: &[u8]) -> Message<'_> {
    match kind {
        Kind::Text => Message::Text(std::str::from_utf8(bytes).expect("a text is UTF-8")),
        Kind::Binary => Message::Binary(bytes),
    }
}
