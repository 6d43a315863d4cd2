//! Sessions that a client may open, because it has been told their secret, and has not opened yet.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use everywire_core::ConnectionId;
use everywire_protocols::seam::Time;
use everywire_protocols::session::{Session, SessionId};
use parking_lot::Mutex;

/// The reserved sessions of an application, by their secrets.
#[derive(Default)]
pub(crate) struct Reserved(Mutex<State>);

#[derive(Default)]
struct State {
    sessions: HashMap<SessionId, Reservation>,
    /// By when they end: mounts differ in how long they wait.
    order: BTreeSet<(Time, SessionId)>,
}

/// A session that waits for its first lane.
pub(crate) struct Reservation {
    pub(crate) session: Box<dyn Session>,
    /// The public id that the client was told.
    pub(crate) public: ConnectionId,
    /// Whether it may go on over several lanes.
    pub(crate) resumes: bool,
    pub(crate) until: Time,
}

impl Reserved {
    /// Reserves a session. False if there are `most` already.
    pub(crate) fn enter(&self, id: SessionId, reservation: Reservation, now: Time, most: usize) -> bool {
        let State { sessions, order } = &mut *self.0.lock();
        while order.first().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, ended)) = order.pop_first() {
                sessions.remove(&ended);
            }
        }
        if sessions.len() >= most {
            return false;
        }
        order.insert((reservation.until, id.clone()));
        sessions.insert(id, reservation);
        true
    }

    /// Whether this one may be opened.
    pub(crate) fn contains(&self, id: &str, now: Time) -> bool {
        self.0.lock().sessions.get(id).is_some_and(|reservation| reservation.until > now)
    }

    /// Whether it may go on over several lanes, if it may be opened.
    pub(crate) fn resumes(&self, id: &str, now: Time) -> Option<bool> {
        let state = self.0.lock();
        let reservation = state.sessions.get(id).filter(|reservation| reservation.until > now)?;
        Some(reservation.resumes)
    }

    /// Opens it: nobody can again.
    pub(crate) fn take(&self, id: &str, now: Time) -> Option<Reservation> {
        let State { sessions, order } = &mut *self.0.lock();
        let (id, reservation) = sessions.remove_entry(id)?;
        order.remove(&(reservation.until, id));
        Some(reservation).filter(|reservation| reservation.until > now)
    }
}

impl fmt::Debug for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserved").field("count", &self.0.lock().sessions.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use everywire_protocols::session::{WebSocket, WebSocketOptions};

    use super::*;

    fn reservation(until: u64) -> Reservation {
        let session = Box::new(WebSocket::new(WebSocketOptions::default()));
        let public = ConnectionId::from_random([7; 15]);
        Reservation { session, public, resumes: false, until: Time(until) }
    }

    #[test]
    fn one_is_opened_once_and_in_time() {
        let reserved = Reserved::default();
        assert!(reserved.enter("a".into(), reservation(10), Time(0), 2));
        assert!(reserved.enter("b".into(), reservation(11), Time(1), 2));
        assert!(!reserved.enter("c".into(), reservation(12), Time(2), 2), "there are two");
        assert!(reserved.contains("a", Time(9)) && reserved.take("a", Time(9)).is_some());
        assert!(!reserved.contains("a", Time(9)) && reserved.take("a", Time(9)).is_none());
        assert!(reserved.take("b", Time(11)).is_none(), "it is too late");
        assert!(reserved.enter("c".into(), reservation(22), Time(12), 1), "what ended makes room");
        assert!(reserved.enter("d".into(), reservation(40), Time(30), 1), "also what nobody asked for");
        assert_eq!(reserved.0.lock().order.len(), 1);
    }
}
