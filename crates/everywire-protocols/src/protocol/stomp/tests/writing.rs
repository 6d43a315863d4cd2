//! What is written, in one part and in two.

use super::*;
use crate::seam::Kind;

#[test]
fn frames_are_written() {
    for version in Version::ALL {
        for (command, headers, body, expected) in [
            (
                Command::Connected,
                &[("version", "1.2"), ("heart-beat", "0,10000"), ("server", "everywire/1")][..],
                &b""[..],
                "CONNECTED\\nversion:1.2\\nheart-beat:0,10000\\nserver:everywire/1\\n\\n\\x00",
            ),
            (
                Command::Message,
                &[("subscription", "0"), ("message-id", "1"), ("destination", "/topic/a")],
                b"hello",
                "MESSAGE\\nsubscription:0\\nmessage-id:1\\ndestination:/topic/a\\ncontent-length:5\\n\\nhello\\x00",
            ),
            (Command::Receipt, &[("receipt-id", "77")], b"", "RECEIPT\\nreceipt-id:77\\n\\n\\x00"),
            (
                Command::Error,
                &[("message", "Unknown escape")],
                b"\0\n\0",
                "ERROR\\nmessage:Unknown escape\\ncontent-length:3\\n\\n\\x00\\n\\x00\\x00",
            ),
            (
                Command::Connect,
                &[("accept-version", "1.2"), ("host", "localhost")],
                b"",
                "CONNECT\\naccept-version:1.2\\nhost:localhost\\n\\n\\x00",
            ),
            (Command::Disconnect, &[], b"", "DISCONNECT\\n\\n\\x00"),
            (Command::named("SE\nND\0\r"), &[], b"", "SEND\\n\\n\\x00"),
        ] {
            assert_eq!(written(version, &command, headers, body), expected);
        }
    }
}

#[test]
fn a_content_length_is_never_passed_on() {
    for version in Version::ALL {
        let headers = [("content-length", "99"), ("a", "b"), ("content-length", "0")];
        assert_eq!(
            written(version, &Command::Message, &headers, b"ab"),
            "MESSAGE\\na:b\\ncontent-length:2\\n\\nab\\x00"
        );
        assert_eq!(written(version, &Command::Message, &headers, b""), "MESSAGE\\na:b\\n\\n\\x00");
        let mut head = Vec::new();
        write_head(version, &Command::Message, headers, &mut head);
        assert_eq!(head.escape_ascii().to_string(), "MESSAGE\\na:b\\n");
    }
}

#[test]
fn head_and_tail_are_the_frame() {
    let headers = [
        ("subscription", "sub:\\0"),
        ("message-id", "m-1"),
        ("destination", "/topic/a:b"),
        ("content-length", "7"),
        ("x\ny", "\r\n\0"),
    ];
    for version in Version::ALL {
        for body in [&b""[..], b"body", b"\0\xff"] {
            let mut whole = b"before".to_vec();
            write_frame(version, &Command::Message, headers, body, &mut whole);
            for own in 0..=headers.len() {
                let (own, shared) = headers.split_at(own);
                let mut parts = b"before".to_vec();
                write_head(version, &Command::Message, own.iter().copied(), &mut parts);
                let mut tail = Vec::new();
                write_tail(version, shared.iter().copied(), body, &mut tail);
                parts.extend_from_slice(&tail);
                assert_eq!(parts, whole, "{version} with {own:?}");
            }
        }
    }
}

#[test]
fn text_unless_the_body_is_none() {
    for (body, expected) in [
        (&b""[..], Kind::Text),
        ("é🙂".as_bytes(), Kind::Text),
        (b"a\0b", Kind::Text),
        (b"\xff", Kind::Binary),
        (&"é".as_bytes()[..1], Kind::Binary),
    ] {
        assert_eq!(kind(body), expected, "{}", body.escape_ascii());
    }
    assert_eq!(read(Version::V1_2, PULSE), ["pulse"]);
}
