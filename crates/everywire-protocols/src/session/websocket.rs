//! The plain WebSocket session: one lane, for as long as it lives.
//!
//! It has no wrapping: a message of the protocol is a message of the socket. What it adds is a
//! heartbeat: a ping when nothing came for an interval, and the end if the next interval is silent too.

use std::time::Duration;

use everywire_core::Reason;

use super::{Facts, Input, Lane, Output, Outputs, Session, Wrapping};
use crate::seam::{Message, Time};

/// Heartbeat of a plain WebSocket.
#[derive(Debug, Clone, Copy)]
pub struct WebSocketOptions {
    /// A ping is sent when nothing was heard for so long. Default 25 s, Engine.IO's `pingInterval`.
    pub ping_interval: Duration,
    /// And the session ends if then nothing is heard for so long. Default 20 s, Engine.IO's `pingTimeout`.
    pub ping_timeout: Duration,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self { ping_interval: Duration::from_secs(25), ping_timeout: Duration::from_secs(20) }
    }
}

/// The machine.
#[derive(Debug)]
pub struct WebSocket {
    options: WebSocketOptions,
    lane: Option<Lane>,
    heard: Time,
    /// When the ping was sent that nothing has answered yet.
    pinged: Option<Time>,
    closed: bool,
}

impl WebSocket {
    /// A session that waits for its lane.
    pub fn new(options: WebSocketOptions) -> Self {
        Self { options, lane: None, heard: Time::default(), pinged: None, closed: false }
    }

    fn hear(&mut self, now: Time) {
        self.heard = now;
        self.pinged = None;
    }

    fn close(&mut self, reason: Reason, out: &mut Outputs<'_>) {
        self.closed = true;
        if let Some(lane) = self.lane.take() {
            out.push(Output::End { lane, reason });
        }
        out.push(Output::Closed(reason));
    }

    fn tick(&mut self, now: Time, out: &mut Outputs<'_>) {
        let Some(lane) = self.lane else { return };
        match self.pinged {
            Some(pinged) if now >= pinged.after(self.options.ping_timeout) => {
                self.close(Reason::IdleTimeout, out);
            }
            None if now >= self.heard.after(self.options.ping_interval) => {
                self.pinged = Some(now);
                out.push(Output::Ping { lane });
            }
            _ => {}
        }
    }
}

impl Session for WebSocket {
    fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Outputs<'a>) {
        if self.closed {
            return;
        }
        match input {
            Input::Message { message, .. } => {
                self.hear(now);
                out.push(Output::Message(message));
            }
            Input::Pong { .. } | Input::Unheard => self.hear(now),
            Input::LaneOpened { lane, .. } => {
                self.lane = Some(lane);
                self.hear(now);
                out.push(Output::Opened(Facts::default()));
                out.push(Output::Direct { lane, wrapping: Wrapping::None });
            }
            Input::LaneClosed { how, .. } => {
                self.closed = true;
                self.lane = None;
                out.push(Output::Closed(how.reason()));
            }
            Input::Close(reason) => self.close(reason, out),
            Input::Tick => self.tick(now, out),
            // Never indirect, names no rooms, keeps nothing, and the one lane's back-pressure is the driver's.
            Input::Send { .. }
            | Input::Drained
            | Input::Joined { .. }
            | Input::Acknowledged(_)
            | Input::Resumable(_)
            | Input::Beats { .. }
            | Input::Shared { .. }
            | Input::LaneBlocked { .. }
            | Input::LaneWritable { .. } => {}
        }
    }

    #[inline]
    fn message<'a>(
        &mut self,
        now: Time,
        _lane: Lane,
        message: Message<'a>,
        _out: &mut Outputs<'a>,
    ) -> Option<Message<'a>> {
        if self.closed {
            return None;
        }
        self.hear(now);
        Some(message)
    }

    fn deadline(&self) -> Option<Time> {
        self.lane?;
        Some(match self.pinged {
            Some(pinged) => pinged.after(self.options.ping_timeout),
            None => self.heard.after(self.options.ping_interval),
        })
    }
}

#[cfg(test)]
#[path = "websocket_tests.rs"]
mod tests;
