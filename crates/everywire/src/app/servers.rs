//! What the application tells itself on other nodes. (Socket.IO: `serverSideEmit`.)
//!
//! It goes by the broker, has no place in the log, and no client hears it. What comes from another node is noted in a
//! queue, for it comes in the broker's own call; a task of the application's takes it from there, in order.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use everywire_core::admission::{self, Refused};
use everywire_core::broker::{BrokerError, NodeMessage, Told};
use everywire_core::hub::OnTold;
use everywire_core::payload::PayloadError;
use everywire_core::{Name, Payload, PayloadRef};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::timeout_at;

use super::audience::{Acks, first_value};
use super::error::Result;
use super::handler::Running;
use super::{App, AppState};

/// The handler of an event of another node's.
pub(crate) type OnServerEvent = Box<dyn Fn(App, &PayloadRef<'_>) -> Result<Running> + Send + Sync>;

/// What other nodes told, on its way to the handlers.
pub(crate) struct Inbox(mpsc::Receiver<(Arc<str>, NodeMessage)>);

impl Inbox {
    /// A queue of so many messages, and who fills it. Beyond, they are lost, and the log says so.
    pub(crate) fn new(queue: usize) -> (Self, OnTold) {
        let (note, noted) = mpsc::channel(queue.max(1));
        let told: OnTold = Arc::new(move |namespace, message| {
            if note.try_send((namespace.clone(), message)).is_err() {
                tracing::warn!(%namespace, "another node told more than could be taken: something of it is lost");
            }
        });
        (Self(noted), told)
    }

    /// Takes what comes, for as long as there is an application.
    pub(crate) async fn run(mut self, app: Weak<AppState>) {
        while let Some((namespace, message)) = self.0.recv().await {
            let Some(app) = app.upgrade() else { return };
            told(&app, &namespace, message).await;
        }
    }
}

/// Questions to other nodes that are under way.
#[derive(Default)]
pub(crate) struct Asked {
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, UnboundedSender<Option<Payload>>>>,
}

/// Lets handlers begin, in the order of what was told; those that wait for something go on in tasks of their own.
async fn told(app: &Arc<AppState>, namespace: &Arc<str>, message: NodeMessage) {
    let (event, payload, ask) = match message.what {
        Told::Answer { ask, answer } => {
            // Nobody waits any longer, perhaps.
            if let Some(waiting) = app.asked.waiting.lock().get(&ask) {
                let _ = waiting.send(answer);
            }
            return;
        }
        Told::Event { event, payload, ask } => (event, payload, ask),
    };
    let (app, namespace, from) = (app.clone(), namespace.clone(), message.from);
    let handlers = app.handlers_of(&namespace);
    let running = handlers
        .as_ref()
        .and_then(|handlers| handlers.server_events.get(&*event))
        .map(|handler| handler(App(app.clone()), &payload.view()));
    let answer = move |answer: Option<Payload>| {
        if let Some(ask) = ask {
            // An answer that the broker does not take is one that is missing.
            drop(app.hub.tell(&namespace, Some(from), Told::Answer { ask, answer }));
        }
    };
    match running {
        Some(Ok(mut running)) => {
            let done = move |outcome: Result<Payload>| {
                if let Err(error) = &outcome {
                    tracing::warn!(%event, node = from, %error, "what another node told could not be handled");
                }
                answer(outcome.ok());
            };
            match poll_fn(|cx| Poll::Ready(running.as_mut().poll(cx))).await {
                Poll::Ready(outcome) => done(outcome),
                Poll::Pending => drop(tokio::spawn(async move { done(running.await) })),
            }
        }
        Some(Err(error)) => {
            tracing::warn!(%event, node = from, %error, "what another node told could not be read");
            answer(None);
        }
        None => {
            tracing::debug!(%event, node = from, "nobody handles what another node told");
            answer(None);
        }
    }
}

/// The application on all other nodes of the broker: with the memory broker there are none.
#[derive(Clone)]
#[must_use = "other servers hear nothing until something is emitted to them"]
pub struct Servers {
    app: App,
    namespace: Arc<str>,
}

impl App {
    /// The application on all other nodes: their handlers of this namespace. (Socket.IO: `namespace.serverSideEmit`.)
    pub fn servers(&self, namespace: &str) -> Servers {
        Servers { app: self.clone(), namespace: namespace.into() }
    }
}

impl Servers {
    /// How many there are, as far as the broker knows.
    pub fn count(&self) -> usize {
        self.app.0.hub.nodes().saturating_sub(1)
    }

    /// Raises an event on each: [`on_server_event`](crate::NamespaceBuilder::on_server_event). Each hears it at most once,
    /// and what one server emits in the order in which it did; waits until the broker has it.
    pub async fn emit(&self, event: impl Into<Name>, args: impl Serialize) -> Result<(), ServersError> {
        self.tell(event.into(), Payload::from_args(&args)?, None).await
    }

    /// The same, and awaits each one's answer for at most `timeout`: of each the first value. Those whose handler fails, or
    /// that have none, count as missing.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        event: impl Into<Name>,
        args: impl Serialize,
        timeout: Duration,
    ) -> Result<Acks<T>, ServersError> {
        // Answers are taken by a background task, also where nobody has connected yet.
        self.app.0.start();
        let deadline = tokio::time::Instant::now() + timeout;
        let (sender, mut heard) = mpsc::unbounded_channel();
        let asked = &self.app.0.asked;
        let id = asked.next.fetch_add(1, Ordering::Relaxed);
        asked.waiting.lock().insert(id, sender);
        let _under_way = UnderWay { asked, id };
        let all = self.count();
        self.tell(event.into(), Payload::from_args(&args)?, Some(id)).await?;
        let mut answers = Vec::new();
        for _ in 0..all {
            let Ok(Some(answer)) = timeout_at(deadline, heard.recv()).await else { break };
            answers.extend(answer.as_ref().and_then(first_value));
        }
        Ok(Acks { missing: all - answers.len(), answers, unable: 0 })
    }

    async fn tell(&self, event: Name, payload: Payload, ask: Option<u64>) -> Result<(), ServersError> {
        admission::admit_event_name(&event)?;
        Ok(self.app.0.hub.tell(&self.namespace, None, Told::Event { event, payload, ask }).await?)
    }
}

/// Waits no longer when it is dropped.
struct UnderWay<'a> {
    asked: &'a Asked,
    id: u64,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.asked.waiting.lock().remove(&self.id);
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servers").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// Why other servers could not be told something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ServersError {
    /// The arguments cannot be written, or break a rule of the admission check.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The event may not be called that.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The broker could not take it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}
