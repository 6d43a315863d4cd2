//! What a client is asked, and who waits for its answers.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::connection::Connection;
use crate::admission::{self, Refused};
use crate::broadcast::Class;
use crate::mailbox::Item;
use crate::payload::Payload;
use crate::promise::{Promise, Resolver};
use crate::vocabulary::Name;

/// What a client said to a question, or why it said nothing.
type Answer = Result<Payload, AckError>;

/// The questions to one client that are open.
#[derive(Default)]
pub(super) struct Questions {
    /// Absent until the first question.
    open: Mutex<Option<Box<Open>>>,
}

#[derive(Default)]
struct Open {
    next: u64,
    waiting: HashMap<u64, Resolver<Answer>>,
}

/// Why an event that asked for an answer got none.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AckError {
    /// The client's wire has no answers (raw, SSE, poll, STOMP).
    #[error("the client's protocol cannot answer")]
    CannotAnswer,
    /// The connection ended first.
    #[error("the connection ended before it answered")]
    Gone,
    /// The client did not answer in time.
    #[error("the client did not answer in time")]
    Timeout,
    /// The client answered with an error.
    #[error("the client answered with error {code}: {message}")]
    Failed {
        /// The client's number for it; 0 if it gave none.
        code: i64,
        /// The client's words.
        message: String,
    },
    /// The event may not be sent.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Questions {
    /// Awaits one more answer, under this id; not if the connection is closed, which is looked at under the lock.
    fn begin(&self, resolver: Resolver<Answer>, is_closed: impl Fn() -> bool) -> Option<u64> {
        let mut open = self.open.lock();
        if is_closed() {
            return None;
        }
        let open = open.get_or_insert_default();
        let id = open.next;
        open.next += 1;
        open.waiting.insert(id, resolver);
        Some(id)
    }

    /// The connection is closed: nobody will answer.
    pub(super) fn end(&self) {
        let open = self.open.lock().take();
        for (_, resolver) in open.into_iter().flat_map(|open| open.waiting) {
            resolver.resolve(Err(AckError::Gone));
        }
    }
}

impl Connection {
    /// Sends it an event that it is asked to answer. The id is for [`forget`](Self::forget).
    pub fn ask(
        &self,
        event: impl Into<Name>,
        payload: Payload,
        compress: bool,
    ) -> (Option<u64>, Promise<Answer>) {
        let event = event.into();
        if let Err(refused) = admission::admit_event_name(&event) {
            return (None, Promise::ready(Err(refused.into())));
        }
        if !self.can_answer() {
            return (None, Promise::ready(Err(AckError::CannotAnswer)));
        }
        let (promise, resolver) = Promise::new();
        let Some(id) = self.questions().begin(resolver, || self.is_closed()) else {
            return (None, Promise::ready(Err(AckError::Gone)));
        };
        if !self.send(Item::Emit { event, payload, ack: Some(id), class: Class::Event, compress }) {
            self.answer(id, Err(AckError::Gone));
        }
        (Some(id), promise)
    }

    /// The client answered. False if nobody asked, or no longer waits.
    pub fn answer(&self, id: u64, answer: Answer) -> bool {
        let resolver = self.questions().open.lock().as_mut().and_then(|open| open.waiting.remove(&id));
        let waited = resolver.is_some();
        if let Some(resolver) = resolver {
            resolver.resolve(answer);
        }
        waited
    }

    /// Whether somebody waits for an answer of the client's.
    pub fn is_asking(&self) -> bool {
        self.questions().open.lock().as_ref().is_some_and(|open| !open.waiting.is_empty())
    }

    /// Nobody waits for this answer any longer.
    pub fn forget(&self, id: u64) {
        self.answer(id, Err(AckError::Timeout));
    }
}
