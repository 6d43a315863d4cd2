//! The server's side: a session of the real trait.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use everywire_core::Reason;
use everywire_protocols::seam::{Message, Time};
use everywire_protocols::session::{
    Facts, Input, Lane, LaneEnd, LaneKind, Output, Outputs, Session, Wrapping,
};
use http::StatusCode;

use super::SEPARATOR;

/// How often a poll that hinders an upgrade is answered with a noop.
const NOOP_EVERY: Duration = Duration::from_millis(100);

/// How long an upgrade may take.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// The server's side. It has no heartbeat: that is not what the sketch is about.
#[derive(Default)]
pub(super) struct EngineIo {
    opened: bool,
    closed: bool,
    /// The poll that waits for something to say.
    poll: Option<Lane>,
    /// Messages that the driver had in its hands when a poll was answered.
    queue: VecDeque<String>,
    upgrade: Upgrade,
}

#[derive(Default)]
enum Upgrade {
    #[default]
    No,
    /// A WebSocket is there, and has perhaps been probed.
    Probing {
        lane: Lane,
        noop_at: Option<Time>,
        give_up_at: Time,
    },
    Done {
        lane: Lane,
    },
}

pub(super) fn respond<'a>(lane: Lane, status: StatusCode, body: impl Into<String>) -> Output<'a> {
    let body = Some(Cow::Owned(body.into().into_bytes()));
    Output::Respond { lane, status, headers: Box::default(), body }
}

fn write<'a>(lane: Lane, packet: impl Into<String>) -> Output<'a> {
    Output::Write { lane, bytes: Cow::Owned(packet.into().into_bytes()), text: true }
}

impl EngineIo {
    fn lane_opened(&mut self, now: Time, lane: Lane, kind: LaneKind, out: &mut Outputs<'_>) {
        match (kind, &self.upgrade) {
            (LaneKind::Poll, _) if !self.opened => {
                self.opened = true;
                out.push(Output::Opened(Facts { text_only: true, ..Facts::default() }));
                out.push(Output::Indirect);
                out.push(Output::Hold);
                out.push(respond(lane, StatusCode::OK, "0{}"));
            }
            (LaneKind::Poll, Upgrade::Done { .. }) => out.push(respond(lane, StatusCode::BAD_REQUEST, "")),
            (LaneKind::Poll, _) if self.poll.is_some() => {
                out.push(respond(lane, StatusCode::BAD_REQUEST, ""));
                self.close(Reason::ProtocolError, out);
            }
            (LaneKind::Poll, _) => {
                self.poll = Some(lane);
                if self.queue.is_empty() { out.push(Output::Release) } else { self.answer_poll(out) }
            }
            (LaneKind::WebSocket, Upgrade::No) if self.opened => {
                let give_up_at = now.after(UPGRADE_TIMEOUT);
                self.upgrade = Upgrade::Probing { lane, noop_at: None, give_up_at };
            }
            (LaneKind::WebSocket | LaneKind::Stream, _) => {
                out.push(Output::End { lane, reason: Reason::ProtocolError });
            }
            // The body is still to come.
            (LaneKind::Post, _) => {}
        }
    }

    fn answer_poll(&mut self, out: &mut Outputs<'_>) {
        if self.queue.is_empty() {
            return;
        }
        let Some(lane) = self.poll.take() else { return };
        let packets = Vec::from(std::mem::take(&mut self.queue));
        out.push(respond(lane, StatusCode::OK, packets.join(&SEPARATOR.to_string())));
        out.push(Output::Hold);
    }

    /// Lets a poll go that the client waits for.
    fn answer_with(&mut self, packet: &str, out: &mut Outputs<'_>) {
        if let Some(lane) = self.poll.take() {
            out.push(respond(lane, StatusCode::OK, packet));
            out.push(Output::Hold);
        }
    }

    fn posted<'a>(&mut self, lane: Lane, body: &'a str, out: &mut Outputs<'a>) {
        if matches!(self.upgrade, Upgrade::Done { .. }) {
            return out.push(respond(lane, StatusCode::BAD_REQUEST, ""));
        }
        for packet in body.split(SEPARATOR) {
            match packet.strip_prefix('4') {
                Some(text) => out.push(Output::Message(Message::Text(text))),
                None if packet == "1" => {
                    out.push(respond(lane, StatusCode::OK, "ok"));
                    return self.close(Reason::ClientClosed, out);
                }
                None => {
                    out.push(respond(lane, StatusCode::OK, "ok"));
                    return self.close(Reason::ProtocolError, out);
                }
            }
        }
        out.push(respond(lane, StatusCode::OK, "ok"));
    }

    fn framed<'a>(&mut self, now: Time, lane: Lane, packet: &'a str, out: &mut Outputs<'a>) {
        match &mut self.upgrade {
            Upgrade::Done { lane: moved } if *moved == lane => match packet.strip_prefix('4') {
                Some(text) => out.push(Output::Message(Message::Text(text))),
                None => self.close(Reason::ProtocolError, out),
            },
            Upgrade::Probing { lane: probing, noop_at, .. } if *probing == lane => match packet {
                "2probe" => {
                    *noop_at = Some(now.after(NOOP_EVERY));
                    out.push(write(lane, "3probe"));
                    self.answer_with("6", out);
                }
                "5" => {
                    self.answer_with("1", out);
                    out.extend(self.queue.drain(..).map(|packet| write(lane, packet)));
                    self.upgrade = Upgrade::Done { lane };
                    out.push(Output::Release);
                    out.push(Output::Direct { lane, wrapping: Wrapping::EngineIo });
                }
                _ => {
                    self.upgrade = Upgrade::No;
                    out.push(Output::End { lane, reason: Reason::ProtocolError });
                }
            },
            _ => {}
        }
    }

    fn lane_closed(&mut self, lane: Lane, how: LaneEnd, out: &mut Outputs<'_>) {
        match self.upgrade {
            Upgrade::Done { lane: moved } if moved == lane => {
                self.upgrade = Upgrade::No;
                self.close(how.reason(), out);
            }
            Upgrade::Probing { lane: probing, .. } if probing == lane => self.upgrade = Upgrade::No,
            _ if self.poll == Some(lane) => {
                self.poll = None;
                self.close(Reason::Lost, out);
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: Time, out: &mut Outputs<'_>) {
        let Upgrade::Probing { lane, noop_at, give_up_at } = &mut self.upgrade else { return };
        if now >= *give_up_at {
            out.push(Output::End { lane: *lane, reason: Reason::HandshakeTimeout });
            self.upgrade = Upgrade::No;
        } else if noop_at.is_some_and(|at| now >= at) {
            *noop_at = Some(now.after(NOOP_EVERY));
            self.answer_with("6", out);
        }
    }

    fn close(&mut self, reason: Reason, out: &mut Outputs<'_>) {
        self.closed = true;
        if let Some(lane) = self.poll.take() {
            out.push(respond(lane, StatusCode::OK, "1"));
        }
        if let Upgrade::Probing { lane, .. } | Upgrade::Done { lane } = self.upgrade {
            out.push(Output::End { lane, reason });
        }
        out.push(Output::Closed(reason));
    }
}

impl Session for EngineIo {
    fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Outputs<'a>) {
        if self.closed {
            return;
        }
        match input {
            Input::LaneOpened { lane, kind, .. } => self.lane_opened(now, lane, kind, out),
            Input::Message { lane, message: Message::Text(text) } if self.is_websocket(lane) => {
                self.framed(now, lane, text, out);
            }
            Input::Message { lane, message: Message::Text(text) } => self.posted(lane, text, out),
            Input::Message { lane, message: Message::Binary(_) } if self.is_websocket(lane) => {
                self.close(Reason::Unsupported, out);
            }
            Input::Message { lane, message: Message::Binary(_) } => {
                out.push(respond(lane, StatusCode::BAD_REQUEST, ""));
            }
            Input::LaneClosed { lane, how } => self.lane_closed(lane, how, out),
            Input::Send { message: Message::Text(text), .. } => self.queue.push_back(format!("4{text}")),
            Input::Drained => self.answer_poll(out),
            Input::Close(reason) => self.close(reason, out),
            Input::Tick => self.tick(now, out),
            // Text only, no rooms, and it keeps nothing.
            Input::Send { .. }
            | Input::Joined { .. }
            | Input::Acknowledged(_)
            | Input::Pong { .. }
            | Input::LaneWritable { .. } => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        match self.upgrade {
            Upgrade::Probing { noop_at, give_up_at, .. } if !self.closed => {
                Some(noop_at.map_or(give_up_at, |noop_at| noop_at.min(give_up_at)))
            }
            _ => None,
        }
    }
}

impl EngineIo {
    fn is_websocket(&self, lane: Lane) -> bool {
        matches!(self.upgrade, Upgrade::Probing { lane: of, .. } | Upgrade::Done { lane: of } if of == lane)
    }
}
