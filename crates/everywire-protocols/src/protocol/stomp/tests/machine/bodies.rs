//! Bodies: what they mean to others, and that they come to other clients of STOMP's as they left.

use super::*;

/// What a SEND with these headers and this body publishes.
fn published(headers: &str, body: &[u8]) -> Published {
    let mut frame =
        format!("SEND\ndestination:/topic/a\n{headers}content-length:{}\n\n", body.len()).into_bytes();
    frame.extend_from_slice(body);
    frame.push(0);
    Peer::open(Version::V1_2).publishes(&frame)
}

/// The headers behind the head of the MESSAGE that it becomes, and its body.
fn heard(version: Version, published: Published) -> (String, Vec<u8>) {
    let mut peer = Peer::open(version);
    peer.subscribe("0", "/topic/a");
    let mut messages = Vec::new();
    let is_bytes = meaning(&published).1 == "bytes";
    let item = Item::Broadcast { broadcast: arrives(published), meta: true };
    peer.machine
        .encode(&Entry { slot: 0, item }, &mut |kind, bytes: &[u8]| messages.push((kind, bytes.to_vec())));
    let [(kind, bytes)] = &messages[..] else { panic!("one message: {messages:?}") };
    let at = bytes.windows(2).position(|pair| pair == b"\n\n").expect("an empty line");
    let (head, body) = (std::str::from_utf8(&bytes[..=at]).expect("headers are text"), &bytes[at + 2..]);
    let (_, rest) = head.split_once("time:1700000000123\n").expect("the time");
    let body = body.strip_suffix(b"\0").expect("a NUL").to_vec();
    let length = if body.is_empty() { String::new() } else { format!("content-length:{}\n", body.len()) };
    let rest = rest.replacen(&length, "", 1);
    assert_eq!(*kind, if is_bytes { Kind::Binary } else { Kind::Text });
    (rest, body)
}

/// Arguments as JSON, and whether they are one message of this kind in itself.
fn meaning(published: &Published) -> (String, &'static str) {
    use everywire_core::payload::Message as Single;
    let kind = match published.payload.as_message() {
        Some(Single::Text(_)) => "text",
        Some(Single::Binary(_)) => "bytes",
        None if published.payload.is_empty() => "nothing",
        None => "JSON",
    };
    (json_of(&published.payload.view()), kind)
}

#[test]
fn what_a_body_means() {
    let cases: &[(Option<&str>, &[u8], &str, &str)] = &[
        (None, b"", "()", "nothing"),
        (None, b"hi", "(\"hi\")", "text"),
        (None, "é🙂\n".as_bytes(), "(\"é🙂\\n\")", "text"),
        (None, b"1", "(1)", "JSON"),
        (None, b"\"hi\"", "(\"hi\")", "text"),
        (None, b"{\"a\":[1, 2]}", "({\"a\":[1, 2]})", "JSON"),
        (None, b"[1,2]", "([1,2])", "JSON"),
        (None, b"null", "(null)", "JSON"),
        (None, b"{\"a\":", "(\"{\\\"a\\\":\")", "text"),
        (None, b"{\"_placeholder\":true,\"num\":0}", "({\"_placeholder\":true,\"num\":0})", "JSON"),
        (None, b"a\0b", "(\"a\\u0000b\")", "text"),
        (None, b"\xff\0", "(\"/wA=\")", "bytes"),
        (Some("application/json"), b"{\"a\":1}", "({\"a\":1})", "JSON"),
        (Some("application/json"), b"\"hi\"", "(\"hi\")", "text"),
        (Some("Application/JSON ; charset=utf-8"), b"1", "(1)", "JSON"),
        (Some("application/problem+json"), b"[]", "([])", "JSON"),
        (Some("text/json"), b"1", "(1)", "JSON"),
        (Some("text/plain"), b"", "(\"\")", "text"),
        (Some("text/plain;charset=utf-8"), b"1", "(\"1\")", "text"),
        (Some("TEXT/html"), b"<p>", "(\"<p>\")", "text"),
        (Some("application/xml"), b"<p/>", "(\"<p/>\")", "text"),
        (Some("image/svg+xml"), b"<p/>", "(\"<p/>\")", "text"),
        (Some("application/x-www-form-urlencoded"), b"a=1", "(\"a=1\")", "text"),
        (Some("text/plain"), b"\xff", "(\"/w==\")", "bytes"),
        (Some("application/octet-stream"), b"hi", "(\"aGk=\")", "bytes"),
        (Some("application/octet-stream"), b"", "(\"\")", "bytes"),
        (Some("image/png"), b"1", "(\"MQ==\")", "bytes"),
        (Some(""), b"1", "(\"MQ==\")", "bytes"),
        (Some("json"), b"1", "(\"MQ==\")", "bytes"),
        (Some("é"), b"1", "(\"MQ==\")", "bytes"),
    ];
    for (content_type, body, json, kind) in cases {
        let headers = content_type.map_or(String::new(), |of| format!("content-type:{of}\n"));
        let published = published(&headers, body);
        assert_eq!(
            meaning(&published),
            ((*json).to_owned(), *kind),
            "{content_type:?} {}",
            body.escape_ascii()
        );
        // And other clients of STOMP's get what was sent: byte for byte, and of its type, if it has one.
        for version in Version::ALL {
            let (headers, heard) = heard(version, published.clone());
            assert_eq!(heard, *body, "{content_type:?}");
            if let Some(content_type) = content_type {
                assert_eq!(headers, format!("content-type:{content_type}\n"));
            }
        }
    }
}

#[test]
fn what_leaves_is_no_other_body() {
    // JSON that others get without its line breaks, and numbers as they were written.
    for body in
        ["{\r\n  \"a\" : 1.50,\n\t\"b\":1e2 }\n", " 1 ", "[1,\n2]", "\"\\u0041\"", "12345678901234567890"]
    {
        for headers in
            ["", "content-type:application/json\n", "content-type:application/json;charset=utf-8\n"]
        {
            let published = published(headers, body.as_bytes());
            let (told, heard) = heard(Version::V1_2, published);
            assert_eq!(heard, body.as_bytes());
            assert!(headers.is_empty() || told == headers, "{told:?} for {headers:?}");
        }
    }
    // Without a type a body has ours, where that says what it is.
    assert_eq!(heard(Version::V1_2, published("", b"hi")).0, "content-type:text/plain;charset=utf-8\n");
    assert_eq!(heard(Version::V1_2, published("", b"[1]")).0, "content-type:application/json\n");
    assert_eq!(
        heard(Version::V1_2, published("", b"[1]\n")).0,
        "",
        "what it is to others is not what this is"
    );
    assert_eq!(heard(Version::V1_2, published("", b"\xff")).0, "content-type:application/octet-stream\n");
    assert_eq!(heard(Version::V1_2, published("", b"")).0, "");
}

#[test]
fn nothing_is_kept_twice() {
    for (headers, body, kept) in [
        ("", &b"hi"[..], None),
        ("content-type:text/plain;charset=utf-8\n", b"hi", None),
        ("", b"[1]", None),
        ("content-type:application/json\n", b"[1]", None),
        ("receipt:1\ncontent-type:application/octet-stream\n", b"\xff", None),
        ("", b"", None),
        ("content-type:text/plain\n", b"hi", Some(" [|text/plain|=]")),
        ("", b"\"hi\"", Some(" [|=|\\\"hi\\\"]")),
        ("content-type:application/json\n", b"[1 ]\n", Some(" [|application/json|[1 ]\\n]")),
        ("x:1\n", b"hi", Some(" [x:1|=|=]")),
    ] {
        let original = published(headers, body).original;
        assert_eq!(original.map(|original| spell_original(&original)).as_deref(), kept, "{headers}");
    }
}

#[test]
fn what_others_publish_has_a_body() {
    let of =
        |payload: Payload| heard(Version::V1_2, Published { event: Name::MESSAGE, payload, original: None });
    let args = |args: &[u64]| Payload::from_args(args).expect("it serialises");
    let text = "content-type:text/plain;charset=utf-8\n".to_owned();
    let json = "content-type:application/json\n".to_owned();
    assert_eq!(of(Payload::empty()), (String::new(), vec![]));
    assert_eq!(of(Payload::text("é")), (text, "é".as_bytes().to_vec()));
    assert_eq!(
        of(Payload::binary(vec![255])),
        ("content-type:application/octet-stream\n".to_owned(), vec![255])
    );
    assert_eq!(of(args(&[1])), (json.clone(), b"1".to_vec()));
    assert_eq!(of(args(&[1, 2])), (json, b"[1,2]".to_vec()), "several arguments are an array");
}

#[test]
fn a_body_that_its_type_belies_is_reported() {
    let too_deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    for (content_type, body) in
        [("application/json", "{\"a\":"), ("application/json", ""), ("text/json", &too_deep)]
    {
        let frame = format!(
            "SEND\ndestination:/topic/a\nreceipt:7\ncontent-type:{content_type}\n\n{body}␀SEND\ndestination:/topic/b\n\n␀"
        );
        let mut peer = Peer::open(Version::V1_2);
        peer.subscribe("e", "/user/queue/errors");
        let heard = peer.hear(&frame);
        let [task, ignored, next] = &heard[..] else { panic!("{heard:?}") };
        assert_eq!(next, "task publish b message()", "nobody else hears of it");
        let detail = format!("the body is not what its content-type {content_type:?} says: ");
        assert!(task.starts_with(&format!("task nothing spoiled /topic/a: {detail}")), "{task}");
        assert!(ignored.starts_with(&format!("ignore {detail}")), "{ignored}");
        // It is told in its turn.
        let said = peer.done();
        let [report] = &said[..] else { panic!("{said:?}") };
        let begin = "MESSAGE\nsubscription:e\ndestination:/user/queue/errors\nmessage-id:e1.0\ncontent-type:application/json\nreceipt-id:7\ncontent-length:";
        assert!(
            report.starts_with(begin) && report.contains("\n\n{\"code\":-32602,\"message\":"),
            "{report}"
        );
        assert!(report.ends_with(",\"event\":\"/topic/a\"}␀"), "{report}");
        // A transaction that lacks something is none.
        let mut peer = Peer::open(Version::V1_2);
        peer.hear("BEGIN\ntransaction:t\n\n␀");
        let heard = peer.hear(&frame.replacen("receipt:7", "transaction:t\nreceipt:7", 1));
        let [error, end] = &heard[..] else { panic!("{heard:?}") };
        assert!(
            error.starts_with("send ERROR\nmessage:Bad body\n") && error.contains("\nreceipt-id:7\n"),
            "{error}"
        );
        assert!(end.starts_with("close (protocol error) Bad body: the body is not what "), "{end}");
    }
}
