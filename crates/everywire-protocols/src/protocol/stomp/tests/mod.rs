//! Frames: read whatever the pieces they come in, and written for each version.

mod client;
mod escapes;
mod golden;
mod hostile;
mod limits;
mod machine;
mod pair;
mod properties;
mod torn;
mod versions;
mod writing;

use super::*;

/// All that a stream has in it that came in these pieces, in words, and the fault that ended it, if one did.
fn heard<'a>(mut parser: Parser, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, Option<Fault>) {
    let mut shown = Vec::new();
    for mut piece in pieces {
        loop {
            match parser.next(&mut piece) {
                Ok(Some(event)) => shown.push(show(&event)),
                Ok(None) => break,
                Err(fault) => {
                    assert_eq!(parser.next(&mut piece), Err(fault.clone()), "it stays");
                    assert_eq!((parser.is_within(), parser.kept_bytes()), (false, 0), "nothing is kept");
                    return (shown, Some(fault));
                }
            }
        }
        assert!(piece.is_empty(), "what is not a frame yet is kept");
    }
    (shown, None)
}

/// A frame as `COMMAND|name=value|...|"body"`.
fn show(event: &Event<'_>) -> String {
    let Event::Frame(frame) = event else { return "pulse".to_owned() };
    let headers = frame.headers.iter().map(|(name, value)| format!("|{name}={value}"));
    let body = frame.body.escape_ascii();
    format!("{}{}|\"{body}\"", frame.command.as_str(), headers.collect::<String>())
}

/// For a peer that is logged in.
fn parser(version: Version) -> Parser {
    parser_within(version, Limits::default())
}

fn parser_within(version: Version, limits: Limits) -> Parser {
    let mut parser = Parser::new(limits);
    parser.switch(version);
    parser.log_in();
    parser
}

/// What a stream of so many bytes has in it, in one piece, without a fault.
fn read(version: Version, stream: &[u8]) -> Vec<String> {
    let (events, fault) = heard(parser(version), [stream]);
    assert_eq!(fault, None, "{}", stream.escape_ascii());
    events
}

/// The fault of a stream, in one piece and byte by byte.
fn fault(version: Version, stream: &[u8]) -> Fault {
    fault_within(version, Limits::default(), stream)
}

fn fault_within(version: Version, limits: Limits, stream: &[u8]) -> Fault {
    let whole = heard(parser_within(version, limits), [stream]);
    assert_eq!(heard(parser_within(version, limits), stream.chunks(1)), whole, "byte by byte");
    whole.1.unwrap_or_else(|| panic!("a fault in {}", stream.escape_ascii()))
}

/// A frame as it is written.
fn written(version: Version, command: &Command<'_>, headers: &[(&str, &str)], body: &[u8]) -> String {
    let mut out = Vec::new();
    write_frame(version, command, headers.iter().copied(), body, &mut out);
    out.escape_ascii().to_string().replace("\\\\", "\\")
}
