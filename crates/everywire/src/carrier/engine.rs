//! Requests of Socket.IO's clients: those that open a session, and those that belong to one.
//!
//! What a request means, its [endpoint](EngineIoEndpoint) and its session decide; here it gets there, and the answer
//! gets back. A request that is given up by its client is told to the session at once.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use everywire_core::{Mailbox, Reason};
use everywire_protocols::protocol::socketio::SocketIo;
use everywire_protocols::session::EngineIoRefusal;
use everywire_protocols::session::{Endpoint, Lane, LaneEnd, LaneKind, Verdict};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::{mpsc, oneshot};

use super::body::Body;
use super::coding::Coding;
use super::host::Host;
use super::probe::{Moved, Probe};
use super::service::{Arrival, Service};
use super::socket::{Socket, Wired};
use super::transport::{Any, Tcp, Transport};
use super::websocket::{self, Beginning, Manner};
use super::{guard, upload};
use crate::Refusal;
use crate::app::AppState;
use crate::app::handshake::Handshake;
use crate::app::mount::Engine;
use crate::carrier::form::Framing;
use crate::driver::conversation::{Conversation, Opening};
use crate::driver::lanes::{Answer, Door, Known, LaneEvent, Reply};
use crate::driver::link::SocketLink;

impl Service {
    /// Answers a request to a Socket.IO mount.
    pub(super) async fn answer_engine<B>(
        self,
        mut arrival: Arrival,
        upgrade: OnUpgrade,
        body: B,
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: fmt::Display,
    {
        let app = self.app.clone();
        let mount = arrival.mount.clone();
        let Some(engine) = &mount.engine else {
            return super::service::plain(StatusCode::NOT_FOUND, "no Socket.IO is mounted here");
        };
        if let Some(response) = preflight(&arrival.head) {
            return response;
        }
        let verdict = engine.endpoint.request(&arrival.head, &|id| app.table.contains(id), crate::random());
        let mut response = match verdict {
            Verdict::Respond(response) => {
                let status = response.status().as_u16();
                tracing::warn!(peer = %arrival.peer, status, "a Socket.IO request was refused");
                response.map(Body::whole)
            }
            Verdict::Open { id, session, lane } => {
                if let Err(refused) = self.let_open(&mut arrival, engine).await {
                    return *refused;
                }
                let handshake = Handshake::new(&arrival.head, arrival.peer.0, app.hub.now());
                let beginning = Beginning {
                    session,
                    protocol: Box::new(SocketIo::new(engine.protocol.clone())),
                    id,
                    handshake: Some(Arc::new(handshake)),
                    manner: engine.manner(),
                };
                if lane == LaneKind::WebSocket {
                    return websocket::open_with(app, arrival, upgrade, beginning);
                }
                open(&app, &arrival, engine, beginning).await
            }
            Verdict::Attach { id, lane } => match app.table.find(&id) {
                Some(Known::Hosted(door)) if lane == LaneKind::WebSocket => {
                    join(&app, &arrival, upgrade, &door, engine).await
                }
                Some(Known::Hosted(door)) => attach(&app, &arrival, lane, &door, engine, body).await,
                Some(Known::Alone) => EngineIoRefusal::BadRequest.response(&arrival.head).map(Body::whole),
                None => EngineIoRefusal::SessionUnknown.response(&arrival.head).map(Body::whole),
            },
        };
        guard::allow_reading(&arrival.head, response.headers_mut());
        response
    }

    /// Whether one more session may open: as far as bounds and the application go.
    async fn let_open(&self, arrival: &mut Arrival, engine: &Engine) -> Result<(), Box<Response<Body>>> {
        self.make_room(arrival)?;
        let Some(allow) = &engine.allow_request else { return Ok(()) };
        match allow(&arrival.head, arrival.peer.0).await {
            Ok(()) => Ok(()),
            Err(Refusal { message, .. }) => {
                tracing::warn!(peer = %arrival.peer, "a Socket.IO session was refused: {message}");
                let mut response =
                    EngineIoRefusal::Forbidden(message.into()).response(&arrival.head).map(Body::whole);
                guard::allow_reading(&arrival.head, response.headers_mut());
                Err(Box::new(response))
            }
        }
    }
}

impl Engine {
    fn manner(&self) -> Manner {
        Manner { message_bytes: self.options.max_payload, tells_reason: false }
    }
}

/// Answers a browser that asks whether a page of another origin may use the server; whether it may was looked at before.
fn preflight(head: &Request<()>) -> Option<Response<Body>> {
    if head.method() != Method::OPTIONS {
        return None;
    }
    head.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    guard::allow_reading(head, headers);
    if let Some(asked) = head.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        headers.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    Some(response)
}

/// Begins a session that polls, in a task of its own.
async fn open(
    app: &Arc<AppState>,
    arrival: &Arrival,
    engine: &Engine,
    beginning: Beginning,
) -> Response<Body> {
    let link = Arc::new(SocketLink::new(Mailbox::new(app.options.mailbox, false)));
    let door = Door::new(link.clone());
    let Beginning { session, protocol, id, handshake, .. } = beginning;
    let opening = Opening {
        app: app.clone(),
        namespace: arrival.namespace.clone(),
        identity: arrival.identity.clone(),
        session,
        protocol,
        peer: arrival.peer,
        relay: None,
        handshake,
        framing: Framing::WebSocket,
        shared_socket: false,
    };
    let mut conversation = Box::new(Conversation::new(opening, link));
    if let Some(id) = id {
        conversation.keep(app.table.enter(id, Known::Hosted(door.clone())));
    }
    tokio::spawn(Host::new(door.clone(), conversation, app.wheel.clone()));
    let (lane, reply) = knock(&door, LaneKind::Poll, &arrival.head);
    respond(reply, lane, arrival, engine).await
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
fn knock(door: &Arc<Door>, kind: LaneKind, head: &Request<()>) -> (Asking, oneshot::Receiver<Reply>) {
    let (sender, reply) = oneshot::channel();
    let lane = door.lane();
    let answer = Answer::Request(sender);
    door.tell(LaneEvent::Opened { lane, kind, head: Box::new(copy(head)), answer });
    (Asking { door: door.clone(), lane, answered: false }, reply)
}

/// A head of the same request that keeps nothing of its buffers.
fn copy(head: &Request<()>) -> Request<()> {
    let mut copy = Request::new(());
    *copy.method_mut() = head.method().clone();
    *copy.uri_mut() = head.uri().clone();
    *copy.headers_mut() = head.headers().clone();
    copy
}

/// Awaits the session's response.
async fn respond(
    reply: oneshot::Receiver<Reply>,
    asking: Asking,
    arrival: &Arrival,
    engine: &Engine,
) -> Response<Body> {
    conclude(reply.await, asking, arrival, engine)
}

/// The response, if the session gave one. It gives none if it has ended meanwhile, or has become one with its WebSocket.
fn conclude(
    reply: Result<Reply, oneshot::error::RecvError>,
    mut asking: Asking,
    arrival: &Arrival,
    engine: &Engine,
) -> Response<Body> {
    asking.answered = true;
    match reply {
        Ok(reply) => finish(reply, &arrival.head, engine),
        Err(_) => EngineIoRefusal::SessionUnknown.response(&arrival.head).map(Body::whole),
    }
}

/// A poll of a session, or what its client posts.
async fn attach<B>(
    app: &AppState,
    arrival: &Arrival,
    kind: LaneKind,
    door: &Arc<Door>,
    engine: &Engine,
    body: B,
) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    let (asking, mut reply) = knock(door, kind, &arrival.head);
    if kind == LaneKind::Post {
        let body = upload::read(body, engine.options.max_payload, app.options.handshake_timeout);
        let body = tokio::select! {
            biased;
            early = &mut reply => return conclude(early, asking, arrival, engine),
            body = body => body,
        };
        match body {
            Ok(bytes) => {
                let kind = arrival.head.headers().get(header::CONTENT_TYPE);
                let text = kind.is_none_or(|kind| !kind.as_bytes().starts_with(b"application/octet-stream"));
                door.tell(LaneEvent::Message { lane: asking.lane, bytes, text });
            }
            Err(fault) => {
                tracing::warn!(peer = %arrival.peer, status = fault.status().as_u16(), "{fault}");
                let mut asking = asking;
                if let upload::Fault::TooLarge(_) = fault {
                    // The session may go on: only this did not arrive.
                    asking.answered = true;
                    door.tell(LaneEvent::Closed { lane: asking.lane, how: LaneEnd::Fault(Reason::TooLarge) });
                }
                let mut response = Response::new(Body::empty());
                *response.status_mut() = fault.status();
                return response;
            }
        }
    }
    respond(reply, asking, arrival, engine).await
}

/// A WebSocket that joins a session: the handshake is answered when the session has had a look.
async fn join(
    app: &Arc<AppState>,
    arrival: &Arrival,
    upgrade: OnUpgrade,
    door: &Arc<Door>,
    engine: &Engine,
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
    door.tell(LaneEvent::Opened { lane, kind: LaneKind::WebSocket, head, answer });
    let mut asking = Asking { door: door.clone(), lane, answered: false };
    let verdict = verdict.await;
    asking.answered = !matches!(verdict, Ok(None));
    match verdict {
        Ok(None) => {}
        Ok(Some(refusal)) => return finish(refusal, &arrival.head, engine),
        Err(_) => return EngineIoRefusal::SessionUnknown.response(&arrival.head).map(Body::whole),
    }
    let (app, agreed, manner) = (app.clone(), accepted.agreed, engine.manner());
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
                let probe = Probe::new((door.clone(), lane, commands), decoder, input, Any::new(socket));
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
                let probe = Probe::new((door.clone(), lane, commands), decoder, input, transport);
                let Some(moved) = probe.await else { return };
                carry(&app, &agreed, manner, moved);
            }
        }
    });
    accepted.response.map(|()| Body::empty())
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
    tokio::spawn(Socket::new(wired, *conversation, manner.tells_reason));
}

/// A session's response as HTTP has it, compressed if it is long and the client can read that.
fn finish(reply: Reply, head: &Request<()>, engine: &Engine) -> Response<Body> {
    let Reply { status, mut headers, body, compress } = reply;
    let long = engine.compress_from.filter(|from| compress && body.len() >= *from);
    let coding = long.and_then(|_| Coding::of(head.headers()));
    let body = match coding.and_then(|coding| coding.encode(&body).map(|bytes| (coding, bytes))) {
        Some((coding, compressed)) => {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            headers.remove(header::CONTENT_LENGTH);
            Bytes::from(compressed)
        }
        None => body,
    };
    let mut response = Response::new(Body::whole(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
