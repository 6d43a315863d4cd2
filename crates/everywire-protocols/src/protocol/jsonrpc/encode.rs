//! The objects of JSON-RPC, written.

use everywire_core::{Broadcast, Outcome, Payload};

use super::code;
use super::decode::Fault;
use crate::protocol::{meta, write_json};

/// About how long the object is around its payload.
pub(super) const HINT: usize = 64;

/// The id of a response.
#[derive(Debug, Clone, Copy)]
pub(super) enum Id<'a> {
    Number(u64),
    /// As it was written.
    Json(&'a [u8]),
}

/// `{"jsonrpc":"2.0","method":"chat","params":[…]}`, with an id where an answer is awaited.
pub(super) fn call(
    event: &str,
    args: &Payload,
    told: Option<&Broadcast>,
    id: Option<u64>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":");
    write_json(event, out);
    out.extend_from_slice(b",\"params\":[");
    args.write_json_args(out);
    if let Some(broadcast) = told {
        if !args.is_empty() {
            out.push(b',');
        }
        meta::write(broadcast, out);
    }
    out.push(b']');
    if let Some(id) = id {
        out.extend_from_slice(b",\"id\":");
        write_json(&id, out);
    }
    out.push(b'}');
}

/// The response to a request.
pub(super) fn response(outcome: &Outcome, id: Id<'_>, out: &mut Vec<u8>) {
    match outcome {
        Outcome::Done(value) => {
            out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"result\":");
            value.write_json_value(out);
            close(id, out);
        }
        // It has no streams: nothing is all there is to say.
        Outcome::Ended => {
            out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"result\":null");
            close(id, out);
        }
        Outcome::Failed(failure) => {
            open_error(failure.code, &failure.message, out);
            if let Some(data) = &failure.data {
                out.extend_from_slice(b",\"data\":");
                data.write_json_value(out);
            }
            out.push(b'}');
            close(id, out);
        }
    }
}

/// About how long a response is.
pub(super) fn response_hint(outcome: &Outcome) -> usize {
    HINT + match outcome {
        Outcome::Done(value) => value.size(),
        Outcome::Ended => 0,
        Outcome::Failed(failure) => failure.message.len() + failure.data.as_ref().map_or(0, Payload::size),
    }
}

/// The response to something that the peer got wrong.
pub(super) fn fault(fault: &Fault<'_>, out: &mut Vec<u8>) {
    open_error(fault.code, code::message(fault.code), out);
    out.extend_from_slice(b",\"data\":");
    write_json(&*fault.data, out);
    out.push(b'}');
    close(Id::Json(fault.id.unwrap_or("null").as_bytes()), out);
}

fn open_error(code: i32, message: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":");
    write_json(&code, out);
    out.extend_from_slice(b",\"message\":");
    write_json(message, out);
}

fn close(id: Id<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"id\":");
    match id {
        Id::Number(number) => write_json(&number, out),
        Id::Json(text) => out.extend_from_slice(text),
    }
    out.push(b'}');
}
