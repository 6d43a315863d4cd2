//! SignalR's sessions: negotiation, and the three transports.

mod answer;
mod client;
mod endpoint;
mod listening;
mod negotiate;
#[cfg(test)]
mod negotiate_tests;
mod options;
mod session;
mod stateful;
#[cfg(test)]
mod tests;

pub use answer::SignalRRefusal;
pub use client::{
    SignalRRequest, SignalRSessionClient, SignalRSessionClientInput, SignalRSessionClientOptions,
    SignalRSessionClientOutput,
};
pub use endpoint::{Negotiated, SignalREndpoint};
pub use negotiate::{
    NegotiateFault, NegotiateReply, NegotiateRequest, SignalRTransports, TransferFormat, TransportKind,
};
pub use options::SignalRConnectionOptions;
