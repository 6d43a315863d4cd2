//! How handlers are polled: a panic of one is an error of its event, not the end of its client's connection; and whether one
//! waits for an answer of a client's is noticed, for then it gives its turn to the next event, as ASP.NET Core's do.

use std::cell::Cell;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;

use crate::app::error::Result;

thread_local! {
    /// Whether what is polled now waits for a client's answer.
    static ASKS: Cell<bool> = const { Cell::new(false) };
}

/// A handler has panicked. Where, the panic itself has told the log.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked")]
struct Panicked;

/// Polls a handler; and says whether it waits for a client's answer.
pub(super) fn guarded<T>(poll: impl FnOnce() -> Poll<Result<T>>) -> (Poll<Result<T>>, bool) {
    ASKS.set(false);
    // What a future has left behind that panicked is its own: it is dropped, and never polled again.
    let polled = std::panic::catch_unwind(AssertUnwindSafe(poll));
    (polled.unwrap_or_else(|_| Poll::Ready(Err(Panicked.into()))), ASKS.replace(false))
}

/// The same for a stream of a handler's.
pub(super) fn guarded_stream<T>(poll: impl FnOnce() -> Poll<Option<Result<T>>>) -> Poll<Option<Result<T>>> {
    let polled = std::panic::catch_unwind(AssertUnwindSafe(poll));
    polled.unwrap_or_else(|_| Poll::Ready(Some(Err(Panicked.into()))))
}

/// Waits for what is a client's answer.
pub(crate) async fn asking<F: Future>(answer: F) -> F::Output {
    let mut answer = pin!(answer);
    std::future::poll_fn(|cx| {
        let polled = answer.as_mut().poll(cx);
        if polled.is_pending() {
            ASKS.set(true);
        }
        polled
    })
    .await
}
