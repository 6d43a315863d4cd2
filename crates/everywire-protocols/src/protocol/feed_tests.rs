use std::sync::Arc;

use everywire_core::{Class, Name, Offset, PayloadRef, Publication, RoomKey, Target};

use super::*;

fn said(mut feed: Feed, item: Item) -> String {
    let mut said = Vec::new();
    feed.encode(&Entry { slot: 0, item }, &mut |kind, bytes: &[u8]| {
        assert_eq!(kind, Kind::Text);
        said.push(String::from_utf8(bytes.to_vec()).expect("a text is UTF-8"));
    });
    said.concat()
}

fn published(event: &str, payload: Payload, room: RoomKey, known: bool) -> Item {
    let publication = Publication {
        namespace: "/".into(),
        event: Name::from(event.to_owned()),
        payload,
        target: Target::room(room),
        from: known.then(|| "RXZlcnl3aXJlIHJvb21z".parse().expect("the test's own id")),
        user: known.then(|| Arc::from("ann")),
        time: 1_700_000_000_123,
        class: Class::Event,
        compress: true,
        original: None,
    };
    let broadcast = Arc::new(Broadcast::new(Offset { epoch: 0x1f, seq: 42 }, publication));
    Item::Broadcast { broadcast, meta: false }
}

fn emitted(event: &'static str, payload: Payload) -> Item {
    Item::Emit { event: event.into(), payload, ack: None, class: Class::Event, compress: true }
}

fn json(array: &str) -> Payload {
    PayloadRef::json(array).expect("the test's own JSON").into_owned()
}

#[test]
fn blocks_of_a_stream() {
    let lobby = || RoomKey::from("lobby");
    let hi = || json(r#"[{"text":"hi"}]"#);
    let rows = [
        (
            published("chat", hi(), lobby(), true),
            concat!(
                "id: 1f-42\nevent: chat\ndata: {\"data\":{\"text\":\"hi\"},\"room\":\"lobby\",\"time\":1700000000123,",
                "\"from\":\"RXZlcnl3aXJlIHJvb21z\",\"user\":\"ann\"}\n\n"
            ),
        ),
        (
            published("chat", hi(), RoomKey::User("ann".into()), false),
            "id: 1f-42\nevent: chat\ndata: {\"data\":{\"text\":\"hi\"},\"time\":1700000000123}\n\n",
        ),
        (emitted("chat", json("[1,2]")), "event: chat\ndata: {\"data\":[1,2]}\n\n"),
        (emitted("chat", Payload::empty()), "event: chat\ndata: {\"data\":null}\n\n"),
        (emitted("open", json("[1]")), "data: {\"event\":\"open\",\"data\":1}\n\n"),
        (
            published("error", json("[1]"), lobby(), false),
            "id: 1f-42\ndata: {\"event\":\"error\",\"data\":1,\"room\":\"lobby\",\"time\":1700000000123}\n\n",
        ),
        (
            emitted("message", Payload::text("a\r\nb\u{2028}")),
            "event: message\ndata: {\"data\":\"a\\r\\nb\u{2028}\"}\n\n",
        ),
        (emitted("chat", json("[{\"a\":\n\r1}]")), "event: chat\ndata: {\"data\":{\"a\":1}}\n\n"),
        (emitted("chat", Payload::binary(&b"\x00\xff"[..])), "event: chat\ndata: {\"data\":\"AP8=\"}\n\n"),
    ];
    for (item, expected) in rows {
        assert_eq!(said(Feed::event_source(), item), expected);
    }
}

#[test]
fn elements_of_an_array() {
    let rows = [
        (
            published("chat", json(r#"[{"text":"hi"}]"#), RoomKey::from("lob\"by"), true),
            concat!(
                r#"{"event":"chat","data":{"text":"hi"},"room":"lob\"by","offset":"1f-42","time":1700000000123,"#,
                r#""from":"RXZlcnl3aXJlIHJvb21z","user":"ann"}"#
            ),
        ),
        (emitted("error", json("[]")), r#"{"event":"error","data":null}"#),
        (emitted("a\"b", json("[1,[2]]")), r#"{"event":"a\"b","data":[1,[2]]}"#),
    ];
    for (item, expected) in rows {
        assert_eq!(said(Feed::poll(), item), expected);
    }
}

#[test]
fn nothing_is_heard_and_nothing_answered() {
    let mut out = Outputs::new();
    Feed::poll().message(Time(0), Message::Text("hello"), &mut out);
    assert!(matches!(out[..], [Output::Ignored(_)]), "{out:?}");
    assert!(!Feed::event_source().answers());
}

proptest::proptest! {
    /// Whatever may be published is one block, and says what was published.
    #[test]
    fn one_block_whatever_is_in_it(event in "\\PC{1,20}", room in "\\PC{1,20}", text: String) {
        proptest::prop_assume!(everywire_core::admission::admit_event_name(&event).is_ok());
        proptest::prop_assume!(everywire_core::admission::admit_room(&room).is_ok());
        let payload = Payload::from_args(&([&text],)).expect("a list of texts");
        let block = said(Feed::event_source(), published(&event, payload, RoomKey::from(&room), false));
        // The lines as `EventSource` sees them: CR ends one too.
        let lines: Vec<&str> = block.split(['\n', '\r']).collect();
        let named = format!("event: {event}");
        let [id, name, data, "", ""] = lines[..] else { panic!("{block:?}") };
        proptest::prop_assert_eq!((id, name), ("id: 1f-42", &named[..]));
        let data: serde_json::Value =
            serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON");
        proptest::prop_assert_eq!(&data["data"][0], &text);
        proptest::prop_assert_eq!(&data["room"], &room);
    }
}
