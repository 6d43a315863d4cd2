//! The machine: one client, over polls, over a WebSocket, or first over polls and then over a WebSocket.
//!
//! It is small, for there are many: what only clients that poll need is boxed, and gone after the move. A message on a
//! WebSocket costs a look at its first character.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use everywire_core::Reason;
use http::Request;

use super::super::{Facts, Input, Lane, LaneEnd, LaneKind, Output, Outputs, Session, SessionId};
use super::heartbeat::{Due, Heartbeat, Pace};
use super::opening::Opening;
use super::options::EngineIoOptions;
use super::packet::{Dialect, Queue, Revision, Type};
use super::polling::{self, Closing, Get, Polling, Post};
use super::query::Query;
use super::refusal::EngineIoRefusal;
use super::upgrade::Probe;
use crate::seam::{Message, Time};

/// The machine. Which transport it begins on, and which revision its client speaks, its first lane says.
#[derive(Debug)]
pub struct EngineIo {
    pub(super) options: Arc<EngineIoOptions>,
    sid: SessionId,
    pub(super) dialect: Dialect,
    pub(super) heartbeat: Heartbeat,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// It has had no lane.
    New,
    Polling(Box<Polling>),
    WebSocket(Lane),
    Closed,
}

impl EngineIo {
    /// A session of this id that waits for its first lane.
    pub fn new(options: Arc<EngineIoOptions>, sid: SessionId) -> Self {
        let dialect = Dialect { revision: Revision::Four, base64: false };
        let heartbeat = Heartbeat::begin(dialect.revision, Time::default(), options.pace());
        Self { options, sid, dialect, heartbeat, stage: Stage::New }
    }

    fn lane_opened(
        &mut self,
        now: Time,
        lane: Lane,
        kind: LaneKind,
        head: &Request<()>,
        out: &mut Outputs<'_>,
    ) {
        let query = Query::read(head);
        let refuse = |refusal: EngineIoRefusal| match kind {
            LaneKind::WebSocket => refusal.knocked(lane, head),
            LaneKind::Poll | LaneKind::Post | LaneKind::Stream => refusal.polled(lane),
        };
        match (&mut self.stage, kind) {
            (Stage::Closed, _) => {}
            (Stage::New, LaneKind::Poll | LaneKind::WebSocket) => self.open(now, lane, kind, &query, out),
            (Stage::New, _) => {
                out.push(refuse(EngineIoRefusal::BadRequest));
                self.finish(Reason::ProtocolError, out);
            }
            _ if query.revision != Some(self.dialect.revision) => {
                out.push(refuse(EngineIoRefusal::BadRequest));
            }
            (Stage::Polling(_), LaneKind::Poll) => self.poll(now, lane, query.index(), out),
            (Stage::Polling(polling), LaneKind::Post) if polling.post.is_none() => {
                polling.post = Some(Post { lane, form: query.index().is_some() });
            }
            (Stage::Polling(_), LaneKind::Post) => {
                out.push(polling::broken(lane));
                self.finish(Reason::ProtocolError, out);
            }
            (Stage::Polling(polling), LaneKind::WebSocket)
                if polling.closing.is_none() && self.options.upgrades() =>
            {
                if polling.probe.is_some() {
                    return out.push(Output::End { lane, reason: Reason::ProtocolError });
                }
                let give_up_at = now.after(self.options.upgrade_timeout);
                polling.probe = Some(Probe { lane, base64: query.base64, since: None, give_up_at });
            }
            (Stage::WebSocket(_), LaneKind::WebSocket) => {
                out.push(Output::End { lane, reason: Reason::ProtocolError });
            }
            // One that polls has moved.
            (Stage::Polling(_) | Stage::WebSocket(_), _) => {
                out.push(refuse(EngineIoRefusal::BadRequest));
            }
        }
    }

    fn open(&mut self, now: Time, lane: Lane, kind: LaneKind, query: &Query<'_>, out: &mut Outputs<'_>) {
        self.dialect = query.dialect();
        self.heartbeat = Heartbeat::begin(self.dialect.revision, now, self.options.pace());
        let opened = Output::Opened(Facts { revision: self.dialect.revision as u32, ..Facts::default() });
        if kind == LaneKind::WebSocket {
            self.stage = Stage::WebSocket(lane);
            out.push(write(lane, Type::Open, &self.opening(&[])));
            out.push(opened);
            out.push(Output::Direct { lane, wrapping: self.dialect.wrapping() });
            return;
        }
        self.stage = Stage::Polling(Box::default());
        out.push(opened);
        out.push(Output::Indirect);
        out.push(Output::Hold);
        let upgrades: &[_] = if self.options.upgrades() { &["websocket"] } else { &[] };
        let opening = Queue::of(Type::Open, &self.opening(upgrades));
        let cookie = self.options.cookie.as_ref().and_then(|cookie| cookie.header(&self.sid));
        let get = Get { lane, index: query.index(), let_go_at: None };
        out.push(polling::answer_with(get, self.dialect, opening, cookie));
    }

    fn opening(&self, upgrades: &[&str]) -> String {
        let Pace { interval, timeout } = self.options.pace();
        let milliseconds = |duration: Duration| duration.as_millis().try_into().unwrap_or(u64::MAX);
        let opening = Opening {
            sid: Cow::Borrowed(&self.sid),
            upgrades: upgrades.to_vec(),
            ping_interval: milliseconds(interval),
            ping_timeout: milliseconds(timeout),
            max_payload: self.options.max_payload,
        };
        opening.to_string()
    }

    /// A GET that waits for packets.
    fn poll(&mut self, now: Time, lane: Lane, index: Option<u32>, out: &mut Outputs<'_>) {
        let Stage::Polling(polling) = &mut self.stage else { return };
        if polling.get.is_some() {
            out.push(polling::broken(lane));
            return self.finish(Reason::ProtocolError, out);
        }
        let let_go_at = polling.probe.and_then(|probe| probe.next_check(now));
        polling.get = Some(Get { lane, index, let_go_at });
        match (polling.queue.is_empty(), polling.closing) {
            (false, _) => polling.answer(self.dialect, out),
            (true, None) => out.push(Output::Release),
            (true, Some(closing)) => {
                polling.queue.push(Type::Noop, "");
                self.finish(closing.reason, out);
            }
        }
    }

    fn send<'a>(&mut self, message: Message<'a>, compress: bool, out: &mut Outputs<'a>) {
        match &mut self.stage {
            Stage::Polling(polling) if polling.closing.is_none() => {
                polling.queue.push_message(message, compress);
            }
            // What the driver had in its hands at the move.
            Stage::WebSocket(lane) => super::upgrade::write_message(*lane, self.dialect, message, out),
            Stage::Polling(_) | Stage::New | Stage::Closed => {}
        }
    }

    fn lane_closed(&mut self, lane: Lane, how: LaneEnd, out: &mut Outputs<'_>) {
        let reason = match how {
            LaneEnd::Fault(reason) => reason,
            LaneEnd::Finished(_) | LaneEnd::Aborted => Reason::Lost,
        };
        match &mut self.stage {
            Stage::WebSocket(direct) if *direct == lane => {
                self.stage = Stage::Closed;
                out.push(Output::Closed(how.reason()));
            }
            Stage::Polling(polling) => {
                polling.probe.take_if(|probe| probe.lane == lane);
                let got = polling.get.take_if(|get| get.lane == lane).is_some();
                let posted = polling.post.take_if(|post| post.lane == lane).is_some();
                // Of a body that was too long the carrier has told the client, who may go on.
                if got || posted && reason != Reason::TooLarge {
                    self.finish(reason, out);
                }
            }
            Stage::WebSocket(_) | Stage::New | Stage::Closed => {}
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(&self.stage, Stage::Polling(polling) if polling.closing.is_some())
    }

    /// The server ends it: at once, if the client can be told at once. What is queued leaves by itself: official clients
    /// look at a close before they look at the messages of the same poll.
    fn close(&mut self, now: Time, reason: Reason, out: &mut Outputs<'_>) {
        if let Stage::Polling(polling) = &mut self.stage {
            polling.answer(self.dialect, out);
        }
        match &mut self.stage {
            Stage::Polling(polling) if polling.closing.is_some() => {}
            Stage::Polling(polling) if polling.get.is_none() => {
                polling.closing = Some(Closing { reason, until: now.after(self.options.close_grace) });
                out.extend(polling.probe.take().map(|probe| Output::End { lane: probe.lane, reason }));
            }
            _ => self.finish(reason, out),
        }
    }

    /// It is over.
    pub(super) fn finish(&mut self, reason: Reason, out: &mut Outputs<'_>) {
        let reason = match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Polling(polling) => {
                let reason = polling.closing.map_or(reason, |closing| closing.reason);
                polling.end(self.dialect, reason, out);
                reason
            }
            Stage::WebSocket(lane) => {
                out.push(Output::End { lane, reason });
                reason
            }
            Stage::New => reason,
            Stage::Closed => return,
        };
        out.push(Output::Closed(reason));
    }

    fn tick(&mut self, now: Time, out: &mut Outputs<'_>) {
        match &self.stage {
            Stage::New | Stage::Closed => {}
            Stage::Polling(polling) if let Some(closing) = polling.closing => {
                if now >= closing.until {
                    self.finish(closing.reason, out);
                }
            }
            Stage::Polling(_) | Stage::WebSocket(_) => match self.heartbeat.tick(now, self.options.pace()) {
                Some(Due::End) => self.finish(Reason::IdleTimeout, out),
                due => self.beat(now, due.is_some(), out),
            },
        }
    }

    fn beat(&mut self, now: Time, ping: bool, out: &mut Outputs<'_>) {
        match &mut self.stage {
            Stage::WebSocket(lane) if ping => out.push(write(*lane, Type::Ping, "")),
            Stage::Polling(polling) => {
                if ping {
                    polling.queue.push(Type::Ping, "");
                    polling.answer(self.dialect, out);
                }
                polling.tick(now, self.dialect, out);
            }
            Stage::WebSocket(_) | Stage::New | Stage::Closed => {}
        }
    }
}

pub(super) fn write<'a>(lane: Lane, kind: Type, text: &str) -> Output<'a> {
    let mut bytes = Vec::with_capacity(1 + text.len());
    bytes.push(kind.digit());
    bytes.extend_from_slice(text.as_bytes());
    Output::Write { lane, bytes: Cow::Owned(bytes), text: true }
}

/// No event is shorter: `42["a"]`. What is, a pong above all, never waits.
const SHORTEST_EVENT: usize = 7;

impl Session for EngineIo {
    fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Outputs<'a>) {
        match input {
            Input::Message { lane, message } => match &self.stage {
                Stage::WebSocket(direct) if *direct == lane => self.framed(now, lane, message, out),
                _ => self.brought(now, lane, message, out),
            },
            Input::LaneOpened { lane, kind, head } => self.lane_opened(now, lane, kind, head, out),
            Input::LaneClosed { lane, how } => self.lane_closed(lane, how, out),
            Input::Send { message, compress, .. } => self.send(message, compress, out),
            Input::Drained => {
                if let Stage::Polling(polling) = &mut self.stage {
                    polling.answer(self.dialect, out);
                }
            }
            Input::Close(reason) => self.close(now, reason, out),
            Input::Unheard => self.heartbeat.unheard(now, self.options.pace()),
            Input::Tick => self.tick(now, out),
            // It names no rooms, keeps nothing, has its own pings, and lanes' back-pressure is the driver's.
            Input::Joined { .. }
            | Input::Acknowledged(_)
            | Input::Resumable(_)
            | Input::Beats { .. }
            | Input::Shared { .. }
            | Input::Pong { .. }
            | Input::LaneBlocked { .. }
            | Input::LaneWritable { .. } => {}
        }
    }

    // The hot path: what else a packet may be is looked at only if it is none of these.
    #[inline]
    fn message<'a>(
        &mut self,
        now: Time,
        lane: Lane,
        message: Message<'a>,
        out: &mut Outputs<'a>,
    ) -> Option<Message<'a>> {
        let plain = match (&self.stage, message) {
            (Stage::WebSocket(direct), Message::Text(text)) if *direct == lane => {
                text.strip_prefix('4').map(Message::Text)
            }
            (Stage::WebSocket(direct), Message::Binary(_)) if *direct == lane => {
                (self.dialect.revision == Revision::Four).then_some(message)
            }
            _ => None,
        };
        if plain.is_some() {
            self.heard(now);
        } else {
            self.input(now, Input::Message { lane, message }, out);
        }
        plain
    }

    fn may_wait(&self, body: &[u8]) -> bool {
        body.len() >= SHORTEST_EVENT
    }

    fn deadline(&self) -> Option<Time> {
        match &self.stage {
            Stage::New | Stage::Closed => None,
            Stage::WebSocket(_) => Some(self.heartbeat.deadline()),
            Stage::Polling(polling) => {
                match polling.closing {
                    Some(closing) => Some(closing.until),
                    None => Some(polling.deadline().map_or(self.heartbeat.deadline(), |deadline| {
                        deadline.min(self.heartbeat.deadline())
                    })),
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
