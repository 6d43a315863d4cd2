//! Bodies that nobody reads, of requests whose answers are long in coming.
//!
//! hyper hears that a client has hung up only behind the end of its body: so what nobody wants is read all the same, and
//! thrown away, for as long as the answer takes.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Response, Version};
use http_body_util::BodyExt as _;

use super::body::Body;
use super::upload::Fault;

/// The rest of a body, which comes and is thrown away. It resolves if it breaks off, for then its client is gone.
pub(super) struct Unread(Option<Pin<Box<dyn Future<Output = Option<Fault>> + Send>>>);

impl Unread {
    fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: fmt::Display,
    {
        Self(Some(Box::pin(discard(body))))
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fault> {
        let Some(rest) = &mut self.0 else { return Poll::Pending };
        let Poll::Ready(outcome) = rest.as_mut().poll(cx) else { return Poll::Pending };
        self.0 = None;
        outcome.map_or(Poll::Pending, Poll::Ready)
    }
}

async fn discard<B>(mut body: B) -> Option<Fault>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    while let Some(frame) = body.frame().await {
        if let Err(error) = frame {
            return Some(Fault::Broken(error.to_string()));
        }
    }
    None
}

/// Answers a request whose body says nothing. When that breaks off, the answer is dropped, or the response that goes on ends.
pub(super) async fn beside<B>(
    version: Version,
    body: B,
    answering: impl Future<Output = Response<Body>>,
) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: fmt::Display,
{
    if body.is_end_stream() || version == Version::HTTP_2 {
        // Over HTTP/2 a stream that is given up says so, whatever was read of it.
        drop(body);
        return answering.await;
    }
    let (mut rest, mut answering) = (Unread::new(body), pin!(answering));
    let answer = poll_fn(|cx| match rest.poll(cx) {
        Poll::Ready(fault) => Poll::Ready(Err(fault)),
        Poll::Pending => answering.as_mut().poll(cx).map(Ok),
    });
    match answer.await {
        Ok(response) => response.map(|body| body.beside(rest)),
        Err(fault) => fault.response(),
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http_body::Frame;
    use tokio::sync::mpsc;

    use super::*;

    type Piece = Result<Frame<Bytes>, &'static str>;

    /// A body whose pieces come when they are sent.
    struct Sent(mpsc::UnboundedReceiver<Piece>);

    impl http_body::Body for Sent {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
            self.0.poll_recv(cx)
        }
    }

    fn body() -> (mpsc::UnboundedSender<Piece>, Sent) {
        let (sender, pieces) = mpsc::unbounded_channel();
        (sender, Sent(pieces))
    }

    fn piece() -> Piece {
        Ok(Frame::data(Bytes::from_static(b"nobody reads this")))
    }

    #[tokio::test]
    async fn an_answer_comes_while_the_body_does() {
        let (sender, body) = body();
        let (answer, answered) = tokio::sync::oneshot::channel();
        let answering = async { answered.await.expect("an answer") };
        let mut answering = pin!(beside(Version::HTTP_11, body, answering));
        let cx = &mut Context::from_waker(Waker::noop());
        sender.send(piece()).expect("it is read");
        assert!(answering.as_mut().poll(cx).is_pending());
        answer.send(Response::new(Body::whole("yes"))).ok();
        let Poll::Ready(response) = answering.as_mut().poll(cx) else { panic!("it was answered") };
        assert_eq!(response.into_body().collect().await.expect("whole").to_bytes(), "yes");
    }

    #[tokio::test]
    async fn whoever_breaks_off_gets_no_answer() {
        let (sender, body) = body();
        let (answer, answered) = tokio::sync::oneshot::channel::<Response<Body>>();
        let answering = async { answered.await.expect("an answer") };
        let mut answering = Box::pin(beside(Version::HTTP_11, body, answering));
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(answering.as_mut().poll(cx).is_pending());
        sender.send(piece()).expect("it is read");
        sender.send(Err("the connection is gone")).expect("it is read");
        let Poll::Ready(response) = answering.as_mut().poll(cx) else { panic!("it broke off") };
        assert_eq!(response.status(), 400);
        drop(answering);
        assert!(answer.is_closed(), "what was to be answered is dropped");
    }
}
