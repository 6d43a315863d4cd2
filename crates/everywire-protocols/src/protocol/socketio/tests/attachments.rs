//! Attachments, both ways, in JSON.

use super::*;

const FIRST: &str = r#"{"_placeholder":true,"num":0}"#;
const SECOND: &str = r#"{"_placeholder":true,"num":1}"#;

#[test]
fn events_and_answers_with_attachments() {
    let rows: [(String, &[&[u8]], String); 9] = [
        (format!(r#"51-["up",{FIRST}]"#), &[b"\x01\x02"], format!("event 0 up({FIRST} + 0102)")),
        (format!(r#"51-["up",{FIRST}]"#), &[b""], format!("event 0 up({FIRST} + )")),
        (
            format!(r#"52-/chat,7["up",{FIRST},[{{"a":{SECOND}}}]]"#),
            &[b"\x01", b"\x02"],
            format!(r#"event 1 up({FIRST},[{{"a":{SECOND}}}] + 01 + 02) #7"#),
        ),
        // Several placeholders may share a buffer, and a buffer need not be referred to.
        (
            format!(r#"52-["up",{FIRST},{FIRST}]"#),
            &[b"\x01", b"\x02"],
            format!("event 0 up({FIRST},{FIRST} + 01 + 02)"),
        ),
        (r#"51-["up",1]"#.to_owned(), &[b"\x01"], "event 0 up(1 + 01)".to_owned()),
        // In any spelling.
        (
            r#"501-["up",{ "num" : 0, "\u005fplaceholder" : true }]"#.to_owned(),
            &[b"\x01"],
            format!("event 0 up({FIRST} + 01)"),
        ),
        (format!("61-3[{FIRST}]"), &[b"\x01"], format!("answer 0 #3 ({FIRST} + 01)")),
        (format!("61-[{FIRST}]"), &[b"\x01"], "ignore an answer without id".to_owned()),
        ("51-".to_owned(), &[b"\x01"], "ignore a packet without payload".to_owned()),
    ];
    for (text, attachments, expected) in rows {
        let mut session = Session::joined();
        assert!(session.hear(&text).is_empty(), "{text}");
        for (i, attachment) in attachments.iter().enumerate() {
            let heard = session.hear_bytes(attachment);
            if i + 1 < attachments.len() {
                assert!(heard.is_empty(), "{text}");
            } else {
                assert_eq!(heard, [&*expected], "{text}");
            }
        }
        assert_eq!(session.hear("2[\"next\"]"), ["event 0 next()"]);
    }
}

#[test]
fn breaches() {
    let count =
        "close (protocol error) a binary packet without a count of attachments, expected one and a dash";
    let zero = "close (protocol error) a binary packet with 0 attachments, expected 1 at least";
    let many = "close (protocol error) too many attachments, at most 10 are allowed";
    let rows = [
        ("5[\"a\"]", count),
        ("5-[\"a\"]", count),
        ("5", count),
        ("51", count),
        ("51[\"a\"]", count),
        ("51.5-[\"a\"]", count),
        ("5-1-[\"a\"]", count),
        ("5+1-[\"a\"]", count),
        ("5 1-[\"a\"]", count),
        ("6x-1[]", count),
        ("50-[\"a\"]", zero),
        ("50000-[\"a\"]", zero),
        ("511-[\"a\"]", many),
        ("599999999999999999999999-[\"a\"]", many),
        ("611-1[]", many),
        (
            "51-[]",
            "close (protocol error) the payload of an event must be an array that begins with its name",
        ),
        ("51-[\"connect\"]", "close (protocol error) the event name \"connect\" is reserved"),
    ];
    for (text, expected) in rows {
        assert_eq!(Session::joined().hear(text), [expected], "{text}");
    }
    assert_eq!(
        Session::joined().hear_bytes(b"\x01"),
        ["close (protocol error) a binary message where no attachment is due"]
    );
    for text in ["2[\"a\"]", "1", "51-[\"a\"]", ""] {
        let mut session = Session::joined();
        session.hear("52-[\"a\"]");
        session.hear_bytes(b"\x01");
        let expected = "close (protocol error) a text message where attachments are due";
        assert_eq!(session.hear(text), [expected], "{text}");
    }
}

#[test]
fn placeholders_that_stand_for_nothing() {
    for placeholder in [
        r#"{"_placeholder":true,"num":1}"#,
        r#"{"_placeholder":true,"num":-1}"#,
        r#"{"_placeholder":true,"num":0.5}"#,
        r#"{"_placeholder":true,"num":99999999999999999999}"#,
        r#"{"_placeholder":true,"num":"0"}"#,
        r#"{"_placeholder":true}"#,
        r#"{"_placeholder":true,"num":0,"x":1}"#,
        r#"{"_placeholder":{"_placeholder":true,"num":0},"num":0}"#,
    ] {
        let mut session = Session::joined();
        assert!(session.hear(&format!("51-[\"a\",{placeholder}]")).is_empty());
        let heard = session.hear_bytes(b"\x01");
        let begins = "close (protocol error) the packet's payload: a member named `_placeholder`";
        assert!(matches!(&heard[..], [end] if end.starts_with(begins)), "{placeholder}: {heard:?}");
    }
}

#[test]
fn a_packet_is_looked_at_when_it_is_complete() {
    let mut session = Session::joined();
    assert!(session.hear("51-/other,[\"a\"]").is_empty());
    assert_eq!(
        session.hear_bytes(b"\x01"),
        ["close (protocol error) a packet for /other, which was not joined"]
    );
}

#[test]
fn the_bounds() {
    let options = SocketIoOptions { attachments: 2, attachment_bytes: 10, ..SocketIoOptions::default() };
    let mut session = Session::new(options.clone());
    session.hear("0");
    assert!(session.hear("52-[\"a\"]").is_empty());
    assert!(session.hear_bytes(&[0; 6]).is_empty());
    assert_eq!(session.hear_bytes(&[0; 4]).len(), 1, "as many as may be");
    assert!(session.hear("52-[\"a\"]").is_empty());
    assert!(session.hear_bytes(&[0; 6]).is_empty());
    assert_eq!(
        session.hear_bytes(&[0; 5]),
        ["close (too large) more than 10 bytes in the attachments of one packet"]
    );
    let mut session = Session::new(options);
    session.hear("0");
    let expected = "close (protocol error) too many attachments, at most 2 are allowed";
    assert_eq!(session.hear("53-[\"a\"]"), [expected]);
    // Whatever is asked for, payloads have no more than this.
    let mut session = Session::new(SocketIoOptions { attachments: 1000, ..SocketIoOptions::default() });
    assert_eq!(
        session.hear("511-[\"a\"]"),
        ["close (protocol error) too many attachments, at most 10 are allowed"]
    );
}

#[test]
fn what_is_sent() {
    let two = || with_attachments(&format!("[{FIRST},{{\"a\":{SECOND}}}]"), &[b"\x01", b""]);
    let header = format!("{FIRST},{{\"a\":{SECOND}}}");
    let rows = [
        (emit("up", two(), None), format!("52-/chat,[\"up\",{header}]")),
        (emit("up", two(), Some(3)), format!("52-/chat,3[\"up\",{header}]")),
        (reply(3, two()), format!("62-/chat,3[{header}]")),
    ];
    for (item, text) in rows {
        assert_eq!(Session::joined().say(1, item), [&*text, "01", ""]);
    }
    let one = || Payload::binary(&b"\x01\x02\x03"[..]);
    assert_eq!(
        Session::joined().say(0, emit("hello", one(), None)),
        [&*format!("51-[\"hello\",{FIRST}]"), "010203"]
    );
    assert_eq!(Session::joined().say(0, reply(0, one())), [&*format!("61-0[{FIRST}]"), "010203"]);
    let ten: Vec<&'static [u8]> = vec![b"\x07"; 10];
    let said = Session::joined().say(0, emit("ten", with_attachments("[1]", &ten), None));
    assert_eq!((said.len(), &*said[0]), (11, "510-[\"ten\",1]"));
}

#[test]
fn broadcasts() {
    let broadcast = broadcast("/chat", "up", with_attachments(&format!("[{FIRST}]"), &[b"\x01"]));
    let text = format!("51-/chat,[\"up\",{FIRST}]");
    assert_eq!(formed(ProtocolForm::SocketIo, &broadcast, false), [&*text, "01"]);
    let text = format!("51-/chat,[\"up\",{FIRST},\"1f-42\"]");
    assert_eq!(formed(ProtocolForm::SocketIoOffset, &broadcast, false), [&*text, "01"]);
    let meta = formed(ProtocolForm::SocketIo, &broadcast, true);
    assert!(meta[0].starts_with(&format!("51-/chat,[\"up\",{FIRST},{{\"room\":")), "{meta:?}");
}
