//! Requests of SockJS's clients: what they ask before a session, those that listen, and those that speak.
//!
//! A client chooses its session's id itself, so an id means something only together with the path of the mount, the
//! namespace, and who the client is: what others choose can never be its session.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use everywire_protocols::session::{
    LaneKind, SessionId, SockJsEndpoint, SockJsRefusal, SockJsTransport, SockJsVerdict, WebSocket,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;

use super::body::Body;
use super::guard;
use super::hosting::Hosting;
use super::service::{Arrival, Service};
use super::websocket::{self, Beginning, Farewell, Manner};
use super::{unread, upload};
use crate::app::AppState;
use crate::app::handshake::Handshake;
use crate::driver::lanes::Known;

/// The status when as many sessions are there as may be.
const NO_ROOM: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// Bytes of a body that are looked at though there is no session that it is for.
const LOOKED_AT: usize = 8 * 1024;

/// How long clients may keep what never changes.
const ONE_YEAR: Duration = Duration::from_secs(31_536_000);

impl Service {
    /// Answers a request to a SockJS mount.
    pub(super) async fn answer_sockjs<B>(
        self,
        mut arrival: Arrival,
        upgrade: OnUpgrade,
        body: B,
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: fmt::Display,
    {
        let mount = arrival.mount.clone();
        let Some(endpoint) = &mount.sockjs else {
            return super::service::plain(StatusCode::NOT_FOUND, "no SockJS is mounted here");
        };
        let [a, b, c, d, ..]: [u8; 16] = crate::random();
        let entropy = u32::from_ne_bytes([a, b, c, d]);
        let verdict = endpoint.request(&arrival.below, &arrival.head, entropy);
        if let SockJsVerdict::Page(response) = verdict {
            let mut response = response.map(Body::whole);
            keep(response.headers_mut());
            guard::allow_framing(&self.app.options.origins, response.headers_mut());
            return response;
        }
        if let SockJsVerdict::Respond { response, shared, kept } = verdict {
            let mut response = response.map(Body::whole);
            if kept {
                keep(response.headers_mut());
            }
            if shared {
                share(&arrival.head, response.headers_mut(), false);
            }
            return response;
        }
        if let Err((status, text)) = self.admit_to_session(&mut arrival).await {
            return self.refuse_session(endpoint, &arrival.head, status, &text);
        }
        let app = self.app.clone();
        let beginning = |session, farewell| {
            let handshake = Handshake::new(&arrival.head, arrival.peer.0, app.hub.now());
            Beginning {
                session,
                protocol: websocket::protocol(&app, &arrival),
                registration: None,
                public: None,
                handshake: Some(Arc::new(handshake)),
                manner: Manner { message_bytes: endpoint.options().body_bytes, farewell },
            }
        };
        match verdict {
            SockJsVerdict::Respond { response, .. } | SockJsVerdict::Page(response) => {
                response.map(Body::whole)
            }
            SockJsVerdict::Raw => {
                let session = Box::new(WebSocket::new(app.options.websocket));
                let beginning = beginning(session, Farewell::Reason);
                self.open_socket(arrival, upgrade, beginning)
            }
            SockJsVerdict::WebSocket => {
                let beginning = beginning(endpoint.session(), Farewell::SockJs);
                self.open_socket(arrival, upgrade, beginning)
            }
            SockJsVerdict::Receive { id, transport } => {
                let key = key(&arrival, &id);
                let mut arriving = None;
                if !app.table.contains(&key) {
                    match self.room() {
                        Ok(room) => arriving = Some(room),
                        Err(text) => return self.refuse_session(endpoint, &arrival.head, NO_ROOM, text),
                    }
                }
                let begin = (arriving, || Some(beginning(endpoint.session(), Farewell::SockJs)));
                let lane = transport.lane();
                let answering = hosting(endpoint).listen(&app, &arrival, lane, key, begin);
                let mut response = unread::beside(arrival.head.version(), body, answering).await;
                endpoint.mark(&arrival.head, response.headers_mut());
                if !matches!(transport, SockJsTransport::HtmlFile | SockJsTransport::Jsonp) {
                    let is_events = transport == SockJsTransport::EventSource;
                    share(&arrival.head, response.headers_mut(), is_events);
                }
                response
            }
            SockJsVerdict::Send { id, jsonp } => {
                let key = key(&arrival, &id);
                let mut response = match app.table.find(&key) {
                    Some(Known::Hosted(door)) => {
                        hosting(endpoint).attach(&app, &arrival, LaneKind::Post, &door, body).await
                    }
                    Some(Known::Alone) | None => refuse_body(&app, endpoint, &arrival, body, jsonp).await,
                };
                if !response.headers().contains_key(header::CACHE_CONTROL) {
                    SockJsEndpoint::seal(response.headers_mut());
                }
                endpoint.mark(&arrival.head, response.headers_mut());
                if !jsonp {
                    share(&arrival.head, response.headers_mut(), false);
                }
                response
            }
        }
    }

    fn open_socket(&self, mut arrival: Arrival, upgrade: OnUpgrade, beginning: Beginning) -> Response<Body> {
        match self.room() {
            Ok(room) => arrival.arriving = Some(room),
            // It is the handshake that is refused, and no answer of a session.
            Err(text) => return self.refuse_without_line(&arrival.head, NO_ROOM, text),
        }
        websocket::open_with(self.app.clone(), arrival, upgrade, beginning)
    }

    /// Finds out who a client is that wants something of a session, each time it does.
    async fn admit_to_session(&self, arrival: &mut Arrival) -> Result<(), (StatusCode, String)> {
        if self.app.handlers_of(&arrival.namespace).is_none() {
            let namespace = &arrival.namespace;
            return Err((StatusCode::NOT_FOUND, format!("there is no namespace {namespace:?}")));
        }
        if arrival.mount.stomp.is_some() {
            // Who it is, it shows when it connects.
            return Ok(());
        }
        match self.authenticate(&arrival.head, &arrival.namespace).await {
            Ok(identity) => arrival.identity = identity,
            Err(refusal) => return Err((refusal.status, refusal.message)),
        }
        Ok(())
    }

    fn refuse_session(
        &self,
        endpoint: &SockJsEndpoint,
        head: &Request<()>,
        status: StatusCode,
        text: &str,
    ) -> Response<Body> {
        let mut response = self.refuse_without_line(head, status, text);
        endpoint.mark(head, response.headers_mut());
        response
    }

    /// A refusal that is no line: what ends one, sockjs-client takes for a frame, whatever the status.
    fn refuse_without_line(&self, head: &Request<()>, status: StatusCode, text: &str) -> Response<Body> {
        let mut response = self.refuse(head, status, text);
        *response.body_mut() = Body::whole(text.to_owned());
        response
    }
}

/// What a session is found by: only its own user can name it.
fn key(arrival: &Arrival, id: &str) -> SessionId {
    let user = arrival.identity.user.as_deref().unwrap_or_default();
    // An id has no zero byte, so no user's can be another's.
    arrival.key(&format!("{user}\0{id}"))
}

fn hosting(endpoint: &SockJsEndpoint) -> Hosting {
    let body_bytes = endpoint.options().body_bytes;
    Hosting {
        body_bytes,
        compress_from: None,
        manner: Manner { message_bytes: body_bytes, farewell: Farewell::SockJs },
        unknown,
    }
}

fn unknown(_head: &Request<()>) -> Response<Body> {
    SockJsRefusal::NotFound.of_session().map(Body::whole)
}

/// Reads a body for which there is no session: what is wrong with a short one is said first.
async fn refuse_body<B>(
    app: &AppState,
    endpoint: &SockJsEndpoint,
    arrival: &Arrival,
    body: B,
    jsonp: bool,
) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    let most = endpoint.options().body_bytes;
    match upload::read_short(body, LOOKED_AT, most, app.options.handshake_timeout).await {
        Ok(Some(bytes)) => endpoint.check(&arrival.head, &bytes, jsonp).of_session().map(Body::whole),
        Ok(None) => SockJsRefusal::NotFound.of_session().map(Body::whole),
        Err(fault) => fault.response(),
    }
}

/// Lets pages of other origins read an answer: whether they may use the server at all has been looked at before.
fn share(head: &Request<()>, headers: &mut HeaderMap, is_events: bool) {
    let origin = head.headers().get(header::ORIGIN).filter(|origin| !(is_events && *origin == "null"));
    match origin {
        Some(_) => guard::allow_origin(origin, headers),
        None => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
    }
    SockJsEndpoint::allow_headers(head, headers);
}

/// Says until when an answer may be kept.
fn keep(headers: &mut HeaderMap) {
    let until = httpdate::fmt_http_date(SystemTime::now() + ONE_YEAR);
    if let Ok(until) = HeaderValue::try_from(until) {
        headers.insert(header::EXPIRES, until);
    }
}
