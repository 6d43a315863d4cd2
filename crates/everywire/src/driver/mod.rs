//! The driver: moves values between the floors. The only place with tasks, timers and back-pressure.
//!
//! | to find | look in |
//! |---|---|
//! | session, protocol and handlers of one client, joined; what it begins with | [`conversation`], [`opening`] |
//! | what session and protocol say, and what becomes of it | [`outputs`] |
//! | a client's places in namespaces; how it enters and leaves them | [`seats`], [`entering`], [`arriving`] |
//! | how it ends: what client and application are told | [`parting`] |
//! | what a carrier is asked to do | [`effect`] |
//! | what becomes of an event | [`handling`] |
//! | calls that are answered by a stream, or bring some | [`streaming`] |
//! | events that wait for handlers, and handlers at work | [`inbound`] |
//! | sessions over several requests, found by their ids | [`lanes`] |
//! | sessions that are yet to be opened | [`reserved`] |
//! | clients that come back to their connection | [`recovery`] |
//! | who takes broadcasts from the hub to the sockets | [`flusher`] |
//! | what a session shares with others | [`link`] |
//! | all open sessions, and their end | [`sessions`] |
//! | the HTTP connections that requests come by, and their end | [`requests`] |
//! | timers | [`wheel`] |
//! | buffers | [`worker`] |

mod apart;
mod arriving;
mod calls;
mod clock;
pub(crate) mod conversation;
pub(crate) mod effect;
pub(crate) mod entering;
pub(crate) mod flusher;
pub(crate) mod guarded;
pub(crate) mod handling;
pub(crate) mod inbound;
pub(crate) mod lanes;
pub(crate) mod link;
mod opening;
mod outputs;
mod parting;
pub(crate) mod recovery;
pub(crate) mod requests;
pub(crate) mod reserved;
pub(crate) mod seats;
pub(crate) mod sessions;
mod sharing;
pub(crate) mod streaming;
mod tasks;
pub(crate) mod wheel;
pub(crate) mod worker;
