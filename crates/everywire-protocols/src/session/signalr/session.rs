//! The machine: one client, on a WebSocket, a stream of events, or polls. Which, its first request says, and it stays so.

use std::borrow::Cow;
use std::sync::Arc;

use everywire_core::Reason;
use http::{Method, Request};

use super::super::{Facts, Input, Lane, LaneEnd, LaneKind, Output, Outputs, Session, Wrapping};
use super::answer::{self, SignalRRefusal};
use super::listening::{Early, Events, Polling, event};
use super::options::SignalRConnectionOptions;
use super::stateful::{self, Stateful};
use crate::seam::{Decoded, Message, Time};

/// The machine.
#[derive(Debug)]
pub(super) struct SignalRSession {
    options: Arc<SignalRConnectionOptions>,
    /// Whether both sides want that the client may come back.
    resumes: bool,
    stage: Stage,
}

/// What a body counts beside its bytes that comes before anybody listens.
const EARLY_COST: usize = 512;

#[derive(Debug)]
enum Stage {
    /// It has had no lane.
    New,
    /// The client has posted, and nothing says yet how it will hear.
    Early(Box<Early>),
    WebSocket(Lane),
    Stateful(Box<Stateful>),
    Events(Box<Events>),
    Polling(Box<Polling>),
    Closed,
}

impl SignalRSession {
    /// A session that waits for its first lane.
    pub(super) fn new(options: Arc<SignalRConnectionOptions>, resumes: bool) -> Self {
        Self { options, resumes, stage: Stage::New }
    }

    fn lane_opened(
        &mut self,
        now: Time,
        lane: Lane,
        kind: LaneKind,
        head: &Request<()>,
        out: &mut Outputs<'_>,
    ) {
        let ends = head.method() == Method::DELETE;
        let refusal = match (&mut self.stage, kind) {
            (Stage::New | Stage::Early(_), LaneKind::WebSocket | LaneKind::Stream | LaneKind::Poll) => {
                return self.open(now, lane, kind, out);
            }
            (Stage::New, LaneKind::Post) if !ends => {
                let until = now.after(self.options.disconnect_timeout);
                let early = Early { said: Vec::new(), bytes: 0, until, posts: vec![lane] };
                self.stage = Stage::Early(Box::new(early));
                return;
            }
            (Stage::Polling(_), LaneKind::Poll) => return self.poll(now, lane, out),
            (Stage::Polling(_), LaneKind::Post) if ends => return self.end_by_client(lane, out),
            (Stage::Polling(_) | Stage::Events(_) | Stage::Early(_), LaneKind::Post) if !ends => {
                return self.posts().into_iter().for_each(|posts| posts.push(lane));
            }
            (Stage::Stateful(stateful), LaneKind::WebSocket) if stateful.may => {
                return stateful.back_on(lane, out);
            }
            (Stage::WebSocket(_) | Stage::Stateful(_), LaneKind::Post) if !ends => {
                SignalRRefusal::PostOnWebSocket
            }
            (Stage::Closed, _) => SignalRRefusal::IdUnknown,
            (_, LaneKind::Post) => SignalRRefusal::DeleteNotPolling,
            (Stage::Events(_), LaneKind::Stream)
            | (Stage::WebSocket(_) | Stage::Stateful(_), LaneKind::WebSocket) => SignalRRefusal::Conflict,
            (_, LaneKind::WebSocket | LaneKind::Stream | LaneKind::Poll) => SignalRRefusal::OtherTransport,
        };
        out.push(refusal.on(lane));
    }

    fn open(&mut self, now: Time, lane: Lane, kind: LaneKind, out: &mut Outputs<'_>) {
        let facts = |facts| Output::Opened(facts);
        let (said, posts) = match std::mem::replace(&mut self.stage, Stage::New) {
            Stage::Early(early) => (early.said, early.posts),
            _ => (Vec::new(), Vec::new()),
        };
        match kind {
            LaneKind::WebSocket if self.resumes => {
                self.stage = Stage::Stateful(Box::new(Stateful::new(lane, self.options.buffer_bytes)));
                out.push(facts(Facts { resumable: true, ..Facts::default() }));
                out.push(Output::Indirect);
            }
            LaneKind::WebSocket => {
                self.stage = Stage::WebSocket(lane);
                out.push(facts(Facts::default()));
                out.push(Output::Direct { lane, wrapping: Wrapping::None });
            }
            LaneKind::Stream => {
                self.stage = Stage::Events(Box::new(Events { lane, written: false, posts }));
                out.push(answer::events(lane));
                // Lets a browser know at once that the stream is open.
                out.push(Output::Write { lane, bytes: Cow::Borrowed(b":\r\n"), text: true });
                out.push(facts(Facts { text_only: true, ..Facts::default() }));
                out.push(Output::Indirect);
            }
            LaneKind::Poll | LaneKind::Post => {
                let until = now.after(self.options.disconnect_timeout);
                self.stage = Stage::Polling(Box::new(Polling { until, posts, ..Polling::default() }));
                // At once: the client waits for it before it says anything.
                out.push(answer::data(lane, Vec::new()));
                out.push(facts(Facts { polls: true, ..Facts::default() }));
                out.push(Output::Indirect);
                out.push(Output::Hold);
            }
        }
        out.extend(said.into_iter().map(Output::Decoded));
    }

    /// A GET that waits for something to say.
    fn poll(&mut self, now: Time, lane: Lane, out: &mut Outputs<'_>) {
        let Stage::Polling(polling) = &mut self.stage else { return };
        match (polling.poll.replace(lane), polling.closing) {
            (Some(before), _) => {
                out.push(answer::over(before));
                polling.until = now.after(self.options.poll_timeout);
            }
            (None, Some(reason)) if polling.queue.is_empty() => self.finish(reason, out),
            (None, Some(_)) => _ = self.answer(now, out),
            (None, None) => {
                // What waits in the mailbox leaves with what is queued: it is drained at once.
                polling.until = now.after(self.options.poll_timeout);
                out.push(Output::Release);
            }
        }
    }

    /// Answers the poll with what is queued, if there is both.
    fn answer(&mut self, now: Time, out: &mut Outputs<'_>) -> bool {
        let Stage::Polling(polling) = &mut self.stage else { return false };
        let Some(lane) = polling.poll.take_if(|_| !polling.queue.is_empty()) else { return false };
        out.push(answer::data(lane, std::mem::take(&mut polling.queue)));
        out.push(Output::Hold);
        polling.until = now.after(self.options.disconnect_timeout);
        true
    }

    fn end_by_client(&mut self, lane: Lane, out: &mut Outputs<'_>) {
        out.push(answer::ends(lane));
        self.finish(Reason::ClientClosed, out);
    }

    fn send(&mut self, message: Message<'_>, retain: bool, out: &mut Outputs<'_>) {
        match &mut self.stage {
            Stage::WebSocket(lane) => out.push(stateful::write(*lane, message)),
            Stage::Stateful(stateful) => stateful.send(message, retain, out),
            Stage::Events(events) => {
                events.written = true;
                let bytes = Cow::Owned(event(message));
                out.push(Output::Write { lane: events.lane, bytes, text: true });
            }
            Stage::Polling(polling) => polling.queue.extend_from_slice(message.as_bytes()),
            Stage::New | Stage::Early(_) | Stage::Closed => {}
        }
    }

    fn drained(&mut self, now: Time, out: &mut Outputs<'_>) {
        match &mut self.stage {
            Stage::Stateful(stateful) => stateful.replay(out),
            // What comes next waits in the mailbox until this has left.
            Stage::Events(events) if events.written => out.push(Output::Hold),
            Stage::Polling(_) => _ = self.answer(now, out),
            Stage::New | Stage::Early(_) | Stage::WebSocket(_) | Stage::Events(_) | Stage::Closed => {}
        }
    }

    /// Posts that wait for their bodies, where the client posts.
    fn posts(&mut self) -> Option<&mut Vec<Lane>> {
        match &mut self.stage {
            Stage::Early(early) => Some(&mut early.posts),
            Stage::Events(events) => Some(&mut events.posts),
            Stage::Polling(polling) => Some(&mut polling.posts),
            Stage::New | Stage::WebSocket(_) | Stage::Stateful(_) | Stage::Closed => None,
        }
    }

    /// Whether this is a post that waits for its body; it does no more.
    fn is_post(&mut self, lane: Lane) -> bool {
        let Some(posts) = self.posts() else { return false };
        let place = posts.iter().position(|post| *post == lane);
        place.map(|place| posts.swap_remove(place)).is_some()
    }

    /// Keeps what a client says that does not listen yet, as much as one body may have.
    fn said_early(&mut self, lane: Lane, message: Message<'_>, out: &mut Outputs<'_>) {
        if !self.is_post(lane) {
            return;
        }
        let Stage::Early(early) = &mut self.stage else { return };
        early.bytes += message.as_bytes().len() + EARLY_COST;
        if early.bytes > self.options.body_bytes {
            out.push(SignalRRefusal::IdUnknown.on(lane));
            return self.finish(Reason::TooLarge, out);
        }
        early.said.push(Decoded::from(message));
        out.push(answer::taken(lane));
    }

    fn lane_closed(&mut self, now: Time, lane: Lane, how: LaneEnd, out: &mut Outputs<'_>) {
        if self.is_post(lane) {
            return;
        }
        match &mut self.stage {
            Stage::WebSocket(open) if *open == lane => self.over(how.reason(), out),
            Stage::Events(events) if events.lane == lane => self.over(how.reason(), out),
            Stage::Stateful(stateful) if stateful.lane == Some(lane) => match how {
                LaneEnd::Aborted if stateful.may => stateful.lost(now, out),
                _ => self.over(how.reason(), out),
            },
            Stage::Polling(polling) if polling.poll == Some(lane) => {
                polling.poll = None;
                polling.until = now.after(self.options.disconnect_timeout);
                out.push(Output::Hold);
            }
            _ => {}
        }
    }

    /// The server ends it: a client that polls is told by its next two polls.
    fn close(&mut self, now: Time, reason: Reason, out: &mut Outputs<'_>) {
        self.answer(now, out);
        match &mut self.stage {
            Stage::Polling(polling) if polling.closing.is_some() => {}
            Stage::Polling(polling) if polling.poll.is_none() => {
                polling.closing = Some(reason);
                polling.until = now.after(self.options.disconnect_timeout);
            }
            _ => self.finish(reason, out),
        }
    }

    /// The lane ends, and all with it.
    fn finish(&mut self, reason: Reason, out: &mut Outputs<'_>) {
        match &mut self.stage {
            Stage::WebSocket(lane) => out.push(Output::End { lane: *lane, reason }),
            Stage::Events(events) => out.push(Output::End { lane: events.lane, reason }),
            Stage::Stateful(stateful) => out.extend(stateful.lane.map(|lane| Output::End { lane, reason })),
            Stage::Polling(polling) => out.extend(polling.poll.take().map(answer::over)),
            Stage::New | Stage::Early(_) | Stage::Closed => {}
        }
        self.over(reason, out);
    }

    /// It is over. Bodies that are still to come would come too late.
    fn over(&mut self, reason: Reason, out: &mut Outputs<'_>) {
        let posts = self.posts().map(std::mem::take).unwrap_or_default();
        out.extend(posts.into_iter().map(|post| SignalRRefusal::IdUnknown.on(post)));
        if !matches!(std::mem::replace(&mut self.stage, Stage::Closed), Stage::Closed) {
            out.push(Output::Closed(reason));
        }
    }

    fn tick(&mut self, now: Time, out: &mut Outputs<'_>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match &mut self.stage {
            Stage::Polling(polling) => match (polling.poll.take(), polling.closing) {
                (Some(lane), _) => {
                    out.push(answer::nothing(lane));
                    out.push(Output::Hold);
                    polling.until = now.after(self.options.disconnect_timeout);
                }
                (None, closing) => self.finish(closing.unwrap_or(Reason::Lost), out),
            },
            _ => self.finish(Reason::Lost, out),
        }
    }
}

impl Session for SignalRSession {
    fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Outputs<'a>) {
        match input {
            Input::LaneOpened { lane, kind, head } => self.lane_opened(now, lane, kind, head, out),
            Input::Message { lane, message } => match &mut self.stage {
                Stage::WebSocket(_) => out.push(Output::Message(message)),
                Stage::Stateful(stateful) if stateful.lane == Some(lane) => {
                    stateful.heard(out);
                    out.push(Output::Message(message));
                }
                Stage::Events(_) | Stage::Polling(_) => {
                    if self.is_post(lane) {
                        out.push(Output::Message(message));
                        out.push(answer::taken(lane));
                    }
                }
                Stage::Early(_) => self.said_early(lane, message, out),
                // Of the stateful ones, from a WebSocket that has been replaced.
                Stage::Stateful(_) | Stage::New | Stage::Closed => {}
            },
            Input::LaneClosed { lane, how } => self.lane_closed(now, lane, how, out),
            Input::Send { message, retain, .. } => self.send(message, retain, out),
            Input::Drained => self.drained(now, out),
            Input::LaneBlocked { lane } => {
                if let Stage::Stateful(stateful) = &mut self.stage
                    && stateful.lane == Some(lane)
                {
                    stateful.blocked(true, out);
                }
            }
            Input::LaneWritable { lane } => match &mut self.stage {
                Stage::Events(events) if events.lane == lane && events.written => {
                    events.written = false;
                    out.push(Output::Release);
                }
                Stage::Stateful(stateful) if stateful.lane == Some(lane) => stateful.blocked(false, out),
                _ => {}
            },
            Input::Resumable(may) => {
                if let Stage::Stateful(stateful) = &mut self.stage {
                    match stateful.lane {
                        Some(lane) if !may => {
                            self.stage = Stage::WebSocket(lane);
                            out.push(Output::Direct { lane, wrapping: Wrapping::None });
                        }
                        _ if may => stateful.agreed(out),
                        _ => self.finish(Reason::Lost, out),
                    }
                }
            }
            Input::Acknowledged(upto) => {
                if let Stage::Stateful(stateful) = &mut self.stage
                    && !stateful.acknowledged(upto, out)
                {
                    out.push(Output::Broken(Reason::ProtocolError));
                }
            }
            Input::Close(reason) => self.close(now, reason, out),
            Input::Tick => self.tick(now, out),
            // It names no rooms, and has no pings of its own.
            // It has no heart-beats of its own, and shares no lane.
            Input::Joined { .. }
            | Input::Pong { .. }
            | Input::Unheard
            | Input::Beats { .. }
            | Input::Shared { .. } => {}
        }
    }

    #[inline]
    fn message<'a>(
        &mut self,
        now: Time,
        lane: Lane,
        message: Message<'a>,
        out: &mut Outputs<'a>,
    ) -> Option<Message<'a>> {
        if let Stage::WebSocket(_) = self.stage {
            return Some(message);
        }
        self.input(now, Input::Message { lane, message }, out);
        None
    }

    fn deadline(&self) -> Option<Time> {
        match &self.stage {
            Stage::Early(early) => Some(early.until),
            Stage::Polling(polling) => Some(polling.until),
            Stage::Stateful(stateful) => {
                stateful.alone_since.map(|since| since.after(self.options.disconnect_timeout))
            }
            Stage::New | Stage::WebSocket(_) | Stage::Events(_) | Stage::Closed => None,
        }
    }
}
