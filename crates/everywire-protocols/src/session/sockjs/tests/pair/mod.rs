//! Client and server, and between them a network that delivers in pieces, in an order of its own, and breaks: what is said is
//! heard once, in order, or the end is reported.

mod chance;
mod network;
mod server;
mod stories;

use super::*;
use crate::session::{
    SockJsClientInput as Told, SockJsClientOptions, SockJsClientTransport as Transport, SockJsEndpoint,
};
use network::{Network, numbered};

/// A client that takes this transport alone, and gives it time.
fn only(transport: Transport) -> SockJsClientOptions {
    SockJsClientOptions {
        transports: vec![transport],
        timeout: Duration::from_secs(60),
        info_timeout: Duration::from_secs(60),
        ..SockJsClientOptions::new("/s")
    }
}
