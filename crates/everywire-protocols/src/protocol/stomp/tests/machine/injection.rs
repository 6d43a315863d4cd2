//! What may be said in a header, and what becomes of it for receivers of each version: never another header, frame or
//! sender.

use super::*;

/// Everything that means something to some version, in one value.
const NASTY: &str = "a\r\nfrom:x\n\nERROR\n\n\\c:\\";

/// What a receiver of this version can be told of it.
fn left(version: Version) -> String {
    match version {
        Version::V1_0 => NASTY.replace(['\r', '\n'], ""),
        Version::V1_1 => NASTY.replace('\r', ""),
        Version::V1_2 => NASTY.to_owned(),
    }
}

/// How a client of this version writes what is left of it.
fn written(version: Version) -> String {
    let mut frame = Vec::new();
    write_frame(version, &Command::Send, [("x", NASTY)], b"", &mut frame);
    let frame = String::from_utf8(frame).expect("text");
    frame
        .strip_prefix("SEND\nx:")
        .and_then(|rest| rest.strip_suffix("\n\n\0"))
        .expect("one header")
        .to_owned()
}

/// What was said, as a client of that version reads it: whole frames, one a message.
fn read(version: Version, messages: &[String]) -> Vec<Frame<'static>> {
    let read = |message: &String| {
        let bytes = message.replace('␀', "\0").into_bytes();
        let mut input = &bytes[..];
        let event = parser(version).next(&mut input).expect("no fault").expect("a frame");
        assert_eq!(input, b"", "and one alone");
        let Event::Frame(frame) = event else { panic!("a frame") };
        frame.into_static()
    };
    messages.iter().map(read).collect()
}

fn names<'f>(frame: &'f Frame<'_>) -> Vec<&'f str> {
    frame.headers.iter().map(|(name, _)| &**name).collect()
}

#[test]
fn headers_of_senders() {
    let nasty = written(Version::V1_2);
    let frame =
        format!("SEND\ndestination:/topic/a\ncontent-type:text/{nasty}\nx:{nasty}\n{nasty}:y\n\nbody\0");
    let broadcast = arrives(Peer::open(Version::V1_2).publishes(frame.as_bytes()));
    for version in Version::ALL {
        let mut peer = Peer::open(version);
        peer.subscribe("0", "/topic/a");
        let said = peer.say(Item::Broadcast { broadcast: broadcast.clone(), meta: true });
        let [frame] = &read(version, &said)[..] else { panic!("{said:?}") };
        assert_eq!((&frame.command, &*frame.body), (&Command::Message, &b"body"[..]));
        let mut expected =
            vec!["subscription", "destination", "message-id", "event", "offset", "time", "content-type", "x"];
        // A name with something left out would be another.
        expected.extend((version == Version::V1_2).then_some(NASTY));
        expected.push("content-length");
        assert_eq!(names(frame), expected, "{version}");
        assert_eq!(frame.header("x"), Some(&*left(version)));
        assert_eq!(frame.header("content-type"), Some(&*format!("text/{}", left(version))));
    }
}

#[test]
fn who_sent_it() {
    let user: Arc<str> = format!("ann\0{NASTY}").into();
    let publication =
        Publication { user: Some(user.clone()), ..broadcast(7, &["a"], "hi").publication.clone() };
    let broadcast = Arc::new(Broadcast::new(Offset { epoch: 0x1f, seq: 7 }, publication));
    for version in Version::ALL {
        let mut peer = Peer::open(version);
        peer.subscribe("0", "/topic/a");
        let said = peer.say(Item::Broadcast { broadcast: broadcast.clone(), meta: true });
        let frame = &read(version, &said)[0];
        assert_eq!(frame.header("user"), Some(&*format!("ann{}", left(version))));
        assert_eq!(frame.header("from"), None);

        let mut peer = Peer::silent();
        peer.hear(&format!("CONNECT\naccept-version:{version}\n\n␀"));
        let said = peer.enter(Some(&user));
        let frame = &read(version, &said)[0];
        // CONNECTED has no escapes in any version.
        assert_eq!(frame.header("user-name"), Some(&*format!("ann{}", left(Version::V1_0))));
        assert_eq!(names(frame).last(), Some(&"user-name"));
    }
}

#[test]
fn what_is_said_back_to_a_client() {
    for version in Version::ALL {
        let (nasty, left) = (written(version), left(version));
        let mut peer = Peer::open(version);
        let receipt = format!("receipt:{nasty}\n");
        peer.hear(&format!("SUBSCRIBE\nid:{nasty}\ndestination:/queue/jobs\n{receipt}\n␀"));
        let frame = &read(version, &peer.done())[0];
        assert_eq!((names(frame), frame.header("receipt-id")), (vec!["receipt-id"], Some(&*left)));

        let reply_to = format!("reply-to:/temp-queue/{nasty}\ncorrelation-id:{nasty}\n");
        peer.hear(&format!("SEND\ndestination:/app/a\n{reply_to}{receipt}\n␀"));
        let said = peer.answer(Outcome::Done(Payload::text("yes")));
        let [answer, receipt] = &read(version, &said)[..] else { panic!("{said:?}") };
        let expected =
            ["subscription", "destination", "message-id", "correlation-id", "content-type", "content-length"];
        assert_eq!(names(answer), expected);
        assert_eq!(answer.header("destination"), Some(&*format!("/temp-queue/{left}")));
        assert_eq!(answer.header("correlation-id"), Some(&*left));
        assert_eq!(receipt.header("receipt-id"), Some(&*left));

        let message = everywire_core::hub::QueueMessage {
            event: "job".into(),
            payload: Payload::empty(),
            from: None,
            user: None,
            time: 1,
            original: None,
        };
        let item = Item::Delivery { consumer: 1, delivery: 1, redelivered: false, message: message.into() };
        let frame = &read(version, &peer.say(item))[0];
        assert_eq!(names(frame), ["subscription", "destination", "message-id", "event", "time"]);
        assert_eq!(frame.header("subscription"), Some(&*left));

        peer.subscribe("e", "/user/queue/errors");
        peer.hear(&format!("SEND\ndestination:/app/a\nreceipt:{nasty}\n\n␀"));
        let failure = Failure { event: NASTY.into(), ..Failure::new(1, NASTY) };
        let frame = &read(version, &peer.answer(failure))[0];
        assert_eq!(
            names(frame),
            ["subscription", "destination", "message-id", "content-type", "receipt-id", "content-length"]
        );
        assert_eq!(frame.header("receipt-id"), Some(&*left));
        let report: serde_json::Value = serde_json::from_slice(&frame.body).expect("JSON");
        assert_eq!((&report["message"], &report["event"]), (&NASTY.into(), &NASTY.into()));

        let error = peer.hear(&format!("HELLO\nreceipt:{nasty}\n\n␀")).swap_remove(0);
        let frame = &read(version, &[error.strip_prefix("send ").expect("an ERROR").to_owned()])[0];
        assert_eq!(names(frame), ["message", "content-type", "receipt-id", "content-length"]);
        assert_eq!(frame.header("receipt-id"), Some(&*left));
    }
}

#[test]
fn texts_of_errors_are_bodies() {
    for version in Version::ALL {
        let mut peer = Peer::open(version);
        peer.hear("SEND\ndestination:/topic/a\nreceipt:1\n\n␀");
        let text = format!("no\0{NASTY}");
        let said = peer.answer(Failure { ends: true, ..Failure::new(1, &*text) });
        let frame = &read(version, &said)[0];
        assert_eq!((&*frame.body, frame.header("message")), (text.as_bytes(), Some("Not done")));
        let mut peer = Peer::silent();
        peer.hear(&format!("CONNECT\naccept-version:{version}\n\n␀"));
        let said = peer.say(Item::Refused { message: text.clone().into(), data: None });
        assert_eq!(&*read(version, &said)[0].body, text.as_bytes());
    }
}
