//! Where frames begin and end.
//!
//! A peer writes a stream of bytes: several frames may come in one message, and one in several, text or binary. What lies
//! whole in one piece is handed out as it lies there; only what is incomplete is kept. Memory grows by what came, never by a
//! length that the peer wrote.

use std::borrow::Cow;

use super::fault::{Fault, Flaw, Place};
use super::frame::{Event, Frame};
use super::head::Head;
use super::limits::{Bounds, Limits};
use super::version::Version;

/// Turns a stream of bytes into frames. Where pieces end makes no difference.
///
/// ```
/// use everywire_protocols::protocol::stomp::{Command, Event, Limits, Parser, Version};
///
/// let mut parser = Parser::new(Limits::default());
/// let mut input = &b"CONNECT\naccept-version:1.1,1.2\n\n\0\nSEND\ndest"[..];
/// let Ok(Some(Event::Frame(frame))) = parser.next(&mut input) else { panic!("a frame") };
/// assert_eq!(frame.command, Command::Connect);
/// let version = Version::agree(frame.header("accept-version")).expect("1.2 is common");
/// parser.switch(version);
/// parser.log_in();
/// assert_eq!(parser.next(&mut input), Ok(Some(Event::Pulse)));
/// assert_eq!(parser.next(&mut input), Ok(None));
/// let mut input = &b"ination:/topic/a\\c1\n\nHello\0"[..];
/// let Ok(Some(Event::Frame(frame))) = parser.next(&mut input) else { panic!("a frame") };
/// assert_eq!((frame.header("destination"), &*frame.body), (Some("/topic/a:1"), &b"Hello"[..]));
/// ```
#[derive(Debug)]
pub struct Parser {
    bounds: Bounds,
    version: Version,
    /// A frame that has begun and not ended. In a box, for most connections have none.
    unfinished: Option<Box<Unfinished<'static>>>,
    /// Whether, between frames, a carriage return was the last byte of a piece.
    after_cr: bool,
    /// What ended it.
    fault: Option<Fault>,
}

/// A frame that has begun.
#[derive(Debug)]
enum Unfinished<'a> {
    Head(Head<'a>),
    Body(Head<'a>, Body),
}

/// As much of a body as has come in earlier pieces.
#[derive(Debug)]
struct Body {
    /// By `content-length`; without it, the first NUL is the end.
    length: Option<usize>,
    came: Vec<u8>,
}

/// What stands between frames.
enum Between {
    Nothing,
    Pulse,
    Frame,
}

impl Parser {
    /// For a stream from its beginning: nobody is logged in, and version 1.0 counts.
    pub fn new(limits: Limits) -> Self {
        Self {
            bounds: Bounds { limits, logged_in: false },
            version: Version::V1_0,
            unfinished: None,
            after_cr: false,
            fault: None,
        }
    }

    /// A version has been agreed on. It counts from the next frame on: escapes and blanks depend on it.
    pub fn switch(&mut self, version: Version) {
        self.version = version;
    }

    /// The version that counts.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The peer is logged in: from now on, [`Limits::first_bytes`] does not count.
    pub fn log_in(&mut self) {
        self.bounds.logged_in = true;
    }

    /// Whether a frame has begun and not ended.
    pub fn is_within(&self) -> bool {
        self.unfinished.is_some()
    }

    /// Bytes that have come of a frame that has begun and not ended.
    pub fn kept_bytes(&self) -> usize {
        match self.unfinished.as_deref() {
            None => 0,
            Some(Unfinished::Head(head)) => head.came(),
            Some(Unfinished::Body(head, body)) => head.bytes() + body.came.len(),
        }
    }

    /// What comes next in the stream; `input` moves behind it. None if what is left has been kept for later, which is then
    /// all of it. After a fault nothing is read any more, and each call has that fault.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let next = self.go_on(input);
        self.fault = next.as_ref().err().cloned();
        next
    }

    fn go_on<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Fault> {
        let unfinished = match self.unfinished.take().map(|unfinished| *unfinished) {
            Some(Unfinished::Head(head)) => Unfinished::Head(head.into_owned()),
            Some(Unfinished::Body(head, body)) => Unfinished::Body(head.into_owned(), body),
            None => match self.between(input)? {
                Between::Nothing => return Ok(None),
                Between::Pulse => return Ok(Some(Event::Pulse)),
                Between::Frame => Unfinished::Head(Head::new(self.version)),
            },
        };
        let (head, mut body) = match unfinished {
            Unfinished::Body(head, body) => (head, body),
            Unfinished::Head(mut head) => {
                if !head.read(&self.bounds, input)? {
                    self.unfinished = Some(Box::new(Unfinished::Head(head.into_owned())));
                    return Ok(None);
                }
                let length = head.content_length(&self.bounds)?;
                (head, Body { length, came: Vec::new() })
            }
        };
        let Some(body) = body.read(&self.bounds, head.bytes(), input)? else {
            self.unfinished = Some(Box::new(Unfinished::Body(head.into_owned(), body)));
            return Ok(None);
        };
        // A head that has ended began with its command.
        let (command, headers) = head.into_parts().expect("a command");
        Ok(Some(Event::Frame(Frame { command, headers, body })))
    }

    /// Passes over NULs and one end of line.
    fn between(&mut self, input: &mut &[u8]) -> Result<Between, Fault> {
        let lone = || Fault { flaw: Flaw::LoneCr, place: Place::Between, offset: 0 };
        if self.after_cr {
            return match input.split_first() {
                None => Ok(Between::Nothing),
                Some((b'\n', rest)) => {
                    self.after_cr = false;
                    *input = rest;
                    Ok(Between::Pulse)
                }
                Some(_) => Err(lone()),
            };
        }
        let nuls = input.iter().take_while(|byte| **byte == 0).count();
        *input = &input[nuls..];
        match *input {
            [] => Ok(Between::Nothing),
            [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => {
                *input = rest;
                Ok(Between::Pulse)
            }
            [b'\r'] => {
                self.after_cr = true;
                *input = &[];
                Ok(Between::Nothing)
            }
            [b'\r', ..] => Err(lone()),
            _ => Ok(Between::Frame),
        }
    }
}

impl Body {
    /// The body, if it has come whole with the NUL behind it.
    fn read<'a>(
        &mut self,
        bounds: &Bounds,
        head: usize,
        input: &mut &'a [u8],
    ) -> Result<Option<Cow<'a, [u8]>>, Fault> {
        let fault = |flaw, offset| Fault { flaw, place: Place::Body, offset: head + offset };
        let came = self.came.len();
        let end = match self.length {
            Some(length) => match input.get(length - came) {
                Some(0) => Some(length - came),
                Some(byte) => return Err(fault(Flaw::NoNul { length, byte: *byte }, length)),
                None => None,
            },
            None => {
                let end = memchr::memchr(0, input);
                let (limit, flaw) = bounds.body(head);
                if came + end.unwrap_or(input.len()) > limit {
                    return Err(fault(flaw, limit));
                }
                end
            }
        };
        let Some(end) = end else {
            self.came.extend_from_slice(input);
            *input = &[];
            return Ok(None);
        };
        let (last, rest) = input.split_at(end);
        *input = &rest[1..];
        if self.came.is_empty() {
            return Ok(Some(Cow::Borrowed(last)));
        }
        let mut whole = std::mem::take(&mut self.came);
        whole.extend_from_slice(last);
        Ok(Some(Cow::Owned(whole)))
    }
}
