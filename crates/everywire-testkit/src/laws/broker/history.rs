//! Guarantee 5: what is kept, how it is read, and the truth about what is gone.

use std::time::Duration;

use everywire_core::broker::{Page, Retention};
use everywire_core::{ConnectionId, Offset, RoomKey};

use super::Brokers;
use super::node::Node;
use crate::laws::Law;
use crate::world::Pump;

pub(super) const LAWS: &[Law<Brokers>] = &[
    ("a room keeps so many messages", kept_by_messages),
    ("a room keeps so many bytes", kept_by_bytes),
    ("a room keeps them so long", kept_by_age),
    ("a room that keeps nothing says so", kept_by_nothing),
    ("users' and connections' rooms say the truth too", kept_by_key),
    ("retention may change", kept_by_change),
    ("an offset of another log is recognised", another_log),
    ("several rooms are merged in order", merged),
    ("a page may be cut short, and the next begins there", cut_short),
    ("without an offset the last come", the_last),
];

const MANY: Retention = Retention { messages: 1000, bytes: 1 << 30, age: 1_000_000 };

fn publish(node: &Node, room: &str, count: u64, retention: Retention) {
    for number in 0..count {
        node.publish_kept("/", &[room.into()], number, retention);
    }
    node.pump(Pump::All);
}

/// A place in the node's log.
fn at(node: &Node, seq: u64) -> Offset {
    Offset { seq, ..node.page(&["nobody"], None, 1).position }
}

#[track_caller]
fn check(node: &Node, rooms: &[&str], since: u64, recovered: bool, seqs: &[u64]) {
    let page = node.page(rooms, Some(at(node, since)), 1000);
    assert_eq!((numbers(&page), page.recovered), (seqs.to_vec(), recovered), "{rooms:?} since {since}");
}

fn numbers(page: &Page) -> Vec<u64> {
    page.broadcasts.iter().map(|broadcast| broadcast.seq()).collect()
}

fn kept_by_messages(brokers: &Brokers) {
    let node = brokers.node();
    publish(&node, "a", 10, Retention { messages: 4, ..MANY });
    check(&node, &["a"], 0, false, &[7, 8, 9, 10]);
    check(&node, &["a"], 5, false, &[7, 8, 9, 10]);
    check(&node, &["a"], 6, true, &[7, 8, 9, 10]);
    check(&node, &["a"], 9, true, &[10]);
    check(&node, &["a"], 10, true, &[]);
}

fn kept_by_bytes(brokers: &Brokers) {
    let node = brokers.node();
    // Each costs 128 bytes, its name of one and its argument of one digit.
    publish(&node, "a", 9, Retention { bytes: 3 * 130, ..MANY });
    check(&node, &["a"], 5, false, &[7, 8, 9]);
    check(&node, &["a"], 6, true, &[7, 8, 9]);
}

fn kept_by_age(brokers: &Brokers) {
    let node = brokers.node();
    let retention = Retention { age: 1000, ..MANY };
    publish(&node, "a", 1, retention);
    node.clock.advance(Duration::from_millis(600));
    publish(&node, "a", 1, retention);
    check(&node, &["a"], 0, true, &[1, 2]);
    node.clock.advance(Duration::from_millis(399));
    check(&node, &["a"], 0, true, &[1, 2]);
    node.clock.advance(Duration::from_millis(1));
    check(&node, &["a"], 0, false, &[2]);
    check(&node, &["a"], 1, true, &[2]);
    node.clock.advance(Duration::from_secs(1));
    check(&node, &["a"], 1, false, &[]);
    check(&node, &["a"], 2, true, &[]);
}

fn kept_by_nothing(brokers: &Brokers) {
    for none in [Retention::NONE, Retention { messages: 0, ..MANY }, Retention { bytes: 0, ..MANY }] {
        let node = brokers.node();
        publish(&node, "a", 2, none);
        publish(&node, "b", 1, MANY);
        check(&node, &["a"], 0, false, &[]);
        check(&node, &["a"], 1, false, &[]);
        check(&node, &["a"], 2, true, &[]);
        check(&node, &["a", "b"], 1, false, &[3]);
        check(&node, &["b"], 0, true, &[3]);
        check(&node, &["nobody"], 0, true, &[]);
    }
}

fn kept_by_key(brokers: &Brokers) {
    for key in [RoomKey::User("ann".into()), ConnectionId::from_random([7; 15]).into()] {
        for (retention, kept) in [(Retention::NONE, false), (MANY, true)] {
            let node = brokers.node();
            node.publish_kept("/", std::slice::from_ref(&key), 1, retention);
            node.pump(Pump::All);
            for since in [0, 1] {
                let asked = node.ask(std::slice::from_ref(&key), Some(at(&node, since)), 10);
                node.pump(Pump::All);
                let page = node.page_of(asked);
                assert_eq!(page.recovered, kept || since == 1, "{key} since {since}");
                assert_eq!(numbers(&page), if kept && since == 0 { vec![1] } else { vec![] });
            }
        }
    }
}

fn kept_by_change(brokers: &Brokers) {
    let node = brokers.node();
    publish(&node, "a", 5, MANY);
    publish(&node, "a", 1, Retention { messages: 3, ..MANY });
    check(&node, &["a"], 0, false, &[4, 5, 6]);
    publish(&node, "a", 2, MANY);
    check(&node, &["a"], 3, true, &[4, 5, 6, 7, 8]);
    publish(&node, "a", 1, Retention::NONE);
    check(&node, &["a"], 8, false, &[]);
    publish(&node, "a", 1, MANY);
    check(&node, &["a"], 8, false, &[10]);
    check(&node, &["a"], 9, true, &[10]);
}

fn another_log(brokers: &Brokers) {
    let node = brokers.node();
    publish(&node, "a", 3, MANY);
    let here = at(&node, 0);
    for since in [
        Offset { epoch: here.epoch.wrapping_add(1), seq: 0 },
        Offset { epoch: here.epoch.wrapping_add(1), seq: 2 },
        // A place that this log has not reached is one of another log.
        Offset { epoch: here.epoch, seq: 4 },
    ] {
        let page = node.page(&["a"], Some(since), 10);
        assert_eq!((numbers(&page), page.recovered), (vec![1, 2, 3], false), "{since}");
        assert_eq!(page.position, Offset { seq: 3, ..here });
    }
}

fn merged(brokers: &Brokers) {
    let node = brokers.node();
    for (number, rooms) in (1..).zip([&["a"][..], &["b"], &["a", "b"], &["c"], &["b", "a"], &["a"]]) {
        node.publish(rooms, number);
    }
    node.pump(Pump::All);
    check(&node, &["a", "b"], 0, true, &[1, 2, 3, 5, 6]);
    check(&node, &["b", "a", "b"], 2, true, &[3, 5, 6]);
    check(&node, &["c", "nobody"], 0, true, &[4]);
    check(&node, &[], 0, true, &[]);
}

fn cut_short(brokers: &Brokers) {
    let node = brokers.node();
    for number in 0..10 {
        node.publish(&[["a", "b"][number as usize % 2]], number);
    }
    node.publish(&["c"], 10);
    node.pump(Pump::All);
    for limit in 1..12 {
        let mut since = at(&node, 0);
        let mut read = Vec::new();
        loop {
            let page = node.page(&["a", "b"], Some(since), limit);
            assert!(page.broadcasts.len() <= limit);
            assert!(page.recovered);
            read.extend(numbers(&page));
            if !page.more {
                assert_eq!(page.position.seq, 11, "behind everything, when nothing is left");
                break;
            }
            assert!(page.position.seq > since.seq, "a page of {limit} gets on");
            since = page.position;
        }
        assert_eq!(read, (1..=10).collect::<Vec<_>>(), "limit {limit}");
    }
    let none = node.page(&["a"], Some(at(&node, 3)), 0);
    assert_eq!((none.broadcasts.len(), none.position.seq, none.more), (0, 3, true));
}

fn the_last(brokers: &Brokers) {
    let node = brokers.node();
    for number in 0..10 {
        node.publish(&[["a", "b"][number as usize % 2]], number);
    }
    node.pump(Pump::All);
    for (limit, seqs, more) in
        [(3, &[8, 9, 10][..], true), (10, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], false), (0, &[], true)]
    {
        let page = node.page(&["a", "b"], None, limit);
        assert_eq!((&numbers(&page)[..], page.more, page.recovered), (seqs, more, true), "limit {limit}");
        assert_eq!(page.position.seq, 10);
    }
}
