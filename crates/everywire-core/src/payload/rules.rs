//! Watches over the rules of a payload while `serde_json` writes one: a hook of its formatter costs less than a scan of
//! what was written.

use std::io;

use bytes::Bytes;
use serde_json::ser::Formatter;

use super::json::RawJson;
use super::scan::PLACEHOLDER_NAME;
use super::{MAX_ARGUMENT_DEPTH, MAX_ATTACHMENTS, PayloadError, clean, placeholder};

/// What was written so far, as far as the rules ask for it.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) attachments: Vec<Bytes>,
    /// How many arrays and objects are open.
    depth: u32,
    /// Whether a member's name is being written.
    in_name: bool,
    /// Whether an object had a member named `_placeholder`.
    pub(super) placeholder_names: bool,
    /// Why writing was given up.
    fault: Option<PayloadError>,
}

impl Rules {
    #[cold]
    fn give_up(&mut self, fault: PayloadError) -> io::Error {
        self.fault = Some(fault);
        io::ErrorKind::InvalidData.into()
    }

    /// What a failure of `serde_json` was about.
    #[cold]
    pub(super) fn why(&mut self, error: &serde_json::Error) -> PayloadError {
        self.fault.take().unwrap_or_else(|| PayloadError::Serialize(error.to_string()))
    }

    #[inline]
    fn enter(&mut self) -> io::Result<()> {
        self.depth += 1;
        if self.depth > MAX_ARGUMENT_DEPTH { Err(self.give_up(PayloadError::Depth)) } else { Ok(()) }
    }

    fn attach(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let num = self.attachments.len();
        if num == MAX_ATTACHMENTS {
            return Err(self.give_up(PayloadError::TooManyAttachments { given: num + 1 }));
        }
        self.attachments.push(Bytes::copy_from_slice(bytes));
        Ok(num)
    }
}

/// `serde_json`'s compact form under our rules.
pub(super) struct Checked<'r>(pub(super) &'r mut Rules);

impl Formatter for Checked<'_> {
    fn write_byte_array<W: io::Write + ?Sized>(&mut self, out: &mut W, bytes: &[u8]) -> io::Result<()> {
        let num = self.0.attach(bytes)?;
        placeholder::write(&mut &mut *out, num)
    }

    #[inline]
    fn begin_array<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.enter()?;
        out.write_all(b"[")
    }

    #[inline]
    fn end_array<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.depth -= 1;
        out.write_all(b"]")
    }

    #[inline]
    fn begin_object<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.enter()?;
        out.write_all(b"{")
    }

    #[inline]
    fn end_object<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.depth -= 1;
        out.write_all(b"}")
    }

    #[inline]
    fn begin_object_key<W: io::Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.in_name = true;
        if first { Ok(()) } else { out.write_all(b",") }
    }

    #[inline]
    fn end_object_key<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.in_name = false;
        Ok(())
    }

    #[inline]
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if self.0.in_name && fragment == PLACEHOLDER_NAME {
            self.0.placeholder_names = true;
        }
        out.write_all(fragment.as_bytes())
    }

    /// A `RawValue`, which nobody has checked but for being JSON.
    fn write_raw_fragment<W: io::Write + ?Sized>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let raw = RawJson::parse(fragment).map_err(|fault| self.0.give_up(fault.into()))?;
        let found = raw.findings();
        if self.0.depth + found.depth > MAX_ARGUMENT_DEPTH {
            return Err(self.0.give_up(PayloadError::Depth));
        }
        self.0.placeholder_names |= found.placeholder_names;
        out.write_all(clean::clean(raw.text(), &found).as_bytes())
    }
}
