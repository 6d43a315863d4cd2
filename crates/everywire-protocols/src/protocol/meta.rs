//! Meta: what Everywire tells of a broadcast beside its arguments.
//!
//! It is the last argument where the client made the membership itself: `{"room":…,"offset":…,"time":…,"from":…,"user":…}`.
//! Receive-only wires have the same members in the object around the data.

use everywire_core::{Broadcast, RoomKey};
use serde::Serialize;

use super::write_json;

/// About how long it is, for hints: an offset, a time, an id and two names of middling length.
pub(super) const HINT: usize = 160;

/// Appends the whole object.
pub(super) fn write(broadcast: &Broadcast, out: &mut Vec<u8>) {
    out.push(b'{');
    write_members(broadcast, true, out);
    out.push(b'}');
}

/// Appends the members to an open object, which may have some already. What is not known is left out; rooms that a client
/// cannot name are not told.
pub(super) fn write_members(broadcast: &Broadcast, offset: bool, out: &mut Vec<u8>) {
    let publication = &broadcast.publication;
    if let Some(RoomKey::Named(room)) = broadcast.room() {
        member("room", &**room, out);
    }
    if offset {
        member("offset", &broadcast.offset, out);
    }
    member("time", &publication.time, out);
    if let Some(from) = &publication.from {
        member("from", from, out);
    }
    if let Some(user) = &publication.user {
        member("user", &**user, out);
    }
}

fn member<T: Serialize + ?Sized>(name: &str, value: &T, out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    write_json(name, out);
    out.push(b':');
    write_json(value, out);
}
