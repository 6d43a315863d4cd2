//! Sessions that live over several requests: the table in which they are found, and the door through which
//! their lanes reach them.
//!
//! A request that belongs to a session tells its door what happens on its lane, and gets an answer by the channel that
//! it brought along. It never touches the session, whose task takes what came through the door when it is woken.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use everywire_core::Link as _;
use everywire_protocols::session::{Lane, LaneEnd, LaneKind, SessionId};
use http::{HeaderMap, Request, StatusCode};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::conversation::Conversation;
use super::link::SocketLink;
use crate::Identity;
use crate::carrier::pieces::Pieces;
use crate::carrier::upload::Fault;

/// A response that a session gave to one of its lanes.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body may be compressed.
    pub(crate) compress: bool,
    /// The rest of the body, if it goes on.
    pub(crate) stream: Option<Pieces>,
}

/// How a lane hears from its session.
pub(crate) enum Answer {
    /// A request that awaits its response.
    Request(oneshot::Sender<Reply>),
    /// A WebSocket whose handshake has not been answered: by a refusal, or by nothing, and then by commands.
    Socket(oneshot::Sender<Option<Reply>>, mpsc::UnboundedSender<Command>),
}

/// What a WebSocket that is not the session's own yet is told.
pub(crate) enum Command {
    /// The last message has been understood; the next may come.
    Next,
    /// Write this.
    Write { bytes: Bytes, text: bool },
    /// Close, behind what was written.
    End,
    /// The session is yours, and you are all that carries it.
    TakeOver(Box<Conversation>),
}

/// What happens on a lane.
pub(crate) enum LaneEvent {
    Opened {
        lane: Lane,
        kind: LaneKind,
        head: Box<Request<()>>,
        answer: Answer,
        /// Who asks, where each request of a session shows that.
        identity: Option<Box<Identity>>,
    },
    Message {
        lane: Lane,
        bytes: Bytes,
        text: bool,
    },
    /// A WebSocket takes no more for now.
    Blocked {
        lane: Lane,
    },
    /// All that was written to it has left.
    Writable {
        lane: Lane,
    },
    Closed {
        lane: Lane,
        how: LaneEnd,
    },
}

/// The way into a session that lives over several requests.
pub(crate) struct Door {
    pub(crate) link: Arc<SocketLink>,
    next_lane: AtomicU32,
    /// None once the session takes nothing more: it has ended, or has become one with its WebSocket.
    events: Mutex<Option<Vec<LaneEvent>>>,
    /// Bytes of bodies on their way.
    uploading: AtomicUsize,
    /// Whether some have come since this was last asked.
    heard: AtomicBool,
    /// Bytes of answers that have not been taken.
    lent: AtomicUsize,
}

impl Door {
    pub(crate) fn new(link: Arc<SocketLink>) -> Arc<Self> {
        Arc::new(Self {
            link,
            next_lane: AtomicU32::new(0),
            events: Mutex::new(Some(Vec::new())),
            uploading: AtomicUsize::new(0),
            heard: AtomicBool::new(false),
            lent: AtomicUsize::new(0),
        })
    }

    /// A number for one more lane.
    pub(crate) fn lane(&self) -> Lane {
        Lane(self.next_lane.fetch_add(1, Ordering::Relaxed))
    }

    /// Tells the session. False if it takes nothing more.
    pub(crate) fn tell(&self, event: LaneEvent) -> bool {
        let told = self.events.lock().as_mut().map(|events| events.push(event)).is_some();
        if told {
            self.link.mailbox().wake();
        }
        told
    }

    /// Takes what came, in order.
    pub(crate) fn take(&self) -> Vec<LaneEvent> {
        self.events.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.lock().as_ref().is_none_or(Vec::is_empty)
    }

    /// A body is on its way: of all there may be so many bytes.
    pub(crate) fn upload(&self, most: usize) -> Upload<'_> {
        Upload { door: self, most, bytes: 0 }
    }

    /// Whether bytes have come since this was last asked, of bodies that were not whole.
    pub(crate) fn take_heard(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed)
    }

    /// An answer, or a piece of one, which counts until its client has taken it.
    pub(crate) fn lend(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        if bytes.len() < LENT {
            return bytes;
        }
        self.lent.fetch_add(bytes.len(), Ordering::Relaxed);
        Bytes::from_owner(Lent { door: self.clone(), bytes })
    }

    /// Bytes of answers that have not been taken.
    pub(crate) fn lent(&self) -> usize {
        self.lent.load(Ordering::Relaxed)
    }

    /// Takes nothing more: what came is answered by nobody.
    pub(crate) fn shut(&self) {
        *self.events.lock() = None;
    }

    /// Takes nothing more. False if something came first.
    pub(crate) fn close(&self) -> bool {
        let mut events = self.events.lock();
        let empty = events.as_ref().is_none_or(Vec::is_empty);
        if empty {
            *events = None;
        }
        empty
    }
}

/// A body on its way.
pub(crate) struct Upload<'d> {
    door: &'d Door,
    most: usize,
    bytes: usize,
}

impl Upload<'_> {
    /// So many bytes have come.
    pub(crate) fn count(&mut self, bytes: usize) -> Result<(), Fault> {
        self.door.heard.store(true, Ordering::Relaxed);
        self.bytes += bytes;
        let all = self.door.uploading.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if all > self.most { Err(Fault::TooMany(self.most)) } else { Ok(()) }
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        self.door.uploading.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What has fewer bytes is not counted: its request has more.
const LENT: usize = 1024;

/// Bytes in the hands of HTTP.
struct Lent {
    door: Arc<Door>,
    bytes: Bytes,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.door.lent.fetch_sub(self.bytes.len(), Ordering::Relaxed);
        self.door.link.mailbox().wake();
    }
}

/// Sessions by their secret ids.
#[derive(Default)]
pub(crate) struct Table(Mutex<HashMap<SessionId, Entry>>);

struct Entry {
    known: Known,
    /// Which registration it is.
    number: u64,
}

/// How a session of a known id lives.
#[derive(Clone)]
pub(crate) enum Known {
    /// Over several requests.
    Hosted(Arc<Door>),
    /// On a WebSocket of its own, which is all that carries it.
    Alone,
}

/// A session's entry in the table: it is known for as long as this is.
pub(crate) struct Registration {
    table: Arc<Table>,
    id: SessionId,
    number: u64,
}

impl Known {
    fn takes_more(&self) -> bool {
        match self {
            Self::Hosted(door) => door.events.lock().is_some(),
            Self::Alone => true,
        }
    }
}

impl Table {
    /// Enters a session whose id is new: a random one.
    pub(crate) fn enter(self: &Arc<Self>, id: SessionId, known: Known) -> Registration {
        self.insert(&mut self.0.lock(), id, known)
    }

    /// Enters a session whose id a client has chosen, unless one of it lives.
    pub(crate) fn enter_unless_known(
        self: &Arc<Self>,
        id: SessionId,
        known: Known,
    ) -> Result<Registration, Known> {
        let mut sessions = self.0.lock();
        match sessions.get(&id) {
            Some(entry) if entry.known.takes_more() => Err(entry.known.clone()),
            _ => Ok(self.insert(&mut sessions, id, known)),
        }
    }

    fn insert(
        self: &Arc<Self>,
        sessions: &mut HashMap<SessionId, Entry>,
        id: SessionId,
        known: Known,
    ) -> Registration {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        sessions.insert(id.clone(), Entry { known, number });
        Registration { table: self.clone(), id, number }
    }

    pub(crate) fn find(&self, id: &str) -> Option<Known> {
        self.0.lock().get(id).map(|entry| entry.known.clone())
    }

    /// Whether one of this id lives.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.0.lock().get(id).is_some_and(|entry| entry.known.takes_more())
    }
}

impl Registration {
    /// The session has become one with its WebSocket.
    pub(crate) fn is_alone(&self) {
        if let Some(entry) = self.table.0.lock().get_mut(&self.id) {
            entry.known = Known::Alone;
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut sessions = self.table.0.lock();
        // Another may have its id by now.
        if sessions.get(&self.id).is_some_and(|entry| entry.number == self.number) {
            sessions.remove(&self.id);
        }
    }
}
