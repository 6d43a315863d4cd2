//! What clients ask of the hub in their turn: subscriptions, publications, queues ([`Task`]).
//!
//! Most are done at once; what the broker or a handler has to answer first becomes a job like an event's. One that fails
//! where its client counts on it ends the conversation, behind the answer that says so.

use std::sync::Arc;
use std::task::{Context, Poll};

use everywire_core::hub::{ConsumeOptions, PublishError, QueueError, QueueMessage, Settles};
use everywire_core::{
    Class, Failure, Item, Namespace, Outcome, Payload, Promise, Reason, RoomKey, Sending, Target, Token, Verb,
};
use everywire_protocols::protocol::{AnswerTo, BUSY, Ends, Published, Task};

use super::conversation::Conversation;
use super::guarded::guarded;
use super::handling::{may, span};
use super::inbound::{Job, Waiting};
use crate::app::AppState;
use crate::app::connection::Connection;
use crate::app::error::{EventError, Result, code};
use crate::app::handler::Running;

/// What a task has come to.
enum Step {
    Done(Result<Payload>),
    /// It goes on.
    Going(Running),
}

impl Conversation {
    /// A task of the client's: it is done now, or when its turn comes.
    pub(super) fn task(&mut self, cx: &mut Context<'_>, slot: u32, task: Box<Task>, token: Token) {
        // One that has left meanwhile has nothing to be done.
        let Some(i) = self.seats.find(slot) else { return };
        let seat = &self.seats[i];
        if seat.inbound.is_free(seat.handlers.parallel) {
            self.begin_task(i, cx, *task, token);
        } else {
            self.wait(i, Waiting::task(task, token));
        }
    }

    /// Its turn has come.
    pub(super) fn begin_task(&mut self, i: usize, cx: &mut Context<'_>, task: Task, token: Token) {
        let seat = &self.seats[i];
        let Some(connection) = seat.heard().cloned() else { return };
        let (name, ends) = (Box::<str>::from(task.name()), task.ends());
        let span = span(&connection, &name);
        let entered = span.enter();
        let step = match task {
            Task::Call { event, args, answer } => {
                self.call_and_pass_on(i, &connection, &event, &args, answer)
            }
            task => begin(&self.app, &connection, task),
        };
        drop(entered);
        let outcome = match step {
            Step::Done(outcome) => outcome,
            Step::Going(mut future) => match guarded(|| future.as_mut().poll(cx)).0 {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => {
                    let job = Job { name, token: Some(token), future, span, asks: false, ends };
                    self.seats[i].inbound.start(job);
                    return;
                }
            },
        };
        self.finish(i, &name, Some(token), outcome, ends);
    }

    /// Answers an event or a task. If the conversation ends with it, nothing of the client's that came behind is done.
    pub(super) fn finish(
        &mut self,
        i: usize,
        name: &str,
        token: Option<Token>,
        outcome: Result<Payload>,
        ends: Ends,
    ) {
        let error = match outcome {
            Err(error) if ends.with(error.code()) => error,
            outcome => return self.reply(i, name, token, outcome),
        };
        tracing::warn!(peer = %self.peer, name, %error, "a client is sent away");
        let reason = match error.code() {
            code::FORBIDDEN | code::HANDLER => Reason::Refused,
            code::INTERNAL => Reason::Internal,
            _ => Reason::ProtocolError,
        };
        let failure = error.into_failure(name, &self.peer, self.app.options.detailed_errors);
        if let (Some(token), Some(connection)) = (token, &self.seats[i].connection) {
            connection.core().reply(token, Failure { ends: true, ..failure }.into());
            connection.core().end_session(reason);
        }
        for seat in self.seats.iter_mut() {
            seat.inbound.forget_waiting();
        }
    }

    /// Calls a handler, and sends its answer on.
    fn call_and_pass_on(
        &self,
        i: usize,
        connection: &Connection,
        event: &str,
        args: &Payload,
        answer: AnswerTo,
    ) -> Step {
        let (extras, fold_case) = (self.protocol.extras(), self.protocol.folds_case());
        let running = match self.seats[i].handlers.call(connection, event, &args.view(), extras, fold_case) {
            Some(Ok(running)) => running,
            Some(Err(error)) => return Step::Done(Err(error)),
            None => return Step::Done(Err(EventError::unknown_event(event))),
        };
        if answer == AnswerTo::Nobody {
            return Step::Going(running);
        }
        let (app, connection, event) = (self.app.clone(), connection.clone(), event.to_owned());
        Step::Going(Box::pin(async move {
            let payload = running.await?;
            // What a handler has nothing to say about is not news, but an answer for who asked for one.
            let is_asked = !matches!(answer, AnswerTo::Room { asked: false, .. });
            if !payload.is_empty() || is_asked {
                pass_on(answer, &app, &connection, event, payload.clone()).await?;
            }
            Ok(payload)
        }))
    }
}

/// Sends a handler's answer on, if the client still may have it sent there.
async fn pass_on(
    answer: AnswerTo,
    app: &AppState,
    connection: &Connection,
    event: String,
    payload: Payload,
) -> Result<()> {
    let message = |original| Published { event: event.into(), payload, original };
    match answer {
        AnswerTo::Nobody => Ok(()),
        AnswerTo::Room { room, asked, original } => {
            if asked {
                may(app, connection, &room, Verb::Publish)?;
            }
            let published = publish(connection, RoomKey::Named(room), message(original));
            published.await.map_err(unpublished)?;
            Ok(())
        }
        AnswerTo::Queue { queue, original } => send(app, connection, &queue, message(original)),
    }
}

fn begin(app: &AppState, connection: &Connection, task: Task) -> Step {
    match try_begin(app, connection, task) {
        Ok(step) => step,
        Err(error) => Step::Done(Err(error)),
    }
}

fn try_begin(app: &AppState, connection: &Connection, task: Task) -> Result<Step> {
    let core = connection.core();
    let namespace = core.namespace();
    match task {
        Task::Subscribe { room, since, mark } => {
            may(app, connection, &room, Verb::Subscribe)?;
            let since = since.as_deref().map(str::parse).transpose();
            let since = since.map_err(|error| EventError::new(code::ARGUMENTS, format!("since: {error}")))?;
            let mark = Item::Reply { token: mark, outcome: Outcome::Done(Payload::empty()) };
            let joined = namespace.join_marked(core, room, since, mark);
            return Ok(when_kept(joined, |joined| {
                let joined = joined.map_err(|error| EventError::refuse(error.to_string()))?;
                Ok(Payload::from_args(&(joined.offset, joined.recovered))?)
            }));
        }
        Task::Unsubscribe { room } => _ = namespace.leave(core, &RoomKey::Named(room)),
        Task::Publish { to, message } => {
            let to = match to {
                RoomKey::Named(room) => {
                    may(app, connection, &room, Verb::Publish)?;
                    RoomKey::Named(room)
                }
                RoomKey::User(user) if user.is_empty() => match &connection.identity().user {
                    Some(user) => RoomKey::User(user.clone()),
                    None => RoomKey::Connection(connection.id()),
                },
                other => other,
            };
            let published = publish(connection, to, message);
            return Ok(when_kept(published, |published| {
                Ok(Payload::from_args(&(published.map_err(unpublished)?,))?)
            }));
        }
        Task::Send { queue, message } => send(app, connection, &queue, message)?,
        Task::Consume { queue, consumer, settles, prefetch } => {
            may(app, connection, &queue, Verb::Consume)?;
            let settles = if settles { Settles::ByClient } else { Settles::WhenSent };
            let options = ConsumeOptions { settles, prefetch };
            namespace.consume(core, &queue, consumer, options).map_err(|error| not_queued(&error))?;
        }
        Task::Stop { consumer } => _ = namespace.stop_consuming(core, consumer),
        Task::Settle { consumer, delivery, up_to, verdict } => {
            namespace.settle(core, consumer, delivery, up_to, verdict).map_err(|error| not_queued(&error))?;
        }
        Task::Rights { asked } => {
            for (name, verb) in asked {
                may(app, connection, &name, verb)?;
            }
        }
        Task::Call { .. } | Task::Nothing => {}
    }
    Ok(Step::Done(Ok(Payload::empty())))
}

fn publish(
    connection: &Connection,
    to: RoomKey,
    Published { event, payload, original }: Published,
) -> Promise<Result<crate::Offset, PublishError>> {
    let core = connection.core();
    let sending = Sending { original, ..Sending::from(Class::Event) };
    core.namespace().publish(Some(core), Target::room(to), event, payload, sending)
}

fn send(app: &AppState, connection: &Connection, queue: &str, message: Published) -> Result<()> {
    may(app, connection, queue, Verb::Send)?;
    let core = connection.core();
    let namespace: &Arc<Namespace> = core.namespace();
    let Published { event, payload, original } = message;
    let (from, user) = (Some(connection.id()), connection.identity().user.clone());
    let message = QueueMessage { event, payload, from, user, time: 0, original };
    namespace.enqueue(queue, message).map_err(|error| not_queued(&error))
}

/// A step that is done when the promise is kept, which it may be already.
fn when_kept<T: Send + 'static>(
    promise: Promise<T>,
    finish: impl FnOnce(T) -> Result<Payload> + Send + 'static,
) -> Step {
    match promise.now() {
        Ok(value) => Step::Done(finish(value)),
        Err(promise) => Step::Going(Box::pin(async move { finish(promise.await) })),
    }
}

fn unpublished(error: PublishError) -> EventError {
    match error {
        PublishError::Refused(refused) => EventError::new(code::ARGUMENTS, refused.to_string()),
        PublishError::Broker(error) => EventError::new(BUSY, error.to_string()),
    }
}

fn not_queued(error: &QueueError) -> EventError {
    let code = match error {
        QueueError::Full { .. } | QueueError::TooManyQueues { .. } => BUSY,
        _ => code::ARGUMENTS,
    };
    EventError::new(code, error.to_string())
}
