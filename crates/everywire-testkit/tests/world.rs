//! The testkit's own parts, tried on each other.

use std::sync::Arc;

use everywire_core::{MemoryBroker, Offset};
use everywire_testkit::world::Pump;
use everywire_testkit::{Clock, DelayedBroker, Random, Step, World};

fn memory() -> World {
    let clock = Clock::new();
    World::new(&clock, Arc::new(MemoryBroker::new(7, clock.reader())), |_| {})
}

fn delayed() -> (World, Arc<DelayedBroker>) {
    let clock = Clock::new();
    let broker = Arc::new(DelayedBroker::new(7, &clock));
    let pumped = broker.clone();
    let pump = move |pump| match pump {
        Pump::Some => drop(pumped.steps().first().map(|&step| pumped.take(step))),
        Pump::All => pumped.release_all(),
    };
    (World::new(&clock, broker.clone(), pump), broker)
}

#[test]
fn a_world_carries_a_message_from_publisher_to_members() {
    for world in [memory(), delayed().0] {
        let members = world.members("lobby", 3);
        let other = world.client();
        world.publish_from(&members[0], "lobby", 5);
        world.publish("elsewhere", 6);
        members[0].emit(9);
        world.settle();
        assert_eq!(members[0].heard(), ["1 n 5", "emit n 9"]);
        assert_eq!(members[1].heard(), ["1 n 5"]);
        assert_eq!(other.heard(), [""; 0]);
    }
}

#[test]
fn a_socket_takes_what_it_is_told_to() {
    let world = memory();
    let [member] = &world.members("lobby", 1)[..] else { unreachable!("one was asked for") };
    member.link.take(4);
    world.publish("lobby", 5);
    world.publish("lobby", 6);
    world.settle();
    assert!(member.link.is_torn());
    assert_eq!(member.heard(), [""; 0]);
    member.link.take(6);
    world.settle();
    assert_eq!(member.heard(), ["1 n 5"]);
    member.link.take_all();
    world.settle();
    assert_eq!(member.heard(), ["1 n 5", "2 n 6"]);
}

#[test]
fn a_delayed_broker_moves_only_when_told() {
    let (world, broker) = delayed();
    let client = world.client();
    let joined = world.join(&client, "lobby");
    assert_eq!(broker.steps(), [Step::CarryOut]);
    assert_eq!(broker.heard_rooms(0, "/"), []);
    assert!(broker.take(Step::CarryOut));
    let [answer @ Step::Answer(0, _)] = broker.steps()[..] else { panic!("{broker:?}") };
    let joined = joined.now().expect_err("the answer has not come");
    assert!(broker.take(answer));
    assert_eq!(joined.now().expect("kept now").map(|joined| joined.offset), Ok(Offset { epoch: 7, seq: 0 }));

    world.publish_from(&client, "lobby", 1);
    broker.take(Step::CarryOut);
    assert_eq!(broker.steps(), [Step::Deliver(0)], "a publisher hears its own message before the answer");
    broker.release_all();
    assert_eq!(broker.steps(), []);
}

#[test]
fn a_seed_brings_the_same_choices_back() {
    let stream = |seed| {
        let mut random = Random::new(seed);
        (0..100).map(|_| random.below(10)).collect::<Vec<_>>()
    };
    assert_eq!(stream(1), stream(1));
    assert_ne!(stream(1), stream(2));
    assert!((0..10).all(|n| stream(3).contains(&n)));
}
