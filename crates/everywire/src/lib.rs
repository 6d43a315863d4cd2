//! One room, every wire: a realtime server library for hyper and axum.
//!
//! ```no_run
//! use everywire::{App, Args, Connection, jsonrpc};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let app = App::builder()
//!     .namespace("/", |ns| {
//!         ns.on_connect(async |conn: Connection| {
//!             conn.join("lobby").await?;
//!             Ok(())
//!         });
//!         ns.on("chat", async |conn: Connection, Args((text,)): Args<(String,)>| {
//!             conn.to("lobby").emit("chat", (conn.id(), &text))?;
//!             Ok("delivered") // ack, completion, response or receipt: by the caller's wire
//!         });
//!     })
//!     .mount("/ws", jsonrpc().namespace("/"))
//!     .build()?;
//! app.serve("127.0.0.1:8000").await?;
//! # Ok(())
//! # }
//! ```
//!
//! | to find | look in |
//! |---|---|
//! | building and serving an application | [`App`], [`AppBuilder`], [`Options`] |
//! | handlers, their arguments and answers | [`NamespaceBuilder`], [`Args`], [`Reply`], [`EventError`] |
//! | sending to one client, or to rooms | [`Connection`], [`Audience`] |
//! | which path speaks what | [`jsonrpc`], [`raw`], [`raw_room`], [`socketio`], [`signalr`], [`sockjs`], [`stomp`], [`sse`], [`poll`], [`publish`] |
//! | who a client is and what it may do | [`Credentials`], [`Refusal`], [`Identity`], [`Verb`] |
#![forbid(unsafe_code)]

mod app;
mod carrier;
mod driver;

pub use app::access::{Credentials, Refusal};
pub use app::actions::Actions;
pub use app::audience::{Acks, Audience, BroadcastError};
pub use app::connection::{AskError, Connection, EmitError};
pub use app::error::{EventError, Result, code};
pub use app::handler::{Args, FromArgs, RawArgs, RawReply, Reply, Values};
pub use app::handshake::Handshake;
pub use app::mount::{Mount, Negotiation, Wire};
pub use app::mounts::{
    jsonrpc, poll, publish, raw, raw_room, signalr, signalr_raw, socketio, sockjs, sockjs_raw, sockjs_stomp,
    sse, stomp,
};
pub use app::namespace::NamespaceBuilder;
pub use app::options::{Deflate, Options};
pub use app::servers::{Servers, ServersError};
pub use app::streams::{Upload, UploadError, Uploads};
pub use app::{App, AppBuilder, BuildError};
pub use carrier::body::Body;
pub use carrier::service::Service;
pub use carrier::watched::GivenUp;
pub use everywire_core::hub::Namespace;
pub use everywire_core::hub::{AckError, JoinError, Joined, Member, PublishError, RetentionRule};
pub use everywire_core::hub::{
    ConsumeOptions, QueueBound, QueueError, QueueMessage, QueueOptions, QueueState, Settles, Verdict,
};
pub use everywire_core::payload::Extras;
pub use everywire_core::{
    Class, ConnectionId, Identity, MailboxOptions, Name, Offset, Original, Overflow, Payload, Reason,
    Retention, RoomKey, Sending, Verb,
};
pub use everywire_protocols::protocol::signalr::{Encodings, SignalROptions};
pub use everywire_protocols::protocol::socketio::{Parser, SocketIoOptions};
pub use everywire_protocols::protocol::stomp::{Limits as StompLimits, StompOptions};
pub use everywire_protocols::session::WebSocketOptions;
pub use everywire_protocols::session::{EngineIoCookie, EngineIoOptions};
pub use everywire_protocols::session::{SignalRConnectionOptions, SignalRTransports};
pub use everywire_protocols::session::{SockJsHeartbeat, SockJsOptions};
pub use everywire_websocket::DeflateOptions;

/// The last value of a key of a request's query, decoded.
pub fn query<B>(request: &http::Request<B>, key: &str) -> Option<String> {
    carrier::request::query_values(request.uri().query(), key).last().map(std::borrow::Cow::into_owned)
}

/// Fresh random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without a random source no id is a secret: there is no way to go on.
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
