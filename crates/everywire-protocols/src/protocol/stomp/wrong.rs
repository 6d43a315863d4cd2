//! What is wrong with a frame that is one: its headers do not say what they have to.

use std::borrow::Cow;

use everywire_core::Reason;

use super::destination::NoDestination;
use super::frame::Frame;

/// What is wrong with a frame: in short, in full, and why the connection ends.
pub(super) struct Wrong {
    pub(super) message: &'static str,
    pub(super) detail: Cow<'static, str>,
    pub(super) reason: Reason,
}

/// What breaks the rules of the protocol.
pub(super) fn wrong(message: &'static str, detail: impl Into<Cow<'static, str>>) -> Wrong {
    Wrong { message, detail: detail.into(), reason: Reason::ProtocolError }
}

/// A header that has to be there.
pub(super) fn required<'f>(frame: &'f Frame<'_>, name: &'static str) -> Result<&'f str, Wrong> {
    frame.header(name).ok_or_else(|| missing(frame, name))
}

pub(super) fn missing(frame: &Frame<'_>, name: &'static str) -> Wrong {
    wrong("Missing header", format!("{} needs the header {name}", frame.command.as_str()))
}

pub(super) fn no_destination(given: &str, error: &NoDestination) -> Wrong {
    wrong(error.message(), format!("{given:?}: {error}"))
}
