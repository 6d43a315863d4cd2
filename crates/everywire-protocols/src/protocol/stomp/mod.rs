//! STOMP 1.0, 1.1 and 1.2: the codec, which knows frames and no sessions. Clients and servers use the same.
//!
//! Rules are those of the three specifications, with what real peers need: CR LF ends a line in every version, NULs between
//! frames are passed over, a colon in a value counts as itself. What comes is one stream, in which pieces end anywhere
//! ([`Parser`]); what is written are whole frames, one a message, for some clients do not put them together
//! ([`write_frame`]).
//!
//! The codec does not know which command may come from whom, which headers it needs, or whether it may have a body: a body on
//! any frame is handed out, and who reads it asks [`Command::may_have_body`].

mod escapes;
mod fault;
mod frame;
mod head;
mod limits;
mod parser;
mod version;
mod write;

#[cfg(test)]
mod tests;

pub use self::fault::{Fault, Flaw, Place};
pub use self::frame::{Command, Event, Frame, Headers};
pub use self::limits::{COMMAND_BYTES, Limits};
pub use self::parser::Parser;
pub use self::version::Version;
pub use self::write::{PULSE, kind, write_frame, write_head, write_tail};
