//! Several subscriptions of one client to one room: a mark says from where on a new one hears.

use std::sync::Arc;

use bytes::Bytes;
use everywire_core::hub::JoinError;
use everywire_core::{Item, Joined, Offset, Promise, RoomKey, Target};

use crate::laws::{Law, Worlds};
use crate::world::{Client, World, seq};

pub(super) const LAWS: &[Law<Worlds>] = &[
    ("a mark stands before what the subscription is the first to hear", before_what_it_hears),
    ("a mark stands behind what waits for others", behind_what_waits),
    ("what another room has heard comes again behind a mark", heard_otherwise),
];

fn mark(
    world: &World,
    client: &Client,
    room: &str,
    since: Option<u64>,
) -> Promise<Result<Joined, JoinError>> {
    let item = Item::Wire { bytes: Bytes::from_static(b"mark"), text: true };
    let since = since.map(|seq| Offset { seq, ..offset(world) });
    world.namespace.join_marked(&client.connection, Arc::from(room), since, item)
}

fn offset(world: &World) -> Offset {
    let page = world.namespace.history([RoomKey::from("a")], None, 1);
    world.kept(page).expect("the log can be read").position
}

/// What it heard: the numbers of broadcasts, and 0 for a mark.
fn heard(client: &Client) -> Vec<u64> {
    client
        .heard()
        .iter()
        .map(|line| if line == "mark" { 0 } else { seq(line).expect("a broadcast") })
        .collect()
}

fn before_what_it_hears(worlds: &Worlds) {
    let world = worlds.world();
    let client = world.client();
    let joined = mark(&world, &client, "a", None);
    world.publish("a", 1);
    assert!(world.kept(joined).is_ok());
    world.publish("a", 2);
    world.settle();
    let first = heard(&client);
    assert_eq!((first[0], *first.last().expect("it has heard something")), (0, 2), "{first:?}");
    // Again, from the beginning of the log on; and what is published on the way comes once.
    let joined = mark(&world, &client, "a", Some(0));
    world.publish("a", 3);
    assert_eq!(world.kept(joined).map(|joined| joined.recovered), Ok(true));
    world.publish("a", 4);
    world.settle();
    assert_eq!(heard(&client)[first.len()..], [0, 1, 2, 3, 4]);
}

fn behind_what_waits(worlds: &Worlds) {
    let world = worlds.world();
    let client = world.members("a", 1).remove(0);
    client.link.take(0);
    world.publish("a", 1);
    world.publish("a", 2);
    world.settle();
    let joined = mark(&world, &client, "a", Some(1));
    assert!(world.kept(joined).is_ok());
    let joined = mark(&world, &client, "a", None);
    assert!(world.kept(joined).is_ok());
    world.publish("a", 3);
    world.settle();
    client.link.take_all();
    world.settle();
    assert_eq!(heard(&client), [1, 2, 0, 2, 0, 3]);
}

fn heard_otherwise(worlds: &Worlds) {
    let world = worlds.world();
    let client = world.members("a", 1).remove(0);
    let rooms = ["a", "b"].map(RoomKey::from).into_iter().collect();
    drop(world.publish_to(None, Target { rooms, ..Target::default() }, 1));
    world.settle();
    let joined = mark(&world, &client, "b", Some(0));
    assert!(world.kept(joined).is_ok());
    assert_eq!(heard(&client), [1, 0, 1]);
}
