//! Calls with streams: answered by one, or bringing some along.
//!
//! They run beside the events that are handled in order, but begin in their turn. An answer's next item is taken when little
//! of ours waits for the client, so a stream costs no more than that however fast it could be, and however slowly it
//! is read. What the client sends on a stream of its own waits for its handler, under a bound for all of them.

use std::sync::Arc;
use std::task::Context;

use everywire_core::payload::PayloadError;
use everywire_core::{Item, Outcome, Payload, PayloadRef, Token};
use everywire_protocols::seam::Time;

use super::calls::{Job, Step};
use super::conversation::Conversation;
use super::handling::span;
use super::inbound::Waiting;
use crate::app::error::{EventError, Result};
use crate::app::streams::{Intake, Intakes, UploadError, Uploads, Work};

/// What of ours may wait for the client before its streams wait too, in bytes; less where its mailbox is small.
const AHEAD: usize = 32 * 1024;

/// What a call has beside an event.
#[derive(Debug)]
pub(crate) struct Call {
    /// Whether a stream is to answer it.
    pub(crate) streams: bool,
    /// The streams that come with it.
    pub(crate) intakes: Vec<Arc<Intake>>,
    /// The same, for the handler.
    pub(crate) uploads: Uploads,
}

/// The streams of one conversation.
pub(super) struct Streams {
    jobs: Vec<Job>,
    intakes: Vec<(Token, Arc<Intake>)>,
    all: Arc<Intakes>,
    /// Whether some would have more, and wait for room.
    stalled: bool,
    /// Since when nothing of what the client sent has been taken, while as much waits as may: how much had been by then.
    stuck: Option<(usize, Time)>,
}

impl Streams {
    fn is_open(&self, token: &Token) -> bool {
        self.intakes.iter().any(|(open, _)| open == token)
            || self.jobs.iter().any(|job| job.token.as_ref() == Some(token))
    }

    /// A call has ended, and its streams with it. (Others may be known by the same names by now.)
    fn end(&mut self, ended: &[Arc<Intake>]) {
        ended.iter().for_each(|intake| intake.end());
        self.intakes.retain(|(_, intake)| !ended.iter().any(|ended| Arc::ptr_eq(ended, intake)));
    }
}

impl Conversation {
    /// A call of the client's: it begins now, or when its turn comes.
    pub(super) fn call(
        &mut self,
        cx: &mut Context<'_>,
        slot: u32,
        (name, args, token): (&str, PayloadRef<'_>, Option<Token>),
        streams: bool,
        tokens: &[Token],
    ) {
        let Some(i) = self.seats.find(slot) else { return };
        if let Some(refused) = self.refuse(streams, tokens, token.as_ref()) {
            return self.reply(i, name, token, Err(refused));
        }
        let (intakes, uploads) = self.expect(tokens);
        let call = Call { streams, intakes, uploads };
        if self.seats[i].inbound.is_free(usize::MAX) {
            self.begin_call(i, cx, (name, args, token), call);
        } else {
            let call = Some(Box::new(call));
            let waiting = Waiting { name: name.into(), args: args.into_owned(), token, call, task: None };
            self.wait(i, waiting);
        }
    }

    /// Why a call is not taken, if it is not.
    fn refuse(&self, streams: bool, uploads: &[Token], token: Option<&Token>) -> Option<EventError> {
        let open = self.streams.as_deref();
        let most = self.app.options.streams;
        let waiting: usize = self.seats.iter().map(|seat| seat.inbound.waiting_streams()).sum();
        let count = waiting + open.map_or(0, |open| open.all.live() + open.jobs.len());
        if count + uploads.len() + usize::from(streams) > most {
            let why = format!("as many streams are open as may be, {most}; let some end first");
            return Some(EventError::refuse(why));
        }
        let mut ids = uploads.iter().enumerate();
        let twice = ids.find(|(i, id)| uploads[..*i].contains(id)).map(|(_, id)| id);
        let twice = twice.or_else(|| {
            uploads.iter().chain(token).find(|token| open.is_some_and(|open| open.is_open(token)))
        });
        let id = match twice? {
            Token::Number(number) => number.to_string(),
            Token::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Token::Member { group, place } => format!("{group}.{place}"),
        };
        Some(EventError::new(crate::code::CALL, format!("Invocation ID '{id}' is already in use.")))
    }

    fn streams(&mut self) -> &mut Streams {
        self.streams.get_or_insert_with(|| {
            let all = Intakes::new(self.app.options.inbound_bytes, self.link.clone());
            Box::new(Streams { jobs: Vec::new(), intakes: Vec::new(), all, stalled: false, stuck: None })
        })
    }

    /// Keeps what comes on these streams, for their handler.
    fn expect(&mut self, tokens: &[Token]) -> (Vec<Arc<Intake>>, Uploads) {
        let streams = self.streams();
        let (intakes, uploads): (Vec<_>, _) = tokens.iter().map(|_| Intake::new(streams.all.clone())).unzip();
        streams.intakes.extend(tokens.iter().cloned().zip(intakes.iter().cloned()));
        (intakes, Uploads::new(uploads))
    }

    /// Begins a call.
    pub(super) fn begin_call(
        &mut self,
        i: usize,
        cx: &mut Context<'_>,
        (name, args, token): (&str, PayloadRef<'_>, Option<Token>),
        call: Call,
    ) {
        let (extras, fold_case) = (self.protocol.extras(), self.protocol.folds_case());
        let seat = &self.seats[i];
        let Some(connection) = seat.heard() else { return };
        let Call { streams, intakes, uploads } = call;
        if self.left && streams {
            // Nobody is left to hear it.
            return self.streams().end(&intakes);
        }
        // Others may have begun while it waited.
        if let Some(refused) = self.refuse(streams, &[], token.as_ref()) {
            self.streams().end(&intakes);
            return self.reply(i, name, token, Err(refused));
        }
        let span = span(connection, name);
        let extras = (extras, fold_case);
        let begun = span.in_scope(|| seat.handlers.begin(connection, name, &args, extras, streams, uploads));
        match begun {
            Ok(work) => {
                let slot = seat.slot;
                let job = Job { slot, name: name.into(), token, intakes, work, span, held: None };
                self.streams().jobs.push(job);
                self.stream(cx);
            }
            Err(error) => {
                self.streams().end(&intakes);
                self.reply(i, name, token, Err(error));
            }
        }
    }

    /// Lets calls go on, each by an item at a time, as far as there is room.
    pub(super) fn stream(&mut self, cx: &mut Context<'_>) {
        let Some(mut streams) = self.streams.take() else { return };
        streams.stalled = false;
        let mut goes_on = true;
        while std::mem::take(&mut goes_on) {
            let mut j = 0;
            while j < streams.jobs.len() {
                let job = &mut streams.jobs[j];
                if !self.may_go_on(job) {
                    streams.stalled = true;
                    j += 1;
                    continue;
                }
                match job.poll(cx) {
                    Step::Begun => {}
                    Step::Later => j += 1,
                    Step::Item(payload) if self.is_long(&payload) => {
                        job.held = Some(payload);
                        streams.stalled = true;
                        j += 1;
                    }
                    Step::Item(payload) => {
                        if self.send_item(job, payload) {
                            goes_on = true;
                            j += 1;
                        } else {
                            // It is to end: nobody hears the rest.
                            let job = streams.jobs.remove(j);
                            streams.end(&job.intakes);
                        }
                    }
                    Step::Done(outcome) => {
                        let job = streams.jobs.remove(j);
                        streams.end(&job.intakes);
                        self.finish_call(job, outcome);
                    }
                }
            }
        }
        // Streams that have ended may still wait for their handlers, and count until those have them.
        if !streams.jobs.is_empty() || !streams.intakes.is_empty() || streams.all.live() > 0 {
            self.streams = Some(streams);
        }
    }

    /// False if the client cannot hear it any more.
    fn send_item(&self, job: &Job, payload: Payload) -> bool {
        let connection = self.seats.find(job.slot).and_then(|i| self.seats[i].connection.as_ref());
        let (Some(token), Some(connection)) = (job.token.clone(), connection) else { return false };
        connection.core().send(Item::StreamItem { token, payload })
    }

    fn finish_call(&mut self, job: Job, outcome: Result<Outcome>) {
        let Some(i) = self.seats.find(job.slot) else { return };
        let is_stream = matches!(job.work, Work::Going(_));
        self.answer(i, &job.name, job.token, outcome, is_stream);
    }

    /// Whether little enough of ours waits for the client, and nothing for the broker.
    fn has_room(&self, slot: u32) -> bool {
        let mailbox = self.link.mailbox();
        let connection = self.seats.find(slot).and_then(|i| self.seats[i].connection.as_ref());
        (mailbox.waiting_bytes() as usize) < AHEAD.min(mailbox.bound() / 4)
            && connection.is_none_or(|connection| !connection.core().is_held_back())
    }

    /// Whether there is room for what a call gives next.
    fn may_go_on(&self, job: &Job) -> bool {
        match (&job.work, &job.held) {
            (_, Some(_)) => {
                let mailbox = self.link.mailbox();
                mailbox.waiting_bytes() == 0 && !mailbox.is_blocked()
            }
            (Work::Going(_), None) => self.has_room(job.slot),
            (Work::Beginning(_) | Work::Answering(_), None) => true,
        }
    }

    /// Whether an item is so long that it waits until nothing else does: alone, one may have more than the mailbox's bound.
    fn is_long(&self, item: &Payload) -> bool {
        let mailbox = self.link.mailbox();
        item.size() > mailbox.bound() / 4 && (mailbox.waiting_bytes() > 0 || mailbox.is_blocked())
    }

    /// Whether streams that waited for room have some.
    pub(crate) fn can_stream_on(&self) -> bool {
        let stalled = self.streams.as_ref().filter(|streams| streams.stalled);
        stalled.is_some_and(|streams| streams.jobs.iter().any(|job| self.may_go_on(job)))
    }

    /// An item of a stream of the client's.
    pub(super) fn upload(&mut self, token: &Token, item: Result<PayloadRef<'_>, PayloadError>) {
        let Some(intake) = self.intake(token) else {
            tracing::debug!(peer = %self.peer, ?token, "an item of a stream that is not open");
            return;
        };
        intake.push(item.map(PayloadRef::into_owned).map_err(|error| UploadError::Type(error.to_string())));
    }

    /// A stream of the client's has ended.
    pub(super) fn uploaded(&mut self, token: &Token, error: Option<String>) {
        let Some(intake) = self.intake(token) else {
            tracing::debug!(peer = %self.peer, ?token, "the end of a stream that is not open");
            return;
        };
        match error {
            Some(error) => intake.push(Err(UploadError::Failed(error))),
            None => intake.end(),
        }
        if let Some(streams) = &mut self.streams {
            streams.intakes.retain(|(open, _)| open != token);
        }
    }

    fn intake(&self, token: &Token) -> Option<&Arc<Intake>> {
        let intakes = &self.streams.as_ref()?.intakes;
        intakes.iter().find(|(open, _)| open == token).map(|(_, intake)| intake)
    }

    /// The client wants no more of an answer.
    pub(super) fn cancel(&mut self, token: &Token) {
        let of_stream = |job: &Job| {
            job.token.as_ref() == Some(token) && matches!(job.work, Work::Beginning(_) | Work::Going(_))
        };
        if let Some(streams) = &mut self.streams
            && let Some(j) = streams.jobs.iter().position(of_stream)
        {
            let job = streams.jobs.remove(j);
            streams.end(&job.intakes);
            return self.finish_call(job, Ok(Outcome::Ended));
        }
        for i in 0..self.seats.len() {
            // One that has not begun never does.
            if let Some((name, call)) = self.seats[i].inbound.cancel(token) {
                self.streams().end(&call.intakes);
                return self.answer(i, &name, Some(token.clone()), Ok(Outcome::Ended), false);
            }
        }
        tracing::debug!(peer = %self.peer, ?token, "the client cancels what is no stream");
    }

    /// Bytes of the client's streams that wait for their handlers.
    pub(super) fn uploaded_bytes(&self) -> usize {
        self.streams.as_ref().map_or(0, |streams| streams.all.bytes())
    }

    /// Whether as much of the client's streams waits as may, and nothing has been taken of it for some time. Its socket is
    /// not read then, so nobody notices by reading that it has gone.
    pub(crate) fn is_stuck(&mut self, now: Time) -> bool {
        let patience = self.app.options.close_timeout;
        self.stuck_since(now).is_some_and(|since| since.after(patience) <= now)
    }

    /// Since when nothing has been taken of the client's streams, while as much of them waits as may.
    fn stuck_since(&mut self, now: Time) -> Option<Time> {
        let streams = self.streams.as_mut()?;
        let taken = streams.all.taken();
        streams.stuck = match streams.stuck {
            _ if streams.all.bytes() < self.app.options.inbound_bytes => None,
            Some((before, since)) if before == taken => Some((before, since)),
            _ => Some((taken, now)),
        };
        streams.stuck.map(|(_, since)| since)
    }

    /// When handlers that take nothing will have had time enough.
    pub(super) fn stuck_until(&self) -> Option<Time> {
        let (_, since) = self.streams.as_ref()?.stuck?;
        Some(since.after(self.app.options.upload_timeout))
    }

    /// Throws away what handlers have not taken for too long: what the client says behind it, a cancel too, has to be read.
    pub(super) fn give_up_stuck(&mut self, now: Time) {
        if self.stuck_since(now).is_none() || self.stuck_until().is_none_or(|until| until > now) {
            return;
        }
        let Some(streams) = &mut self.streams else { return };
        streams.stuck = None;
        let stalled = streams.all.stall();
        tracing::warn!(peer = %self.peer, stalled, "handlers take nothing of a client's streams; they are broken off");
    }

    /// Whether no call is at work.
    pub(super) fn has_no_calls(&self) -> bool {
        self.streams.as_ref().is_none_or(|streams| streams.jobs.is_empty())
    }

    /// The client has gone: nobody hears its streams. Handlers that answer once go on to their end.
    pub(super) fn end_streams(&mut self) {
        let Some(streams) = &mut self.streams else { return };
        streams.jobs.retain(|job| matches!(job.work, Work::Answering(_)));
        for (_, intake) in streams.intakes.drain(..) {
            intake.push(Err(UploadError::Gone));
        }
        if streams.jobs.is_empty() {
            self.streams = None;
        }
    }
}
