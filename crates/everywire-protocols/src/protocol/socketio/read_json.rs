//! The JSON parser's packets, read: `<type>[<attachments>-][<namespace>,][<id>][<JSON>]`.
//!
//! The rules are those of socket.io-parser 4.2.7, which is what programs were tried against: no JSON at all is accepted
//! where some belongs, a number as an event's name too.

use std::borrow::Cow;

use everywire_core::PayloadRef;
use everywire_core::admission::RESERVED_EVENTS;
use everywire_core::payload::json::RawJson;

use super::packet::{ACK, BINARY, Body, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, Fault, Packet};

const BINARY_EVENT: u8 = EVENT + BINARY;
const BINARY_ACK: u8 = ACK + BINARY;

/// The packet that a text is, and how many attachments follow it: `most` at most.
pub(super) fn packet(text: &str, most: usize) -> Result<(Packet<'_>, usize), Fault> {
    let kind = match text.as_bytes() {
        [digit @ b'0'..=b'6', ..] => digit - b'0',
        _ => return Err(Fault::new("unknown packet type, expected a digit from 0 to 6")),
    };
    let (mut attachments, mut rest) = (0, &text[1..]);
    if matches!(kind, BINARY_EVENT | BINARY_ACK) {
        (attachments, rest) = count(rest, most)?;
    }
    let mut namespace = "/";
    if rest.starts_with('/') {
        (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
    }
    let (id, json) = number(rest);
    let id = match id {
        Some(None) => return Err(Fault::new("an ack id beyond 64 bits")),
        id => id.flatten(),
    };
    let body = match kind {
        CONNECT => Body::Connect(connect(json)?),
        DISCONNECT if json.is_empty() => Body::Disconnect,
        DISCONNECT => return Err(Fault::new("a DISCONNECT packet with a payload, expected none")),
        CONNECT_ERROR => Body::ConnectError(connect_error(json)?),
        _ if json.is_empty() => Body::Nothing("a packet without payload"),
        EVENT | BINARY_EVENT => {
            let (name, args) = event(json)?;
            Body::Event { name, args, id }
        }
        _ => Body::Ack { id, args: PayloadRef::json(json)? },
    };
    Ok((Packet { namespace: Cow::Borrowed(namespace), body }, attachments))
}

/// The count of attachments and what follows its dash.
fn count(text: &str, most: usize) -> Result<(usize, &str), Fault> {
    let (count, rest) = number(text);
    let (Some(count), Some(rest)) = (count, rest.strip_prefix('-')) else {
        return Err(Fault::new("a binary packet without a count of attachments, expected one and a dash"));
    };
    match count.and_then(|count| usize::try_from(count).ok()) {
        Some(0) => Err(Fault::new("a binary packet with 0 attachments, expected 1 at least")),
        Some(count) if count <= most => Ok((count, rest)),
        _ => Err(Fault::new(format!("too many attachments, at most {most} are allowed"))),
    }
}

/// The number in digits that a text begins with, if it does: `Some(None)` if it is beyond 64 bits. And the rest.
fn number(text: &str) -> (Option<Option<u64>>, &str) {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    ((length > 0).then(|| digits.parse().ok()), rest)
}

fn connect(json: &str) -> Result<PayloadRef<'_>, Fault> {
    if json.is_empty() {
        return Ok(PayloadRef::empty());
    }
    let auth = RawJson::parse(json)?;
    if auth.is_object() {
        Ok(PayloadRef::from_value(auth)?)
    } else {
        Err(Fault::new("the payload of a CONNECT packet must be an object"))
    }
}

fn connect_error(json: &str) -> Result<PayloadRef<'_>, Fault> {
    if json.is_empty() {
        return Ok(PayloadRef::empty());
    }
    Ok(PayloadRef::json_value(json)?)
}

/// The name and the arguments of an event: the first element of an array, and the others.
fn event(json: &str) -> Result<(Cow<'_, str>, PayloadRef<'_>), Fault> {
    let (name, args) = match plain(json) {
        Some((name, None)) => (Cow::Borrowed(name), PayloadRef::empty()),
        Some((name, Some(args))) => {
            let args = PayloadRef::json_inner(args)?;
            if args.is_empty() {
                return Err(Fault::new("the packet's payload: expected a JSON value after the comma"));
            }
            (Cow::Borrowed(name), args)
        }
        None => {
            let array = RawJson::parse(json)?;
            if !array.is_array() || array.is_empty() {
                return Err(Fault::new("the payload of an event must be an array that begins with its name"));
            }
            let (first, args) = PayloadRef::split_first(array)?;
            (event_name(first)?, args)
        }
    };
    // They all begin so.
    if matches!(name.as_bytes(), [b'c' | b'd' | b'n' | b'r', ..]) && RESERVED_EVENTS.contains(&&*name) {
        return Err(Fault::new(format!("the event name {name:?} is reserved")));
    }
    Ok((name, args))
}

/// An event as nearly all are written, `["name",…]`, without escapes or white space before the comma: its name, and
/// what is between comma and bracket. All else is for the way that looks at the array first.
fn plain(json: &str) -> Option<(&str, Option<&str>)> {
    let inner = json.strip_prefix("[\"")?.strip_suffix(']')?;
    let end = inner.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
    let name = &inner[..end];
    match &inner.as_bytes()[end..] {
        b"\"" => Some((name, None)),
        [b'"', b',', ..] => Some((name, Some(&inner[end + 2..]))),
        _ => None,
    }
}

fn event_name(first: RawJson<'_>) -> Result<Cow<'_, str>, Fault> {
    match first.as_str() {
        Some(name) => Ok(name),
        None => match first.read() {
            Ok(number) => Ok(decimal(number).into()),
            Err(_) => Err(Fault::new("an event's name must be a string or a number")),
        },
    }
}

/// A number that is an event's name, as JavaScript would spell it.
pub(super) fn decimal(number: f64) -> String {
    // Zero has no sign there.
    if number == 0.0 { "0".to_owned() } else { number.to_string() }
}
