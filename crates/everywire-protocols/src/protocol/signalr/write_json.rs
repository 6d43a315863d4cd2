//! Messages in JSON, written: members in the order of .NET, the record separator behind.

use super::framing::RECORD_SEPARATOR;
use super::write::{Ended, Outgoing};
use crate::protocol::write_json;

pub(super) fn write(message: &Outgoing<'_>, out: &mut Vec<u8>) {
    match *message {
        Outgoing::Invocation { stream, id, target, args, extra, streams } => {
            begin(if stream { 4 } else { 1 }, out);
            if let Some(id) = id {
                member("invocationId", id, out);
            }
            member("target", target, out);
            out.extend_from_slice(b",\"arguments\":[");
            args.write_json_args(out);
            if let Some(extra) = extra {
                if !args.is_empty() {
                    out.push(b',');
                }
                out.extend_from_slice(extra.as_bytes());
            }
            out.push(b']');
            if !streams.is_empty() {
                member("streamIds", streams, out);
            }
        }
        Outgoing::StreamItem { id, item } => {
            begin(2, out);
            member("invocationId", id, out);
            out.extend_from_slice(b",\"item\":");
            item.write_json_value(out);
        }
        Outgoing::Completion { id, ended } => {
            begin(3, out);
            member("invocationId", id, out);
            match ended {
                Ended::Nothing => {}
                Ended::Result(result) => {
                    out.extend_from_slice(b",\"result\":");
                    result.write_json_value(out);
                }
                Ended::Error(error) => member("error", error, out),
            }
        }
        Outgoing::CancelInvocation { id } => {
            begin(5, out);
            member("invocationId", id, out);
        }
        Outgoing::Ping => begin(6, out),
        Outgoing::Close { error, allow_reconnect } => {
            begin(7, out);
            if let Some(error) = error {
                member("error", error, out);
            }
            if allow_reconnect {
                out.extend_from_slice(b",\"allowReconnect\":true");
            }
        }
        Outgoing::Ack { sequence } => {
            begin(8, out);
            member("sequenceId", &sequence, out);
        }
        Outgoing::Sequence { sequence } => {
            begin(9, out);
            member("sequenceId", &sequence, out);
        }
    }
    out.push(b'}');
    out.push(RECORD_SEPARATOR);
}

fn begin(kind: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":");
    out.push(b'0' + kind);
}

fn member<T: serde::Serialize + ?Sized>(name: &str, value: &T, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    write_json(value, out);
}
