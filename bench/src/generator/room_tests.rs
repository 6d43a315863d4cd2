//! What a room may do wrong, frame by frame.

use super::*;
use crate::message::{Exchange, Template};
use crate::wire::{self, Wire, Wires};

const FRAME: usize = 132;

fn room(members: usize, publishers: usize, feed: Feed) -> Room {
    let publication = Publication::new(Wires::in_turn(&[Wire::Raw]), |_| Exchange::same(Template::text(128)));
    Room::new(&publication, false, members, publishers, feed)
}

/// What is sent, publish by publish: the member that publishes, and its frame.
fn publishes(room: &mut Room) -> Vec<(usize, Vec<u8>)> {
    std::iter::from_fn(|| room.next().map(|(index, bytes)| (index, bytes.to_vec()))).collect()
}

fn deliver(room: &mut Room, member: usize, bytes: &[u8]) -> Result<()> {
    let (frame, length) = wire::parse(bytes).unwrap().unwrap();
    assert_eq!(length, bytes.len());
    room.on_message(member, &frame)
}

#[test]
fn a_message_is_in_flight_until_the_last_member_has_it() {
    let mut room = room(3, 1, Feed::Window(2));
    let sent = publishes(&mut room);
    assert_eq!(
        sent.iter().map(|(member, frame)| (*member, frame.len())).collect::<Vec<_>>(),
        [(0, FRAME); 2]
    );
    for member in [2, 0] {
        deliver(&mut room, member, &sent[0].1).unwrap();
        assert!(room.next().is_none(), "member 1 has nothing yet");
    }
    deliver(&mut room, 1, &sent[0].1).unwrap();
    assert_eq!(publishes(&mut room).len(), 1);
    assert_eq!(room.received(), 3);
}

#[test]
fn twice_too_early_and_unsent_are_faults() {
    let mut room = room(2, 1, Feed::Window(2));
    let sent = publishes(&mut room);
    assert!(deliver(&mut room, 0, &sent[1].1).is_err(), "the second before the first");
    deliver(&mut room, 0, &sent[0].1).unwrap();
    assert!(deliver(&mut room, 0, &sent[0].1).is_err(), "twice");

    let later =
        Batch::new(Wire::Raw, &Template::text(128), 1).stamped(Stamp { sender: 0, sequence: 2 }, 1).to_vec();
    deliver(&mut room, 0, &sent[1].1).unwrap();
    assert!(deliver(&mut room, 0, &later).is_err(), "nobody sent this");
    let stranger =
        Batch::new(Wire::Raw, &Template::text(128), 1).stamped(Stamp { sender: 1, sequence: 0 }, 1).to_vec();
    assert!(deliver(&mut room, 0, &stranger).is_err(), "nobody is this");
}

#[test]
fn a_loss_is_seen_at_the_end() {
    let mut room = room(2, 1, Feed::Window(1));
    let sent = publishes(&mut room);
    room.stop();
    deliver(&mut room, 0, &sent[0].1).unwrap();
    assert!(!room.is_done());
    deliver(&mut room, 1, &sent[0].1).unwrap();
    assert!(room.is_done());
}

#[test]
fn publishers_sit_apart_and_each_has_its_own_order() {
    let mut room = room(8, 2, Feed::Window(1));
    let mut sent = publishes(&mut room);
    sent.sort();
    assert_eq!(sent.iter().map(|(member, _)| *member).collect::<Vec<_>>(), [0, 4]);
    // Members may see different publishers in different orders.
    for (member, order) in [(0, [0, 1]), (1, [1, 0])] {
        for publisher in order {
            deliver(&mut room, member, &sent[publisher].1).unwrap();
        }
    }
    assert_eq!(room.received(), 4);
}

#[test]
fn a_publisher_by_the_clock_does_not_wait_for_deliveries() {
    let mut room = room(2, 1, Feed::Every(Duration::ZERO));
    room.measure();
    let sent: Vec<Vec<u8>> = (0..5).map(|_| room.next().map(|(_, bytes)| bytes.to_vec()).unwrap()).collect();
    for member in 0..2 {
        for frame in &sent {
            deliver(&mut room, member, frame).unwrap();
        }
    }
    assert_eq!(room.into_latencies().len(), 10);
}
