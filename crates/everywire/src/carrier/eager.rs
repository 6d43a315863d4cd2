//! A tower service for hyper that begins to answer when it is called, not when the answer is first polled.
//!
//! A client that hangs up together with its request makes hyper drop the answer unpolled. hyper-util's own adapter has
//! not even called the service by then, so a session would never hear of that request, nor of its end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use http::Request;

use super::line::LineOf;

/// The adapter, and the line that its requests come by.
#[derive(Clone)]
pub(crate) struct Eager<S>(pub(crate) S, pub(crate) Option<LineOf>);

/// An answer on its way.
pub(crate) enum Answer<S, R>
where
    S: tower_service::Service<R>,
{
    Begun(Pin<Box<S::Future>>),
    Failed(Option<S::Error>),
    /// The service was not ready.
    Waiting(S, Option<R>),
}

impl<S, B> hyper::service::Service<Request<B>> for Eager<S>
where
    S: tower_service::Service<Request<B>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Answer<S, Request<B>>;

    fn call(&self, mut request: Request<B>) -> Self::Future {
        if let Some(line) = &self.1 {
            request.extensions_mut().insert(line.clone());
        }
        let mut service = self.0.clone();
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Answer::Begun(Box::pin(service.call(request))),
            Poll::Ready(Err(error)) => Answer::Failed(Some(error)),
            Poll::Pending => Answer::Waiting(service, Some(request)),
        }
    }
}

// Nothing in it is pinned but what is boxed.
impl<S: tower_service::Service<R>, R> Unpin for Answer<S, R> {}

impl<S, R> Future for Answer<S, R>
where
    S: tower_service::Service<R>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut *self {
                Self::Begun(answer) => return answer.as_mut().poll(cx),
                Self::Failed(error) => {
                    return Poll::Ready(Err(error.take().expect("an answer is polled to its end once")));
                }
                Self::Waiting(service, request) => {
                    ready!(service.poll_ready(cx))?;
                    let request = request.take().expect("it waits with its request");
                    let answer = Box::pin(service.call(request));
                    *self = Self::Begun(answer);
                }
            }
        }
    }
}
