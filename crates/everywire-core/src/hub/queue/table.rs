//! All queues of a namespace and all consumers: who is given what next.
//!
//! A queue has a *line* of the consumers that may have credit. Who turns out to have none leaves the line, and is put at its end
//! again by what gives credit: a delivery that is settled, or one that leaves its mailbox. So consumers that can take
//! nothing cost nothing, however many there are.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::consumer::{Consumer, Credit, Holder, Kept, Key, Out};
use super::{ConsumeOptions, QueueBound, QueueError, QueueMessage, QueueOptions, QueueState, Verdict};
use crate::hub::connection::Connection;
use crate::mailbox::FIXED_COST;

/// The queues of a namespace.
pub(in crate::hub) struct Queues {
    options: QueueOptions,
    queues: HashMap<Arc<str>, Queue>,
    consumers: HashMap<Key, Consumer>,
    /// By where they are in memory: a connection that came back has its earlier one's id. A consumer keeps its connection
    /// there.
    holders: HashMap<usize, Holder>,
    last_key: Key,
    /// What all messages cost.
    bytes: usize,
    /// From which queues messages were dropped that were returned too often, and how many: for the log.
    worn_out: Vec<(Arc<str>, usize)>,
}

#[derive(Default)]
struct Queue {
    /// What waits, by its place.
    waiting: BTreeMap<u64, Kept>,
    last_seq: u64,
    /// Consumers that may have credit, the next one first.
    line: VecDeque<Key>,
    /// How many consumers take messages.
    consumers: usize,
    /// How many messages are out.
    unsettled: usize,
    /// What all its messages cost, those that are out included.
    bytes: usize,
}

fn place_of(connection: &Connection) -> usize {
    std::ptr::from_ref(connection).addr()
}

impl Queues {
    pub(in crate::hub) fn new(options: QueueOptions) -> Self {
        Self {
            options,
            queues: HashMap::new(),
            consumers: HashMap::new(),
            holders: HashMap::new(),
            last_key: 0,
            bytes: 0,
            worn_out: Vec::new(),
        }
    }

    pub(super) fn enqueue(&mut self, name: &str, message: QueueMessage) -> Result<(), QueueError> {
        let cost = message.size() + FIXED_COST;
        self.look_for_room(name, cost)?;
        let name = self.open(name)?;
        self.bytes += cost;
        if let Some(queue) = self.queues.get_mut(&name) {
            queue.bytes += cost;
            queue.last_seq += 1;
            let kept = Kept { message: Arc::new(message), cost, returned: 0, returned_by: None };
            queue.waiting.insert(queue.last_seq, kept);
        }
        self.dispatch(&name);
        Ok(())
    }

    pub(super) fn consume(
        &mut self,
        connection: &Arc<Connection>,
        name: &str,
        number: u32,
        options: ConsumeOptions,
    ) -> Result<(), QueueError> {
        // Its end takes this lock after it closes it, and finds what is begun before.
        if connection.is_closed() {
            return Err(QueueError::Closed);
        }
        if self.find(connection, number).is_some() {
            return Err(QueueError::Taken);
        }
        let name = self.open(name)?;
        if let Some(queue) = self.queues.get_mut(&name) {
            queue.consumers += 1;
        }
        self.last_key += 1;
        let key = self.last_key;
        self.holders.entry(place_of(connection)).or_default().consumers.insert(number, key);
        self.consumers.insert(key, Consumer::new(connection.clone(), name, number, options));
        self.go_on(key);
        Ok(())
    }

    pub(super) fn stop(&mut self, connection: &Connection, number: u32) -> bool {
        let Some(key) = self.find(connection, number) else { return false };
        let stopped = self.close(key);
        self.go_on(key);
        stopped
    }

    pub(super) fn settle(
        &mut self,
        connection: &Connection,
        number: u32,
        delivery: u64,
        up_to: bool,
        verdict: Verdict,
    ) -> Result<(), QueueError> {
        let key = self.find(connection, number).ok_or(QueueError::Unknown)?;
        let consumer = self.consumers.get_mut(&key).ok_or(QueueError::Unknown)?;
        let name = consumer.queue.clone();
        for out in consumer.take(delivery, up_to).ok_or(QueueError::Unknown)? {
            self.finish(&name, key, out, verdict);
        }
        self.go_on(key);
        Ok(())
    }

    pub(super) fn left(&mut self, connection: &Connection, number: u32, delivery: u64) {
        let place = place_of(connection);
        let Some(holder) = self.holders.get_mut(&place) else { return };
        let Some(&key) = holder.consumers.get(&number) else { return };
        let Some(consumer) = self.consumers.get_mut(&key) else { return };
        let settled = consumer.left(holder, delivery);
        let name = consumer.queue.clone();
        // Those first that had to wait for it.
        let mut next = std::mem::take(&mut holder.starved);
        if !next.contains(&key) {
            next.push_back(key);
        }
        for out in settled {
            self.finish(&name, key, out, Verdict::Done);
        }
        for key in next {
            self.go_on(key);
        }
        // Whoever was first now is not the next time, or nobody else would be.
        if let Some(holder) = self.holders.get_mut(&place)
            && !holder.starved.is_empty()
        {
            holder.starved.rotate_left(1);
        }
    }

    pub(super) fn end(&mut self, connection: &Connection) {
        let Some(holder) = self.holders.remove(&place_of(connection)) else { return };
        let mut names = Vec::new();
        for key in holder.consumers.into_values() {
            self.close(key);
            let Some(consumer) = self.consumers.remove(&key) else { continue };
            let name = consumer.queue;
            for out in consumer.unsettled.into_values() {
                if out.left {
                    self.finish(&name, key, out, Verdict::Return);
                } else if let Some(queue) = self.queues.get_mut(&name) {
                    // The client never had it.
                    queue.unsettled -= 1;
                    queue.waiting.insert(out.seq, out.kept);
                }
            }
            if !names.contains(&name) {
                names.push(name);
            }
        }
        // All is back in order before any of it is given to others.
        for name in names {
            self.dispatch(&name);
            self.forget_unused(&name);
        }
    }

    pub(super) fn states(&self) -> Vec<QueueState> {
        let state = |(name, queue): (&Arc<str>, &Queue)| QueueState {
            name: name.clone(),
            messages: queue.waiting.len(),
            bytes: queue.bytes,
            unsettled: queue.unsettled,
            consumers: queue.consumers,
        };
        self.queues.iter().map(state).collect()
    }

    pub(super) fn take_worn_out(&mut self) -> Vec<(Arc<str>, usize)> {
        std::mem::take(&mut self.worn_out)
    }

    fn find(&self, connection: &Connection, number: u32) -> Option<Key> {
        self.holders.get(&place_of(connection))?.consumers.get(&number).copied()
    }

    fn look_for_room(&self, name: &str, cost: usize) -> Result<(), QueueError> {
        let full = |bound, limit| Err(QueueError::Full { queue: name.into(), bound, limit });
        let QueueOptions { messages, bytes, total_bytes, .. } = self.options;
        let (held, held_bytes) = self.queues.get(name).map_or((0, 0), |queue| (queue.held(), queue.bytes));
        if held >= messages {
            return full(QueueBound::Messages, messages);
        }
        if cost > bytes.saturating_sub(held_bytes) {
            return full(QueueBound::Bytes, bytes);
        }
        if cost > total_bytes.saturating_sub(self.bytes) {
            return full(QueueBound::TotalBytes, total_bytes);
        }
        Ok(())
    }

    /// The queue of this name, made if it is new.
    fn open(&mut self, name: &str) -> Result<Arc<str>, QueueError> {
        if let Some((name, _)) = self.queues.get_key_value(name) {
            return Ok(name.clone());
        }
        let limit = self.options.queues;
        if self.queues.len() >= limit {
            return Err(QueueError::TooManyQueues { limit });
        }
        let name: Arc<str> = name.into();
        self.queues.insert(name.clone(), Queue::default());
        Ok(name)
    }

    /// Gives out what waits, as long as somebody can take it.
    fn dispatch(&mut self, name: &str) {
        let Self { queues, consumers, holders, .. } = self;
        let Some(queue) = queues.get_mut(name) else { return };
        while let Some((seq, kept)) = queue.waiting.pop_first() {
            let next = queue.next_in_line(&kept, consumers, holders);
            let Some((key, consumer, holder)) = next else {
                queue.waiting.insert(seq, kept);
                return;
            };
            match consumer.deliver(holder, seq, kept) {
                Ok(()) => {
                    queue.unsettled += 1;
                    queue.line.push_back(key);
                }
                // Its session has ended, and its connection is about to.
                Err(kept) => {
                    queue.waiting.insert(seq, kept);
                    queue.consumers -= 1;
                    consumer.open = false;
                    consumer.in_line = false;
                }
            }
        }
    }

    /// Something has changed for this consumer: it may have credit, or be over; and others may have what it returned.
    fn go_on(&mut self, key: Key) {
        let Some(consumer) = self.consumers.get_mut(&key) else { return };
        let name = consumer.queue.clone();
        if consumer.open
            && !consumer.in_line
            && let Some(queue) = self.queues.get_mut(&name)
        {
            consumer.in_line = true;
            queue.line.push_back(key);
        }
        self.dispatch(&name);
        self.remove_if_over(key);
        self.forget_unused(&name);
    }

    /// What becomes of a message that was out.
    fn finish(&mut self, name: &str, by: Key, out: Out, verdict: Verdict) {
        let Some((name, _)) = self.queues.get_key_value(name) else { return };
        let name = name.clone();
        let Some(queue) = self.queues.get_mut(&name) else { return };
        queue.unsettled -= 1;
        let mut kept = out.kept;
        if verdict == Verdict::Return {
            kept.returned = kept.returned.saturating_add(1);
            kept.returned_by = Some(by);
            if self.options.deliveries.is_none_or(|most| kept.returned < most) {
                queue.waiting.insert(out.seq, kept);
                return;
            }
            match self.worn_out.last_mut() {
                Some((last, messages)) if *last == name => *messages += 1,
                _ => self.worn_out.push((name, 1)),
            }
        }
        queue.bytes -= kept.cost;
        self.bytes -= kept.cost;
    }

    /// The consumer takes no more. False if it did not before.
    fn close(&mut self, key: Key) -> bool {
        let Some(consumer) = self.consumers.get_mut(&key).filter(|consumer| consumer.open) else {
            return false;
        };
        consumer.open = false;
        consumer.in_line = false;
        if let Some(queue) = self.queues.get_mut(&consumer.queue) {
            queue.consumers -= 1;
            queue.line.retain(|waiting| *waiting != key);
        }
        if let Some(holder) = self.holders.get_mut(&place_of(&consumer.connection)) {
            holder.starved.retain(|starved| *starved != key);
        }
        true
    }

    fn remove_if_over(&mut self, key: Key) {
        let Some(consumer) = self.consumers.get(&key).filter(|consumer| consumer.is_over()) else { return };
        let place = place_of(&consumer.connection);
        if let Some(holder) = self.holders.get_mut(&place) {
            holder.consumers.remove(&consumer.number);
            if holder.consumers.is_empty() {
                self.holders.remove(&place);
            }
        }
        self.consumers.remove(&key);
    }

    fn forget_unused(&mut self, name: &str) {
        if self.queues.get(name).is_some_and(|queue| queue.held() == 0 && queue.consumers == 0) {
            self.queues.remove(name);
        }
    }
}

impl Queue {
    /// How many messages it holds.
    fn held(&self) -> usize {
        self.waiting.len() + self.unsettled
    }

    /// Takes the consumer out of the line that is to have this message: the first with credit, but who returned it only if
    /// no other has any.
    fn next_in_line<'a>(
        &mut self,
        kept: &Kept,
        consumers: &'a mut HashMap<Key, Consumer>,
        holders: &'a mut HashMap<usize, Holder>,
    ) -> Option<(Key, &'a mut Consumer, &'a mut Holder)> {
        let mut returner = None;
        let mut chosen = None;
        while let Some(key) = self.line.pop_front() {
            let Some(consumer) = consumers.get_mut(&key) else { continue };
            let Some(holder) = holders.get_mut(&place_of(&consumer.connection)) else { continue };
            match consumer.credit(holder, kept.cost) {
                Credit::Yes if returner.is_none() && kept.returned_by == Some(key) => {
                    returner = Some(key);
                    continue;
                }
                Credit::Yes => {
                    chosen = Some(key);
                    break;
                }
                Credit::Starved if !holder.starved.contains(&key) => holder.starved.push_back(key),
                Credit::Starved | Credit::No => {}
            }
            consumer.in_line = false;
        }
        if let (Some(returner), Some(_)) = (returner, chosen) {
            self.line.push_front(returner);
        }
        let key = chosen.or(returner)?;
        let consumer = consumers.get_mut(&key)?;
        let holder = holders.get_mut(&place_of(&consumer.connection))?;
        Some((key, consumer, holder))
    }
}
