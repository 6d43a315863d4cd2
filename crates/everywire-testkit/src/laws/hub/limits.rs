//! Bounds that a client meets before it can cost too much.

use everywire_core::JoinOptions;
use everywire_core::admission::ForbiddenPart;
use everywire_core::hub::{JoinError, PublishError};

use crate::laws::{Law, Worlds};
use crate::world::payload;

pub(super) const LAWS: &[Law<Worlds>] = &[
    ("a connection is in so many rooms, and no more", rooms_are_bounded),
    ("rooms on the way in count", rooms_on_the_way_count),
    ("what may not be named is not let in", names_are_checked),
];

fn rooms_are_bounded(worlds: &Worlds) {
    let world = worlds.world_with(|options| options.rooms_per_connection = 3);
    // Its user's room, which it did not ask for, is no part of the three.
    let client = world.user("ann");
    for room in ["a", "b", "c"] {
        assert!(world.kept(world.join(&client, room)).is_ok(), "{room}");
    }
    let full = Err(JoinError::TooManyRooms { limit: 3 });
    assert_eq!(world.kept(world.join(&client, "d")), full);
    assert!(world.kept(world.join(&client, "c")).is_ok(), "it is in already");
    assert!(world.leave(&client, "a"));
    let two = ["d", "e"].map(Into::into);
    let joined = world.namespace.join(&client.connection, two, JoinOptions::default());
    assert_eq!(world.kept(joined), full, "all or none");
    let twice = ["d", "d"].map(Into::into);
    assert!(world.kept(world.namespace.join(&client.connection, twice, JoinOptions::default())).is_ok());
}

fn rooms_on_the_way_count(worlds: &Worlds) {
    let world = worlds.world_with(|options| options.rooms_per_connection = 3);
    let client = world.client();
    let joined: Vec<_> = (0..50).map(|i| world.join(&client, &format!("room {i}"))).collect();
    let in_time = joined.into_iter().filter(|_| true).map(|joined| world.kept(joined));
    assert_eq!(in_time.filter(Result::is_ok).count(), 3);
    assert_eq!(client.connection.rooms().len(), 3);
    // A cancelled one makes room for another.
    for room in client.connection.rooms() {
        assert!(world.namespace.leave(&client.connection, &room));
    }
    for i in 0..20 {
        drop(world.join(&client, &format!("other {i}")));
        assert!(world.leave(&client, &format!("other {i}")));
    }
    world.settle();
    assert!(world.kept(world.join(&client, "last")).is_ok());
}

fn names_are_checked(worlds: &Worlds) {
    let world = worlds.world();
    let client = world.client();
    for forbidden in everywire_core::admission::forbidden_examples() {
        match forbidden.what {
            ForbiddenPart::Room(room) => {
                let joined = world.kept(world.join(&client, &room));
                assert!(matches!(joined, Err(JoinError::Refused(_))), "{}: {joined:?}", forbidden.rule);
                let target = everywire_core::Target::room(&room);
                let published = world.kept(world.publish_to(None, target, 1));
                assert!(matches!(published, Err(PublishError::Refused(_))), "{}", forbidden.rule);
            }
            ForbiddenPart::Event(event) => {
                let target = everywire_core::Target::room("a");
                let class = everywire_core::Class::Event;
                let published =
                    world.namespace.publish(None, target, event.clone(), payload(1), class.clone());
                assert!(matches!(world.kept(published), Err(PublishError::Refused(_))), "{}", forbidden.rule);
                assert!(client.connection.emit(event, payload(1), class).is_err(), "{}", forbidden.rule);
            }
            // A payload that breaks the rules does not exist.
            ForbiddenPart::Arguments { .. } => {}
        }
    }
    world.settle();
    assert_eq!(client.heard(), [""; 0]);
}
