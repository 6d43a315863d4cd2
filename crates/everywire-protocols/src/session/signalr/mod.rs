//! SignalR's sessions: so far, what is said before one begins.

mod negotiate;
#[cfg(test)]
mod negotiate_tests;

pub use negotiate::{
    NegotiateFault, NegotiateReply, NegotiateRequest, SignalRTransports, TransferFormat, TransportKind,
};
