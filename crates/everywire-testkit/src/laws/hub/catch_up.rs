//! Catching up: no loss, no doubling, order kept, and the truth about what is gone.

use everywire_core::broker::Retention;
use everywire_core::hub::JoinError;
use everywire_core::{Joined, MailboxOptions, Offset, Promise, Reason, RoomKey, Target};

use crate::laws::{Law, Worlds};
use crate::random::Random;
use crate::world::{Client, ClientOptions, World};

pub(super) const LAWS: &[Law<Worlds>] = &[
    ("what was missed comes first, in order", missed_comes_first),
    ("publishing goes on while somebody catches up", publishing_goes_on),
    ("an offset is a place from which nothing is lost", offsets_lose_nothing),
    ("who heard it by another room hears it once", union_is_caught_up_once),
    ("who is left out of a publication is left out of its history", except_in_history),
    ("who comes back hears what was published to it while it was away", back_under_its_id),
    ("who comes back to several rooms hears each as it did", each_room_as_it_was),
    ("it is told when a room has let go", truth_about_loss),
    ("it is told when the log is another one", another_epoch),
    ("it is told when too much comes meanwhile", too_much_meanwhile),
    ("who catches up is not slow", not_slow),
    ("who asks for history again and again and reads nothing is", greedy_is_slow),
];

fn missed_comes_first(worlds: &Worlds) {
    let world = worlds.world();
    let other = world.members("b", 1);
    for (number, room) in (1..).zip(["a", "b", "a", "c", "b"]) {
        world.publish(room, number);
    }
    world.settle();
    let client = world.client();
    let joined = world.subscribe(&client, &["a", "b"], Some(at(&world, 1)));
    let Joined { offset, recovered } = world.kept(joined).expect("nothing wrong with it");
    assert!(recovered);
    // The place behind the last broadcast, or behind the last that this node was told of.
    assert_eq!(offset.seq, 5);
    world.publish("a", 6);
    world.settle();
    assert_eq!(client.heard(), ["2 n 2 in b", "3 n 3 in a", "5 n 5 in b", "6 n 6 in a"]);
    assert_eq!(other[0].seqs(), [2, 5]);
    // Once more, from an older place: the client asks for it, so it gets it.
    let joined = world.subscribe(&client, &["b"], Some(at(&world, 4)));
    assert_eq!(world.kept(joined).map(|joined| joined.recovered), Ok(true));
    assert_eq!(client.heard()[4..], ["5 n 5 in b"]);
}

fn back_under_its_id(worlds: &Worlds) {
    let world = worlds.world();
    let client = world.members("a", 1).remove(0);
    let id = client.connection.id();
    let publish_to_it = |number| drop(world.publish_to(None, Target::room(RoomKey::Connection(id)), number));
    publish_to_it(1);
    world.settle();
    assert_eq!(client.heard(), ["1 n 1"]);
    world.namespace.disconnect(&client.connection);
    publish_to_it(2);
    world.publish("a", 3);
    publish_to_it(4);
    world.settle();
    let back = world.client_again(id);
    // It is there, and has yet to say which rooms it was in: all comes in order nevertheless.
    publish_to_it(5);
    world.publish("a", 6);
    world.pump();
    let joined = world.subscribe(&back, &["a"], Some(at(&world, 1)));
    publish_to_it(7);
    world.publish("a", 8);
    world.settle();
    assert_eq!(world.kept(joined).map(|joined| joined.recovered), Ok(true));
    assert_eq!(back.seqs(), [2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(client.heard(), ["1 n 1"], "that connection is gone");
    // And from then on it hears as anybody else.
    publish_to_it(9);
    world.settle();
    assert_eq!(back.seqs().last(), Some(&9));
    let stranger = world.client();
    let joined = world.subscribe(&stranger, &["a"], Some(at(&world, 1)));
    world.settle();
    assert_eq!(world.kept(joined).map(|joined| joined.recovered), Ok(true));
    assert_eq!(stranger.seqs(), [3, 6, 8], "what was published to one connection is nobody else's");
}

fn each_room_as_it_was(worlds: &Worlds) {
    let world = worlds.world();
    let others = world.members("a", 1);
    let target = |rooms: &[&str]| Target {
        rooms: rooms.iter().map(|&room| room.into()).collect(),
        ..Target::default()
    };
    for (number, rooms) in (1..).zip([&["a"][..], &["b"], &["a", "b"], &["b", "a"]]) {
        drop(world.publish_to(None, target(rooms), number));
    }
    drop(world.publish_to(None, Target::room(RoomKey::Everyone), 5));
    world.settle();
    let client = world.client();
    let rooms = [("a".into(), false), ("b".into(), true), (RoomKey::Everyone, false)];
    let joined = world.namespace.join_all(&client.connection, rooms, Some(at(&world, 0)));
    world.publish("a", 6);
    world.publish("b", 7);
    world.settle();
    assert_eq!(world.kept(joined).map(|joined| joined.recovered), Ok(true));
    let heard = ["1 n 1", "2 n 2 in b", "3 n 3", "4 n 4", "5 n 5", "6 n 6", "7 n 7 in b"];
    assert_eq!(client.heard(), heard);
    assert_eq!(others[0].seqs(), [1, 3, 4, 5, 6]);
}

/// A place in the log of this world's broker.
fn at(world: &World, seq: u64) -> Offset {
    let page =
        world.kept(world.namespace.history([RoomKey::from("a")], None, 1)).expect("the broker answers");
    Offset { seq, ..page.position }
}

fn publishing_goes_on(worlds: &Worlds) {
    for seed in 0..120 {
        let mut random = Random::new(seed);
        let world = worlds.world();
        let live = world.client();
        drop(world.join(&live, "a"));
        drop(world.join(&live, "b"));
        if random.chance(50) {
            world.settle();
        }
        let publish = |number: u64, random: &mut Random| {
            let mut target = Target::room(random.pick(&["a", "b", "c"]));
            if random.chance(20) {
                target.rooms.push(random.pick(&["a", "b", "c"]).into());
            }
            drop(world.publish_to(None, target, number));
        };
        let before = random.below(10) as u64;
        for number in 0..before {
            publish(number, &mut random);
        }
        let since = at(&world, random.below(before as usize + 1) as u64);
        let client = world.client();
        let joined = world.subscribe(&client, &["a", "b"], Some(since));
        for number in 100..120 {
            match random.below(4) {
                0 => publish(number, &mut random),
                1 if !world.passes.is_empty() => world.passes.step(0),
                _ => world.pump(),
            }
        }
        let page = world.kept(world.namespace.history(["a".into(), "b".into()], Some(since), 1000));
        let kept: Vec<_> = page.expect("it is kept").broadcasts.iter().map(|b| b.seq()).collect();
        let joined = world.kept(joined).expect("nothing wrong with it");
        assert!(joined.recovered, "seed {seed}");
        assert_eq!(client.seqs(), kept, "seed {seed}");
    }
}

/// What the client has received when its join is done, and the place it was told.
fn heard_when_joined(
    world: &World,
    client: &Client,
    mut joined: Promise<Result<Joined, JoinError>>,
) -> (Vec<u64>, Joined) {
    for _ in 0..1000 {
        match joined.now() {
            Ok(joined) => {
                world.run_tasks();
                return (client.seqs(), joined.expect("nothing wrong with it"));
            }
            Err(waiting) => joined = waiting,
        }
        world.pump();
    }
    panic!("a join is not answered after 1000 steps of the broker");
}

fn offsets_lose_nothing(worlds: &Worlds) {
    for seed in 0..120 {
        let mut random = Random::new(seed);
        let world = worlds.world();
        let helper = world.members("c", 1);
        let start = at(&world, 0);
        let client = world.client();
        drop(world.join(&client, "b"));
        world.settle();
        for number in 0..12 {
            world.publish(random.pick(&["a", "b"]), number);
            if random.chance(50) {
                world.pump();
            }
        }
        let joined = world.subscribe(&client, &["a"], Some(start));
        let (heard, joined) = heard_when_joined(&world, &client, joined);
        // It is cut off here, and comes back to both rooms with the offset that it was told. Its own room b had
        // been flushed when it was asked what it had heard: nothing up to the offset may be missing from both.
        let again = world.client();
        let back = world.subscribe(&again, &["a", "b"], Some(joined.offset));
        assert_eq!(world.kept(back).map(|back| back.recovered), Ok(true), "seed {seed}");
        let mut all: Vec<u64> = heard.iter().copied().filter(|seq| *seq <= joined.offset.seq).collect();
        all.extend(again.seqs());
        all.sort_unstable();
        assert_eq!(all, (1..=12).collect::<Vec<_>>(), "seed {seed}, cut at {}: {heard:?}", joined.offset);
        assert!(helper[0].seqs().is_empty());
    }
}

fn union_is_caught_up_once(worlds: &Worlds) {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let world = worlds.world();
        let start = at(&world, 0);
        let client = world.user("ann");
        drop(world.join(&client, "a"));
        world.settle();
        let mut joined = None;
        for number in 1..=9 {
            if number == 5 {
                joined = Some(world.subscribe(&client, &["b"], Some(start)));
            }
            let also: RoomKey = match random.below(4) {
                0 => "a".into(),
                1 => client.connection.id().into(),
                2 => RoomKey::User("ann".into()),
                _ => "c".into(),
            };
            let mut target = Target::room("b");
            target.rooms.insert(random.below(2), also);
            drop(world.publish_to(None, target, number));
            for _ in 0..random.below(4) {
                world.pump();
            }
        }
        assert!(world.kept(joined.expect("begun at 5")).is_ok());
        let mut heard = client.seqs();
        heard.sort_unstable();
        assert_eq!(heard, (1..=9).collect::<Vec<_>>(), "seed {seed}: {:?}", client.heard());
    }
}

fn except_in_history(worlds: &Worlds) {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let world = worlds.world();
        let start = at(&world, 0);
        let client = world.user("ann");
        drop(world.join(&client, "muted"));
        world.settle();
        let excepts =
            [client.connection.id().into(), RoomKey::User("ann".into()), "muted".into(), "nobody".into()];
        let mut expected = Vec::new();
        let mut joined = None;
        for number in 1..=8 {
            if number == 5 {
                joined = Some(world.subscribe(&client, &["a"], Some(start)));
            }
            let except = random.pick(&excepts);
            if except == "nobody".into() {
                expected.push(number);
            }
            let target = Target { except: [except].into_iter().collect(), ..Target::room("a") };
            drop(world.publish_to(None, target, number));
            for _ in 0..random.below(4) {
                world.pump();
            }
        }
        assert_eq!(world.kept(joined.expect("begun at 5")).map(|joined| joined.recovered), Ok(true));
        assert_eq!(client.seqs(), expected, "seed {seed}");
    }
}

fn truth_about_loss(worlds: &Worlds) {
    let world = worlds.world_with(|options| {
        options.retention = std::sync::Arc::new(|_, room| match room {
            RoomKey::Named(name) if &**name == "short" => Retention { messages: 3, ..Retention::RECENT },
            RoomKey::Named(name) if &**name == "none" => Retention::NONE,
            _ => Retention::RECENT,
        });
    });
    for number in 1..=5 {
        world.publish("short", number);
    }
    world.publish("none", 6);
    world.publish("long", 7);
    world.settle();
    for (rooms, since, recovered, expected) in [
        (&["short"][..], 1, false, &[3, 4, 5][..]),
        (&["short"], 2, true, &[3, 4, 5]),
        (&["long"], 0, true, &[7]),
        (&["long", "short"], 1, false, &[3, 4, 5, 7]),
        (&["none"], 5, false, &[]),
        (&["none"], 6, true, &[]),
        (&["long"], 7, true, &[]),
        (&["long"], 8, false, &[7]),
    ] {
        let client = world.client();
        let joined = world.subscribe(&client, rooms, Some(at(&world, since)));
        assert_eq!(
            world.kept(joined).map(|joined| joined.recovered),
            Ok(recovered),
            "{rooms:?} since {since}"
        );
        assert_eq!(client.seqs(), expected, "{rooms:?} since {since}");
    }
}

fn another_epoch(worlds: &Worlds) {
    let world = worlds.world();
    world.publish("a", 1);
    world.settle();
    let here = at(&world, 0);
    for other in [Offset { epoch: here.epoch + 1, seq: 0 }, Offset { epoch: here.epoch + 1, seq: 1 }] {
        let client = world.client();
        let joined =
            world.kept(world.subscribe(&client, &["a"], Some(other))).expect("nothing wrong with it");
        assert_eq!((joined.recovered, joined.offset.epoch), (false, here.epoch));
        assert_eq!(client.seqs(), [1]);
    }
}

fn too_much_meanwhile(worlds: &Worlds) {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let world = worlds.world_with(|options| options.catch_up_queue = 4);
        let start = at(&world, 0);
        let other = world.members("a", 1);
        world.publish("a", 1);
        let client = world.client();
        let joined = world.subscribe(&client, &["a"], Some(start));
        for number in 2..=12 {
            world.publish("a", number);
            for _ in 0..random.below(5) {
                world.pump();
            }
        }
        let joined = world.kept(joined).expect("nothing wrong with it");
        let heard = client.seqs();
        let all: Vec<u64> = (1..=12).collect();
        assert_eq!(other[0].seqs(), all);
        if joined.recovered {
            assert_eq!(heard, all, "seed {seed}");
        } else {
            // A gap, and one only: what comes after it is complete.
            assert!(heard.windows(2).all(|two| two[0] < two[1]), "seed {seed}: {heard:?}");
            let gaps = heard.windows(2).filter(|two| two[0] + 1 != two[1]).count();
            assert!(gaps <= 1 && heard.last() == Some(&12), "seed {seed}: {heard:?}");
        }
    }
}

fn small(bytes: u32) -> ClientOptions {
    ClientOptions {
        mailbox: MailboxOptions { bytes, ..MailboxOptions::default() },
        ..ClientOptions::default()
    }
}

fn not_slow(worlds: &Worlds) {
    let world = worlds.world();
    let start = at(&world, 0);
    for number in 1..=50 {
        world.publish("a", number);
    }
    world.settle();
    // Its mailbox holds seven entries; it asks for fifty, and gets them while live ones come.
    let client = world.client_with(&small(1000));
    let joined = world.subscribe(&client, &["a"], Some(start));
    world.pump_all();
    for number in 51..=54 {
        world.publish("a", number);
    }
    client.reply(1);
    world.pump_all();
    assert_eq!(client.link.ended(), None);
    assert_eq!(world.kept(joined).map(|joined| joined.recovered), Ok(true));
    assert_eq!(client.seqs(), (1..=54).collect::<Vec<_>>());
    assert!(client.heard().contains(&"reply 1 ".to_owned()));
}

fn greedy_is_slow(worlds: &Worlds) {
    let world = worlds.world();
    let start = at(&world, 0);
    for number in 1..=50 {
        world.publish("a", number);
    }
    world.settle();
    let bound = 2000;
    let client = world.client_with(&small(bound));
    client.link.take(0);
    for number in 0..100 {
        drop(world.subscribe(&client, &["a"], Some(start)));
        client.reply(number);
        world.settle();
        // Eight times the bound for what it catches up on, which is shared with the log, and once for the rest.
        assert!(client.mailbox().waiting_bytes() <= 9 * bound, "after {number} requests");
    }
    assert_eq!(client.mailbox().ended(), Some(Reason::SlowConsumer));
}
