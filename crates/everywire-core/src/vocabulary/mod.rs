//! The words of the design, one file each. The same word stands for the same thing in code,
//! configuration, API, metrics and docs.

mod id;
mod identity;
mod name;
mod offset;
mod reason;
mod room;

pub use id::{ConnectionId, InvalidId};
pub use identity::{Identity, Verb};
pub use name::Name;
pub use offset::{InvalidOffset, Offset};
pub use reason::Reason;
pub use room::RoomKey;
