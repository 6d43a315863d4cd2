//! Slow readers: they delay nobody, cost at most their bound, and lose only what their policy and the
//! classes of messages allow.

use std::sync::Arc;

use everywire_core::{Class, MailboxOptions, Name, Overflow, Payload, Reason, Target};

use crate::laws::{Law, Worlds};
use crate::random::Random;
use crate::world::{Client, ClientOptions, World, payload};

pub(super) const LAWS: &[Law<Worlds>] = &[
    ("a slow reader delays nobody and costs at most its bound", slow_delays_nobody),
    ("a reader that trickles costs at most its bound", trickle_is_bounded),
    ("what one handler sends in one go is no overflow", a_burst_is_no_overflow),
    ("a write may be cut at any byte", cut_at_any_byte),
    ("writes may be cut at any bytes while more comes", cut_while_more_comes),
    ("a message as large as the bound leaves room for the answer behind it", large_is_no_overflow),
    ("a reader that takes large messages one by one costs no more for it", large_by_large_is_bounded),
    ("a task that is about to sleep learns that others found its socket full", full_before_sleep),
    ("dropping the oldest drops events alone", drop_oldest),
    ("an overflow of replies ends the session", too_many_replies),
    ("the latest of a key is the one that arrives", latest),
    ("connections of one session keep their own latest", latest_by_slot),
    ("a volatile message is dropped where something waits", volatile),
    ("a broken socket is one client's trouble", broken_socket),
    ("what was cut is finished before the end", ends_whole),
];

fn with(bytes: u32, overflow: Overflow) -> ClientOptions {
    ClientOptions { mailbox: MailboxOptions { bytes, overflow }, ..ClientOptions::default() }
}

fn member(world: &World, options: &ClientOptions) -> Client {
    let client = world.client_with(options);
    drop(world.join(&client, "lobby"));
    world.settle();
    client
}

fn publish(world: &World, number: u64, class: Class) {
    drop(world.namespace.publish(None, Target::room("lobby"), "n", payload(number), class));
}

fn publish_large(world: &World, length: usize) {
    let large = Payload::from_args(&("x".repeat(length),)).expect("a text is an argument");
    drop(world.namespace.publish(None, Target::room("lobby"), "large", large, Class::Event));
    world.settle();
}

fn slow_delays_nobody(worlds: &Worlds) {
    for bound in [1_000, 100_000] {
        let world = worlds.world();
        let fast = world.members("lobby", 5);
        let slow: Vec<_> = (0..3).map(|_| member(&world, &with(bound, Overflow::Disconnect))).collect();
        for (i, client) in slow.iter().enumerate() {
            client.link.take(i * 5);
        }
        for number in 1..=1000 {
            publish(&world, number, Class::Event);
            world.settle();
            for client in &fast {
                assert_eq!(client.seqs().len() as u64, number);
            }
            for client in &slow {
                assert!(client.mailbox().waiting_bytes() <= bound);
            }
        }
        for client in &slow {
            assert_eq!(client.mailbox().ended(), Some(Reason::SlowConsumer));
        }
    }
}

fn trickle_is_bounded(worlds: &Worlds) {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let world = worlds.world();
        let bound = 2_000;
        let slow = member(&world, &with(bound, Overflow::DropOldest));
        for number in 1..=500 {
            publish(&world, number, Class::Event);
            // Reading a little must not be worth more than reading nothing.
            slow.link.take(random.below(12));
            if random.chance(70) {
                world.settle();
            } else {
                slow.link.handle(|| world.settle());
            }
            assert!(slow.mailbox().waiting_bytes() <= bound, "seed {seed}: {:?}", slow.mailbox());
        }
        slow.link.take_all();
        world.settle();
        let heard = slow.seqs();
        assert!(heard.windows(2).all(|two| two[0] < two[1]), "seed {seed}: {heard:?}");
        assert_eq!(heard.last(), Some(&500));
        assert_eq!(heard.len() as u32 + slow.mailbox().dropped(), 500);
    }
}

fn a_burst_is_no_overflow(worlds: &Worlds) {
    let world = worlds.world();
    let bound = 1_000;
    let client = world.client_with(&with(bound, Overflow::Disconnect));
    let burst = || (0..40).for_each(|number| client.emit(number));
    client.link.handle(burst);
    assert_eq!(client.heard().len(), 40);
    // With one that reads slowly it is a burst the first time, and then its own fault.
    client.link.take(0);
    client.link.handle(burst);
    assert_eq!(client.mailbox().ended(), None);
    (0..8).for_each(|number| client.emit(number));
    assert_eq!(client.mailbox().ended(), Some(Reason::SlowConsumer));
}

fn large_is_no_overflow(worlds: &Worlds) {
    for overflow in [Overflow::Disconnect, Overflow::DropOldest] {
        let world = worlds.world();
        let bound = 4_000;
        let slow = member(&world, &with(bound, overflow));
        slow.link.take(0);
        // The first is in the task's hands.
        publish(&world, 0, Class::Event);
        world.settle();
        for number in 0..3 {
            publish_large(&world, bound as usize);
            slow.reply(number);
            assert_eq!(slow.mailbox().ended(), None, "{overflow:?}: {number}");
            assert_eq!(slow.mailbox().dropped(), 0, "{overflow:?}: {number}");
        }
        // Few may wait, however large they are: no fourth of them.
        publish_large(&world, bound as usize);
        match overflow {
            Overflow::Disconnect => assert_eq!(slow.mailbox().ended(), Some(Reason::SlowConsumer)),
            Overflow::DropOldest => {
                assert_eq!((slow.mailbox().ended(), slow.mailbox().dropped()), (None, 1));
                assert!(slow.mailbox().waiting_bytes() <= 4 * bound);
            }
        }
    }
}

/// Beyond what a task is handed in one go, which is 256 KiB, messages leave one by one.
fn large_by_large_is_bounded(worlds: &Worlds) {
    let (bound, length) = (400_000, 300_000);
    for overflow in [Overflow::Disconnect, Overflow::DropOldest] {
        let world = worlds.world();
        let slow = member(&world, &with(bound, overflow));
        slow.link.take(0);
        for _ in 0..20 {
            (0..4).for_each(|_| publish_large(&world, length));
            // Four of them wait, and a fifth has begun to leave.
            assert!(slow.mailbox().waiting_bytes() <= 4 * bound, "{overflow:?}: {:?}", slow.mailbox());
            slow.link.take(length);
            world.settle();
        }
        match overflow {
            Overflow::Disconnect => assert_eq!(slow.mailbox().ended(), Some(Reason::SlowConsumer)),
            Overflow::DropOldest => assert!(slow.mailbox().dropped() > 40),
        }
    }
}

fn full_before_sleep(worlds: &Worlds) {
    for room in [0, 3] {
        let world = Arc::new(worlds.world());
        let client = member(&world, &ClientOptions::default());
        let (link, meanwhile) = (client.link.clone(), world.clone());
        client.link.before_sleep(move || {
            link.take(room);
            publish(&meanwhile, 1, Class::Event);
            meanwhile.pump_all();
            meanwhile.passes.run();
        });
        client.mailbox().wake();
        client.link.run();
        assert_eq!(client.heard().len(), 0);
        client.link.take_all();
        world.run_tasks();
        assert_eq!(client.heard(), ["1 n 1"], "{room}");
    }
}

fn cut_at_any_byte(worlds: &Worlds) {
    let numbers = [1, 22, 333, 4444];
    let whole: Vec<_> = (1..).zip(numbers).map(|(seq, number)| format!("{seq} n {number}")).collect();
    let length: usize = whole.iter().map(|line| line.len() + 1).sum();
    for first in 0..=length {
        for second in [0, 1, 7, 8, 9, 20] {
            let world = worlds.world();
            let members = world.members("lobby", 2);
            members[0].link.take(first);
            for number in numbers {
                publish(&world, number, Class::Event);
            }
            world.settle();
            members[0].link.take(second);
            world.settle();
            members[0].emit(5);
            publish(&world, 6, Class::Event);
            world.settle();
            members[0].link.take_all();
            world.settle();
            let mut expected = whole.clone();
            expected.extend(["emit n 5".to_owned(), "5 n 6".to_owned()]);
            assert_eq!(members[0].heard(), expected, "cut at {first} and {second}");
            assert!(!members[0].link.is_torn());
            assert_eq!(members[0].mailbox().waiting_bytes(), 0);
        }
    }
}

fn cut_while_more_comes(worlds: &Worlds) {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let world = worlds.world();
        let members = world.members("lobby", 3);
        drop(world.join(&members[0], "hall"));
        world.settle();
        let mut expected = Vec::new();
        for number in 0..40 {
            match random.below(6) {
                0 => members[0].link.take(random.below(40)),
                1 => members[0].link.take_all(),
                2 => members[0].link.bite(1 + random.below(9)),
                3 => {
                    // What was published comes to the node first, so the order is known.
                    world.pump_all();
                    members[0].emit(number);
                    expected.push(format!("emit n {number}"));
                }
                4 => world.settle(),
                _ => {
                    let room = random.pick(&["lobby", "hall"]);
                    world.publish(room, number);
                    expected.push(format!("n {number}"));
                }
            }
            if random.chance(30) && members[0].link.is_due() {
                members[0].link.run();
            }
        }
        members[0].link.take_all();
        world.settle();
        let heard = members[0].heard();
        let stripped: Vec<_> = heard
            .iter()
            .map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' '))
            .collect();
        assert_eq!(stripped, expected, "seed {seed}");
    }
}

fn drop_oldest(worlds: &Worlds) {
    let world = worlds.world();
    let slow = member(&world, &with(10 * 140, Overflow::DropOldest));
    slow.link.take(0);
    let mut replies = Vec::new();
    for number in 1..=100 {
        publish(&world, number, Class::Event);
        if number % 25 == 0 {
            world.pump_all();
            slow.reply(number);
            replies.push(format!("reply {number} "));
        }
        world.settle();
    }
    assert_eq!(slow.mailbox().ended(), None);
    slow.link.take_all();
    world.settle();
    let heard = slow.heard();
    let kept: Vec<_> = heard.iter().filter(|line| line.starts_with("reply")).cloned().collect();
    assert_eq!(kept, replies, "never dropped and in order");
    let last = heard.iter().rposition(|line| line.starts_with("reply"));
    assert_eq!(last, Some(heard.len() - 1), "nor overtaken: the last one followed publication 100");
    let seqs = slow.seqs();
    assert_eq!(seqs.last(), Some(&100));
    // The first is in the task's hands, beyond recall.
    assert_eq!(seqs[0], 1);
    assert!(
        seqs.len() >= 5 && seqs[1..].windows(2).all(|two| two[0] + 1 == two[1]),
        "the newest remain: {seqs:?}"
    );
    assert_eq!(slow.mailbox().dropped() as usize + seqs.len(), 100);
}

fn too_many_replies(worlds: &Worlds) {
    for overflow in [Overflow::Disconnect, Overflow::DropOldest] {
        let world = worlds.world();
        let slow = member(&world, &with(1000, overflow));
        slow.link.take(0);
        publish(&world, 1, Class::Event);
        world.settle();
        for number in 0..100 {
            slow.reply(number);
            assert!(slow.mailbox().waiting_bytes() <= 1000);
        }
        assert_eq!(slow.mailbox().ended(), Some(Reason::SlowConsumer));
    }
}

fn latest(worlds: &Worlds) {
    let world = worlds.world();
    let fast = world.members("lobby", 1);
    let slow = member(&world, &ClientOptions::default());
    slow.link.take(0);
    let key = |key: &'static str| Class::Latest(Name::from(key));
    for number in 1..=30 {
        match number % 3 {
            0 => publish(&world, number, key("position")),
            1 => publish(&world, number, key("score")),
            _ => publish(&world, number, Class::Event),
        }
        world.settle();
    }
    slow.link.take_all();
    world.settle();
    assert_eq!(fast[0].seqs(), (1..=30).collect::<Vec<_>>());
    // The first is in the task's hands, beyond recall.
    let mut expected: Vec<u64> = (1..=30).filter(|number| number % 3 == 2).chain([1, 28, 30]).collect();
    expected.sort_unstable();
    assert_eq!(slow.seqs(), expected);
}

fn latest_by_slot(worlds: &Worlds) {
    let world = worlds.world();
    let first = world.client_with(&ClientOptions { slot: 1, ..ClientOptions::default() });
    let second = world.client_on(first.link.clone(), &ClientOptions { slot: 2, ..ClientOptions::default() });
    for client in [&first, &second] {
        drop(world.join(client, "lobby"));
    }
    world.settle();
    first.link.take(0);
    for number in 1..=3 {
        publish(&world, number, Class::Latest(Name::from("position")));
        world.settle();
    }
    first.link.take_all();
    world.settle();
    let mut heard = first.heard();
    heard.sort();
    // The two of the first publication were in the task's hands, beyond recall.
    assert_eq!(heard, ["1/1 n 1", "1/3 n 3", "2/1 n 1", "2/3 n 3"]);
}

fn volatile(worlds: &Worlds) {
    let world = worlds.world();
    let fast = world.members("lobby", 1);
    let slow = member(&world, &ClientOptions::default());
    slow.link.take(0);
    publish(&world, 1, Class::Volatile);
    publish(&world, 2, Class::Event);
    world.settle();
    publish(&world, 3, Class::Volatile);
    world.settle();
    slow.link.take_all();
    world.settle();
    publish(&world, 4, Class::Volatile);
    world.settle();
    assert_eq!(fast[0].seqs(), [1, 2, 3, 4]);
    assert_eq!(slow.seqs(), [2, 4]);
}

fn broken_socket(worlds: &Worlds) {
    let world = worlds.world();
    let members = world.members("lobby", 3);
    members[1].link.break_off();
    publish(&world, 1, Class::Event);
    publish(&world, 2, Class::Event);
    world.settle();
    members[1].emit(3);
    world.settle();
    assert_eq!(members[0].seqs(), [1, 2]);
    assert_eq!(members[2].seqs(), [1, 2]);
    assert_eq!(members[1].link.ended(), Some(Reason::Lost));
}

fn ends_whole(worlds: &Worlds) {
    for flush in [true, false] {
        for taken in 0..=30 {
            let world = worlds.world();
            let slow = member(&world, &ClientOptions::default());
            slow.link.take(taken);
            for number in 1..=5 {
                publish(&world, number, Class::Event);
            }
            world.pump_all();
            world.passes.run();
            slow.mailbox().end(Reason::ServerClosed, flush);
            world.run_tasks();
            slow.link.take_all();
            world.settle();
            assert!(!slow.link.is_torn(), "taken {taken}, flush {flush}");
            // A line has six bytes.
            let whole = if flush { 5 } else { taken.div_ceil(6) };
            assert_eq!(slow.seqs(), (1..=whole as u64).collect::<Vec<_>>(), "taken {taken}, flush {flush}");
            assert_eq!(slow.link.ended(), Some(Reason::ServerClosed));
        }
    }
}
