//! The hub protocol: its words in both encodings, and the machine of the server.

mod client;
mod framing;
mod golden;
mod handshake;
mod hostile;
mod machine;
mod properties;

use everywire_core::{Payload, PayloadRef};

use super::*;

/// A message in words, the same for both encodings.
fn show(message: &HubMessage<'_>) -> String {
    match message {
        HubMessage::Invocation(call) => format!("call {}", show_call(call)),
        HubMessage::StreamInvocation(call) => format!("stream {}", show_call(call)),
        HubMessage::StreamItem { id, item } => format!("item {id} {}", show_args(item)),
        HubMessage::Completion { id, outcome } => match outcome {
            Completed::Nothing => format!("end {id}"),
            Completed::Result(result) => format!("result {id} {}", show_args(result)),
            Completed::Error(error) => format!("error {id} {error}"),
        },
        HubMessage::CancelInvocation { id } => format!("cancel {id}"),
        HubMessage::Ping => "ping".to_owned(),
        HubMessage::Close { error, allow_reconnect } => {
            format!("close {error:?}{}", if *allow_reconnect { " come back" } else { "" })
        }
        HubMessage::Ack { sequence } => format!("ack {sequence}"),
        HubMessage::Sequence { sequence } => format!("sequence {sequence}"),
        HubMessage::Unknown(kind) => format!("unknown {kind}"),
    }
}

fn show_call(call: &Invocation<'_>) -> String {
    let Invocation { id, target, args, streams } = call;
    let id = id.as_deref().unwrap_or("-");
    let streams = streams.iter().map(|stream| format!(" <{stream}"));
    format!("{id} {target}{}{}", show_args(args), streams.collect::<String>())
}

fn show_args(args: &Args<'_>) -> String {
    match args {
        Ok(args) => format!("({})", json_of(args)),
        Err(error) => format!("!{error}"),
    }
}

fn json_of(args: &PayloadRef<'_>) -> String {
    let mut json = Vec::new();
    args.write_json_args(&mut json);
    String::from_utf8(json).expect("JSON is text")
}

/// Arguments, from the inside of a JSON array.
fn args(inner: &str) -> Payload {
    PayloadRef::json_inner(inner).expect("the tests' own").into_owned()
}

/// A message as it is written.
fn written(message: &Outgoing<'_>, encoding: Encoding) -> Vec<u8> {
    let mut out = Vec::new();
    message.append(encoding, &mut out);
    out
}

/// All messages of a stream that came in these pieces, in words, and the fault that ended it, if one did.
fn heard<'a>(
    encoding: Encoding,
    limit: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<String>, Option<String>) {
    let mut framing = Framing::new(encoding, limit);
    let mut shown = Vec::new();
    for mut piece in pieces {
        loop {
            let message = match framing.next(&mut piece) {
                Ok(Some(bytes)) => HubMessage::read(encoding, &bytes).map(|message| show(&message)),
                Ok(None) => break,
                Err(fault) => Err(fault),
            };
            match message {
                Ok(message) => shown.push(message),
                Err(fault) => return (shown, Some(fault.to_string())),
            }
        }
        assert!(piece.is_empty(), "what is not a message yet is kept");
    }
    (shown, None)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("two digits")).collect()
}
