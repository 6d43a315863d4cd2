//! The server's machine against the wire sheet: what it makes of what, and what it says, byte for byte. `␀` stands for the
//! byte `00`.

use std::collections::VecDeque;
use std::sync::Arc;

use everywire_core::hub::Verdict;
use everywire_core::{
    Broadcast, Class, ConnectionId, Entry, Failure, Item, Name, Offset, Original, Outcome, Payload,
    PayloadRef, Publication, Reason, RoomKey, Target, Token,
};

use super::super::server::Stage;
use super::super::token::{Awaited, What};
use super::*;
use crate::protocol::{AnswerTo, Output, Outputs, Protocol, Published, Task};
use crate::seam::{Kind, Message, Time};
use crate::session::Facts;

mod bodies;
mod connecting;
mod destinations;
mod exchanges;
mod faults;
mod hearing;
mod injection;
mod parting;
mod properties;
mod pulse;
mod queues;
mod sending;
mod subscribing;
mod text_only;
mod transactions;

const NAMESPACE: &str = "/world";
const NOTHING: [&str; 0] = [];

/// A client, and what was said with it, in a form that tests can spell.
struct Peer {
    machine: Stomp,
    now: u64,
    /// What awaits an answer, in the order in which it came.
    asked: VecDeque<Token>,
    /// The marks of subscriptions to rooms, in the order of their frames.
    marks: VecDeque<Token>,
}

impl Peer {
    /// One that has said nothing yet.
    fn silent_with(options: StompOptions, facts: &Facts) -> Self {
        let now = 1_000_000;
        let mut machine = Stomp::new(Arc::new(options), NAMESPACE.into());
        let mut out = Outputs::new();
        machine.open(facts, Time(now), &mut out);
        assert!(out.is_empty(), "it waits for the client: {out:?}");
        Self { machine, now, asked: VecDeque::new(), marks: VecDeque::new() }
    }

    fn silent() -> Self {
        Self::silent_with(StompOptions::default(), &Facts::default())
    }

    /// One that has been let in.
    fn open_with(version: Version, options: StompOptions, facts: &Facts) -> Self {
        let mut peer = Self::silent_with(options, facts);
        let heard = peer.hear(&format!("CONNECT\naccept-version:{version}\n\n␀"));
        assert!(matches!(&heard[..], [connect] if connect.starts_with("connect ")), "{heard:?}");
        let said = peer.enter(None);
        assert!(said[0].starts_with("CONNECTED\n"), "{said:?}");
        peer
    }

    fn open_as(version: Version, options: StompOptions) -> Self {
        Self::open_with(version, options, &Facts::default())
    }

    fn open(version: Version) -> Self {
        Self::open_as(version, StompOptions::default())
    }

    /// A text, in which `␀` is the byte.
    fn hear(&mut self, text: &str) -> Vec<String> {
        let text = text.replace('␀', "\0");
        self.message(Message::Text(&text))
    }

    fn message(&mut self, message: Message<'_>) -> Vec<String> {
        let mut out = Outputs::new();
        self.machine.message(Time(self.now), message, &mut out);
        self.spell_all(&out)
    }

    /// What a SEND publishes.
    fn publishes(&mut self, frame: &[u8]) -> Published {
        let mut out = Outputs::new();
        self.machine.message(Time(self.now), Message::Binary(frame), &mut out);
        match out.pop() {
            Some(Output::Task { task, .. }) if out.is_empty() => match *task {
                Task::Publish { message, .. } | Task::Send { message, .. } => message,
                other => panic!("it asks for {other:?}"),
            },
            other => panic!("it wants {other:?}"),
        }
    }

    fn spell_all(&mut self, out: &Outputs<'_>) -> Vec<String> {
        for output in out {
            if let Output::Event { token: Some(token), .. } | Output::Task { token, .. } = output {
                self.asked.push_back(token.clone());
            }
            if let Output::Task { task, .. } = output
                && let Task::Subscribe { mark, .. } = &**task
            {
                self.marks.push_back(mark.clone());
            }
        }
        out.iter().map(spell).collect()
    }

    /// Lets so many milliseconds pass, and ticks at each deadline on the way; says at which.
    fn wait(&mut self, milliseconds: u64) -> Vec<(u64, Vec<String>)> {
        let (start, until) = (self.now, self.now + milliseconds);
        let mut all = Vec::new();
        while let Some(deadline) = self.machine.deadline().filter(|deadline| deadline.0 <= until) {
            let may_be_past = matches!(self.machine.stage, Stage::Parting { .. });
            assert!(deadline.0 >= self.now || may_be_past, "a deadline in the past");
            if deadline.0 > self.now {
                // Just before it, nothing is due.
                self.now = deadline.0 - 1;
                assert_eq!(self.tick(), NOTHING);
                self.now = deadline.0;
            }
            let ticked = self.tick();
            if !ticked.is_empty() {
                all.push((self.now - start, ticked));
            }
            assert!(self.machine.deadline().is_none_or(|next| next.0 > self.now), "it is due for ever");
        }
        self.now = until;
        all
    }

    fn tick(&mut self) -> Vec<String> {
        let mut out = Outputs::new();
        self.machine.tick(Time(self.now), &mut out);
        self.spell_all(&out)
    }

    fn say(&mut self, item: Item) -> Vec<String> {
        let mut said = Vec::new();
        let entry = Entry { slot: 0, item };
        self.machine.encode(&entry, &mut |kind, bytes: &[u8]| said.push(spell_message(kind, bytes)));
        said
    }

    /// It is let in, with this user.
    fn enter(&mut self, user: Option<&str>) -> Vec<String> {
        self.say(Item::Entered { id: public_id(), user: user.map(Arc::from), recovery: None })
    }

    /// Answers what was asked first.
    fn answer(&mut self, outcome: impl Into<Outcome>) -> Vec<String> {
        let token = self.asked.pop_front().expect("it awaits an answer");
        self.say(Item::Reply { token, outcome: outcome.into() })
    }

    /// Answers what was asked first, with nothing.
    fn done(&mut self) -> Vec<String> {
        self.answer(Outcome::Done(Payload::empty()))
    }

    fn goodbye(&mut self, reason: Reason) -> Vec<String> {
        let mut said = Vec::new();
        self.machine.goodbye(reason, &mut |kind, bytes: &[u8]| said.push(spell_message(kind, bytes)));
        said
    }

    /// Subscribes, and hears from here on.
    fn subscribe(&mut self, id: &str, destination: &str) {
        let heard = self.hear(&format!("SUBSCRIBE\nid:{id}\ndestination:{destination}\n\n␀"));
        if heard.iter().any(|heard| heard.starts_with("task subscribe ")) {
            self.mark();
        }
        // Who asks for no receipt hears nothing of it, but an answer of the application's.
        if !heard.is_empty() {
            let token = self.asked.pop_back().expect("it awaits an answer");
            let said = self.say(Item::Reply { token, outcome: Outcome::Done(Payload::text("yes")) });
            assert_eq!(said.len(), usize::from(destination.starts_with("/app/")));
        }
    }

    /// The first mark comes that has not come.
    fn mark(&mut self) {
        let token = self.marks.pop_front().expect("it has subscribed to a room");
        let outcome = Outcome::Done(Payload::empty());
        assert_eq!(self.say(Item::Reply { token, outcome }), NOTHING);
    }
}

/// As it comes to the members of room `a`.
fn arrives(Published { event, payload, original }: Published) -> Arc<Broadcast> {
    let publication = of_publication(7, vec!["a".into()], "message", payload).publication.clone();
    let publication = Publication { event, original, ..publication };
    Arc::new(Broadcast::new(Offset { epoch: 0x1f, seq: 7 }, publication))
}

/// A text that was published to rooms, at this place in the log.
fn broadcast(seq: u64, rooms: &[&str], text: &str) -> Arc<Broadcast> {
    let rooms = rooms.iter().map(|room| RoomKey::from(*room)).collect();
    of_publication(seq, rooms, "message", Payload::text(text.to_owned()))
}

fn of_publication(seq: u64, rooms: Vec<RoomKey>, event: &'static str, payload: Payload) -> Arc<Broadcast> {
    let publication = Publication {
        namespace: NAMESPACE.into(),
        event: Name::from(event),
        payload,
        target: Target { rooms: rooms.into(), ..Target::default() },
        from: None,
        user: None,
        time: 1_700_000_000_123,
        class: Class::Event,
        compress: true,
        original: None,
    };
    Arc::new(Broadcast::new(Offset { epoch: 0x1f, seq }, publication))
}

fn public_id() -> ConnectionId {
    ConnectionId::from_random([7; 15])
}

fn spell(output: &Output<'_>) -> String {
    match output {
        Output::Event { slot: 0, name, args, token: Some(token) } => {
            format!("event {name}{}{}", json_of(args), spell_token(token))
        }
        Output::Task { slot: 0, task, token } => format!("task {}{}", spell_task(task), spell_token(token)),
        Output::Connect { slot: 0, namespace, id: None, auth, resume: None } => {
            format!("connect {namespace} {}", json_of(auth))
        }
        Output::Beats { ours, theirs } => {
            format!("beats {} {theirs}", ours.map_or(0, |ours| ours.as_millis()))
        }
        Output::Send { bytes, kind, fault } => match fault {
            None => format!("send {}", spell_message(*kind, bytes)),
            Some(fault) => format!("send for {fault}: {}", spell_message(*kind, bytes)),
        },
        Output::Passing { bytes, kind: Kind::Text } if bytes == PULSE => "pulse".to_owned(),
        Output::Ignored(what) => format!("ignore {what}"),
        Output::Close { reason, fault } => format!("close ({reason}) {fault}"),
        other => panic!("STOMP never says {other:?}"),
    }
}

fn json_of(args: &PayloadRef<'_>) -> String {
    let mut json = Vec::new();
    args.write_json_args(&mut json);
    format!("({})", String::from_utf8(json).expect("JSON is text"))
}

fn spell_task(task: &Task) -> String {
    match task {
        Task::Subscribe { room, since, mark } => {
            let since = since.as_ref().map_or(String::new(), |since| format!(" since {since}"));
            format!("subscribe {room}{since} with{}", spell_token(mark))
        }
        Task::Unsubscribe { room } => format!("unsubscribe {room}"),
        Task::Publish { to: RoomKey::Named(room), message } => {
            format!("publish {room} {}", spell_published(message))
        }
        Task::Publish { to: RoomKey::User(user), message } => {
            format!("publish to user {user:?} {}", spell_published(message))
        }
        Task::Send { queue, message } => format!("send {queue} {}", spell_published(message)),
        Task::Consume { queue, consumer, settles, prefetch } => {
            let settles = if *settles { "settles" } else { "takes" };
            format!("consume {queue} as {consumer}, {settles} {prefetch}")
        }
        Task::Stop { consumer } => format!("stop {consumer}"),
        Task::Settle { consumer, delivery, up_to, verdict } => {
            let verdict = match verdict {
                Verdict::Done => "done",
                Verdict::Return => "return",
                Verdict::Drop => "drop",
            };
            format!("settle {consumer}.{delivery}{} {verdict}", if *up_to { " and before" } else { "" })
        }
        Task::Call { event, args, answer } => {
            let answer = match answer {
                AnswerTo::Nobody => String::new(),
                AnswerTo::Room { room, asked, original } => {
                    let original =
                        original.as_ref().map_or(String::new(), |original| spell_original(original));
                    format!(" for room {room}, asked: {asked}{original}")
                }
                AnswerTo::Queue { queue, original } => {
                    let original =
                        original.as_ref().map_or(String::new(), |original| spell_original(original));
                    format!(" for queue {queue}{original}")
                }
            };
            format!("call {event}{}{answer}", json_of(&args.view()))
        }
        Task::Rights { asked } => {
            let asked: Vec<_> =
                asked.iter().map(|(name, verb)| format!("{} {name}", verb.as_str())).collect();
            format!("rights to {}", asked.join(", "))
        }
        Task::Nothing => "nothing".to_owned(),
        other => panic!("STOMP never asks for {other:?}"),
    }
}

fn spell_published(message: &Published) -> String {
    let Published { event, payload, original } = message;
    let original = original.as_ref().map_or(String::new(), |original| spell_original(original));
    format!("{event}{}{original}", json_of(&payload.view()))
}

/// What it was beside what it means: `[headers|type|body]`, with `=` for what is not kept.
fn spell_original(original: &Original) -> String {
    let headers: Vec<_> = original.headers.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    let body = original.body.as_ref().map_or("=".to_owned(), |body| body.escape_ascii().to_string());
    format!(" [{}|{}|{body}]", headers.join(","), original.content_type.as_deref().unwrap_or("="))
}

/// What is told when it is done, beside nothing; with the receipt behind `#`.
fn spell_token(token: &Token) -> String {
    let Awaited { what, receipt } = Awaited::of(token).expect("its own token");
    let what = match what {
        What::Task | What::Published | What::Event { reply_to: None, correlation: None } => String::new(),
        What::Joined(number) => format!(" joined {number}"),
        What::Event { reply_to, correlation } => {
            let correlation = correlation.map_or(String::new(), |id| format!(" ({id})"));
            format!(" -> {}{correlation}", reply_to.unwrap_or("-"))
        }
        What::Once(number) => format!(" once {number}"),
        What::Mark(number) => format!(" mark {number}"),
        What::Stopped(number) => format!(" stopped {number}"),
        What::Held => " held".to_owned(),
        What::Spoiled { destination, detail } => format!(" spoiled {destination}: {detail}"),
        What::Goodbye => " goodbye".to_owned(),
    };
    format!("{what}{}", receipt.map_or(String::new(), |receipt| format!(" #{receipt}")))
}

/// A text as it is, bytes escaped.
fn spell_message(kind: Kind, bytes: &[u8]) -> String {
    match kind {
        Kind::Text => String::from_utf8(bytes.to_vec()).expect("a text is UTF-8").replace('\0', "␀"),
        Kind::Binary => format!("bytes {}", bytes.escape_ascii()),
    }
}

/// What it says and does when something is wrong: the frame and the end.
fn wrong(reason: Reason, message: &str, detail: &str, receipt: Option<&str>) -> [String; 2] {
    let receipt = receipt.map_or(String::new(), |receipt| format!("receipt-id:{receipt}\n"));
    let length = detail.len();
    [
        format!(
            "send ERROR\nmessage:{message}\ncontent-type:text/plain;charset=utf-8\n{receipt}content-length:{length}\n\n{detail}␀"
        ),
        format!("close ({reason}) {message}: {detail}"),
    ]
}
