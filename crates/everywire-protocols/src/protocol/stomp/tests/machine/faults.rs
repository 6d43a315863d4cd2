//! What is wrong with a frame: each has its words, and the receipt that the frame asked for.

use super::*;

#[test]
fn each_fault_names_the_receipt_of_its_frame() {
    for version in Version::ALL {
        for (frame, message, detail) in [
            ("HELLO\nRECEIPT\n␀", "Unknown command", format!("\"HELLO\" is no command of STOMP {version}")),
            ("send\nRECEIPT\n␀", "Unknown command", format!("\"send\" is no command of STOMP {version}")),
            (
                "SEND\u{feff}\nRECEIPT\n␀",
                "Unknown command",
                format!("\"SEND\\u{{feff}}\" is no command of STOMP {version}"),
            ),
            (
                "CONNECTED\nRECEIPT\n␀",
                "Unexpected command",
                "CONNECTED is a server's frame, and a client sent it".into(),
            ),
            (
                "MESSAGE\nRECEIPT\n␀",
                "Unexpected command",
                "MESSAGE is a server's frame, and a client sent it".into(),
            ),
            (
                "RECEIPT\nRECEIPT\n␀",
                "Unexpected command",
                "RECEIPT is a server's frame, and a client sent it".into(),
            ),
            (
                "ERROR\nRECEIPT\n␀",
                "Unexpected command",
                "ERROR is a server's frame, and a client sent it".into(),
            ),
            ("SEND\nRECEIPT\n␀", "Missing header", "SEND needs the header destination".into()),
            (
                "SUBSCRIBE\nid:1\nRECEIPT\n␀",
                "Missing header",
                "SUBSCRIBE needs the header destination".into(),
            ),
            (
                "UNSUBSCRIBE\nid:1\nRECEIPT\n␀",
                "No subscription found",
                "there is no subscription \"1\"".into(),
            ),
            ("BEGIN\nRECEIPT\n␀", "Missing transaction", "BEGIN needs the header transaction".into()),
        ] {
            let at = frame.find('\n').expect("a command") + 1;
            let frame = frame[..at].to_owned() + &frame[at..].replace("RECEIPT\n", "receipt:r é\n\n");
            let mut peer = Peer::open(version);
            let heard = peer.hear(&(frame.clone() + "SEND\ndestination:/topic/a\n\n␀"));
            assert_eq!(
                heard,
                wrong(Reason::ProtocolError, message, &detail, Some("r é")),
                "{version} {frame}"
            );
            assert_eq!(peer.hear("SEND\ndestination:/topic/a\n\n␀"), NOTHING);
            assert_eq!((peer.machine.deadline(), peer.goodbye(Reason::ProtocolError)), (None, vec![]));
        }
    }
}

#[test]
fn a_frame_that_cannot_be_read_has_no_receipt() {
    for (bytes, reason, message, detail) in [
        (
            "SEND\nreceipt:r\nno colon\n\n␀",
            Reason::ProtocolError,
            "Malformed header",
            "header 2, byte 15 of the frame: no colon; a header is name:value, and an empty line ends the headers",
        ),
        (
            "SEND\nreceipt:r\ncontent-length:2\n\nabc␀",
            Reason::ProtocolError,
            "Wrong content-length",
            "body, byte 35 of the frame: byte 0x63; content-length says 2, and a NUL has to stand behind as many bytes",
        ),
        (
            "SEND\na:\\t\n\n␀",
            Reason::ProtocolError,
            "Unknown escape",
            "header 1, byte 7 of the frame: a backslash that begins no escape; STOMP 1.2 has \\r \\n \\c \\\\",
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"method\":\"subscribe\",\"id\":1}",
            Reason::ProtocolError,
            "Command too long",
            "command, byte 32 of the frame: no line end; a STOMP frame begins with a command of at most 32 bytes",
        ),
    ] {
        assert_eq!(Peer::open(Version::V1_2).hear(bytes), wrong(reason, message, detail, None), "{bytes}");
    }
    let long = format!("SEND\nreceipt:r\ndestination:/topic/a\n\n{}", "x".repeat((1 << 20) + 1));
    let detail = "body, byte 1048613 of the frame: a body too long; it may have 1048576 bytes";
    assert_eq!(Peer::open(Version::V1_2).hear(&long), wrong(Reason::TooLarge, "Body too long", detail, None));
}

#[test]
fn only_send_has_a_body() {
    for (frame, command) in [
        ("SUBSCRIBE\nid:0\ndestination:/topic/a\n", "SUBSCRIBE"),
        ("UNSUBSCRIBE\nid:0\n", "UNSUBSCRIBE"),
        ("ACK\nid:q1.1\n", "ACK"),
        ("NACK\nid:q1.1\n", "NACK"),
        ("BEGIN\ntransaction:t\n", "BEGIN"),
        ("COMMIT\ntransaction:t\n", "COMMIT"),
        ("ABORT\ntransaction:t\n", "ABORT"),
        ("HELLO\n", "HELLO"),
    ] {
        for version in [Version::V1_1, Version::V1_2] {
            let heard = Peer::open(version).hear(&format!("{frame}receipt:r\n\nbody␀"));
            let detail = format!("{command} has a body, and only SEND may have one");
            assert_eq!(heard, wrong(Reason::ProtocolError, "Body not allowed", &detail, Some("r")));
        }
    }
    // In 1.0 it is left alone.
    let heard = Peer::open(Version::V1_0).hear("SUBSCRIBE\ndestination:/topic/a\n\nbody␀");
    assert_eq!(heard, ["task subscribe a with mark 1 joined 1"]);
    // An empty one may have a length.
    let heard = Peer::open(Version::V1_2).hear("BEGIN\ntransaction:t\nreceipt:r\ncontent-length:0\n\n␀");
    assert_eq!(heard, ["task nothing #r"]);
}

#[test]
fn what_came_before_a_fault_is_done() {
    let mut peer = Peer::open(Version::V1_2);
    let heard = peer
        .hear("SEND\ndestination:/topic/a\nreceipt:1\n\none␀\nSEND\ndestination:/topic/a\n\ntwo␀HELLO\n\n␀");
    assert_eq!(heard[..2], ["task publish a message(\"one\") #1", "task publish a message(\"two\")"]);
    assert_eq!(
        heard[2..],
        wrong(Reason::ProtocolError, "Unknown command", "\"HELLO\" is no command of STOMP 1.2", None)
    );
}
