//! A publisher sees its own message before whatever is sent to it afterwards, on every broker.

use everywire_core::payload::Extras;
use everywire_core::{Reason, Target};

use crate::laws::{Law, Worlds};
use crate::random::Random;
use crate::world::payload;

pub(super) const LAWS: &[Law<Worlds>] = &[
    ("a reply follows the own publication", reply_follows_own),
    ("a reply follows the own publication, whatever else happens", reply_follows_own_at_any_time),
    ("a publisher that does not hear itself is answered all the same", answered_without_hearing),
    ("a question waits as a reply does, and its answer finds it", question_follows_own),
    ("the end follows what was sent", end_follows_what_was_sent),
];

/// What a publisher does, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Publish(u64),
    Reply(u64),
    Emit(u64),
}

/// Checks what the publisher heard: its publications in order, what was sent to it in order, and each of these
/// behind all publications before it. (A publication may well come before something that was sent earlier,
/// if that waits for the answer to a publication still earlier.)
#[track_caller]
fn check(acts: &[Act], heard: &[String], hint: u64) {
    let place = |act: Act| {
        let line = match act {
            Act::Publish(number) => format!(" n {number}"),
            Act::Reply(number) => format!("reply {number} "),
            Act::Emit(number) => format!("emit n {number}"),
        };
        let found = heard.iter().position(|heard| match act {
            Act::Publish(_) => heard.ends_with(&line) && !heard.starts_with("emit"),
            _ => *heard == line,
        });
        found.unwrap_or_else(|| panic!("{act:?} is not in {heard:?}, seed {hint}"))
    };
    for (i, &act) in acts.iter().enumerate() {
        for &before in &acts[..i] {
            let ordered = matches!(before, Act::Publish(_)) || !matches!(act, Act::Publish(_));
            assert!(
                !ordered || place(before) < place(act),
                "{act:?} before {before:?}, seed {hint}: {heard:?}"
            );
        }
    }
}

fn reply_follows_own(worlds: &Worlds) {
    let world = worlds.world();
    let members = world.members("lobby", 2);
    world.publish_from(&members[0], "lobby", 1);
    members[0].reply(7);
    world.publish_from(&members[0], "lobby", 2);
    members[0].emit(8);
    members[0].reply(9);
    world.settle();
    let acts = [Act::Publish(1), Act::Reply(7), Act::Publish(2), Act::Emit(8), Act::Reply(9)];
    check(&acts, &members[0].heard(), 0);
    assert_eq!(members[0].heard().len(), 5);
    assert_eq!(members[1].heard(), ["1 n 1", "2 n 2"]);
}

fn reply_follows_own_at_any_time(worlds: &Worlds) {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let world = worlds.world();
        let members = world.members("lobby", 2);
        let mut acts = Vec::new();
        for number in 0..30 {
            match random.below(3) {
                0 => {
                    world.publish_from(&members[0], "lobby", number);
                    acts.push(Act::Publish(number));
                }
                1 => {
                    members[0].reply(number);
                    acts.push(Act::Reply(number));
                }
                _ => {
                    members[0].emit(number);
                    acts.push(Act::Emit(number));
                }
            }
            if random.chance(20) {
                world.publish_from(&members[1], "lobby", 1000 + number);
            }
            for _ in 0..random.below(5) {
                world.pump();
            }
            if random.chance(30) && !world.passes.is_empty() {
                world.passes.step(0);
            }
        }
        world.settle();
        check(&acts, &members[0].heard(), seed);
    }
}

fn answered_without_hearing(worlds: &Worlds) {
    let world = worlds.world();
    let members = world.members("lobby", 1);
    let outside = world.client();
    world.publish_from(&outside, "lobby", 1);
    outside.reply(7);
    world.pump_all();
    let target =
        Target { except: [outside.connection.id().into()].into_iter().collect(), ..Target::room("lobby") };
    drop(world.join(&outside, "lobby"));
    drop(world.publish_to(Some(&outside), target, 2));
    outside.reply(8);
    world.settle();
    assert_eq!(outside.heard(), ["reply 7 ", "reply 8 "]);
    assert_eq!(members[0].heard(), ["1 n 1", "2 n 2"]);
}

fn question_follows_own(worlds: &Worlds) {
    let world = worlds.world();
    let members = world.members("lobby", 1);
    let connection = &members[0].connection;
    world.publish_from(&members[0], "lobby", 1);
    let (id, answer) = connection.ask("n", payload(2), true);
    assert_eq!(id, Some(0));
    world.settle();
    assert_eq!(members[0].heard(), ["1 n 1", "ask 0 n 2"]);
    assert!(connection.answer(0, Ok(payload(3))));
    assert!(!connection.answer(0, Ok(payload(4))), "nobody waits any more");
    assert_eq!(world.kept(answer).expect("answered").read::<(u64,)>(Extras::Refuse), Ok((3,)));
}

fn end_follows_what_was_sent(worlds: &Worlds) {
    let world = worlds.world();
    let members = world.members("lobby", 2);
    world.publish_from(&members[0], "lobby", 1);
    members[0].reply(7);
    members[0].connection.end(Reason::ServerClosed);
    members[0].reply(8);
    world.settle();
    world.publish("lobby", 2);
    world.settle();
    assert_eq!(members[0].heard(), ["1 n 1", "reply 7 "]);
    assert_eq!(members[0].link.ended(), Some(Reason::ServerClosed));
    assert_eq!(members[1].heard(), ["1 n 1", "2 n 2"]);
}
