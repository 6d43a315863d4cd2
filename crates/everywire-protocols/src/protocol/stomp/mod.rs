//! STOMP 1.0, 1.1 and 1.2: the codec, and the machines of both sides.
//!
//! # The codec
//!
//! It knows frames and no sessions; clients and servers use the same.
//!
//! Rules are those of the three specifications, with what real peers need: CR LF ends a line in every version, NULs between
//! frames are passed over, a colon in a value counts as itself. What comes is one stream, in which pieces end anywhere
//! ([`Parser`]); what is written are whole frames, one a message, for some clients do not put them together
//! ([`write_frame`]).
//!
//! The codec does not know which command may come from whom, which headers it needs, or whether it may have a body: a body on
//! any frame is handed out, and who reads it asks [`Command::may_have_body`].

mod act;
mod beats;
mod body;
mod client;
mod destination;
mod escapes;
mod fault;
mod frame;
mod head;
mod heard;
mod limits;
mod options;
mod outgoing;
mod parser;
mod say;
mod server;
mod subscribing;
mod subscriptions;
mod tail;
mod token;
mod transactions;
mod version;
mod write;
mod wrong;

#[cfg(test)]
mod tests;

pub use self::beats::{BadHeartBeat, HeartBeat};
pub use self::client::{StompClient, StompClientOptions};
pub use self::destination::{Destination, NoDestination};
pub use self::fault::{Fault, Flaw, Place};
pub use self::frame::{Command, Event, Frame, Headers};
pub use self::heard::{Delivered, Heard, ServerFault};
pub use self::limits::{COMMAND_BYTES, Limits};
pub use self::options::StompOptions;
pub use self::outgoing::{Outgoing, Settling, Unsaid};
pub use self::parser::Parser;
pub use self::server::Stomp;
pub use self::subscriptions::Ack;
pub(super) use self::tail::Reader;
pub use self::version::Version;
pub use self::write::{PULSE, kind, write_frame, write_head, write_tail};
