//! The one shape of a handler: `async (Connection, Args<T>) -> everywire::Result<impl Reply>`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use everywire_core::payload::Extras;
use everywire_core::{Payload, PayloadRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::connection::Connection;
use super::error::{EventError, Result};
use super::streams::{Streaming, Uploads};

/// The arguments of an event, read by serde into a tuple, or into anything else if there is one.
///
/// A trailing `Option` may be absent. Whether more than the tuple takes is refused or ignored depends on
/// the client's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Args<T = ()>(pub T);

/// The arguments as they came, unread: for relays and catch-all handlers.
#[derive(Debug, Clone)]
pub struct RawArgs(pub Payload);

/// What can be read from an event's arguments: [`Args`] and [`RawArgs`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a handler can take for the arguments of its event",
    label = "neither `Args` nor `RawArgs`",
    note = "for arguments that serde can read: `Args((first, second)): Args<(First, Second)>`; for one: `Args((only,)): Args<(Only,)>`",
    note = "for arguments as they came: `RawArgs`"
)]
pub trait FromArgs: Sized {
    /// Reads the arguments.
    fn from_args(args: &PayloadRef<'_>, extras: Extras) -> Result<Self>;
}

impl<T: DeserializeOwned> FromArgs for Args<T> {
    fn from_args(args: &PayloadRef<'_>, extras: Extras) -> Result<Self> {
        args.read(extras).map(Args).map_err(|error| EventError::arguments(&error))
    }
}

impl FromArgs for RawArgs {
    fn from_args(args: &PayloadRef<'_>, _extras: Extras) -> Result<Self> {
        Ok(Self(args.to_payload()))
    }
}

/// What a handler answers with: any value that serde can write is one value, `()` is none, and
/// [`Values`] are several (Socket.IO acks have a list).
#[diagnostic::on_unimplemented(
    message = "a handler cannot answer with `{Self}`",
    label = "not an answer",
    note = "an answer is anything that implements `serde::Serialize`, `()` for none, `Values((first, second))` for several, or a `RawReply`"
)]
pub trait Reply {
    /// The answer as a payload.
    fn into_payload(self) -> Result<Payload>;
}

impl<T: Serialize> Reply for T {
    fn into_payload(self) -> Result<Payload> {
        // `()` and unit structs: there is nothing to say.
        if size_of::<T>() == 0 {
            return Ok(Payload::empty());
        }
        Ok(Payload::from_args(&(self,))?)
    }
}

/// Several values as one answer: each element of the tuple is one.
#[derive(Debug, Clone, Copy)]
pub struct Values<T>(pub T);

impl<T: Serialize> Reply for Values<T> {
    fn into_payload(self) -> Result<Payload> {
        Ok(Payload::from_args(&self.0)?)
    }
}

/// An answer that is a payload already: from a relay, or of bytes that must not be copied.
#[derive(Debug, Clone)]
pub struct RawReply(pub Payload);

impl Reply for RawReply {
    fn into_payload(self) -> Result<Payload> {
        Ok(self.0)
    }
}

/// A handler at work.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Payload>> + Send>>;

/// What reads an event's arguments and begins to handle it.
type Begins<T> = Box<dyn Fn(&Connection, &PayloadRef<'_>, Extras) -> Result<T> + Send + Sync>;

/// The same with the streams that come with the event.
type Takes<T> = Box<dyn Fn(&Connection, &PayloadRef<'_>, Extras, Uploads) -> Result<T> + Send + Sync>;

/// A handler, whatever it takes and gives.
pub(crate) enum Handler {
    /// It answers once.
    Once(Begins<Running>),
    /// It answers once, and takes streams.
    Uploads(Takes<Running>),
    /// It answers by a stream.
    Stream(Takes<Streaming>),
}

/// Boxes a handler. Its arguments are read before its future is made, so they are borrowed from the
/// read buffer and nothing is kept of it.
pub(crate) fn boxed<A, R, F, Fut>(handler: F) -> Handler
where
    A: FromArgs + Send + 'static,
    R: Reply,
    F: Fn(Connection, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R>> + Send + 'static,
{
    Handler::Once(Box::new(move |connection, args, extras| {
        let args = A::from_args(args, extras)?;
        Ok(answering(handler(connection.clone(), args)))
    }))
}

/// A handler's future at work.
pub(crate) fn answering<R, Fut>(future: Fut) -> Running
where
    R: Reply,
    Fut: Future<Output = Result<R>> + Send + 'static,
{
    Box::pin(Answering { future })
}

pin_project_lite::pin_project! {
    /// A handler's future, whose answer becomes a payload. An `async` block in its place would have room for the
    /// future twice, as what it captured and as what it awaits, and move it at the first poll.
    struct Answering<Fut> {
        #[pin]
        future: Fut,
    }
}

impl<R: Reply, Fut: Future<Output = Result<R>>> Future for Answering<Fut> {
    type Output = Result<Payload>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Payload>> {
        self.project().future.poll(cx).map(|answer| answer?.into_payload())
    }
}
