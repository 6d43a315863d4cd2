//! What no honest peer sends: each has its words, and nothing is worse than a fault.

use everywire_core::Reason;

use super::*;

#[test]
fn what_is_wrong_and_where() {
    for (stream, message, words) in [
        (
            &b"SEND\na:b\nc:d\re\n\n\0"[..],
            "Lone carriage return",
            "header 2, byte 12 of the frame: a carriage return alone; a line ends in LF or CR LF",
        ),
        (
            b"\n\n\rSEND\n\n\0",
            "Lone carriage return",
            "before the command, byte 0 of the frame: a carriage return alone; a line ends in LF or CR LF",
        ),
        (
            b"SEND\0",
            "NUL in headers",
            "command, byte 4 of the frame: a NUL; before it, an empty line has to end the headers",
        ),
        (
            b"SEND\na:b\0\n\n\0",
            "NUL in headers",
            "header 1, byte 8 of the frame: a NUL; before it, an empty line has to end the headers",
        ),
        (
            b"SEND\na:b\n\xff:\n\n\0",
            "Headers are not UTF-8",
            "header 2, byte 9 of the frame: not UTF-8, which commands and headers have to be",
        ),
        (
            b"SE\xc3\nND\n\n\0",
            "Headers are not UTF-8",
            "command, byte 2 of the frame: not UTF-8, which commands and headers have to be",
        ),
        (
            b"SEND\nhello\n\n\0",
            "Malformed header",
            "header 1, byte 5 of the frame: no colon; a header is name:value, and an empty line ends the headers",
        ),
        (
            b"SEND\n:b\n\n\0",
            "Malformed header",
            "header 1, byte 5 of the frame: no name before the colon; a header is name:value",
        ),
        (
            b"SEND\na:b\\t\n\n\0",
            "Unknown escape",
            r"header 1, byte 8 of the frame: a backslash that begins no escape; STOMP 1.2 has \r \n \c \\",
        ),
        (
            b"SEND\na:\ncontent-length:one\n\n\0",
            "Malformed content-length",
            "header 2, byte 8 of the frame: content-length \"one\"; it has to be the body's length in bytes, in digits alone",
        ),
        (
            b"SEND\ncontent-length:3\n\nabcd\0",
            "Wrong content-length",
            "body, byte 26 of the frame: byte 0x64; content-length says 3, and a NUL has to stand behind as many bytes",
        ),
        (
            b"THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG",
            "Command too long",
            "command, byte 32 of the frame: no line end; a STOMP frame begins with a command of at most 32 bytes",
        ),
    ] {
        let fault = fault(Version::V1_2, stream);
        assert_eq!((fault.message(), &*fault.to_string()), (message, words));
        assert_eq!((fault.reason(), fault.reason().close_code()), (Reason::ProtocolError, 1002));
    }
    let fault = fault(Version::V1_1, b"SEND\na:\\\n\n\0");
    assert!(fault.to_string().ends_with(r"STOMP 1.1 has \n \c \\"), "{fault}");
}

#[test]
fn what_is_too_much() {
    let limits = Limits { headers: 2, line_bytes: 20, head_bytes: 30, body_bytes: 10, first_bytes: 25 };
    for (stream, message, words) in [
        (
            &b"SEND\na:\nb:\nc:\n\n\0"[..],
            "Too many headers",
            "header 3, byte 11 of the frame: one header too many; a frame may have 2",
        ),
        (
            b"SEND\na:0123456789012345678\n",
            "Header too long",
            "header 1, byte 25 of the frame: a header too long; it may have 20 bytes",
        ),
        (
            b"SEND\na:012345678901234\nb:0123456\n",
            "Headers too long",
            "header 2, byte 30 of the frame: headers too long; with the command they may have 30 bytes",
        ),
        (
            b"SEND\n\n01234567890\0",
            "Body too long",
            "body, byte 16 of the frame: a body too long; it may have 10 bytes",
        ),
    ] {
        let fault = fault_within(Version::V1_2, limits, stream);
        assert_eq!((fault.message(), &*fault.to_string()), (message, words));
        assert_eq!((fault.reason(), fault.reason().close_code()), (Reason::TooLarge, 1009));
    }
    let (_, fault) = heard(Parser::new(limits), [&b"CONNECT\na:01234567890123\n\n\0"[..]]);
    let fault = fault.expect("a fault");
    assert_eq!(fault.message(), "Frame too long before login");
    assert_eq!(
        fault.to_string(),
        "header 2, byte 25 of the frame: a frame too long; before login it may have 25 bytes, headers included"
    );
    assert_eq!(fault.reason(), Reason::TooLarge);
}

#[test]
fn lengths_that_are_none() {
    for length in ["", "-1", "+1", "0x1", "1.0", "1e3", " 1", "1 ", "1,1", "one", "\u{661}", "\\n1"] {
        for version in [Version::V1_1, Version::V1_2] {
            let stream = format!("SEND\ncontent-length:{length}\n\na\0");
            let fault = fault(version, stream.as_bytes());
            assert!(matches!(fault.flaw, Flaw::ContentLength(_)), "{length:?}: {fault}");
            assert_eq!((fault.place, fault.offset), (Place::Header(1), 5));
        }
    }
    let stream = format!("ACK\ncontent-length:{}\n\n\0", "é".repeat(100));
    let fault = fault(Version::V1_0, stream.as_bytes());
    assert_eq!(fault.flaw, Flaw::ContentLength("é".repeat(20)), "it is shortened");
}

#[test]
fn lengths_that_are_wrong() {
    for (length, stream, byte, offset) in [
        (0, &b"SEND\ncontent-length:0\n\na\0"[..], b'a', 23),
        (3, b"SEND\ncontent-length:3\n\nab\0BEGIN\n\n\0", b'B', 26),
        (4, b"SEND\ncontent-length:4\n\nab\0\nBEGIN\n\n\0", b'B', 27),
    ] {
        let fault = fault(Version::V1_2, stream);
        let expected = Fault { flaw: Flaw::NoNul { length, byte }, place: Place::Body, offset };
        assert_eq!(fault, expected);
    }
    // Too long a length swallows what comes, until it fits or does not.
    let (events, fault) = heard(parser(Version::V1_2), [&b"SEND\ncontent-length:9\n\nab\0BEGIN"[..]]);
    assert_eq!((events, fault), (vec![], None));
}

#[test]
fn a_missing_nul_makes_one_frame_of_two() {
    let stream = b"SEND\n\nfirst\nSEND\n\nsecond\0";
    assert_eq!(read(Version::V1_2, stream), ["SEND|\"first\\nSEND\\n\\nsecond\""]);
    let mut parser = parser(Version::V1_2);
    assert_eq!(parser.next(&mut &stream[..10]), Ok(None));
    assert_eq!((parser.is_within(), parser.kept_bytes()), (true, 10));
}

#[test]
fn bombs() {
    // Headers without end, in number, in length, and in lines that are half there.
    let many = format!("SEND\n{}", "a:\n".repeat(1 << 18));
    assert_eq!(fault(Version::V1_2, many.as_bytes()).flaw, Flaw::TooManyHeaders(64));
    let long = format!("SEND\na:{}", "\\\\".repeat(1 << 18));
    assert_eq!(fault(Version::V1_2, long.as_bytes()).flaw, Flaw::LineTooLong(8192));
    let thick = format!("SEND\n{}", format!("a:{}\n", "x".repeat(8000)).repeat(64));
    assert_eq!(fault(Version::V1_2, thick.as_bytes()).flaw, Flaw::HeadTooLong(65_536));
    let body = format!("SEND\n\n{}", "x".repeat((1 << 20) + 1));
    assert_eq!(fault(Version::V1_2, body.as_bytes()).flaw, Flaw::BodyTooLong(1 << 20));
    let (_, fault) = heard(Parser::new(Limits::default()), [body.as_bytes()]);
    assert_eq!(fault.expect("a fault").flaw, Flaw::FirstTooLong(65_536));
    // Pulses and NULs keep nothing, however many.
    let nothing = "\0".repeat(1 << 20);
    assert_eq!(read(Version::V1_2, nothing.as_bytes()), [""; 0]);
    let pulses = "\n".repeat(1 << 16);
    assert_eq!(read(Version::V1_2, pulses.as_bytes()).len(), 1 << 16);
}

#[test]
fn headers_cannot_be_smuggled_in() {
    // What a client of 1.2 may say is passed on to one of 1.0, and to one in JavaScript, which trims names.
    let value = "x\ncontent-length:0\n\n\0ERROR\n\n\0";
    let headers = [
        ("a", value),
        ("content-length\n", "0"),
        ("content-length", "0"),
        (" content-length\u{feff}", "0"),
        ("b\n\n", ""),
    ];
    for version in Version::ALL {
        let mut out = Vec::new();
        write_frame(version, &Command::Message, headers, b"body", &mut out);
        let mut parser = parser(version);
        let mut input = &out[..];
        let Ok(Some(Event::Frame(frame))) = parser.next(&mut input) else { panic!("a frame") };
        assert_eq!((&*frame.body, input), (&b"body"[..], &b""[..]));
        let names: Vec<_> = frame.headers.iter().map(|(name, _)| &**name).collect();
        let expected: &[&str] = if version == Version::V1_0 {
            &["a", "content-length"]
        } else {
            &["a", "b\n\n", "content-length"]
        };
        assert_eq!((names, frame.header("content-length")), (expected.to_vec(), Some("4")));
    }
}
