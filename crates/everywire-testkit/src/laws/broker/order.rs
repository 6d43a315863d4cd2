//! Guarantees 1 to 4 and 6: one order, own before answer, history meets live, every ticket answered once, what nodes tell
//! each other.

use std::collections::HashSet;
use std::thread;

use everywire_core::RoomKey;
use everywire_core::broker::{Retention, Ticket};

use super::Brokers;
use super::node::{Came, Node};
use crate::laws::Law;
use crate::random::Random;
use crate::world::Pump;

pub(super) const LAWS: &[Law<Brokers>] = &[
    ("numbers grow by publication, and deliveries come in their order", one_order),
    ("a subscription hears everything behind its position", nothing_is_missed),
    ("connections are heard unasked", connections_are_heard),
    ("namespaces have an order each", namespaces_are_apart),
    ("the own publication comes before its answer", own_before_answer),
    ("history meets live", history_meets_live),
    ("every ticket is answered once", every_ticket_once),
    ("one order from many threads", many_threads),
    ("what a node tells comes to each other node once and in order", told_in_order),
];

const ROOMS: [&str; 3] = ["a", "b", "c"];

fn stir(node: &Node, random: &mut Random) {
    for _ in 0..random.below(4) {
        node.pump(Pump::Some);
    }
}

fn one_order(brokers: &Brokers) {
    let node = brokers.node();
    let subscribed = node.subscribe("a");
    node.pump(Pump::All);
    let start = node.place_of(subscribed);
    assert_eq!(start.seq, 0, "nothing was published");
    let tickets: Vec<_> = (0..50).map(|number| node.publish(&["a"], number)).collect();
    node.pump(Pump::All);
    let places: Vec<_> = tickets.iter().map(|&ticket| node.place_of(ticket)).collect();
    assert!(places.iter().all(|place| place.epoch == start.epoch));
    assert!(places.is_sorted_by(|a, b| a.seq < b.seq));
    let delivered: Vec<_> = node.deliveries().iter().map(|broadcast| broadcast.offset).collect();
    assert_eq!(delivered, places);
}

fn told_in_order(brokers: &Brokers) {
    let first = brokers.node();
    let nodes = [first.another(), first.another(), first];
    // A broker knows a node by its first command.
    for node in &nodes {
        node.subscribe("a");
    }
    nodes[0].pump(Pump::All);
    let mut tickets = Vec::new();
    for number in 0..20 {
        tickets.push(nodes[0].tell(number));
        nodes[1].tell(100 + number);
        // Neither has to do with what is published.
        nodes[0].publish(&["a"], number);
        nodes[0].pump(Pump::Some);
    }
    nodes[0].pump(Pump::All);
    let answered = tickets.iter().all(|ticket| nodes[0].came().contains(&Came::Answer(*ticket)));
    assert!(answered, "every ticket is");
    let connected = nodes[0].nodes() > 1;
    let of_one = |node: &Node, from: u64| {
        let told = node.told().into_iter().filter(move |number| number / 100 == from);
        told.map(|number| number % 100).collect::<Vec<u64>>()
    };
    let all: Vec<u64> = if connected { (0..20).collect() } else { Vec::new() };
    assert_eq!((of_one(&nodes[0], 0), of_one(&nodes[0], 1)), (Vec::new(), all.clone()));
    assert_eq!((of_one(&nodes[1], 0), of_one(&nodes[1], 1)), (all.clone(), Vec::new()));
    assert_eq!((of_one(&nodes[2], 0), of_one(&nodes[2], 1)), (all.clone(), all));
}

/// The numbers of what these rooms heard after a place.
fn published_to(published: &[(Ticket, Vec<&str>)], node: &Node, room: &str, after: u64) -> Vec<u64> {
    let to = published.iter().filter(|(_, rooms)| rooms.contains(&room));
    let mut seqs: Vec<_> =
        to.map(|(ticket, _)| node.place_of(*ticket).seq).filter(|seq| *seq > after).collect();
    seqs.sort_unstable();
    seqs
}

fn nothing_is_missed(brokers: &Brokers) {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let node = brokers.node();
        let mut published = Vec::new();
        let mut subscriptions = Vec::new();
        for number in 0..60 {
            if number % 20 == 10 {
                let room = ROOMS[number as usize / 20];
                subscriptions.push((room, node.subscribe(room)));
            }
            let mut rooms = vec![random.pick(&ROOMS)];
            if random.chance(30) {
                rooms.push(random.pick(&ROOMS));
                rooms.dedup();
            }
            published.push((node.publish(&rooms, number), rooms));
            stir(&node, &mut random);
        }
        node.pump(Pump::All);
        let came = node.came();
        let deliveries: Vec<_> = node.deliveries();
        assert!(deliveries.is_sorted_by(|a, b| a.seq() < b.seq()), "each once and in order, seed {seed}");
        for (room, ticket) in subscriptions {
            let position = node.place_of(ticket).seq;
            let room_key = RoomKey::from(room);
            let heard = deliveries.iter().filter(|b| b.publication.target.rooms.contains(&room_key));
            let heard: Vec<_> = heard.map(|b| b.seq()).filter(|seq| *seq > position).collect();
            assert_eq!(heard, published_to(&published, &node, room, position), "{room}, seed {seed}");
            let answer = came.iter().position(|came| *came == Came::Answer(ticket)).expect("it is answered");
            let early =
                came[answer..].iter().find(|came| matches!(came, Came::Deliver(seq) if *seq <= position));
            assert_eq!(early, None, "behind the answer that {room} is heard from {position}, seed {seed}");
        }
    }
}

fn connections_are_heard(brokers: &Brokers) {
    let node = brokers.node();
    let id = everywire_core::ConnectionId::from_random([7; 15]);
    let ticket = node.publish_kept("/", &[id.into()], 1, Retention::NONE);
    node.pump(Pump::All);
    assert_eq!(node.came().last(), Some(&Came::Answer(ticket)));
    assert_eq!(node.deliveries().iter().map(|b| b.offset).collect::<Vec<_>>(), [node.place_of(ticket)]);
}

fn namespaces_are_apart(brokers: &Brokers) {
    let node = brokers.node();
    let here = node.publish(&["a"], 1);
    let there = node.publish_kept("/other", &["a".into()], 2, Retention::RECENT);
    node.pump(Pump::All);
    assert_eq!((node.place_of(here).seq, node.place_of(there).seq), (1, 1));
    let page = node.page(&["a"], None, 10);
    assert_eq!(page.broadcasts.len(), 1);
    assert_eq!(page.broadcasts[0].offset, node.place_of(here));
}

fn own_before_answer(brokers: &Brokers) {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let node = brokers.node();
        node.subscribe("a");
        node.pump(Pump::All);
        let tickets: Vec<_> = (0..20)
            .map(|number| {
                stir(&node, &mut random);
                node.publish(if random.chance(50) { &["a"] } else { &["b", "a"] }, number)
            })
            .collect();
        node.pump(Pump::All);
        let came = node.came();
        for ticket in tickets {
            let seq = node.place_of(ticket).seq;
            let own = came.iter().position(|came| *came == Came::Deliver(seq));
            let answer = came.iter().position(|came| *came == Came::Answer(ticket));
            assert!(
                own.is_some() && own < answer,
                "{ticket:?} at {answer:?}, itself at {own:?}, seed {seed}"
            );
        }
    }
}

fn history_meets_live(brokers: &Brokers) {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let node = brokers.node();
        let mut published = Vec::new();
        for number in 0..random.below(10) {
            published.push((node.publish(&["a"], number as u64), vec!["a"]));
            stir(&node, &mut random);
        }
        let subscribed = node.subscribe("a");
        for number in 10..15 {
            published.push((node.publish(&["a"], number), vec!["a"]));
            stir(&node, &mut random);
        }
        while !node.came().contains(&Came::Answer(subscribed)) {
            node.pump(Pump::All);
        }
        let since = everywire_core::Offset { seq: 0, ..node.place_of(subscribed) };
        let asked = node.ask(&["a".into()], Some(since), 1000);
        for number in 15..20 {
            published.push((node.publish(&["a"], number), vec!["a"]));
            stir(&node, &mut random);
        }
        node.pump(Pump::All);
        let page = node.page_of(asked);
        assert!(page.recovered && !page.more);
        assert!(page.position.seq >= node.place_of(subscribed).seq, "seed {seed}");
        let mut seqs: Vec<_> = page.broadcasts.iter().map(|b| b.seq()).collect();
        assert!(seqs.iter().all(|seq| *seq <= page.position.seq), "seed {seed}");
        seqs.extend(node.deliveries().iter().map(|b| b.seq()).filter(|seq| *seq > page.position.seq));
        assert_eq!(seqs, published_to(&published, &node, "a", 0), "seed {seed}");
    }
}

fn every_ticket_once(brokers: &Brokers) {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let node = brokers.node();
        let mut subscribed = HashSet::new();
        let mut tickets = Vec::new();
        for number in 0..60 {
            let room = random.pick(&ROOMS);
            tickets.push(match random.below(4) {
                0 if subscribed.insert(room) => node.subscribe(room),
                1 if subscribed.remove(room) => node.unsubscribe(room),
                2 => node.ask(&[room.into()], None, 5),
                _ => node.publish(&[room], number),
            });
            stir(&node, &mut random);
        }
        node.pump(Pump::All);
        let came = node.came();
        for ticket in tickets {
            let answers = came.iter().filter(|came| **came == Came::Answer(ticket)).count();
            assert_eq!(answers, 1, "{ticket:?}, seed {seed}");
        }
    }
}

fn many_threads(brokers: &Brokers) {
    let node = brokers.node();
    node.subscribe("a");
    node.pump(Pump::All);
    thread::scope(|scope| {
        for thread in 0..3 {
            let node = &node;
            scope.spawn(move || {
                for number in 0..100 {
                    node.publish(&["a"], thread * 100 + number);
                }
            });
        }
        for _ in 0..100 {
            node.pump(Pump::Some);
        }
    });
    node.pump(Pump::All);
    let seqs: Vec<_> = node.deliveries().iter().map(|b| b.seq()).collect();
    assert_eq!(seqs, (1..=300).collect::<Vec<_>>());
}
