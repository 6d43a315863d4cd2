//! SUBSCRIBE and UNSUBSCRIBE.

use std::borrow::Cow;
use std::sync::Arc;

use everywire_core::{PayloadRef, Reason, admission};

use super::act::turn;
use super::destination::Destination;
use super::frame::Frame;
use super::options::StompOptions;
use super::server::Stomp;
use super::subscriptions::{Ack, Ending, Source};
use super::token::{Awaited, What};
use super::version::Version;
use super::wrong::{Wrong, missing, no_destination, required, wrong};
use crate::protocol::{Output, Outputs, Task};

/// The longest id of a subscription, in bytes: what RabbitMQ makes of it is a short string of AMQP 0-9-1, section 4.2.5.3.
const MAX_ID: usize = 255;

/// Subscriptions that have been given up and whose turn has not come.
const MOST_ENDING: usize = 1024;

impl Stomp {
    /// SUBSCRIBE.
    pub(super) fn subscribe(&mut self, frame: &Frame<'_>, out: &mut Outputs<'_>) -> Result<(), Wrong> {
        let destination = required(frame, "destination")?;
        let to = Destination::parse_subscribed(destination)
            .map_err(|error| no_destination(destination, &error))?;
        admit(&to)?;
        let id = match frame.header("id") {
            Some(id) if id.len() > MAX_ID => {
                let detail = format!("the id has {} bytes, and may have {MAX_ID}", id.len());
                return Err(wrong("Bad id", detail));
            }
            None if self.parser.version() > Version::V1_0 => return Err(missing(frame, "id")),
            id => id,
        };
        if let Some(id) = id.filter(|id| self.subscriptions.has(id)) {
            return Err(wrong(
                "Duplicate subscription",
                format!("there is a subscription {id:?} already; choose another id"),
            ));
        }
        let source = match &to {
            Destination::Room(room) => Source::Room((*room).into()),
            Destination::Queue(_) => Source::Queue,
            Destination::User { event, .. } => Source::User((*event).into()),
            Destination::App(_) | Destination::Reply(_) => Source::App,
        };
        self.check_count(&source)?;
        let Some(ack) = Ack::parse(frame.header("ack")) else {
            let given = frame.header("ack").unwrap_or_default();
            let detail = format!("ack {given:?}; it is auto, client or client-individual");
            return Err(wrong("Bad ack", detail));
        };
        let receipt = frame.header("receipt");
        let add = || self.subscriptions.add(id, destination, source, ack);
        let awaited = |what| Awaited { what, receipt }.token();
        match to {
            Destination::Room(room) => {
                let room: Arc<str> = room.into();
                let number = add();
                let mark = Awaited { what: What::Mark(number), receipt: None }.token();
                let since = frame.header("since").map(Box::from);
                let task = Box::new(Task::Subscribe { room, since, mark });
                out.push(Output::Task { slot: 0, task, token: awaited(What::Joined(number)) });
            }
            Destination::Queue(queue) => {
                let prefetch = self.prefetch(frame)?;
                let consumer = add();
                let settles = ack != Ack::Auto;
                let task = Box::new(Task::Consume { queue: queue.into(), consumer, settles, prefetch });
                out.push(Output::Task { slot: 0, task, token: awaited(What::Task) });
            }
            Destination::User { name: None, .. } => {
                // Behind CONNECTED, and the end of one that had the id before.
                turn(What::Mark(add()), None, out);
                turn(What::Task, receipt, out);
            }
            Destination::User { name: Some(_), .. } => {
                return Err(wrong(
                    "Unknown destination",
                    "one hears what is its own; subscribe to /user/queue/… without a name",
                ));
            }
            Destination::App(event) => {
                let number = add();
                let name = Cow::Owned(event.to_owned());
                let token = Some(awaited(What::Once(number)));
                out.push(Output::Event { slot: 0, name, args: PayloadRef::empty(), token });
            }
            Destination::Reply(_) => {
                return Err(wrong(
                    "Unknown destination",
                    "what comes to /temp-queue/… needs no subscription",
                ));
            }
        }
        Ok(())
    }

    fn check_count(&self, source: &Source) -> Result<(), Wrong> {
        let StompOptions { subscriptions, same_destination, .. } = *self.options;
        let (count, ending) = self.subscriptions.count();
        let detail = if count >= subscriptions {
            format!("a connection may have {subscriptions} subscriptions, and this one has")
        } else if ending >= MOST_ENDING {
            format!("the end of {ending} others has not had its turn; wait for a receipt now and then")
        } else if self.subscriptions.same(source) >= same_destination {
            format!("{same_destination} subscriptions of a connection may have the same destination")
        } else {
            return Ok(());
        };
        let (message, reason) = ("Too many subscriptions", Reason::Refused);
        Err(Wrong { message, detail: detail.into(), reason })
    }

    fn prefetch(&self, frame: &Frame<'_>) -> Result<usize, Wrong> {
        let Some(given) = frame.header("prefetch-count") else { return Ok(self.options.prefetch) };
        match given.parse::<usize>() {
            // As in RabbitMQ, 0 is for as many as there may be.
            Ok(0) => Ok(self.options.most_prefetch),
            Ok(count) => Ok(count.min(self.options.most_prefetch)),
            Err(_) => {
                Err(wrong("Bad prefetch-count", format!("prefetch-count {given:?}; it has to be a number")))
            }
        }
    }

    /// UNSUBSCRIBE.
    pub(super) fn unsubscribe(&mut self, frame: &Frame<'_>, out: &mut Outputs<'_>) -> Result<(), Wrong> {
        let (id, destination) = (frame.header("id"), frame.header("destination"));
        if id.is_none() && (destination.is_none() || self.parser.version() > Version::V1_0) {
            return Err(missing(frame, "id"));
        }
        let receipt = frame.header("receipt");
        let Some((number, ending)) = self.subscriptions.end(id, destination) else {
            if self.options.lenient_unsubscribe {
                turn(What::Task, receipt, out);
                return Ok(());
            }
            let named = id.or(destination).unwrap_or_default();
            return Err(wrong("No subscription found", format!("there is no subscription {named:?}")));
        };
        let task = Box::new(match ending {
            Ending::Leave(room) => Task::Unsubscribe { room },
            Ending::Stop => Task::Stop { consumer: number },
            Ending::Quiet => Task::Nothing,
        });
        let token = Awaited { what: What::Stopped(number), receipt }.token();
        out.push(Output::Task { slot: 0, task, token });
        Ok(())
    }
}

/// Refuses a name that the hub would.
pub(super) fn admit(to: &Destination<'_>) -> Result<(), Wrong> {
    let admitted = match to {
        Destination::App(event) | Destination::User { event, .. } => admission::admit_event_name(event),
        Destination::Room(room) => admission::admit_room(room),
        Destination::Queue(queue) => admission::admit_queue(queue),
        Destination::Reply(_) => Ok(()),
    };
    admitted.map_err(|refused| wrong("Bad destination", refused.to_string()))
}
