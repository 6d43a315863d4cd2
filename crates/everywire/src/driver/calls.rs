//! Calls with streams, at work.

use std::sync::Arc;
use std::task::{Context, Poll};

use everywire_core::{Outcome, Payload, Token};

use super::guarded::{guarded, guarded_stream};
use crate::app::error::Result;
use crate::app::streams::{Intake, Work};

/// A call at work.
pub(super) struct Job {
    pub(super) slot: u32,
    pub(super) name: Box<str>,
    pub(super) token: Option<Token>,
    pub(super) intakes: Vec<Arc<Intake>>,
    pub(super) work: Work,
    pub(super) span: tracing::Span,
    /// An item that is to leave when nothing else waits: it is a long one.
    pub(super) held: Option<Payload>,
}

/// What came of a look at a call.
pub(super) enum Step {
    /// Its stream has begun.
    Begun,
    Item(Payload),
    Done(Result<Outcome>),
    Later,
}

impl Job {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Step {
        if let Some(item) = self.held.take() {
            return Step::Item(item);
        }
        let _entered = self.span.enter();
        match &mut self.work {
            Work::Beginning(streaming) => match guarded(|| streaming.as_mut().poll(cx)).0 {
                Poll::Ready(Ok(items)) => {
                    self.work = Work::Going(items);
                    Step::Begun
                }
                Poll::Ready(Err(error)) => Step::Done(Err(error)),
                Poll::Pending => Step::Later,
            },
            Work::Going(items) => match guarded_stream(|| items.as_mut().poll_next(cx)) {
                Poll::Ready(Some(Ok(item))) => Step::Item(item),
                Poll::Ready(Some(Err(error))) => Step::Done(Err(error)),
                Poll::Ready(None) => Step::Done(Ok(Outcome::Ended)),
                Poll::Pending => Step::Later,
            },
            Work::Answering(running) => match guarded(|| running.as_mut().poll(cx)).0 {
                Poll::Ready(outcome) => Step::Done(outcome.map(Outcome::Done)),
                Poll::Pending => Step::Later,
            },
        }
    }
}
