//! The numbers of errors that the protocol itself answers with. Those of handlers come with their outcome.

/// Not JSON (section 5.1).
pub const PARSE_ERROR: i32 = -32700;
/// JSON, but no request (section 5.1).
pub const INVALID_REQUEST: i32 = -32600;
/// No such method (section 5.1).
pub const METHOD_NOT_FOUND: i32 = -32601;
/// The arguments cannot be taken (section 5.1).
pub const INVALID_PARAMS: i32 = -32602;
/// A reply of a batch is larger than what may be held back until the batch is complete. The number is jsonrpsee's.
pub const REPLY_TOO_LARGE: i32 = -32008;
/// As much is held back for earlier batches as may be. The number is jsonrpsee's.
pub const BUSY: i32 = -32009;

/// The sentence that belongs to the number; the first four are the specification's.
pub(super) fn message(code: i32) -> &'static str {
    match code {
        PARSE_ERROR => "Parse error",
        INVALID_REQUEST => "Invalid Request",
        METHOD_NOT_FOUND => "Method not found",
        INVALID_PARAMS => "Invalid params",
        REPLY_TOO_LARGE => "Reply too large",
        BUSY => "Server is busy",
        _ => "Server error",
    }
}
