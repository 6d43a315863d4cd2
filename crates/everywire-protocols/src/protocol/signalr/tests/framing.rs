//! Streams cut into pieces.

use super::*;

fn stream(encoding: Encoding) -> Vec<u8> {
    let long = Payload::text("é".repeat(300));
    let messages = [
        Outgoing::Ping,
        Outgoing::StreamItem { id: "1", item: &long },
        Outgoing::Completion { id: "1", ended: Ended::Nothing },
        Outgoing::Ack { sequence: 70_000 },
        Outgoing::StreamItem { id: "2", item: &long },
    ];
    messages.iter().flat_map(|message| written(message, encoding)).collect()
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    for encoding in Encoding::ALL {
        let stream = stream(encoding);
        let whole = heard(encoding, 1000, [&stream[..]]);
        assert_eq!((whole.0.len(), &whole.1), (5, &None));
        for cut in 0..stream.len() {
            let (first, second) = stream.split_at(cut);
            assert_eq!(heard(encoding, 1000, [first, second]), whole, "{encoding:?} at {cut}");
        }
        for size in [1, 2, 3, 7, 100] {
            assert_eq!(heard(encoding, 1000, stream.chunks(size)), whole, "{encoding:?} by {size}");
        }
    }
}

#[test]
fn what_lies_whole_is_not_copied() {
    for encoding in Encoding::ALL {
        let stream = stream(encoding);
        let mut framing = Framing::new(encoding, 1000);
        let mut input = &stream[..];
        while let Some(message) = framing.next(&mut input).expect("no fault") {
            assert!(matches!(message, std::borrow::Cow::Borrowed(_)));
        }
        assert!(!framing.is_within());
        let mut input = &stream[..1];
        assert_eq!(framing.next(&mut input), Ok(None));
        assert!(framing.is_within());
    }
}

#[test]
fn a_message_may_be_as_long_as_the_limit() {
    for encoding in Encoding::ALL {
        let item = Payload::text("x".repeat(1000));
        let message = written(&Outgoing::StreamItem { id: "1", item: &item }, encoding);
        for size in [1, 500, 10_000] {
            let chunks = || message.chunks(size);
            assert_eq!(heard(encoding, message.len(), chunks()).1, None, "{encoding:?} by {size}");
            let limit = message.len() - 1;
            let expected = format!(
                "The maximum message size of {limit}B was exceeded. The message size can be configured in AddHubOptions."
            );
            assert_eq!(heard(encoding, limit, chunks()), (vec![], Some(expected)), "{encoding:?} by {size}");
        }
    }
}

#[test]
fn a_length_is_a_promise_that_nobody_counts_on() {
    // Five bytes that say 2^31 - 1, then 2^31, then more than five.
    for (length, limit) in [
        ("ff ff ff ff 07", 1000),
        ("80 80 80 80 08", usize::MAX),
        ("ff ff ff ff ff ff", usize::MAX),
        ("80 80 80 80 80 00", usize::MAX),
    ] {
        let bytes = hex(length);
        for size in [1, 10] {
            let (messages, fault) = heard(Encoding::MsgPack, limit, bytes.chunks(size));
            assert_eq!(messages, [""; 0]);
            assert!(fault.is_some_and(|fault| fault.contains("maximum message size")), "{length}");
        }
    }
    let mut framing = Framing::new(Encoding::MsgPack, usize::MAX);
    let mut input = &hex("ff ff ff ff 07 01 02")[..];
    assert_eq!(framing.next(&mut input), Ok(None), "it waits, and holds no more than what came");
    assert!(framing.is_within());
}

#[test]
fn the_handshake_and_what_is_behind_it_may_come_at_once() {
    let mut bytes = Vec::new();
    HandshakeRequest { protocol: "messagepack".into(), version: 1 }.append(&mut bytes);
    Outgoing::Ping.append(Encoding::MsgPack, &mut bytes);
    let mut framing = Framing::new(Encoding::Json, 1000);
    let mut input = &bytes[..];
    let record = framing.next(&mut input).expect("no fault").expect("a record").into_owned();
    let request = HandshakeRequest::read(std::str::from_utf8(&record).expect("text")).expect("a handshake");
    framing.switch(request.agree().expect("one of ours"));
    let ping = framing.next(&mut input).expect("no fault").expect("a message");
    assert_eq!(HubMessage::read(Encoding::MsgPack, &ping), Ok(HubMessage::Ping));
    assert!(input.is_empty());
}
