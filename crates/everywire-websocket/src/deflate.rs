//! permessage-deflate (RFC 7692): what is agreed, and the two directions at work.

mod deflater;
mod inflater;
pub(crate) mod negotiate;

pub use deflater::Deflater;
pub(crate) use inflater::Inflater;

use crate::Role;

/// What we ask of permessage-deflate in the handshake, in either role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateOptions {
    /// The server compresses each message on its own: it needs no memory a connection, and shares one compressed
    /// frame among many receivers. Costs compression ratio on small, similar messages. Default: `true`.
    pub server_no_context_takeover: bool,
    /// The client compresses each message on its own: the server keeps no window for it between messages.
    /// Default: `true`.
    pub client_no_context_takeover: bool,
    /// The base-two logarithm of the server's window, 8–15. Default: 15.
    pub server_max_window_bits: u8,
    /// The base-two logarithm of the client's window, 8–15. A server can ask for it only of clients that offer it.
    /// Default: 15.
    pub client_max_window_bits: u8,
}

impl Default for DeflateOptions {
    fn default() -> Self {
        Self {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

/// How we compress what we send. The peer has no say in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// How hard to try, 0–9. Default: 6, zlib's own.
    pub level: u8,
    /// Messages of fewer bytes are sent uncompressed. Default: 1024, as npm `ws`.
    pub threshold: usize,
}

impl Default for Compression {
    fn default() -> Self {
        Self { level: 6, threshold: 1024 }
    }
}

/// What both sides have agreed on in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeflateParams {
    /// What the server sends.
    pub server: Direction,
    /// What the client sends.
    pub client: Direction,
}

/// How the messages of one direction are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Direction {
    /// The base-two logarithm of the window, 8–15.
    pub window_bits: u8,
    /// Messages refer back to earlier ones.
    pub context_takeover: bool,
}

impl DeflateParams {
    /// What the local side `role` receives: for [`Decoder::with_deflate`](crate::Decoder::with_deflate).
    pub const fn incoming(&self, role: Role) -> Direction {
        match role {
            Role::Server => self.client,
            Role::Client => self.server,
        }
    }

    /// What the local side `role` sends: for [`Deflater::new`].
    pub const fn outgoing(&self, role: Role) -> Direction {
        match role {
            Role::Server => self.server,
            Role::Client => self.client,
        }
    }
}
