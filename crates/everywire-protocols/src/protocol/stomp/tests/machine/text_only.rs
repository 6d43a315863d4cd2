//! Sessions that carry text alone: bytes are spelled for the client, and what its library makes of bytes is refused.

use super::*;

fn facts() -> Facts {
    Facts { text_only: true, ..Facts::default() }
}

fn open(version: Version) -> Peer {
    Peer::open_with(version, StompOptions::default(), &facts())
}

#[test]
fn bytes_are_spelled() {
    let bytes = || Payload::binary(vec![0, 255]);
    let ending =
        "content-type:application/octet-stream\ncontent-transfer-encoding:base64\ncontent-length:4\n\nAP8=␀";
    for version in Version::ALL {
        let mut peer = open(version);
        peer.subscribe("a", "/topic/a");
        peer.subscribe("q", "/queue/q");
        peer.subscribe("u", "/user/queue/u");
        let job = everywire_core::hub::QueueMessage {
            event: "job".into(),
            payload: bytes(),
            from: None,
            user: None,
            time: 1,
            original: None,
        };
        let event = "u".into();
        for item in [
            Item::Broadcast {
                broadcast: of_publication(1, vec!["a".into()], "message", bytes()),
                meta: true,
            },
            Item::Delivery { consumer: 2, delivery: 1, redelivered: false, message: job.into() },
            Item::Emit { event, payload: bytes(), ack: None, class: Class::Event, compress: true },
        ] {
            let said = peer.say(item).concat();
            assert!(said.starts_with("MESSAGE\nsubscription:") && said.ends_with(ending), "{said}");
        }
        peer.hear("SEND\ndestination:/app/a\nreply-to:/temp-queue/a\n\n␀");
        let said = peer.answer(Outcome::Done(bytes())).concat();
        assert!(
            said.starts_with("MESSAGE\nsubscription:/temp-queue/a\n") && said.ends_with(ending),
            "{said}"
        );
        // Text is text, and JSON has its own way.
        let broadcast = broadcast(2, &["a"], "é");
        assert!(
            peer.say(Item::Broadcast { broadcast, meta: true })
                .concat()
                .ends_with("\ncontent-length:2\n\né␀")
        );
    }
}

#[test]
fn whose_type_is_known() {
    let sent = Peer::open(Version::V1_2)
        .publishes(b"SEND\ndestination:/topic/a\ncontent-type:image/png\n\n\xff\xfe\0");
    let broadcast = arrives(sent);
    let mut peer = open(Version::V1_1);
    peer.subscribe("a", "/topic/a");
    let said = peer.say(Item::Broadcast { broadcast: broadcast.clone(), meta: true }).concat();
    let ending = "content-type:image/png\ncontent-transfer-encoding:base64\ncontent-length:4\n\n//4=␀";
    assert!(said.ends_with(ending), "{said}");
    // On a WebSocket it stays what it was.
    let mut peer = Peer::open(Version::V1_1);
    peer.subscribe("a", "/topic/a");
    let said = peer.say(Item::Broadcast { broadcast, meta: true }).concat();
    assert!(said.ends_with("content-type:image/png\\ncontent-length:2\\n\\n\\xff\\xfe\\x00"), "{said}");
}

#[test]
fn what_libraries_make_of_bytes() {
    let detail = "this session carries text only, and bytes came as the name of an object or as numbers; connect by a plain WebSocket to send binary";
    let refused = wrong(Reason::Unsupported, "Binary is not possible here", detail, None);
    for spoiled in
        ["[object ArrayBuffer]", "[object Uint8Array]", "[object Blob]", "83,69,78,68,10,10,0", "0,0", "1,"]
    {
        let mut peer = open(Version::V1_2);
        assert_eq!(peer.hear(spoiled), refused, "{spoiled}");
        assert_eq!(peer.hear("SEND\ndestination:/topic/a\n\n␀"), NOTHING);
        // Also before it is in, where whole sessions are sent so.
        assert_eq!(Peer::silent_with(StompOptions::default(), &facts()).hear(spoiled), refused);
    }
    // Within a frame they are what its client means.
    let mut peer = open(Version::V1_2);
    assert_eq!(peer.hear("SEND\ndestination:/topic/a\n\n"), NOTHING);
    assert_eq!(peer.hear("1,2"), NOTHING);
    assert_eq!(peer.hear("[object Object]"), NOTHING);
    assert_eq!(peer.hear("␀"), ["task publish a message(\"1,2[object Object]\")"]);
    for other in ["", "1", "12", ",1", "1,2,x", "object"] {
        assert_eq!(open(Version::V1_2).hear(other), NOTHING, "{other}");
    }
    // A session that has binary has no reason for them.
    assert_eq!(Peer::open(Version::V1_2).hear("1,2"), NOTHING);
}
