//! The request that began a session, as handlers may see it later.
//!
//! It is kept as text, close to how it came: an idle connection should not hold a map of headers that nobody asks for.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use everywire_core::Payload;
use http::{Request, Uri};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::carrier::request::{query_pairs, query_values};

/// The request that began a session. (Socket.IO: `socket.handshake`.)
#[derive(Debug)]
pub struct Handshake {
    /// Where it came from, if that is known.
    address: Option<SocketAddr>,
    /// When it came, in milliseconds since the Unix epoch.
    issued: u64,
    /// The target, and a line for each header.
    text: Box<str>,
}

impl Handshake {
    pub(crate) fn new(head: &Request<()>, address: Option<SocketAddr>, issued: u64) -> Self {
        let mut text = head.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        for (name, value) in head.headers() {
            // What is no text is nothing that a handler could use as such.
            if let Ok(value) = value.to_str() {
                // A string takes all.
                let _ = write!(text, "\n{name}: {value}");
            }
        }
        Self { address, issued, text: text.into() }
    }

    /// The path and query of the request.
    pub fn url(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The last value of a query's key, decoded.
    pub fn query(&self, key: &str) -> Option<String> {
        let query = self.url().split_once('?').map(|(_, query)| query);
        query_values(query, key).last().map(std::borrow::Cow::into_owned)
    }

    /// The keys and values of the query, decoded, in the order in which they came.
    pub fn queries(&self) -> impl Iterator<Item = (String, String)> {
        let query = self.url().split_once('?').map(|(_, query)| query);
        query_pairs(query).map(|(key, value)| (key.into_owned(), value.into_owned()))
    }

    /// The headers, with names in lower case, in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text.lines().skip(1).filter_map(|line| line.split_once(": "))
    }

    /// The first header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(given, _)| *given == name).map(|(_, value)| value)
    }

    /// Where the request came from, if that is known.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// When the request came, in milliseconds since the Unix epoch.
    pub fn issued(&self) -> u64 {
        self.issued
    }

    /// Whether a page of some origin sent it.
    pub fn is_cross_domain(&self) -> bool {
        self.header("origin").is_some()
    }

    /// The request again.
    pub(crate) fn request(&self) -> Request<()> {
        let mut request = Request::new(());
        *request.uri_mut() = self.url().parse().unwrap_or_else(|_| Uri::from_static("/"));
        for (name, value) in self.headers() {
            if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
                request.headers_mut().append(name, value);
            }
        }
        request
    }
}

/// What a client showed when it entered a namespace.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) handshake: Arc<Handshake>,
    /// What it sent along with its wish to enter: one argument, or none.
    pub(crate) auth: Payload,
}

/// What is kept with a connection.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) shown: Option<Shown>,
    /// By what its client can come back to it.
    pub(crate) secret: Mutex<Option<Arc<str>>>,
    /// Whether its client has come back to it.
    pub(crate) recovered: AtomicBool,
    /// Told when it has gone.
    pub(crate) gone: Notify,
    /// One value of each type, once there is any.
    data: Mutex<Option<Box<Values>>>,
}

pub(crate) type Values = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

impl Kept {
    pub(crate) fn of(shown: Shown) -> Self {
        Self { shown: Some(shown), ..Self::default() }
    }

    pub(crate) fn set<T: Send + Sync + 'static>(&self, value: T) {
        self.data.lock().get_or_insert_default().insert(TypeId::of::<T>(), Arc::new(value));
    }

    /// The same values, for the connection that its client comes back to; handlers that still run keep theirs.
    pub(crate) fn share_data(&self) -> Option<Box<Values>> {
        self.data.lock().clone()
    }

    pub(crate) fn put_data(&self, data: Option<Box<Values>>) {
        *self.data.lock() = data;
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.data.lock().as_ref()?.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_handlers_ask_for() {
        let head = Request::get("/socket.io/?EIO=4&token=a%20b&token=c&x")
            .header("Origin", "http://a.example")
            .header("X-Twice", "1")
            .header("X-Twice", "2")
            .body(())
            .unwrap();
        let handshake = Handshake::new(&head, Some("127.0.0.1:7".parse().unwrap()), 42);
        assert_eq!(handshake.url(), "/socket.io/?EIO=4&token=a%20b&token=c&x");
        assert_eq!(handshake.query("token").as_deref(), Some("c"), "the last, decoded");
        assert_eq!(handshake.query("x").as_deref(), Some(""));
        assert_eq!(handshake.query("y"), None);
        assert_eq!(handshake.header("x-twice"), Some("1"));
        assert_eq!(handshake.headers().count(), 3);
        assert!(handshake.is_cross_domain());
        assert_eq!((handshake.issued(), handshake.address().map(|a| a.port())), (42, Some(7)));
        let again = handshake.request();
        assert_eq!((again.uri(), again.headers()), (head.uri(), head.headers()));
    }
}
