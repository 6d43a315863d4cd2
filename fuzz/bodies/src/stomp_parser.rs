//! STOMP's parser: whatever a peer sends, in whatever pieces, it makes the same of it; and what it has read can be written and
//! read again, for a receiver of each version.

use everywire_protocols::protocol::stomp::{Command, Event, Frame, Limits, Parser, Version, kind};
use everywire_protocols::seam::Kind;

/// Small, so that a fuzzer reaches them.
const TIGHT: Limits =
    Limits { headers: 6, line_bytes: 60, head_bytes: 150, body_bytes: 100, first_bytes: 120 };

/// For what has been read once, and is read again: with one header more, and escapes that it may not have had.
const WIDE: Limits = Limits {
    headers: usize::MAX,
    line_bytes: usize::MAX,
    head_bytes: usize::MAX,
    body_bytes: usize::MAX,
    first_bytes: usize::MAX,
};

/// The first byte chooses version, login and limits, the second the size of the pieces; the rest is the stream. A CONNECT
/// that has a version in common with us changes both version and login, as on a server.
pub fn stomp_parser(data: &[u8]) {
    let [settings, size, stream @ ..] = data else { return };
    let whole = read(*settings, [stream]);
    assert_eq!(read(*settings, stream.chunks(usize::from(*size).max(1))), whole, "in pieces of {size} bytes");
}

/// What it makes of a stream, in words.
fn read<'a>(settings: u8, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let limits = if settings & 8 == 0 { Limits::default() } else { TIGHT };
    let mut parser = Parser::new(limits);
    parser.switch(Version::ALL[usize::from(settings & 3) % Version::ALL.len()]);
    if settings & 4 != 0 {
        parser.log_in();
    }
    let mut words = Vec::new();
    for mut piece in pieces {
        let before = parser.kept_bytes();
        let length = piece.len();
        loop {
            match parser.next(&mut piece) {
                Ok(Some(Event::Pulse)) => words.push("pulse".to_owned()),
                Ok(Some(Event::Frame(frame))) => {
                    words.push(format!("{frame:?}"));
                    go_on(&mut parser, &frame);
                }
                Ok(None) => break,
                Err(fault) => {
                    assert!(matches!(fault.reason().close_code(), 1002 | 1009));
                    words.push(format!("{}: {fault}", fault.message()));
                    return words;
                }
            }
        }
        assert!(piece.is_empty(), "what is not a frame yet is kept");
        assert!(parser.kept_bytes() <= before + length, "and no more than came");
        assert_eq!(parser.is_within(), parser.kept_bytes() > 0);
    }
    words
}

fn go_on(parser: &mut Parser, frame: &Frame<'_>) {
    for version in Version::ALL {
        rewrite(frame, version);
    }
    if matches!(frame.command, Command::Connect | Command::Stomp)
        && let Some(version) = Version::agree(frame.header("accept-version"))
    {
        parser.switch(version);
        parser.log_in();
    }
}

/// Writes it for a receiver of this version, who has to understand one frame; and writing that again changes nothing, but
/// for blanks before values, which 1.0 does not have.
fn rewrite(frame: &Frame<'_>, version: Version) {
    let written = write(frame, version);
    let mut parser = Parser::new(WIDE);
    parser.switch(version);
    let mut input = &written[..];
    let event = parser.next(&mut input).expect("no fault").expect("a whole frame");
    assert_eq!(input, [0; 0], "and one alone");
    let Event::Frame(read) = event else { panic!("a pulse in place of a frame") };
    assert_eq!((&read.command, &read.body), (&frame.command, &frame.body));
    assert_eq!(read.header("content-length").is_some(), !read.body.is_empty());
    if version != Version::V1_0 {
        assert_eq!(write(&read, version), written);
    }
    if kind(&frame.body) == Kind::Text {
        std::str::from_utf8(&written).expect("a text");
    }
}

fn write(frame: &Frame<'_>, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    frame.append(version, &mut out);
    out
}
