//! What the machine makes of what it hears: frames, in messages and in the pieces of responses.

use std::borrow::Cow;

use everywire_core::Reason;

use super::super::super::Lane;
use super::SockJsClientOutput as Output;
use super::carrier::{Carrier, reason_of};
use super::heard::{BadFrame, Heard};
use super::machine::{SockJsClient, Stage};
use super::reading::Unreadable;
use crate::seam::{Decoded, Message, Time};

impl SockJsClient {
    /// What it is carried by, if it listens on this lane: there the server has just been heard.
    pub(super) fn listens(&mut self, now: Time, lane: Lane) -> Option<&mut Carrier> {
        let Stage::Carried(carrier) = &mut self.stage else { return None };
        if carrier.lane != Some(lane) {
            return None;
        }
        self.heard = now;
        Some(carrier)
    }

    /// A message of a WebSocket's is a frame.
    pub(super) fn message<'a>(
        &mut self,
        now: Time,
        lane: Lane,
        message: Message<'a>,
        out: &mut Vec<Output<'a>>,
    ) {
        if !self.listens(now, lane).is_some_and(|carrier| carrier.is_websocket()) {
            return;
        }
        let limit = self.options.frame_bytes;
        let text = match message {
            _ if message.as_bytes().len() > limit => Err(Unreadable::TooLong(limit)),
            Message::Text(text) => Ok(text),
            Message::Binary(bytes) => std::str::from_utf8(bytes).map_err(|_| Unreadable::NoText),
        };
        match text {
            Ok(text) => self.hear(Heard::read(text, self.options.frame_messages), out),
            Err(unreadable) => self.unreadable(unreadable, out),
        }
    }

    /// Bytes of the response that it listens to.
    pub(super) fn read(&mut self, bytes: &[u8], out: &mut Vec<Output<'_>>) {
        let Stage::Carried(carrier) = &mut self.stage else { return };
        if carrier.is_websocket() {
            return;
        }
        let (frames, read) = carrier.reading.read(bytes);
        for frame in frames {
            let heard = Heard::read(&frame, self.options.frame_messages);
            self.hear(heard.map(Heard::into_owned), out);
        }
        if let Err(unreadable) = read {
            self.unreadable(unreadable, out);
        }
    }

    fn unreadable(&mut self, unreadable: Unreadable, out: &mut Vec<Output<'_>>) {
        let (reason, code) = match unreadable {
            Unreadable::TooLong(_) => (Reason::TooLarge, 1009),
            Unreadable::NoText => (Reason::InvalidText, 1007),
        };
        self.over(reason, code, unreadable.to_string(), out);
    }

    fn hear<'a>(&mut self, heard: Result<Heard<'a>, BadFrame>, out: &mut Vec<Output<'a>>) {
        // Nothing counts after the end.
        let Stage::Carried(carrier) = &mut self.stage else { return };
        match heard {
            Ok(Heard::Open) if carrier.open => {
                self.over(Reason::Lost, 1006, "Server lost session".to_owned(), out);
            }
            Ok(Heard::Open) => {
                carrier.open = true;
                carrier.brought = true;
                let transport = carrier.transport;
                out.push(Output::Opened { transport });
            }
            Ok(Heard::Messages(_)) if !carrier.open => {
                let text = "the server has sent messages before it opened the session".to_owned();
                self.over(Reason::ProtocolError, 1002, text, out);
            }
            Ok(Heard::Messages(messages)) => {
                carrier.brought |= !messages.is_empty();
                out.extend(messages.into_iter().map(|message| match message {
                    Cow::Borrowed(text) => Output::Message(Message::Text(text)),
                    Cow::Owned(text) => Output::Decoded(Decoded::Text(text)),
                }));
            }
            Ok(Heard::Heartbeat) if carrier.open => out.push(Output::Heartbeat),
            Ok(Heard::Heartbeat | Heard::Nothing) => {}
            Ok(Heard::Close { code, reason }) => self.over(reason_of(code), code, reason.into_owned(), out),
            Err(bad) => self.over(Reason::ProtocolError, 1002, bad.to_string(), out),
        }
    }
}
