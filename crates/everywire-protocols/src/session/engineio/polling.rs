//! A client that polls: one GET waits for packets, one POST brings some, never two of a kind.
//!
//! What cannot leave waits in the mailbox: without a GET the session is on [`Output::Hold`]. Only what the driver had in
//! its hands by then, and pings, are queued here.

use std::borrow::Cow;

use everywire_core::Reason;
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::super::{Lane, Output, Outputs};
use super::jsonp;
use super::packet::{Dialect, Queue, Type};
use super::payload::{self, Body};
use super::refusal::{EngineIoRefusal, content_type};
use super::upgrade::Probe;
use crate::seam::Time;

/// The requests of a client that polls, and what waits for it.
#[derive(Debug, Default)]
pub(super) struct Polling {
    /// The GET that waits for something to say.
    pub(super) get: Option<Get>,
    /// The POST whose body is on its way.
    pub(super) post: Option<Post>,
    pub(super) queue: Queue,
    /// The WebSocket that may take over.
    pub(super) probe: Option<Probe>,
    pub(super) closing: Option<Closing>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Get {
    pub(super) lane: Lane,
    /// The script's callback, if it is to be a script.
    pub(super) index: Option<u32>,
    /// When it is let go for a WebSocket to take over.
    pub(super) let_go_at: Option<Time>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Post {
    pub(super) lane: Lane,
    /// The body is a form.
    pub(super) form: bool,
}

/// The end, of which the client is still to be told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing {
    pub(super) reason: Reason,
    /// It is not told later than this.
    pub(super) until: Time,
}

impl Polling {
    /// Answers the GET with what is queued, if there is both.
    pub(super) fn answer(&mut self, dialect: Dialect, out: &mut Outputs<'_>) {
        if !self.queue.is_empty()
            && let Some(get) = self.get.take()
        {
            out.push(answer(get, dialect, std::mem::take(&mut self.queue)));
            out.push(Output::Hold);
        }
    }

    /// Lets the GET go although there is nothing to say.
    pub(super) fn let_go(&mut self, dialect: Dialect, out: &mut Outputs<'_>) {
        if self.get.is_some() && self.queue.is_empty() {
            self.queue.push(Type::Noop, "");
        }
        self.answer(dialect, out);
    }

    /// The end: whatever still waits for an answer gets one.
    pub(super) fn end(mut self, dialect: Dialect, reason: Reason, out: &mut Outputs<'_>) {
        if let Some(get) = self.get {
            self.queue.push(Type::Close, "");
            out.push(answer(get, dialect, self.queue));
        }
        // Its body would come too late.
        out.extend(self.post.map(|post| EngineIoRefusal::SessionUnknown.polled(post.lane)));
        out.extend(self.probe.map(|probe| Output::End { lane: probe.lane, reason }));
    }
}

/// Packets for a GET that waits.
pub(super) fn answer<'a>(get: Get, dialect: Dialect, queue: Queue) -> Output<'a> {
    answer_with(get, dialect, queue, None)
}

/// The same with a cookie.
pub(super) fn answer_with<'a>(
    get: Get,
    mut dialect: Dialect,
    queue: Queue,
    cookie: Option<HeaderValue>,
) -> Output<'a> {
    dialect.base64 |= get.index.is_some();
    let compress = queue.compress;
    let Body { mut bytes, binary } = payload::write(dialect, queue);
    if let Some(index) = get.index {
        // What is not binary has been put together from texts.
        bytes = jsonp::script(index, &String::from_utf8_lossy(&bytes));
    }
    let content_type = if binary { "application/octet-stream" } else { "text/plain; charset=UTF-8" };
    let mut headers = headers(content_type);
    headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    let body = Some(Cow::Owned(bytes));
    Output::Respond { lane: get.lane, status: StatusCode::OK, headers: Box::new(headers), body, compress }
}

/// The answer to a POST that was taken, whatever was in it.
pub(super) fn taken<'a>(lane: Lane) -> Output<'a> {
    respond(lane, StatusCode::OK, headers("text/html"), b"ok".to_vec())
}

/// The answer to a request that breaks the rules of polling, and the session with them.
pub(super) fn broken<'a>(lane: Lane) -> Output<'a> {
    respond(lane, StatusCode::BAD_REQUEST, HeaderMap::new(), Vec::new())
}

fn respond<'a>(lane: Lane, status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Output<'a> {
    Output::Respond { lane, status, headers: Box::new(headers), body: Some(Cow::Owned(body)), compress: true }
}

fn headers(value: &'static str) -> HeaderMap {
    let mut headers = content_type(value);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers
}
