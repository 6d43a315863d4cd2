//! What the fuzz targets do with their input.
//!
//! Each body takes any bytes and panics when something that must hold for all input does not. The first
//! bytes choose settings, the rest is what a peer sends; too short an input does nothing.

mod deflate;
mod engineio;
mod frames;
mod handshake;
mod jsonrpc;
mod payload;
mod signalr;
mod signalr_server;
mod socketio;
mod sockjs_client;
mod sockjs_server;
mod stomp_client;
mod stomp_parser;
mod stomp_server;

pub use deflate::deflate;
pub use engineio::engineio;
pub use frames::frames;
pub use handshake::handshake;
pub use jsonrpc::jsonrpc;
pub use payload::payload;
pub use signalr::signalr;
pub use signalr_server::signalr_server;
pub use socketio::socketio;
pub use sockjs_client::sockjs_client;
pub use sockjs_server::sockjs_server;
pub use stomp_client::stomp_client;
pub use stomp_parser::stomp_parser;
pub use stomp_server::stomp_server;

/// A fuzz target's body.
pub type Body = fn(&[u8]);

/// Every body, under the name of its target and of its folder in the corpus.
pub const BODIES: &[(&str, Body)] = &[
    ("deflate", deflate),
    ("engineio", engineio),
    ("frames", frames),
    ("handshake", handshake),
    ("jsonrpc", jsonrpc),
    ("payload", payload),
    ("signalr", signalr),
    ("signalr_server", signalr_server),
    ("socketio", socketio),
    ("sockjs_client", sockjs_client),
    ("sockjs_server", sockjs_server),
    ("stomp_client", stomp_client),
    ("stomp_parser", stomp_parser),
    ("stomp_server", stomp_server),
];
