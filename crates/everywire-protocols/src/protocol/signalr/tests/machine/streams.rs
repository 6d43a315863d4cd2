//! Streams, from the server and to it.

use super::*;

#[test]
fn of_the_client_s() {
    let mut peer = Peer::open(Encoding::Json);
    let call = |text: &str| format!("{text}␞");
    assert_eq!(
        peer.hear(&call(
            r#"{"type":1,"invocationId":"1","target":"Up","arguments":[7],"streamIds":["2","a"]}"#
        )),
        ["call Up(7) #1 <2 <\"a\""]
    );
    assert_eq!(
        peer.hear(&call(r#"{"type":1,"target":"Up","arguments":[],"streamIds":["3"]}"#)),
        ["call Up() <3"],
        "nobody awaits its answer"
    );
    assert_eq!(
        peer.hear(&call(r#"{"type":4,"invocationId":"4","target":"Both","arguments":[],"streamIds":["5"]}"#)),
        ["call Both() #4 streams <5"]
    );
    assert_eq!(
        peer.hear(&call(r#"{"type":1,"invocationId":"6","target":"M","arguments":[],"streamIds":[]}"#)),
        ["event M() #6"],
        "none is as good as nothing"
    );
    assert_eq!(peer.hear(&call(r#"{"type":2,"invocationId":"2","item":null}"#)), ["item 2 (null)"]);
    assert_eq!(peer.hear(&call(r#"{"type":2,"invocationId":"a","item":"x"}"#)), ["item \"a\" (\"x\")"]);
    assert_eq!(peer.hear(&call(r#"{"type":3,"invocationId":"2"}"#)), ["uploaded 2 None"]);
    assert_eq!(
        peer.hear(&call(r#"{"type":3,"invocationId":"a","error":"it broke"}"#)),
        ["uploaded \"a\" Some(\"it broke\")"]
    );
    // What it would be the result of, nobody knows.
    assert_eq!(peer.hear(&call(r#"{"type":3,"invocationId":"9","result":1}"#)), ["uploaded 9 None"]);
}

#[test]
fn ids_that_are_the_server_s_are_refused() {
    let error = "Stream IDs that are an s and a number are the server's, and 's3' is one; choose another.";
    let mut peer = Peer::open(Encoding::Json);
    assert_eq!(
        peer.hear(r#"{"type":1,"invocationId":"1","target":"Up","arguments":[],"streamIds":["s","s3"]}␞"#),
        [format!(r#"send {{"type":3,"invocationId":"1","error":"{error}"}}␞"#)]
    );
    assert_eq!(
        peer.hear(r#"{"type":1,"target":"Up","arguments":[],"streamIds":["s3"]}␞"#),
        [format!("ignore {error}")]
    );
}

#[test]
fn an_item_that_cannot_be_taken_fails_its_stream() {
    let count = everywire_core::payload::MAX_ATTACHMENTS + 1;
    let mut body = hex("94 02 80 a132 dc 00");
    body.push(u8::try_from(count).expect("few"));
    body.extend(std::iter::repeat_n([0xc4, 0], count).flatten());
    let mut bytes = vec![body.len() as u8 & 0x7f | 0x80, (body.len() >> 7) as u8];
    bytes.extend(body);
    let mut peer = Peer::open(Encoding::MsgPack);
    let said = peer.hear_bytes(&bytes);
    assert!(said.len() == 1 && said[0].starts_with("item 2 !"), "{said:?}");
    assert_eq!(peer.hear_bytes(&counted("93 05 80 a1'1'")), ["cancel 1"], "the connection lives");
}

#[test]
fn of_the_server_s() {
    let item = |payload| Item::StreamItem { token: Token::Number(3), payload };
    let mut peer = Peer::open(Encoding::Json);
    assert_eq!(peer.say(item(args("5"))), [r#"{"type":2,"invocationId":"3","item":5}␞"#]);
    assert_eq!(peer.say(item(Payload::empty())), [r#"{"type":2,"invocationId":"3","item":null}␞"#]);
    assert_eq!(peer.say(reply(3, Outcome::Ended)), [r#"{"type":3,"invocationId":"3"}␞"#]);
    let failure = Failure { event: "S".into(), streamed: true, ..Failure::new(-32603, "why") };
    assert_eq!(
        peer.say(reply(3, failed(failure))),
        [
            r#"{"type":3,"invocationId":"3","error":"An error occurred on the server while streaming results."}␞"#
        ]
    );
    let mut peer = Peer::open(Encoding::MsgPack);
    let bytes = Payload::binary(vec![1, 2]);
    assert_eq!(peer.say(item(bytes)), ["0994028 0a133c4020102".replace(' ', "")]);
    assert_eq!(peer.say(reply(3, Outcome::Ended)), ["06940380a13302"]);
}
