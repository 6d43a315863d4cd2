//! SignalR as far as a client that measures needs it: a handshake over a WebSocket without negotiation, calls and what
//! answers them, in both encodings.

use std::ops::Range;

use crate::message::{Exchange, ID, Template};
use crate::wire::{self, BINARY, Frame, TEXT, Wire};

/// Behind each message in JSON.
const END: &str = "\u{1e}";

/// Whether a message is the server's ping, which wants no answer.
pub(crate) fn is_ping(wire: Wire, frame: &Frame<'_>) -> bool {
    match wire {
        Wire::SignalR => frame.opcode == TEXT && frame.payload == b"{\"type\":6}\x1e",
        Wire::SignalRMsgPack => frame.opcode == BINARY && frame.payload == [0x02, 0x91, 0x06],
        _ => false,
    }
}

/// The client's handshake, in a frame.
pub(crate) fn hello(wire: Wire) -> Vec<u8> {
    let protocol = if wire == Wire::SignalR { "json" } else { "messagepack" };
    let mut out = Vec::new();
    let hello = format!("{{\"protocol\":\"{protocol}\",\"version\":1}}{END}");
    wire::encode(wire, TEXT, hello.as_bytes(), &mut out);
    out
}

/// The server's.
pub(crate) const WELCOME: &[u8] = b"{}\x1e";

/// The streams of a connection, from the client and to it. There is at most one each way, so an id is free again once its
/// stream has ended.
const UP: &str = "u";
const DOWN: &str = "d";

/// Begins a stream that is mirrored.
pub(crate) fn mirror(wire: Wire) -> Vec<u8> {
    let mut out = Vec::new();
    match wire {
        Wire::SignalRMsgPack => {
            let body =
                [&[0x96, 4, 0x80][..], &text(DOWN), &text("mirror"), &[0x90, 0x91], &text(UP)].concat();
            wire::encode(wire, BINARY, &counted(&body), &mut out);
        }
        _ => {
            let call = format!(
                r#"{{"type":4,"invocationId":"{DOWN}","target":"mirror","arguments":[],"streamIds":["{UP}"]}}{END}"#
            );
            wire::encode(wire, TEXT, call.as_bytes(), &mut out);
        }
    }
    out
}

/// A call and its result, both with one text.
pub(crate) fn invoked(wire: Wire, message: &Template) -> Exchange {
    if wire == Wire::SignalRMsgPack {
        return Exchange {
            sent: packed(&[&[0x96, 1, 0x80]], true, &[&text("echo"), &[0x91]], message, &[0x90]),
            back: packed(&[&[0x95, 3, 0x80]], true, &[&[3]], message, &[]),
        };
    }
    let argument = message.quoted();
    Exchange {
        sent: numbered(
            r#"{"type":1,"invocationId":""#,
            r#"","target":"echo","arguments":["#,
            &argument,
            "]}",
        ),
        back: numbered(r#"{"type":3,"invocationId":""#, r#"","result":"#, &argument, "}"),
    }
}

/// An item of a stream, and the same of another.
pub(crate) fn mirrored(wire: Wire, message: &Template) -> Exchange {
    Exchange { sent: item(wire, UP, message), back: item(wire, DOWN, message) }
}

fn item(wire: Wire, id: &str, message: &Template) -> Template {
    if wire == Wire::SignalRMsgPack {
        return packed(&[&[0x94, 2, 0x80], &text(id)], false, &[], message, &[]);
    }
    plain(&format!(r#"{{"type":2,"invocationId":"{id}","item":"#), &message.quoted(), "}")
}

/// A call for a number of items, the first of which is given, and an item.
pub(crate) fn streamed(wire: Wire, message: &Template, items: u16) -> Exchange {
    let sent = if wire == Wire::SignalRMsgPack {
        let head: &[&[u8]] = &[&[0x96, 4, 0x80], &text(DOWN), &text("count"), &[0x92]];
        let [high, low] = items.to_be_bytes();
        packed(head, false, &[], message, &[0xcd, high, low, 0x90])
    } else {
        let head = format!(r#"{{"type":4,"invocationId":"{DOWN}","target":"count","arguments":["#);
        plain(&head, &message.quoted(), &format!(",{items}]}}"))
    };
    Exchange { sent, back: item(wire, DOWN, message) }
}

/// Whether a message is the end of the stream to the client, without a fault.
pub(crate) fn is_end(wire: Wire, frame: &Frame<'_>) -> bool {
    let (opcode, payload) = match wire {
        Wire::SignalRMsgPack => (BINARY, &b"\x06\x94\x03\x80\xa1d\x02"[..]),
        _ => (TEXT, &b"{\"type\":3,\"invocationId\":\"d\"}\x1e"[..]),
    };
    *frame == Frame { opcode, compressed: false, payload }
}

/// What is published, and what everybody hears.
pub(crate) fn published(wire: Wire, message: &Template) -> Exchange {
    let event = |target: &str| {
        if wire == Wire::SignalRMsgPack {
            let head: &[&[u8]] = &[&[0x96, 1, 0x80, 0xc0], &text(target), &[0x91]];
            return packed(head, false, &[], message, &[0x90]);
        }
        plain(&format!(r#"{{"type":1,"target":"{target}","arguments":["#), &message.quoted(), "]}")
    };
    Exchange { sent: event("publish"), back: event("message") }
}

fn plain(head: &str, value: &Template, tail: &str) -> Template {
    value.within(head.as_bytes(), 0..0, format!("{tail}{END}").as_bytes(), TEXT)
}

fn numbered(head: &str, behind: &str, value: &Template, tail: &str) -> Template {
    let id = head.len()..head.len() + ID;
    let head = format!("{head}{}{behind}", "0".repeat(ID));
    value.within(head.as_bytes(), id, format!("{tail}{END}").as_bytes(), TEXT)
}

/// A message of `MessagePack`, its length before it: the head, an id if there is to be one, what stands behind that, and a text.
fn packed(head: &[&[u8]], has_id: bool, behind: &[&[u8]], message: &Template, tail: &[u8]) -> Template {
    let mut body = head.concat();
    let mut id = 0..0;
    if has_id {
        body.push(0xa0 | ID as u8);
        id = body.len()..body.len() + ID;
        body.extend_from_slice(&[b'0'; ID]);
    }
    body.extend_from_slice(&behind.concat());
    // A text of 32 to 255 bytes.
    body.extend_from_slice(&[
        0xd9,
        u8::try_from(message.payload.len()).expect("short messages are measured"),
    ]);
    let length = length(body.len() + message.payload.len() + tail.len());
    let shifted = |range: Range<usize>| match range.is_empty() {
        true => range,
        false => range.start + length.len()..range.end + length.len(),
    };
    message.within(&[&*length, &body].concat(), shifted(id), tail, BINARY)
}

fn text(text: &str) -> Vec<u8> {
    [&[0xa0 | text.len() as u8], text.as_bytes()].concat()
}

fn counted(body: &[u8]) -> Vec<u8> {
    [&length(body.len()), body].concat()
}

/// As many bytes of seven bits as it takes, the lowest first.
fn length(length: usize) -> Vec<u8> {
    match length {
        0..0x80 => vec![length as u8],
        _ => vec![length as u8 | 0x80, (length >> 7) as u8],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_clients() {
        let message = Template::text(64);
        let text = str::from_utf8(&message.payload).unwrap();
        let Exchange { sent, back } = invoked(Wire::SignalR, &message);
        let expected = format!(
            "{{\"type\":1,\"invocationId\":\"0000000\",\"target\":\"echo\",\"arguments\":[\"{text}\"]}}\u{1e}"
        );
        assert_eq!(str::from_utf8(&sent.payload).unwrap(), expected);
        let expected = format!("{{\"type\":3,\"invocationId\":\"0000000\",\"result\":\"{text}\"}}\u{1e}");
        assert_eq!(str::from_utf8(&back.payload).unwrap(), expected);
        let Exchange { sent, back } = invoked(Wire::SignalRMsgPack, &message);
        let expected =
            [&b"\x54\x96\x01\x80\xa70000000\xa4echo\x91\xd9\x40"[..], text.as_bytes(), b"\x90"].concat();
        assert_eq!(sent.payload, expected);
        let expected = [&b"\x4e\x95\x03\x80\xa70000000\x03\xd9\x40"[..], text.as_bytes()].concat();
        assert_eq!(back.payload, expected);
    }

    #[test]
    fn a_length_takes_two_bytes_where_one_is_too_short() {
        let text = Template::text(128);
        let Exchange { back, .. } = published(Wire::SignalRMsgPack, &text);
        let expected = [b"\x90\x01\x96\x01\x80\xc0\xa7message\x91\xd9\x80", &*text.payload, b"\x90"].concat();
        assert_eq!(back.payload, expected);
        assert_eq!(length(0x7f), [0x7f]);
        assert_eq!(length(0x80), [0x80, 0x01]);
    }

    #[test]
    fn streams_are_those_of_the_clients() {
        let message = Template::text(64);
        let text = str::from_utf8(&message.payload).unwrap();
        let json = |exchange: Exchange| {
            [exchange.sent, exchange.back].map(|template| String::from_utf8(template.payload).unwrap())
        };
        let call =
            format!(r#"{{"type":4,"invocationId":"d","target":"count","arguments":["{text}",1000]}}{END}"#);
        let item = |id| format!(r#"{{"type":2,"invocationId":"{id}","item":"{text}"}}{END}"#);
        assert_eq!(json(streamed(Wire::SignalR, &message, 1000)), [call, item("d")]);
        assert_eq!(json(mirrored(Wire::SignalR, &message)), [item("u"), item("d")]);

        let packed = |exchange: Exchange| [exchange.sent.payload, exchange.back.payload];
        let text = [b"\xd9\x40", &*message.payload].concat();
        let call = [b"\x52\x96\x04\x80\xa1d\xa5count\x92", &*text, b"\xcd\x03\xe8\x90"].concat();
        let item = |id: &[u8]| [b"\x47\x94\x02\x80\xa1", id, &*text].concat();
        assert_eq!(packed(streamed(Wire::SignalRMsgPack, &message, 1000)), [call, item(b"d")]);
        assert_eq!(packed(mirrored(Wire::SignalRMsgPack, &message)), [item(b"u"), item(b"d")]);
    }

    #[test]
    fn pings_and_ends_are_told_from_messages() {
        let json = (Wire::SignalR, TEXT);
        let packed = (Wire::SignalRMsgPack, BINARY);
        for ((wire, opcode), payload, ping, end) in [
            (json, &b"{\"type\":6}\x1e"[..], true, false),
            (json, b"{\"type\":6}", false, false),
            (json, b"{\"type\":3,\"invocationId\":\"d\"}\x1e", false, true),
            (json, b"{\"type\":3,\"invocationId\":\"d\",\"error\":\"no\"}\x1e", false, false),
            (json, b"{\"type\":3,\"invocationId\":\"d\",\"result\":null}\x1e", false, false),
            (packed, b"\x02\x91\x06", true, false),
            (packed, b"\x06\x94\x03\x80\xa1d\x02", false, true),
            (packed, b"\x09\x95\x03\x80\xa1d\x01\xa2no", false, false),
            ((Wire::SignalRMsgPack, TEXT), b"\x02\x91\x06", false, false),
            ((Wire::SocketIo, TEXT), b"{\"type\":6}\x1e", false, false),
        ] {
            let frame = Frame { opcode, compressed: false, payload };
            assert_eq!((is_ping(wire, &frame), is_end(wire, &frame)), (ping, end), "{wire:?} {frame:?}");
        }
    }
}
