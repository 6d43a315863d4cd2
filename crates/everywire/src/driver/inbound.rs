//! Events on their way to handlers: in order, one at a time unless the namespace says otherwise.
//!
//! A handler's future is polled at once, in the task of its connection. Most are ready then, and nothing
//! was queued or woken; the others are kept here and polled whenever the task is.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use everywire_core::{Joined, Payload, Token};
use everywire_protocols::protocol::{Ends, Task};

use super::guarded::guarded;
use super::streaming::Call;
use crate::app::connection::Connection;
use crate::app::error::Result;
use crate::app::handler::Running;

/// What an event's pieces occupy besides, about: each is rounded up by whoever allocates it.
const ALLOCATED: usize = 64;

/// An event that waits for its turn.
pub(crate) struct Waiting {
    pub(crate) name: Box<str>,
    pub(crate) args: Payload,
    pub(crate) token: Option<Token>,
    /// What it has besides, if it has streams.
    pub(crate) call: Option<Box<Call>>,
    /// What it is, if it is no event.
    pub(crate) task: Option<Box<Task>>,
}

impl Waiting {
    /// A task that waits for its turn.
    pub(crate) fn task(task: Box<Task>, token: Token) -> Self {
        let (name, args) = (Box::default(), Payload::empty());
        Self { name, args, token: Some(token), call: None, task: Some(task) }
    }

    /// What it counts against the bounds: about what it occupies.
    fn cost(&self) -> usize {
        let task = self.task.as_ref().map_or(0, |task| size_of::<Task>() + task.size());
        let fixed = size_of::<Self>() + ALLOCATED;
        self.name.len() + self.args.size() + task + self.token.as_ref().map_or(0, Token::size) + fixed
    }

    fn is_streamed(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.streams)
    }
}

/// The opening of a connection: lets events through, or sends the client away.
pub(crate) type Opens = Pin<Box<dyn Future<Output = Result<Entered>> + Send>>;

/// A client that may come in.
pub(crate) struct Entered {
    pub(crate) connection: Connection,
    /// What became of the rooms that it named.
    pub(crate) joined: Option<Joined>,
    /// Whether the client knows already.
    pub(crate) told: bool,
}

/// A handler at work.
pub(crate) struct Job {
    pub(crate) name: Box<str>,
    pub(crate) token: Option<Token>,
    pub(crate) future: Running,
    pub(crate) span: tracing::Span,
    /// Whether it waits for a client's answer, and lets others have its turn meanwhile.
    pub(crate) asks: bool,
    /// What becomes of the conversation if it fails.
    pub(crate) ends: Ends,
}

/// What is done.
pub(crate) enum Done {
    /// The opening.
    Open(Result<Entered>),
    /// An event.
    Event { name: Box<str>, token: Option<Token>, outcome: Result<Payload>, ends: Ends },
}

/// So many of a connection's events may lend their turn at a time.
const MOST_ASKING: usize = 100;

/// Handlers at work and events that wait.
#[derive(Default)]
pub(crate) struct Inbound {
    /// While it is at work, no event is handled.
    opening: Option<Opens>,
    jobs: Vec<Job>,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// Of those that wait, calls that a stream is to answer.
    waiting_streams: usize,
}

impl Inbound {
    /// Whether an event may be handled now.
    pub(crate) fn is_free(&self, parallel: usize) -> bool {
        self.waiting.is_empty() && self.has_room(parallel)
    }

    fn has_room(&self, parallel: usize) -> bool {
        let asking = self.jobs.iter().filter(|job| job.asks).count();
        self.jobs.len() - asking.min(MOST_ASKING) < parallel && self.opening.is_none()
    }

    /// Whether anything is at work or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.opening.is_none() && self.jobs.is_empty() && self.waiting.is_empty()
    }

    /// Whether anything is at work.
    pub(crate) fn is_busy(&self) -> bool {
        self.opening.is_some() || !self.jobs.is_empty()
    }

    /// Bytes of events that wait.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub(crate) fn open(&mut self, opening: Opens) {
        self.opening = Some(opening);
    }

    pub(crate) fn start(&mut self, job: Job) {
        self.jobs.push(job);
    }

    pub(crate) fn wait(&mut self, event: Waiting) {
        self.waiting_bytes += event.cost();
        self.waiting_streams += usize::from(event.is_streamed());
        self.waiting.push_back(event);
    }

    /// How many calls wait that streams are to answer.
    pub(crate) fn waiting_streams(&self) -> usize {
        self.waiting_streams
    }

    /// The next event that may be handled now.
    pub(crate) fn next(&mut self, parallel: usize) -> Option<Waiting> {
        // Calls with streams run beside the others.
        let parallel = if self.waiting.front()?.call.is_some() { usize::MAX } else { parallel };
        if !self.has_room(parallel) {
            return None;
        }
        let event = self.waiting.pop_front()?;
        self.waiting_bytes -= event.cost();
        self.waiting_streams -= usize::from(event.is_streamed());
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        Some(event)
    }

    /// Takes a call out that waits, if a stream is to answer it: nobody wants that any more.
    pub(crate) fn cancel(&mut self, token: &Token) -> Option<(Box<str>, Box<Call>)> {
        let wanted = |event: &Waiting| event.token.as_ref() == Some(token) && event.is_streamed();
        let event = self.waiting.remove(self.waiting.iter().position(wanted)?)?;
        self.waiting_bytes -= event.cost();
        self.waiting_streams -= 1;
        Some((event.name, event.call?))
    }

    /// Polls what is at work, in order; gives back the first that is done. `lends`: what waits for a client's answer lends its
    /// turn to others.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, lends: bool) -> Option<Done> {
        if let Some(opening) = &mut self.opening {
            let Poll::Ready(outcome) = opening.as_mut().poll(cx) else { return None };
            self.opening = None;
            return Some(Done::Open(outcome));
        }
        for i in 0..self.jobs.len() {
            let Job { future, span, asks, .. } = &mut self.jobs[i];
            let (polled, waits) = span.in_scope(|| guarded(|| future.as_mut().poll(cx)));
            *asks = waits && lends;
            if let Poll::Ready(outcome) = polled {
                let job = self.jobs.remove(i);
                if self.jobs.is_empty() {
                    self.jobs = Vec::new();
                }
                let Job { name, token, ends, .. } = job;
                return Some(Done::Event { name, token, outcome, ends });
            }
        }
        None
    }

    /// Drops what waits: nobody is left to hear the answers.
    pub(crate) fn forget_waiting(&mut self) {
        self.waiting = VecDeque::new();
        self.waiting_bytes = 0;
        self.waiting_streams = 0;
    }
}
