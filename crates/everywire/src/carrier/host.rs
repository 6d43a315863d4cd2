//! The life of a session over several requests: a future that owns the conversation while no single socket does.
//!
//! It takes what came through the door, lets handlers go on, hands what waits for the client to the session, and
//! answers the lanes as that says. When the session moves to a WebSocket for good, the conversation moves to that
//! WebSocket's task, and this one ends.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use everywire_core::Link as _;
use everywire_core::mailbox::Drain;
use everywire_protocols::seam::{Message, Time};
use everywire_protocols::session::{Input, Lane, LaneKind};
use smallvec::SmallVec;

use super::ways::{Held, Posted, Way};
use crate::driver::conversation::{Conversation, Effect, Effects};
use crate::driver::lanes::{Answer, Command, Door, LaneEvent, Reply};
use crate::driver::wheel::Wheel;
use crate::driver::worker::Worker;

/// The future of one session.
pub(crate) struct Host {
    pub(super) door: Arc<Door>,
    /// None once it has moved.
    conversation: Option<Box<Conversation>>,
    wheel: Arc<Wheel>,
    pub(super) lanes: SmallVec<[(Lane, Way); 2]>,
    scheduled: Option<Time>,
    held: Held,
    /// A WebSocket that may send no more for now: as many of its events wait as may.
    unread: Option<Lane>,
    /// Whether the session knows that it is to end.
    told_end: bool,
    /// Whether it has ended, and nobody can find it.
    is_over: bool,
}

impl Host {
    pub(crate) fn new(door: Arc<Door>, conversation: Box<Conversation>, wheel: Arc<Wheel>) -> Self {
        let conversation = Some(conversation);
        let lanes = SmallVec::new();
        Self {
            door,
            conversation,
            wheel,
            lanes,
            scheduled: None,
            held: Held::default(),
            unread: None,
            told_end: false,
            is_over: false,
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_over {
            return self.wind_down(cx, self.wheel.now());
        }
        loop {
            let now = self.wheel.now();
            self.door.link.mailbox().cork();
            self.stream(cx, now);
            for event in self.door.take() {
                self.hear(cx, now, event);
            }
            let mut effects = Effects::new();
            self.conversation().work(cx, now, &mut effects);
            self.apply(effects);
            self.read_on();
            while !self.conversation().is_flooded()
                && let Some(posted) = self.held.next()
            {
                self.bring(cx, now, &posted);
            }
            let horizon = now.after(self.wheel.tick());
            self.conversation().expire(horizon);
            // What waits goes before what a deadline would say instead: a poll that is let go takes nothing along.
            self.drain(cx, now);
            // While a body is held, or a WebSocket is not read, we cannot hear whether the client lives: a pong comes behind.
            let listens = self.held.is_empty() && self.unread.is_none();
            if self.door.take_heard() {
                self.conversation().hear_part(true);
            }
            let mut effects = Effects::new();
            // Nothing is due early here: what a client says just before its time is out has been answered, and counts.
            self.conversation().tick(cx, now, listens, &mut effects);
            self.apply(effects);
            self.drain(cx, now);
            self.stream(cx, now);
            if self.conversation().own_lane().is_some() {
                if self.door.close() {
                    self.move_out();
                    return Poll::Ready(());
                }
                // What came in the last moment is answered first.
                continue;
            }
            if let Some(reason) = self.conversation().ended() {
                self.conversation().leave(reason);
                self.held.clear();
                if self.door.close() {
                    self.let_go();
                    self.is_over = true;
                    return self.wind_down(cx, now);
                }
                continue;
            }
            if self.conversation().can_stream_on() {
                cx.waker().wake_by_ref();
            }
            if let Poll::Pending = self.sleep(cx, now)
                && self.door.is_empty()
            {
                return Poll::Pending;
            }
        }
    }

    /// Handlers go on with what was begun; then the conversation is dropped, and says farewell.
    fn wind_down(&mut self, cx: &mut Context<'_>, now: Time) -> Poll<()> {
        self.conversation().work(cx, now, &mut Effects::new());
        if self.conversation().is_idle() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Ready if there is something to do first.
    fn sleep(&mut self, cx: &mut Context<'_>, now: Time) -> Poll<()> {
        let write_timeout = self.conversation().options().write_timeout;
        let stuck = |(_, way): &(Lane, Way)| match way {
            Way::Stream(stream) => stream.stuck_since.map(|since| since.after(write_timeout)),
            Way::Request(_) | Way::Socket(_) => None,
        };
        let stuck = self.lanes.iter().filter_map(stuck).min();
        if let Some(deadline) = self.conversation().deadline().into_iter().chain(stuck).min()
            && self.scheduled.is_none_or(|scheduled| scheduled <= now || scheduled > deadline)
        {
            let link = self.door.link.clone();
            self.scheduled = Some(self.wheel.enter(&(link as _), deadline));
        }
        if self.door.link.mailbox().park(cx.waker()) { Poll::Pending } else { Poll::Ready(()) }
    }

    pub(super) fn conversation(&mut self) -> &mut Conversation {
        self.conversation.as_mut().expect("the future has ended once the conversation has moved")
    }

    fn hear(&mut self, cx: &mut Context<'_>, now: Time, event: LaneEvent) {
        let mut effects = Effects::new();
        match event {
            // It came too late. Dropped, its answer says so.
            LaneEvent::Opened { .. } if self.conversation().ended().is_some() => {}
            LaneEvent::Opened { lane, kind, head, answer, identity } => {
                if let Some(identity) = identity {
                    // Whoever listens shows for how long it may go on.
                    self.conversation().shown_again(&identity, kind != LaneKind::Post);
                }
                let accepted = match answer {
                    Answer::Request(reply) => {
                        self.lanes.push((lane, Way::Request(reply)));
                        None
                    }
                    Answer::Socket(accepted, commands) => {
                        self.lanes.push((lane, Way::Socket(commands)));
                        Some(accepted)
                    }
                };
                self.conversation().tell(
                    cx,
                    now,
                    Input::LaneOpened { lane, kind, head: &head },
                    &mut effects,
                );
                if let Some(accepted) = accepted {
                    // The one who asks may be gone by now, and then its lane is closed next.
                    let _ = accepted.send(self.refusal(lane, &mut effects));
                }
                self.apply(effects);
            }
            LaneEvent::Message { lane, bytes, text } => {
                self.conversation().hear_part(false);
                let posted = Posted { lane, bytes, text };
                if self.is_to_wait(&posted) {
                    let most = self.conversation().options().inbound_bytes;
                    if !self.held.keep(posted, most) {
                        self.conversation().overload();
                    }
                    return;
                }
                self.bring(cx, now, &posted);
                if self.is_socket(lane) && self.conversation().own_lane() != Some(lane) {
                    self.unread = Some(lane);
                    self.read_on();
                }
            }
            LaneEvent::Blocked { lane } => {
                self.conversation().tell(cx, now, Input::LaneBlocked { lane }, &mut effects);
                self.apply(effects);
            }
            LaneEvent::Writable { lane } => {
                self.conversation().tell(cx, now, Input::LaneWritable { lane }, &mut effects);
                self.apply(effects);
            }
            LaneEvent::Closed { lane, how } => {
                self.lanes.retain(|(open, _)| *open != lane);
                self.held.forget(lane);
                self.unread.take_if(|unread| *unread == lane);
                self.conversation().tell(cx, now, Input::LaneClosed { lane, how }, &mut effects);
                self.apply(effects);
            }
        }
    }

    /// Lets a WebSocket send its next message, if that may come.
    fn read_on(&mut self) {
        if let Some(lane) =
            self.unread.take_if(|_| self.conversation.as_ref().is_some_and(|c| c.wants_more()))
        {
            self.command(lane, Command::Next);
        }
    }

    /// Whether this is a body to hold. (A WebSocket is not read instead; when one takes over, a body that has had no answer is
    /// refused.)
    fn is_to_wait(&mut self, posted: &Posted) -> bool {
        (!self.held.is_empty() || self.conversation().is_flooded())
            && !self.is_socket(posted.lane)
            && self.conversation().may_wait(&posted.bytes)
    }

    fn is_socket(&self, lane: Lane) -> bool {
        self.lanes.iter().any(|(open, way)| *open == lane && matches!(way, Way::Socket(_)))
    }

    fn bring(&mut self, cx: &mut Context<'_>, now: Time, posted: &Posted) {
        let message = match std::str::from_utf8(&posted.bytes) {
            Ok(valid) if posted.text => Message::Text(valid),
            _ => Message::Binary(&posted.bytes),
        };
        let mut effects = Effects::new();
        self.conversation().bring(cx, now, posted.lane, message, &mut effects);
        self.apply(effects);
    }

    /// The session's refusal of a WebSocket, if that is what it wants.
    fn refusal(&mut self, lane: Lane, effects: &mut Effects) -> Option<Reply> {
        let i = effects.iter().position(|e| matches!(e, Effect::Respond { lane: of, .. } if *of == lane))?;
        let Effect::Respond { status, headers, body, compress, .. } = effects.remove(i) else { return None };
        self.lanes.retain(|(open, _)| *open != lane);
        let body = body.unwrap_or_default();
        Some(Reply { status, headers: *headers, body, compress, stream: None })
    }

    /// Hands what waits for the client to the session, unless that wants nothing now.
    fn drain(&mut self, cx: &mut Context<'_>, now: Time) {
        let link = self.door.link.clone();
        let mailbox = link.mailbox();
        let most = self.conversation().options().mailbox.bytes as usize;
        Worker::with(|worker| {
            loop {
                if self.told_end || self.conversation().own_lane().is_some() {
                    return;
                }
                if self.conversation().is_holding() && mailbox.ended().is_none() {
                    // As when a socket is full: what comes waits, within the mailbox's bound.
                    mailbox.block(Bytes::new());
                    return;
                }
                if self.door.lent() > most && mailbox.ended().is_none() {
                    // Nor does a client get more that does not take what it has.
                    mailbox.block(Bytes::new());
                    return;
                }
                let drained = mailbox.drain(&mut worker.entries);
                let mut effects = Effects::new();
                match drained {
                    Drain::Unsent(_) => {}
                    Drain::Entries => {
                        self.conversation().send_indirect(cx, now, &mut worker.entries, &mut effects);
                        self.apply(effects);
                    }
                    Drain::Clear => {
                        self.conversation().send_indirect(cx, now, &mut worker.entries, &mut effects);
                        self.apply(effects);
                        if !self.conversation().is_holding() {
                            return;
                        }
                    }
                    Drain::Ended(reason) => {
                        self.told_end = true;
                        self.conversation().say_goodbye(cx, now, reason, &mut effects);
                        self.apply(effects);
                    }
                }
            }
        });
    }

    /// The conversation moves to the task of the WebSocket that carries it from now on.
    fn move_out(&mut self) {
        let Some(conversation) = self.conversation.take() else { return };
        conversation.is_alone();
        let lane = conversation.own_lane();
        let way = self.lanes.iter().find(|(open, _)| Some(*open) == lane);
        if let Some((_, Way::Socket(commands))) = way {
            // If that WebSocket is gone already, the conversation ends with it: it is dropped.
            let _ = commands.send(Command::TakeOver(conversation));
        }
    }
}

impl Drop for Host {
    /// However it ends, nobody waits for it any more.
    fn drop(&mut self) {
        self.door.shut();
    }
}

impl Future for Host {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.turn(cx)
    }
}
