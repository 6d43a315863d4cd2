//! A value that a broker or a client answers with, now or later. It is a future of the standard
//! library: no runtime is needed to make, await or resolve it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// The receiving half: a future of `T`.
///
/// With the memory broker most promises are kept before they are returned; those cost nothing.
#[derive(Debug)]
#[must_use = "the answer, an error included, is lost if nobody awaits it"]
pub struct Promise<T>(State<T>);

#[derive(Debug)]
enum State<T> {
    Ready(Option<T>),
    Waiting(Arc<Mutex<Slot<T>>>),
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

/// The giving half. Dropped without [`resolve`](Resolver::resolve), it leaves the promise
/// pending for ever, so whoever holds one answers it on every path.
#[derive(Debug)]
pub struct Resolver<T>(Arc<Mutex<Slot<T>>>);

impl<T> Promise<T> {
    /// A promise that is kept already.
    pub fn ready(value: T) -> Self {
        Self(State::Ready(Some(value)))
    }

    /// A promise and the resolver that keeps it.
    pub fn new() -> (Self, Resolver<T>) {
        let slot = Arc::new(Mutex::new(Slot { value: None, waker: None }));
        (Self(State::Waiting(slot.clone())), Resolver(slot))
    }

    /// The value, if the promise is kept already; the promise otherwise.
    pub fn now(self) -> Result<T, Self> {
        match self.0 {
            State::Ready(Some(value)) => Ok(value),
            State::Waiting(slot) => {
                let value = slot.lock().value.take();
                value.ok_or(Self(State::Waiting(slot)))
            }
            State::Ready(None) => panic!("a promise gave its value twice"),
        }
    }
}

impl<T> Resolver<T> {
    /// Keeps the promise.
    pub fn resolve(self, value: T) {
        let waker = {
            let mut slot = self.0.lock();
            slot.value = Some(value);
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Unpin for Promise<T> {}

impl<T> Future for Promise<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            State::Ready(value) => Poll::Ready(value.take().expect("a promise is polled after it was kept")),
            State::Waiting(slot) => {
                let mut slot = slot.lock();
                match slot.value.take() {
                    Some(value) => Poll::Ready(value),
                    None => {
                        slot.waker = Some(cx.waker().clone());
                        Poll::Pending
                    }
                }
            }
        }
    }
}
