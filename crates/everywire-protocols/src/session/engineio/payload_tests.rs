use proptest::prelude::*;

use super::*;

/// Messages that may be in one body: no text has a separator in it.
fn messages() -> impl Strategy<Value = Vec<Decoded>> {
    let text = ".{0,12}".prop_map(|text| Decoded::Text(text.replace(SEPARATOR, " ")));
    let one = prop_oneof![text, prop::collection::vec(any::<u8>(), 0..12).prop_map(Decoded::Binary)];
    prop::collection::vec(one, 1..8)
}

/// The messages of a body.
fn read(revision: Revision, body: &Body) -> Option<Vec<Decoded>> {
    let body = body.clone().into_decoded();
    let packets = Payload::read(revision, body.as_message()).map(|packet| match packet.ok()? {
        Packet::Message(message) => Some(Decoded::from(message)),
        Packet::Decoded(bytes) => Some(Decoded::Binary(bytes)),
        Packet::Control(..) => None,
    });
    packets.collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read(messages in messages(), base64: bool) {
        for revision in [Revision::Three, Revision::Four] {
            let mut queue = Queue::default();
            for message in &messages {
                queue.push_message(message.as_message(), true);
            }
            let hint = queue.body_hint();
            let body = write(Dialect { revision, base64 }, queue);
            prop_assert!(body.bytes.len() <= hint);
            let binary = revision == Revision::Three
                && !base64
                && messages.iter().any(|message| matches!(message, Decoded::Binary(_)));
            prop_assert_eq!(body.binary, binary);
            prop_assert_eq!(read(revision, &body), Some(messages.clone()));
        }
    }

    #[test]
    fn whatever_is_read_ends(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "[0-9:b4\u{1e}AQ=€😀]{0,60}") {
        for revision in [Revision::Three, Revision::Four] {
            let lossy = String::from_utf8_lossy(&bytes);
            for body in [Message::Binary(&bytes), Message::Text(&lossy), Message::Text(&text)] {
                let length = body.as_bytes().len();
                let packets = Payload::read(revision, body).take_while(Result::is_ok).count();
                prop_assert!(packets <= length + 1);
            }
        }
    }
}
