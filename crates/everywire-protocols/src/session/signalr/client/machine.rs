//! The client's machine.

use std::collections::VecDeque;

use everywire_core::Reason;

use super::super::super::event_stream::EventStream;
use super::super::super::{Lane, LaneEnd};
use super::super::negotiate::{NegotiateReply, TransportKind};
use super::addresses;
use super::choice::Choice;
use super::{
    SignalRRequest as Request, SignalRSessionClientInput as Input, SignalRSessionClientOptions,
    SignalRSessionClientOutput as Output,
};
use crate::seam::{Decoded, Message};

/// How often a client lets itself be sent elsewhere: as official ones.
const REDIRECTS: u32 = 100;

/// The machine.
#[derive(Debug)]
pub struct SignalRSessionClient {
    options: SignalRSessionClientOptions,
    lanes: u32,
    redirects: u32,
    /// What was offered first, as far as it was not tried; none before.
    choice: Option<Choice>,
    /// What the last negotiation gave.
    id: Option<String>,
    token: Option<String>,
    stateful: bool,
    stage: Stage,
    /// What waits to be written or posted.
    queue: VecDeque<Decoded>,
    post: Option<Lane>,
    ending: bool,
}

#[derive(Debug)]
enum Stage {
    New,
    Negotiating(Lane),
    Connecting(Lane, TransportKind),
    WebSocket(Lane),
    /// Its WebSocket is lost, and this is the next.
    Returning(Lane),
    Events(Lane, Box<EventStream>),
    Polling(Lane),
    /// The server has been asked to end it. There may still be a poll.
    Deleting {
        delete: Lane,
        poll: Option<Lane>,
    },
    Closed,
}

impl SignalRSessionClient {
    /// A client that waits for its start.
    pub fn new(options: SignalRSessionClientOptions) -> Self {
        Self {
            options,
            lanes: 0,
            redirects: 0,
            choice: None,
            id: None,
            token: None,
            stateful: false,
            stage: Stage::New,
            queue: VecDeque::new(),
            post: None,
            ending: false,
        }
    }

    /// Takes one input and pushes what follows from it.
    pub fn input<'a>(&mut self, input: Input<'a>, out: &mut Vec<Output<'a>>) {
        match input {
            Input::Start if matches!(self.stage, Stage::New) => {
                if self.options.negotiate {
                    self.negotiate(out);
                } else {
                    self.connect(TransportKind::WebSockets, out);
                }
            }
            Input::Start => {}
            Input::Connected(lane) => self.connected(lane, out),
            Input::Message(lane, message) => {
                if matches!(self.stage, Stage::WebSocket(of) if of == lane) {
                    out.push(Output::Message(message));
                }
            }
            Input::Bytes(lane, bytes) => self.bytes(lane, bytes, out),
            Input::Response(lane, status, body) => self.response(lane, status, body, out),
            Input::LaneClosed(lane, how) => self.lane_closed(lane, how, out),
            Input::Send(message) => match self.stage {
                Stage::WebSocket(lane) => out.push(Output::Write(lane, message.into())),
                Stage::Returning(_) | Stage::Closed => {}
                _ if self.ending => {}
                _ => self.queue.push_back(message.into()),
            },
            Input::Close => self.close_by_client(out),
        }
        self.go_on(out);
    }

    /// Whether it is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.stage, Stage::Closed)
    }

    fn open(&mut self, request: Request, url: String, body: Vec<u8>, out: &mut Vec<Output<'_>>) -> Lane {
        let lane = Lane(self.lanes);
        self.lanes += 1;
        let access_token = self.options.access_token.clone();
        out.push(Output::Open { lane, request, url, access_token, body });
        lane
    }

    fn open_session(&mut self, request: Request, body: Vec<u8>, out: &mut Vec<Output<'_>>) -> Lane {
        let url = addresses::connection(&self.options.url, self.token.as_deref());
        self.open(request, url, body, out)
    }

    fn negotiate(&mut self, out: &mut Vec<Output<'_>>) {
        let url = addresses::negotiation(&self.options.url, self.options.stateful_reconnect);
        self.stage = Stage::Negotiating(self.open(Request::Negotiate, url, Vec::new(), out));
    }

    fn negotiated(&mut self, status: u16, body: &[u8], out: &mut Vec<Output<'_>>) {
        let text = String::from_utf8_lossy(body);
        if status != 200 {
            let error = format!(
                "Failed to complete negotiation with the server: Error: {text}: Status code '{status}'"
            );
            let reason = if matches!(status, 401 | 403) { Reason::Unauthenticated } else { Reason::Refused };
            return self.over(reason, Some(error), out);
        }
        match NegotiateReply::read(&text) {
            Err(fault) => self.over(Reason::ProtocolError, Some(fault.to_string()), out),
            Ok(NegotiateReply::Refused(error)) => {
                self.over(Reason::Refused, Some(error.into_owned()), out);
            }
            Ok(NegotiateReply::Redirect { url, access_token }) => {
                self.redirects += 1;
                if self.redirects == REDIRECTS {
                    let error = "Negotiate redirection limit exceeded.".to_owned();
                    return self.over(Reason::Refused, Some(error), out);
                }
                self.options.url = url.into_owned();
                if let Some(token) = access_token {
                    self.options.access_token = Some(token.into_owned());
                }
                self.negotiate(out);
            }
            Ok(NegotiateReply::Offer { stateful_reconnect: true, .. })
                if !self.options.stateful_reconnect =>
            {
                let error = "Client didn't negotiate Stateful Reconnect but the server did.".to_owned();
                self.over(Reason::ProtocolError, Some(error), out);
            }
            Ok(NegotiateReply::Offer { stateful_reconnect, connection_id, connection_token, transports }) => {
                self.stateful = stateful_reconnect;
                self.token = Some(connection_token.unwrap_or_else(|| connection_id.clone()).into_owned());
                self.id = Some(connection_id.into_owned());
                let (may, format) = (self.options.transports, self.options.format);
                self.choice.get_or_insert_with(|| Choice::of(&transports, may, format));
                self.try_next(out);
            }
        }
    }

    fn try_next(&mut self, out: &mut Vec<Output<'_>>) {
        match self.choice.get_or_insert_default().next() {
            Ok(transport) => self.connect(transport, out),
            Err(error) => self.over(Reason::Refused, Some(error), out),
        }
    }

    fn connect(&mut self, transport: TransportKind, out: &mut Vec<Output<'_>>) {
        let request = match transport {
            TransportKind::WebSockets => Request::WebSocket,
            TransportKind::ServerSentEvents => Request::Events,
            TransportKind::LongPolling => Request::Poll,
        };
        self.stage = Stage::Connecting(self.open_session(request, Vec::new(), out), transport);
    }

    /// A transport does not work here: the next may. What was given for the one is of no use to another.
    fn failed(&mut self, transport: TransportKind, why: &str, out: &mut Vec<Output<'_>>) {
        let choice = self.choice.get_or_insert_default();
        choice.failed(transport, why);
        if choice.has_more() {
            self.negotiate(out);
        } else {
            self.try_next(out);
        }
    }

    fn connected(&mut self, lane: Lane, out: &mut Vec<Output<'_>>) {
        match self.stage {
            Stage::Connecting(of, TransportKind::WebSockets) if of == lane => {
                self.opened(TransportKind::WebSockets, self.stateful, out);
                self.stage = Stage::WebSocket(lane);
                let queue = std::mem::take(&mut self.queue);
                out.extend(queue.into_iter().map(|message| Output::Write(lane, message)));
            }
            Stage::Connecting(of, TransportKind::ServerSentEvents) if of == lane => {
                self.opened(TransportKind::ServerSentEvents, false, out);
                self.stage = Stage::Events(lane, Box::new(EventStream::new(self.options.event_bytes)));
            }
            Stage::Returning(of) if of == lane => {
                self.stage = Stage::WebSocket(lane);
                out.push(Output::Back);
            }
            _ => {}
        }
    }

    fn opened(&mut self, transport: TransportKind, stateful: bool, out: &mut Vec<Output<'_>>) {
        self.stateful = stateful;
        out.push(Output::Opened { id: self.id.clone(), transport, stateful });
    }

    fn bytes(&mut self, lane: Lane, bytes: &[u8], out: &mut Vec<Output<'_>>) {
        let Stage::Events(of, events) = &mut self.stage else { return };
        if *of != lane {
            return;
        }
        let read = events.read(bytes, |event| {
            if event.name == "message" {
                out.push(Output::Decoded(Decoded::Text(event.data)));
            }
        });
        if let Err(too_long) = read {
            self.close(Reason::TooLarge, Some(too_long.to_string()), out);
        }
    }

    fn response<'a>(&mut self, lane: Lane, status: u16, body: &'a [u8], out: &mut Vec<Output<'a>>) {
        let refused = || {
            let text = String::from_utf8_lossy(body);
            format!("{text}: Status code '{status}'")
        };
        if self.post.take_if(|post| *post == lane).is_some() {
            if status != 200 {
                self.close(Reason::Lost, Some(refused()), out);
            }
            return;
        }
        match self.stage {
            Stage::Negotiating(of) if of == lane => self.negotiated(status, body, out),
            Stage::Connecting(of, transport) if of == lane => {
                if transport == TransportKind::LongPolling && status == 200 {
                    self.opened(transport, false, out);
                    self.polled(body, out);
                } else {
                    self.failed(transport, &refused(), out);
                }
            }
            Stage::Returning(of) if of == lane => self.over(Reason::Lost, Some(refused()), out),
            Stage::Polling(of) if of == lane => match status {
                200 => self.polled(body, out),
                204 => self.over(Reason::ServerClosed, None, out),
                _ => self.over(Reason::Lost, Some(refused()), out),
            },
            Stage::Deleting { delete, .. } if delete == lane => self.close(Reason::ClientClosed, None, out),
            Stage::Deleting { delete, poll: Some(poll) } if poll == lane => {
                self.stage = Stage::Deleting { delete, poll: None };
                if status == 200 {
                    heard(body, out);
                }
            }
            _ => {}
        }
    }

    fn polled<'a>(&mut self, body: &'a [u8], out: &mut Vec<Output<'a>>) {
        heard(body, out);
        self.stage = Stage::Polling(self.open_session(Request::Poll, Vec::new(), out));
    }

    fn lane_closed(&mut self, lane: Lane, how: LaneEnd, out: &mut Vec<Output<'_>>) {
        const FAILED: &str = "the request has failed, and nobody answered";
        if self.post == Some(lane) {
            return self.close(Reason::Lost, Some(FAILED.to_owned()), out);
        }
        let in_order = match how {
            LaneEnd::Finished(code) => code.is_none_or(|code| code == 1000),
            LaneEnd::Aborted | LaneEnd::Fault(_) => false,
        };
        match self.stage {
            Stage::Negotiating(of) if of == lane => {
                let error = format!("Failed to complete negotiation with the server: Error: {FAILED}");
                self.over(Reason::Lost, Some(error), out);
            }
            Stage::Connecting(of, transport) if of == lane => self.failed(transport, FAILED, out),
            Stage::WebSocket(of) if of == lane && !in_order && self.stateful => {
                out.push(Output::Lost);
                self.stage = Stage::Returning(self.open_session(Request::WebSocket, Vec::new(), out));
            }
            Stage::WebSocket(of) | Stage::Events(of, _) if of == lane && in_order => {
                self.over(Reason::ServerClosed, None, out);
            }
            Stage::WebSocket(of) if of == lane => {
                let error = match how {
                    LaneEnd::Finished(Some(code)) => format!("WebSocket closed with status code: {code} ()."),
                    _ => "WebSocket closed with status code: 1006 ().".to_owned(),
                };
                self.over(Reason::Lost, Some(error), out);
            }
            Stage::Events(of, _) | Stage::Polling(of) | Stage::Returning(of) if of == lane => {
                self.over(Reason::Lost, Some(FAILED.to_owned()), out);
            }
            // As good as an answer: it is over.
            Stage::Deleting { delete, .. } if delete == lane => self.close(Reason::ClientClosed, None, out),
            Stage::Deleting { delete, poll: Some(poll) } if poll == lane => {
                self.stage = Stage::Deleting { delete, poll: None };
            }
            _ => {}
        }
    }

    fn close_by_client(&mut self, out: &mut Vec<Output<'_>>) {
        match self.stage {
            // What was sent leaves first, by POST.
            Stage::Events(..) | Stage::Polling(_) => self.ending = true,
            Stage::Deleting { .. } => {}
            _ => self.close(Reason::ClientClosed, None, out),
        }
    }

    /// Posts what waits, and ends when nothing does and it is to end.
    fn go_on(&mut self, out: &mut Vec<Output<'_>>) {
        if self.post.is_some() {
            return;
        }
        match self.stage {
            Stage::Events(..) | Stage::Polling(_) if !self.queue.is_empty() => {
                let body = self.body();
                self.post = Some(self.open_session(Request::Post, body, out));
            }
            Stage::Events(..) if self.ending => self.close(Reason::ClientClosed, None, out),
            Stage::Polling(poll) if self.ending => {
                let delete = self.open_session(Request::Delete, Vec::new(), out);
                self.stage = Stage::Deleting { delete, poll: Some(poll) };
            }
            _ => {}
        }
    }

    /// As many of the messages that wait as may be posted together: one at least.
    fn body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        while let Some(message) = self.queue.pop_front_if(|message| {
            let more = message.as_message().as_bytes().len();
            body.is_empty() || body.len() + more <= self.options.post_bytes
        }) {
            body.extend_from_slice(message.as_message().as_bytes());
        }
        body
    }

    /// It is over, and so is what is still open.
    fn close(&mut self, reason: Reason, error: Option<String>, out: &mut Vec<Output<'_>>) {
        let lane = match self.stage {
            Stage::New | Stage::Closed => None,
            Stage::Negotiating(lane)
            | Stage::Connecting(lane, _)
            | Stage::WebSocket(lane)
            | Stage::Returning(lane)
            | Stage::Events(lane, _)
            | Stage::Polling(lane) => Some(lane),
            Stage::Deleting { poll, .. } => poll,
        };
        out.extend(lane.map(Output::End));
        self.over(reason, error, out);
    }

    /// It is over, with the lane that it heard by.
    fn over(&mut self, reason: Reason, error: Option<String>, out: &mut Vec<Output<'_>>) {
        if self.is_closed() {
            return;
        }
        self.stage = Stage::Closed;
        self.queue.clear();
        self.post = None;
        out.push(Output::Closed { reason, error });
    }
}

fn heard<'a>(body: &'a [u8], out: &mut Vec<Output<'a>>) {
    if !body.is_empty() {
        out.push(Output::Message(Message::Binary(body)));
    }
}
