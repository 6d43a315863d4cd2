//! The poll: one request, one response with what is new, and again.
//!
//! The response is `{"messages":[…],"offset":"…","recovered":…}`; the next request's `since` is its offset.
//!
//! | request | response |
//! |---|---|
//! | without `since` | at once: where to begin |
//! | with it, and something is missing | at once: `recovered` is false |
//! | with it | as soon as there is a message, with all that are at hand; after `wait` at the latest, with none |

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use everywire_core::{Offset, Reason};
use http::{Method, Request, Response, StatusCode};

use super::refusal::{Refusal, check_method, headers};
use super::subscription::Subscription;
use super::{Endpoint, Input, Lane, LaneKind, Output, Outputs, Session, Verdict};
use crate::seam::Time;

const JSON: &str = "application/json";

/// Options of the poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollOptions {
    /// How long a request waits for a message, if it does not say that it likes to wait less. Default 25 s, below the 30 s
    /// after which the first proxies give up.
    pub wait: Duration,
    /// How many rooms a request may name. Default 128, as many as a connection may be in.
    pub rooms: usize,
    /// A response that has become so long takes no further message; they are there for the next. Default 1 MiB.
    pub response_bytes: usize,
}

impl Default for PollOptions {
    fn default() -> Self {
        Self { wait: Duration::from_secs(25), rooms: 128, response_bytes: 1 << 20 }
    }
}

/// Answers `GET ?room=…`.
#[derive(Debug, Default)]
pub struct PollEndpoint {
    options: PollOptions,
}

impl PollEndpoint {
    /// An endpoint with these options.
    pub fn new(options: PollOptions) -> Self {
        Self { options }
    }
}

impl Endpoint for PollEndpoint {
    fn request(&self, head: &Request<()>, _known: &dyn Fn(&str) -> bool, _random: [u8; 16]) -> Verdict {
        let asked = check_method(head).and_then(|()| Subscription::read(head, self.options.rooms));
        match asked {
            Err(refusal) => Verdict::Respond(refusal.response()),
            Ok(_) if head.method() == Method::HEAD => {
                let mut response = Response::new(Bytes::new());
                *response.headers_mut() = headers(JSON);
                Verdict::Respond(Box::new(response))
            }
            Ok(asked) => Verdict::Open {
                id: None,
                session: Box::new(Poll::new(self.options, asked)),
                lane: LaneKind::Poll,
            },
        }
    }
}

/// The machine.
#[derive(Debug)]
struct Poll {
    options: PollOptions,
    asked: Subscription,
    lane: Option<Lane>,
    opened: Time,
    /// The messages so far, with commas between.
    messages: Vec<u8>,
    /// The offset of the last of them that has one.
    last: Option<Offset>,
    joined: Option<Joined>,
    closed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Joined {
    offset: Offset,
    recovered: bool,
    /// When to answer, whether there is anything to say or not.
    answer_at: Time,
    /// A pass over the mailbox has ended since: what was missed has come. Before that no tick answers.
    caught_up: bool,
}

impl Poll {
    fn new(options: PollOptions, asked: Subscription) -> Self {
        Self {
            options,
            asked,
            lane: None,
            opened: Time::default(),
            messages: Vec::new(),
            last: None,
            joined: None,
            closed: false,
        }
    }

    fn join(&mut self, now: Time, offset: Offset, recovered: bool, out: &mut Outputs<'_>) {
        let wait = self.asked.wait.map_or(self.options.wait, Duration::from_secs).min(self.options.wait);
        // What there still is of what was missed comes with the news that it is not all: after this pass.
        let answer_at = if recovered { self.opened.after(wait).max(now) } else { now };
        self.joined = Some(Joined { offset, recovered, answer_at, caught_up: false });
        if self.asked.since.is_none() {
            self.answer(out);
        }
    }

    fn send(&mut self, now: Time, message: &[u8], offset: Option<Offset>, out: &mut Outputs<'_>) {
        if !self.messages.is_empty() {
            self.messages.push(b',');
        }
        self.messages.extend_from_slice(message);
        self.last = offset.or(self.last);
        if self.messages.len() >= self.options.response_bytes {
            self.answer(out);
        } else if let Some(joined) = &mut self.joined {
            // At the end of this pass, or by the next tick.
            joined.answer_at = joined.answer_at.min(now);
        }
    }

    fn answer_if_due(&mut self, now: Time, out: &mut Outputs<'_>) {
        let Some(joined) = self.joined.filter(|joined| joined.caught_up) else { return };
        if now >= joined.answer_at || !self.messages.is_empty() {
            self.answer(out);
        }
    }

    fn answer(&mut self, out: &mut Outputs<'_>) {
        let (Some(lane), Some(joined)) = (self.lane, self.joined) else { return };
        self.closed = true;
        let (offset, recovered) = (self.last.unwrap_or(joined.offset), joined.recovered);
        let mut body = b"{\"messages\":[".to_vec();
        body.append(&mut self.messages);
        write!(body, "],\"offset\":\"{offset}\",\"recovered\":{recovered}}}")
            .expect("a Vec takes every write");
        let headers = Box::new(headers(JSON));
        out.push(Output::Respond {
            lane,
            status: StatusCode::OK,
            headers,
            body: Some(Cow::Owned(body)),
            compress: true,
        });
        // It got what it came for.
        out.push(Output::Closed(Reason::ClientClosed));
    }
}

impl Session for Poll {
    fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Outputs<'a>) {
        if self.closed {
            return;
        }
        match input {
            Input::LaneOpened { lane, .. } => {
                self.lane = Some(lane);
                self.opened = now;
                out.push(Output::Opened(self.asked.facts()));
            }
            Input::Joined { offset, recovered } => self.join(now, offset, recovered, out),
            Input::Send { message, offset, .. } => self.send(now, message.as_bytes(), offset, out),
            Input::Drained => {
                if let Some(joined) = &mut self.joined {
                    joined.caught_up = true;
                }
                self.answer_if_due(now, out);
            }
            Input::Tick => self.answer_if_due(now, out),
            Input::LaneClosed { how, .. } => {
                self.closed = true;
                out.push(Output::Closed(how.reason()));
            }
            Input::Close(reason) => {
                self.closed = true;
                out.extend(self.lane.map(|lane| Refusal::of(reason).output(lane)));
                out.push(Output::Closed(reason));
            }
            // Nothing comes on this lane, nothing is kept, and the response leaves whole.
            Input::Message { .. }
            | Input::Pong { .. }
            | Input::Unheard
            | Input::LaneBlocked { .. }
            | Input::LaneWritable { .. }
            | Input::Acknowledged(_)
            | Input::Resumable(_)
            | Input::Beats { .. }
            | Input::Shared { .. } => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.joined.filter(|joined| joined.caught_up && !self.closed).map(|joined| joined.answer_at)
    }
}

#[cfg(test)]
#[path = "poll_tests.rs"]
mod tests;
