//! Queues, used by many threads at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use everywire_core::hub::Verdict;

use super::watched::{QUEUES, watched};
use crate::laws::{Law, Worlds};
use crate::random::Random;
use crate::world::World;

pub(in crate::laws::hub) const LAWS: &[Law<Worlds>] =
    &[("no message of a queue is lost or doubled by many threads", many_threads)];

/// Clients that come, take some, settle or return or just go; while others send, publish and are members of a room.
fn many_threads(worlds: &Worlds) {
    const MESSAGES: usize = 2_000;
    const PUBLICATIONS: usize = 200;
    let world = worlds.world();
    let dealt: Vec<AtomicUsize> = (0..MESSAGES).map(|_| AtomicUsize::new(0)).collect();
    let left = AtomicUsize::new(MESSAGES);
    let (world, dealt, left) = (&world, &dealt, &left);
    std::thread::scope(|threads| {
        for part in 0..2 {
            threads.spawn(move || {
                for number in (part..MESSAGES).step_by(2) {
                    world.enqueue(QUEUES[number % 3], number as u64).expect("there is room");
                }
            });
        }
        for thread in 0..3 {
            threads.spawn(move || {
                let mut random = Random::new(thread);
                while left.load(Ordering::Acquire) > 0 {
                    come_and_go(world, &mut random, dealt, left);
                }
            });
        }
        threads.spawn(move || {
            let member = world.client();
            // No flusher is at work, and whoever comes and goes looks through all that is queued: it is not to grow for ever.
            for _ in 0..PUBLICATIONS {
                drop(world.join(&member, "lobby"));
                world.publish_from(&member, "lobby", 1);
                member.emit(2);
                world.leave(&member, "lobby");
                world.pump_all();
                member.link.run();
            }
        });
    });
    let dealt: Vec<usize> = dealt.iter().map(|times| times.load(Ordering::Relaxed)).collect();
    assert!(dealt.iter().all(|&times| times == 1), "each is dealt with once: {dealt:?}");
    assert_eq!(world.namespace.queues(), []);
}

fn come_and_go(world: &World, random: &mut Random, dealt: &[AtomicUsize], left: &AtomicUsize) {
    let seen = Arc::default();
    let client = watched(world, 0, 1 << 20, &seen);
    for (number, queue) in QUEUES.iter().enumerate() {
        world.consume(&client, queue, number as u32, 1 + random.below(8)).expect("it may");
    }
    for _ in 0..random.below(30) {
        client.link.run();
        for seen in std::mem::take(&mut *seen.lock()) {
            let done = random.chance(70);
            if !done && random.chance(30) {
                // It keeps this one until it goes.
                continue;
            }
            let verdict = if done { Verdict::Done } else { Verdict::Return };
            world.settle_one(&client, seen.consumer, seen.delivery, verdict).expect("it has it");
            if done {
                dealt[seen.number as usize].fetch_add(1, Ordering::Relaxed);
                left.fetch_sub(1, Ordering::Release);
            }
        }
    }
    world.namespace.disconnect(&client.connection);
}
