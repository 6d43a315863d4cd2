//! What a client hears, when it beats, and how it ends.

use super::*;

#[test]
fn what_it_hears() {
    for (version, frame, expected) in [
        (
            Version::V1_2,
            "MESSAGE\nsubscription:s\\c1\nmessage-id:m\ndestination:/topic/a\nack:k\nx:y\ncontent-length:2\n\na␀␀",
            "message s:1 /topic/a m by k/-: x=y \"a\\x00\"",
        ),
        (
            Version::V1_2,
            "MESSAGE\nsubscription:s\nmessage-id:m\ndestination:/topic/a\n\n␀",
            "message s /topic/a m by -: \"\"",
        ),
        (
            Version::V1_1,
            "MESSAGE\nsubscription:s\nmessage-id:m\ndestination:/q\n\n␀",
            "message s /q m by m/s: \"\"",
        ),
        (Version::V1_0, "MESSAGE\nmessage-id: m\ndestination: /q\n\nhi␀", "message - /q m by m/-: \"hi\""),
        (Version::V1_2, "RECEIPT\nreceipt-id:r\\n\noffset:1f-2\n\n␀", "receipt r\n offset=1f-2"),
        (
            Version::V1_2,
            "ERROR\nmessage:no\nreceipt-id:r\nversion:1.2\n\nwhy\n␀",
            "error Some(\"no\") Some(\"r\") version=1.2 \"why\\n\"",
        ),
        (Version::V1_2, "ERROR\n\n␀", "error None None \"\""),
        (Version::V1_2, "RECEIPT\n\n␀", "fault: RECEIPT needs the header receipt-id"),
        (
            Version::V1_2,
            "MESSAGE\nmessage-id:m\ndestination:/q\n\n␀",
            "fault: MESSAGE needs the header subscription",
        ),
        (Version::V1_0, "MESSAGE\nmessage-id:m\n\n␀", "fault: MESSAGE needs the header destination"),
        (Version::V1_0, "MESSAGE\ndestination:/q\n\n␀", "fault: MESSAGE needs the header message-id"),
        (
            Version::V1_2,
            "CONNECTED\nversion:1.2\n\n␀",
            "fault: \"CONNECTED\" from a server that has sent CONNECTED",
        ),
        (Version::V1_2, "SEND\n\n␀", "fault: \"SEND\" from a server that has sent CONNECTED"),
        (
            Version::V1_2,
            "MESSAGE\nx\n\n␀",
            "fault: header 1, byte 8 of the frame: no colon; a header is name:value, and an empty line ends the headers",
        ),
    ] {
        let mut peer = Peer::open(version);
        assert_eq!(peer.hear("\n\r\n␀"), NOTHING, "beats are for the machine alone");
        // In pieces, it is the same.
        for byte in frame.char_indices() {
            let (at, char) = byte;
            let heard = peer.hear(&frame[at..at + char.len_utf8()]);
            if let [heard] = &heard[..] {
                assert_eq!(heard, expected);
                assert!(at + char.len_utf8() == frame.len() || heard.starts_with("fault"));
            }
        }
        let goes_on = !expected.starts_with("fault") && !expected.starts_with("error");
        assert_eq!((peer.machine.is_open(), peer.machine.kept_bytes()), (goes_on, 0));
        let heard = Peer::open(version).hear(&format!("{frame}{frame}"));
        assert_eq!(heard, vec![expected; 1 + usize::from(goes_on)], "an end is the end");
    }
}

#[test]
fn a_server_s_frames_are_bounded() {
    let limits = Limits { headers: 2, line_bytes: 30, head_bytes: 60, body_bytes: 10, first_bytes: 40 };
    let open = || {
        let mut peer = Peer::new(StompClientOptions { limits, ..StompClientOptions::default() });
        peer.connect();
        peer
    };
    let heard = open().hear("CONNECTED\nversion:1.2\nserver:0123456789012345\n");
    assert!(heard[0].contains("a frame too long; before login it may have 40 bytes"), "{heard:?}");
    let mut peer = open();
    assert_eq!(peer.hear("CONNECTED\nversion:1.2\n\n␀").len(), 1);
    assert_eq!(peer.hear("ERROR\nmessage:no\n\n01234567"), NOTHING);
    assert_eq!(peer.machine.kept_bytes(), 26);
    assert_eq!(
        peer.hear("890"),
        ["fault: body, byte 28 of the frame: a body too long; it may have 10 bytes"]
    );
}

#[test]
fn it_beats_and_listens() {
    let options = |can, wants| StompClientOptions {
        heartbeat: Duration::from_millis(can),
        server_heartbeat: Duration::from_millis(wants),
        ..StompClientOptions::default()
    };
    for (can, wants, header, first, end) in [
        (10_000, 10_000, "10000,10000", Some(8_000), Some(20_000)),
        (10_000, 10_000, "0,0", None, None),
        (10_000, 10_000, "0,30000", Some(24_000), None),
        (10_000, 5_000, "15000,0", None, Some(30_000)),
        (0, 10_000, "10000,10000", None, Some(20_000)),
        (10_000, 0, "10000,1", Some(8_000), None),
    ] {
        for version in ["1.1", "1.2"] {
            let mut peer = Peer::new(options(can, wants));
            peer.connect();
            peer.now += 3_600_000;
            peer.hear(&format!("CONNECTED\nversion:{version}\nheart-beat:{header}\n\n␀"));
            let waited = peer.wait(60_000);
            assert_eq!(waited.iter().find(|(_, what)| what == "\n").map(|(at, _)| *at), first, "{header}");
            assert_eq!(waited.iter().find(|(_, what)| what == "silent").map(|(at, _)| *at), end, "{header}");
            assert_eq!(peer.machine.is_open(), end.is_none());
        }
        let mut peer = Peer::new(options(can, wants));
        peer.connect();
        peer.hear(&format!("CONNECTED\nheart-beat:{header}\n\n␀"));
        assert_eq!((peer.machine.is_open(), peer.machine.deadline()), (true, None), "there are none in 1.0");
    }
    let mut peer = Peer::new(StompClientOptions { tolerance: 3, ..options(0, 10_000) });
    peer.connect();
    peer.hear("CONNECTED\nversion:1.2\nheart-beat:10000,0\n\n␀");
    for piece in ["\n", "MESS", "AGE\n"] {
        assert_eq!(peer.wait(29_999), []);
        assert_eq!(peer.hear(piece), NOTHING);
    }
    assert_eq!(peer.wait(60_000), [(30_000, "silent".to_owned())]);
    assert_eq!(peer.machine.deadline(), None);
}

#[test]
fn its_goodbye() {
    let mut peer = Peer::new(StompClientOptions::default());
    peer.connect();
    peer.hear("CONNECTED\nversion:1.2\nheart-beat:10000,10000\n\n␀");
    assert_eq!(peer.say_with(Outgoing::Disconnect, Some("bye"), &[]), ["DISCONNECT\nreceipt:bye\n\n␀"]);
    assert_eq!(peer.unsaid(Outgoing::Disconnect, &[]), NOT_CONNECTED);
    // What is on its way is still heard, and nothing is said.
    let message = "MESSAGE\nsubscription:s\nmessage-id:m\ndestination:/q\n\n␀";
    assert_eq!(peer.hear(&format!("{message}RECEIPT\nreceipt-id:other\n\n␀")).len(), 2);
    assert_eq!(peer.wait(19_999), []);
    assert_eq!(peer.hear(&format!("RECEIPT\nreceipt-id:bye\n\n␀{message}")), ["receipt bye"]);
    assert_eq!((peer.wait(60_000), peer.hear(message)), (vec![], vec![]));
    // Nobody waits for ever.
    let mut peer = Peer::new(StompClientOptions::default());
    peer.connect();
    peer.hear("CONNECTED\nversion:1.2\nheart-beat:10000,10000\n\n␀");
    peer.say_with(Outgoing::Disconnect, Some("bye"), &[]);
    assert_eq!(peer.wait(60_000), [(20_000, "silent".to_owned())]);
    // Or its transport is gone.
    let mut peer = Peer::open(Version::V1_2);
    peer.machine.lost();
    assert_eq!((peer.machine.is_open(), peer.hear(message)), (false, vec![]));
}
