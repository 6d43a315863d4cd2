//! What clients ought to hear, said as simply as can be: one lock, no queues, no shards, no sockets.
//!
//! The reference sees what passes between hub and broker, and what the test does. A broadcast is heard at the moment
//! of its delivery, by who is a member then; a join is finished when its promise is kept.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use everywire_core::broker::{Command, Ticket};
use everywire_core::hub::JoinError;
use everywire_core::{
    Broadcast, Class, Connection, JoinOptions, Joined, Offset, Promise, Publication, RoomKey,
};
use parking_lot::Mutex;

use super::SHORT;

#[derive(Default)]
pub(super) struct Reference(Mutex<State>);

#[derive(Default)]
struct State {
    seats: Vec<Seat>,
    /// The log's; 0 before anything said it.
    epoch: u64,
    /// The last delivery, and the last place that the node knows of.
    last: u64,
    delivered: u64,
    heard_from: HashMap<RoomKey, u64>,
    subscribing: HashMap<Ticket, RoomKey>,
    publishing: HashMap<Ticket, Publication>,
    log: BTreeMap<u64, Publication>,
    lossy: bool,
}

/// One client.
struct Seat {
    connection: Arc<Connection>,
    memberships: Vec<Membership>,
    joins: Vec<Join>,
    unanswered: Vec<Ticket>,
    /// What waits behind a publication of its own.
    held: VecDeque<(Ticket, Expected)>,
    expected: Vec<Expected>,
    gone: bool,
}

#[derive(Clone)]
struct Membership {
    room: RoomKey,
    since: u64,
    meta: bool,
}

struct Join {
    /// None if it was seen to be cancelled before the test said so.
    promise: Option<Promise<Result<Joined, JoinError>>>,
    rooms: Vec<RoomKey>,
    asked: Vec<RoomKey>,
    options: JoinOptions,
    began: u64,
    kept: Vec<(u64, Publication)>,
}

enum Expected {
    Line(String),
    /// What rooms heard in a stretch of the log: looked up at the end, when the log is known.
    Missed(Missed),
    End,
}

struct Missed {
    after: u64,
    to: u64,
    rooms: Vec<RoomKey>,
    memberships: Vec<Membership>,
    /// It has been in the rooms before, up to a place that it named.
    back: bool,
    meta: bool,
    complete: bool,
}

impl Reference {
    pub(super) fn set_lossy(&self, lossy: bool) {
        self.0.lock().lossy = lossy;
    }

    /// The last place that the node knows of, if it knows any.
    pub(super) fn place(&self) -> Option<Offset> {
        let state = self.0.lock();
        (state.epoch != 0).then_some(Offset { epoch: state.epoch, seq: state.delivered })
    }

    /// Looks which joins are finished.
    pub(super) fn look(&self) {
        let state = &mut *self.0.lock();
        for i in 0..state.seats.len() {
            if !state.seats[i].gone {
                state.look_at(i);
            }
        }
    }

    // What the test does.

    pub(super) fn connected(&self, connection: &Arc<Connection>) {
        let mut state = self.0.lock();
        // A client is entered into its user's room, and nobody is told.
        let user = connection.identity().user.clone().map(|user| Join {
            promise: None,
            rooms: vec![RoomKey::User(user.clone())],
            asked: vec![RoomKey::User(user)],
            options: JoinOptions::default(),
            began: state.delivered,
            kept: Vec::new(),
        });
        let since = state.delivered;
        state.seats.push(Seat {
            connection: connection.clone(),
            memberships: vec![Membership { room: RoomKey::Everyone, since, meta: false }],
            joins: user.into_iter().collect(),
            unanswered: Vec::new(),
            held: VecDeque::new(),
            expected: Vec::new(),
            gone: false,
        });
        drop(state);
        self.look();
    }

    pub(super) fn disconnected(&self, seat: usize) {
        self.look();
        let seat = &mut self.0.lock().seats[seat];
        assert!(seat.joins.iter().all(|join| join.promise.is_none()), "a join outlives its connection");
        seat.gone = true;
    }

    pub(super) fn ended(&self, seat: usize) {
        self.0.lock().seats[seat].send(Expected::End);
    }

    pub(super) fn sent(&self, seat: usize, line: String) {
        self.0.lock().seats[seat].send(Expected::Line(line));
    }

    pub(super) fn joining(
        &self,
        seat: usize,
        rooms: &[RoomKey],
        options: JoinOptions,
        promise: Promise<Result<Joined, JoinError>>,
    ) {
        let mut unique = rooms.to_vec();
        unique.sort_by_key(ToString::to_string);
        unique.dedup();
        {
            let state = &mut *self.0.lock();
            let began = state.delivered;
            let seat = &mut state.seats[seat];
            if options.since.is_some() {
                for room in &unique {
                    seat.leave(room);
                }
            }
            // In the order in which they were named, which is that of the memberships.
            let in_order = rooms.iter().enumerate().filter(|(i, room)| !rooms[..*i].contains(room));
            let rooms: Vec<_> = in_order.map(|(_, room)| room.clone()).collect();
            let asked = rooms.clone();
            seat.joins.push(Join { promise: Some(promise), rooms, asked, options, began, kept: Vec::new() });
        }
        self.look();
    }

    pub(super) fn left(&self, seat: usize, room: &RoomKey, was_in: bool) {
        assert_eq!(self.0.lock().seats[seat].leave(room), was_in, "whether client {seat} was in {room}");
        self.look();
    }

    // What passes between hub and broker.

    pub(super) fn submitted(&self, ticket: Ticket, command: &Command) {
        let state = &mut *self.0.lock();
        match command {
            Command::Subscribe { room, .. } => drop(state.subscribing.insert(ticket, room.clone())),
            Command::Publish { publication, .. } => {
                state.publishing.insert(ticket, publication.clone());
                if let Some(seat) =
                    state.seats.iter_mut().find(|seat| Some(seat.connection.id()) == publication.from)
                {
                    seat.unanswered.push(ticket);
                }
            }
            Command::Unsubscribe { .. } | Command::History { .. } | Command::Tell { .. } => {}
        }
    }

    pub(super) fn subscribed(&self, ticket: Ticket, position: Offset) {
        let state = &mut *self.0.lock();
        let room = state.subscribing.remove(&ticket).expect("an answer to a subscription");
        state.heard_from.insert(room, position.seq);
        state.delivered = state.delivered.max(position.seq);
        state.epoch = position.epoch;
    }

    pub(super) fn published(&self, ticket: Ticket, offset: Offset) {
        let state = &mut *self.0.lock();
        let publication = state.publishing.remove(&ticket).expect("an answer to a publication");
        let from = publication.from;
        state.log.insert(offset.seq, publication);
        if let Some(seat) = state.seats.iter_mut().find(|seat| Some(seat.connection.id()) == from) {
            seat.answered(ticket);
        }
    }

    pub(super) fn delivered(&self, broadcast: &Broadcast) {
        let state = &mut *self.0.lock();
        let (seq, publication) = (broadcast.seq(), &broadcast.publication);
        assert!(seq > state.last, "delivery {seq} comes after {}", state.last);
        state.last = seq;
        state.delivered = state.delivered.max(seq);
        state.epoch = broadcast.offset.epoch;
        for seat in state.seats.iter_mut().filter(|seat| !seat.gone) {
            for join in &mut seat.joins {
                if join.rooms.iter().any(|room| publication.target.rooms.contains(room)) {
                    join.kept.push((seq, publication.clone()));
                }
            }
            if let Some(meta) = seat.hears(seq, publication) {
                seat.expect(Expected::Line(line(&seat.connection, seq, publication, meta)));
            }
        }
    }

    /// Compares with what a client heard. `over` says that its mailbox overflowed, so the rest may be missing.
    pub(super) fn compare(&self, seat: usize, heard: &[String], over: bool, hint: &str) {
        let state = self.0.lock();
        let seat = &state.seats[seat];
        assert!(seat.gone || seat.joins.is_empty(), "{hint}: a join is not finished");
        assert!(seat.held.is_empty(), "{hint}: something is still held back");
        let mut expected = Vec::new();
        for item in &seat.expected {
            match item {
                Expected::Line(line) => expected.push((line.clone(), state.lossy && !line.contains("reply"))),
                Expected::Missed(missed) => {
                    let lines = missed.lines(&seat.connection, &state.log);
                    expected.extend(lines.map(|line| (line, state.lossy || !missed.complete)));
                }
                Expected::End => break,
            }
        }
        if over {
            expected.iter_mut().for_each(|(_, may_be_missing)| *may_be_missing = true);
        }
        assert!(
            is_heard(heard, &expected),
            "{hint}\nheard: {heard:#?}\nexpected, whether it may be missing: {expected:#?}"
        );
    }
}

/// Whether these lines are the expected ones, of which some may be missing. One that may be missing can come again
/// later, so all ways to match are followed at once.
fn is_heard(heard: &[String], expected: &[(String, bool)]) -> bool {
    let skip =
        |at: usize| at + expected[at..].iter().take_while(|(_, may_be_missing)| *may_be_missing).count();
    let mut places = vec![0];
    for line in heard {
        let starts = std::mem::take(&mut places);
        let found = starts.into_iter().flat_map(|at| at..=skip(at));
        places
            .extend(found.filter(|&i| expected.get(i).is_some_and(|(next, _)| next == line)).map(|i| i + 1));
        places.sort_unstable();
        places.dedup();
    }
    places.into_iter().any(|at| skip(at) == expected.len())
}

impl State {
    fn look_at(&mut self, i: usize) {
        let (epoch, seq) = (self.epoch, self.delivered);
        let seat = &mut self.seats[i];
        let mut at = 0;
        while at < seat.joins.len() {
            let join = &mut seat.joins[at];
            match join.promise.take().map(Promise::now) {
                Some(Ok(Ok(joined))) => {
                    let join = seat.joins.remove(at);
                    assert_eq!(joined.offset, Offset { epoch, seq }, "where client {i} stands");
                    let long = !join.asked.contains(&SHORT.into());
                    let recovers = join.options.since.is_some() && long && !self.lossy;
                    assert!(
                        joined.recovered || !recovers,
                        "client {i} has missed nothing, and is told otherwise"
                    );
                    assert!(!joined.recovered || join.options.since.is_some(), "nothing was to be recovered");
                    seat.finish(join, joined.recovered, seq, &self.heard_from);
                }
                Some(Ok(Err(JoinError::Closed))) => {
                    assert!(seat.connection.is_closed());
                    seat.joins.remove(at);
                }
                // Soon the test says that it left them all.
                Some(Ok(Err(JoinError::Left))) if !join.rooms.is_empty() => at += 1,
                Some(Ok(Err(JoinError::Left))) => drop(seat.joins.remove(at)),
                Some(Ok(Err(error))) => panic!("client {i}: {error}"),
                Some(Err(waiting)) => {
                    assert!(!join.rooms.is_empty(), "client {i} waits for rooms that it has left");
                    join.promise = Some(waiting);
                    at += 1;
                }
                None if matches!(&join.rooms[..], [user @ RoomKey::User(_)] if seat.connection.is_in(user)) =>
                {
                    let join = seat.joins.remove(at);
                    seat.finish(join, false, seq, &self.heard_from);
                }
                None => at += 1,
            }
        }
    }
}

impl Seat {
    fn send(&mut self, what: Expected) {
        match self.unanswered.iter().max() {
            Some(&behind) => self.held.push_back((behind, what)),
            None => self.expect(what),
        }
    }

    fn answered(&mut self, ticket: Ticket) {
        self.unanswered.retain(|unanswered| *unanswered != ticket);
        let first = self.unanswered.iter().min().copied();
        while self.held.front().is_some_and(|(behind, _)| first.is_none_or(|first| *behind < first)) {
            if let Some((_, what)) = self.held.pop_front() {
                self.expect(what);
            }
        }
    }

    fn expect(&mut self, what: Expected) {
        self.expected.push(match what {
            Expected::Line(line) if line.contains('/') => Expected::Line(line),
            Expected::Line(line) => Expected::Line(format!("{}/{line}", self.connection.slot())),
            other => other,
        });
    }

    fn leave(&mut self, room: &RoomKey) -> bool {
        let before = self.memberships.len();
        self.memberships.retain(|m| m.room != *room);
        let mut was_in = self.memberships.len() < before;
        for join in &mut self.joins {
            let before = join.rooms.len();
            join.rooms.retain(|waiting| waiting != room);
            was_in |= join.rooms.len() < before;
        }
        self.joins.retain(|join| join.promise.is_some() || !join.rooms.is_empty());
        was_in
    }

    fn finish(&mut self, join: Join, recovered: bool, delivered: u64, heard_from: &HashMap<RoomKey, u64>) {
        let meta = join.options.meta;
        let missed = Missed {
            after: join.options.since.map_or(0, |since| since.seq),
            to: delivered,
            rooms: join.rooms.clone(),
            memberships: self.memberships.clone(),
            back: join.options.since.is_some(),
            meta,
            complete: recovered,
        };
        if join.options.since.is_some() {
            self.expect(Expected::Missed(missed));
        } else {
            for (seq, publication) in &join.kept {
                let heard = |room: &RoomKey| join.rooms.contains(room) && heard_from[room] < *seq;
                if publication.target.rooms.iter().any(heard)
                    && missed.hears(&self.connection, *seq, publication)
                {
                    self.expect(Expected::Line(line(&self.connection, *seq, publication, meta)));
                }
            }
        }
        for room in join.rooms {
            // From where on it has heard all of the room.
            let since = match join.options.since {
                None => heard_from[&room].max(join.began),
                Some(since) if recovered => since.seq,
                Some(_) => delivered,
            };
            match self.memberships.iter_mut().find(|m| m.room == room) {
                Some(known) => known.meta |= meta,
                None => self.memberships.push(Membership { room, since, meta }),
            }
        }
    }

    /// Whether it hears a broadcast that is delivered now, and with meta or without.
    fn hears(&self, seq: u64, publication: &Publication) -> Option<bool> {
        let rooms = &publication.target.rooms;
        if is_left_out(&self.connection, publication, &self.memberships) {
            return None;
        }
        if rooms.contains(&RoomKey::Connection(self.connection.id())) {
            return Some(false);
        }
        let heard = self.memberships.iter().filter(|m| m.since < seq && rooms.contains(&m.room));
        heard.min_by_key(|m| m.room == RoomKey::Everyone).map(|m| m.meta)
    }
}

impl Missed {
    fn lines<'a>(
        &'a self,
        connection: &'a Connection,
        log: &'a BTreeMap<u64, Publication>,
    ) -> impl Iterator<Item = String> + 'a {
        let stretch = log.range(self.after + 1..self.to.max(self.after) + 1);
        let heard = stretch.filter(|(seq, publication)| self.hears(connection, **seq, publication));
        heard.map(|(seq, publication)| line(connection, *seq, publication, self.meta))
    }

    /// Whether it is to be heard now: not if it was heard by another way.
    fn hears(&self, connection: &Connection, seq: u64, publication: &Publication) -> bool {
        let to = &publication.target.rooms;
        let heard = to.contains(&RoomKey::Connection(connection.id()))
            || self.memberships.iter().any(|m| m.since < seq && to.contains(&m.room));
        publication.class != Class::Volatile
            && to.iter().any(|room| self.rooms.contains(room))
            && !heard
            && !is_left_out(connection, publication, &self.memberships)
            && !(self.back && publication.target.except.iter().any(|key| self.rooms.contains(key)))
    }
}

fn is_left_out(connection: &Connection, publication: &Publication, memberships: &[Membership]) -> bool {
    publication.target.except.iter().any(|key| match key {
        RoomKey::Connection(id) => *id == connection.id(),
        RoomKey::User(user) => connection.identity().user.as_ref() == Some(user),
        RoomKey::Everyone => true,
        RoomKey::Named(_) => memberships.iter().any(|m| m.room == *key),
    })
}

fn line(connection: &Connection, seq: u64, publication: &Publication, meta: bool) -> String {
    let mut args = Vec::new();
    publication.payload.write_json_args(&mut args);
    let room = publication.target.rooms.first().filter(|_| meta);
    let room = room.map(|room| format!(" in {room}")).unwrap_or_default();
    let args = String::from_utf8_lossy(&args);
    format!("{}/{seq} {} {args}{room}", connection.slot(), publication.event)
}
