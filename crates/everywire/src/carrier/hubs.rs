//! Requests of SignalR's clients: those that negotiate, those that open a session, and those that belong to one.
//!
//! A client negotiates first and gets a secret, under which its session is [reserved](crate::driver::reserved); its first
//! request with that opens it. Who the client is, is asked with each request: a bearer token may end before its session.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use everywire_core::ConnectionId;
use everywire_protocols::protocol::{Protocol, Raw, SignalR};
use everywire_protocols::session::{
    Endpoint, LaneKind, NegotiateReply, Negotiated, Session, SessionId, SignalRRefusal, Verdict,
};
use http::{Method, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;

use super::body::Body;
use super::guard;
use super::hosting::{self, Hosting};
use super::service::{Arrival, Service};
use super::websocket::{self, Beginning, Farewell, Manner};
use crate::app::AppState;
use crate::app::handshake::Handshake;
use crate::app::mount::{Hub, Negotiation};
use crate::driver::lanes::Known;
use crate::driver::reserved::Reservation;

impl Service {
    /// Answers a request to a SignalR mount.
    pub(super) async fn answer_hub<B>(self, arrival: Arrival, upgrade: OnUpgrade, body: B) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: fmt::Display,
    {
        let mount = arrival.mount.clone();
        let Some(hub) = &mount.hub else {
            return super::service::plain(StatusCode::NOT_FOUND, "no hub is mounted here");
        };
        if let Some(response) = guard::preflight(&arrival.head) {
            return response;
        }
        let origin = arrival.head.headers().get(header::ORIGIN).cloned();
        let mut response = if arrival.negotiates {
            self.negotiate(&arrival, hub).await
        } else {
            self.connect(arrival, hub, upgrade, body).await
        };
        guard::allow_origin(origin.as_ref(), response.headers_mut());
        response
    }

    async fn negotiate(&self, arrival: &Arrival, hub: &Hub) -> Response<Body> {
        if let Some(ask) = hub.negotiate.as_ref().filter(|_| arrival.head.method() == Method::POST) {
            let reply = match ask(&arrival.head, arrival.peer.0).await {
                Negotiation::Here => None,
                Negotiation::Elsewhere { url, access_token } => Some(NegotiateReply::Redirect {
                    url: url.into(),
                    access_token: access_token.map(Cow::Owned),
                }),
                Negotiation::Refused(why) => Some(NegotiateReply::Refused(why.into())),
            };
            if let Some(reply) = reply {
                return reply.response().map(Body::whole);
            }
        }
        let random = (crate::random(), crate::random());
        match hub.endpoint.negotiate(&arrival.head, random) {
            Negotiated::Respond(response) => response.map(Body::whole),
            Negotiated::Reserve { token, id, session, resumes, response } => {
                let now = self.app.wheel.now();
                let until = now.after(hub.endpoint.options().disconnect_timeout);
                let reservation = Reservation { session, public: id, resumes, until };
                let token = arrival.key(&token);
                if self.app.reserved.enter(token, reservation, now, self.app.options.connections) {
                    response.map(Body::whole)
                } else {
                    self.refuse_full(&arrival.head)
                }
            }
        }
    }

    async fn connect<B>(self, mut arrival: Arrival, hub: &Hub, upgrade: OnUpgrade, body: B) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: fmt::Display,
    {
        let (app, hosting) = (self.app.clone(), hub.hosting());
        let known = |id: &str| {
            let key = arrival.key(id);
            app.table.contains(&key) || app.reserved.contains(&key, app.wheel.now())
        };
        match hub.endpoint.request(&arrival.head, &known, crate::random()) {
            Verdict::Respond(response) => {
                let status = response.status().as_u16();
                tracing::debug!(peer = %arrival.peer, status, "a SignalR request was refused");
                response.map(Body::whole)
            }
            Verdict::Open { session, .. } => {
                if let Err(refused) = self.make_room(&mut arrival) {
                    return *refused;
                }
                let beginning = hub.beginning(&app, &arrival, session, None);
                websocket::open_with(app, arrival, upgrade, beginning)
            }
            Verdict::Attach { id, lane } => {
                let key = arrival.key(&id);
                match app.table.find(&key) {
                    Some(known) => attach(&app, &arrival, hosting, known, lane, (upgrade, body)).await,
                    None => self.first(arrival, hub, (upgrade, body), key, lane).await,
                }
            }
        }
    }

    /// The first request of a session that is reserved. Of several at once one is the first: who has entered it in the table.
    async fn first<B>(
        self,
        mut arrival: Arrival,
        hub: &Hub,
        (upgrade, body): (OnUpgrade, B),
        key: SessionId,
        lane: LaneKind,
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: fmt::Display,
    {
        let (app, hosting) = (self.app.clone(), hub.hosting());
        if *arrival.head.method() == Method::DELETE {
            // It is not polled yet, and so is not ended by this either.
            return SignalRRefusal::DeleteNotPolling.response().map(Body::whole);
        }
        if let Err(refused) = self.make_room(&mut arrival) {
            return *refused;
        }
        let accepted = match lane {
            LaneKind::WebSocket => match websocket::handshake(&app, &arrival) {
                Ok(accepted) => Some(accepted),
                Err(refused) => return *refused,
            },
            LaneKind::Stream | LaneKind::Poll | LaneKind::Post => None,
        };
        let begin = || {
            let reservation = app.reserved.take(&key, app.wheel.now())?;
            Some(hub.beginning(&app, &arrival, reservation.session, Some(reservation.public)))
        };
        let known = match accepted {
            Some(accepted) if app.reserved.resumes(&key, app.wheel.now()) == Some(false) => {
                match app.table.enter_unless_known(key.clone(), Known::Alone) {
                    Ok(registration) => {
                        let Some(beginning) = begin() else { return unknown(&arrival.head) };
                        let beginning = Beginning { registration: Some(registration), ..beginning };
                        return websocket::open_accepted(app, arrival, upgrade, accepted, beginning);
                    }
                    Err(known) => Some(known),
                }
            }
            _ => hosting::begin_or_find(&app, &arrival, key.clone(), begin),
        };
        match known {
            Some(known) => attach(&app, &arrival, hosting, known, lane, (upgrade, body)).await,
            None => unknown(&arrival.head),
        }
    }
}

/// A request of a session that lives.
async fn attach<B>(
    app: &Arc<AppState>,
    arrival: &Arrival,
    hosting: Hosting,
    known: Known,
    lane: LaneKind,
    (upgrade, body): (OnUpgrade, B),
) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: fmt::Display,
{
    match known {
        Known::Hosted(door) if lane == LaneKind::WebSocket => {
            hosting.join(app, arrival, upgrade, &door).await
        }
        Known::Hosted(door) => hosting.attach(app, arrival, lane, &door, body).await,
        Known::Alone => on_websocket(&arrival.head, lane).response().map(Body::whole),
    }
}

impl Hub {
    fn hosting(&self) -> Hosting {
        let body_bytes = self.endpoint.options().body_bytes;
        Hosting {
            body_bytes,
            compress_from: None,
            manner: Manner { message_bytes: body_bytes, farewell: Farewell::Normal },
            unknown,
        }
    }

    fn beginning(
        &self,
        app: &AppState,
        arrival: &Arrival,
        session: Box<dyn Session>,
        public: Option<ConnectionId>,
    ) -> Beginning {
        let handshake = Handshake::new(&arrival.head, arrival.peer.0, app.hub.now());
        let protocol: Box<dyn Protocol> = match &self.protocol {
            Some(options) => Box::new(SignalR::new(options.clone(), arrival.namespace.clone(), public)),
            None => Box::new(Raw),
        };
        let manner = self.hosting().manner;
        let registration = None;
        Beginning { session, protocol, registration, public, handshake: Some(Arc::new(handshake)), manner }
    }
}

fn unknown(_head: &Request<()>) -> Response<Body> {
    SignalRRefusal::IdUnknown.response().map(Body::whole)
}

/// What is answered to a request of a session that a WebSocket carries alone.
fn on_websocket(head: &Request<()>, lane: LaneKind) -> SignalRRefusal {
    match lane {
        LaneKind::WebSocket => SignalRRefusal::Conflict,
        LaneKind::Post if head.method() == Method::DELETE => SignalRRefusal::DeleteNotPolling,
        LaneKind::Post => SignalRRefusal::PostOnWebSocket,
        LaneKind::Poll | LaneKind::Stream => SignalRRefusal::OtherTransport,
    }
}
