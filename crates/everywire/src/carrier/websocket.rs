//! Opening a WebSocket: the handshake, over HTTP/1.1 and HTTP/2, and the socket taken back from hyper.

use std::sync::Arc;

use bytes::Bytes;
use everywire_core::{ConnectionId, Mailbox, Reason};
use everywire_protocols::protocol::{self, Entrance, JsonRpc, JsonRpcOptions, Protocol, Stomp};
use everywire_protocols::session::{Session, WebSocket};
use everywire_websocket::handshake::server::{Accepted, ServerOptions, accept, accept_connect};
use everywire_websocket::{Agreed, CloseCode, CloseFrame, Decoder, Deflater, Limits, Role};
use http::{Method, Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::net::TcpStream;

use super::body::Body;
use super::form::Framing;
use super::service::Arrival;
use super::socket::{Compression, Socket, Wired};
use super::timed::Timed;
use super::transport::{Any, Tcp, Transport};
use crate::app::AppState;
use crate::app::handshake::Handshake;
use crate::app::mount::Wire;
use crate::driver::conversation::{Conversation, Opening};
use crate::driver::lanes::Registration;
use crate::driver::link::{QueueLink, SessionLink, SocketLink};

/// A WebSocket's end of a conversation, before there is a socket.
pub(super) struct Beginning {
    pub(super) session: Box<dyn Session>,
    pub(super) protocol: Box<dyn Protocol>,
    /// By which it is found, if it has a secret id.
    pub(super) registration: Option<Registration>,
    /// The public id that the client knows already.
    pub(super) public: Option<ConnectionId>,
    pub(super) handshake: Option<Arc<Handshake>>,
    pub(super) manner: Manner,
}

/// What a mount's WebSockets have in common.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// The most that a message of a client's may have, decompressed.
    pub(super) message_bytes: usize,
    /// What a close frame of ours says.
    pub(super) farewell: Farewell,
}

/// What a close frame of ours says of the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// Why.
    Reason,
    /// Nothing: Engine.IO's have no code.
    Bare,
    /// That all is well, whatever was: SignalR's clients have had a message that says why, and take any other code, and
    /// none, for an error of its own.
    Normal,
    /// The same in SockJS's words, which has codes of its own for what only a close frame says.
    SockJs,
}

impl Farewell {
    /// The frame for this end.
    pub(super) fn frame(self, reason: Reason) -> Option<CloseFrame<'static>> {
        match self {
            Self::Reason => Some(close_frame(reason)),
            Self::Bare => None,
            Self::Normal => Some(normal("")),
            Self::SockJs => Some(match reason {
                Reason::ProtocolError => own("Broken framing."),
                Reason::IdleTimeout => own("No response from heartbeat"),
                // What the carrier found itself has its usual code.
                Reason::InvalidText | Reason::TooLarge | Reason::Unsupported => close_frame(reason),
                _ => normal("Normal closure"),
            }),
        }
    }

    /// The answer to the peer's.
    pub(super) fn echo(self, frame: Option<CloseFrame<'_>>) -> Option<CloseFrame<'static>> {
        match (self, frame) {
            (_, Some(frame)) => Some(CloseFrame { code: frame.code, reason: "" }),
            (Self::Normal, None) => Some(normal("")),
            (Self::Reason | Self::Bare | Self::SockJs, None) => None,
        }
    }
}

fn normal(reason: &'static str) -> CloseFrame<'static> {
    let code = CloseCode::new(1000).expect("codes of the registry may be sent");
    CloseFrame { code, reason }
}

/// A code of SockJS's own.
fn own(reason: &'static str) -> CloseFrame<'static> {
    let code = CloseCode::new(3000).expect("codes for libraries may be sent");
    CloseFrame { code, reason }
}

/// Answers a request for a WebSocket. If the answer is yes, the conversation begins as soon as it has left.
pub(crate) fn open(app: Arc<AppState>, arrival: Arrival, upgrade: OnUpgrade) -> Response<Body> {
    let stomp = arrival.mount.stomp_of(&arrival.head);
    let handshake = stomp.map(|_| Arc::new(Handshake::new(&arrival.head, arrival.peer.0, app.hub.now())));
    let message_bytes = stomp.map_or(app.options.message_bytes, |options| options.frame_bytes());
    let beginning = Beginning {
        session: Box::new(WebSocket::new(app.options.websocket)),
        protocol: protocol(&app, &arrival),
        registration: None,
        public: None,
        handshake,
        manner: Manner { message_bytes, farewell: Farewell::Reason },
    };
    open_with(app, arrival, upgrade, beginning)
}

/// The same, for any session and protocol.
pub(super) fn open_with(
    app: Arc<AppState>,
    arrival: Arrival,
    upgrade: OnUpgrade,
    beginning: Beginning,
) -> Response<Body> {
    match handshake(&app, &arrival) {
        Ok(accepted) => open_accepted(app, arrival, upgrade, accepted, beginning),
        Err(refused) => *refused,
    }
}

/// The same, for a handshake that was looked at.
pub(super) fn open_accepted(
    app: Arc<AppState>,
    arrival: Arrival,
    upgrade: OnUpgrade,
    accepted: Accepted,
    beginning: Beginning,
) -> Response<Body> {
    let agreed = accepted.agreed;
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => begin(&app, arrival, &agreed, upgraded, beginning),
            Err(error) => tracing::debug!(peer = %arrival.peer, %error, "a WebSocket was not opened"),
        }
    });
    accepted.response.map(|()| Body::empty())
}

/// Looks at the handshake.
pub(super) fn handshake(app: &AppState, arrival: &Arrival) -> Result<Accepted, Box<Response<Body>>> {
    let options = ServerOptions {
        subprotocols: arrival.mount.subprotocols_for(&arrival.head),
        deflate: app.options.deflate.map(|deflate| deflate.agree),
    };
    let request = &arrival.head;
    let accepted = if request.method() == Method::CONNECT {
        let protocol = request.extensions().get::<hyper::ext::Protocol>().map(hyper::ext::Protocol::as_str);
        accept_connect(request, protocol, &options)
    } else {
        accept(request, &options)
    };
    accepted.map_err(|refusal| {
        tracing::warn!(peer = %arrival.peer, path = request.uri().path(), "{}", refusal.reason());
        Box::new(refusal.response().map(Body::whole))
    })
}

/// Takes the socket back from hyper, if it is one, and begins the conversation in a task of its own.
fn begin(app: &Arc<AppState>, arrival: Arrival, agreed: &Agreed, upgraded: Upgraded, beginning: Beginning) {
    match socket_of(upgraded) {
        Ok((socket, early)) => {
            // What keeps its context between messages must be compressed by the one task, in order. And a protocol
            // that keeps messages back opens the mailbox itself.
            let direct = !keeps_context(agreed) && beginning.protocol.entrance() == Entrance::AtOnce;
            let link = Arc::new(SocketLink::new(Mailbox::new(app.options.mailbox, direct)));
            link.set_socket(socket);
            // A copy, because even an empty slice of hyper's read buffer keeps all of it.
            let early = Bytes::copy_from_slice(&early);
            spawn(app, arrival, agreed, (link.clone(), Tcp(link), early), beginning);
        }
        Err(upgraded) => {
            let mailbox = Mailbox::new(app.options.mailbox, false);
            let link: Arc<dyn SessionLink> = Arc::new(QueueLink { mailbox });
            spawn(app, arrival, agreed, (link, Any::new(TokioIo::new(upgraded)), Bytes::new()), beginning);
        }
    }
}

/// The TCP socket below a connection, and what hyper has read of it: served by us, by another server such as axum's,
/// or by hyper alone.
pub(super) fn socket_of(upgraded: Upgraded) -> Result<(TcpStream, Bytes), Upgraded> {
    let upgraded = match downcast::<TokioIo<Timed<TcpStream>>>(upgraded) {
        Ok(parts) => {
            let socket = parts.io.into_inner().into_socket();
            return Ok((socket.expect("its responses have ended, and nobody else has it"), parts.read_buf));
        }
        Err(upgraded) => upgraded,
    };
    let upgraded = match downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<TcpStream>>()?;
    Ok((parts.io.into_inner(), parts.read_buf))
}

fn spawn<T: Transport>(
    app: &Arc<AppState>,
    arrival: Arrival,
    agreed: &Agreed,
    (link, transport, early): (Arc<dyn SessionLink>, T, Bytes),
    beginning: Beginning,
) {
    let head = arrival.head;
    let Beginning { session, protocol, registration, public, handshake, manner } = beginning;
    let opening = Opening {
        app: app.clone(),
        namespace: arrival.namespace,
        id: public,
        identity: arrival.identity,
        session,
        protocol,
        peer: arrival.peer,
        relay: arrival.room.filter(|_| arrival.mount.relay),
        handshake,
        framing: framing(agreed),
        shared_socket: T::SHARED && !keeps_context(agreed),
    };
    let mut conversation = Conversation::new(opening, link);
    if let Some(registration) = registration {
        conversation.keep(registration);
    }
    drop(arrival.arriving);
    let wired = Wired {
        transport,
        decoder: decoder(agreed, manner),
        compression: compression(app, agreed),
        early,
        control: Vec::new(),
    };
    let mut socket = Socket::new(wired, conversation, manner.farewell);
    tokio::spawn(async move {
        std::future::poll_fn(|cx| {
            socket.open(cx, &head);
            std::task::Poll::Ready(())
        })
        .await;
        // In a task of its own, which holds nothing but the socket.
        tokio::spawn(socket);
    });
}

pub(super) fn decoder(agreed: &Agreed, manner: Manner) -> Decoder {
    Decoder::new(Role::Server, Limits::of_message(manner.message_bytes))
        .with_deflate(agreed.deflate.map(|deflate| deflate.incoming(Role::Server)))
}

pub(super) fn protocol(app: &AppState, arrival: &Arrival) -> Box<dyn Protocol> {
    if let Some(options) = arrival.mount.stomp_of(&arrival.head) {
        return Box::new(Stomp::new(options.clone(), arrival.namespace.clone()));
    }
    match arrival.mount.wire() {
        Wire::JsonRpc | Wire::SockJs => {
            Box::new(JsonRpc::new(JsonRpcOptions { batch: app.options.batch, ..JsonRpcOptions::default() }))
        }
        _ => Box::new(protocol::Raw),
    }
}

/// How broadcasts are framed for everybody who agreed on the same.
pub(super) fn framing(agreed: &Agreed) -> Framing {
    let shared = agreed.deflate.filter(|_| !keeps_context(agreed));
    shared.map_or(Framing::WebSocket, |deflate| Framing::Deflate(deflate.server.window_bits))
}

pub(super) fn keeps_context(agreed: &Agreed) -> bool {
    agreed.deflate.is_some_and(|deflate| deflate.server.context_takeover)
}

pub(super) fn compression(app: &AppState, agreed: &Agreed) -> Compression {
    let Some((params, options)) = agreed.deflate.zip(app.options.deflate) else { return Compression::None };
    let threshold = options.threshold;
    if params.server.context_takeover {
        let deflater = Box::new(Deflater::new(options.level, params.server));
        return Compression::Own { deflater, threshold };
    }
    Compression::Shared { bits: params.server.window_bits, level: options.level, threshold }
}

/// The close frame that tells a client why: the codes of RFC 6455, section 7.4.1, and of the IANA registry.
pub(crate) fn close_frame(reason: Reason) -> CloseFrame<'static> {
    let code = CloseCode::new(reason.close_code()).expect("codes of the registry may be sent");
    CloseFrame { code, reason: reason.as_str() }
}
