//! The session of Server-Sent Events (WHATWG HTML, section 9.2): one response that goes on.
//!
//! The response begins when the client is in its rooms; until then a refusal can still have a status. Its first block
//! says when to reconnect, and where from:
//!
//! * a client that begins now gets the offset at which it begins (an `id:` without data is kept, and no event), so that
//!   a cut before the first message loses nothing;
//! * one that comes back and can catch up keeps its own offset, as what it missed is still to come;
//! * one that comes back too late gets the offset and the event `$reset`: what it knows is to be fetched anew.
//!
//! The end is the end of the response; clients reconnect by themselves.

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use everywire_core::{Offset, Reason};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

use super::refusal::{Refusal, check_method};
use super::subscription::Subscription;
use super::{Endpoint, Input, Lane, LaneKind, Output, Outputs, Session, Verdict, Wrapping};
use crate::seam::Time;

/// A comment, which clients do not see.
const COMMENT: &[u8] = b":\n\n";

/// Options of Server-Sent Events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SseOptions {
    /// How long clients wait before they reconnect. Default 3 s, what browsers mostly do by themselves.
    pub retry: Duration,
    /// A comment is sent so often, below the idle timeouts of proxies (60 s in nginx, AWS and others) and so that we learn
    /// of clients that are gone. Default 25 s.
    pub comment_interval: Duration,
    /// How many rooms a request may name. Default 128, as many as a connection may be in.
    pub rooms: usize,
}

impl Default for SseOptions {
    fn default() -> Self {
        Self { retry: Duration::from_secs(3), comment_interval: Duration::from_secs(25), rooms: 128 }
    }
}

/// Answers `GET ?room=…`.
#[derive(Debug, Default)]
pub struct SseEndpoint {
    options: SseOptions,
}

impl SseEndpoint {
    /// An endpoint with these options.
    pub fn new(options: SseOptions) -> Self {
        Self { options }
    }
}

impl Endpoint for SseEndpoint {
    fn request(&self, head: &Request<()>, _known: &dyn Fn(&str) -> bool, _random: [u8; 16]) -> Verdict {
        let asked = check_method(head).and_then(|()| Subscription::read(head, self.options.rooms));
        match asked {
            Err(refusal) => Verdict::Respond(refusal.response()),
            Ok(_) if head.method() == Method::HEAD => {
                let mut response = Response::new(Bytes::new());
                *response.headers_mut() = headers();
                Verdict::Respond(Box::new(response))
            }
            Ok(asked) => Verdict::Open {
                id: None,
                session: Box::new(Sse::new(self.options, asked)),
                lane: LaneKind::Stream,
            },
        }
    }
}

/// The machine.
#[derive(Debug)]
struct Sse {
    options: SseOptions,
    asked: Subscription,
    lane: Option<Lane>,
    /// When to send the next comment; the response has begun.
    comment_at: Option<Time>,
    /// What came before that.
    early: Vec<u8>,
    closed: bool,
}

impl Sse {
    fn new(options: SseOptions, asked: Subscription) -> Self {
        Self { options, asked, lane: None, comment_at: None, early: Vec::new(), closed: false }
    }

    fn begin(&mut self, now: Time, offset: Offset, recovered: bool, out: &mut Outputs<'_>) {
        let Some(lane) = self.lane.filter(|_| self.comment_at.is_none()) else { return };
        self.comment_at = Some(now.after(self.options.comment_interval));
        let headers = Box::new(headers());
        out.push(Output::Respond { lane, status: StatusCode::OK, headers, body: None, compress: true });
        let mut bytes = self.first_block(offset, recovered);
        bytes.append(&mut self.early);
        self.early = Vec::new();
        out.push(Output::Write { lane, bytes: Cow::Owned(bytes), text: true });
        out.push(Output::Direct { lane, wrapping: Wrapping::None });
    }

    fn first_block(&self, offset: Offset, recovered: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let retry = self.options.retry.as_millis();
        let resumes = self.asked.since.is_some();
        // The comment tells people with curl what they see.
        let written = match (resumes, recovered) {
            (true, true) => write!(out, ": everywire\nretry: {retry}\n\n"),
            (false, _) => write!(out, ": everywire\nretry: {retry}\nid: {offset}\n\n"),
            (true, false) => write!(
                out,
                ": everywire\nretry: {retry}\nid: {offset}\n\n\
                 event: $reset\ndata: {{\"recovered\":false,\"offset\":\"{offset}\"}}\n\n"
            ),
        };
        written.expect("a Vec takes every write");
        out
    }

    fn close(&mut self, reason: Reason, out: &mut Outputs<'_>) {
        self.closed = true;
        if let Some(lane) = self.lane.take() {
            out.push(match self.comment_at {
                Some(_) => Output::End { lane, reason },
                None => Refusal::of(reason).output(lane),
            });
        }
        out.push(Output::Closed(reason));
    }
}

impl Session for Sse {
    fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Outputs<'a>) {
        if self.closed {
            return;
        }
        match input {
            Input::LaneOpened { lane, .. } => {
                self.lane = Some(lane);
                out.push(Output::Opened(self.asked.facts()));
            }
            Input::Joined { offset, recovered } => self.begin(now, offset, recovered, out),
            Input::Send { message, .. } => match (self.lane, self.comment_at) {
                (Some(lane), Some(_)) => {
                    let bytes = Cow::Borrowed(message.as_bytes());
                    out.push(Output::Write { lane, bytes, text: true });
                }
                _ => self.early.extend_from_slice(message.as_bytes()),
            },
            // What else is written is not told: the driver writes it itself. So comments come however much else does.
            Input::Tick => {
                if let (Some(lane), Some(at)) = (self.lane, self.comment_at)
                    && now >= at
                {
                    self.comment_at = Some(now.after(self.options.comment_interval));
                    out.push(Output::Write { lane, bytes: Cow::Borrowed(COMMENT), text: true });
                }
            }
            Input::LaneClosed { how, .. } => {
                self.closed = true;
                out.push(Output::Closed(how.reason()));
            }
            Input::Close(reason) => self.close(reason, out),
            // Nothing comes on this lane, nothing is kept, and its back-pressure is the driver's.
            Input::Message { .. }
            | Input::Pong { .. }
            | Input::Unheard
            | Input::LaneBlocked { .. }
            | Input::LaneWritable { .. }
            | Input::Drained
            | Input::Acknowledged(_)
            | Input::Resumable(_)
            | Input::Beats { .. }
            | Input::Shared { .. } => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.comment_at.filter(|_| !self.closed)
    }
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        // Compressing proxies collect before they send.
        (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        // nginx collects too, unless it is told not to.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ])
}

#[cfg(test)]
#[path = "sse_tests.rs"]
mod tests;
