//! Bytes of official clients and servers, read and written.

use super::*;

/// What clients were seen to send, in `MessagePack`, and what it says.
const SEEN: &[(&str, &str)] = &[
    ("0f 96 01 80 a131 a14d 92 2a a2c3a9 91 a132", "call 1 M(42,\"é\") <2"),
    ("07 95 01 80 c0 a14d 90", "call - M()"),
    ("08 95 04 80 a133 a153 90", "stream 3 S()"),
    ("09 94 02 80 a131 c4 02 01 02", "item 1 (\"AQI=\")"),
    ("06 94 03 80 a131 02", "end 1"),
    ("07 95 03 80 a131 03 c0", "result 1 (null)"),
    ("08 95 03 80 a131 01 a145", "error 1 E"),
    ("05 93 05 80 a131", "cancel 1"),
    ("02 91 06", "ping"),
    ("03 92 07 c0", "close None"),
    ("04 93 07 c0 c3", "close None come back"),
    ("04 93 07 c0 c2", "close None"),
    ("05 92 08 cd 01 2c", "ack 300"),
    ("03 92 09 01", "sequence 1"),
    ("0b 94 02 80 a131 d6 ff 38 6d 43 80", "item 1 (\"2000-01-01T00:00:00Z\")"),
    ("0f 94 02 80 a131 d7 ff 01 31 2d 00 38 6d 43 80", "item 1 (\"2000-01-01T00:00:00.005Z\")"),
    // What some peers add, or leave out.
    ("0c 95 01 81 a161 a162 c0 a14d 91 c3", "call - M(true)"),
    ("08 96 01 80 a0 a14d 90 c0", "call - M()"),
    ("0a 97 01 80 a131 a14d 90 90 2a", "call 1 M()"),
    ("03 92 0a 2a", "unknown 10"),
];

/// The same in JSON, with members in any order, and some that nobody knows.
const RECORDS: &[(&str, &str)] = &[
    (
        r#"{"type":1,"invocationId":"1","target":"M","arguments":[42,"é"],"streamIds":["2"],"headers":{"k":"v"}}"#,
        "call 1 M(42,\"é\") <2",
    ),
    (r#"{"arguments":[ 1 , 2 ],"target":"M","type":1}"#, "call - M(1 , 2)"),
    (r#"{"type":1,"invocationId":"","target":"M","arguments":[]}"#, "call - M()"),
    (r#"{"type":1,"invocationId":null,"target":"M","arguments":[],"streamIds":null}"#, "call - M()"),
    (r#"{"type":4,"invocationId":"3","target":"S","arguments":[],"more":[1]}"#, "stream 3 S()"),
    (r#"{"item":5,"type":2,"invocationId":"1"}"#, "item 1 (5)"),
    (r#"{"type":2,"invocationId":"1","item":null}"#, "item 1 (null)"),
    (r#"{"type":3,"invocationId":"1"}"#, "end 1"),
    (r#"{"result":null,"type":3,"invocationId":"1"}"#, "result 1 (null)"),
    (r#"{"type":3,"invocationId":"1","error":"E"}"#, "error 1 E"),
    (r#"{"type":3,"invocationId":"1","error":null,"result":[1,2]}"#, "result 1 ([1,2])"),
    (r#"{"type":5,"invocationId":"1"}"#, "cancel 1"),
    (r#" {"type" : 6} "#, "ping"),
    (r#"{"type":7}"#, "close None"),
    (r#"{"type":7,"error":"e","allowReconnect":true}"#, "close Some(\"e\") come back"),
    (r#"{"type":7,"error":null,"allowReconnect":false}"#, "close None"),
    (r#"{"type":8,"sequenceId":3}"#, "ack 3"),
    (r#"{"type":9,"sequenceId":1}"#, "sequence 1"),
    (r#"{"type":99,"target":7}"#, "unknown 99"),
    // Written twice, it counts as written last.
    (r#"{"type":6,"type":5,"invocationId":"1","invocationId":"2"}"#, "cancel 2"),
];

#[test]
fn what_clients_send_is_read() {
    for (bytes, expected) in SEEN {
        assert_eq!(heard(Encoding::MsgPack, 1000, [&hex(bytes)[..]]), (vec![(*expected).to_owned()], None));
    }
    for (record, expected) in RECORDS {
        let record = format!("{record}\u{1e}");
        assert_eq!(heard(Encoding::Json, 1000, [record.as_bytes()]), (vec![(*expected).to_owned()], None));
    }
}

#[test]
fn what_servers_send_is_written() {
    let (two, one, none) = (args("42,\"é\""), args("5"), Payload::empty());
    let bytes = Payload::binary(vec![1, 2]);
    let call = |id, streams| Outgoing::Invocation {
        stream: false,
        id,
        target: "M",
        args: &two,
        extra: None,
        streams,
    };
    let table: &[(Outgoing<'_>, &str, &str)] = &[
        (
            call(Some("1"), &["2"]),
            r#"{"type":1,"invocationId":"1","target":"M","arguments":[42,"é"],"streamIds":["2"]}"#,
            "0f 96 01 80 a131 a14d 92 2a a2c3a9 91 a132",
        ),
        (
            call(None, &[]),
            r#"{"type":1,"target":"M","arguments":[42,"é"]}"#,
            "0c 96 01 80 c0 a14d 92 2a a2c3a9 90",
        ),
        (
            Outgoing::Invocation {
                stream: true,
                id: Some("3"),
                target: "S",
                args: &none,
                extra: None,
                streams: &[],
            },
            r#"{"type":4,"invocationId":"3","target":"S","arguments":[]}"#,
            "09 96 04 80 a133 a153 90 90",
        ),
        (
            Outgoing::Invocation {
                stream: false,
                id: None,
                target: "M",
                args: &one,
                extra: Some("{\"room\":\"a\"}"),
                streams: &[],
            },
            r#"{"type":1,"target":"M","arguments":[5,{"room":"a"}]}"#,
            "11 96 01 80 c0 a14d 92 05 81 a4726f6f6d a161 90",
        ),
        (
            Outgoing::Invocation {
                stream: false,
                id: None,
                target: "M",
                args: &none,
                extra: Some("7"),
                streams: &[],
            },
            r#"{"type":1,"target":"M","arguments":[7]}"#,
            "09 96 01 80 c0 a14d 91 07 90",
        ),
        (
            Outgoing::StreamItem { id: "1", item: &bytes },
            r#"{"type":2,"invocationId":"1","item":"AQI="}"#,
            "09 94 02 80 a131 c4 02 01 02",
        ),
        (
            Outgoing::Completion { id: "1", ended: Ended::Nothing },
            r#"{"type":3,"invocationId":"1"}"#,
            "06 94 03 80 a131 02",
        ),
        (
            Outgoing::Completion { id: "1", ended: Ended::Result(&none) },
            r#"{"type":3,"invocationId":"1","result":null}"#,
            "07 95 03 80 a131 03 c0",
        ),
        (
            Outgoing::Completion { id: "1", ended: Ended::Result(&two) },
            r#"{"type":3,"invocationId":"1","result":[42,"é"]}"#,
            "0b 95 03 80 a131 03 92 2a a2c3a9",
        ),
        (
            Outgoing::Completion { id: "1", ended: Ended::Error("E\"") },
            r#"{"type":3,"invocationId":"1","error":"E\""}"#,
            "09 95 03 80 a131 01 a24522",
        ),
        (Outgoing::CancelInvocation { id: "1" }, r#"{"type":5,"invocationId":"1"}"#, "05 93 05 80 a131"),
        (Outgoing::Ping, r#"{"type":6}"#, "02 91 06"),
        (Outgoing::Close { error: None, allow_reconnect: false }, r#"{"type":7}"#, "04 93 07 c0 c2"),
        (
            Outgoing::Close { error: Some("e"), allow_reconnect: true },
            r#"{"type":7,"error":"e","allowReconnect":true}"#,
            "05 93 07 a165 c3",
        ),
        (Outgoing::Ack { sequence: 300 }, r#"{"type":8,"sequenceId":300}"#, "05 92 08 cd 01 2c"),
        (Outgoing::Sequence { sequence: 1 }, r#"{"type":9,"sequenceId":1}"#, "03 92 09 01"),
    ];
    for (message, json, msgpack) in table {
        assert_eq!(
            String::from_utf8(written(message, Encoding::Json)).expect("text"),
            format!("{json}\u{1e}")
        );
        assert_eq!(written(message, Encoding::MsgPack), hex(msgpack), "{json}");
        // Both say the same.
        let heard_as = |encoding| heard(encoding, 1000, [&written(message, encoding)[..]]);
        assert_eq!(heard_as(Encoding::Json), heard_as(Encoding::MsgPack));
    }
}

#[test]
fn long_messages_have_long_lengths() {
    let item = Payload::text("x".repeat(200));
    let bytes = written(&Outgoing::StreamItem { id: "1", item: &item }, Encoding::MsgPack);
    assert_eq!(bytes[..9], hex("cf 01 94 02 80 a1 31 d9 c8"), "as npm's package writes it");
    let item = Payload::binary(vec![7; 1 << 21]);
    let bytes = written(&Outgoing::StreamItem { id: "1", item: &item }, Encoding::MsgPack);
    assert_eq!(bytes.len(), 4 + 10 + (1 << 21), "a length of four bytes");
    assert_eq!(heard(Encoding::MsgPack, bytes.len(), [&bytes[..]]).1, None);
}

#[test]
fn kinds_1_to_5_are_counted() {
    for (record, _) in RECORDS {
        let message = HubMessage::read(Encoding::Json, record.as_bytes()).expect("a message");
        let counted = !matches!(
            message,
            HubMessage::Ping
                | HubMessage::Close { .. }
                | HubMessage::Ack { .. }
                | HubMessage::Sequence { .. }
                | HubMessage::Unknown(_)
        );
        assert_eq!(message.is_counted(), counted, "{record}");
    }
}
