//! A pure WebSocket codec, both roles: RFC 6455 (frames, closing, opening), RFC 7692 (permessage-deflate), RFC 8441
//! (over HTTP/2).
//!
//! Bytes and values go in, values and bytes come out: the codec has no socket, clock, task, lock or random source.
//! An idle connection costs a [`Decoder`] of at most 64 bytes and nothing on the heap, unless the peer compresses
//! with context takeover.
//!
//! | for | see |
//! |---|---|
//! | reading | [`Decoder`], [`Item`], [`Limits`], [`Fault`] |
//! | writing | [`encode`], [`Header`], [`Prepared`] for one message to many |
//! | opening | [`handshake`] |
//! | closing | [`ClosingHandshake`], [`CloseCode`], [`CloseFrame`] |
//! | compressing | [`DeflateOptions`] in the handshake, [`DeflateParams`] out of it, [`Compression`], [`Deflater`] |
//! | all of it over tokio | `stream`, with the feature `tokio` |
#![forbid(unsafe_code)]

mod assembly;
mod close;
mod decode;
mod deflate;
pub mod encode;
mod fault;
mod frame;
pub mod handshake;
mod limits;
pub mod mask;
mod prepared;
#[cfg(feature = "tokio")]
pub mod stream;
mod unfinished;
mod utf8;

pub use close::{CloseCode, CloseFrame, ClosingHandshake, Transport};
pub use decode::{Decoder, Item};
pub use deflate::{Compression, DeflateOptions, DeflateParams, Deflater, Direction};
pub use fault::Fault;
pub use frame::{Header, Kind, MAX_CONTROL_PAYLOAD, Opcode, Role};
pub use handshake::Agreed;
pub use limits::Limits;
pub use prepared::Prepared;
