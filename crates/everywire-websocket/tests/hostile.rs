//! What other implementations get wrong: memory by announced lengths, endless fragments, bombs.

mod common;

use common::{KEY, Seen, decode, decode_in, frame, masked};
use everywire_websocket::{
    Decoder, Deflater, Direction, Fault, Header, Kind, Limits, Opcode, Prepared, Role,
};

const TAKEOVER: Direction = Direction { window_bits: 15, context_takeover: true };

#[test]
fn an_idle_decoder_is_small_and_holds_nothing() {
    assert!(size_of::<Decoder>() <= 64, "{} bytes", size_of::<Decoder>());
    let mut decoder = Decoder::new(Role::Server, Limits::default()).with_deflate(Some(TAKEOVER));
    assert_eq!(decoder.held_bytes(), 0);
    let seen = decode_in(&mut decoder, &masked(Opcode::Text, true, b"hello"), &[100]);
    assert_eq!(seen, [Seen::Text("hello".into())]);
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn a_large_message_is_released() {
    let mut decoder = Decoder::new(Role::Server, Limits::default());
    let bytes = masked(Opcode::Binary, true, &vec![1; 1 << 20]);
    let (first, rest) = bytes.split_at(bytes.len() - 1);
    assert_eq!(decode_in(&mut decoder, first, &[1000]), []);
    assert!(decoder.held_bytes() >= 1 << 20);
    assert!(!decoder.is_at_boundary());
    assert_eq!(decode_in(&mut decoder, rest, &[1]), [Seen::Binary(vec![1; 1 << 20])]);
    assert_eq!(decoder.held_bytes(), 0);
    assert!(decoder.is_at_boundary());
}

#[test]
fn nothing_is_allocated_by_an_announced_length() {
    // CVE-2022-35922; and 2^63 − 1 bytes get a close code.
    let header = Header::new(Opcode::Binary, (1 << 63) - 1, Some(KEY));
    let seen = decode(Role::Server, Limits::default(), &frame(header, b""));
    assert_eq!(seen, [Seen::Fault(Fault::FrameTooLarge)]);

    let mut decoder = Decoder::new(Role::Server, Limits::default());
    let header = Header::new(Opcode::Binary, 16 << 20, Some(KEY));
    assert_eq!(decode_in(&mut decoder, &frame(header, &[0; 100]), &[1000]), []);
    assert!(decoder.held_bytes() < 1024, "{}", decoder.held_bytes());
}

#[test]
fn memory_follows_what_has_arrived() {
    let mut decoder = Decoder::new(Role::Server, Limits::default());
    let header = Header::new(Opcode::Text, 4 << 20, Some(KEY));
    decode_in(&mut decoder, &frame(header, b""), &[100]);
    let mut arrived = 0;
    while arrived < (4 << 20) - 1000 {
        let mut piece = [b'a'; 1000];
        everywire_websocket::mask::apply(&mut piece, everywire_websocket::mask::advance(KEY, arrived));
        assert_eq!(decode_in(&mut decoder, &piece, &[1000]), []);
        arrived += 1000;
        assert!(decoder.held_bytes() <= 2 * arrived + 1024);
    }
    assert!(decoder.held_bytes() < (4 << 20) + 1024, "the announced length bounds the doubling");
}

#[test]
fn limits_count_to_the_byte() {
    let limits = Limits { frame: 10, message: 50, inflated: 0, fragment_cost: 16 };
    let whole = |len| decode(Role::Server, limits, &masked(Opcode::Binary, true, &vec![0; len]));
    assert_eq!(whole(10), [Seen::Binary(vec![0; 10])]);
    assert_eq!(whole(11), [Seen::Fault(Fault::FrameTooLarge)]);
    let two = |len| {
        let first = masked(Opcode::Binary, false, &[0; 9]);
        decode(Role::Server, limits, &[first, masked(Opcode::Continuation, true, &vec![0; len])].concat())
    };
    assert_eq!(two(9), [Seen::Binary(vec![0; 18])]);
    assert_eq!(two(10), [Seen::Fault(Fault::MessageTooLarge)], "9 + 10 + 2 × 16 = 51");
}

#[test]
fn fragments_without_end_are_bounded_by_bytes() {
    for payload in [&b""[..], b"x"] {
        let mut decoder = Decoder::new(Role::Server, Limits::of_message(1 << 20));
        assert_eq!(decode_in(&mut decoder, &masked(Opcode::Binary, false, payload), &[100]), []);
        let fragment = masked(Opcode::Continuation, false, payload);
        let mut fragments = 1;
        let fault = loop {
            let seen = decode_in(&mut decoder, &fragment.repeat(1000), &[4096]);
            fragments += 1000;
            assert!(decoder.held_bytes() <= 1 << 18, "tiny fragments pin no memory (CVE-2026-48779)");
            if !seen.is_empty() {
                break seen;
            }
            assert!(fragments <= 65_536);
        };
        assert_eq!(fault, [Seen::Fault(Fault::MessageTooLarge)]);
    }
}

#[test]
fn many_fragments_of_a_large_message_are_fine() {
    // Autobahn 9.3.1: 4 MiB in 65,536 fragments.
    let text = "κόσμε ".repeat(6);
    let mut bytes = masked(Opcode::Text, false, text.as_bytes());
    for _ in 0..65_534 {
        bytes.extend(masked(Opcode::Continuation, false, text.as_bytes()));
    }
    bytes.extend(masked(Opcode::Continuation, true, text.as_bytes()));
    let seen = decode_in(&mut Decoder::new(Role::Server, Limits::default()), &bytes, &[1997]);
    assert_eq!(seen, [Seen::Text(text.repeat(65_536))]);
}

#[test]
fn a_bomb_is_defused() {
    // A mebibyte of zeros is a kilobyte deflated; with the flush that frames leave out, a thousand in a row are one
    // stream.
    let mut block = Vec::new();
    assert!(Deflater::shared(9, 15).compress(&vec![0; 1 << 20], &mut block));
    block.extend(b"\0\0\xff\xff");
    let bomb = block.repeat(1024);
    assert!(bomb.len() < 2 << 20);
    let limits = Limits { inflated: 1 << 20, ..Limits::default() };
    let header = Header { compressed: true, ..Header::new(Opcode::Binary, bomb.len(), Some(KEY)) };
    let mut decoder = Decoder::new(Role::Server, limits).with_deflate(Some(TAKEOVER));
    let wire = frame(header, &bomb);
    let mut faults = Vec::new();
    for piece in wire.chunks(64) {
        faults.extend(decode_in(&mut decoder, piece, &[64]));
        assert!(decoder.held_bytes() <= (1 << 20) + (64 << 10));
    }
    assert_eq!(faults, [Seen::Fault(Fault::InflatedTooLarge)]);
}

#[test]
fn the_decompressed_limit_counts_to_the_byte_up_to_the_last_call() {
    for limit in [1000, 8192, 8193, 16_384, 100_000] {
        for (len, fits) in [(limit, true), (limit + 1, false)] {
            let frame = Prepared::compressed(Kind::Binary, &vec![7; len], &mut Deflater::shared(6, 15));
            for pieces in [1, 5, 1000] {
                let limits = Limits { inflated: limit, ..Limits::default() };
                let mut decoder = Decoder::new(Role::Client, limits).with_deflate(Some(TAKEOVER));
                let seen = decode_in(&mut decoder, frame.bytes(), &[pieces]);
                let expected =
                    if fits { Seen::Binary(vec![7; len]) } else { Seen::Fault(Fault::InflatedTooLarge) };
                assert_eq!(seen, [expected], "{len} of {limit}");
            }
        }
    }
}

#[test]
fn streams_that_end_over_and_over_are_no_way_round_the_limit() {
    // 03 00 is an empty final block: two bytes that make us start a new stream.
    let payload = b"\x03\x00".repeat(100_000);
    let header = Header { compressed: true, ..Header::new(Opcode::Binary, payload.len(), None) };
    let limits = Limits::of_message(1 << 20);
    let mut decoder = Decoder::new(Role::Client, limits).with_deflate(Some(TAKEOVER));
    assert_eq!(
        decode_in(&mut decoder, &frame(header, &payload), &[4096]),
        [Seen::Fault(Fault::InflatedTooLarge)]
    );
}

#[test]
fn compressed_frames_only_where_agreed_and_only_first() {
    let compressed =
        |opcode, fin| frame(Header { compressed: true, fin, ..Header::new(opcode, 1, Some(KEY)) }, b"\0");
    let deflating = || Decoder::new(Role::Server, Limits::default()).with_deflate(Some(TAKEOVER));
    let seen =
        decode_in(&mut Decoder::new(Role::Server, Limits::default()), &compressed(Opcode::Text, true), &[9]);
    assert_eq!(seen, [Seen::Fault(Fault::ReservedBit)]);
    for opcode in [Opcode::Ping, Opcode::Pong, Opcode::Close] {
        let seen = decode_in(&mut deflating(), &compressed(opcode, true), &[9]);
        assert_eq!(seen, [Seen::Fault(Fault::CompressedBit)]);
    }
    let bytes = [compressed(Opcode::Text, false), compressed(Opcode::Continuation, true)].concat();
    assert_eq!(decode_in(&mut deflating(), &bytes, &[9]), [Seen::Fault(Fault::CompressedBit)]);
    // Declaring a compressed message, then going on as if it were plain: still inflated.
    let bytes = [compressed(Opcode::Text, false), masked(Opcode::Continuation, true, b"plain")].concat();
    assert_eq!(decode_in(&mut deflating(), &bytes, &[9]), [Seen::Fault(Fault::InvalidDeflate)]);
}

#[test]
fn rsv2_and_rsv3_stay_forbidden_with_deflate() {
    for first in [0xa1, 0x91, 0xe1, 0xd1] {
        let mut decoder = Decoder::new(Role::Client, Limits::default()).with_deflate(Some(TAKEOVER));
        assert_eq!(decode_in(&mut decoder, &[first, 0], &[9]), [Seen::Fault(Fault::ReservedBit)]);
    }
}
