//! The door for HTTP: which request goes to which mount, and what is refused on the way.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use everywire_core::PayloadRef;
use everywire_protocols::session::SessionId;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};

use super::body::Body;
use super::request::{decode, query_pairs, query_values};
use super::{guard, post, response, unread, websocket};
use crate::Identity;
use crate::app::AppState;
use crate::app::access::{Credentials, Refusal};
use crate::app::mount::{Mount, Wire};
use crate::driver::conversation::Peer;
use crate::driver::sessions::Arriving;

/// Answers every request to what an application has mounted: a tower service, for hyper and axum.
#[derive(Clone)]
pub struct Service {
    pub(super) app: Arc<AppState>,
    peer: Peer,
    /// The address that is listened on, if the application listens itself.
    listening: Option<SocketAddr>,
}

const CLOSING: &str = "the server is shutting down; try again soon";
const FULL: &str = "as many clients are connected as may be";

/// A request on its way into a session: it has been let in.
pub(crate) struct Arrival {
    pub(crate) head: Request<()>,
    pub(crate) mount: Arc<Mount>,
    pub(crate) namespace: Arc<str>,
    pub(crate) identity: Identity,
    pub(crate) peer: Peer,
    /// The room that the path names.
    pub(crate) room: Option<Arc<str>>,
    /// What the path has behind the mount's own, where mounts have the paths below.
    pub(crate) below: Box<str>,
    /// Whether the client only asks how it may connect.
    pub(crate) negotiates: bool,
    /// That it counts, until the session does.
    pub(crate) arriving: Option<Arriving>,
}

impl Arrival {
    /// What a session of this mount and namespace is found by that its client knows by this id: what is told of one is no way
    /// into another.
    pub(super) fn key(&self, id: &str) -> SessionId {
        format!("{}\0{}\0{id}", self.mount.number, self.namespace).into()
    }
}

impl Service {
    pub(crate) fn new(app: Arc<AppState>) -> Self {
        Self { app, peer: Peer(None), listening: None }
    }

    /// The same, for requests from this address: shown in the log, and to `authenticate`.
    #[must_use]
    pub fn from(self, peer: SocketAddr) -> Self {
        Self { peer: Peer(Some(peer)), ..self }
    }

    /// The same, for a server that listens on this address: requests may name it as their host, or loopback's
    /// names, or what [`Options::hosts`](crate::Options::hosts) adds, and nothing else.
    #[must_use]
    pub fn on(self, listening: SocketAddr) -> Self {
        Self { listening: Some(listening), ..self }
    }

    /// The answer to a request that names a host which is not this server's, if it does: for pages and APIs that
    /// stand beside the application, and want to be as safe from DNS rebinding.
    pub fn refuse_foreign_host<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let foreign = guard::check_host(request, &self.app.options.hosts, self.listening).err()?;
        Some(self.refuse(request, StatusCode::MISDIRECTED_REQUEST, &foreign.to_string()))
    }

    async fn answer<B>(self, mut request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: fmt::Display,
    {
        self.app.start();
        let upgrade = hyper::upgrade::on(&mut request);
        let (parts, body) = request.into_parts();
        let head = Request::from_parts(parts, ());
        let mut arrival = match self.admit(head).await {
            Ok(arrival) => arrival,
            Err(refused) => return *refused,
        };
        match arrival.mount.wire() {
            Wire::JsonRpc | Wire::Raw | Wire::Stomp => websocket::open(self.app, arrival, upgrade),
            Wire::Sse | Wire::Poll => {
                // The session begins at once, and the answer may be long in coming.
                arrival.arriving = None;
                let version = arrival.head.version();
                unread::beside(version, body, response::open(self.app, arrival)).await
            }
            Wire::Publish => post::publish(&self.app, arrival, body).await,
            Wire::SocketIo => self.answer_engine(arrival, upgrade, body).await,
            Wire::SignalR | Wire::SignalRRaw => self.answer_hub(arrival, upgrade, body).await,
            Wire::SockJs | Wire::SockJsRaw | Wire::SockJsStomp => {
                self.answer_sockjs(arrival, upgrade, body).await
            }
        }
    }

    /// Lets a request in: its host, its origin, its path, its namespace and its credentials are good.
    async fn admit(&self, head: Request<()>) -> Result<Arrival, Box<Response<Body>>> {
        let options = &self.app.options;
        let refuse = |status, text: String| Err(Box::new(self.refuse(&head, status, &text)));
        if let Err(foreign) = guard::check_host(&head, &options.hosts, self.listening) {
            return refuse(StatusCode::MISDIRECTED_REQUEST, foreign.to_string());
        }
        let path = head.uri().path();
        let Some((route, params, below)) =
            self.app.mounts.iter().find_map(|route| {
                route.matches(path).map(|(params, below)| (route, params, Box::from(below)))
            })
        else {
            return refuse(StatusCode::NOT_FOUND, format!("nothing is mounted at {path:?}"));
        };
        let (mount, negotiates) = (route.mount.clone(), route.negotiates);
        if let Err(foreign) = guard::check_origin(&head, &options.origins) {
            return refuse(StatusCode::FORBIDDEN, foreign.to_string());
        }
        if mount.wire() == Wire::Publish && head.method() == Method::OPTIONS {
            return Err(Box::new(post::preflight(&head)));
        }
        if mount.engine.is_some() || mount.sockjs.is_some() {
            // Who comes anew is looked at when it is clear that it does; and who it is, once it wants a session of SockJS's,
            // or names a namespace of Socket.IO's in one.
            let names_later = mount.engine.is_some();
            let namespace =
                if names_later { mount.namespace.clone() } else { named_namespace(&head, &mount) };
            return Ok(Arrival {
                head,
                namespace,
                mount,
                identity: Identity::default(),
                peer: self.peer,
                room: None,
                below,
                negotiates,
                arriving: None,
            });
        }
        if mount.hub.is_some() {
            let named = params.first().map(|name| decode(name).map(Cow::into_owned));
            return self.admit_to_hub(head, mount, negotiates, named).await;
        }
        if self.app.sessions.is_closing() {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, CLOSING.into());
        }
        let full = || refuse(StatusCode::SERVICE_UNAVAILABLE, FULL.into());
        if self.app.sessions.taken() >= options.connections {
            return full();
        }
        let room = match params.first().map(|room| decode(room)) {
            None => None,
            Some(None) => return refuse(StatusCode::BAD_REQUEST, "the room's name is not UTF-8".into()),
            Some(Some(room)) => {
                if let Err(refused) = everywire_core::admission::admit_room(&room) {
                    return refuse(StatusCode::BAD_REQUEST, refused.to_string());
                }
                Some(Arc::from(room))
            }
        };
        let namespace = named_namespace(&head, &mount);
        if self.app.handlers_of(&namespace).is_none() {
            return refuse(StatusCode::NOT_FOUND, format!("there is no namespace {namespace:?}"));
        }
        // A client of STOMP shows who it is when it connects.
        let shows_later = mount.stomp_of(&head).is_some();
        let identity =
            if shows_later { Ok(Identity::default()) } else { self.authenticate(&head, &namespace).await };
        let identity = match identity {
            Ok(identity) => identity,
            Err(refusal) => return refuse(refusal.status, refusal.message),
        };
        let Some(arriving) = self.app.sessions.arrive(options.connections) else { return full() };
        let (peer, arriving) = (self.peer, Some(arriving));
        Ok(Arrival { head, mount, namespace, identity, peer, room, below, negotiates, arriving })
    }

    /// The same for a request to a hub, which the path may name.
    async fn admit_to_hub(
        &self,
        head: Request<()>,
        mount: Arc<Mount>,
        negotiates: bool,
        named: Option<Option<String>>,
    ) -> Result<Arrival, Box<Response<Body>>> {
        let refuse = |status, text: String| Err(Box::new(self.refuse(&head, status, &text)));
        let namespace = match named {
            None => mount.namespace.clone(),
            Some(None) => return refuse(StatusCode::BAD_REQUEST, "the hub's name is not UTF-8".into()),
            Some(Some(named)) => match self.app.hub_named(&named) {
                Some(namespace) => namespace,
                None => return refuse(StatusCode::NOT_FOUND, format!("there is no hub {named:?}")),
            },
        };
        // A preflight has no credentials.
        let is_preflight = head.method() == Method::OPTIONS;
        let identity = if is_preflight {
            Identity::default()
        } else {
            match self.authenticate(&head, &namespace).await {
                Ok(identity) => identity,
                Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => {
                    // Clients show the body, or else the phrase: `Unauthorized`.
                    let mut response = self.refuse(&head, refusal.status, &refusal.message);
                    *response.body_mut() = Body::empty();
                    return Err(Box::new(response));
                }
                Err(refusal) => return refuse(refusal.status, refusal.message),
            }
        };
        let peer = self.peer;
        let below = Box::default();
        Ok(Arrival { head, mount, namespace, identity, peer, room: None, below, negotiates, arriving: None })
    }

    /// As many clients are there as may be.
    pub(super) fn refuse_full(&self, head: &Request<()>) -> Response<Body> {
        self.refuse(head, StatusCode::SERVICE_UNAVAILABLE, FULL)
    }

    /// Lets one more session in, as far as the bounds go.
    pub(super) fn make_room(&self, arrival: &mut Arrival) -> Result<(), Box<Response<Body>>> {
        arrival.arriving = Some(self.room_for(&arrival.head)?);
        Ok(())
    }

    /// Room for one more session, as far as the bounds go: it counts, until the session does.
    pub(super) fn room_for(&self, head: &Request<()>) -> Result<Arriving, Box<Response<Body>>> {
        self.room().map_err(|text| Box::new(self.refuse(head, StatusCode::SERVICE_UNAVAILABLE, text)))
    }

    /// The same, or why there is none.
    pub(super) fn room(&self) -> Result<Arriving, &'static str> {
        if self.app.sessions.is_closing() {
            return Err(CLOSING);
        }
        self.app.sessions.arrive(self.app.options.connections).ok_or(FULL)
    }

    pub(super) async fn authenticate(
        &self,
        head: &Request<()>,
        namespace: &str,
    ) -> Result<Identity, Refusal> {
        let Some(authenticate) = &self.app.authenticate else { return Ok(Identity::default()) };
        // SignalR's names do not tell case apart.
        let mut pairs = query_pairs(head.uri().query());
        let token = pairs.find(|(name, _)| name.eq_ignore_ascii_case("access_token")).map(|(_, token)| token);
        let credentials =
            Credentials::new(head, self.peer.0, token.as_deref(), namespace, PayloadRef::empty());
        let outcome = authenticate(&credentials);
        match tokio::time::timeout(self.app.options.handshake_timeout, outcome).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Refusal {
                status: StatusCode::SERVICE_UNAVAILABLE,
                message: "who you are could not be found out in time".into(),
            }),
        }
    }

    /// A refusal: one line of text for the client, one for the log.
    pub(super) fn refuse<B>(&self, head: &Request<B>, status: StatusCode, text: &str) -> Response<Body> {
        tracing::warn!(peer = %self.peer, path = head.uri().path(), status = status.as_u16(), "{text}");
        let mut response = plain(status, text);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if guard::check_origin(head, &self.app.options.origins).is_ok() {
            guard::allow_reading(head, response.headers_mut());
        }
        response
    }
}

/// The namespace of a mount's client: what it names, if it may.
fn named_namespace(head: &Request<()>, mount: &Mount) -> Arc<str> {
    let named = query_values(head.uri().query(), "namespace").next().filter(|_| mount.chooses_namespace);
    named.map_or_else(|| mount.namespace.clone(), Arc::from)
}

/// A response that is one line of text.
pub(crate) fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::whole(format!("{text}\n")));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl<B> tower_service::Service<Request<B>> for Service
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: fmt::Display,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        // `sid=` in Socket.IO, `id=` in SignalR, in any case.
        let names_one = |query: &str| query.as_bytes().windows(3).any(|key| key.eq_ignore_ascii_case(b"id="));
        let belongs = request.uri().query().is_some_and(names_one);
        let patience = (request.version() == Version::HTTP_2).then_some(self.app.options.write_timeout);
        let mut answer: Self::Future = Box::pin(async move {
            let response = service.answer(request).await;
            Ok(match patience {
                None => response,
                Some(patience) => response.map(|body| body.watched(patience)),
            })
        });
        // A client that hangs up with its request makes hyper drop the answer before it was ever polled. A session that the
        // request belongs to has to hear of both, so such an answer begins here; hyper's first poll comes next.
        if belongs && let Poll::Ready(answer) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        {
            return Box::pin(std::future::ready(answer));
        }
        answer
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("peer", &self.peer).finish_non_exhaustive()
    }
}
