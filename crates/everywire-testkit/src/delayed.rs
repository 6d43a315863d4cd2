//! A broker that answers later and out of step.
//!
//! It keeps the guarantees of [`everywire_core::broker`] and nothing more: commands are carried out in
//! the order in which they were submitted, but when, is the test's choice; so is the order in which answers
//! come, among each other and between the deliveries. A node hears what its answered subscriptions cover,
//! and not a broadcast more. Several nodes may share one: each is known by its door.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use everywire_core::broker::{
    Broker, BrokerError, BrokerEvent, Command, Door, MemoryBroker, NodeMessage, Ticket,
};
use everywire_core::{Broadcast, RoomKey};
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::random::Random;

/// Decides whether a command fails, and how.
pub type Refusal = Box<dyn FnMut(&Command) -> Option<BrokerError> + Send>;

/// The broker.
pub struct DelayedBroker {
    memory: MemoryBroker,
    prompt: bool,
    chance: Mutex<Random>,
    state: Mutex<State>,
}

/// Something that may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The oldest command that waits is carried out.
    CarryOut,
    /// This node hears its next broadcast.
    Deliver(usize),
    /// This node hears the next of what others tell it.
    Message(usize),
    /// This node gets the answer to this command.
    Answer(usize, Ticket),
}

#[derive(Default)]
struct State {
    nodes: Vec<Node>,
    commands: VecDeque<(usize, Ticket, Command)>,
    refusal: Option<Refusal>,
    releasing: bool,
}

struct Node {
    door: Arc<dyn Door>,
    /// The rooms that it hears, by namespace.
    rooms: HashMap<Arc<str>, Vec<RoomKey>>,
    deliveries: VecDeque<(Arc<str>, Arc<Broadcast>)>,
    /// What other nodes tell it.
    messages: VecDeque<(Arc<str>, NodeMessage)>,
    answers: Vec<Answer>,
}

struct Answer {
    ticket: Ticket,
    event: BrokerEvent,
    /// It comes behind the deliveries of this namespace up to this number.
    behind: Option<(Arc<str>, u64)>,
}

impl DelayedBroker {
    /// An empty broker of which nothing comes before it is released.
    pub fn new(epoch: u64, clock: &Clock) -> Self {
        Self {
            memory: MemoryBroker::new(epoch, clock.reader()),
            prompt: false,
            chance: Mutex::new(Random::new(epoch)),
            state: Mutex::default(),
        }
    }

    /// One that answers in the same call, as the memory broker does, but hears only what it was told to
    /// and can [refuse](Self::refuse).
    pub fn prompt(epoch: u64, clock: &Clock) -> Self {
        Self { prompt: true, ..Self::new(epoch, clock) }
    }

    /// Lets commands fail by this rule, from the next that is carried out.
    pub fn refuse(&self, rule: impl FnMut(&Command) -> Option<BrokerError> + Send + 'static) {
        self.state.lock().refusal = Some(Box::new(rule));
    }

    /// Lets every command succeed again.
    pub fn refuse_nothing(&self) {
        self.state.lock().refusal = None;
    }

    /// The rooms of a namespace that the node hears; nodes are numbered by their first command.
    pub fn heard_rooms(&self, node: usize, namespace: &str) -> Vec<RoomKey> {
        let state = self.state.lock();
        state.nodes.get(node).and_then(|node| node.rooms.get(namespace)).cloned().unwrap_or_default()
    }

    /// Everything that may happen next.
    pub fn steps(&self) -> Vec<Step> {
        let state = self.state.lock();
        let carry_out = (!state.commands.is_empty()).then_some(Step::CarryOut);
        let events = state.nodes.iter().enumerate().flat_map(|(i, node)| {
            let deliver = (!node.deliveries.is_empty()).then_some(Step::Deliver(i));
            let free = node.answers.iter().filter(|answer| node.may_answer(answer));
            let message = (!node.messages.is_empty()).then_some(Step::Message(i));
            deliver.into_iter().chain(message).chain(free.map(move |answer| Step::Answer(i, answer.ticket)))
        });
        carry_out.into_iter().chain(events).collect()
    }

    /// Lets this happen. False if it cannot, any more.
    pub fn take(&self, step: Step) -> bool {
        let mut state = self.state.lock();
        let (node, event) = match step {
            Step::CarryOut => return self.carry_out(&mut state),
            Step::Deliver(node) => (node, state.nodes[node].next_delivery()),
            Step::Message(node) => {
                let message = state.nodes[node].messages.pop_front();
                (node, message.map(|(namespace, message)| BrokerEvent::Message { namespace, message }))
            }
            Step::Answer(node, ticket) => (node, state.nodes[node].answer(ticket)),
        };
        let door = state.nodes[node].door.clone();
        drop(state);
        event.map(|event| door.event(event)).is_some()
    }

    /// Lets one thing happen by chance, of which the epoch is the seed. False if nothing is outstanding.
    pub fn release(&self) -> bool {
        let steps = self.steps();
        let step = (!steps.is_empty()).then(|| self.chance.lock().pick(&steps));
        step.is_some_and(|step| self.take(step))
    }

    /// Lets everything happen that is outstanding or follows from it, first things first.
    pub fn release_all(&self) {
        if std::mem::replace(&mut self.state.lock().releasing, true) {
            return;
        }
        while let Some(&first) = self.steps().first() {
            self.take(first);
        }
        self.state.lock().releasing = false;
    }

    fn carry_out(&self, state: &mut State) -> bool {
        let Some((from, ticket, command)) = state.commands.pop_front() else { return false };
        let refused = state.refusal.as_mut().and_then(|refuses| refuses(&command));
        if let Some(error) = refused {
            state.nodes[from].answers.push(Answer {
                ticket,
                event: BrokerEvent::Failed { ticket, error },
                behind: None,
            });
            return true;
        }
        let namespace = match &command {
            Command::Tell { namespace, message } => {
                for (_, node) in state.nodes.iter_mut().enumerate().filter(|(i, _)| *i != from) {
                    node.messages.push_back((namespace.clone(), message.clone()));
                }
                namespace.clone()
            }
            Command::Subscribe { namespace, room } => {
                state.nodes[from].rooms.entry(namespace.clone()).or_default().push(room.clone());
                namespace.clone()
            }
            Command::Unsubscribe { namespace, room } => {
                state.nodes[from].rooms.entry(namespace.clone()).or_default().retain(|heard| heard != room);
                namespace.clone()
            }
            Command::Publish { namespace, .. } | Command::History { namespace, .. } => namespace.clone(),
        };
        let collected = Arc::new(Collected::default());
        let door: Arc<dyn Door> = collected.clone();
        self.memory.submit(ticket, command, &door);
        for event in std::mem::take(&mut *collected.0.lock()) {
            let behind = match &event {
                BrokerEvent::Deliver { broadcast, .. } => {
                    state.deliver(&namespace, broadcast);
                    continue;
                }
                BrokerEvent::Published { offset: at, .. } | BrokerEvent::Subscribed { position: at, .. } => {
                    Some((namespace.clone(), at.seq))
                }
                BrokerEvent::Unsubscribed { .. }
                | BrokerEvent::History { .. }
                | BrokerEvent::Told { .. }
                | BrokerEvent::Message { .. }
                | BrokerEvent::Failed { .. } => None,
            };
            state.nodes[from].answers.push(Answer { ticket, event, behind });
        }
        true
    }
}

impl Broker for DelayedBroker {
    fn submit(&self, ticket: Ticket, command: Command, door: &Arc<dyn Door>) {
        {
            let mut state = self.state.lock();
            let known = state.nodes.iter().position(|node| Arc::ptr_eq(&node.door, door));
            let node = known.unwrap_or_else(|| {
                state.nodes.push(Node::new(door.clone()));
                state.nodes.len() - 1
            });
            state.commands.push_back((node, ticket, command));
        }
        if self.prompt {
            self.release_all();
        }
    }

    fn nodes(&self) -> usize {
        self.state.lock().nodes.len().max(1)
    }
}

impl State {
    fn deliver(&mut self, namespace: &Arc<str>, broadcast: &Arc<Broadcast>) {
        for node in &mut self.nodes {
            let heard = node.rooms.get(namespace);
            let hears = |room: &RoomKey| match room {
                // Nobody subscribes to these: every node hears them and knows its own connections.
                RoomKey::Connection(_) | RoomKey::Everyone => true,
                _ => heard.is_some_and(|heard| heard.contains(room)),
            };
            if broadcast.publication.target.rooms.iter().any(hears) {
                node.deliveries.push_back((namespace.clone(), broadcast.clone()));
            }
        }
    }
}

impl Node {
    fn new(door: Arc<dyn Door>) -> Self {
        Self {
            door,
            rooms: HashMap::new(),
            deliveries: VecDeque::new(),
            messages: VecDeque::new(),
            answers: Vec::new(),
        }
    }

    fn may_answer(&self, answer: &Answer) -> bool {
        answer.behind.as_ref().is_none_or(|(namespace, seq)| {
            !self.deliveries.iter().any(|(of, broadcast)| of == namespace && broadcast.seq() <= *seq)
        })
    }

    fn next_delivery(&mut self) -> Option<BrokerEvent> {
        let (namespace, broadcast) = self.deliveries.pop_front()?;
        Some(BrokerEvent::Deliver { namespace, broadcast })
    }

    fn answer(&mut self, ticket: Ticket) -> Option<BrokerEvent> {
        let place = self.answers.iter().position(|a| a.ticket == ticket && self.may_answer(a))?;
        Some(self.answers.remove(place).event)
    }
}

/// Takes what the memory broker answers in the same call.
#[derive(Default)]
struct Collected(Mutex<Vec<BrokerEvent>>);

impl Door for Collected {
    fn event(&self, event: BrokerEvent) {
        self.0.lock().push(event);
    }
}

impl fmt::Debug for DelayedBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayedBroker").field("steps", &self.steps()).finish_non_exhaustive()
    }
}
