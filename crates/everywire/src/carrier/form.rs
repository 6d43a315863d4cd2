//! The wire form of a connection: which protocol, in which carrier's frames. A form is a number, so
//! that the hub can compare forms and know none of them.

use std::cell::RefCell;

use everywire_core::{Broadcast, Encode, Form};
use everywire_protocols::protocol::ProtocolForm;
use everywire_protocols::seam::Outbox;
use everywire_protocols::session::{Wrapped, Wrapping};
use everywire_websocket::Deflater;

use super::frames::{Frames, Plain};
use crate::app::options::Deflate;

/// How a carrier frames a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A WebSocket message, uncompressed.
    WebSocket,
    /// A WebSocket message, compressed on its own with a window of so many bits.
    Deflate(u8),
    /// The message as it is: a stream of text, such as SSE.
    Plain,
}

/// The form of a protocol's broadcasts in a session's wrapping on a carrier.
pub(crate) fn form(protocol: ProtocolForm, wrapping: Wrapping, framing: Framing) -> Form {
    let framing = match framing {
        Framing::WebSocket => 0,
        Framing::Plain => 1,
        Framing::Deflate(bits) => u32::from(bits),
    };
    let form = Form::new(protocol as u32 | (wrapping as u32) << 8 | framing << 16, false);
    if protocol.is_headed() { form.headed() } else { form }
}

fn parts(form: Form) -> Option<(ProtocolForm, Wrapping, Framing)> {
    let protocol = ProtocolForm::ALL.get((form.number() & 0xff) as usize)?;
    let wrapping = Wrapping::ALL.get((form.number() >> 8 & 0xff) as usize)?;
    let framing = match form.number() >> 16 {
        0 => Framing::WebSocket,
        1 => Framing::Plain,
        bits => Framing::Deflate(bits as u8),
    };
    Some((*protocol, *wrapping, framing))
}

/// Encodes broadcasts, for all connections alike.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(crate) deflate: Deflate,
}

thread_local! {
    /// One compressor a thread and window: without context takeover it is shared by all connections.
    static DEFLATERS: RefCell<[Option<Box<Deflater>>; 16]> = const { RefCell::new([const { None }; 16]) };
}

impl Encode for Encoder {
    fn encode(&self, form: Form, broadcast: &Broadcast, out: &mut Vec<u8>) {
        let Some((protocol, wrapping, framing)) = parts(form) else { return };
        if form.is_headed() {
            // What frames each message is written with its head.
            let mut tail = Vec::new();
            protocol.encode(broadcast, form.meta(), &mut Plain(&mut tail));
            return wrapping.tail(&tail, out);
        }
        let encode = |outbox: &mut dyn Outbox| match wrapping {
            Wrapping::None => protocol.encode(broadcast, form.meta(), outbox),
            _ => protocol.encode(broadcast, form.meta(), &mut Wrapped { wrapping, outbox }),
        };
        match framing {
            Framing::Plain => encode(&mut Plain(out)),
            Framing::Deflate(bits) if broadcast.publication.compress => {
                with_shared_deflater(bits, self.deflate.level, |deflater| {
                    let mut frames = Frames::compressed(out, deflater, self.deflate.threshold);
                    encode(&mut frames);
                });
            }
            Framing::WebSocket | Framing::Deflate(_) => encode(&mut Frames::new(out)),
        }
    }
}

/// Calls `f` with this thread's compressor for a window of so many bits.
pub(crate) fn with_shared_deflater<R>(bits: u8, level: u8, f: impl FnOnce(&mut Deflater) -> R) -> R {
    DEFLATERS.with_borrow_mut(|deflaters| {
        let place = &mut deflaters[usize::from(bits.min(15))];
        f(place.get_or_insert_with(|| Box::new(Deflater::shared(level, bits))))
    })
}
