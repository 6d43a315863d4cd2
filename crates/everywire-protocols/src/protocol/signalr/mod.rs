//! SignalR's hub protocol: its handshake, and the nine kinds of message in both encodings.
//!
//! The rules are those of ASP.NET Core (`HubProtocol.md`, and the sources where they differ from it): an unknown kind is left
//! alone, and so are unknown members and further elements; method names do not tell case apart; a message without what its
//! kind needs ends the connection with .NET's words. A client's bytes are a stream, in which a message may begin and end
//! anywhere ([`Framing`]); what a server writes are whole messages, for clients in JavaScript do not put them together.
//!
//! [`SignalR`] is the server's side, and [`SignalRClient`] the client's.

mod client;
mod counter;
mod framing;
mod handshake;
mod message;
mod options;
mod read_json;
mod read_msgpack;
mod say;
mod server;
mod shaking;
mod write;
mod write_json;
mod write_msgpack;

#[cfg(test)]
mod tests;

pub use self::client::{Heard, SignalRClient, SignalRClientOptions};
pub use self::framing::{Framing, RECORD_SEPARATOR};
pub use self::handshake::{HandshakeRequest, HandshakeResponse, VERSION};
pub use self::message::{Args, Completed, Encoding, Fault, HubMessage, Invocation};
pub use self::options::{Encodings, SignalROptions};
pub(super) use self::say::encode;
pub use self::server::SignalR;
pub use self::write::{Ended, Outgoing};

impl<'a> HubMessage<'a> {
    /// Reads one message, without its separator or length.
    pub fn read(encoding: Encoding, bytes: &'a [u8]) -> Result<Self, Fault> {
        match encoding {
            Encoding::Json => {
                let text = std::str::from_utf8(bytes)
                    .map_err(|error| Fault::malformed(format!("Error reading JSON. {error}")))?;
                read_json::message(text)
            }
            Encoding::MsgPack => read_msgpack::message(bytes),
        }
    }
}
