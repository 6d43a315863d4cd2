//! Payloads: what is admitted can be written in every encoding, and is as many arguments in each.

use bytes::Bytes;
use everywire_core::payload::{Extras, PayloadRef};

/// `[kind, arguments…]`: JSON, `MessagePack`, JSON beside two attachments, a text or bytes.
pub fn payload(data: &[u8]) {
    let [kind, arguments @ ..] = data else { return };
    let attachments = [Bytes::from_static(b"one"), Bytes::from_static(b"")];
    let payload = match kind % 5 {
        0 => PayloadRef::json_bytes(arguments).ok(),
        1 => PayloadRef::msgpack(arguments).ok(),
        2 => PayloadRef::json_bytes(arguments).and_then(|json| json.with_attachments(&attachments)).ok(),
        3 => std::str::from_utf8(arguments).ok().map(PayloadRef::text),
        _ => Some(PayloadRef::binary(arguments)),
    };
    if let Some(payload) = payload {
        crosses(&payload);
        let owned = payload.into_owned();
        crosses(&owned.view());
    }
}

fn crosses(payload: &PayloadRef<'_>) {
    let len = payload.len();
    assert_eq!(payload.arguments().count(), len);

    let mut json = b"[".to_vec();
    payload.write_json_args(&mut json);
    json.push(b']');
    assert!(!json.contains(&b'\n') && !json.contains(&b'\r'), "a line break");
    assert_eq!(PayloadRef::json_bytes(&json).expect("what we write as JSON").len(), len);

    let mut parts = b"[".to_vec();
    let attachments = payload.write_json_parts(&mut parts);
    parts.push(b']');
    let parts = PayloadRef::json_bytes(&parts).expect("what we write as JSON beside attachments");
    assert_eq!(parts.with_attachments(&attachments).expect("our own placeholders").len(), len);

    // The header of an array of 2^32 − 1 elements at most, whose length follows.
    let mut msgpack = vec![0xdd];
    msgpack.extend_from_slice(&u32::try_from(len).expect("fewer arguments than bytes").to_be_bytes());
    payload.write_msgpack_args(&mut msgpack);
    assert_eq!(PayloadRef::msgpack(&msgpack).expect("what we write as MessagePack").len(), len);

    reads(payload);
}

/// Whether a type fits is not the question.
fn reads(payload: &PayloadRef<'_>) {
    drop(payload.as_message());
    drop(payload.read::<Vec<serde_json::Value>>(Extras::Refuse));
    drop(payload.read::<(u8, String, Option<f64>)>(Extras::Refuse));
    drop(payload.read::<(Bytes,)>(Extras::Ignore));
}
