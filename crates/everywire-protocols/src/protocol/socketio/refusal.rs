//! What a client is told when it gets an error: in a CONNECT_ERROR packet, or as the first argument of an answer.
//!
//! Data that would nest deeper in there than clients read is left out; the message stands.

use everywire_core::{Payload, PayloadRef};

use super::{INVALID_NAMESPACE, Revision};
use crate::protocol::write_json;

/// The payload of a CONNECT_ERROR packet: `{"message":…,"data":…}`. In protocol 4 it is the data itself, or else the
/// message, but for [`INVALID_NAMESPACE`].
pub(super) fn of_connect(revision: Revision, message: &str, data: Option<&Payload>) -> String {
    match (revision, data) {
        (Revision::Four, Some(data)) => written(|out| data.write_json_value(out)),
        (Revision::Four, None) if message != INVALID_NAMESPACE => written(|out| write_json(message, out)),
        _ => with_data(data, |data, out| {
            out.extend_from_slice(b"{\"message\":");
            write_json(message, out);
            data_member(data, out);
            out.push(b'}');
        }),
    }
}

/// What stands for an answer: `{"error":{"code":…,"message":…,"data":…}}`.
pub(super) fn of_event(code: i32, message: &str, data: Option<&Payload>) -> String {
    with_data(data, |data, out| {
        out.extend_from_slice(b"{\"error\":{\"code\":");
        write_json(&code, out);
        out.extend_from_slice(b",\"message\":");
        write_json(message, out);
        data_member(data, out);
        out.extend_from_slice(b"}}");
    })
}

fn data_member(data: Option<&Payload>, out: &mut Vec<u8>) {
    if let Some(data) = data {
        out.extend_from_slice(b",\"data\":");
        data.write_json_value(out);
    }
}

fn with_data(data: Option<&Payload>, write: impl Fn(Option<&Payload>, &mut Vec<u8>)) -> String {
    let whole = written(|out| write(data, out));
    if data.is_some() && PayloadRef::json_value(&whole).is_err() {
        return written(|out| write(None, out));
    }
    whole
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}
