//! Bytes of each kind of frame, as the specifications and real peers have them, read and written.

use super::*;

/// Frames that clients and servers send, and what they say; the same in every version.
const SEEN: &[(&[u8], &str)] = &[
    // stompjs.
    (
        b"CONNECT\naccept-version:1.2,1.1,1.0\nheart-beat:10000,10000\n\n\0",
        "CONNECT|accept-version=1.2,1.1,1.0|heart-beat=10000,10000|\"\"",
    ),
    // stomp-py.
    (b"STOMP\naccept-version:1.2\nhost:localhost\n\n\0", "STOMP|accept-version=1.2|host=localhost|\"\""),
    (
        b"CONNECTED\nserver:RabbitMQ/3.10.8\nsession:session-A\nheart-beat:0,0\nversion:1.2\n\n\0\n",
        "CONNECTED|server=RabbitMQ/3.10.8|session=session-A|heart-beat=0,0|version=1.2|\"\"",
    ),
    (
        b"SEND\ndestination:/queue/a\ncontent-type:text/plain\n\nhello queue a\0",
        "SEND|destination=/queue/a|content-type=text/plain|\"hello queue a\"",
    ),
    (
        b"SEND\ndestination:/topic/a:b\ncontent-length:5\n\na\0b\0c\0",
        "SEND|destination=/topic/a:b|content-length=5|\"a\\x00b\\x00c\"",
    ),
    (
        b"SUBSCRIBE\nid:0\ndestination:/queue/foo\nack:client\n\n\0",
        "SUBSCRIBE|id=0|destination=/queue/foo|ack=client|\"\"",
    ),
    (b"UNSUBSCRIBE\nid:0\n\n\0", "UNSUBSCRIBE|id=0|\"\""),
    (b"ACK\nid:12345\ntransaction:tx1\n\n\0", "ACK|id=12345|transaction=tx1|\"\""),
    (b"NACK\nid:12345\n\n\0", "NACK|id=12345|\"\""),
    (b"BEGIN\ntransaction:tx1\n\n\0", "BEGIN|transaction=tx1|\"\""),
    (b"COMMIT\ntransaction:tx1\n\n\0", "COMMIT|transaction=tx1|\"\""),
    (b"ABORT\ntransaction:tx1\n\n\0", "ABORT|transaction=tx1|\"\""),
    (b"DISCONNECT\nreceipt:77\n\n\0", "DISCONNECT|receipt=77|\"\""),
    (
        b"MESSAGE\nsubscription:0\nmessage-id:007\ndestination:/queue/a\ncontent-length:2\n\n\xc3\xa9\0",
        "MESSAGE|subscription=0|message-id=007|destination=/queue/a|content-length=2|\"\\xc3\\xa9\"",
    ),
    (b"RECEIPT\nreceipt-id:message-12345\n\n\0", "RECEIPT|receipt-id=message-12345|\"\""),
    (
        b"ERROR\nreceipt-id:message-12345\nmessage:malformed frame received\n\nThe message:\n-----\0",
        "ERROR|receipt-id=message-12345|message=malformed frame received|\"The message:\\n-----\"",
    ),
    // No headers; a value that is empty, and one with blanks at its end; names with case.
    (b"DISCONNECT\n\n\0", "DISCONNECT|\"\""),
    (b"SEND\na:\nB:x \nb: \t\n\n\0", "SEND|a=|B=x |b="),
    // An empty body with its length; one of blanks and line ends.
    (b"SEND\ncontent-length:0\n\n\0", "SEND|content-length=0|\"\""),
    (b"SEND\n\n\r\n \n\0", "SEND|\"\\r\\n \\n\""),
    // Bodies where none should be are told.
    (b"ACK\nid:1\n\nbody\0", "ACK|id=1|\"body\""),
    // What nobody knows, and what only looks known.
    (b"PING\nreceipt:1\n\nx\0", "PING|receipt=1|\"x\""),
    (b"connect\n\n\0", "connect|\"\""),
    (b"SEND \n\n\0", "SEND |\"\""),
    (b"\xef\xbb\xbfCONNECT\n\n\0", "\u{feff}CONNECT|\"\""),
    ("SEND\nпривет:мир 🙂\n\n\0".as_bytes(), "SEND|привет=мир 🙂|\"\""),
];

#[test]
fn frames_are_read() {
    for version in Version::ALL {
        for (bytes, expected) in SEEN {
            let first = read(version, bytes).swap_remove(0);
            assert!(first.starts_with(expected), "{version}: {first} is not {expected}");
        }
    }
}

#[test]
fn carriage_returns_may_end_lines_in_every_version() {
    for version in Version::ALL {
        for (bytes, _) in SEEN {
            let head = bytes.windows(2).position(|pair| pair == b"\n\n").expect("an empty line") + 2;
            let with_cr = |byte| if byte == b'\n' { vec![b'\r', byte] } else { vec![byte] };
            let mut stream: Vec<u8> = bytes[..head].iter().copied().flat_map(with_cr).collect();
            stream.extend_from_slice(&bytes[head..]);
            assert_eq!(read(version, &stream), read(version, bytes));
        }
    }
}

#[test]
fn commands() {
    for command in Command::KNOWN {
        assert_eq!(Command::named(command.as_str()), command);
        let body = ["SEND", "MESSAGE", "ERROR"].contains(&command.as_str());
        assert_eq!(command.may_have_body(), body, "{command:?}");
        assert_eq!(command.clone().into_static(), command);
    }
    let unknown = Command::named("SENT");
    assert_eq!((unknown.as_str(), unknown.may_have_body()), ("SENT", false));
    assert!(matches!(unknown, Command::Unknown(_)));
}

#[test]
fn the_first_of_repeated_headers_counts() {
    for version in Version::ALL {
        let stream =
            b"MESSAGE\nfoo:World\nfoo:Hello\ncontent-length:1\ncontent-length:x\nFoo:!\nfoo:\n\n\0\0";
        assert_eq!(read(version, stream), ["MESSAGE|foo=World|content-length=1|Foo=!|\"\\x00\""]);
    }
}

#[test]
fn what_stands_between_frames() {
    for version in Version::ALL {
        assert_eq!(read(version, b"\n\r\n\n"), ["pulse"; 3]);
        assert_eq!(read(version, b"\0\0\0"), [""; 0]);
        let stream = b"\0\n\0\r\nBEGIN\n\n\0\0\n\0\0COMMIT\n\n\0\n";
        assert_eq!(read(version, stream), ["pulse", "pulse", "BEGIN|\"\"", "pulse", "COMMIT|\"\"", "pulse"]);
    }
}

#[test]
fn blanks_before_values_are_trimmed_in_1_0_alone() {
    let stream = b"SEND\ndestination: \t/q \n id : 1\ncontent-length: 2\n\nab\0";
    assert_eq!(read(Version::V1_0, stream), ["SEND|destination=/q | id =1|content-length=2|\"ab\""]);
    let stream = b"SEND\ndestination: \t/q \n id : 1\n\nab\0";
    for version in [Version::V1_1, Version::V1_2] {
        assert_eq!(read(version, stream), ["SEND|destination= \t/q | id = 1|\"ab\""]);
    }
}

#[test]
fn frames_that_agree_on_a_version_say_themselves_whether_blanks_count() {
    for version in Version::ALL {
        for (stream, expected) in [
            (&b"CONNECT\npasscode: p\n\n\0"[..], "CONNECT|passcode=p|\"\""),
            (
                b"CONNECT\naccept-version: 1.0\npasscode: p\n\n\0",
                "CONNECT|accept-version=1.0|passcode=p|\"\"",
            ),
            (
                b"CONNECT\npasscode: p\naccept-version:1.1\n\n\0",
                "CONNECT|passcode= p|accept-version=1.1|\"\"",
            ),
            (b"STOMP\npasscode: p\naccept-version:3\n\n\0", "STOMP|passcode= p|accept-version=3|\"\""),
            (b"CONNECTED\nsession: s\n\n\0", "CONNECTED|session=s|\"\""),
            (b"CONNECTED\nsession: s\nversion:1.2\n\n\0", "CONNECTED|session= s|version=1.2|\"\""),
        ] {
            assert_eq!(read(version, stream), [expected], "{version}");
        }
    }
}

#[test]
fn a_frame_answers_by_name() {
    let mut input = &b"SEND\nid:1\nID:2\n\nbody\0"[..];
    let Ok(Some(Event::Frame(frame))) = parser(Version::V1_2).next(&mut input) else { panic!("a frame") };
    assert_eq!((frame.header("id"), frame.header("ID"), frame.header("iD")), (Some("1"), Some("2"), None));
    let own = frame.clone().into_static();
    assert!(matches!(own.body, std::borrow::Cow::Owned(_)));
    assert_eq!(own, frame);
}
