//! Any chunking gives the same; what one side writes the other reads; nothing makes a reader panic.

use proptest::prelude::*;

use super::*;

/// A message with parts of any kind.
#[derive(Debug, Clone)]
struct Any {
    kind: u8,
    id: Option<String>,
    text: String,
    args: Vec<String>,
    streams: Vec<String>,
    number: u64,
    flag: bool,
}

fn a_message() -> impl Strategy<Value = Any> {
    let args = prop::collection::vec("[ -~é\u{1e}\u{1f600}]{0,12}", 0..4);
    let streams = prop::collection::vec("[0-9a-z]{1,4}", 0..3);
    let parts = (1..=9u8, prop::option::of("[0-9a-z\u{e9}]{1,40}"), "[ -~é\"\\\\]{1,20}", args, streams);
    (parts, any::<u64>(), any::<bool>()).prop_map(|((kind, id, text, args, streams), number, flag)| Any {
        kind,
        id,
        text,
        args,
        streams,
        number,
        flag,
    })
}

impl Any {
    fn payload(&self) -> Payload {
        let texts = self.args.iter().map(|text| serde_json::to_string(text).expect("a text"));
        args(&texts.collect::<Vec<_>>().join(","))
    }

    fn append(&self, encoding: Encoding, out: &mut Vec<u8>) {
        let args = self.payload();
        let streams: Vec<&str> = self.streams.iter().map(String::as_str).collect();
        let id = self.id.as_deref().unwrap_or("0");
        let message = match self.kind {
            1 | 4 => Outgoing::Invocation {
                stream: self.kind == 4,
                id: if self.kind == 4 { Some(id) } else { self.id.as_deref() },
                target: &self.text,
                args: &args,
                extra: self.flag.then_some("[1.5,null]"),
                streams: &streams,
            },
            2 => Outgoing::StreamItem { id, item: &args },
            3 => Outgoing::Completion {
                id,
                ended: match self.number % 3 {
                    0 => Ended::Nothing,
                    1 => Ended::Result(&args),
                    _ => Ended::Error(&self.text),
                },
            },
            5 => Outgoing::CancelInvocation { id },
            6 => Outgoing::Ping,
            7 => Outgoing::Close {
                error: self.flag.then_some(&self.text),
                allow_reconnect: self.number.is_multiple_of(2),
            },
            8 => Outgoing::Ack { sequence: self.number },
            _ => Outgoing::Sequence { sequence: self.number },
        };
        message.append(encoding, out);
    }
}

fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn both_encodings_say_the_same_however_they_are_cut(
        messages in prop::collection::vec(a_message(), 1..8),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let all = Encoding::ALL.map(|encoding| {
            let mut bytes = Vec::new();
            for message in &messages {
                message.append(encoding, &mut bytes);
            }
            let whole = heard(encoding, 1 << 20, [&bytes[..]]);
            assert_eq!(heard(encoding, 1 << 20, cut(&bytes, &cuts)), whole);
            whole
        });
        prop_assert_eq!(all[0].1.as_ref(), None);
        prop_assert_eq!(all[0].0.len(), messages.len());
        prop_assert_eq!(&all[0], &all[1]);
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        for encoding in Encoding::ALL {
            let whole = heard(encoding, 64, [&bytes[..]]);
            let pieces = heard(encoding, 64, cut(&bytes, &cuts));
            prop_assert_eq!(whole, pieces, "any chunking gives the same");
            let _ = HubMessage::read(encoding, &bytes);
        }
    }

    #[test]
    fn no_spoiled_message_makes_it_panic(message in a_message(), at in any::<usize>(), byte in any::<u8>()) {
        for encoding in Encoding::ALL {
            let mut bytes = Vec::new();
            message.append(encoding, &mut bytes);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = heard(encoding, 1 << 16, [&bytes[..]]);
        }
    }
}
