//! Engine.IO, revisions 4 and 3: a session that polls, or runs on a WebSocket, or moves from one to the other.
//!
//! | to find | look in |
//! |---|---|
//! | what a request is answered with before there is a session | [`endpoint`], [`refusal`] |
//! | what a packet is, alone and among others in a body | [`packet`], [`payload`], [`payload3`], [`jsonp`] |
//! | who pings whom, and when a silent client is gone | [`heartbeat`] |
//! | the machine, what a client sends it, and a client's requests while it polls | [`session`], [`incoming`], [`polling`] |
//! | the other side of all this, for tests against real machines | [`client`] |
//! | the move from polling to a WebSocket | [`upgrade`] |
//!
//! The clients that exist are the measure: what is said here is what the official server says, byte for byte, except
//! where a comment tells why not.

mod client;
mod endpoint;
mod heartbeat;
mod incoming;
mod jsonp;
mod opening;
mod options;
mod packet;
mod payload;
mod payload3;
mod polling;
mod query;
mod refusal;
mod session;
mod upgrade;

pub use client::{EngineIoClient, EngineIoClientInput, EngineIoClientOptions, EngineIoClientOutput};
pub use endpoint::EngineIoEndpoint;
pub use options::{BadCookie, EngineIoCookie, EngineIoOptions};
pub use refusal::EngineIoRefusal;
pub use session::EngineIo;
