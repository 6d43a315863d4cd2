//! What Engine.IO does with a request before a session sees it.
//!
//! The order of the checks is Node's: transport; with a `sid` whether it lives, without one the method, whether a
//! WebSocket asks to be one, and the revision. What only the session knows (which transport it is on, which revision its
//! client speaks) it checks itself. Whether the origin is allowed and whether the application lets the client in is
//! decided above; [`EngineIoRefusal`] has the words.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};

use super::super::refusal::is_websocket;
use super::super::{Endpoint, LaneKind, SessionId, Verdict};
use super::options::EngineIoOptions;
use super::query::{Callback, Query, Transport};
use super::refusal::EngineIoRefusal;
use super::session::EngineIo;

/// Answers requests of Engine.IO clients.
#[derive(Debug, Default)]
pub struct EngineIoEndpoint {
    options: Arc<EngineIoOptions>,
}

impl EngineIoEndpoint {
    /// An endpoint with these options.
    pub fn new(options: EngineIoOptions) -> Self {
        Self { options: Arc::new(options) }
    }

    /// The transport that this request uses.
    fn transport(&self, query: &Query<'_>) -> Result<Transport, EngineIoRefusal> {
        let transport = query.transport.filter(|transport| self.options.enables(*transport));
        let transport = transport.ok_or(EngineIoRefusal::TransportUnknown)?;
        match (transport, query.callback) {
            (Transport::WebSocket, _) | (Transport::Polling, Callback::None) => Ok(transport),
            (Transport::Polling, _) if !self.options.jsonp => Err(EngineIoRefusal::TransportUnknown),
            (Transport::Polling, Callback::Index(_)) => Ok(transport),
            (Transport::Polling, Callback::Malformed) => Err(EngineIoRefusal::BadRequest),
        }
    }

    fn attach(sid: &str, lane: LaneKind) -> Verdict {
        Verdict::Attach { id: sid.into(), lane }
    }

    fn decide(
        &self,
        head: &Request<()>,
        known: &dyn Fn(&str) -> bool,
        random: [u8; 16],
    ) -> Result<Verdict, EngineIoRefusal> {
        let query = Query::read(head);
        let transport = self.transport(&query)?;
        let fits = is_websocket(head) == (transport == Transport::WebSocket);
        if let Some(sid) = query.sid {
            return match (transport, head.method()) {
                _ if !known(&sid) => Err(EngineIoRefusal::SessionUnknown),
                _ if !fits => Err(EngineIoRefusal::BadRequest),
                (Transport::WebSocket, _) => Ok(Self::attach(&sid, LaneKind::WebSocket)),
                (Transport::Polling, &Method::GET) => Ok(Self::attach(&sid, LaneKind::Poll)),
                (Transport::Polling, &Method::POST) => Ok(Self::attach(&sid, LaneKind::Post)),
                (Transport::Polling, _) => Ok(Verdict::Respond(Box::new(failed()))),
            };
        }
        // Over HTTP/2 a WebSocket is asked for with CONNECT.
        if head.method() != Method::GET && !(fits && head.method() == Method::CONNECT) {
            return Err(EngineIoRefusal::BadMethod);
        }
        if !fits {
            return Err(EngineIoRefusal::BadRequest);
        }
        if !query.revision.is_some_and(|revision| self.options.speaks(revision)) {
            return Err(EngineIoRefusal::UnsupportedVersion);
        }
        let id = sid(random);
        Ok(Verdict::Open {
            id: Some(id.clone()),
            session: Box::new(EngineIo::new(self.options.clone(), id)),
            lane: match transport {
                Transport::Polling => LaneKind::Poll,
                Transport::WebSocket => LaneKind::WebSocket,
            },
        })
    }
}

impl Endpoint for EngineIoEndpoint {
    fn request(&self, head: &Request<()>, known: &dyn Fn(&str) -> bool, random: [u8; 16]) -> Verdict {
        self.decide(head, known, random)
            .unwrap_or_else(|refusal| Verdict::Respond(Box::new(refusal.response(head))))
    }
}

/// 20 characters as Node's has, but all 120 bits of them are random: whoever knows it has the session.
fn sid(random: [u8; 16]) -> SessionId {
    URL_SAFE_NO_PAD.encode(&random[..15]).into()
}

/// What Node answers to methods that it does not know.
fn failed() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
