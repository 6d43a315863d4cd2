//! The frames of a response, which comes in pieces of any size.

use std::borrow::Cow;

use super::super::super::event_stream::EventStream;
use super::SockJsClientTransport as Transport;

/// What has come of a response, and is no whole frame yet.
#[derive(Debug)]
pub(super) enum Reading {
    /// A frame is a line.
    Lines { line: Vec<u8>, limit: usize },
    /// A frame is the data of an event.
    Events { stream: Box<EventStream>, limit: usize },
}

/// Why no frame can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("a frame has more than the {0} bytes that one may have")]
    TooLong(usize),
    #[error("a frame is not UTF-8")]
    NoText,
}

impl Reading {
    /// A response of this transport's, none of whose frames may have more bytes than `limit`. What is kept has no more.
    pub(super) fn of(transport: Transport, limit: usize) -> Self {
        if transport == Transport::EventSource {
            Self::Events { stream: Box::new(EventStream::new(limit)), limit }
        } else {
            Self::Lines { line: Vec::new(), limit }
        }
    }

    /// The frames that these bytes complete, and what is wrong with the one after them.
    pub(super) fn read(&mut self, bytes: &[u8]) -> (Vec<String>, Result<(), Unreadable>) {
        let mut frames = Vec::new();
        let read = match self {
            Self::Lines { line, limit } => lines(line, *limit, bytes, &mut frames),
            Self::Events { stream, limit } => {
                let read = stream.read(bytes, |event| {
                    if event.name == "message" {
                        frames.push(unescaped(&event.data).into_owned());
                    }
                });
                read.map_err(|_| Unreadable::TooLong(*limit))
            }
        };
        (frames, read)
    }

    /// Whether a frame has begun that has not ended.
    pub(super) fn is_within_frame(&self) -> bool {
        match self {
            Self::Lines { line, .. } => !line.is_empty(),
            Self::Events { stream, .. } => stream.is_within_event(),
        }
    }
}

fn lines(line: &mut Vec<u8>, limit: usize, bytes: &[u8], frames: &mut Vec<String>) -> Result<(), Unreadable> {
    let mut rest = bytes;
    loop {
        let end = memchr::memchr(b'\n', rest);
        let more = &rest[..end.unwrap_or(rest.len())];
        if line.len() + more.len() > limit {
            return Err(Unreadable::TooLong(limit));
        }
        line.extend_from_slice(more);
        let Some(end) = end else { return Ok(()) };
        rest = &rest[end + 1..];
        let frame = String::from_utf8(std::mem::take(line)).map_err(|_| Unreadable::NoText)?;
        if !frame.is_empty() {
            frames.push(frame);
        }
    }
}

/// As JavaScript's `decodeURI` reads it, with which official clients read events: escapes of what means something in an
/// address stay. What could be no escape, or none of text, is left as it is: not every server escapes, Spring does not.
fn unescaped(data: &str) -> Cow<'_, str> {
    const STAYS: &[u8] = b"#$&+,/:;=?@";
    if !data.contains('%') {
        return Cow::Borrowed(data);
    }
    let mut decoded = Vec::with_capacity(data.len());
    let mut rest = data.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = (*first == b'%').then(|| byte_of(behind)).flatten();
        if let Some(byte) = escaped.filter(|byte| !STAYS.contains(byte)) {
            decoded.push(byte);
            rest = &behind[2..];
        } else {
            decoded.push(*first);
            rest = behind;
        }
    }
    String::from_utf8(decoded).map_or(Cow::Borrowed(data), Cow::Owned)
}

/// The byte that two digits spell.
fn byte_of(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reading: &mut Reading, pieces: &[&[u8]]) -> Vec<String> {
        let mut all = Vec::new();
        for piece in pieces {
            let (frames, read) = reading.read(piece);
            all.extend(frames);
            if let Err(error) = read {
                all.push(error.to_string());
                break;
            }
        }
        all
    }

    #[test]
    fn lines_wherever_their_pieces_end() {
        let text = "hhhh\n\no\na[\"é\"]\n😀\nunfinished".as_bytes();
        let frames = ["hhhh", "o", "a[\"é\"]", "😀"];
        for size in 1..=text.len() {
            let mut reading = Reading::of(Transport::Streaming, 10);
            let pieces: Vec<_> = text.chunks(size).collect();
            assert_eq!(read(&mut reading, &pieces), frames, "{size}");
            assert!(reading.is_within_frame());
        }
        assert!(!Reading::of(Transport::Polling, 10).is_within_frame());
    }

    #[test]
    fn lines_that_are_none() {
        let lines = |pieces: &[&[u8]]| read(&mut Reading::of(Transport::Polling, 4), pieces);
        let too_long = "a frame has more than the 4 bytes that one may have";
        assert_eq!(lines(&[b"1234\n12345"]), ["1234", too_long]);
        assert_eq!(lines(&[b"o\n12", b"34", b"5"]), ["o", too_long]);
        assert_eq!(lines(&[b"o\n\xc3", b"\n"]), ["o", "a frame is not UTF-8"]);
        // Half a character may come at the end of a piece, not of a line.
        assert_eq!(lines(&[b"\xc3", b"\xa9\n"]), ["é"]);
    }

    #[test]
    fn events_and_their_escapes() {
        let text = "\r\ndata: o\r\n\r\n: comment\ndata: a[\"5 %25 %0A\"]\r\n\r\nevent: x\ndata: h\n\n";
        for size in 1..=text.len() {
            let mut reading = Reading::of(Transport::EventSource, 40);
            let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
            assert_eq!(read(&mut reading, &pieces), ["o", "a[\"5 % \n\"]"], "{size}");
            assert!(!reading.is_within_frame());
            assert_eq!(reading.read(b"data: a"), (vec![], Ok(())));
            assert!(reading.is_within_frame());
            assert_eq!(reading.read(b"\n"), (vec![], Ok(())));
            assert!(reading.is_within_frame());
            assert_eq!(reading.read(b"\n"), (vec!["a".to_owned()], Ok(())));
            assert!(!reading.is_within_frame());
        }
        let mut events = Reading::of(Transport::EventSource, 10);
        let too_long = "a frame has more than the 10 bytes that one may have";
        assert_eq!(read(&mut events, &[b"data:o\n\n", b"data: 12345"]), ["o", too_long]);
    }

    #[test]
    fn escapes_are_read_as_official_clients_read_them() {
        for (data, expected) in [
            ("%25%0D%0a%00", "%\r\n\0"),
            ("%2525", "%25"),
            ("%C3%A9 %41", "é A"),
            ("%2F%3f%23%40", "%2F%3f%23%40"),
            // Of servers that do not escape.
            ("100 %", "100 %"),
            ("%4", "%4"),
            ("%zz%+1%", "%zz%+1%"),
            ("%é%%25", "%é%%"),
            ("%ff%25", "%ff%25"),
        ] {
            assert_eq!(unescaped(data), expected, "{data}");
        }
    }
}
