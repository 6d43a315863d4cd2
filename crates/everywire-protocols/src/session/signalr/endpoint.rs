//! What SignalR does with a request before a session sees it: the order of the checks is that of ASP.NET Core.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use everywire_core::ConnectionId;
use http::header::ACCEPT;
use http::{Method, Request, Response};
use percent_encoding::percent_decode_str;

use super::super::refusal::is_websocket;
use super::super::{Endpoint, LaneKind, Session, SessionId, Verdict};
use super::answer::SignalRRefusal;
use super::negotiate::{NegotiateReply, NegotiateRequest, TransportKind};
use super::options::SignalRConnectionOptions;
use super::session::SignalRSession;

/// Answers requests of SignalR clients.
#[derive(Debug, Default)]
pub struct SignalREndpoint {
    options: Arc<SignalRConnectionOptions>,
}

/// What is answered to a client that negotiates.
pub enum Negotiated {
    /// This, and nothing comes of it.
    Respond(Response<Bytes>),
    /// This; and the first request that names the token opens the session, unless it comes too late.
    Reserve {
        /// The secret by which the client connects.
        token: SessionId,
        /// The public id that it was told.
        id: ConnectionId,
        /// The machine, which waits for its first lane.
        session: Box<dyn Session>,
        /// Whether it may go on over several WebSockets.
        resumes: bool,
        /// The answer.
        response: Response<Bytes>,
    },
}

impl fmt::Debug for Negotiated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Respond(response) => f.debug_tuple("Respond").field(&response.status()).finish(),
            Self::Reserve { id, .. } => f.debug_struct("Reserve").field("id", id).finish_non_exhaustive(),
        }
    }
}

impl SignalREndpoint {
    /// An endpoint with these options.
    pub fn new(options: SignalRConnectionOptions) -> Self {
        Self { options: Arc::new(options) }
    }

    /// Its options.
    pub fn options(&self) -> &SignalRConnectionOptions {
        &self.options
    }

    /// Answers a request to the path with `/negotiate` behind. The random bytes become the public id and the token.
    pub fn negotiate(&self, head: &Request<()>, (id, token): ([u8; 15], [u8; 16])) -> Negotiated {
        if head.method() != Method::POST {
            return Negotiated::Respond(SignalRRefusal::Method.response());
        }
        let request = match NegotiateRequest::read(head, self.options.minimum_version) {
            Ok(request) => request,
            Err(error) => {
                return Negotiated::Respond(NegotiateReply::Refused(Cow::Owned(error)).response());
            }
        };
        let may = self.options.stateful_reconnect && self.options.transports.websockets;
        let resumes = may && request.stateful_reconnect;
        let (id, token) = (ConnectionId::from_random(id), URL_SAFE_NO_PAD.encode(token));
        let public = id.to_string();
        let offer = NegotiateReply::offer(request, resumes, self.options.transports, &public, &token);
        let response = offer.response();
        let session = Box::new(SignalRSession::new(self.options.clone(), resumes));
        Negotiated::Reserve { token: token.into(), id, session, resumes, response }
    }

    fn decide(&self, head: &Request<()>, known: &dyn Fn(&str) -> bool) -> Result<Verdict, SignalRRefusal> {
        let id = id(head);
        let known = |id: Option<Cow<'_, str>>| {
            let id = id.ok_or(SignalRRefusal::IdRequired)?;
            if known(&id) { Ok(SessionId::from(&*id)) } else { Err(SignalRRefusal::IdUnknown) }
        };
        let (transport, lane) = match *head.method() {
            // Of what is posted, and of the end, the session knows whether it fits.
            Method::POST | Method::DELETE => {
                return Ok(Verdict::Attach { id: known(id)?, lane: LaneKind::Post });
            }
            Method::GET if accepts_events(head) => (TransportKind::ServerSentEvents, LaneKind::Stream),
            Method::GET | Method::CONNECT if is_websocket(head) => {
                (TransportKind::WebSockets, LaneKind::WebSocket)
            }
            Method::GET => (TransportKind::LongPolling, LaneKind::Poll),
            _ => return Err(SignalRRefusal::Method),
        };
        let offered = if self.options.transports.offers(transport) {
            Ok(())
        } else {
            Err(SignalRRefusal::NotOffered(transport))
        };
        if id.is_none() && lane == LaneKind::WebSocket {
            offered?;
            // The client has not negotiated, and has no way back.
            let session = Box::new(SignalRSession::new(self.options.clone(), false));
            return Ok(Verdict::Open { id: None, session, lane });
        }
        let id = known(id)?;
        offered.map(|()| Verdict::Attach { id, lane })
    }
}

impl Endpoint for SignalREndpoint {
    fn request(&self, head: &Request<()>, known: &dyn Fn(&str) -> bool, _random: [u8; 16]) -> Verdict {
        self.decide(head, known).unwrap_or_else(|refusal| Verdict::Respond(Box::new(refusal.response())))
    }
}

/// The token in a query: the names of its members do not tell case apart.
fn id(head: &Request<()>) -> Option<Cow<'_, str>> {
    let mut pairs = head.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, id) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("id"))?;
    Some(percent_decode_str(id).decode_utf8_lossy()).filter(|id| !id.is_empty())
}

fn accepts_events(head: &Request<()>) -> bool {
    let accepted = head.headers().get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split([',', ';']))
        .any(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
