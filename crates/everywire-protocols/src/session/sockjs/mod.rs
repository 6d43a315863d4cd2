//! SockJS's sessions: a WebSocket, or what does as well where there is none (sockjs-node 0.3.24).

mod answer;
mod body;
mod client;
mod endpoint;
mod frame;
mod http;
mod options;
mod receiver;
mod session;
mod socket;
#[cfg(test)]
mod tests;
mod text;
mod transport;

pub use answer::SockJsRefusal;
pub use client::{
    SockJsClient, SockJsClientInput, SockJsClientOptions, SockJsClientOutput, SockJsClientTransport,
    SockJsRequest, SockJsUnsent,
};
pub use endpoint::{SockJsEndpoint, SockJsVerdict};
pub use frame::{Frame as SockJsFrame, Shape as SockJsShape};
pub use options::{SockJsHeartbeat, SockJsOptions};
pub use transport::SockJsTransport;

pub(super) use frame::{
    append_begin_of_single, append_begin_to_response, append_end_of_single, append_end_to_response,
    append_single, append_to_response,
};
