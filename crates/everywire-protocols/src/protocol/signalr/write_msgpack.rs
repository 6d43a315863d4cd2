//! Messages in `MessagePack`, written: as many elements as .NET writes, the length before.

use everywire_core::{Payload, PayloadRef};

use super::framing::write_length;
use super::read_msgpack::{ERROR, RESULT, VOID};
use super::write::{Ended, Outgoing};
use crate::protocol::msgpack::{array, integer, text};

const NIL: u8 = 0xc0;
const FALSE: u8 = 0xc2;
const TRUE: u8 = 0xc3;
/// No headers.
const EMPTY_MAP: u8 = 0x80;

pub(super) fn write(message: &Outgoing<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    body(message, out);
    // How long it is, is known only now.
    let mut length = Vec::with_capacity(5);
    write_length(out.len() - start, &mut length);
    out.splice(start..start, length);
}

fn body(message: &Outgoing<'_>, out: &mut Vec<u8>) {
    match *message {
        Outgoing::Invocation { stream, id, target, args, extra, streams } => {
            begin(6, if stream { 4 } else { 1 }, out);
            out.push(EMPTY_MAP);
            optional(id, out);
            text(target, out);
            array(args.len() + usize::from(extra.is_some()), out);
            args.write_msgpack_args(out);
            if let Some(extra) = extra {
                match PayloadRef::json_value(extra) {
                    Ok(extra) => extra.write_msgpack_args(out),
                    Err(_) => out.push(NIL),
                }
            }
            array(streams.len(), out);
            for stream in streams {
                text(stream, out);
            }
        }
        Outgoing::StreamItem { id, item } => {
            begin(4, 2, out);
            out.push(EMPTY_MAP);
            text(id, out);
            one(item, out);
        }
        Outgoing::Completion { id, ended } => {
            let kind = match ended {
                Ended::Error(_) => ERROR,
                Ended::Nothing => VOID,
                Ended::Result(_) => RESULT,
            };
            begin(if kind == VOID { 4 } else { 5 }, 3, out);
            out.push(EMPTY_MAP);
            text(id, out);
            integer(kind, out);
            match ended {
                Ended::Error(error) => text(error, out),
                Ended::Nothing => {}
                Ended::Result(result) => one(result, out),
            }
        }
        Outgoing::CancelInvocation { id } => {
            begin(3, 5, out);
            out.push(EMPTY_MAP);
            text(id, out);
        }
        Outgoing::Ping => begin(1, 6, out),
        Outgoing::Close { error, allow_reconnect } => {
            begin(3, 7, out);
            optional(error, out);
            out.push(if allow_reconnect { TRUE } else { FALSE });
        }
        Outgoing::Ack { sequence } => {
            begin(2, 8, out);
            integer(sequence, out);
        }
        Outgoing::Sequence { sequence } => {
            begin(2, 9, out);
            integer(sequence, out);
        }
    }
}

fn begin(elements: usize, kind: u64, out: &mut Vec<u8>) {
    array(elements, out);
    integer(kind, out);
}

fn optional(of: Option<&str>, out: &mut Vec<u8>) {
    match of {
        Some(of) => text(of, out),
        None => out.push(NIL),
    }
}

/// One value: the argument if there is one, an array if there are several, nil if there are none.
fn one(payload: &Payload, out: &mut Vec<u8>) {
    match payload.len() {
        0 => out.push(NIL),
        1 => payload.write_msgpack_args(out),
        several => {
            array(several, out);
            payload.write_msgpack_args(out);
        }
    }
}
