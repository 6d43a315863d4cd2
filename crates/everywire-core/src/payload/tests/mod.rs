//! Tests of the payload, by what goes on: `json` scans, `args` writes and reads, `crossing` re-encodes, `hostile` is bad
//! input.

mod args;
mod crossing;
mod hostile;
mod json;
mod notepack;

use bytes::Bytes;

use super::{Payload, PayloadRef};

fn json(array: &str) -> PayloadRef<'_> {
    PayloadRef::json(array).expect(array)
}

/// The inside of the JSON array that it is, binaries as base64.
fn json_args(payload: &Payload) -> String {
    let mut out = Vec::new();
    payload.write_json_args(&mut out);
    String::from_utf8(out).unwrap()
}

/// The inside of the JSON array that it is, and its attachments.
fn parts(payload: &Payload) -> (String, Vec<Bytes>) {
    let mut out = Vec::new();
    let attachments = payload.write_json_parts(&mut out);
    (String::from_utf8(out).unwrap(), attachments)
}

/// The same arguments in `MessagePack`.
fn as_msgpack(payload: &Payload) -> Payload {
    let mut out = Vec::new();
    rmp::encode::write_array_len(&mut out, payload.len() as u32).unwrap();
    payload.write_msgpack_args(&mut out);
    PayloadRef::msgpack(&out).unwrap().into_owned()
}
