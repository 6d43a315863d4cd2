//! What a client's frames ask for, once it is connected.

use std::borrow::Cow;
use std::sync::Arc;

use everywire_core::hub::Verdict;
use everywire_core::{Name, Original, PayloadRef, Reason, RoomKey, Token};

use super::body;
use super::destination::Destination;
use super::frame::{Command, Frame, Headers};
use super::server::{Complaint, Stomp};
use super::subscribing::admit;
use super::subscriptions::Settled;
use super::token::{Awaited, What};
use super::transactions;
use super::version::Version;
use super::wrong::{Wrong, no_destination, required, wrong};
use crate::protocol::{AnswerTo, Output, Outputs, Published, Task};

/// What a frame comes to.
enum Act<'a> {
    /// An event for a handler, which may be called with what lies in the message.
    Event(Cow<'a, str>, PayloadRef<'a>),
    Task(Task),
}

impl Stomp {
    /// Does what a frame asks for.
    pub(super) fn act<'a>(&mut self, frame: Frame<'a>, out: &mut Outputs<'a>) {
        let receipt = frame.header("receipt").map(str::to_owned);
        if let Err(Wrong { message, detail, reason }) = self.try_act(frame, out) {
            let complaint = Complaint { message, detail, receipt: receipt.as_deref() };
            self.complain(reason, &complaint, out);
        }
    }

    fn try_act<'a>(&mut self, frame: Frame<'a>, out: &mut Outputs<'a>) -> Result<(), Wrong> {
        let version = self.parser.version();
        if !frame.command.may_have_body() && !frame.body.is_empty() && version > Version::V1_0 {
            let detail = format!("{} has a body, and only SEND may have one", frame.command.as_str());
            return Err(wrong("Body not allowed", detail));
        }
        match frame.command {
            Command::Send => self.send(frame, out),
            Command::Subscribe => self.subscribe(&frame, out),
            Command::Unsubscribe => self.unsubscribe(&frame, out),
            Command::Ack => self.settle(&frame, Verdict::Done, out),
            Command::Nack if version > Version::V1_0 => {
                // As RabbitMQ: what nobody is to have again is dropped.
                let again = frame.header("requeue") != Some("false");
                self.settle(&frame, if again { Verdict::Return } else { Verdict::Drop }, out)
            }
            Command::Begin | Command::Commit | Command::Abort => self.transact(&frame, out),
            Command::Connect | Command::Stomp => {
                Err(wrong("Already connected", "CONNECT came a second time; open another connection instead"))
            }
            Command::Connected | Command::Message | Command::Receipt | Command::Error => {
                let detail = format!("{} is a server's frame, and a client sent it", frame.command.as_str());
                Err(wrong("Unexpected command", detail))
            }
            _ => {
                let detail = format!("{:?} is no command of STOMP {version}", frame.command.as_str());
                Err(wrong("Unknown command", detail))
            }
        }
    }

    fn send<'a>(&mut self, mut frame: Frame<'a>, out: &mut Outputs<'a>) -> Result<(), Wrong> {
        let destination = required(&frame, "destination")?.to_owned();
        let to =
            Destination::parse_sent(&destination).map_err(|error| no_destination(&destination, &error))?;
        let body = std::mem::take(&mut frame.body);
        let content_type = frame.header("content-type").map(str::to_owned);
        let original = |body: &[u8], payload: &everywire_core::Payload| {
            body::original(&frame.headers, content_type.as_deref(), body, payload)
        };
        let receipt = frame.header("receipt");
        let transaction = frame.header("transaction");
        // A body that its type belies is told like a handler's error: the frame is whole, and so is the stream. But nobody
        // commits what is known to lack something.
        let kept = body.clone();
        let args = match body::read(content_type.as_deref(), body) {
            Ok(args) => args,
            Err(error) => {
                let detail = match &content_type {
                    Some(kind) => format!("the body is not what its content-type {kind:?} says: {error}"),
                    None => format!("the body cannot be taken: {error}"),
                };
                if transaction.is_some() {
                    return Err(wrong("Bad body", detail));
                }
                turn(What::Spoiled { destination: &destination, detail: &detail }, receipt, out);
                out.push(Output::Ignored(detail.into()));
                return Ok(());
            }
        };
        let is_call = matches!(to, Destination::App(_));
        if let Some(reply_to) =
            frame.header("reply-to").filter(|to| !is_call && to.starts_with("/temp-queue/"))
        {
            let detail = format!(
                "what other clients answer does not come to {reply_to:?}, only what the application does; name a queue or a room"
            );
            return Err(wrong("Bad reply-to", detail));
        }
        let (act, what) = match to {
            Destination::App(event) => self.call(&frame, event, args)?,
            Destination::Room(room) => {
                let message = published(&frame.headers, args, &kept, original)?;
                (Act::Task(Task::Publish { to: RoomKey::Named(room.into()), message }), What::Published)
            }
            Destination::Queue(queue) => {
                let message = published(&frame.headers, args, &kept, original)?;
                (Act::Task(Task::Send { queue: queue.into(), message }), What::Task)
            }
            Destination::User { name, event } => {
                let mut message = published(&frame.headers, args, &kept, original)?;
                message.event = event.to_owned().into();
                if name.is_some() && !self.options.sends_to_users {
                    return Err(Wrong {
                        message: "Not allowed",
                        detail: "clients may not send to other users here".into(),
                        reason: Reason::Refused,
                    });
                }
                // Whose own it is, the hub knows: a user that nobody is called stands for that.
                let user: Arc<str> = name.as_deref().unwrap_or_default().into();
                (Act::Task(Task::Publish { to: RoomKey::User(user), message }), What::Task)
            }
            Destination::Reply(_) => {
                return Err(wrong("Unknown destination", "/temp-queue/ is for the header reply-to alone"));
            }
        };
        let token = Awaited { what, receipt }.token();
        match (act, transaction) {
            (act, Some(id)) => self.hold(id, act.into_task(), token),
            (Act::Event(name, args), None) => {
                out.push(Output::Event { slot: 0, name, args, token: Some(token) });
                Ok(())
            }
            (Act::Task(task), None) => {
                if let Task::Call { .. } = task {
                    // What a handler does not do fails alone, but not who may not send its answer there.
                    ask_rights([&task], receipt, out);
                }
                out.push(Output::Task { slot: 0, task: Box::new(task), token });
                Ok(())
            }
        }
    }

    /// SEND to `/app/…`.
    fn call<'f, 'a>(
        &self,
        frame: &'f Frame<'_>,
        event: &str,
        args: PayloadRef<'a>,
    ) -> Result<(Act<'a>, What<'f>), Wrong> {
        let plain = What::Event { reply_to: None, correlation: None };
        let correlation = frame.header("correlation-id");
        let call = |answer, args: PayloadRef<'_>| {
            Act::Task(Task::Call { event: event.into(), args: args.into_owned(), answer })
        };
        let Some(reply_to) = frame.header("reply-to") else {
            if self.options.spring {
                let answer = AnswerTo::Room { room: event.into(), asked: false, original: None };
                return Ok((call(answer, args), plain));
            }
            return Ok((Act::Event(Cow::Owned(event.to_owned()), args), plain));
        };
        let to = Destination::parse_sent(reply_to).map_err(|error| no_destination(reply_to, &error))?;
        admit(&to)?;
        let original = correlation.map(|id| {
            let headers = vec![("correlation-id".into(), id.into())];
            Arc::new(Original { headers, content_type: None, body: None })
        });
        match to {
            Destination::Reply(_) | Destination::User { name: None, .. } => {
                let what = What::Event { reply_to: Some(reply_to), correlation };
                Ok((Act::Event(Cow::Owned(event.to_owned()), args), what))
            }
            Destination::Room(room) => {
                Ok((call(AnswerTo::Room { room: room.into(), asked: true, original }, args), plain))
            }
            Destination::Queue(queue) => {
                Ok((call(AnswerTo::Queue { queue: queue.into(), original }, args), plain))
            }
            Destination::App(_) | Destination::User { name: Some(_), .. } => Err(wrong(
                "Bad reply-to",
                format!(
                    "answers do not go to {reply_to:?}; choose /temp-queue/, /user/queue/, /topic/ or /queue/"
                ),
            )),
        }
    }

    /// ACK and NACK.
    fn settle(&mut self, frame: &Frame<'_>, verdict: Verdict, out: &mut Outputs<'_>) -> Result<(), Wrong> {
        let name = if self.parser.version() == Version::V1_2 { "id" } else { "message-id" };
        let id = required(frame, name)?;
        let Some(settled) = self.subscriptions.settled(id) else {
            return Err(wrong("Unknown message", format!("{name} {id:?} is of no message that was sent")));
        };
        let receipt = frame.header("receipt");
        let token = Awaited { what: What::Task, receipt }.token();
        let task = match settled {
            Settled::Delivery { consumer, delivery, up_to } => {
                Task::Settle { consumer, delivery, up_to, verdict }
            }
            // Rooms keep nothing for one that has heard it, and hear nothing of what it thinks.
            Settled::Sent => Task::Nothing,
        };
        match frame.header("transaction") {
            Some(id) => self.hold(id, task, token),
            None if task == Task::Nothing && receipt.is_none() => Ok(()),
            None => {
                out.push(Output::Task { slot: 0, task: Box::new(task), token });
                Ok(())
            }
        }
    }

    fn hold(&mut self, id: &str, task: Task, token: Token) -> Result<(), Wrong> {
        let transactions = self.transactions.get_or_insert_default();
        transactions.hold(id, task, token, &self.options).map_err(|fault| self.no_transaction(fault, id))
    }

    fn no_transaction(&self, fault: transactions::Fault, id: &str) -> Wrong {
        wrong(fault.message(), fault.detail(id, &self.options))
    }

    fn transact(&mut self, frame: &Frame<'_>, out: &mut Outputs<'_>) -> Result<(), Wrong> {
        let Some(id) = frame.header("transaction") else {
            let detail = format!("{} needs the header transaction", frame.command.as_str());
            return Err(wrong("Missing transaction", detail));
        };
        let transactions = self.transactions.get_or_insert_default();
        let done = match frame.command {
            Command::Begin => transactions.begin(id, &self.options),
            Command::Commit => transactions.end(id).map(|held| commit(held, frame.header("receipt"), out)),
            _ => transactions.end(id).map(drop),
        };
        done.map_err(|fault| self.no_transaction(fault, id))?;
        turn(What::Task, frame.header("receipt"), out);
        Ok(())
    }
}

impl Act<'_> {
    fn into_task(self) -> Task {
        match self {
            Self::Event(name, args) => {
                Task::Call { event: name.into(), args: args.into_owned(), answer: AnswerTo::Nobody }
            }
            Self::Task(task) => task,
        }
    }
}

/// Its turn is told, by a receipt if the client wants one.
pub(super) fn turn(what: What<'_>, receipt: Option<&str>, out: &mut Outputs<'_>) {
    if receipt.is_some() || what != What::Task {
        let token = Awaited { what, receipt }.token();
        out.push(Output::Task { slot: 0, task: Box::new(Task::Nothing), token });
    }
}

/// Does what was held, in order; or nothing of it, if the client may not do one of them.
fn commit(held: Vec<(Task, Token)>, receipt: Option<&str>, out: &mut Outputs<'_>) {
    // One alone says itself that it may not be done, unless it is a call.
    if held.len() > 1 || matches!(held[..], [(Task::Call { .. }, _)]) {
        ask_rights(held.iter().map(|(task, _)| task), receipt, out);
    }
    let tasks = held.into_iter();
    out.extend(tasks.map(|(task, token)| Output::Task { slot: 0, task: Box::new(task), token }));
}

/// Asks whether the client may do all of this: if not, that is an ERROR.
fn ask_rights<'t>(tasks: impl IntoIterator<Item = &'t Task>, receipt: Option<&str>, out: &mut Outputs<'_>) {
    let asked = tasks.into_iter().filter_map(Task::right);
    let mut asked: Vec<_> = asked.map(|(name, verb)| (name.clone(), verb)).collect();
    asked.dedup();
    if !asked.is_empty() {
        let token = Awaited { what: What::Held, receipt }.token();
        out.push(Output::Task { slot: 0, task: Box::new(Task::Rights { asked }), token });
    }
}

/// What is published, under the name that the header `event` gives it.
fn published(
    headers: &Headers<'_>,
    args: PayloadRef<'_>,
    body: &[u8],
    original: impl FnOnce(&[u8], &everywire_core::Payload) -> Option<Arc<Original>>,
) -> Result<Published, Wrong> {
    let event = match super::frame::header(headers, "event") {
        None => Name::MESSAGE,
        Some(event) => {
            everywire_core::admission::admit_event_name(event)
                .map_err(|refused| wrong("Bad event", refused.to_string()))?;
            Name::from(event.to_owned())
        }
    };
    let payload = args.into_owned();
    let original = original(body, &payload);
    Ok(Published { event, payload, original })
}
