//! Every limit, at its edge.

use everywire_core::Reason;

use super::*;

const TIGHT: Limits = Limits { headers: 3, line_bytes: 40, head_bytes: 100, body_bytes: 50, first_bytes: 90 };

/// A frame that just fits, or its fault, whatever the pieces.
fn judged(logged_in: bool, stream: &[u8]) -> Result<(), Flaw> {
    let parser = || {
        let mut parser = Parser::new(TIGHT);
        parser.switch(Version::V1_2);
        if logged_in {
            parser.log_in();
        }
        parser
    };
    let whole = heard(parser(), [stream]);
    for size in [1, 2, 7] {
        assert_eq!(heard(parser(), stream.chunks(size)), whole, "{} by {size}", stream.escape_ascii());
    }
    match whole.1 {
        None => {
            assert_eq!(whole.0.len(), 1);
            Ok(())
        }
        Some(fault) => {
            assert_eq!(whole.0, [""; 0]);
            Err(fault.flaw)
        }
    }
}

#[test]
fn the_defaults() {
    let limits = Limits::default();
    let Limits { headers, line_bytes, head_bytes, body_bytes, first_bytes } = limits;
    assert_eq!((headers, line_bytes, head_bytes), (64, 8192, 65_536));
    assert_eq!((body_bytes, first_bytes), (1_048_576, 65_536));
}

#[test]
fn commands() {
    for logged_in in [false, true] {
        for (command, expected) in [(COMMAND_BYTES, Ok(())), (COMMAND_BYTES + 1, Err(Flaw::CommandTooLong))] {
            for end in ["\n", "\r\n"] {
                let stream = format!("{}{end}{end}\0", "C".repeat(command));
                assert_eq!(judged(logged_in, stream.as_bytes()), expected);
            }
        }
    }
    // Who speaks something else hears of it early.
    let fault = fault(Version::V1_2, br#"{"type":"connection_init","payload":{}}"#);
    assert_eq!((fault.flaw.clone(), fault.offset), (Flaw::CommandTooLong, 32));
    assert_eq!(fault.reason(), Reason::ProtocolError);
}

#[test]
fn header_lines() {
    for logged_in in [false, true] {
        for (line, expected) in [(40, Ok(())), (41, Err(Flaw::LineTooLong(40)))] {
            for end in ["\n", "\r\n"] {
                let stream = format!("SEND\na:{}{end}\n\0", "x".repeat(line - 2));
                assert_eq!(judged(logged_in, stream.as_bytes()), expected, "{line} {end:?}");
            }
        }
    }
}

#[test]
fn counts_of_headers() {
    for logged_in in [false, true] {
        for (name, headers, expected) in [
            ("a", 3, Ok(())),
            ("a", 4, Err(Flaw::TooManyHeaders(3))),
            ("bc", 4, Err(Flaw::TooManyHeaders(3))),
        ] {
            let lines = name.chars().cycle().map(|char| format!("{char}:\n")).take(headers);
            let stream = format!("SEND\n{}\n\0", lines.collect::<String>());
            assert_eq!(judged(logged_in, stream.as_bytes()), expected, "repeated ones count");
        }
    }
}

#[test]
fn heads() {
    // "SEND\n" and the empty line have 6 bytes; each of three lines has 3 and its value.
    let head = |bytes: usize| {
        let last = bytes - 6 - 2 * 33 - 3;
        let line = |name, value| format!("{name}:{}\n", "x".repeat(value));
        format!("SEND\n{}{}{}\n\0", line("a", 30), line("b", 30), line("c", last))
    };
    assert_eq!(head(100).len(), 101, "and the NUL");
    assert_eq!(judged(true, head(100).as_bytes()), Ok(()));
    for longer in 101..108 {
        assert_eq!(judged(true, head(longer).as_bytes()), Err(Flaw::HeadTooLong(100)), "{longer}");
    }
    assert_eq!(judged(true, head(100).replace("\n\n", "\n\r\n").as_bytes()), Err(Flaw::HeadTooLong(100)));
    assert_eq!(judged(false, head(90).as_bytes()), Ok(()));
    assert_eq!(judged(false, head(91).as_bytes()), Err(Flaw::FirstTooLong(90)));
}

#[test]
fn bodies() {
    for length in ["", "content-length:N\n"] {
        let frame =
            |body: usize| format!("SEND\n{}\n{}\0", length.replace('N', &body.to_string()), "x".repeat(body));
        assert_eq!(judged(true, frame(50).as_bytes()), Ok(()));
        assert_eq!(judged(true, frame(51).as_bytes()), Err(Flaw::BodyTooLong(50)));
        // The body has its limit before login too.
        assert_eq!(judged(false, frame(50).as_bytes()), Ok(()));
        assert_eq!(judged(false, frame(51).as_bytes()), Err(Flaw::BodyTooLong(50)));
    }
}

#[test]
fn frames_before_login() {
    for length in ["", "content-length:N\n"] {
        let frame = |body: usize| {
            // A head of 50 bytes.
            let head = format!("SEND\n{}a:0123456789\nb:", length.replace('N', &body.to_string()));
            let value = "x".repeat(50 - 2 - head.len());
            format!("{head}{value}\n\n{}\0", "x".repeat(body))
        };
        assert_eq!(frame(40).len(), 90 + 1, "and the NUL");
        for (logged_in, body, expected) in [
            (false, 40, Ok(())),
            (false, 41, Err(Flaw::FirstTooLong(90))),
            (true, 41, Ok(())),
            (true, 51, Err(Flaw::BodyTooLong(50))),
        ] {
            assert_eq!(judged(logged_in, frame(body).as_bytes()), expected, "{body}");
        }
    }
}

#[test]
fn a_length_above_the_limit_is_refused_before_the_body_comes() {
    for length in ["51", "4294967296", "18446744073709551616", &"9".repeat(24)] {
        let stream = format!("SEND\na:\ncontent-length:{length}\n\n");
        let fault = fault_within(Version::V1_2, TIGHT, stream.as_bytes());
        assert_eq!(fault, Fault { flaw: Flaw::BodyTooLong(50), place: Place::Header(2), offset: 8 });
    }
    let stream = format!("SEND\ncontent-length:{}5\n\n12345\0", "0".repeat(20));
    assert_eq!(judged(true, stream.as_bytes()), Ok(()), "zeros in front make it no greater");
}

#[test]
fn whose_limit_is_passed_first() {
    // Lines of 40, heads of 45: the line's limit is passed first, or at once, or the head's is.
    for (limit, expected) in
        [(46, Flaw::LineTooLong(40)), (45, Flaw::LineTooLong(40)), (44, Flaw::HeadTooLong(44))]
    {
        let stream = format!("SEND\n{}", "x".repeat(60));
        let limits = Limits { head_bytes: limit, ..TIGHT };
        assert_eq!(fault_within(Version::V1_2, limits, stream.as_bytes()).flaw, expected);
    }
}
