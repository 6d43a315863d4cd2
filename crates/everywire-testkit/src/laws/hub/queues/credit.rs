//! How much of what is delivered may wait in a mailbox, and in which order it stands there.

use everywire_core::hub::{QueueError, Verdict};
use everywire_core::{MailboxOptions, Overflow, Payload};

use super::message;
use crate::laws::{Law, Worlds};
use crate::world::{Client, ClientOptions, World};

pub(in crate::laws::hub) const LAWS: &[Law<Worlds>] = &[
    ("so many messages of a consumer wait in a mailbox", messages_in_a_mailbox),
    ("a connection's consumers share a quarter of its mailbox, in turn", bytes_in_a_mailbox),
    ("a message that is larger than that is delivered alone", large_ones),
    ("what is settled by a guess is in the mailbox all the same", settled_by_a_guess),
    ("who waits for its mailbox delays nobody", nobody_is_delayed),
    ("a delivery follows what was sent before, and the client's own publications", in_order),
];

/// A client whose mailbox is of this size, and whose socket takes nothing.
fn blocked(world: &World, bytes: u32) -> Client {
    let mailbox = MailboxOptions { bytes, overflow: Overflow::Disconnect };
    let client = world.client_with(&ClientOptions { mailbox, ..ClientOptions::default() });
    client.block();
    client
}

fn unsettled(world: &World, queue: &str) -> usize {
    world.queue(queue).expect("the queue is there").1
}

fn messages_in_a_mailbox(worlds: &Worlds) {
    let world = worlds.world();
    let client = blocked(&world, 1 << 20);
    world.consume_sent(&client, "q", 1).unwrap();
    world.consume(&client, "other", 2, 100).unwrap();
    for number in 0..200 {
        world.enqueue("q", number).unwrap();
        world.enqueue("other", number).unwrap();
    }
    assert_eq!((unsettled(&world, "q"), unsettled(&world, "other")), (64, 64));
    world.settle_one(&client, 2, 1, Verdict::Done).unwrap();
    assert_eq!(unsettled(&world, "other"), 63, "it is settled, and still in the mailbox");
    client.link.take_all();
    world.settle();
    assert_eq!((world.queue("q"), unsettled(&world, "other")), (Some((0, 0, 1)), 100));
    let deliveries = client.deliveries();
    for (consumer, count) in [(1, 200), (2, 101)] {
        let own = deliveries.iter().filter(|line| line.starts_with(&format!("{consumer}.")));
        let expected = (0..count).map(|number| format!("{consumer}.{} n {number}", number + 1));
        assert!(own.eq(&expected.collect::<Vec<_>>()), "consumer {consumer} has each once, in order");
    }
}

fn bytes_in_a_mailbox(worlds: &Worlds) {
    let world = worlds.world();
    // Each costs 256, and four of them are a quarter.
    let client = blocked(&world, 16 * 256);
    let large = || message(Payload::binary(vec![0; 127]));
    for queue in ["a", "b", "c"] {
        for _ in 0..8 {
            world.namespace.enqueue(queue, large()).unwrap();
        }
    }
    for (number, queue) in [(1, "a"), (2, "b"), (3, "c")] {
        world.consume_sent(&client, queue, number).unwrap();
    }
    assert_eq!(["a", "b", "c"].map(|queue| unsettled(&world, queue)), [4, 0, 0]);
    // One leaves at a time, and each has its turn.
    let left = |number, delivery| {
        world.namespace.delivery_left(&client.connection, number, delivery);
        ["a", "b", "c"].map(|queue| unsettled(&world, queue))
    };
    assert_eq!(left(1, 1), [4, 0, 0]);
    assert_eq!(left(1, 2), [3, 1, 0]);
    assert_eq!(left(1, 3), [2, 1, 1]);
    assert_eq!(left(1, 4), [2, 1, 1]);
    assert_eq!(left(1, 5), [1, 2, 1]);
    assert_eq!(left(2, 1), [1, 1, 2]);
    assert!(client.mailbox().ended().is_none());
    let held = world.namespace.queues().iter().map(|queue| queue.messages + queue.unsettled).sum::<usize>();
    assert_eq!(held, 18);
}

fn large_ones(worlds: &Worlds) {
    let world = worlds.world();
    let client = blocked(&world, 16 * 256);
    for _ in 0..3 {
        world.namespace.enqueue("q", message(Payload::binary(vec![0; 1500]))).unwrap();
    }
    world.consume(&client, "q", 1, 9).unwrap();
    assert_eq!(unsettled(&world, "q"), 1);
    world.namespace.delivery_left(&client.connection, 1, 1);
    assert_eq!(unsettled(&world, "q"), 2);
}

fn settled_by_a_guess(worlds: &Worlds) {
    let world = worlds.world();
    let client = blocked(&world, 16 * 256);
    for _ in 0..6 {
        world.namespace.enqueue("q", message(Payload::binary(vec![0; 127]))).unwrap();
    }
    world.consume(&client, "q", 1, 9).unwrap();
    world.namespace.settle(&client.connection, 1, 4, true, Verdict::Done).unwrap();
    assert!(world.namespace.stop_consuming(&client.connection, 1));
    assert_eq!(world.consume(&client, "q", 1, 9), Err(QueueError::Taken), "it has something in the mailbox");
    world.consume(&client, "q", 2, 9).unwrap();
    assert_eq!(world.queue("q"), Some((2, 0, 1)));
    client.link.take_all();
    world.settle();
    assert_eq!(world.queue("q"), Some((0, 2, 1)));
    world.consume(&client, "q", 1, 9).unwrap();
}

fn nobody_is_delayed(worlds: &Worlds) {
    let world = worlds.world();
    let (slow, fast) = (blocked(&world, 16 * 256), world.client());
    world.consume_sent(&slow, "q", 1).unwrap();
    world.consume_sent(&fast, "q", 1).unwrap();
    for number in 0..500 {
        world.enqueue("q", number).unwrap();
        world.settle();
    }
    let waiting = unsettled(&world, "q");
    assert!((1..64).contains(&waiting), "{waiting} wait");
    assert_eq!(fast.deliveries().len(), 500 - waiting);
    assert!(slow.mailbox().ended().is_none());
    slow.link.take_all();
    world.settle();
    assert_eq!(slow.deliveries().len(), waiting);
    assert_eq!(world.queue("q"), Some((0, 0, 2)));
}

fn in_order(worlds: &Worlds) {
    let world = worlds.world();
    let client = &world.members("lobby", 1)[0];
    world.consume(client, "q", 1, 9).unwrap();
    client.emit(1);
    world.enqueue("q", 2).unwrap();
    world.publish_from(client, "lobby", 3);
    world.enqueue("q", 4).unwrap();
    client.emit(5);
    world.settle();
    assert_eq!(client.heard(), ["emit n 1", "take 1.1 n 2", "1 n 3", "take 1.2 n 4", "emit n 5"]);
}
