//! A broker that refuses or cannot be reached: everybody is told, nobody waits for ever, nothing is left behind.

use std::sync::Arc;

use everywire_core::broker::{BrokerError, Command};
use everywire_core::hub::{JoinError, PublishError};
use everywire_core::{JoinOptions, Offset, Reason, RoomKey, Target};
use everywire_testkit::world::{ClientOptions, Pump};
use everywire_testkit::{Clock, DelayedBroker, World};

fn refused() -> BrokerError {
    BrokerError::Refused("not today".into())
}

/// The same story on a broker that refuses in the same call, and on one that does so later.
fn worlds() -> [(World, Arc<DelayedBroker>); 2] {
    [DelayedBroker::prompt, DelayedBroker::new].map(|make| {
        let clock = Clock::new();
        let broker = Arc::new(make(7, &clock));
        let pumped = broker.clone();
        let pump = move |pump| match pump {
            Pump::Some => drop(pumped.steps().first().map(|&step| pumped.take(step))),
            Pump::All => pumped.release_all(),
        };
        (World::new(&clock, broker.clone(), pump), broker)
    })
}

#[test]
fn a_room_that_cannot_be_heard_is_not_entered() {
    for (world, broker) in worlds() {
        broker.refuse(|command| match command {
            Command::Subscribe { room, .. } if *room == "b".into() => Some(refused()),
            _ => None,
        });
        let client = world.client();
        for rooms in [&["b"][..], &["a", "b"], &["b", "a"], &["a", "b", "c"]] {
            let keys: Vec<RoomKey> = rooms.iter().map(|&room| room.into()).collect();
            let joined = world.namespace.join(&client.connection, keys, JoinOptions::default());
            assert_eq!(world.kept(joined).map(drop), Err(JoinError::Broker(refused())), "{rooms:?}");
            assert_eq!(client.connection.rooms(), [], "all or none: {rooms:?}");
            assert_eq!(world.namespace.rooms(), [], "{rooms:?}");
            assert_eq!(broker.heard_rooms(0, "/"), [], "{rooms:?}");
        }
        broker.refuse_nothing();
        assert!(world.kept(world.join(&client, "b")).is_ok());
    }
}

#[test]
fn history_that_cannot_be_had_is_no_reason_to_stay_subscribed() {
    for (world, broker) in worlds() {
        broker.refuse(|command| matches!(command, Command::History { .. }).then(refused));
        let client = world.client();
        let joined = world.subscribe(&client, &["a", "b"], Some(Offset { epoch: 7, seq: 0 }));
        assert_eq!(world.kept(joined).map(drop), Err(JoinError::Broker(refused())));
        let page = world.namespace.history(["a".into()], None, 10);
        assert_eq!(world.kept(page).map(|page| page.broadcasts.len()), Err(refused()));
        assert_eq!(world.namespace.rooms(), []);
        assert_eq!(broker.heard_rooms(0, "/"), []);
    }
}

#[test]
fn a_reply_follows_a_publication_that_was_refused() {
    for (world, broker) in worlds() {
        let members = world.members("lobby", 1);
        broker.refuse(|command| matches!(command, Command::Publish { .. }).then(refused));
        let published = world.publish_to(Some(&members[0]), Target::room("lobby"), 1);
        members[0].reply(2);
        assert_eq!(world.kept(published), Err(PublishError::Broker(refused())));
        assert_eq!(members[0].heard(), ["reply 2 "]);
    }
}

#[test]
fn what_waits_for_a_broker_is_bounded() {
    let [_, (world, broker)] = worlds();
    let mut options = ClientOptions::default();
    options.mailbox.bytes = 1000;
    let client = world.client_with(&options);
    world.publish_from(&client, "lobby", 1);
    for number in 0..7 {
        client.reply(number);
        assert_eq!(client.mailbox().ended(), None);
    }
    client.reply(7);
    assert_eq!(
        client.mailbox().ended(),
        Some(Reason::SlowConsumer),
        "eight of them are more than 1,000 bytes"
    );
    broker.release_all();
    world.settle();
    assert_eq!(client.heard(), [""; 0]);
}

#[test]
fn two_nodes_hear_one_order() {
    let clock = Clock::new();
    let broker = Arc::new(DelayedBroker::new(7, &clock));
    let worlds = [0, 1].map(|_| {
        let pumped = broker.clone();
        let pump = move |pump| while pumped.release() && pump == Pump::All {};
        World::new(&clock, broker.clone(), pump)
    });
    let members = [0, 1].map(|node| worlds[node].members("lobby", 2));
    let far = worlds[1].members("hall", 1);
    for number in 0..100 {
        let node = number as usize % 2;
        worlds[node].publish_from(&members[node][0], if number % 3 == 0 { "hall" } else { "lobby" }, number);
        members[node][0].reply(number);
        if number % 5 == 0 {
            worlds[node].pump();
            worlds[node].passes.run();
        }
    }
    let to_far = worlds[0].publish_to(None, Target::room(far[0].connection.id()), 100);
    assert_eq!(worlds[0].kept(to_far).map(|offset| offset.seq), Ok(101));
    worlds[1].settle();
    worlds[0].settle();
    let lobby: Vec<u64> = (0..100).filter(|number| number % 3 != 0).map(|number| number + 1).collect();
    for member in members.iter().flatten() {
        assert_eq!(member.seqs(), lobby);
    }
    let hall: Vec<u64> = (0..100).filter(|number| number % 3 == 0).map(|number| number + 1).collect();
    assert_eq!(far[0].seqs(), [hall, vec![101]].concat());
    for (node, members) in members.iter().enumerate() {
        let heard = members[0].heard();
        for number in (node..100).step_by(2).filter(|number| number % 3 != 0) {
            let own = heard.iter().position(|line| line.ends_with(&format!(" n {number}")));
            let reply = heard.iter().position(|line| *line == format!("reply {number} "));
            assert!(own.is_some() && own < reply, "publication {number} at {own:?}, its reply at {reply:?}");
        }
    }
}
