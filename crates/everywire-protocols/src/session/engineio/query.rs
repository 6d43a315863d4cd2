//! What a client says in the query of every request. Of keys that come twice the last counts, as in Node.

use std::borrow::Cow;

use http::Request;
use percent_encoding::percent_decode_str;

use super::packet::{Dialect, Revision};

/// How a client wants to talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Polling,
    WebSocket,
}

/// Whether an answer is to be a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Callback {
    #[default]
    None,
    /// A call of `___eio[…]`.
    Index(u32),
    /// The index is no number; it would be part of a script.
    Malformed,
}

/// The query, as far as it is Engine.IO's.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    /// None if it is missing, or one that does not exist.
    pub(super) revision: Option<Revision>,
    pub(super) transport: Option<Transport>,
    /// The session, unless this request opens one.
    pub(super) sid: Option<Cow<'a, str>>,
    /// The client cannot receive bytes.
    pub(super) base64: bool,
    pub(super) callback: Callback,
}

impl<'a> Query<'a> {
    pub(super) fn read(head: &'a Request<()>) -> Self {
        let mut query = Self::default();
        let pairs = head.uri().query().unwrap_or_default().split('&');
        for (name, value) in pairs.filter_map(|pair| pair.split_once('=')) {
            let value = percent_decode_str(value).decode_utf8_lossy();
            match &*percent_decode_str(name).decode_utf8_lossy() {
                "EIO" => {
                    query.revision = match &*value {
                        "4" => Some(Revision::Four),
                        "3" => Some(Revision::Three),
                        _ => None,
                    }
                }
                "transport" => {
                    query.transport = match &*value {
                        "polling" => Some(Transport::Polling),
                        "websocket" => Some(Transport::WebSocket),
                        _ => None,
                    }
                }
                "sid" => query.sid = Some(value).filter(|sid| !sid.is_empty()),
                "b64" => query.base64 = !value.is_empty(),
                "j" => {
                    let index = value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse());
                    query.callback = index.and_then(Result::ok).map_or(Callback::Malformed, Callback::Index);
                }
                _ => {}
            }
        }
        query
    }

    /// How packets to this client are spelled.
    pub(super) fn dialect(&self) -> Dialect {
        Dialect { revision: self.revision.unwrap_or(Revision::Four), base64: self.base64 }
    }

    /// The index of the script's callback.
    pub(super) fn index(&self) -> Option<u32> {
        match self.callback {
            Callback::Index(index) => Some(index),
            Callback::None | Callback::Malformed => None,
        }
    }
}
