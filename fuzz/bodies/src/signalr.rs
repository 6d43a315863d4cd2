//! SignalR's hub protocol: a stream cut anywhere gives the same messages, what is read can be written, and what was
//! written is read as the same.

use everywire_protocols::protocol::signalr::{
    Completed, Encoding, Ended, Framing, HubMessage, Invocation, Outgoing,
};

/// Small, so that a fuzzer reaches it.
const LIMIT: usize = 300;

/// The first byte chooses the encoding and the size of the pieces; the rest is what a peer sends.
pub fn signalr(data: &[u8]) {
    let Some((&settings, stream)) = data.split_first() else { return };
    let encoding = Encoding::ALL[usize::from(settings & 1)];
    let size = usize::from(settings >> 1).max(1);
    let whole = bodies(encoding, [stream]);
    assert_eq!(bodies(encoding, stream.chunks(size)), whole, "in pieces of {size} bytes");
    for body in &whole.0 {
        let Ok(message) = HubMessage::read(encoding, body) else { continue };
        let Some(once) = rewritten(encoding, &message) else { continue };
        let (bodies, fault) = bodies_within(encoding, usize::MAX, [&once[..]]);
        assert_eq!((bodies.len(), fault), (1, None), "what is written is one message");
        let again = HubMessage::read(encoding, &bodies[0]).expect("what is written can be read");
        assert_eq!(rewritten(encoding, &again), Some(once), "and says the same");
    }
}

fn bodies<'a>(
    encoding: Encoding,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Vec<u8>>, Option<String>) {
    bodies_within(encoding, LIMIT, pieces)
}

fn bodies_within<'a>(
    encoding: Encoding,
    limit: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Vec<u8>>, Option<String>) {
    let mut framing = Framing::new(encoding, limit);
    let mut bodies = Vec::new();
    for mut piece in pieces {
        loop {
            match framing.next(&mut piece) {
                Ok(Some(body)) => bodies.push(body.into_owned()),
                Ok(None) => break,
                Err(fault) => return (bodies, Some(fault.to_string())),
            }
        }
    }
    (bodies, None)
}

/// The same message as we write it; none if it is of an unknown kind, or has arguments that nobody takes.
fn rewritten(encoding: Encoding, message: &HubMessage<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut write = |message: Outgoing<'_>| message.append(encoding, &mut out);
    match message {
        HubMessage::Invocation(call) => call_again(false, call, &mut write)?,
        HubMessage::StreamInvocation(call) => call_again(true, call, &mut write)?,
        HubMessage::StreamItem { id, item } => {
            write(Outgoing::StreamItem { id, item: &item.as_ref().ok()?.to_payload() });
        }
        HubMessage::Completion { id, outcome } => match outcome {
            Completed::Nothing => write(Outgoing::Completion { id, ended: Ended::Nothing }),
            Completed::Error(error) => write(Outgoing::Completion { id, ended: Ended::Error(error) }),
            Completed::Result(result) => {
                let result = result.as_ref().ok()?.to_payload();
                write(Outgoing::Completion { id, ended: Ended::Result(&result) });
            }
        },
        HubMessage::CancelInvocation { id } => write(Outgoing::CancelInvocation { id }),
        HubMessage::Ping => write(Outgoing::Ping),
        HubMessage::Close { error, allow_reconnect } => {
            write(Outgoing::Close { error: error.as_deref(), allow_reconnect: *allow_reconnect });
        }
        HubMessage::Ack { sequence } => write(Outgoing::Ack { sequence: *sequence }),
        HubMessage::Sequence { sequence } => write(Outgoing::Sequence { sequence: *sequence }),
        HubMessage::Unknown(_) => return None,
    }
    Some(out)
}

fn call_again(stream: bool, call: &Invocation<'_>, write: &mut dyn FnMut(Outgoing<'_>)) -> Option<()> {
    let args = call.args.as_ref().ok()?.to_payload();
    let streams: Vec<&str> = call.streams.iter().map(|id| &**id).collect();
    let (id, target) = (call.id.as_deref(), &*call.target);
    write(Outgoing::Invocation { stream, id, target, args: &args, extra: None, streams: &streams });
    Some(())
}
