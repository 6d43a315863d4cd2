//! Streams cut into pieces.

use std::borrow::Cow;

use super::*;

/// Each way in which something may end, and characters of several bytes.
fn stream(version: Version) -> Vec<u8> {
    let mut stream = b"\r\n\0\nCONNECT\r\naccept-version:1.2\r\nlogin:\xc3\xa9\r\n\r\n\0\r\n".to_vec();
    let emoji = "🙂".repeat(3);
    let headers = [("destination", "/topic/a:b"), ("é", "🙂\\\n"), ("empty", "")];
    write_frame(version, &Command::Send, headers, emoji.as_bytes(), &mut stream);
    stream
        .extend_from_slice(b"\nSEND\na:b\n\nno length\r\n\xff\0\0\0SEND\ncontent-length:6\n\n\0\r\n\0\r\n\0");
    stream.extend_from_slice("ПРИВЕТ\nкто:я\n\n\0".as_bytes());
    write_frame(version, &Command::Disconnect, [("receipt", "1")], b"", &mut stream);
    stream
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    for version in Version::ALL {
        let stream = stream(version);
        let whole = heard(parser(version), [&stream[..]]);
        assert_eq!((whole.0.len(), &whole.1), (10, &None));
        for cut in 0..=stream.len() {
            let (first, second) = stream.split_at(cut);
            assert_eq!(heard(parser(version), [first, second]), whole, "{version} at {cut}");
            for second_cut in 0..=second.len() {
                let (second, third) = second.split_at(second_cut);
                assert_eq!(heard(parser(version), [first, second, &[], third]), whole, "{version} at {cut}");
            }
        }
        for size in [1, 2, 3, 7, 50] {
            assert_eq!(heard(parser(version), stream.chunks(size)), whole, "{version} by {size}");
        }
    }
}

#[test]
fn a_fault_is_the_same_wherever_the_stream_is_cut() {
    for version in Version::ALL {
        let mut stream = stream(version);
        let at = stream.len();
        for wrong in [
            &b"SEND\na:b\r\nc:d\re:f\n\n\0"[..],
            b"SEND\na\0b\n\n\0",
            b"SEND\n\xf0\x9f\x99:b\n\n\0",
            b"SEND\ncontent-length:3\n\nabcd\0",
            b"SEND\ncontent-length:-3\n\nabcd\0",
            b"\r\r\n",
            b"BEGIN\n:\0\n\n\0",
        ] {
            stream.truncate(at);
            stream.extend_from_slice(wrong);
            let whole = heard(parser(version), [&stream[..]]);
            assert!(whole.1.is_some(), "{}", wrong.escape_ascii());
            for cut in at..stream.len() {
                let (first, second) = stream.split_at(cut);
                assert_eq!(heard(parser(version), [first, second]), whole, "{version} at {cut}");
            }
        }
    }
}

#[test]
fn what_lies_whole_is_not_copied() {
    let stream = b"SEND\r\na:b\r\nc:d\\\\\r\n\r\nbody\0PING\n\n\0";
    let mut parser = parser(Version::V1_2);
    let mut input = &stream[..];
    let Ok(Some(Event::Frame(frame))) = parser.next(&mut input) else { panic!("a frame") };
    assert!(matches!(frame.body, Cow::Borrowed(_)));
    let [plain, escaped] = &frame.headers[..] else { panic!("two headers") };
    assert!(matches!(plain, (Cow::Borrowed("a"), Cow::Borrowed("b"))));
    assert!(matches!(escaped, (Cow::Borrowed("c"), Cow::Owned(_))), "but for escapes");
    let Ok(Some(Event::Frame(frame))) = parser.next(&mut input) else { panic!("a frame") };
    assert!(matches!(frame.command, Command::Unknown(Cow::Borrowed("PING"))));
    assert!(!parser.is_within());

    // A body that comes whole behind a head that did not.
    let (first, mut second) = stream.split_at(8);
    assert_eq!(parser.next(&mut &*first), Ok(None));
    assert_eq!((parser.is_within(), parser.kept_bytes()), (true, 8));
    let Ok(Some(Event::Frame(frame))) = parser.next(&mut second) else { panic!("a frame") };
    assert!(matches!(frame.body, Cow::Borrowed(_)));
    assert_eq!((parser.is_within(), parser.kept_bytes()), (false, 0));
}

#[test]
fn a_length_is_a_promise_that_nobody_counts_on() {
    let limits = Limits { body_bytes: usize::MAX, ..Limits::default() };
    let mut parser = parser_within(Version::V1_2, limits);
    let mut input = &b"SEND\ncontent-length:18446744073709551615\n\nab"[..];
    assert_eq!(parser.next(&mut input), Ok(None), "it waits, and holds no more than what came");
    assert_eq!(parser.kept_bytes(), 44);
    assert_eq!(parser.next(&mut &b"\0"[..]), Ok(None));
    assert_eq!(parser.kept_bytes(), 45);
}

#[test]
fn a_carriage_return_at_the_end_of_a_piece_waits() {
    for (pieces, expected) in [
        (&[&b"\r"[..], b"\n"][..], &["pulse"][..]),
        (&[b"\r", b"", b"\nBEGIN\r", b"\n\r", b"", b"\n\0"], &["pulse", "BEGIN|\"\""]),
        (&[b"BEGIN\na:\r", b"\n\n\0"], &["BEGIN|a=|\"\""]),
        (&[b"BEGIN\na:b\r"], &[]),
    ] {
        assert_eq!(
            heard(parser(Version::V1_0), pieces.iter().copied()),
            (expected.iter().map(|&event| event.to_owned()).collect(), None)
        );
    }
    for (pieces, place, offset) in [
        (&[&b"\r"[..], b"\r"][..], Place::Between, 0),
        (&[b"\r", b"BEGIN"], Place::Between, 0),
        (&[b"BEGIN\r", b"\r"], Place::Command, 5),
        (&[b"BEGIN\na:\r", b"b"], Place::Header(1), 8),
        (&[b"BEGIN\n\r", b"\0"], Place::Header(1), 6),
    ] {
        let fault = heard(parser(Version::V1_2), pieces.iter().copied()).1.expect("a fault");
        assert_eq!(fault, Fault { flaw: Flaw::LoneCr, place, offset });
    }
}
