//! Who a client is, and what it may do.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use everywire_core::{Identity, PayloadRef, Verb};
use http::StatusCode;

/// What a client shows when it opens a session: its request.
#[derive(Debug)]
pub struct Credentials<'a> {
    /// The request's head.
    pub request: &'a http::Request<()>,
    /// Where it comes from, if that is known.
    pub peer: Option<SocketAddr>,
    /// `Authorization: Bearer …`, or the query's `access_token` where a browser cannot set headers; of a client of STOMP
    /// also the header `Authorization` of its CONNECT.
    pub token: Option<&'a str>,
    /// The namespace that it wants to enter.
    pub namespace: &'a str,
    /// What it sent along with that wish, where its protocol has a place for it: one argument, or none. Socket.IO's `auth`;
    /// an object with the headers of STOMP's CONNECT, `login` and `passcode` among them.
    pub auth: PayloadRef<'a>,
}

/// Why a client is not let in.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// 401 where other credentials may help, 403 where none do.
    pub status: StatusCode,
    /// What was wrong, for the client.
    pub message: String,
}

impl Refusal {
    /// Other credentials may help.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, message: message.into() }
    }

    /// No credentials help.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, message: message.into() }
    }
}

type Authenticated = Pin<Box<dyn Future<Output = Result<Identity, Refusal>> + Send>>;

/// Finds out who a client is.
pub(crate) type Authenticate = Arc<dyn Fn(&Credentials<'_>) -> Authenticated + Send + Sync>;

/// Whether a client may do this with this room, or this queue.
pub(crate) type Rights = Arc<dyn Fn(&Identity, &str, Verb) -> bool + Send + Sync>;

impl<'a> Credentials<'a> {
    pub(crate) fn new(
        request: &'a http::Request<()>,
        peer: Option<SocketAddr>,
        query_token: Option<&'a str>,
        namespace: &'a str,
        auth: PayloadRef<'a>,
    ) -> Self {
        let header = request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Self { request, peer, token: header.and_then(Self::bearer).or(query_token), namespace, auth }
    }

    /// The token in an `Authorization` header.
    pub(crate) fn bearer(header: &str) -> Option<&str> {
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}
