//! What the peer can do wrong on the wire, and the close code that tells it so.

use crate::CloseCode;

/// A violation of the protocol, or of our limits, by the peer.
///
/// It is an output of the codec, not a failure of it: send a close frame with [`code`](Fault::code) and
/// [`reason`](Fault::reason), flush it, then close the connection (RFC 6455, section 7.1.7). Nobody on our side has
/// anything to repair; retrying the same bytes gives the same fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// RSV2 or RSV3 is set, or RSV1 without permessage-deflate.
    ReservedBit,
    /// RSV1 on a continuation or control frame (RFC 7692, section 6).
    CompressedBit,
    /// Opcode 3–7 or 11–15.
    ReservedOpcode,
    /// A client's frame without a mask.
    Unmasked,
    /// A server's frame with a mask.
    Masked,
    /// A length that would have fitted into fewer bytes.
    LengthNotMinimal,
    /// A length of 2^63 or more.
    LengthTooLarge,
    /// A control frame of more than 125 bytes.
    ControlTooLong,
    /// A control frame without FIN.
    ControlFragmented,
    /// A continuation frame where no message is open.
    UnexpectedContinuation,
    /// A new message inside an unfinished one.
    ExpectedContinuation,
    /// A close frame with a body of one byte.
    CloseBodyTooShort,
    /// A close code that must not be sent.
    CloseCodeInvalid,
    /// A text message, or the reason of a close frame, that is not UTF-8.
    InvalidUtf8,
    /// Compressed data that is no DEFLATE stream.
    InvalidDeflate,
    /// A frame above [`Limits::frame`](crate::Limits::frame).
    FrameTooLarge,
    /// A message above [`Limits::message`](crate::Limits::message), the cost of its fragments included.
    MessageTooLarge,
    /// A message above [`Limits::inflated`](crate::Limits::inflated) once decompressed.
    InflatedTooLarge,
}

impl Fault {
    /// The close code to send: 1002, 1007 or 1009.
    pub const fn code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidDeflate => CloseCode::INVALID_DATA,
            Self::FrameTooLarge | Self::MessageTooLarge | Self::InflatedTooLarge => CloseCode::TOO_BIG,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }

    /// A text for the close frame and the log, of at most 123 bytes.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ReservedBit => "reserved bit set without an extension that defines it",
            Self::CompressedBit => "RSV1 set on a frame that is not the first of a message",
            Self::ReservedOpcode => "reserved opcode",
            Self::Unmasked => "frames from a client must be masked",
            Self::Masked => "frames from a server must not be masked",
            Self::LengthNotMinimal => "payload length not in its shortest form",
            Self::LengthTooLarge => "payload length has its highest bit set",
            Self::ControlTooLong => "control frame longer than 125 bytes",
            Self::ControlFragmented => "control frame without FIN",
            Self::UnexpectedContinuation => "continuation frame without a message to continue",
            Self::ExpectedContinuation => "new message before the last one was finished",
            Self::CloseBodyTooShort => "close frame with a body of one byte",
            Self::CloseCodeInvalid => "close code that must not be sent",
            Self::InvalidUtf8 => "text is not valid UTF-8",
            Self::InvalidDeflate => "compressed data is not valid DEFLATE",
            Self::FrameTooLarge => "frame larger than the limit",
            Self::MessageTooLarge => "message larger than the limit",
            Self::InflatedTooLarge => "message larger than the limit after decompression",
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "peer violated the WebSocket protocol: {} (close code {})",
            self.reason(),
            self.code().get()
        )
    }
}

impl std::error::Error for Fault {}
