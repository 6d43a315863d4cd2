//! What handlers of different connections know of each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

/// Gates, and ends of connections.
#[derive(Debug)]
pub(crate) struct World {
    gates: Mutex<HashMap<String, Arc<Notify>>>,
    /// By the connection's id, why it ended.
    ended: watch::Sender<HashMap<String, String>>,
}

impl Default for World {
    fn default() -> Self {
        Self { gates: Mutex::default(), ended: watch::Sender::new(HashMap::new()) }
    }
}

impl World {
    /// The gate of this name.
    pub(crate) fn gate(&self, name: &str) -> Arc<Notify> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.entry(name.to_owned()).or_default().clone()
    }

    pub(crate) fn end(&self, id: String, reason: String) {
        self.ended.send_modify(|ended| _ = ended.insert(id, reason));
    }

    /// Why a connection ended, once it has.
    pub(crate) async fn end_of(&self, id: &str) -> Option<String> {
        let mut ended = self.ended.subscribe();
        let found = ended.wait_for(|ended| ended.contains_key(id)).await.ok()?;
        found.get(id).cloned()
    }
}
