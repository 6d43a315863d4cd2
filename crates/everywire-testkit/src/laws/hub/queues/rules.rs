//! What is refused, and what a message carries.

use std::collections::VecDeque;
use std::sync::Arc;

use everywire_core::admission::ForbiddenPart;
use everywire_core::broadcast::Original;
use everywire_core::hub::{QueueBound, QueueError, Verdict};
use everywire_core::mailbox::Drain;
use everywire_core::{Item, Payload, QueueMessage, Reason};

use super::message;
use crate::laws::{Law, Worlds};
use crate::world::payload;

pub(in crate::laws::hub) const LAWS: &[Law<Worlds>] = &[
    ("a queue holds so many messages", messages_are_bounded),
    ("a queue holds so many bytes, and all queues together", bytes_are_bounded),
    ("a namespace has so many queues", queues_are_bounded),
    ("queues and events are named by the rules", names_are_checked),
    ("a delivery is settled once, by who has it", settled_once),
    ("a consumer's number is its own until all is settled", numbers),
    ("nothing begins on a connection that has ended", ended),
    ("what is returned too often is dropped", worn_out),
    ("a message arrives as it was sent", carried),
];

fn full(bound: QueueBound, limit: usize) -> Result<(), QueueError> {
    Err(QueueError::Full { queue: "q".into(), bound, limit })
}

fn messages_are_bounded(worlds: &Worlds) {
    let world = worlds.world_with(|options| options.queues.messages = 2);
    let client = world.client();
    world.consume(&client, "q", 1, 1).unwrap();
    world.enqueue("q", 1).unwrap();
    world.enqueue("q", 2).unwrap();
    let refused = world.enqueue("q", 3);
    assert_eq!(refused, full(QueueBound::Messages, 2), "what is out counts");
    assert_eq!(
        refused.unwrap_err().to_string(),
        "a queue may hold 2 messages, and \"q\" does; send again when some have been settled"
    );
    world.enqueue("another", 4).unwrap();
    world.settle_one(&client, 1, 1, Verdict::Return).unwrap();
    assert_eq!(world.enqueue("q", 3), full(QueueBound::Messages, 2), "what comes back still counts");
    world.settle_one(&client, 1, 2, Verdict::Done).unwrap();
    world.enqueue("q", 3).unwrap();
    assert_eq!(world.queue("q"), Some((1, 1, 1)));
}

fn bytes_are_bounded(worlds: &Worlds) {
    // Each is 1 byte of name, 9 of payload and 128.
    let nine = |number| message(Payload::binary(vec![number; 9]));
    let world = worlds.world_with(|options| {
        options.queues.bytes = 2 * 138;
        options.queues.total_bytes = 4 * 138 - 1;
    });
    let cost = world.namespace.enqueue("q", nine(1)).map(|()| world.namespace.queues()[0].bytes);
    assert_eq!(cost, Ok(138));
    let client = world.client();
    world.consume(&client, "q", 1, 1).unwrap();
    let with_original = |body: usize| {
        let body = Some(vec![0; body].into());
        let original = Original { headers: vec![("k".into(), "v".into())], content_type: None, body };
        QueueMessage { original: Some(Arc::new(original)), ..nine(2) }
    };
    assert_eq!(with_original(5).size(), 10 + 34 + 5);
    assert_eq!(world.namespace.enqueue("q", with_original(0)), full(QueueBound::Bytes, 276));
    world.namespace.enqueue("q", nine(2)).unwrap();
    assert_eq!(world.namespace.enqueue("q", nine(3)), full(QueueBound::Bytes, 276));
    world.namespace.enqueue("r", nine(3)).unwrap();
    let too_much = Err(QueueError::Full { queue: "r".into(), bound: QueueBound::TotalBytes, limit: 551 });
    assert_eq!(world.namespace.enqueue("r", nine(4)), too_much);
    world.settle_one(&client, 1, 1, Verdict::Drop).unwrap();
    world.namespace.enqueue("r", nine(4)).unwrap();
    assert_eq!(world.namespace.queues().iter().map(|queue| queue.bytes).sum::<usize>(), 3 * 138);
    // One that can never fit leaves no queue behind.
    let large = message(Payload::binary(vec![0; 300]));
    assert!(matches!(world.namespace.enqueue("new", large), Err(QueueError::Full { .. })));
    assert_eq!(world.queue("new"), None);
}

fn queues_are_bounded(worlds: &Worlds) {
    let world = worlds.world_with(|options| options.queues.queues = 2);
    let client = world.client();
    world.enqueue("a", 1).unwrap();
    world.consume(&client, "b", 1, 1).unwrap();
    let too_many = Err(QueueError::TooManyQueues { limit: 2 });
    assert_eq!(world.enqueue("c", 2), too_many);
    assert_eq!(world.consume(&client, "c", 2, 1), too_many);
    world.enqueue("b", 2).unwrap();
    world.consume(&client, "a", 2, 1).unwrap();
    assert!(world.namespace.stop_consuming(&client.connection, 2));
    world.settle_one(&client, 2, 1, Verdict::Done).unwrap();
    world.enqueue("c", 3).unwrap();
}

fn names_are_checked(worlds: &Worlds) {
    let world = worlds.world();
    let client = world.client();
    for forbidden in everywire_core::admission::forbidden_examples() {
        match forbidden.what {
            ForbiddenPart::Room(name) => {
                let refused = world.enqueue(&name, 1).unwrap_err();
                assert!(matches!(refused, QueueError::Refused(_)), "{}", forbidden.rule);
                assert!(refused.to_string().contains("queue name"), "{refused}");
                let consumed = world.consume(&client, &name, 1, 1);
                assert!(matches!(consumed, Err(QueueError::Refused(_))), "{}", forbidden.rule);
            }
            ForbiddenPart::Event(event) => {
                let sent = QueueMessage { event: event.into(), ..message(payload(1)) };
                let sent = world.namespace.enqueue("q", sent);
                assert!(matches!(sent, Err(QueueError::Refused(_))), "{}", forbidden.rule);
            }
            // A payload that breaks the rules does not exist.
            ForbiddenPart::Arguments { .. } => {}
        }
    }
    assert_eq!(world.namespace.queues(), []);
}

fn settled_once(worlds: &Worlds) {
    let world = worlds.world();
    let (client, other) = (world.client(), world.client());
    world.consume(&client, "q", 1, 9).unwrap();
    world.consume_sent(&client, "sent", 2).unwrap();
    world.enqueue("sent", 9).unwrap();
    for number in 1..=3 {
        world.enqueue("q", number).unwrap();
    }
    world.settle();
    let unknown = Err(QueueError::Unknown);
    let wrong = [(&client, 1, 0), (&client, 1, 4), (&client, 1, u64::MAX), (&client, 3, 1), (&other, 1, 1)];
    for (who, number, delivery) in wrong.into_iter().chain([(&client, 2, 1)]) {
        for verdict in [Verdict::Done, Verdict::Return, Verdict::Drop] {
            assert_eq!(world.settle_one(who, number, delivery, verdict), unknown, "{number}.{delivery}");
        }
    }
    world.settle_one(&client, 1, 2, Verdict::Done).unwrap();
    assert_eq!(world.settle_one(&client, 1, 2, Verdict::Return), unknown, "settled already");
    let up_to = |delivery| world.namespace.settle(&client.connection, 1, delivery, true, Verdict::Done);
    assert_eq!(up_to(2), unknown, "one that is settled is no place to settle up to");
    assert_eq!(up_to(4), unknown);
    assert_eq!(world.queue("q"), Some((0, 2, 1)));
    up_to(3).unwrap();
    assert_eq!(up_to(3), unknown);
    world.namespace.disconnect(&client.connection);
    assert_eq!(up_to(3), unknown);
    assert_eq!(world.namespace.queues(), []);
    world.namespace.delivery_left(&client.connection, 1, 3);
}

fn numbers(worlds: &Worlds) {
    let world = worlds.world();
    let client = world.client();
    world.consume(&client, "q", 1, 9).unwrap();
    assert_eq!(world.consume(&client, "r", 1, 9), Err(QueueError::Taken));
    assert_eq!(world.queue("r"), None);
    world.consume(&client, "q", 2, 9).unwrap();
    world.consume(&world.client(), "q", 1, 9).unwrap();
    world.enqueue("q", 1).unwrap();
    world.settle();
    assert!(world.namespace.stop_consuming(&client.connection, 1));
    assert!(!world.namespace.stop_consuming(&client.connection, 1), "it has stopped");
    assert!(!world.namespace.stop_consuming(&client.connection, 3));
    assert_eq!(world.consume(&client, "q", 1, 9), Err(QueueError::Taken), "one is unsettled");
    world.settle_one(&client, 1, 1, Verdict::Done).unwrap();
    world.consume(&client, "q", 1, 9).unwrap();
}

fn ended(worlds: &Worlds) {
    let world = worlds.world();
    let (client, other) = (world.client(), world.client());
    world.consume(&client, "q", 1, 9).unwrap();
    world.consume(&other, "q", 1, 9).unwrap();
    // Its session is over, and nobody has told the hub: what it is given goes to others.
    client.mailbox().end(Reason::Lost, false);
    world.enqueue("q", 1).unwrap();
    world.settle();
    assert_eq!(other.deliveries(), ["1.1 n 1"]);
    assert_eq!(world.queue("q"), Some((0, 1, 1)));
    world.namespace.disconnect(&client.connection);
    assert_eq!(world.consume(&client, "q", 2, 9), Err(QueueError::Closed));
    assert_eq!(world.queue("q"), Some((0, 1, 1)));
}

fn worn_out(worlds: &Worlds) {
    let world = worlds.world_with(|options| options.queues.deliveries = Some(3));
    let client = world.client();
    world.consume(&client, "q", 1, 2).unwrap();
    for number in 1..=3 {
        world.enqueue("q", number).unwrap();
    }
    world.settle();
    for delivery in [1, 3] {
        world.settle_one(&client, 1, delivery, Verdict::Return).unwrap();
        world.settle();
    }
    assert_eq!(client.deliveries().last().map(String::as_str), Some("1.4 again n 1"));
    // The third time that it is returned, here by an end; the other one is returned for the first time.
    world.namespace.disconnect(&client.connection);
    let next = world.client();
    world.consume_sent(&next, "q", 1).unwrap();
    world.settle();
    assert_eq!(next.deliveries(), ["1.1 again n 2", "1.2 n 3"]);
    assert_eq!(world.namespace.queues()[0].bytes, 0);
}

fn carried(worlds: &Worlds) {
    let world = worlds.world();
    let (sender, client) = (world.user("ann"), world.client());
    let original = Arc::new(Original { content_type: Some("text/plain".into()), ..Original::default() });
    let sent = QueueMessage {
        from: Some(sender.connection.id()),
        user: sender.connection.identity().user.clone(),
        original: Some(original.clone()),
        time: 1,
        ..message(payload(5))
    };
    world.namespace.enqueue("q", sent).unwrap();
    world.consume(&client, "q", 7, 1).unwrap();
    let mut entries = VecDeque::new();
    assert!(matches!(client.mailbox().drain(&mut entries), Drain::Entries));
    let Some(Item::Delivery { consumer: 7, delivery: 1, redelivered: false, message }) =
        entries.pop_front().map(|entry| entry.item)
    else {
        panic!("no delivery")
    };
    assert_eq!(message.time, world.hub.now());
    assert_eq!((message.from, message.user.as_deref()), (Some(sender.connection.id()), Some("ann")));
    assert!(message.original.as_ref().is_some_and(|sent| Arc::ptr_eq(sent, &original)));
    assert_eq!((&*message.event, message.payload.size()), ("n", payload(5).size()));
}
