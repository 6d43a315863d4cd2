//! Streams: answers of many items, and those that come with a call.
//!
//! A handler that answers by a stream gives any [`Stream`] of results; the connection's task takes an item when there is
//! room for one, so that a client which does not read makes its stream wait, and drops it when the client wants no more.
//! A stream of the client's is an [`Upload`]; what the handler has not taken counts against the client's bound, and beyond
//! that its socket is not read.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker, ready};

use everywire_core::payload::{ArgsError, Extras};
use everywire_core::{Link, Payload};
use futures_core::Stream;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use super::error::{EventError, Result};
use super::handler::{Reply, Running};

/// The items of an answer.
pub(crate) type Items = Pin<Box<dyn Stream<Item = Result<Payload>> + Send>>;

/// A handler that is to answer by a stream, at work.
pub(crate) type Streaming = Pin<Box<dyn Future<Output = Result<Items>> + Send>>;

/// A call with streams, at work.
pub(crate) enum Work {
    /// Its handler has not given its stream yet.
    Beginning(Streaming),
    /// Its stream goes on.
    Going(Items),
    /// It is answered once, and has streams of the client's.
    Answering(Running),
}

/// The items of a handler's stream, as payloads.
pub(crate) fn items<S, R>(stream: S) -> Items
where
    S: Stream<Item = Result<R>> + Send + 'static,
    R: Reply,
{
    Box::pin(Written { stream })
}

pin_project_lite::pin_project! {
    struct Written<S> {
        #[pin]
        stream: S,
    }
}

impl<S, R> Stream for Written<S>
where
    S: Stream<Item = Result<R>>,
    R: Reply,
{
    type Item = Result<Payload>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.project().stream.poll_next(cx));
        Poll::Ready(item.map(|item| item.and_then(Reply::into_payload)))
    }
}

/// The streams that came with a call, in the order of the caller's parameters.
#[derive(Debug, Default)]
pub struct Uploads(Vec<Upload>);

impl Uploads {
    pub(crate) fn new(uploads: Vec<Upload>) -> Self {
        Self(uploads)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the call came without any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, if there are just so many; else an error, which tells the caller so.
    pub fn exactly<const N: usize>(self) -> Result<[Upload; N]> {
        <[Upload; N]>::try_from(self.0).map_err(|uploads| {
            // The words of ASP.NET Core.
            let given = uploads.len();
            EventError::refuse(format!("Client sent {given} stream(s), Hub method expects {N}."))
        })
    }
}

impl IntoIterator for Uploads {
    type Item = Upload;
    type IntoIter = std::vec::IntoIter<Upload>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A stream of a client's: a [`Stream`] of payloads, one argument each, or of what [`next`](Self::next) and
/// [`items`](Self::items) read from them. Dropped, what still comes is thrown away.
#[derive(Debug)]
pub struct Upload(Arc<Intake>);

/// Why a stream of a client's has no next item. Nothing follows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// The client says so, in its own words.
    #[error("{0}")]
    Failed(String),
    /// An item is of another type, and how. The text is ASP.NET Core's.
    #[error("Failed to bind Stream message.")]
    Type(String),
    /// The client has gone.
    #[error("the client has gone before its stream ended")]
    Gone,
    /// Nothing was taken for [`Options::upload_timeout`](crate::Options::upload_timeout) while as much of the client's streams
    /// waited as may. What waited is thrown away, and so is what still comes.
    #[error("the handler has taken nothing of the stream for too long, and what waited was thrown away")]
    Stalled,
}

impl From<ArgsError> for UploadError {
    fn from(error: ArgsError) -> Self {
        Self::Type(error.to_string())
    }
}

impl Upload {
    /// The next item; none at the end.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Option<Result<T, UploadError>> {
        let item = std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await?;
        Some(item.and_then(|item| read(&item)))
    }

    /// The items, read into a type.
    pub fn items<T: DeserializeOwned>(self) -> impl Stream<Item = Result<T, UploadError>> + Send + Unpin {
        Read { upload: self, of: std::marker::PhantomData::<fn() -> T> }
    }
}

fn read<T: DeserializeOwned>(item: &Payload) -> Result<T, UploadError> {
    let (item,) = item.view().read::<(T,)>(Extras::Refuse)?;
    Ok(item)
}

struct Read<T> {
    upload: Upload,
    of: std::marker::PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Stream for Read<T> {
    type Item = Result<T, UploadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(Pin::new(&mut self.upload).poll_next(cx));
        Poll::Ready(item.map(|item| item.and_then(|item| read(&item))))
    }
}

impl Stream for Upload {
    type Item = Result<Payload, UploadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.take(cx)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// What waits for the handlers of one client's streams.
pub(crate) struct Intakes {
    bytes: AtomicUsize,
    /// How many items have been taken, or thrown away.
    taken: AtomicUsize,
    /// Beyond so many, the client's socket is not read.
    bound: usize,
    link: Arc<dyn Link>,
    /// Those that have not been let go: by their handlers, or by their calls that wait.
    streams: Mutex<Vec<Weak<Intake>>>,
}

impl Intakes {
    pub(crate) fn new(bound: usize, link: Arc<dyn Link>) -> Arc<Self> {
        let (bytes, taken, streams) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::default());
        Arc::new(Self { bytes, taken, bound, link, streams })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    /// How many streams have not been let go.
    pub(crate) fn live(&self) -> usize {
        let mut streams = self.streams.lock();
        streams.retain(|stream| stream.strong_count() > 0);
        streams.len()
    }

    /// Breaks off those of which something waits; how many that are.
    pub(crate) fn stall(&self) -> usize {
        let streams: Vec<_> = self.streams.lock().iter().filter_map(Weak::upgrade).collect();
        streams.iter().filter(|stream| stream.stall()).count()
    }

    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    fn remove(&self, bytes: usize) {
        self.taken.fetch_add(1, Ordering::AcqRel);
        let before = self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        if before >= self.bound && before - bytes < self.bound {
            self.link.mailbox().wake();
        }
    }
}

/// One stream on its way from the client to its handler.
pub(crate) struct Intake {
    all: Arc<Intakes>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    items: VecDeque<Result<Payload, UploadError>>,
    /// Nothing more will come.
    ended: bool,
    /// Nobody will take anything more.
    abandoned: bool,
    reader: Option<Waker>,
}

/// What an item counts, beside its payload: about what it occupies.
const FIXED_COST: usize = 128;

fn cost(item: &Result<Payload, UploadError>) -> usize {
    FIXED_COST + item.as_ref().map_or(0, Payload::size)
}

impl Intake {
    /// A stream, and its handler's end of it.
    pub(crate) fn new(all: Arc<Intakes>) -> (Arc<Self>, Upload) {
        let intake = Arc::new(Self { all, state: Mutex::default() });
        intake.all.streams.lock().push(Arc::downgrade(&intake));
        (intake.clone(), Upload(intake))
    }

    /// The next item; an error is the last.
    pub(crate) fn push(&self, item: Result<Payload, UploadError>) {
        let mut state = self.state.lock();
        if state.ended || state.abandoned {
            return;
        }
        self.all.add(cost(&item));
        state.ended = item.is_err();
        state.items.push_back(item);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Throws away what waits, and ends with an error; false if nothing waits.
    pub(crate) fn stall(&self) -> bool {
        let mut state = self.state.lock();
        if state.items.is_empty() {
            return false;
        }
        let error = Err(UploadError::Stalled);
        self.all.add(cost(&error));
        let items = std::mem::replace(&mut state.items, VecDeque::from([error]));
        state.ended = true;
        let reader = state.reader.take();
        drop(state);
        self.all.remove(items.iter().map(cost).sum());
        if let Some(reader) = reader {
            reader.wake();
        }
        true
    }

    /// Nothing more comes.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.ended = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn take(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Payload, UploadError>>> {
        let mut state = self.state.lock();
        if let Some(item) = state.items.pop_front() {
            drop(state);
            self.all.remove(cost(&item));
            return Poll::Ready(Some(item));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn abandon(&self) {
        let mut state = self.state.lock();
        state.abandoned = true;
        let items = std::mem::take(&mut state.items);
        drop(state);
        self.all.remove(items.iter().map(cost).sum());
    }
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Intake")
            .field("waiting", &state.items.len())
            .field("ended", &state.ended)
            .finish_non_exhaustive()
    }
}
