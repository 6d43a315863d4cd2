//! Who answers a request: the playground, if the path is one of its files, else the application.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use tower_service::Service;

use crate::playground::Page;

/// The whole of what is served, for one client.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) app: everywire::Service,
    /// Whether the playground is there.
    pub(crate) playground: bool,
}

impl Service<Request<Incoming>> for Site {
    type Response = Response<Either<everywire::Body, Full<Bytes>>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Incoming>>::poll_ready(&mut self.app, cx)
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let page = if self.playground { Page::at(request.uri().path()) } else { None };
        let Some(page) = page else {
            let answer = self.app.call(request);
            return Box::pin(async move { Ok(answer.await?.map(Either::Left)) });
        };
        // A page that another name leads to would be told at once that its sockets are refused: better here.
        let response = match self.app.refuse_foreign_host(&request) {
            Some(refusal) => refusal.map(Either::Left),
            None => page.answer(request.method(), request.headers()).map(Either::Right),
        };
        Box::pin(std::future::ready(Ok(response)))
    }
}
