use super::*;

fn framed(shape: &Shape, frame: Frame<'_>) -> String {
    let mut out = Vec::new();
    shape.frame(frame, &mut out);
    String::from_utf8(out).unwrap()
}

fn inside(messages: &[&str]) -> String {
    let mut inside = Vec::new();
    for message in messages {
        append_message(message, &mut inside);
    }
    String::from_utf8(inside).unwrap()
}

#[test]
fn frames_as_each_transport_carries_them() {
    let messages = inside(&["a\"<b>", "100 %", "é\u{2028}"]);
    let frames = [
        Frame::Open,
        Frame::Heartbeat,
        Frame::Messages(&messages),
        Frame::Close { code: 2010, reason: "Another connection still open" },
    ];
    let all = |shape: &Shape| frames.map(|frame| framed(shape, frame));
    assert_eq!(
        all(&Shape::Lines),
        [
            "o\n",
            "h\n",
            "a[\"a\\\"<b>\",\"100 %\",\"é\\u2028\"]\n",
            "c[2010,\"Another connection still open\"]\n"
        ]
    );
    assert_eq!(
        all(&Shape::Events),
        [
            "data: o\r\n\r\n",
            "data: h\r\n\r\n",
            "data: a[\"a\\\"<b>\",\"100 %25\",\"é\\u2028\"]\r\n\r\n",
            "data: c[2010,\"Another connection still open\"]\r\n\r\n"
        ]
    );
    assert_eq!(
        all(&Shape::Scripts),
        [
            "<script>\np(\"o\");\n</script>\r\n",
            "<script>\np(\"h\");\n</script>\r\n",
            "<script>\np(\"a[\\\"a\\\\\\\"\\u003cb\\u003e\\\",\\\"100 %\\\",\\\"é\\\\u2028\\\"]\");\n</script>\r\n",
            "<script>\np(\"c[2010,\\\"Another connection still open\\\"]\");\n</script>\r\n"
        ]
    );
    assert_eq!(
        all(&Shape::Call("_jp.a1b2c3d".into())),
        [
            "/**/_jp.a1b2c3d(\"o\");\r\n",
            "/**/_jp.a1b2c3d(\"h\");\r\n",
            "/**/_jp.a1b2c3d(\"a[\\\"a\\\\\\\"\\u003cb\\u003e\\\",\\\"100 %\\\",\\\"é\\\\u2028\\\"]\");\r\n",
            "/**/_jp.a1b2c3d(\"c[2010,\\\"Another connection still open\\\"]\");\r\n"
        ]
    );
    // The reasons of ends are escaped as messages are.
    assert_eq!(
        framed(&Shape::Lines, Frame::Close { code: 3000, reason: "\u{2028}" }),
        "c[3000,\"\\u2028\"]\n"
    );
}

#[test]
fn preludes_are_long_enough_for_browsers() {
    let prelude = |shape: Shape, callback: &str| {
        let mut out = Vec::new();
        shape.prelude(callback, &mut out);
        String::from_utf8(out).unwrap()
    };
    let lines = prelude(Shape::Lines, "");
    assert_eq!((lines.len(), lines.trim_end_matches('\n').replace('h', "")), (2049, String::new()));
    assert_eq!(prelude(Shape::Events, ""), "\r\n");
    assert_eq!(prelude(Shape::Call("c".into()), ""), "");
    for callback in ["c", "_jp.a1b2c3d"] {
        let page = prelude(Shape::Scripts, callback);
        assert_eq!(page.len(), 1027 + callback.len());
        assert!(page.starts_with("<!doctype html>\n") && page.ends_with("  \r\n\r\n"), "{page}");
        assert!(page.contains(&format!("var c = parent.{callback};\n")), "{page}");
    }
}

#[test]
fn clients_say_arrays_of_strings() {
    let read = |text: &str, alone| {
        messages(text, alone).ok().map(|messages| {
            messages
                .iter()
                .map(|message| String::from_utf8_lossy(message.as_message().as_bytes()).into_owned())
                .collect()
        })
    };
    let some =
        |messages: &[&str]| Some(messages.iter().map(|message| (*message).to_owned()).collect::<Vec<_>>());
    assert_eq!(read("[]", false), some(&[]));
    assert_eq!(read(" [\"a\" , \"\\u0062\"] ", false), some(&["a", "b"]));
    assert_eq!(read("[\"\\ud83d\\ude00\",\"\\ud83d!\"]", false), some(&["😀", "\u{fffd}!"]));
    assert_eq!(read("\"a\"", true), some(&["a"]));
    for text in ["\"a\"", "", "x", "[\"a\"", "[1]", "[\"a\",null]", "{}", "null", "\u{feff}[]", "[\"a\"]]"] {
        assert_eq!(read(text, false), None, "{text}");
    }
    assert_eq!(read("1", true), None);
    // One that is spelled as it is may be taken from where it stands; whatever is not, is read.
    for text in ["[\"\"]", "[\"a\"]", "[\"{'a': 1} and 20 bytes more\"]"] {
        assert_eq!(read(text, true), some(&[only_message(text).expect(text)]));
    }
    for text in [
        "[\"]",
        "[\"a\",\"b\"]",
        "[\"a\\\"]",
        "[\"\\\"\"]",
        "[\"é\"]",
        " [\"a\"]",
        "[\"a\n\"]",
        "\"a\"",
        "[]",
        "",
    ] {
        assert_eq!(only_message(text), None, "{text}");
    }
}

#[test]
fn messages_of_a_pass_are_one_frame() {
    let frame = |shape: &Shape, messages: &[&str]| {
        let mut out = Vec::new();
        for message in messages {
            append_to_response(shape, &mut |out| out.extend_from_slice(message.as_bytes()), &mut out);
        }
        String::from_utf8(out).unwrap()
    };
    for shape in [Shape::Lines, Shape::Events] {
        for messages in [&["50 %\n"][..], &["]", "]\n", "é\"]\r\n\r\n"], &["", ""]] {
            let mut inside = Vec::new();
            messages.iter().for_each(|message| append_message(message, &mut inside));
            let whole = Frame::Messages(std::str::from_utf8(&inside).unwrap());
            assert_eq!(frame(&shape, messages), framed(&shape, whole));
        }
    }
}

#[test]
fn an_array_has_so_many_messages_at_most() {
    let array = |count: usize| format!("[{}]", vec!["\"\""; count].join(","));
    assert_eq!(messages(&array(MOST_MESSAGES), false).map(|messages| messages.len()), Ok(MOST_MESSAGES));
    assert_eq!(messages(&array(MOST_MESSAGES + 1), true).unwrap_err(), Unread::TooMany);
}
