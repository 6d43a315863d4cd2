//! The machine: one client, on a WebSocket, or on requests that listen and requests that speak.
//!
//! Of those that listen there is one at a time. What is sent while there is none waits in the mailbox; what the driver has
//! in its hands by then is kept here.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use everywire_core::Reason;
use http::Request;

use super::super::{Facts, Input, Lane, LaneEnd, LaneKind, Output, Outputs, Session, Wrapping};
use super::answer::{self, SockJsRefusal};
use super::body;
use super::frame::{self, Frame, append_message};
use super::http::{Http, Post};
use super::options::SockJsOptions;
use super::receiver::Receiver;
use super::socket::{self, Rest, Socket};
use super::transport::{Asked, SockJsTransport, callback};
use crate::seam::{Message, Time};

/// No longer do clients and proxies wait for a heart-beat of another's: the reference's own interval. `sockjs-client` gives a
/// poll of JSONP up after 35 s.
const MOST_REST: Duration = Duration::from_secs(25);

/// The machine.
#[derive(Debug)]
pub(super) struct SockJs {
    options: Arc<SockJsOptions>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// It has had no lane.
    New,
    WebSocket(Socket),
    Http(Box<Http>),
    Closed,
}

impl SockJs {
    /// A session that waits for its first lane.
    pub(super) fn new(options: Arc<SockJsOptions>) -> Self {
        Self { options, stage: Stage::New }
    }

    fn lane_opened(
        &mut self,
        now: Time,
        lane: Lane,
        kind: LaneKind,
        head: &Request<()>,
        out: &mut Outputs<'_>,
    ) {
        let name = head.uri().path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        match (&mut self.stage, kind, Asked::named(name)) {
            (Stage::New, LaneKind::WebSocket, _) => {
                out.push(Output::Write { lane, bytes: Cow::Borrowed(b"o"), text: true });
                out.push(Output::Opened(Facts { text_only: true, ..Facts::default() }));
                out.push(Output::Direct { lane, wrapping: Wrapping::SockJs });
                self.stage = Stage::WebSocket(Socket::new(lane, now, &self.options));
            }
            (Stage::New, LaneKind::Stream | LaneKind::Poll, Some(Asked::Receive(transport))) => {
                let http = Http {
                    began: transport,
                    receiver: None,
                    answered: None,
                    queue: Vec::new(),
                    until: now.after(self.options.disconnect_delay),
                    closing: None,
                    posts: Vec::new(),
                    rests: false,
                };
                self.stage = Stage::Http(Box::new(http));
                self.listen(now, lane, transport, head, true, out);
            }
            (Stage::Http(http), LaneKind::Stream | LaneKind::Poll, Some(Asked::Receive(transport)))
                if http.began.goes_with(transport) =>
            {
                self.listen(now, lane, transport, head, false, out);
            }
            (Stage::Http(http), LaneKind::Post, Some(Asked::Send { jsonp }))
                if jsonp == (http.began == SockJsTransport::Jsonp) =>
            {
                http.posts.push(Post { lane, headers: head.headers().clone(), jsonp });
            }
            _ => out.push(SockJsRefusal::NotFound.on(lane)),
        }
    }

    /// A request that listens: it hears, or waits.
    fn listen(
        &mut self,
        now: Time,
        lane: Lane,
        transport: SockJsTransport,
        head: &Request<()>,
        opens: bool,
        out: &mut Outputs<'_>,
    ) {
        let Stage::Http(http) = &mut self.stage else { return };
        let callback = callback(head.uri().query()).unwrap_or_default();
        let shape = transport.shape(&callback);
        let streams = transport.lane() == LaneKind::Stream;
        if streams {
            out.push(answer::receiving(lane, transport, None));
            let mut prelude = Vec::new();
            shape.prelude(&callback, &mut prelude);
            out.push(Output::Write { lane, bytes: Cow::Owned(prelude), text: true });
        }
        if http.receiver.is_some() {
            // The one that listens, and the session, are left alone.
            let mut other = Receiver::new(lane, shape, streams);
            other.say(Frame::Close { code: 2010, reason: "Another connection still open" }, out);
            if streams {
                out.push(Output::End { lane, reason: Reason::Refused });
            }
            return;
        }
        http.receiver = Some(Receiver::new(lane, shape, streams));
        if http.closing.is_none() {
            http.until = now.after(self.options.heartbeat);
        }
        if opens {
            http.say(Frame::Open, out);
            out.push(Output::Opened(Facts { text_only: true, ..Facts::default() }));
            out.push(Output::Indirect);
        }
        self.tell_what_waits(now, out);
    }

    /// Says what waits, and then the end, if that has come.
    fn tell_what_waits(&mut self, now: Time, out: &mut Outputs<'_>) {
        let Stage::Http(http) = &mut self.stage else { return };
        if http.deliver(out) && http.closing.is_some() {
            // Of its end it hears by the next: that may be asked for as long again.
            http.until = now.after(self.options.disconnect_delay);
        }
        http.tell_end(out);
        self.rest(now, out);
    }

    /// After something was said: whether the request that listens may go on.
    fn rest(&mut self, now: Time, out: &mut Outputs<'_>) {
        let Stage::Http(http) = &mut self.stage else { return };
        let limit = self.options.response_limit;
        if let Some(receiver) = http.receiver.take_if(|receiver| receiver.streams && receiver.sent >= limit) {
            out.push(Output::End { lane: receiver.lane, reason: Reason::ServerClosed });
        }
        match &http.receiver {
            // It waits for the next. One that has ended is asked about for as long as that, however often.
            None => {
                if http.closing.is_none() {
                    http.until = now.after(self.options.disconnect_delay);
                }
                out.push(Output::Hold);
            }
            // What comes next waits in the mailbox until this has left.
            Some(receiver) if receiver.written => out.push(Output::Hold),
            Some(receiver) => out.push(receiver.goes_on(limit)),
        }
    }

    fn message<'a>(&mut self, now: Time, lane: Lane, message: Message<'a>, out: &mut Outputs<'a>) {
        match &mut self.stage {
            Stage::WebSocket(socket) => {
                socket.heard(now, &self.options);
                if let Err(reason) = socket::message(message, out) {
                    self.finish(reason, out);
                }
            }
            Stage::Http(http) => {
                let Some(i) = http.posts.iter().position(|post| post.lane == lane) else { return };
                let Post { headers, jsonp, .. } = http.posts.swap_remove(i);
                match body::read(&headers, message.as_bytes(), jsonp) {
                    Ok(messages) => {
                        // What comes after the end is swallowed.
                        if http.closing.is_none() {
                            out.extend(messages.into_iter().map(Output::Decoded));
                        }
                        out.push(answer::taken(lane, jsonp));
                    }
                    Err(refusal) => out.push(refusal.on(lane)),
                }
            }
            Stage::New | Stage::Closed => {}
        }
    }

    fn lane_closed(&mut self, lane: Lane, how: LaneEnd, out: &mut Outputs<'_>) {
        match &mut self.stage {
            Stage::WebSocket(socket) if socket.lane == lane => self.over(how.reason(), out),
            Stage::Http(http) => {
                http.posts.retain(|post| post.lane != lane);
                // An answer that nobody took any more is lost, and the session with it.
                let unheard =
                    how == LaneEnd::Aborted && http.answered == Some(lane) && http.receiver.is_none();
                // Whoever goes while it listens does not come back: clients have no other goodbye. What they have posted
                // before was answered, and is handled.
                if unheard || http.receiver.as_ref().is_some_and(|receiver| receiver.lane == lane) {
                    http.receiver = None;
                    let went = if how == LaneEnd::Aborted { Reason::ClientClosed } else { how.reason() };
                    let reason = http.closing.unwrap_or(went);
                    self.over(reason, out);
                }
            }
            Stage::WebSocket(_) | Stage::New | Stage::Closed => {}
        }
    }

    /// The server ends it. Without a WebSocket, who listens next is told, too.
    fn close(&mut self, now: Time, reason: Reason, out: &mut Outputs<'_>) {
        match &mut self.stage {
            Stage::New | Stage::Closed => self.over(reason, out),
            Stage::WebSocket(socket) => {
                socket.say_end(reason, out);
                // With that all is said: the WebSocket itself ends as usual.
                out.push(Output::End { lane: socket.lane, reason: Reason::ServerClosed });
                self.over(reason, out);
            }
            Stage::Http(http) if http.closing.is_none() => {
                http.closing = Some(reason);
                // What comes after the end is swallowed: nobody need wait for it.
                out.extend(http.posts.drain(..).map(|post| answer::taken(post.lane, post.jsonp)));
                http.until = now.after(self.options.disconnect_delay);
                self.tell_what_waits(now, out);
            }
            Stage::Http(_) => {}
        }
    }

    /// What is open ends, and all with it.
    fn finish(&mut self, reason: Reason, out: &mut Outputs<'_>) {
        if let Stage::WebSocket(Socket { lane, .. }) = self.stage {
            out.push(Output::End { lane, reason });
        }
        self.over(reason, out);
    }

    fn over(&mut self, reason: Reason, out: &mut Outputs<'_>) {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Closed => return,
            // Bodies that are still to come would come too late.
            Stage::Http(http) => {
                out.extend(http.posts.iter().map(|post| SockJsRefusal::NotFound.on(post.lane)));
            }
            Stage::New | Stage::WebSocket(_) => {}
        }
        out.push(Output::Closed(reason));
    }

    fn tick(&mut self, now: Time, out: &mut Outputs<'_>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match &mut self.stage {
            Stage::WebSocket(socket) => {
                if !socket.tick(now, &self.options, out) {
                    self.finish(Reason::IdleTimeout, out);
                }
            }
            Stage::Http(http) => match &http.receiver {
                Some(_) if http.rests => http.until = now.after(self.options.heartbeat),
                Some(_) => {
                    http.say(Frame::Heartbeat, out);
                    http.until = now.after(self.options.heartbeat);
                    self.rest(now, out);
                }
                None => {
                    let reason = http.closing.unwrap_or(Reason::Lost);
                    self.over(reason, out);
                }
            },
            Stage::New | Stage::Closed => {}
        }
    }
}

impl Session for SockJs {
    fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Outputs<'a>) {
        match input {
            Input::LaneOpened { lane, kind, head } => self.lane_opened(now, lane, kind, head, out),
            Input::Message { lane, message } => self.message(now, lane, message, out),
            Input::Pong { lane } => {
                if let Stage::WebSocket(socket) = &mut self.stage
                    && socket.lane == lane
                {
                    socket.heard(now, &self.options);
                }
            }
            Input::LaneClosed { lane, how } => self.lane_closed(lane, how, out),
            Input::LaneWritable { lane } => {
                if let Stage::Http(http) = &mut self.stage
                    && let Some(receiver) = &mut http.receiver
                    && receiver.lane == lane
                    && std::mem::take(&mut receiver.written)
                {
                    out.push(receiver.goes_on(self.options.response_limit));
                }
            }
            Input::Shared { lane, bytes } => {
                if let Stage::Http(http) = &mut self.stage
                    && let Some(receiver) = &mut http.receiver
                    && receiver.lane == lane
                {
                    receiver.sent += bytes;
                    self.rest(now, out);
                }
            }
            Input::Send { message, .. } => match &mut self.stage {
                Stage::Http(http) => {
                    append_message(&String::from_utf8_lossy(message.as_bytes()), &mut http.queue);
                }
                Stage::WebSocket(socket) => socket.say(message, out),
                Stage::New | Stage::Closed => {}
            },
            Input::Drained => {
                if let Stage::Http(http) = &mut self.stage
                    && !http.queue.is_empty()
                    && http.receiver.is_some()
                {
                    http.deliver(out);
                    self.rest(now, out);
                }
            }
            Input::Beats { ours, theirs } => {
                let ours = ours.is_some_and(|interval| interval <= self.options.heartbeat.max(MOST_REST));
                match &mut self.stage {
                    Stage::WebSocket(socket) => socket.rest = Rest { frames: ours, pings: ours && theirs },
                    Stage::Http(http) => http.rests = ours,
                    Stage::New | Stage::Closed => {}
                }
            }
            Input::Close(reason) => self.close(now, reason, out),
            Input::Unheard => {
                if let Stage::WebSocket(socket) = &mut self.stage {
                    socket.unheard(now);
                }
            }
            Input::Tick => self.tick(now, out),
            Input::Joined { .. }
            | Input::Resumable(_)
            | Input::Acknowledged(_)
            | Input::LaneBlocked { .. } => {}
        }
    }

    fn message<'a>(
        &mut self,
        now: Time,
        lane: Lane,
        message: Message<'a>,
        out: &mut Outputs<'a>,
    ) -> Option<Message<'a>> {
        if let (Stage::WebSocket(socket), Message::Text(text)) = (&mut self.stage, message)
            && let Some(plain) = frame::only_message(text)
        {
            socket.heard(now, &self.options);
            return Some(Message::Text(plain));
        }
        self.input(now, Input::Message { lane, message }, out);
        None
    }

    fn deadline(&self) -> Option<Time> {
        match &self.stage {
            Stage::WebSocket(socket) => Some(socket.until),
            Stage::Http(http) => Some(http.until),
            Stage::New | Stage::Closed => None,
        }
    }
}
