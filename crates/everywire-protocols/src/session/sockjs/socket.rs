//! A session that a WebSocket carries alone.

use std::borrow::Cow;

use super::super::{Lane, Output, Outputs};
use super::frame::{self, Frame, Unread, append_message};
use super::options::{SockJsHeartbeat, SockJsOptions};
use crate::seam::{Message, Time};
use everywire_core::Reason;

/// Which heart-beats rest, for the protocol has some of its own.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rest {
    /// The frames, by which the client hears of us.
    pub(super) frames: bool,
    /// The pings, by which we hear of the client, too.
    pub(super) pings: bool,
}

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) lane: Lane,
    /// When a heart-beat is due, or the answer to one.
    pub(super) until: Time,
    pinged: bool,
    pub(super) rest: Rest,
}

impl Socket {
    pub(super) fn new(lane: Lane, now: Time, options: &SockJsOptions) -> Self {
        Self { lane, until: now.after(options.heartbeat), pinged: false, rest: Rest::default() }
    }

    /// The client lives.
    pub(super) fn heard(&mut self, now: Time, options: &SockJsOptions) {
        if std::mem::take(&mut self.pinged) {
            self.until = now.after(options.heartbeat);
        }
    }

    /// What may have come was not read: it is pinged anew.
    pub(super) fn unheard(&mut self, now: Time) {
        if std::mem::take(&mut self.pinged) {
            self.until = now;
        }
    }

    pub(super) fn say(&self, message: Message<'_>, out: &mut Outputs<'_>) {
        let mut inside = Vec::new();
        append_message(&String::from_utf8_lossy(message.as_bytes()), &mut inside);
        self.frame(Frame::Messages(std::str::from_utf8(&inside).unwrap_or_default()), out);
    }

    pub(super) fn say_end(&self, reason: Reason, out: &mut Outputs<'_>) {
        let (code, reason) = end_of(reason);
        self.frame(Frame::Close { code, reason }, out);
    }

    fn frame(&self, frame: Frame<'_>, out: &mut Outputs<'_>) {
        let mut bytes = Vec::new();
        frame.append(&mut bytes);
        out.push(Output::Write { lane: self.lane, bytes: Cow::Owned(bytes), text: true });
    }

    /// False if the client is gone.
    pub(super) fn tick(&mut self, now: Time, options: &SockJsOptions, out: &mut Outputs<'_>) -> bool {
        match options.websocket_heartbeat {
            SockJsHeartbeat::Ping { .. } if self.rest.pings && !self.pinged => {
                self.until = now.after(options.heartbeat);
            }
            SockJsHeartbeat::Frame if self.rest.frames => self.until = now.after(options.heartbeat),
            SockJsHeartbeat::Ping { .. } if self.pinged => return false,
            SockJsHeartbeat::Ping { timeout } => {
                out.push(Output::Ping { lane: self.lane });
                self.pinged = true;
                self.until = now.after(timeout);
            }
            SockJsHeartbeat::Frame => {
                self.frame(Frame::Heartbeat, out);
                self.until = now.after(options.heartbeat);
            }
        }
        true
    }
}

/// What the client says; or why the session ends with it.
pub(super) fn message<'a>(message: Message<'a>, out: &mut Outputs<'a>) -> Result<(), Reason> {
    let text = match message {
        Message::Text(text) => Cow::Borrowed(text),
        Message::Binary(bytes) => String::from_utf8_lossy(bytes),
    };
    if text.is_empty() {
        return Ok(());
    }
    let messages = frame::messages(&text, true).map_err(|unread| match unread {
        Unread::NoMessages => Reason::ProtocolError,
        Unread::TooMany => Reason::TooLarge,
    })?;
    out.extend(messages.into_iter().map(Output::Decoded));
    Ok(())
}

/// How a client is told of an end: the code of WebSocket's registry, and the reference's words for an ordinary one.
pub(super) fn end_of(reason: Reason) -> (u16, &'static str) {
    match reason {
        Reason::ServerClosed | Reason::ClientLeft | Reason::ClientClosed => (1000, "Normal closure"),
        reason => (reason.close_code(), reason.as_str()),
    }
}
