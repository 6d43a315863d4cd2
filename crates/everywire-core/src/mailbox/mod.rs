//! What waits for one client.
//!
//! One mailbox a session, bounded in payload bytes plus a fixed cost for each entry. It is always in
//! one of three states, and the rule of each says who may write to the socket:
//!
//! | state | who writes |
//! |---|---|
//! | *clear*: nothing waits, nobody is writing | anybody who holds the lock, at once |
//! | *corked*: the session's own task is at work | that task; all others append entries |
//! | *blocked*: the socket is full | nobody; the task waits for it to drain and is woken for nothing else |
//!
//! An entry that is appended to a mailbox that was clear, by anybody but the task, wakes the task.

mod entry;
mod state;

pub(crate) use entry::FIXED_COST;
pub use entry::{Class as EntryClass, Entry, Failure, Item, Outcome, Token};
pub use state::{Drain, Mailbox, MailboxOptions, Overflow};
