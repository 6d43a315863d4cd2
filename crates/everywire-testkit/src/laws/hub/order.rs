//! One order for all members, whoever publishes, whatever rooms they share, whoever is slow.

use everywire_core::{Class, Payload, RoomKey, Target};

use crate::laws::{Law, Worlds};
use crate::random::Random;
use crate::world::{Client, ClientOptions, World};

pub(super) const LAWS: &[Law<Worlds>] = &[
    ("all members hear one order", all_members_hear_one_order),
    ("what is sent to one stays behind what was published before", direct_stays_behind),
    ("a pass carries many publishes and misses nobody", a_pass_misses_nobody),
    ("a pass has a bound, and the next carries the rest", a_pass_is_bounded),
    ("a message that a form cannot carry is skipped, and only that", unspeakable_is_skipped),
];

const ROOMS: [&str; 4] = ["a", "b", "c", "d"];

fn a_pass_is_bounded(worlds: &Worlds) {
    // Many, and two of which each is larger than a pass.
    for (count, size, most) in [(1100, 1, 1024), (2, 300_000, 1)] {
        let world = worlds.world();
        let member = &world.members("lobby", 1)[0];
        let payload = Payload::from_args(&("x".repeat(size),)).expect("a text is an argument");
        for _ in 0..count {
            let target = Target::room("lobby");
            drop(world.namespace.publish(None, target, "n", payload.clone(), Class::Event));
            world.pump_all();
        }
        let mut passes = Vec::new();
        while let Some(mut pass) = world.namespace.begin_pass(0) {
            passes.push(pass.len());
            while pass.step() {}
        }
        assert!(passes.iter().all(|&len| len <= most), "{passes:?}");
        assert_eq!(passes.iter().sum::<usize>(), count);
        assert!(member.seqs().into_iter().eq(1..=count as u64));
    }
}

fn all_members_hear_one_order(worlds: &Worlds) {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let world = worlds.world_with(|options| options.shards = 2);
        let clients: Vec<(Client, Vec<&str>)> = (0..8)
            .map(|i| {
                let client = world.client_with(&ClientOptions { shard: i % 2, ..ClientOptions::default() });
                let rooms: Vec<_> = ROOMS.into_iter().filter(|_| random.chance(50)).collect();
                for room in &rooms {
                    drop(world.join(&client, room));
                }
                (client, rooms)
            })
            .collect();
        world.settle();

        let mut published = Vec::new();
        for number in 0..60 {
            let (from, _) = random.pick(&clients);
            let mut target = Target::room(random.pick(&ROOMS));
            if random.chance(30) {
                target.rooms.push(random.pick(&ROOMS).into());
            }
            let rooms = target.rooms.clone();
            published.push((number, rooms, world.publish_to(Some(&from), target, number)));
            for _ in 0..random.below(4) {
                stir(&world, &clients, &mut random);
            }
        }
        for (client, _) in &clients {
            client.link.take_all();
        }
        world.settle();

        let mut log: Vec<_> = published
            .into_iter()
            .map(|(number, rooms, offset)| {
                (world.kept(offset).expect("nothing wrong with it").seq, number, rooms)
            })
            .collect();
        log.sort_by_key(|(seq, ..)| *seq);
        for (i, (client, rooms)) in clients.iter().enumerate() {
            let hears = |to: &[RoomKey]| rooms.iter().any(|&room| to.contains(&room.into()));
            let expected: Vec<_> = log
                .iter()
                .filter(|(_, _, to)| hears(to))
                .map(|(seq, number, _)| format!("{seq} n {number}"))
                .collect();
            assert_eq!(client.heard(), expected, "client {i} in {rooms:?}, seed {seed}");
        }
    }
}

/// Lets something move: the broker, a flusher, a socket or a task.
fn stir(world: &World, clients: &[(Client, Vec<&str>)], random: &mut Random) {
    let (client, _) = random.pick(clients);
    match random.below(5) {
        0 => world.pump(),
        1 if !world.passes.is_empty() => world.passes.step(random.below(world.passes.len())),
        2 => client.link.take(random.below(20)),
        3 => client.link.take_all(),
        _ if client.link.is_due() => client.link.run(),
        _ => {}
    }
}

fn direct_stays_behind(worlds: &Worlds) {
    let world = worlds.world();
    let members = world.members("lobby", 3);
    world.publish("lobby", 1);
    world.publish("lobby", 2);
    world.pump_all();
    members[0].emit(3);
    members[1].reply(4);
    world.publish("lobby", 5);
    world.settle();
    assert_eq!(members[0].heard(), ["1 n 1", "2 n 2", "emit n 3", "3 n 5"]);
    assert_eq!(members[1].heard(), ["1 n 1", "2 n 2", "reply 4 ", "3 n 5"]);
    assert_eq!(members[2].heard(), ["1 n 1", "2 n 2", "3 n 5"]);
}

fn a_pass_misses_nobody(worlds: &Worlds) {
    let world = worlds.world();
    // More than two slices of a pass.
    let members = world.members("lobby", 600);
    let both = world.client();
    drop(world.join(&both, "lobby"));
    drop(world.join(&both, "hall"));
    world.settle();
    for number in [1, 2, 3, 4, 5] {
        world.publish(if number == 3 { "hall" } else { "lobby" }, number);
    }
    world.settle();
    for member in &members {
        assert_eq!(member.heard(), ["1 n 1", "2 n 2", "4 n 4", "5 n 5"]);
    }
    assert_eq!(both.heard(), ["1 n 1", "2 n 2", "3 n 3", "4 n 4", "5 n 5"]);
}

fn unspeakable_is_skipped(worlds: &Worlds) {
    for pattern in 0..8 {
        let world = worlds.world();
        let members = world.members("lobby", 2);
        // The second is not clear, and hears by its mailbox.
        members[1].link.take(0);
        let mut expected = Vec::new();
        for place in 0..3 {
            let event = if pattern & 1 << place == 0 { "n" } else { crate::lines::UNSPEAKABLE };
            let payload = crate::world::payload(place);
            drop(world.namespace.publish(None, Target::room("lobby"), event, payload, Class::Event));
            if event == "n" {
                expected.push(format!("{} n {place}", place + 1));
            }
        }
        world.settle();
        members[1].link.take_all();
        world.settle();
        assert_eq!(members[0].heard(), expected);
        assert_eq!(members[1].heard(), expected);
    }
}
