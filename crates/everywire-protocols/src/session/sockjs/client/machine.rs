//! The client's machine.

use std::time::Duration;

use everywire_core::Reason;

use super::super::super::{Lane, LaneEnd};
use super::addresses;
use super::carrier::{Carrier, Terms, reason_of};
use super::choice::{self, Choice};
use super::info::Info;
use super::outbox::Outbox;
use super::requests::Requests;
use super::{
    SockJsClientInput as Input, SockJsClientOptions, SockJsClientOutput as Output, SockJsRequest as Request,
    SockJsUnsent,
};
use crate::seam::{Decoded, Kind, Time};

/// How long after a request it listens again when that has brought no message, so that no server makes it ask without end.
/// Sessions live five seconds without a listener.
const NOTHING_HEARD: Duration = Duration::from_secs(1);

const CANNOT_CONNECT: &str = "Cannot connect to server";
const FAILED: &str = "the request has failed, and nobody answered";

/// The machine.
///
/// ```
/// use everywire_protocols::seam::{Message, Time};
/// use everywire_protocols::session::{
///     SockJsClient, SockJsClientInput as Input, SockJsClientOptions, SockJsClientOutput as Output,
/// };
///
/// // From a generator that nobody can predict: who knows a session's name has a way into it.
/// let mut random = || 0x0123_4567_89ab_cdef;
/// let mut client = SockJsClient::new(SockJsClientOptions::new("http://a/echo"), &mut random);
/// let mut out = Vec::new();
/// client.input(Time(0), Input::Start, &mut out);
/// let Some(Output::Open { lane, url, .. }) = out.pop() else { panic!("a request") };
/// assert_eq!(url, "http://a/echo/info");
/// client.input(Time(9), Input::Response(lane, 200, b"{\"websocket\":true}"), &mut out);
/// let Some(Output::Open { lane, url, .. }) = out.pop() else { panic!("a WebSocket") };
/// assert_eq!(url, "http://a/echo/895/pptx0e4m/websocket");
/// client.input(Time(20), Input::Message(lane, Message::Text("o")), &mut out);
/// client.send(Time(21), "hello", &mut out)?;
/// assert!(matches!(&out[..], [Output::Opened { .. }, Output::Write(..)]));
/// # Ok::<_, everywire_protocols::session::SockJsUnsent>(())
/// ```
#[derive(Debug)]
pub struct SockJsClient {
    pub(super) options: SockJsClientOptions,
    terms: Terms,
    choice: Choice,
    requests: Requests,
    pub(super) stage: Stage,
    outbox: Outbox,
    /// The request that posts.
    post: Option<Lane>,
    /// When it may post again.
    rested: Time,
    /// When the server was heard last.
    pub(super) heard: Time,
    /// It is to end: by then, if what was said takes so long to leave.
    ending: Option<Time>,
}

#[derive(Debug)]
pub(super) enum Stage {
    New,
    /// It has asked what there is.
    Asking {
        lane: Lane,
        since: Time,
    },
    Carried(Box<Carrier>),
    Closed,
}

impl SockJsClient {
    /// A client that waits for its start. The names of its server and its sessions are drawn from `random` here, so it has to
    /// be a generator that nobody can predict: whoever knows a session's name has a way into it.
    pub fn new(options: SockJsClientOptions, random: &mut dyn FnMut() -> u64) -> Self {
        let server = options.server.clone().unwrap_or_else(|| addresses::server(random()));
        let choice = Choice::of(&options.transports, random);
        // Far below 2^53, so that no parser loses digits.
        let buster = options.cache_buster.then(|| random() >> 16);
        Self {
            terms: Terms { mount: options.url.clone(), server, given: options.timeout },
            options,
            choice,
            requests: Requests::new(buster),
            stage: Stage::New,
            outbox: Outbox::default(),
            post: None,
            rested: Time::default(),
            heard: Time::default(),
            ending: None,
        }
    }

    /// Takes one input and pushes what follows from it.
    pub fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Vec<Output<'a>>) {
        match input {
            Input::Start if matches!(self.stage, Stage::New) => {
                let mount = &self.terms.mount;
                let lane = self.requests.open(Request::Info, mount, "/info", Vec::new(), out);
                self.stage = Stage::Asking { lane, since: now };
            }
            Input::Start => {}
            Input::Message(lane, message) => self.message(now, lane, message, out),
            Input::Ping(lane) => {
                self.listens(now, lane);
            }
            Input::Bytes(lane, bytes) => {
                if self.listens(now, lane).is_some() {
                    self.read(bytes, out);
                }
            }
            Input::Response(lane, status, body) => self.response(now, lane, status, body, out),
            Input::LaneClosed(lane, how) => self.lane_closed(now, lane, how, out),
            Input::Close if matches!(self.stage, Stage::New) => self.ended(out),
            Input::Close => {
                self.ending.get_or_insert(now.after(self.options.goodbye));
            }
            Input::Tick => self.tick(now, out),
        }
        self.go_on(now, out);
    }

    /// Says this to the server. Until the session is open it waits, and later for what is being posted; on an open WebSocket it
    /// leaves at once, and the WebSocket's owner knows how much waits there.
    ///
    /// # Errors
    ///
    /// If as much waits as may, and once the client is to end.
    pub fn send(&mut self, now: Time, text: &str, out: &mut Vec<Output<'_>>) -> Result<(), SockJsUnsent> {
        if self.is_closed() || self.ending.is_some() {
            return Err(SockJsUnsent::Closed);
        }
        self.outbox.push(text, &self.options)?;
        self.go_on(now, out);
        Ok(())
    }

    /// When it wants a tick.
    pub fn deadline(&self) -> Option<Time> {
        let due = match &self.stage {
            Stage::New | Stage::Closed => return None,
            Stage::Asking { since, .. } => [Some(since.after(self.options.info_timeout)), None, None],
            Stage::Carried(carrier) if !carrier.open => [Some(carrier.until), None, None],
            Stage::Carried(carrier) => {
                let listens = carrier.lane.is_none().then_some(carrier.until);
                let silent = self.options.silence.map(|silence| self.heard.after(silence));
                let posts = (self.post.is_none() && !self.outbox.is_empty()).then_some(self.rested);
                [listens, silent, posts]
            }
        };
        due.into_iter().chain([self.ending]).flatten().min()
    }

    /// Whether it is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.stage, Stage::Closed)
    }

    fn informed(&mut self, now: Time, since: Time, status: u16, body: &[u8], out: &mut Vec<Output<'_>>) {
        if status != 200 {
            let reason = if matches!(status, 401 | 403) { Reason::Unauthenticated } else { Reason::Refused };
            return self.over(
                reason,
                1002,
                format!("{CANNOT_CONNECT}: info was answered with {status}"),
                out,
            );
        }
        match Info::read(body) {
            Ok(info) => {
                if !info.websocket {
                    self.choice.without_websocket();
                }
                if let Some(mount) = info.base_url {
                    self.terms.mount = mount.into_owned();
                }
                let took = Duration::from_millis(now.0.saturating_sub(since.0));
                self.terms.given = choice::time_to_open(took, self.options.timeout);
                self.try_next(now, out);
            }
            Err(bad) => self.over(Reason::ProtocolError, 1002, format!("{CANNOT_CONNECT}: {bad}"), out),
        }
    }

    fn try_next(&mut self, now: Time, out: &mut Vec<Output<'_>>) {
        let Some((transport, session)) = self.choice.next() else {
            let reason = if self.choice.has_failed() { Reason::Lost } else { Reason::Unsupported };
            let failures = self.choice.failures();
            return self.over(reason, 2000, failures, out);
        };
        let choice = (transport, &*session);
        let carrier = Carrier::try_out(now, choice, &self.terms, &self.options, &mut self.requests, out);
        self.stage = Stage::Carried(Box::new(carrier));
    }

    fn response(&mut self, now: Time, lane: Lane, status: u16, body: &[u8], out: &mut Vec<Output<'_>>) {
        if self.post.take_if(|post| *post == lane).is_some() {
            self.rested = now.after(self.options.pause);
            if !matches!(status, 200 | 204) {
                self.over(Reason::Lost, 1006, format!("what was sent was answered with {status}"), out);
            }
            return;
        }
        match self.stage {
            Stage::Asking { lane: of, since } if of == lane => {
                self.stage = Stage::New;
                self.informed(now, since, status, body, out);
            }
            Stage::Carried(ref mut carrier) if carrier.lane == Some(lane) => {
                self.heard = now;
                carrier.lane = None;
                if carrier.is_websocket() || status != 200 {
                    let why = format!("{} was answered with {status}", carrier.transport.as_str());
                    return self.broke(now, 1006, why, out);
                }
                self.read(body, out);
                self.has_all(now, out);
            }
            _ => {}
        }
    }

    fn lane_closed(&mut self, now: Time, lane: Lane, how: LaneEnd, out: &mut Vec<Output<'_>>) {
        if self.post.take_if(|post| *post == lane).is_some() {
            return self.over(Reason::Lost, 1006, format!("what was sent: {FAILED}"), out);
        }
        match &mut self.stage {
            Stage::Asking { lane: of, .. } if *of == lane => {
                self.stage = Stage::New;
                self.over(Reason::Lost, 1002, format!("{CANNOT_CONNECT}: {FAILED}"), out);
            }
            Stage::Carried(carrier) if carrier.lane == Some(lane) => {
                carrier.lane = None;
                match how {
                    LaneEnd::Finished(code) if carrier.is_websocket() => {
                        self.websocket_closed(now, code.unwrap_or(1005), out);
                    }
                    LaneEnd::Finished(_) => self.has_all(now, out),
                    LaneEnd::Aborted | LaneEnd::Fault(_) => {
                        let why = format!("{} broke", carrier.transport.as_str());
                        self.broke(now, 1006, why, out);
                    }
                }
            }
            _ => {}
        }
    }

    /// A response that it listened to has come whole: the next one goes on where this has ended.
    fn has_all(&mut self, now: Time, out: &mut Vec<Output<'_>>) {
        let Stage::Carried(carrier) = &mut self.stage else { return };
        if !carrier.open {
            self.broke(now, 1006, "the response has ended before the session was open".to_owned(), out);
        } else if carrier.reading.is_within_frame() {
            self.broke(now, 1006, "the response has ended within a frame".to_owned(), out);
        } else {
            carrier.until = if carrier.brought { now } else { carrier.until.after(NOTHING_HEARD) };
        }
    }

    /// A WebSocket has had its closing handshake, and no frame has said why.
    fn websocket_closed(&mut self, now: Time, code: u16, out: &mut Vec<Output<'_>>) {
        let is_open = matches!(&self.stage, Stage::Carried(carrier) if carrier.open);
        let why = format!("the WebSocket was closed with {code}");
        // A code that somebody chose is an end even before the session is open: the official client's rule.
        if is_open || matches!(code, 1000 | 3000..=4999) {
            self.over(reason_of(code), code, why, out);
        } else {
            self.broke(now, code, why, out);
        }
    }

    /// What it is carried by is of no use: before the session is open the next may do, later it is over.
    fn broke(&mut self, now: Time, code: u16, why: String, out: &mut Vec<Output<'_>>) {
        match &self.stage {
            Stage::Carried(carrier) if !carrier.open => {
                out.extend(carrier.lane.map(Output::End));
                self.choice.failed(carrier.transport, &why);
                self.stage = Stage::New;
                self.try_next(now, out);
            }
            _ => self.over(Reason::Lost, code, why, out),
        }
    }

    fn tick(&mut self, now: Time, out: &mut Vec<Output<'_>>) {
        let silence = self.options.silence.filter(|silence| now >= self.heard.after(*silence));
        match (&self.stage, silence) {
            (Stage::New | Stage::Closed, _) => {}
            _ if self.ending.is_some_and(|ending| now >= ending) => {
                self.over(Reason::Lost, 1006, "what was said has not left in time".to_owned(), out);
            }
            (Stage::Asking { since, .. }, _) if now >= since.after(self.options.info_timeout) => {
                let text = format!("{CANNOT_CONNECT}: info has timed out");
                self.over(Reason::HandshakeTimeout, 1002, text, out);
            }
            (Stage::Carried(carrier), _) if !carrier.open && now >= carrier.until => {
                self.broke(now, 2007, "Transport timed out".to_owned(), out);
            }
            (Stage::Carried(carrier), Some(silence)) if carrier.open => {
                let text = format!("the server has been silent for {silence:?}");
                self.over(Reason::IdleTimeout, 1006, text, out);
            }
            _ => {}
        }
    }

    /// Writes, posts, listens, or ends: whatever can be done now.
    fn go_on(&mut self, now: Time, out: &mut Vec<Output<'_>>) {
        if let Stage::Carried(carrier) = &mut self.stage
            && carrier.open
        {
            if let (true, Some(lane)) = (carrier.is_websocket(), carrier.lane) {
                while let Some(frame) = self.outbox.frame() {
                    out.push(Output::Write(lane, Decoded::new(Kind::Text, frame)));
                }
            } else if self.post.is_none()
                // One that is to end does not pause.
                && (now >= self.rested || self.ending.is_some())
                && let Some(body) = self.outbox.body(self.options.post_bytes)
            {
                self.post = Some(carrier.post(body, &self.terms, &mut self.requests, out));
            }
        }
        if self.is_closed() {
            return;
        }
        if self.ending.is_some() && self.outbox.is_empty() && self.post.is_none() {
            return self.ended(out);
        }
        if let Stage::Carried(carrier) = &mut self.stage
            && carrier.lane.is_none()
            && now >= carrier.until
        {
            carrier.until = now;
            carrier.listen(&self.terms, &self.options, &mut self.requests, out);
        }
        if self.outbox.has_room_again(&self.options) && self.ending.is_none() {
            out.push(Output::Room);
        }
    }

    fn ended(&mut self, out: &mut Vec<Output<'_>>) {
        self.over(Reason::ClientClosed, 1000, "Normal closure".to_owned(), out);
    }

    /// It is over, and so is what is still open.
    pub(super) fn over(&mut self, reason: Reason, code: u16, text: String, out: &mut Vec<Output<'_>>) {
        let lane = match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Closed => return,
            Stage::New => None,
            Stage::Asking { lane, .. } => Some(lane),
            Stage::Carried(carrier) => carrier.lane,
        };
        out.extend(self.post.take().into_iter().chain(lane).map(Output::End));
        self.outbox = Outbox::default();
        out.push(Output::Closed { reason, code, text });
    }
}
