//! Frames and messages: the tables of RFC 6455, sections 5.2 to 5.8, and each way to break them.

mod common;

use common::{KEY, Seen, decode, decode_in, frame, masked};
use everywire_websocket::{
    CloseCode, CloseFrame, Decoder, Fault, Header, Kind, Limits, Opcode, Role, encode,
};

fn server(bytes: &[u8]) -> Vec<Seen> {
    decode(Role::Server, Limits::default(), bytes)
}

fn fault(role: Role, bytes: &[u8]) -> Fault {
    match decode(role, Limits::default(), bytes).as_slice() {
        [Seen::Fault(fault)] => *fault,
        seen => panic!("no fault but {seen:?} from {bytes:x?}"),
    }
}

#[test]
fn examples_of_section_5_7() {
    let client = |bytes: &[u8]| decode(Role::Client, Limits::default(), bytes);
    assert_eq!(client(b"\x81\x05Hello"), [Seen::Text("Hello".into())]);
    assert_eq!(server(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), [Seen::Text("Hello".into())]);
    assert_eq!(client(b"\x01\x03Hel\x80\x02lo"), [Seen::Text("Hello".into())]);
    assert_eq!(client(b"\x89\x05Hello"), [Seen::Ping(b"Hello".into())]);
    assert_eq!(server(b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), [Seen::Pong(b"Hello".into())]);
    for (len, header) in [(256, &b"\x82\x7e\x01\x00"[..]), (65_536, b"\x82\x7f\0\0\0\0\0\x01\0\0")] {
        let payload = vec![7; len];
        assert_eq!(client(&[header, &payload].concat()), [Seen::Binary(payload)]);
    }
}

#[test]
fn encoder_writes_what_the_decoder_reads_at_every_border_of_length() {
    for len in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
        let payload: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
        for (role, mask) in [(Role::Server, Some(KEY)), (Role::Client, None)] {
            let mut out = b"before".to_vec();
            encode::message(&mut out, Kind::Binary, &payload, mask);
            let header = Header::new(Opcode::Binary, len, mask);
            assert_eq!(out.len(), 6 + header.encoded_len() + len);
            assert_eq!(Header::decode(&out[6..]), Ok(Some((header, header.encoded_len()))));
            assert_eq!(decode(role, Limits::default(), &out[6..]), [Seen::Binary(payload.clone())]);
        }
    }
}

#[test]
fn control_frames_come_between_fragments() {
    let bytes = [
        masked(Opcode::Text, false, "wa\u{df}".as_bytes()),
        masked(Opcode::Ping, true, b"now"),
        masked(Opcode::Continuation, false, b""),
        masked(Opcode::Pong, true, b""),
        masked(Opcode::Continuation, true, b"ser"),
        masked(Opcode::Binary, true, b"next"),
    ]
    .concat();
    let expected = [
        Seen::Ping(b"now".into()),
        Seen::Pong(b"".into()),
        Seen::Text("wa\u{df}ser".into()),
        Seen::Binary(b"next".into()),
    ];
    assert_eq!(server(&bytes), expected);
}

#[test]
fn a_character_may_be_split_over_fragments() {
    let text = "\u{10348}";
    for split in 1..4 {
        let (first, second) = text.as_bytes().split_at(split);
        let bytes = [masked(Opcode::Text, false, first), masked(Opcode::Continuation, true, second)].concat();
        assert_eq!(server(&bytes), [Seen::Text(text.into())]);
    }
    let bytes =
        [masked(Opcode::Text, false, b"\xf0\x90"), masked(Opcode::Continuation, true, b"\x8d")].concat();
    assert_eq!(fault(Role::Server, &bytes), Fault::InvalidUtf8, "the message ends inside a character");
}

#[test]
fn text_fails_at_the_first_byte_that_cannot_belong_to_it() {
    // Autobahn 6.4.1–6.4.4: in the frame that has arrived in part, not at its end.
    for bad in [&b"\xf4\x90"[..], b"\xed\xa0", b"\xe0\x80", b"\xc0", b"ok\xff"] {
        let header = Header::new(Opcode::Text, 1000, Some(KEY));
        assert_eq!(
            fault(Role::Server, &frame(header, bad)),
            Fault::InvalidUtf8,
            "{bad:x?} in a part of a frame"
        );
        let bytes = masked(Opcode::Text, false, bad);
        assert_eq!(fault(Role::Server, &bytes), Fault::InvalidUtf8, "{bad:x?} in a fragment");
        assert_eq!(fault(Role::Server, &masked(Opcode::Text, true, bad)), Fault::InvalidUtf8);
        assert_eq!(
            server(&masked(Opcode::Binary, true, bad)),
            [Seen::Binary(bad.into())],
            "only text is text"
        );
    }
}

#[test]
fn violations() {
    let table: &[(Fault, Role, Vec<u8>)] = &[
        (Fault::ReservedBit, Role::Server, b"\xc1\x80\0\0\0\0".into()),
        (Fault::ReservedBit, Role::Server, b"\xa1\x80\0\0\0\0".into()),
        (Fault::ReservedBit, Role::Server, b"\x91\x80\0\0\0\0".into()),
        (Fault::ReservedOpcode, Role::Server, b"\x83\x80\0\0\0\0".into()),
        (Fault::ReservedOpcode, Role::Server, b"\x87\x80\0\0\0\0".into()),
        (Fault::ReservedOpcode, Role::Server, b"\x8b\x80\0\0\0\0".into()),
        (Fault::ReservedOpcode, Role::Server, b"\x8f\x80\0\0\0\0".into()),
        (Fault::Unmasked, Role::Server, b"\x81\x02hi".into()),
        (Fault::Masked, Role::Client, b"\x81\x80\0\0\0\0".into()),
        (Fault::LengthNotMinimal, Role::Client, b"\x82\x7e\0\x7d".into()),
        (Fault::LengthNotMinimal, Role::Client, b"\x82\x7f\0\0\0\0\0\0\xff\xff".into()),
        (Fault::LengthTooLarge, Role::Client, b"\x82\x7f\x80\0\0\0\0\0\0\0".into()),
        (Fault::ControlTooLong, Role::Client, b"\x89\x7e\0\x7e".into()),
        (Fault::ControlFragmented, Role::Client, b"\x09\0".into()),
        (Fault::UnexpectedContinuation, Role::Client, b"\x80\0".into()),
        (Fault::ExpectedContinuation, Role::Client, b"\x01\0\x81\0".into()),
        (Fault::CloseBodyTooShort, Role::Client, b"\x88\x01\x03".into()),
        (Fault::InvalidUtf8, Role::Client, b"\x88\x04\x03\xe8\xc0\xaf".into()),
    ];
    for (expected, role, bytes) in table {
        assert_eq!(fault(*role, bytes), *expected, "{bytes:x?}");
    }
}

#[test]
fn close_codes() {
    for code in 0..=u16::MAX {
        let valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        assert_eq!(CloseCode::new(code).is_some(), valid, "{code}");
        let body = [&b"\x88\x05"[..], &code.to_be_bytes(), b"why"].concat();
        let mut decoder = Decoder::new(Role::Client, Limits::default());
        let seen = decode_in(&mut decoder, &body, &[100]);
        let expected = if valid {
            Seen::Close(Some((code, "why".into())))
        } else {
            Seen::Fault(Fault::CloseCodeInvalid)
        };
        assert_eq!(seen, [expected]);
    }
    assert_eq!(decode(Role::Client, Limits::default(), b"\x88\0"), [Seen::Close(None)]);
}

#[test]
fn nothing_counts_after_a_close_or_a_fault() {
    let rest = masked(Opcode::Text, true, b"too late");
    let close = masked(Opcode::Close, true, b"\x03\xe8");
    assert_eq!(server(&[&close[..], &rest].concat()), [Seen::Close(Some((1000, String::new())))]);
    let bad = masked(Opcode::Text, true, b"\xff");
    assert_eq!(server(&[&bad[..], &rest].concat()), [Seen::Fault(Fault::InvalidUtf8)]);

    let mut decoder = Decoder::new(Role::Server, Limits::default());
    let open = masked(Opcode::Text, false, b"a message that is never finished");
    assert_eq!(
        decode_in(&mut decoder, &[&open[..], &bad].concat(), &[7]),
        [Seen::Fault(Fault::ExpectedContinuation)]
    );
    assert_eq!(decode_in(&mut decoder, &rest, &[100]), []);
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn control_payloads_and_close_reasons_are_bounded() {
    let mut out = Vec::new();
    assert_eq!(encode::ping(&mut out, &[1; 125], None), Ok(()));
    assert_eq!(out.len(), 127);
    assert_eq!(encode::pong(&mut out, &[1; 126], None), Err(encode::ControlTooLong { len: 126 }));
    assert_eq!(out.len(), 127, "nothing is appended");

    // 122 bytes, then a character of two: cut before it, so that the reason stays UTF-8.
    let reason = format!("{}ß and more", "x".repeat(122));
    let mut out = Vec::new();
    encode::close(&mut out, Some(CloseFrame { code: CloseCode::POLICY, reason: &reason }), None);
    assert_eq!(decode(Role::Client, Limits::default(), &out), [Seen::Close(Some((1008, "x".repeat(122))))]);
    out.clear();
    encode::close(&mut out, None, Some(KEY));
    assert_eq!(server(&out), [Seen::Close(None)]);
}

#[test]
fn fragments_of_the_encoder_are_one_message() {
    let mut out = Vec::new();
    encode::fragment(&mut out, Opcode::Text, false, b"one ", Some(KEY));
    encode::ping(&mut out, b"between", Some(KEY)).unwrap();
    encode::fragment(&mut out, Opcode::Continuation, false, b"two ", Some(KEY));
    encode::fragment(&mut out, Opcode::Continuation, true, b"three", Some(KEY));
    assert_eq!(server(&out), [Seen::Ping(b"between".into()), Seen::Text("one two three".into())]);
}

#[test]
fn every_fault_fits_a_close_frame() {
    let faults = [
        (Fault::ReservedBit, 1002),
        (Fault::CompressedBit, 1002),
        (Fault::ReservedOpcode, 1002),
        (Fault::Unmasked, 1002),
        (Fault::Masked, 1002),
        (Fault::LengthNotMinimal, 1002),
        (Fault::LengthTooLarge, 1002),
        (Fault::ControlTooLong, 1002),
        (Fault::ControlFragmented, 1002),
        (Fault::UnexpectedContinuation, 1002),
        (Fault::ExpectedContinuation, 1002),
        (Fault::CloseBodyTooShort, 1002),
        (Fault::CloseCodeInvalid, 1002),
        (Fault::InvalidUtf8, 1007),
        (Fault::InvalidDeflate, 1007),
        (Fault::FrameTooLarge, 1009),
        (Fault::MessageTooLarge, 1009),
        (Fault::InflatedTooLarge, 1009),
    ];
    for (fault, code) in faults {
        let mut out = Vec::new();
        encode::close(&mut out, Some(fault.into()), None);
        let seen = decode(Role::Client, Limits::default(), &out);
        assert_eq!(seen, [Seen::Close(Some((code, fault.reason().into())))]);
    }
}
