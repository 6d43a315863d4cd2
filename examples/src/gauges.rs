//! What a server holds, in numbers that are to return to where they were when its clients have gone.

use everywire::{App, RoomKey};
use serde::Serialize;

/// The gauges of an application, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gauges {
    /// Sessions that are open.
    pub sessions: usize,
    /// Connections, in all namespaces.
    pub connections: usize,
    /// Rooms with a name that somebody is in.
    pub rooms: usize,
    /// Bytes that wait in mailboxes.
    pub waiting_bytes: u64,
    /// Queues that are known.
    pub queues: usize,
    /// Messages that wait in queues.
    pub messages: usize,
    /// Messages that are out with consumers.
    pub unsettled: usize,
    /// Consumers that take messages of queues.
    pub consumers: usize,
    /// Tasks of the runtime's: one for each TCP connection and for each session that lives over several requests, and some
    /// that are always there.
    pub tasks: usize,
}

impl Gauges {
    /// Reads them; inside the runtime that serves.
    pub fn of(app: &App) -> Self {
        let namespaces = app.hub().namespaces();
        let queues: Vec<_> = namespaces.iter().flat_map(|ns| ns.queues()).collect();
        let rooms = namespaces.iter().flat_map(|ns| ns.rooms());
        Self {
            sessions: app.session_count(),
            connections: namespaces.iter().map(|ns| ns.connection_count()).sum(),
            rooms: rooms.filter(|(key, members)| matches!(key, RoomKey::Named(_)) && *members > 0).count(),
            waiting_bytes: app.waiting_bytes(),
            queues: queues.len(),
            messages: queues.iter().map(|queue| queue.messages).sum(),
            unsettled: queues.iter().map(|queue| queue.unsettled).sum(),
            consumers: queues.iter().map(|queue| queue.consumers).sum(),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        }
    }
}
