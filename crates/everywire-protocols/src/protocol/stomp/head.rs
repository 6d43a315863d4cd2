//! Command and headers: lines, of which the last is empty (STOMP 1.2, section "STOMP Frames").
//!
//! Each line is judged as it ends, and a limit as it is passed, in the order of the stream: so where pieces end makes no
//! difference to what is found wrong.

use std::borrow::Cow;

use super::escapes::Escapes;
use super::fault::{Fault, Flaw, Place};
use super::frame::{Command, Headers, header, into_owned};
use super::limits::{Bounds, COMMAND_BYTES};
use super::version::Version;

/// The header that says how long the body is.
pub(super) const CONTENT_LENGTH: &str = "content-length";

/// As much of a head as has come.
#[derive(Debug)]
pub(super) struct Head<'a> {
    /// The connection's as the frame began.
    version: Version,
    command: Option<Command<'a>>,
    headers: Headers<'a>,
    /// Header lines that have ended.
    lines: usize,
    /// Bytes of all lines that have ended, ends included.
    bytes: usize,
    /// The beginning of a line that has not come whole.
    partial: Vec<u8>,
    /// Whether a carriage return behind that was the last byte of a piece.
    after_cr: bool,
    /// The first `content-length`: the number of its line, and where that begins.
    length_at: (usize, usize),
}

impl<'a> Head<'a> {
    pub(super) fn new(version: Version) -> Self {
        Self {
            version,
            command: None,
            headers: Headers::new(),
            lines: 0,
            bytes: 0,
            partial: Vec::new(),
            after_cr: false,
            length_at: (0, 0),
        }
    }

    /// Reads on, up to the empty line. Whether that has come.
    pub(super) fn read(&mut self, bounds: &Bounds, input: &mut &'a [u8]) -> Result<bool, Fault> {
        loop {
            let start = self.bytes;
            let Some(line) = self.line(bounds, input)? else { return Ok(false) };
            if line.is_empty() {
                self.trim();
                return Ok(true);
            }
            match line {
                Cow::Borrowed(line) => self.take(bounds, start, line, |text| text)?,
                Cow::Owned(line) => self.take(bounds, start, &line, |text| Cow::Owned(text.into_owned()))?,
            }
        }
    }

    /// The next line that is whole, without its end.
    fn line(&mut self, bounds: &Bounds, input: &mut &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, Fault> {
        if self.after_cr {
            match input.split_first() {
                None => return Ok(None),
                Some((b'\n', rest)) => *input = rest,
                Some(_) => return Err(self.fault(Flaw::LoneCr, self.bytes + self.partial.len())),
            }
            self.after_cr = false;
            let line = std::mem::take(&mut self.partial);
            self.ended(bounds, line.len(), 2)?;
            return Ok(Some(Cow::Owned(line)));
        }
        let end = memchr::memchr3(b'\n', b'\r', 0, input);
        let came = self.partial.len() + end.unwrap_or(input.len());
        self.fits(bounds, came)?;
        let after = match end.map(|end| (end, &input[end..])) {
            Some((_, [b'\n', ..])) => 1,
            Some((_, [b'\r', b'\n', ..])) => 2,
            Some((_, [0, ..])) => return Err(self.fault(Flaw::NulInHead, self.bytes + came)),
            Some((_, [_, _, ..])) => return Err(self.fault(Flaw::LoneCr, self.bytes + came)),
            // Nothing of the line's end, or half of it.
            half => {
                self.after_cr = half.is_some();
                self.partial.extend_from_slice(&input[..end.unwrap_or(input.len())]);
                *input = &[];
                return Ok(None);
            }
        };
        let (line, rest) = input.split_at(came - self.partial.len());
        *input = &rest[after..];
        self.ended(bounds, came, after)?;
        if self.partial.is_empty() {
            return Ok(Some(Cow::Borrowed(line)));
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(line);
        Ok(Some(Cow::Owned(whole)))
    }

    /// Whether a line may have so many bytes.
    fn fits(&self, bounds: &Bounds, came: usize) -> Result<(), Fault> {
        let (line, flaw) = match self.command {
            None => (COMMAND_BYTES, Flaw::CommandTooLong),
            Some(_) => (bounds.limits.line_bytes, Flaw::LineTooLong(bounds.limits.line_bytes)),
        };
        let (head, too_long) = bounds.head();
        let left = head.saturating_sub(self.bytes);
        // Whichever is passed first.
        match came {
            _ if came > line && line <= left => Err(self.fault(flaw, self.bytes + line)),
            _ if came > left => Err(self.fault(too_long, head)),
            _ => Ok(()),
        }
    }

    fn ended(&mut self, bounds: &Bounds, line: usize, end: usize) -> Result<(), Fault> {
        let (head, too_long) = bounds.head();
        if self.bytes + line + end > head {
            return Err(self.fault(too_long, head));
        }
        self.bytes += line + end;
        Ok(())
    }

    /// Takes a line that began there; `own` makes what is kept of it outlive it.
    fn take<'l>(
        &mut self,
        bounds: &Bounds,
        start: usize,
        line: &'l [u8],
        own: impl Fn(Cow<'l, str>) -> Cow<'a, str>,
    ) -> Result<(), Fault> {
        let most = bounds.limits.headers;
        if self.command.is_some() && self.lines == most {
            return Err(self.fault(Flaw::TooManyHeaders(most), start));
        }
        let line = std::str::from_utf8(line)
            .map_err(|error| self.fault(Flaw::NotUtf8, start + error.valid_up_to()))?;
        let Some(command) = &self.command else {
            self.command = Some(match own(Cow::Borrowed(line)) {
                Cow::Borrowed(name) => Command::named(name),
                Cow::Owned(name) => Command::named(&name).into_static(),
            });
            return Ok(());
        };
        let (name, value) = line.split_once(':').ok_or_else(|| self.fault(Flaw::NoColon, start))?;
        if name.is_empty() {
            return Err(self.fault(Flaw::NoName, start));
        }
        let escapes = Escapes::of(command, self.version);
        let read = |text: &'l str, start| {
            escapes.read(text).map_err(|at| self.fault(Flaw::Escape(self.version), start + at))
        };
        let (value_start, name) = (start + name.len() + 1, read(name, start)?);
        let value = read(value, value_start)?;
        self.lines += 1;
        // One by one, for there are few.
        if header(&self.headers, &name).is_none() {
            if name == CONTENT_LENGTH {
                self.length_at = (self.lines, start);
            }
            self.headers.push((own(name), own(value)));
        }
        Ok(())
    }

    /// Peers of 1.0 pad values in front; in later versions blanks count. Of the frames by which versions are agreed on, it
    /// is said by themselves.
    fn trim(&mut self) {
        let of = |name| Version::agree(header(&self.headers, name));
        let version = match self.command {
            Some(Command::Connect | Command::Stomp) => of("accept-version"),
            Some(Command::Connected) => of("version"),
            _ => Some(self.version),
        };
        if version != Some(Version::V1_0) {
            return;
        }
        for (_, value) in &mut self.headers {
            let blanks = value.len() - value.trim_start_matches([' ', '\t']).len();
            match value {
                Cow::Borrowed(value) => *value = &value[blanks..],
                Cow::Owned(value) => drop(value.drain(..blanks)),
            }
        }
    }

    /// How long the body is, if the head says so, within the limit.
    pub(super) fn content_length(&self, bounds: &Bounds) -> Result<Option<usize>, Fault> {
        /// Bytes of a value that a fault repeats.
        const SHOWN: usize = 20;
        let Some(value) = header(&self.headers, CONTENT_LENGTH) else { return Ok(None) };
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            let shown = value.chars().take(SHOWN).collect();
            let (line, offset) = self.length_at;
            return Err(Fault { flaw: Flaw::ContentLength(shown), place: Place::Header(line), offset });
        }
        let digit = |length: usize, byte| length.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
        let length = value.bytes().fold(0, digit);
        let (limit, flaw) = bounds.body(self.bytes);
        if length > limit {
            let (line, offset) = self.length_at;
            return Err(Fault { flaw, place: Place::Header(line), offset });
        }
        Ok(Some(length))
    }

    /// Bytes of the lines that have ended: of the whole head, once it has.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that have come.
    pub(super) fn came(&self) -> usize {
        self.bytes + self.partial.len() + usize::from(self.after_cr)
    }

    /// What a head that has ended says. None if not even its command has.
    pub(super) fn into_parts(self) -> Option<(Command<'a>, Headers<'a>)> {
        Some((self.command?, self.headers))
    }

    /// The same, with bytes of its own.
    pub(super) fn into_owned<'b>(self) -> Head<'b> {
        Head {
            version: self.version,
            command: self.command.map(Command::into_static),
            headers: into_owned(self.headers),
            lines: self.lines,
            bytes: self.bytes,
            partial: self.partial,
            after_cr: self.after_cr,
            length_at: self.length_at,
        }
    }

    /// What is wrong with the line that has not been taken yet.
    fn fault(&self, flaw: Flaw, offset: usize) -> Fault {
        let place = if self.command.is_some() { Place::Header(self.lines + 1) } else { Place::Command };
        Fault { flaw, place, offset }
    }
}
