//! Requests that belong to sessions which live over several: they get to their session, and its answers back.
//!
//! A request that is given up by its client is told to the session at once.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use everywire_core::{Mailbox, Reason};
use everywire_protocols::session::{Lane, LaneEnd, LaneKind, SessionId};
use http::{HeaderValue, Request, Response, Version, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::{mpsc, oneshot};

use super::body::Body;
use super::coding::Coding;
use super::host::Host;
use super::line::line_of;
use super::probe::{Moved, Patience, Probe};
use super::service::Arrival;
use super::socket::{Socket, Wired};
use super::transport::{Any, Tcp, Transport};
use super::websocket::{self, Beginning, Manner};
use super::{unread, upload};
use crate::Identity;
use crate::app::AppState;
use crate::carrier::form::Framing;
use crate::driver::conversation::{Conversation, Opening};
use crate::driver::lanes::{Answer, Door, Known, LaneEvent, Reply};
use crate::driver::link::SocketLink;
use crate::driver::sessions::Arriving;

/// Bytes of other bodies of a session's that may be on their way beside one.
const BESIDE: usize = 4 << 20;

/// How a mount's requests are treated.
#[derive(Clone, Copy)]
pub(super) struct Hosting {
    /// The most that a body may have.
    pub(super) body_bytes: usize,
    /// From how many bytes on answers are compressed.
    pub(super) compress_from: Option<usize>,
    pub(super) manner: Manner,
    /// The answer to who names no session that lives.
    pub(super) unknown: fn(&Request<()>) -> Response<Body>,
}

impl Hosting {
    /// Begins a session, in a task of its own.
    pub(super) async fn open(
        self,
        app: &Arc<AppState>,
        arrival: &Arrival,
        lane: LaneKind,
        id: Option<SessionId>,
        beginning: Beginning,
    ) -> Response<Body> {
        let door = begin(app, arrival, id, beginning);
        let (asking, reply) = knock(&door, lane, arrival);
        self.conclude(reply.await, asking, arrival)
    }

    /// The response, if the session gave one. It gives none if it has ended meanwhile, or has become one with its WebSocket.
    fn conclude(
        self,
        reply: Result<Reply, oneshot::error::RecvError>,
        mut asking: Asking,
        arrival: &Arrival,
    ) -> Response<Body> {
        asking.answered = true;
        match reply {
            Ok(reply) => self.finish(reply, &arrival.head),
            Err(_) => (self.unknown)(&arrival.head),
        }
    }

    /// A request that listens, of a session whose id its client has chosen; the session begins if there is none of it.
    pub(super) async fn listen(
        self,
        app: &Arc<AppState>,
        arrival: &Arrival,
        lane: LaneKind,
        id: SessionId,
        (mut arriving, beginning): (Option<Arriving>, impl Fn() -> Option<Beginning>),
    ) -> Response<Body> {
        loop {
            let mut begins = false;
            let begin = || {
                begins = true;
                beginning()
            };
            let Some(Known::Hosted(door)) = begin_or_find(app, arrival, id.clone(), begin) else {
                return (self.unknown)(&arrival.head);
            };
            // It counts as one that is open now.
            drop(arriving.take());
            let (mut asking, reply) = knock(&door, lane, arrival);
            match reply.await {
                // The one that was found ended in this moment: there is none of it.
                Err(_) if !begins => asking.answered = true,
                reply => return self.conclude(reply, asking, arrival),
            }
        }
    }

    /// A poll of a session, or what its client posts.
    pub(super) async fn attach<B>(
        self,
        app: &AppState,
        arrival: &Arrival,
        kind: LaneKind,
        door: &Arc<Door>,
        body: B,
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: fmt::Display,
    {
        let (mut asking, mut reply) = knock(door, kind, arrival);
        if kind != LaneKind::Post {
            let answering = async { self.conclude(reply.await, asking, arrival) };
            return unread::beside(arrival.head.version(), body, answering).await;
        }
        let mut upload = door.upload(self.body_bytes + BESIDE);
        let count = |bytes| upload.count(bytes);
        let body = upload::read_counted(body, self.body_bytes, app.options.handshake_timeout, count);
        let body = tokio::select! {
            biased;
            early = &mut reply => return self.conclude(early, asking, arrival),
            body = body => body,
        };
        match body {
            Ok(bytes) => {
                // It counts as what it is from here on.
                door.take_heard();
                let kind = arrival.head.headers().get(header::CONTENT_TYPE);
                let text = kind.is_none_or(|kind| !kind.as_bytes().starts_with(b"application/octet-stream"));
                door.tell(LaneEvent::Message { lane: asking.lane, bytes, text });
            }
            Err(fault) => {
                tracing::warn!(peer = %arrival.peer, status = fault.status().as_u16(), "{fault}");
                if let upload::Fault::TooLarge(_) | upload::Fault::TooMany(_) = fault {
                    // The session may go on: only this did not arrive.
                    asking.answered = true;
                    let how = LaneEnd::Fault(Reason::TooLarge);
                    door.tell(LaneEvent::Closed { lane: asking.lane, how });
                }
                return fault.response();
            }
        }
        self.conclude(reply.await, asking, arrival)
    }

    /// A WebSocket that joins a session: the handshake is answered when the session has had a look.
    pub(super) async fn join(
        self,
        app: &Arc<AppState>,
        arrival: &Arrival,
        upgrade: OnUpgrade,
        door: &Arc<Door>,
    ) -> Response<Body> {
        let accepted = match websocket::handshake(app, arrival) {
            Ok(accepted) => accepted,
            Err(refused) => return *refused,
        };
        let (commands_sender, commands) = mpsc::unbounded_channel();
        let (sender, verdict) = oneshot::channel();
        let lane = door.lane();
        let answer = Answer::Socket(sender, commands_sender);
        let head = Box::new(copy(&arrival.head));
        let identity = shown(arrival);
        door.tell(LaneEvent::Opened { lane, kind: LaneKind::WebSocket, head, answer, identity });
        let mut asking = Asking { door: door.clone(), lane, answered: false };
        let verdict = verdict.await;
        asking.answered = !matches!(verdict, Ok(None));
        match verdict {
            Ok(None) => {}
            Ok(Some(refusal)) => return self.finish(refusal, &arrival.head),
            Err(_) => return (self.unknown)(&arrival.head),
        }
        let (app, agreed, manner) = (app.clone(), accepted.agreed, self.manner);
        let patience = Patience { write: app.options.write_timeout, close: app.options.close_timeout };
        let door = door.clone();
        tokio::spawn(async move {
            let Ok(upgraded) = upgrade.await else { return };
            // From here on the WebSocket itself tells the session how it ends.
            let mut asking = asking;
            asking.answered = true;
            let probe = |input: Bytes| (websocket::decoder(&agreed, manner), Vec::from(input));
            match websocket::socket_of(upgraded) {
                Ok((socket, early)) => {
                    let (decoder, input) = probe(early);
                    let probe = Probe::new(
                        (door.clone(), lane, commands),
                        decoder,
                        input,
                        Any::new(socket),
                        (manner.farewell, patience),
                    );
                    let Some(moved) = probe.await else { return };
                    let moved = moved.on(|socket| {
                        door.link.set_socket(socket.into_inner());
                        Tcp(door.link.clone())
                    });
                    carry(&app, &agreed, manner, moved);
                }
                Err(upgraded) => {
                    let (decoder, input) = probe(Bytes::new());
                    let transport: Any<TokioIo<Upgraded>> = Any::new(TokioIo::new(upgraded));
                    let probe = Probe::new(
                        (door.clone(), lane, commands),
                        decoder,
                        input,
                        transport,
                        (manner.farewell, patience),
                    );
                    let Some(moved) = probe.await else { return };
                    carry(&app, &agreed, manner, moved);
                }
            }
        });
        accepted.response.map(|()| Body::empty())
    }

    /// A session's response as HTTP has it, compressed if it is long and the client can read that.
    fn finish(self, reply: Reply, head: &Request<()>) -> Response<Body> {
        let Reply { status, mut headers, body, compress, stream } = reply;
        let long = self.compress_from.filter(|from| compress && body.len() >= *from);
        let coding = long.and_then(|_| Coding::of(head.headers()));
        let body = match coding.and_then(|coding| coding.encode(&body).map(|bytes| (coding, bytes))) {
            Some((coding, compressed)) => {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
                headers.remove(header::CONTENT_LENGTH);
                Bytes::from(compressed)
            }
            None => body,
        };
        let closes = stream.is_some() && head.version() == Version::HTTP_10;
        let mut response = Response::new(match stream {
            Some(pieces) => Body::stream(pieces.on(line_of(head))),
            None => Body::whole(body),
        });
        if closes {
            // It ends with its connection, also if the client would keep that: hyper adds that it may be kept to a newer one.
            *response.version_mut() = Version::HTTP_10;
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

/// Begins a session that waits for its first lane. Its id is random, and nobody's yet.
fn begin(
    app: &Arc<AppState>,
    arrival: &Arrival,
    id: Option<SessionId>,
    mut beginning: Beginning,
) -> Arc<Door> {
    let door = Door::new(Arc::new(SocketLink::new(Mailbox::new(app.options.mailbox, false))));
    beginning.registration = id.map(|id| app.table.enter(id, Known::Hosted(door.clone())));
    begin_behind(app, arrival, beginning, &door);
    door
}

/// The session of this id: one that lives, or what begins now, if something does.
pub(super) fn begin_or_find(
    app: &Arc<AppState>,
    arrival: &Arrival,
    id: SessionId,
    beginning: impl FnOnce() -> Option<Beginning>,
) -> Option<Known> {
    let door = Door::new(Arc::new(SocketLink::new(Mailbox::new(app.options.mailbox, false))));
    match app.table.enter_unless_known(id, Known::Hosted(door.clone())) {
        Ok(registration) => {
            let Some(beginning) = beginning() else {
                // Another may have found it in this moment: nobody will answer it.
                door.shut();
                return None;
            };
            let beginning = Beginning { registration: Some(registration), ..beginning };
            begin_behind(app, arrival, beginning, &door);
            Some(Known::Hosted(door))
        }
        Err(known) => Some(known),
    }
}

fn begin_behind(app: &Arc<AppState>, arrival: &Arrival, beginning: Beginning, door: &Arc<Door>) {
    let Beginning { session, protocol, registration, public, handshake, .. } = beginning;
    let opening = Opening {
        app: app.clone(),
        namespace: arrival.namespace.clone(),
        id: public,
        identity: arrival.identity.clone(),
        session,
        protocol,
        peer: arrival.peer,
        relay: None,
        handshake,
        framing: Framing::WebSocket,
        shared_socket: false,
    };
    let mut conversation = Box::new(Conversation::new(opening, door.link.clone()));
    if let Some(registration) = registration {
        conversation.keep(registration);
    }
    tokio::spawn(Host::new(door.clone(), conversation, app.wheel.clone()));
}

/// A request that awaits the session's response. Given up before, it tells the session.
struct Asking {
    door: Arc<Door>,
    lane: Lane,
    answered: bool,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.answered {
            self.door.tell(LaneEvent::Closed { lane: self.lane, how: LaneEnd::Aborted });
        }
    }
}

/// Tells the session of a request.
fn knock(door: &Arc<Door>, kind: LaneKind, arrival: &Arrival) -> (Asking, oneshot::Receiver<Reply>) {
    let (sender, reply) = oneshot::channel();
    let lane = door.lane();
    let answer = Answer::Request(sender);
    let (head, identity) = (Box::new(copy(&arrival.head)), shown(arrival));
    door.tell(LaneEvent::Opened { lane, kind, head, answer, identity });
    (Asking { door: door.clone(), lane, answered: false }, reply)
}

/// Who asks, if that was looked at: Socket.IO's and STOMP's clients show it once they are in their sessions.
fn shown(arrival: &Arrival) -> Option<Box<Identity>> {
    let by_request = arrival.mount.engine.is_none() && arrival.mount.stomp.is_none();
    by_request.then(|| Box::new(arrival.identity.clone()))
}

/// A head of the same request that keeps nothing of its buffers.
fn copy(head: &Request<()>) -> Request<()> {
    let mut copy = Request::new(());
    *copy.method_mut() = head.method().clone();
    *copy.uri_mut() = head.uri().clone();
    *copy.headers_mut() = head.headers().clone();
    copy
}

/// The WebSocket carries the session alone from now on, in a task of its own.
fn carry<T: Transport>(
    app: &AppState,
    agreed: &everywire_websocket::Agreed,
    manner: Manner,
    moved: Moved<T>,
) {
    let Moved { mut conversation, transport, decoder, early, out } = moved;
    let shared_socket = T::SHARED && !websocket::keeps_context(agreed);
    conversation.carried_by(websocket::framing(agreed), shared_socket);
    let compression = websocket::compression(app, agreed);
    let wired = Wired { transport, decoder, compression, early, control: out };
    tokio::spawn(Socket::new(wired, *conversation, manner.farewell));
}
