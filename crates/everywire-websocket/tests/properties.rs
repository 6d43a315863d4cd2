//! What holds for all inputs: any chunking gives the same items, decoding undoes encoding, noise neither panics nor
//! costs memory beyond its length.

mod common;

use common::{Seen, decode_in, frame};
use everywire_websocket::{
    CloseCode, CloseFrame, Decoder, DeflateParams, Deflater, Direction, Header, Kind, Limits, Opcode, Role,
    encode,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Sent {
    Text(String),
    Binary(Vec<u8>),
    Fragments(Kind, Vec<String>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    let control = || proptest::collection::vec(any::<u8>(), 0..=125);
    let kind = prop_oneof![Just(Kind::Text), Just(Kind::Binary)];
    prop_oneof![
        "(?s).{0,80}".prop_map(Sent::Text),
        ("(?s).{1,9}", 0..9000_usize).prop_map(|(piece, times)| Sent::Text(piece.repeat(times / 9))),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Sent::Binary),
        (any::<u8>(), 0..70_000_usize).prop_map(|(byte, len)| Sent::Binary(vec![byte; len])),
        (kind, proptest::collection::vec("(?s).{0,20}", 2..6))
            .prop_map(|(kind, parts)| Sent::Fragments(kind, parts)),
        control().prop_map(Sent::Ping),
        control().prop_map(Sent::Pong),
    ]
}

fn expected(sent: &Sent) -> Seen {
    match sent.clone() {
        Sent::Text(text) => Seen::Text(text),
        Sent::Binary(data) => Seen::Binary(data),
        Sent::Fragments(Kind::Text, parts) => Seen::Text(parts.concat()),
        Sent::Fragments(Kind::Binary, parts) => Seen::Binary(parts.concat().into()),
        Sent::Ping(data) => Seen::Ping(data),
        Sent::Pong(data) => Seen::Pong(data),
    }
}

fn write(out: &mut Vec<u8>, sent: &Sent, mask: Option<[u8; 4]>, deflater: &mut Option<Deflater>) {
    let mut message = |kind, payload| match deflater {
        Some(deflater) => encode::compressed(out, kind, payload, mask, deflater),
        None => encode::message(out, kind, payload, mask),
    };
    match sent {
        Sent::Text(text) => message(Kind::Text, text.as_bytes()),
        Sent::Binary(data) => message(Kind::Binary, data),
        Sent::Fragments(kind, parts) => {
            for (at, part) in parts.iter().enumerate() {
                let opcode = if at == 0 { Opcode::from(*kind) } else { Opcode::Continuation };
                encode::fragment(out, opcode, at == parts.len() - 1, part.as_bytes(), mask);
            }
        }
        Sent::Ping(data) => encode::ping(out, data, mask).unwrap(),
        Sent::Pong(data) => encode::pong(out, data, mask).unwrap(),
    }
}

/// Lengths that cut inside headers, at their borders, and rarely.
fn pieces() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(prop_oneof![1..20_usize, 1..2000_usize, Just(100_000)], 1..20)
}

fn direction() -> impl Strategy<Value = Option<Direction>> {
    proptest::option::of(
        (8..=15_u8, any::<bool>())
            .prop_map(|(window_bits, context_takeover)| Direction { window_bits, context_takeover }),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn decoding_undoes_encoding_in_any_chunks(
        messages in proptest::collection::vec(sent(), 1..8),
        (role, deflate) in (prop_oneof![Just(Role::Server), Just(Role::Client)], direction()),
        (key, level, pieces) in (any::<[u8; 4]>(), 0..=9_u8, pieces()),
    ) {
        let mask = (role == Role::Server).then_some(key);
        let mut deflater = deflate.map(|direction| Deflater::new(level, direction));
        let mut wire = Vec::new();
        for message in &messages {
            write(&mut wire, message, mask, &mut deflater);
        }
        let close = CloseFrame { code: CloseCode::GOING_AWAY, reason: "done" };
        encode::close(&mut wire, Some(close), mask);

        let mut items: Vec<Seen> = messages.iter().map(expected).collect();
        items.push(Seen::Close(Some((1001, "done".into()))));
        let mut decoder = Decoder::new(role, Limits::default()).with_deflate(deflate);
        prop_assert_eq!(decode_in(&mut decoder, &wire, &pieces), items);
        prop_assert_eq!(decoder.held_bytes() * usize::from(deflate.is_none()), 0);
    }

    #[test]
    fn noise_is_the_same_in_any_chunks_and_bounded(
        (role, deflate) in (prop_oneof![Just(Role::Server), Just(Role::Client)], direction()),
        // Headers that are nearly right reach further than plain noise.
        frames in proptest::collection::vec(
            (0..16_u8, any::<bool>(), any::<bool>(), 0..40_usize, proptest::collection::vec(any::<u8>(), 0..40)),
            0..12,
        ),
        tail in proptest::collection::vec(any::<u8>(), 0..60),
        pieces in pieces(),
    ) {
        let mut wire = Vec::new();
        for (bits, fin, compressed, len, payload) in frames {
            let opcode = match bits {
                0..6 => Opcode::Continuation,
                6..9 => Opcode::Text,
                9..12 => Opcode::Binary,
                12 => Opcode::Close,
                13 => Opcode::Pong,
                _ => Opcode::Ping,
            };
            let mask = (role == Role::Server).then_some([1, 2, 3, 4]);
            let fin = fin || opcode.is_control();
            let compressed = compressed && deflate.is_some() && matches!(opcode, Opcode::Text | Opcode::Binary);
            wire.extend(frame(Header { fin, compressed, ..Header::new(opcode, len, mask) }, &payload));
        }
        wire.extend(tail);
        let limits = Limits { frame: 100, message: 150, inflated: 1000, fragment_cost: 8 };
        let decoder = || Decoder::new(role, limits).with_deflate(deflate);
        let whole = decode_in(&mut decoder(), &wire, &[wire.len().max(1)]);
        let mut cut = decoder();
        let mut seen = Vec::new();
        for piece in wire.chunks(pieces[0]) {
            seen.extend(decode_in(&mut cut, piece, &pieces));
            // 1,000 bytes, the box, and a window where there is one.
            prop_assert!(cut.held_bytes() < 2048 + 48 * 1024 * usize::from(deflate.is_some()));
        }
        prop_assert_eq!(seen, whole);
    }

    #[test]
    fn each_header_reads_back(fin: bool, compressed: bool, len in 0..1_u64 << 63, mask: Option<[u8; 4]>) {
        for len in [len, len & 0xffff, len & 0x7f] {
            let header = Header { fin, compressed, opcode: Opcode::Binary, mask, len };
            let bytes = header.encode();
            let encoded = header.encoded_len();
            prop_assert_eq!(Header::decode(&bytes), Ok(Some((header, encoded))));
            for short in 0..encoded {
                prop_assert_eq!(Header::decode(&bytes[..short]), Ok(None));
            }
        }
    }
}

#[test]
fn directions_belong_to_roles() {
    let server = Direction { window_bits: 9, context_takeover: true };
    let client = Direction { window_bits: 12, context_takeover: false };
    let params = DeflateParams { server, client };
    assert_eq!((params.incoming(Role::Server), params.outgoing(Role::Server)), (client, server));
    assert_eq!((params.incoming(Role::Client), params.outgoing(Role::Client)), (server, client));
}
