//! Clients that lost their session and may come back to their connection. (Socket.IO: connection state recovery.)
//!
//! What a connection is goes into a table when it is lost, under the secret that its client got when it entered; what it
//! missed is in the log, or was kept with it. A secret is good for one return; the client gets no other, but the
//! connection is entered under it anew when it is lost again. Whoever comes back while the old session still lives ends that.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use everywire_core::hub::Recent;
use everywire_core::{self as core, ConnectionId, Reason, RoomKey};
use parking_lot::Mutex;

use crate::app::connection::Connection;
use crate::app::handshake::{Kept, Values};

/// How many lost connections are kept at a time: as many as may be connected by default. The oldest go first.
const LOST: usize = 10_000;

/// The table.
pub(crate) struct Recovery {
    /// For how long a lost connection is kept.
    window: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    live: HashMap<Arc<str>, Weak<core::Connection>>,
    lost: HashMap<Arc<str>, Lost>,
    /// In the order in which they were lost, with what is no longer there.
    order: VecDeque<(Instant, Arc<str>)>,
}

/// A connection that was lost.
pub(crate) struct Lost {
    pub(crate) id: ConnectionId,
    pub(crate) secret: Arc<str>,
    namespace: Arc<str>,
    /// Its rooms, each with whether it heard meta there.
    pub(crate) rooms: Vec<(RoomKey, bool)>,
    pub(crate) recent: Recent,
    pub(crate) data: Option<Box<Values>>,
    since: Instant,
}

impl Recovery {
    pub(crate) fn new(window: Duration) -> Self {
        Self { window, state: Mutex::default() }
    }

    /// A secret that nobody has had.
    pub(crate) fn secret() -> Arc<str> {
        URL_SAFE_NO_PAD.encode(crate::random::<15>()).into()
    }

    /// A connection that its client may come back to.
    pub(crate) fn begin(&self, secret: Arc<str>, connection: &Connection) {
        if let Some(kept) = connection.core().extension(Kept::default) {
            *kept.secret.lock() = Some(secret.clone());
        }
        self.state.lock().live.insert(secret, Arc::downgrade(connection.core()));
    }

    /// A connection is about to leave. Call it before it leaves its rooms.
    pub(crate) fn leave(&self, connection: &Connection, reason: Reason) {
        let Some(secret) = connection.core().known::<Kept>().and_then(|kept| kept.secret.lock().take())
        else {
            return;
        };
        let mut state = self.state.lock();
        state.live.remove(&secret);
        if !comes_back(reason) {
            return;
        }
        let Some(lost) = lost(connection.core(), secret.clone()) else { return };
        let now = lost.since;
        state.order.push_back((now, secret.clone()));
        state.lost.insert(secret, lost);
        while let Some((since, secret)) = state.order.front()
            && (state.lost.len() > LOST || now.duration_since(*since) > self.window)
        {
            let (since, secret) = (*since, secret.clone());
            state.order.pop_front();
            // It may have come back, and been lost again.
            if state.lost.get(&secret).is_some_and(|lost| lost.since == since) {
                state.lost.remove(&secret);
            }
        }
    }

    /// The connection of this secret, lost by now if it was not before.
    pub(crate) fn take(&self, secret: &str, namespace: &str) -> Option<Lost> {
        let mut state = self.state.lock();
        if let Some(lost) = state.lost.remove(secret) {
            let fits = &*lost.namespace == namespace && lost.since.elapsed() <= self.window;
            return fits.then_some(lost);
        }
        let (secret, old) = state.live.remove_entry(secret)?;
        drop(state);
        let old = old.upgrade().filter(|old| &**old.namespace().name() == namespace)?;
        if let Some(kept) = old.known::<Kept>() {
            *kept.secret.lock() = None;
        }
        let lost = lost(&old, secret);
        old.namespace().disconnect(&old);
        old.link().mailbox().end(Reason::Lost, false);
        lost
    }
}

/// Whether a client may come back that went so: not if it, or the server, wanted it gone.
fn comes_back(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::ClientLeft
            | Reason::ServerClosed
            | Reason::Refused
            | Reason::Unauthenticated
            | Reason::Internal
    )
}

fn lost(core: &Arc<core::Connection>, secret: Arc<str>) -> Option<Lost> {
    // What is queued for it is on its way no more, and would be heard twice.
    let recent = core.take_recent()?;
    let data = core.known::<Kept>().and_then(Kept::share_data);
    Some(Lost {
        id: core.id(),
        secret,
        namespace: core.namespace().name().clone(),
        rooms: core.memberships(),
        recent,
        data,
        since: Instant::now(),
    })
}
