//! What a client says once it is in, in each version.

use super::*;

#[test]
fn what_it_says_in_each_version() {
    let message = |version| match version {
        Version::V1_2 => Settling { id: "a:1", subscription: None },
        _ => Settling { id: "a:1", subscription: Some("s") },
    };
    for version in Version::ALL {
        let mut peer = Peer::open(version);
        let send = |transaction, body| Outgoing::Send { destination: "/topic/a:b", transaction, body };
        let text =
            |text: &str| if version == Version::V1_0 { text.replace("\\c", ":") } else { text.to_owned() };
        assert_eq!(peer.say(send(None, b"")), [text("SEND\ndestination:/topic/a\\cb\n\n␀")]);
        assert_eq!(
            peer.say_with(
                send(Some("t"), "é\0".as_bytes()),
                Some("r:1"),
                &[("content-type", "text/plain"), ("content-length", "99"), ("destination", "/topic/other")]
            ),
            [text(
                "SEND\nreceipt:r\\c1\ndestination:/topic/a\\cb\ntransaction:t\ncontent-type:text/plain\ndestination:/topic/other\ncontent-length:3\n\né␀␀"
            )],
            "the first of repeated headers counts"
        );
        assert_eq!(
            peer.say(send(None, b"\xff")),
            [format!(
                "bytes {}content-length:1\\n\\n\\xff\\x00",
                text("SEND\\ndestination:/topic/a\\\\cb\\n").replace("\\:", ":")
            )]
        );
        let subscribe = |ack| Outgoing::Subscribe { id: "0", destination: "/queue/q", ack };
        for (ack, told) in
            [(Ack::Auto, ""), (Ack::Client, "ack:client\n"), (Ack::Individual, "ack:client-individual\n")]
        {
            let frame = format!("SUBSCRIBE\nid:0\ndestination:/queue/q\n{told}prefetch-count:1\n\n␀");
            assert_eq!(peer.say_with(subscribe(ack), None, &[("prefetch-count", "1")]), [frame]);
        }
        assert_eq!(peer.say(Outgoing::Unsubscribe { id: "0" }), ["UNSUBSCRIBE\nid:0\n\n␀"]);
        let names = match version {
            Version::V1_0 => "message-id:a:1\nsubscription:s\n",
            Version::V1_1 => "message-id:a\\c1\nsubscription:s\n",
            Version::V1_2 => "id:a\\c1\n",
        };
        let message = message(version);
        assert_eq!(peer.say(Outgoing::Ack { message, transaction: None }), [format!("ACK\n{names}\n␀")]);
        let nack = Outgoing::Nack { message, transaction: Some("t") };
        if version == Version::V1_0 {
            let detail = "STOMP 1.0 has no NACK; settle by ACK alone, or offer a later version";
            assert_eq!(peer.unsaid(nack, &[]), detail);
        } else {
            assert_eq!(peer.say(nack), [format!("NACK\n{names}transaction:t\n\n␀")]);
        }
        assert_eq!(peer.say(Outgoing::Begin { transaction: "t" }), ["BEGIN\ntransaction:t\n\n␀"]);
        assert_eq!(peer.say(Outgoing::Commit { transaction: "t" }), ["COMMIT\ntransaction:t\n\n␀"]);
        assert_eq!(peer.say(Outgoing::Abort { transaction: "t" }), ["ABORT\ntransaction:t\n\n␀"]);
        assert_eq!(peer.say(Outgoing::Disconnect), ["DISCONNECT\n\n␀"]);
        assert!(!peer.machine.is_open());
        assert_eq!(peer.unsaid(Outgoing::Disconnect, &[]), NOT_CONNECTED);
        assert_eq!(peer.hear("what\never"), NOTHING);
    }
}

#[test]
fn what_a_version_cannot_spell() {
    let send = |destination| Outgoing::Send { destination, transaction: None, body: b"" };
    for (version, text, can) in [
        (Version::V1_0, "a\nb", false),
        (Version::V1_0, "a\rb", false),
        (Version::V1_0, "a:\\b", true),
        (Version::V1_1, "a\n:\\b", true),
        (Version::V1_1, "a\rb", false),
        (Version::V1_2, "a\r\n:\\b", true),
        (Version::V1_2, "a\0", false),
    ] {
        let mut peer = Peer::open(version);
        if can {
            assert_eq!(peer.say_with(send(text), None, &[("x", text)]).len(), 1);
            continue;
        }
        let why = |header: &str| {
            format!(
                "STOMP {version} cannot spell the header {header:?}: NUL never, CR and LF where there is no escape for them"
            )
        };
        assert_eq!(peer.unsaid(send(text), &[]), why("destination"));
        assert_eq!(peer.unsaid(send("/topic/a"), &[("x", text)]), why("x"));
        assert_eq!(peer.unsaid(send("/topic/a"), &[(text, "x")]), why(text));
        assert_eq!(peer.unsaid(send("/topic/a"), &[("", "x")]), why(""));
        assert!(peer.machine.is_open(), "that is the caller's fault, and nobody else's");
    }
}
