//! Requests of Socket.IO's clients: those that open a session, and those that belong to one.
//!
//! What a request means, its [endpoint](EngineIoEndpoint) and its session decide; [`hosting`](super::hosting) gets it there,
//! and the answer back.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use everywire_protocols::protocol::socketio::SocketIo;
use everywire_protocols::session::EngineIoRefusal;
use everywire_protocols::session::{Endpoint, LaneKind, Verdict};
use http::{Request, Response, StatusCode};
use hyper::upgrade::OnUpgrade;

use super::body::Body;
use super::guard;
use super::hosting::Hosting;
use super::service::{Arrival, Service};
use super::websocket::{self, Beginning, Farewell, Manner};
use crate::Refusal;
use crate::app::handshake::Handshake;
use crate::app::mount::Engine;
use crate::driver::lanes::Known;

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
        if let Some(response) = guard::preflight(&arrival.head) {
            return response;
        }
        let hosting = engine.hosting();
        let verdict = engine.endpoint.request(
            &arrival.head,
            &|id| app.table.contains(&arrival.key(id)),
            crate::random(),
        );
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
                let key = id.map(|id| arrival.key(&id));
                let alone = key.clone().filter(|_| lane == LaneKind::WebSocket);
                let beginning = Beginning {
                    session,
                    protocol: Box::new(SocketIo::new(engine.protocol.clone())),
                    registration: alone.map(|key| app.table.enter(key, Known::Alone)),
                    public: None,
                    handshake: Some(Arc::new(handshake)),
                    manner: hosting.manner,
                };
                if lane == LaneKind::WebSocket {
                    return websocket::open_with(app, arrival, upgrade, beginning);
                }
                hosting.open(&app, &arrival, lane, key, beginning).await
            }
            Verdict::Attach { id, lane } => match app.table.find(&arrival.key(&id)) {
                Some(Known::Hosted(door)) if lane == LaneKind::WebSocket => {
                    hosting.join(&app, &arrival, upgrade, &door).await
                }
                Some(Known::Hosted(door)) => hosting.attach(&app, &arrival, lane, &door, body).await,
                Some(Known::Alone) => EngineIoRefusal::BadRequest.response(&arrival.head).map(Body::whole),
                None => unknown(&arrival.head),
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
    fn hosting(&self) -> Hosting {
        Hosting {
            body_bytes: self.options.max_payload,
            compress_from: self.compress_from,
            manner: Manner { message_bytes: self.options.max_payload, farewell: Farewell::Bare },
            unknown,
        }
    }
}

fn unknown(head: &Request<()>) -> Response<Body> {
    EngineIoRefusal::SessionUnknown.response(head).map(Body::whole)
}
