//! Who answers a request: the playground or an official client, if the path is one of their files, else the application.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use tower_service::Service;

use crate::assets::Assets;
use crate::playground::Playground;

/// The whole of what is served, for one client.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) app: everywire::Service,
    /// The playground, if it is there.
    pub(crate) playground: Option<Playground>,
    pub(crate) assets: Assets,
}

impl Service<Request<Incoming>> for Site {
    type Response = Response<Either<everywire::Body, Full<Bytes>>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Incoming>>::poll_ready(&mut self.app, cx)
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let path = request.uri().path();
        let file = |request: &Request<Incoming>| {
            let (method, headers) = (request.method(), request.headers());
            let page = self.playground.and_then(|playground| playground.at(path));
            page.map(|page| page.answer(method, headers))
                .or_else(|| Some(self.assets.at(path)?.answer(method, headers)))
        };
        let Some(file) = file(&request) else {
            let answer = self.app.call(request);
            return Box::pin(async move { Ok(answer.await?.map(Either::Left)) });
        };
        // A page that another name leads to would be told at once that its sockets are refused: better here.
        let response = match self.app.refuse_foreign_host(&request) {
            Some(refusal) => refusal.map(Either::Left),
            None => file.map(Either::Right),
        };
        Box::pin(std::future::ready(Ok(response)))
    }
}
