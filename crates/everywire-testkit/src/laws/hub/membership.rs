//! Entering and leaving, at any point of anything else.

use everywire_core::hub::JoinError;
use everywire_core::{JoinOptions, RoomKey, Target};

use crate::laws::{Law, Worlds};
use crate::world::{Client, World};

pub(super) const LAWS: &[Law<Worlds>] = &[
    ("who enters hears what comes after, who leaves what came before", enter_and_leave),
    ("memberships change at any point of a pass", change_during_a_pass),
    ("memberships of two rooms change at any point of a pass", two_rooms_during_a_pass),
    ("entering many rooms is entering all of them", many_rooms),
    ("a room that is empty is forgotten", empty_rooms_are_forgotten),
    ("leaving cancels entering", leaving_cancels_entering),
    ("leaving one of many lets the others be entered", leaving_one_of_many),
    ("closing while entering leaves nothing behind", closing_while_entering),
    ("who has gone enters nothing and hears nothing", gone_is_gone),
];

fn enter_and_leave(worlds: &Worlds) {
    let world = worlds.world();
    let client = world.client();
    world.publish("lobby", 1);
    world.pump_all();
    let joined = world.kept(world.join(&client, "lobby")).expect("nothing wrong with it");
    assert_eq!(joined.offset.seq, 1);
    assert!(!joined.recovered, "nothing was asked for");
    world.publish("lobby", 2);
    world.pump_all();
    assert!(world.leave(&client, "lobby"));
    assert!(!world.leave(&client, "lobby"), "it is out already");
    world.publish("lobby", 3);
    world.settle();
    assert_eq!(client.heard(), ["2 n 2"]);
    world.publish("lobby", 4);
    world.pump_all();
    assert_eq!(world.kept(world.join(&client, "lobby")).map(|joined| joined.offset.seq), Ok(4));
    world.publish("lobby", 5);
    world.settle();
    assert_eq!(client.heard(), ["2 n 2", "5 n 5"]);
}

fn numbers(seqs: &[u64]) -> Vec<u64> {
    seqs.to_vec()
}

fn change_during_a_pass(worlds: &Worlds) {
    // Three slices of members, so a pass begins, takes three steps and ends.
    for steps in 0..=5 {
        let world = worlds.world();
        let members = world.members("lobby", 600);
        for number in 1..=3 {
            world.publish("lobby", number);
        }
        world.pump_all();
        for _ in 0..steps {
            if !world.passes.is_empty() {
                world.passes.step(0);
            }
        }
        let newcomer = world.client();
        drop(world.join(&newcomer, "lobby"));
        for place in [0, 300, 599] {
            assert!(world.leave(&members[place], "lobby"));
            world.leave(&members[place + 1 - place / 599 * 2], "lobby");
            drop(world.join(&members[place + 1 - place / 599 * 2], "lobby"));
        }
        members[2].emit(9);
        members[302].emit(9);
        world.pump_all();
        world.publish("lobby", 4);
        world.settle();
        assert_eq!(newcomer.seqs(), [4], "after {steps} steps");
        for (i, member) in members.iter().enumerate() {
            let left = [0, 300, 599].contains(&i);
            assert_eq!(
                member.seqs(),
                numbers(if left { &[1, 2, 3] } else { &[1, 2, 3, 4] }),
                "member {i}, {steps} steps"
            );
        }
        for place in [2, 302] {
            assert_eq!(
                members[place].heard(),
                ["1 n 1", "2 n 2", "3 n 3", "emit n 9", "4 n 4"],
                "{steps} steps"
            );
        }
    }
}

fn two_rooms_during_a_pass(worlds: &Worlds) {
    for steps in 0..=6 {
        let world = worlds.world();
        let a = world.members("a", 300);
        let b = world.members("b", 300);
        for client in a.iter().step_by(3) {
            drop(world.join(client, "b"));
        }
        world.settle();
        for number in 1..=4 {
            world.publish(if number % 2 == 1 { "a" } else { "b" }, number);
        }
        world.pump_all();
        for _ in 0..steps {
            if !world.passes.is_empty() {
                world.passes.step(0);
            }
        }
        // In both and leaves one; in one and enters the other.
        world.leave(&a[0], "a");
        world.leave(&a[297], "b");
        drop(world.join(&a[1], "b"));
        drop(world.join(&b[299], "a"));
        world.pump_all();
        world.publish("a", 5);
        world.publish("b", 6);
        world.settle();
        let expect = |client: &Client, seqs: &[u64]| assert_eq!(client.seqs(), seqs, "after {steps} steps");
        expect(&a[0], &[1, 2, 3, 4, 6]);
        expect(&a[297], &[1, 2, 3, 4, 5]);
        expect(&a[3], &[1, 2, 3, 4, 5, 6]);
        expect(&a[1], &[1, 3, 5, 6]);
        expect(&a[2], &[1, 3, 5]);
        expect(&b[299], &[2, 4, 5, 6]);
        expect(&b[0], &[2, 4, 6]);
    }
}

fn many_rooms(worlds: &Worlds) {
    let world = worlds.world();
    // One of them is heard already, the others are not.
    let other = world.members("b", 1);
    let client = world.client();
    let rooms = ["a", "b", "c"].map(RoomKey::from);
    let joined = world.namespace.join(&client.connection, rooms.clone(), JoinOptions::default());
    assert!(world.kept(joined).is_ok());
    for (number, room) in (1..).zip(["a", "b", "c"]) {
        world.publish(room, number);
    }
    world.settle();
    assert_eq!(client.seqs(), [1, 2, 3]);
    assert_eq!(other[0].seqs(), [2]);
    assert_eq!(client.connection.rooms(), rooms);
    // Entering again changes nothing.
    let again = world.namespace.join(&client.connection, rooms.clone(), JoinOptions::default());
    assert!(world.kept(again).is_ok());
    assert_eq!(client.connection.rooms(), rooms);
    assert_eq!(world.namespace.local_members(&"b".into()).len(), 2);
    // And entering none is no trouble.
    assert!(world.kept(world.namespace.join(&client.connection, [], JoinOptions::default())).is_ok());
}

fn heard_rooms(world: &World) -> Vec<String> {
    let mut rooms: Vec<_> = world.namespace.rooms().into_iter().map(|(key, _)| key.to_string()).collect();
    rooms.sort();
    rooms
}

fn empty_rooms_are_forgotten(worlds: &Worlds) {
    let world = worlds.world();
    let members = world.members("lobby", 2);
    let ann = world.user("ann");
    world.settle();
    assert_eq!(heard_rooms(&world), ["lobby", "user ann"]);
    world.leave(&members[0], "lobby");
    world.settle();
    assert_eq!(heard_rooms(&world), ["lobby", "user ann"]);
    world.namespace.disconnect(&members[1].connection);
    world.namespace.disconnect(&ann.connection);
    world.settle();
    assert_eq!(heard_rooms(&world), [""; 0]);
    assert_eq!(world.namespace.connection_count(), 1);
    // It comes back when somebody does.
    drop(world.join(&members[0], "lobby"));
    world.settle();
    world.publish("lobby", 1);
    world.settle();
    assert_eq!(members[0].heard(), ["1 n 1"]);
}

fn leaving_cancels_entering(worlds: &Worlds) {
    for pumps in 0..6 {
        for since in [false, true] {
            let world = worlds.world();
            let helper = world.members("other", 1);
            world.publish("other", 1);
            world.settle();
            let start = world.kept(world.join(&helper[0], "other")).expect("a member").offset;
            let client = world.client();
            let joined = world.subscribe(&client, &["lobby"], since.then_some(start));
            for _ in 0..pumps {
                world.pump();
            }
            assert!(world.leave(&client, "lobby"), "it was in, or on the way in");
            world.publish("lobby", 2);
            world.settle();
            assert_eq!(client.heard(), [""; 0], "after {pumps} pumps");
            assert_eq!(heard_rooms(&world), ["other"], "after {pumps} pumps");
            match world.kept(joined) {
                Ok(_) | Err(JoinError::Left) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn leaving_one_of_many(worlds: &Worlds) {
    for pumps in 0..8 {
        for since in [false, true] {
            for gone in ["a", "b", "c"] {
                let world = worlds.world();
                let helper = world.members("b", 1);
                world.publish("b", 0);
                world.settle();
                let start = world.kept(world.join(&helper[0], "b")).expect("a member").offset;
                let client = world.client();
                let joined = world.subscribe(&client, &["a", "b", "c"], since.then_some(start));
                for _ in 0..pumps {
                    world.pump();
                }
                assert!(world.leave(&client, gone));
                let joined = world.kept(joined);
                assert!(joined.is_ok(), "{joined:?} without {gone}, {pumps} pumps, {since}");
                for (number, room) in (1..).zip(["a", "b", "c"]) {
                    world.publish(room, number);
                }
                world.settle();
                let mut expected = vec!["2 n 1 in a", "3 n 2 in b", "4 n 3 in c"];
                expected.retain(|line| !line.ends_with(gone));
                assert_eq!(client.heard(), expected, "without {gone}, {pumps} pumps, {since}");
            }
        }
    }
}

fn closing_while_entering(worlds: &Worlds) {
    for pumps in 0..6 {
        for since in [false, true] {
            let world = worlds.world();
            let helper = world.members("other", 1);
            let start = world.kept(world.join(&helper[0], "other")).expect("a member").offset;
            let client = world.user("ann");
            let joined = world.subscribe(&client, &["lobby", "other", "hall"], since.then_some(start));
            for _ in 0..pumps {
                world.pump();
            }
            world.namespace.disconnect(&client.connection);
            world.publish("lobby", 1);
            world.settle();
            assert_eq!(client.heard(), [""; 0]);
            assert_eq!(heard_rooms(&world), ["other"], "{pumps} pumps, {since}");
            match world.kept(joined) {
                Ok(_) | Err(JoinError::Closed) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn gone_is_gone(worlds: &Worlds) {
    let world = worlds.world();
    let members = world.members("lobby", 2);
    world.namespace.disconnect(&members[0].connection);
    world.namespace.disconnect(&members[0].connection);
    assert_eq!(world.kept(world.join(&members[0], "hall")).map(drop), Err(JoinError::Closed));
    let (id, answer) = members[0].connection.ask("n", crate::world::payload(1), true);
    assert_eq!(id, None);
    assert!(matches!(world.kept(answer), Err(everywire_core::hub::AckError::Gone)));
    drop(world.publish_to(Some(&members[0]), Target::room("lobby"), 2));
    world.settle();
    assert_eq!(members[0].heard(), [""; 0]);
    assert_eq!(members[1].heard(), ["1 n 2"], "what it published on its way out is heard");
}
