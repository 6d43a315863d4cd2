//! The second part of a MESSAGE: what is the same for everybody who hears it.

use std::borrow::Cow;

use everywire_core::{Broadcast, Name, Original, Payload};
use smallvec::SmallVec;

use super::body;
use super::version::Version;
use super::write::write_tail;
use crate::seam::Kind;
use crate::session::base64;

/// For whom a tail is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol) struct Reader {
    pub(in crate::protocol) version: Version,
    /// Its session has no binary: bytes are spelled.
    pub(in crate::protocol) text_only: bool,
}

impl Reader {
    /// The kind of message that a frame with this payload is.
    pub(in crate::protocol) fn kind(self, payload: &Payload) -> Kind {
        if body::is_binary(payload) && !self.text_only { Kind::Binary } else { Kind::Text }
    }

    /// Appends the tail of a broadcast.
    pub(in crate::protocol) fn broadcast(self, broadcast: &Broadcast, out: &mut Vec<u8>) {
        let publication = &broadcast.publication;
        let (offset, time) = (broadcast.offset.to_string(), publication.time.to_string());
        let from = publication.from.map(|from| from.to_string());
        let mut told: SmallVec<[(&str, &str); 4]> = SmallVec::new();
        told.extend([("offset", &*offset), ("time", &*time)]);
        told.extend(from.as_deref().map(|from| ("from", from)));
        told.extend(publication.user.as_deref().map(|user| ("user", user)));
        let event = Some(&publication.event);
        self.write(event, &told, &publication.payload, publication.original.as_deref(), out);
    }

    /// Appends the tail of a message with these headers.
    pub(super) fn write(
        self,
        event: Option<&Name>,
        told: &[(&str, &str)],
        payload: &Payload,
        original: Option<&Original>,
        out: &mut Vec<u8>,
    ) {
        let (content_type, mut bytes) = body::write(payload, original);
        let spelled = self.text_only && body::is_binary(payload);
        if spelled {
            let mut text = Vec::new();
            base64::append(&bytes, &mut text);
            bytes = Cow::Owned(text);
        }
        let event = event.map(|event| ("event", &**event));
        let content_type = content_type.map(|kind| ("content-type", kind));
        let spelled = spelled.then_some(("content-transfer-encoding", "base64"));
        let users = original.map_or(&[][..], |original| &original.headers);
        let users = users.iter().map(|(name, value)| (&**name, &**value));
        let ours = event.into_iter().chain(told.iter().copied()).chain(content_type).chain(spelled);
        write_tail(self.version, ours.chain(users), &bytes, out);
    }
}
