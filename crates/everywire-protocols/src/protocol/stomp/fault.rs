//! What a peer did wrong.

use std::fmt;

use everywire_core::Reason;

use super::limits::COMMAND_BYTES;
use super::version::Version;

/// A peer's fault, beyond which nothing of its stream means anything. Written out, it says where, what, and what would be
/// right: for the body of an ERROR and for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub flaw: Flaw,
    /// In which part of the frame.
    pub place: Place,
    /// At which of the frame's bytes, from 0.
    pub offset: usize,
}

/// A part of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before a frame.
    Between,
    /// The command's line.
    Command,
    /// The header line of this number, from 1.
    Header(usize),
    /// The body, or the NUL behind it.
    Body,
}

/// What may be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// A carriage return with something else than a line feed behind it.
    LoneCr,
    /// A NUL before the empty line that ends the headers.
    NulInHead,
    /// A command or header that is not UTF-8.
    NotUtf8,
    /// A header line without a colon.
    NoColon,
    /// A header line that begins with its colon.
    NoName,
    /// A backslash that begins none of the version's escapes.
    Escape(Version),
    /// A `content-length` that is no count: what it is, shortened.
    ContentLength(String),
    /// Something else than NUL behind as many bytes as `content-length` said.
    NoNul {
        /// What it said.
        length: usize,
        /// What stands there.
        byte: u8,
    },
    /// A command above [`COMMAND_BYTES`].
    CommandTooLong,
    /// A header line above [`Limits::line_bytes`](super::Limits::line_bytes), which is told.
    LineTooLong(usize),
    /// More than [`Limits::headers`](super::Limits::headers), which is told.
    TooManyHeaders(usize),
    /// Command and headers above [`Limits::head_bytes`](super::Limits::head_bytes), which is told.
    HeadTooLong(usize),
    /// A body above [`Limits::body_bytes`](super::Limits::body_bytes), which is told.
    BodyTooLong(usize),
    /// Before login, a frame above [`Limits::first_bytes`](super::Limits::first_bytes), which is told.
    FirstTooLong(usize),
}

impl Fault {
    /// The words for an ERROR's header `message`: short, the same for every fault of the kind, free of the peer's own.
    pub fn message(&self) -> &'static str {
        match self.flaw {
            Flaw::LoneCr => "Lone carriage return",
            Flaw::NulInHead => "NUL in headers",
            Flaw::NotUtf8 => "Headers are not UTF-8",
            Flaw::NoColon | Flaw::NoName => "Malformed header",
            Flaw::Escape(_) => "Unknown escape",
            Flaw::ContentLength(_) => "Malformed content-length",
            Flaw::NoNul { .. } => "Wrong content-length",
            Flaw::CommandTooLong => "Command too long",
            Flaw::LineTooLong(_) => "Header too long",
            Flaw::TooManyHeaders(_) => "Too many headers",
            Flaw::HeadTooLong(_) => "Headers too long",
            Flaw::BodyTooLong(_) => "Body too long",
            Flaw::FirstTooLong(_) => "Frame too long before login",
        }
    }

    /// Why the connection ends: [`Reason::TooLarge`] (close code 1009) or [`Reason::ProtocolError`] (1002). A command that
    /// is too long is the latter: no STOMP is.
    pub fn reason(&self) -> Reason {
        match self.flaw {
            Flaw::LineTooLong(_)
            | Flaw::TooManyHeaders(_)
            | Flaw::HeadTooLong(_)
            | Flaw::BodyTooLong(_)
            | Flaw::FirstTooLong(_) => Reason::TooLarge,
            Flaw::LoneCr
            | Flaw::NulInHead
            | Flaw::NotUtf8
            | Flaw::NoColon
            | Flaw::NoName
            | Flaw::Escape(_)
            | Flaw::ContentLength(_)
            | Flaw::NoNul { .. }
            | Flaw::CommandTooLong => Reason::ProtocolError,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, byte {} of the frame: {}", self.place, self.offset, self.flaw)
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Between => f.write_str("before the command"),
            Self::Command => f.write_str("command"),
            Self::Header(number) => write!(f, "header {number}"),
            Self::Body => f.write_str("body"),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoneCr => f.write_str("a carriage return alone; a line ends in LF or CR LF"),
            Self::NulInHead => f.write_str("a NUL; before it, an empty line has to end the headers"),
            Self::NotUtf8 => f.write_str("not UTF-8, which commands and headers have to be"),
            Self::NoColon => {
                f.write_str("no colon; a header is name:value, and an empty line ends the headers")
            }
            Self::NoName => f.write_str("no name before the colon; a header is name:value"),
            Self::Escape(version) => {
                let escapes = if *version == Version::V1_1 { r"\n \c \\" } else { r"\r \n \c \\" };
                write!(f, "a backslash that begins no escape; STOMP {version} has {escapes}")
            }
            Self::ContentLength(value) => {
                write!(
                    f,
                    "content-length {value:?}; it has to be the body's length in bytes, in digits alone"
                )
            }
            Self::NoNul { length, byte } => write!(
                f,
                "byte {byte:#04x}; content-length says {length}, and a NUL has to stand behind as many bytes"
            ),
            Self::CommandTooLong => {
                write!(f, "no line end; a STOMP frame begins with a command of at most {COMMAND_BYTES} bytes")
            }
            Self::LineTooLong(limit) => write!(f, "a header too long; it may have {limit} bytes"),
            Self::TooManyHeaders(limit) => write!(f, "one header too many; a frame may have {limit}"),
            Self::HeadTooLong(limit) => {
                write!(f, "headers too long; with the command they may have {limit} bytes")
            }
            Self::BodyTooLong(limit) => write!(f, "a body too long; it may have {limit} bytes"),
            Self::FirstTooLong(limit) => {
                write!(f, "a frame too long; before login it may have {limit} bytes, headers included")
            }
        }
    }
}
