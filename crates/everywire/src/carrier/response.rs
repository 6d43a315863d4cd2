//! Sessions whose one lane is a response: Server-Sent Events and long polling.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use everywire_core::mailbox::Drain;
use everywire_core::{Link, Mailbox, Reason};
use everywire_protocols::protocol::Feed;
use everywire_protocols::seam::Time;
use everywire_protocols::session::{
    Endpoint, LaneEnd, LaneKind, PollEndpoint, PollOptions, SseEndpoint, SseOptions, Verdict, Wrapping,
};
use http::{HeaderMap, Response, StatusCode};

use super::body::Body;
use super::form::Framing;
use super::frames::Plain;
use super::guard;
use super::line::{Line, line_of};
use super::pieces::Slot;
use super::service::Arrival;
use crate::app::AppState;
use crate::app::mount::Wire;
use crate::driver::conversation::{Conversation, Effect, Effects, Opening};
use crate::driver::link::ResponseLink;
use crate::driver::wheel::Wheel;
use crate::driver::worker::Worker;

/// A conversation that speaks through a response, in a task of its own once that has begun.
pub(crate) struct Stream {
    link: Arc<ResponseLink>,
    conversation: Conversation,
    wheel: Arc<Wheel>,
    scheduled: Option<Time>,
    head: Option<(StatusCode, Box<HeaderMap>, Option<Bytes>)>,
    out: Vec<u8>,
    over: Option<Reason>,
    write_timeout: Duration,
    /// Since when the client has not taken a piece.
    stuck_since: Option<Time>,
}

/// Answers a request for events.
pub(crate) async fn open(app: Arc<AppState>, arrival: Arrival) -> Response<Body> {
    let options = &app.options;
    let rooms = options.rooms_per_connection;
    let (endpoint, protocol): (Box<dyn Endpoint>, Feed) = match arrival.mount.wire() {
        Wire::Poll => {
            let options = PollOptions { wait: options.poll_wait, rooms, ..PollOptions::default() };
            (Box::new(PollEndpoint::new(options)), Feed::poll())
        }
        _ => {
            let options =
                SseOptions { comment_interval: options.sse_comment, rooms, ..SseOptions::default() };
            (Box::new(SseEndpoint::new(options)), Feed::event_source())
        }
    };
    let verdict = endpoint.request(&arrival.head, &|_| false, crate::random());
    let (session, lane) = match verdict {
        Verdict::Open { session, lane, .. } => (session, lane),
        Verdict::Respond(response) => {
            let mut response = response.map(Body::whole);
            if !response.status().is_success() {
                let status = response.status().as_u16();
                tracing::warn!(peer = %arrival.peer, status, "a request for events was refused");
            }
            guard::allow_reading(&arrival.head, response.headers_mut());
            return response;
        }
        // These sessions have one lane, so no request finds another's.
        Verdict::Attach { .. } => return super::service::plain(StatusCode::NOT_FOUND, "no such session"),
    };
    let mailbox = Mailbox::new(options.mailbox, false);
    let link = Arc::new(ResponseLink { mailbox, slot: Arc::default() });
    let opening = Opening {
        app: app.clone(),
        namespace: arrival.namespace,
        id: None,
        identity: arrival.identity,
        session,
        protocol: Box::new(protocol),
        peer: arrival.peer,
        relay: None,
        handshake: None,
        framing: Framing::Plain,
        shared_socket: false,
    };
    let conversation = Conversation::new(opening, link.clone());
    let mut stream = Stream {
        link,
        conversation,
        wheel: app.wheel.clone(),
        scheduled: None,
        head: None,
        out: Vec::new(),
        over: None,
        write_timeout: app.options.write_timeout,
        stuck_since: None,
    };
    let head = &arrival.head;
    std::future::poll_fn(|cx| {
        stream.begin(cx, lane, head);
        Poll::Ready(())
    })
    .await;
    let mut response = stream.respond(line_of(&arrival.head)).await;
    guard::allow_reading(&arrival.head, response.headers_mut());
    response
}

impl Stream {
    fn begin(&mut self, cx: &mut Context<'_>, lane: LaneKind, head: &http::Request<()>) {
        let mut effects = Effects::new();
        self.conversation.open(cx, self.wheel.now(), lane, head, &mut effects);
        self.apply(effects);
    }

    /// The response: whole, or with the rest of the stream as its body.
    async fn respond(mut self, line: Option<Arc<Line>>) -> Response<Body> {
        let (status, headers, body) = std::future::poll_fn(|cx| {
            self.turn(cx);
            match self.head.take() {
                Some(head) => Poll::Ready(head),
                // The session was ended before it could say anything.
                None if self.over.is_some() => {
                    let status = match self.over {
                        Some(Reason::Refused) => StatusCode::FORBIDDEN,
                        _ => StatusCode::SERVICE_UNAVAILABLE,
                    };
                    Poll::Ready((status, Box::default(), Some(Bytes::new())))
                }
                None => Poll::Pending,
            }
        })
        .await;
        let mut response = Response::new(match body {
            Some(body) => {
                self.finish(LaneEnd::Finished(None));
                Body::whole(body)
            }
            None => {
                let slot = self.link.slot.clone();
                let pieces = slot.pieces(self.link.clone());
                // From when the mailbox is clear, broadcasts need not come by this task.
                if self.conversation.is_direct() && self.conversation.write_to_response(Wrapping::None) {
                    slot.share_all();
                }
                tokio::spawn(async move { std::future::poll_fn(|cx| self.speak(cx, &slot)).await });
                Body::stream(pieces.on(line))
            }
        });
        *response.status_mut() = status;
        *response.headers_mut() = *headers;
        response
    }

    /// Moves pieces into the body, as fast as the client takes them, until the end.
    fn speak(&mut self, cx: &mut Context<'_>, slot: &Slot) -> Poll<()> {
        while !slot.is_gone() {
            if slot.is_full() {
                if self.is_given_up(slot) {
                    return Poll::Ready(());
                }
                // As when a socket is full: only the body or the end wake the task now.
                self.link.mailbox().block(Bytes::new());
                self.link.mailbox().wake_later(cx.waker());
                if slot.is_full()
                    && !slot.is_gone()
                    && self.link.mailbox().ended() != Some(Reason::SlowConsumer)
                {
                    return Poll::Pending;
                }
                continue;
            }
            self.stuck_since = None;
            self.turn(cx);
            let is_over = self.over.is_some();
            if is_over || !self.out.is_empty() {
                let piece = Bytes::from(std::mem::take(&mut self.out));
                slot.put(Some(piece).filter(|piece| !piece.is_empty()).into_iter().collect(), is_over);
            } else if !slot.is_gone() {
                return Poll::Pending;
            }
            if is_over {
                return Poll::Ready(());
            }
        }
        Poll::Ready(())
    }

    /// Whether a client that has not taken the last piece is waited for no longer.
    fn is_given_up(&mut self, slot: &Slot) -> bool {
        let now = self.wheel.now();
        let deadline = self.stuck_since.get_or_insert(now).after(self.write_timeout);
        let reason = match self.link.mailbox().ended() {
            Some(Reason::SlowConsumer) => Reason::SlowConsumer,
            _ if deadline <= now => Reason::WriteTimeout,
            _ => {
                self.wheel.enter(&self.woken(), deadline);
                return false;
            }
        };
        tracing::warn!(peer = %self.conversation.peer(), %reason, "a client does not read its response");
        self.link.mailbox().end(reason, false);
        slot.put(VecDeque::new(), true);
        true
    }

    fn turn(&mut self, cx: &mut Context<'_>) {
        let now = self.wheel.now();
        while self.over.is_none() {
            self.link.mailbox().cork();
            let mut effects = Effects::new();
            self.conversation.work(cx, now, &mut effects);
            let horizon = now.after(self.wheel.tick());
            self.conversation.expire(horizon);
            self.conversation.tick(cx, horizon, true, &mut effects);
            self.apply(effects);
            self.drain(cx, now);
            if !self.out.is_empty() || self.over.is_some() || self.head.is_some() {
                // Whoever polls takes these and comes again; until then the mailbox fills.
                self.link.mailbox().wake_later(cx.waker());
                return;
            }
            self.schedule(now);
            if self.link.mailbox().park(cx.waker()) {
                return;
            }
        }
    }

    /// Moves what waits in the mailbox into the next piece. The mailbox is not clear, and nobody else writes, before that
    /// has its place in the body.
    fn drain(&mut self, cx: &mut Context<'_>, now: Time) {
        Worker::with(|worker| {
            while self.out.is_empty() && self.over.is_none() {
                match self.link.mailbox().drain(&mut worker.entries) {
                    Drain::Entries if self.conversation.is_direct() => {
                        self.conversation.encode(&mut worker.entries, &mut Plain(&mut self.out));
                    }
                    Drain::Entries => {
                        let mut effects = Effects::new();
                        self.conversation.send_indirect(cx, now, &mut worker.entries, &mut effects);
                        self.apply(effects);
                    }
                    Drain::Clear => {
                        if !self.conversation.is_direct() {
                            let mut effects = Effects::new();
                            self.conversation.send_indirect(cx, now, &mut worker.entries, &mut effects);
                            self.apply(effects);
                        }
                        return;
                    }
                    Drain::Ended(reason) => {
                        let mut effects = Effects::new();
                        self.conversation.close(cx, now, reason, &mut effects);
                        self.apply(effects);
                        self.over.get_or_insert(reason);
                    }
                    Drain::Unsent(bytes) => self.out.extend_from_slice(&bytes),
                }
            }
        });
    }

    fn apply(&mut self, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Respond { status, headers, body, .. } => self.head = Some((status, headers, body)),
                Effect::Write { bytes, .. } => self.out.extend_from_slice(&bytes),
                Effect::End { reason, .. } => {
                    self.over.get_or_insert(reason);
                }
                // A response has no pings, and these sessions have it for good.
                Effect::Ping | Effect::Share { .. } => {}
            }
        }
    }

    fn schedule(&mut self, now: Time) {
        let Some(deadline) = self.conversation.deadline() else { return };
        if self.scheduled.is_none_or(|scheduled| scheduled <= now || scheduled > deadline) {
            self.scheduled = Some(self.wheel.enter(&self.woken(), deadline));
        }
    }

    /// What the wheel wakes.
    fn woken(&self) -> Arc<dyn Link> {
        self.link.clone()
    }

    fn finish(&mut self, how: LaneEnd) {
        let reason = self.over.unwrap_or(how.reason());
        self.over = Some(reason);
        self.conversation.leave(reason);
    }
}
