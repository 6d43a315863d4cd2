//! What was sent to one connection alone of late, kept for a client that loses its session and comes back.
//!
//! Broadcasts are in the log; these are not. Each is numbered by the broadcast before it and a count: under the
//! mailbox's lock, so that the numbers a client hears never go back.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::Ordering;

use super::connection::Connection;
use crate::broadcast::Class;
use crate::mailbox::{Entry, Item};
use crate::payload::Payload;
use crate::vocabulary::{InvalidOffset, Name, Offset};

/// Bytes that are kept for one connection: payloads, and 64 for each. Default 256 KiB, a quarter of its mailbox.
const BYTES: usize = 256 * 1024;
const FIXED_COST: usize = 64;

/// A place in all that one client hears: behind a broadcast, and behind so many events that were sent to it alone
/// after that. Written as the [`Offset`], with `.<count>` if there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bookmark {
    /// Which log.
    pub epoch: u64,
    /// The number of the last broadcast before it.
    pub seq: u64,
    /// How many events came to the client alone since.
    pub after: u32,
}

impl Bookmark {
    /// The place right behind a broadcast.
    pub fn of(offset: Offset) -> Self {
        Self { epoch: offset.epoch, seq: offset.seq, after: 0 }
    }

    /// The broadcast before it.
    pub fn offset(self) -> Offset {
        Offset { epoch: self.epoch, seq: self.seq }
    }
}

impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.offset().fmt(f)?;
        if self.after > 0 { write!(f, ".{}", self.after) } else { Ok(()) }
    }
}

impl FromStr for Bookmark {
    type Err = InvalidOffset;

    fn from_str(text: &str) -> Result<Self, InvalidOffset> {
        let (offset, after) = match text.split_once('.') {
            Some((_, after)) if !after.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(InvalidOffset);
            }
            Some((offset, after)) => (offset, after.parse().map_err(|_| InvalidOffset)?),
            None => (text, 0),
        };
        let offset: Offset = offset.parse()?;
        Ok(Self { after, ..Self::of(offset) })
    }
}

/// The events that were sent to one connection alone of late.
#[derive(Debug, Clone)]
pub struct Recent {
    /// Where the client came in: what it has if it never heard an offset.
    begun: Bookmark,
    /// The place of the last.
    last: Bookmark,
    /// Everything after this is here.
    whole_since: Bookmark,
    events: VecDeque<(Bookmark, Name, Payload)>,
    bytes: usize,
    replay: Option<(Bookmark, Bookmark)>,
}

impl Recent {
    /// Nothing yet, for a client that came in here.
    pub fn begin(at: Offset) -> Self {
        let begun = Bookmark::of(at);
        Self { begun, last: begun, whole_since: begun, events: VecDeque::new(), bytes: 0, replay: None }
    }

    /// Where the client came in.
    pub fn begun(&self) -> Bookmark {
        self.begun
    }

    /// Whether all that came after this place is here.
    pub fn reaches_back_to(&self, place: Bookmark) -> bool {
        place.epoch == self.begun.epoch && place >= self.whole_since
    }

    /// What came after this place; none if some of it has been let go of.
    #[cfg(test)]
    fn since(&self, place: Bookmark) -> Option<impl Iterator<Item = (&Name, &Payload)>> {
        self.reaches_back_to(place).then(|| {
            let later = self.events.iter().filter(move |(at, ..)| *at > place);
            later.map(|(_, event, payload)| (event, payload))
        })
    }

    /// What came after this place up to now is to be sent once more, with what the connection catches up on.
    pub fn replay_since(&mut self, place: Bookmark) {
        self.replay = Some((place, self.last));
    }

    /// What is to be sent once more, once.
    pub(super) fn take_replay(&mut self) -> Vec<(Bookmark, Name, Payload)> {
        let Some((from, to)) = self.replay.take() else { return Vec::new() };
        self.events.iter().filter(|(at, ..)| *at > from && *at <= to).cloned().collect()
    }

    /// The place of a client that has heard everything that concerns it up to this broadcast.
    fn at(&self, seq: u64) -> Bookmark {
        let after = if seq == self.last.seq { self.last.after } else { 0 };
        Bookmark { epoch: self.begun.epoch, seq, after }
    }

    fn push(&mut self, seq: u64, event: Name, payload: Payload) -> Bookmark {
        let at = self.at(seq);
        self.last = Bookmark { after: at.after + 1, ..at };
        self.bytes += cost(&event, &payload);
        self.events.push_back((self.last, event, payload));
        while self.bytes > BYTES
            && let Some((at, event, payload)) = self.events.pop_front()
        {
            self.bytes -= cost(&event, &payload);
            self.whole_since = at;
        }
        self.last
    }
}

fn cost(event: &Name, payload: &Payload) -> usize {
    payload.size() + event.len() + FIXED_COST
}

impl Connection {
    /// Keeps from now on what is sent to it alone.
    pub fn keep_recent(&self, recent: Recent) {
        *self.recent().lock() = Some(Box::new(recent));
        self.set_keeps(true);
    }

    /// What was kept, and is not kept any more.
    pub fn take_recent(&self) -> Option<Recent> {
        self.set_keeps(false);
        self.recent().lock().take().map(|recent| *recent)
    }

    /// Sends an event that is kept, if it is one that is to be. Gives it back otherwise.
    pub(super) fn send_kept(&self, item: Item) -> Result<bool, Item> {
        let Item::Emit { event, payload, ack: None, class, compress } = item else { return Err(item) };
        let mut recent = self.recent().lock();
        let Some(recent) = recent.as_mut() else {
            return Err(Item::Emit { event, payload, ack: None, class, compress });
        };
        let mailbox = self.link().mailbox();
        let mut state = mailbox.lock();
        let seen = self.seen().load(Ordering::Relaxed);
        let volatile = class == Class::Volatile;
        // Clients take the last text of any event for their place, so a volatile one has to tell it too.
        let place =
            if volatile { recent.at(seen) } else { recent.push(seen, event.clone(), payload.clone()) };
        let item = Item::Kept { event, payload, place, volatile, compress };
        let open = state.append(Entry { slot: self.slot(), item }, mailbox.options());
        state.notify();
        Ok(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_its_text() {
        let place = Bookmark { epoch: 0x1f, seq: 42, after: 3 };
        assert_eq!(place.to_string(), "1f-42.3");
        assert_eq!("1f-42.3".parse(), Ok(place));
        assert_eq!("1f-42".parse(), Ok(Bookmark { after: 0, ..place }));
        for wrong in ["", "1f-42.", "1f-42.x", "1f-42.+1", "1f.3", "-.1", "1f-42.99999999999"] {
            assert_eq!(wrong.parse::<Bookmark>(), Err(InvalidOffset), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_too_much_is_let_go_of_and_known_to_be_gone() {
        let mut recent = Recent::begin(Offset { epoch: 1, seq: 5 });
        let payload = Payload::binary(vec![0; BYTES / 4]);
        let places: Vec<Bookmark> =
            [5, 5, 7, 7, 7].map(|seq| recent.push(seq, "e".into(), payload.clone())).into();
        assert_eq!(
            places.iter().map(|at| (at.seq, at.after)).collect::<Vec<_>>(),
            [(5, 1), (5, 2), (7, 1), (7, 2), (7, 3)]
        );
        let since = |place| recent.since(place).map(Iterator::count);
        assert_eq!(since(recent.begun()), None, "the first two are gone");
        assert_eq!((since(places[1]), since(places[3]), since(places[4])), (Some(3), Some(1), Some(0)));
        assert_eq!(since(Bookmark { epoch: 2, ..places[4] }), None, "another log");
    }
}
