//! The room of the peers in Rust: the way chat examples write it, with a bounded queue for each connection.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

/// Messages that may wait for one connection; a connection with more is dropped.
const QUEUE: usize = 1024;

/// Everybody who is connected, and the way to each.
#[derive(Debug)]
pub struct Room<T> {
    members: Mutex<Members<T>>,
}

#[derive(Debug)]
struct Members<T> {
    next: u64,
    queues: HashMap<u64, mpsc::Sender<T>>,
}

impl<T> Default for Room<T> {
    fn default() -> Self {
        Self { members: Mutex::new(Members { next: 0, queues: HashMap::new() }) }
    }
}

impl<T: Clone> Room<T> {
    /// A new member's id, and the queue that its writer drains. The queue ends when the member left or was too slow.
    pub fn join(&self) -> (u64, mpsc::Receiver<T>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let id = members.next;
        members.next += 1;
        members.queues.insert(id, sender);
        (id, receiver)
    }

    /// Puts a message into everybody's queue; under one lock, so all see one order.
    pub fn publish(&self, message: &T) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.queues.retain(|_, queue| queue.try_send(message.clone()).is_ok());
    }

    /// Puts a message into one member's queue.
    pub fn send(&self, id: u64, message: T) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        if members.queues.get(&id).is_some_and(|queue| queue.try_send(message).is_err()) {
            members.queues.remove(&id);
        }
    }

    /// Forgets a member.
    pub fn leave(&self, id: u64) {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).queues.remove(&id);
    }
}
