//! Who hears a publication: the union of its rooms, without its except-set, each once and in the form
//! of its membership.

use everywire_core::{JoinOptions, RoomKey, Target};

use crate::laws::{Law, Worlds};
use crate::world::{Client, ClientOptions, World};

pub(super) const LAWS: &[Law<Worlds>] = &[
    ("a union of rooms hears once", union_hears_once),
    ("a room that is named twice hears once", room_named_twice),
    ("who is left out hears nothing", except_sets),
    ("except-sets are looked up at the time of the publication", except_sets_by_time),
    ("a publication to a connection reaches it alone, in order", to_a_connection),
    ("a publication to a user reaches all of the user's connections", to_a_user),
    ("a publication to everyone reaches whoever is there then, each once", to_everyone),
    ("meta goes to memberships that were made with it, and to no other", meta_by_membership),
    ("every form is its own", forms_are_kept_apart),
];

fn rooms(keys: &[RoomKey]) -> Target {
    Target { rooms: keys.iter().cloned().collect(), ..Target::default() }
}

fn publish(world: &World, target: Target, number: u64) {
    drop(world.publish_to(None, target, number));
}

fn union_hears_once(worlds: &Worlds) {
    let world = worlds.world();
    let [a, b, both] = [world.client(), world.client(), world.client()];
    for (client, room) in [(&a, "a"), (&b, "b"), (&both, "a"), (&both, "b")] {
        drop(world.join(client, room));
    }
    world.settle();
    publish(&world, rooms(&["a".into(), "b".into()]), 1);
    publish(&world, rooms(&["b".into()]), 2);
    publish(&world, rooms(&["b".into(), both.connection.id().into(), "a".into()]), 3);
    publish(&world, rooms(&["nobody".into(), "a".into()]), 4);
    publish(&world, Target::default(), 5);
    world.settle();
    assert_eq!(a.heard(), ["1 n 1", "3 n 3", "4 n 4"]);
    assert_eq!(b.heard(), ["1 n 1", "2 n 2", "3 n 3"]);
    assert_eq!(both.heard(), ["1 n 1", "2 n 2", "3 n 3", "4 n 4"]);
}

fn room_named_twice(worlds: &Worlds) {
    let world = worlds.world();
    let members = world.members("lobby", 2);
    let id = members[0].connection.id();
    publish(&world, rooms(&["lobby".into(), "lobby".into()]), 1);
    publish(&world, rooms(&[id.into(), id.into()]), 2);
    let twice = [RoomKey::from("hall"), "hall".into()];
    let joined = world.namespace.join(&members[1].connection, twice, JoinOptions::default());
    assert!(world.kept(joined).is_ok());
    publish(&world, rooms(&["hall".into()]), 3);
    world.settle();
    assert_eq!(members[0].heard(), ["1 n 1", "2 n 2"]);
    assert_eq!(members[1].heard(), ["1 n 1", "3 n 3"]);
    assert!(world.leave(&members[1], "hall"));
    assert!(!members[1].connection.is_in(&"hall".into()));
    let page =
        world.kept(world.namespace.history(["lobby".into(), "hall".into()], None, 10)).expect("it is kept");
    assert_eq!(page.broadcasts.iter().map(|b| b.seq()).collect::<Vec<_>>(), [1, 3]);
}

fn except_sets(worlds: &Worlds) {
    let world = worlds.world();
    let [plain, muted, ann] = [world.client(), world.client(), world.user("ann")];
    for client in [&plain, &muted, &ann] {
        drop(world.join(client, "lobby"));
    }
    drop(world.join(&muted, "muted"));
    world.settle();
    let except = |key: RoomKey| Target { except: [key].into_iter().collect(), ..Target::room("lobby") };
    publish(&world, except(plain.connection.id().into()), 1);
    publish(&world, except("muted".into()), 2);
    publish(&world, except(RoomKey::User("ann".into())), 3);
    publish(&world, except("lobby".into()), 4);
    publish(&world, except("nobody".into()), 5);
    let mut all = except("muted".into());
    all.rooms.push("muted".into());
    all.rooms.push(muted.connection.id().into());
    publish(&world, all, 6);
    world.settle();
    assert_eq!(plain.heard(), ["2 n 2", "3 n 3", "5 n 5", "6 n 6"]);
    assert_eq!(muted.heard(), ["1 n 1", "3 n 3", "5 n 5"]);
    assert_eq!(ann.heard(), ["1 n 1", "2 n 2", "5 n 5", "6 n 6"]);
}

fn except_sets_by_time(worlds: &Worlds) {
    let world = worlds.world();
    let members = world.members("lobby", 2);
    drop(world.join(&members[0], "muted"));
    world.settle();
    let except = Target { except: ["muted".into()].into_iter().collect(), ..Target::room("lobby") };
    publish(&world, except.clone(), 1);
    world.pump_all();
    world.leave(&members[0], "muted");
    drop(world.join(&members[1], "muted"));
    world.pump_all();
    publish(&world, except, 2);
    world.settle();
    assert_eq!(members[0].heard(), ["2 n 2"]);
    assert_eq!(members[1].heard(), ["1 n 1"]);
}

fn to_a_connection(worlds: &Worlds) {
    let world = worlds.world();
    let members = world.members("lobby", 2);
    let to_first = Target::room(members[0].connection.id());
    publish(&world, Target::room("lobby"), 1);
    publish(&world, to_first.clone(), 2);
    publish(&world, Target::room("lobby"), 3);
    world.pump_all();
    publish(&world, to_first.clone(), 4);
    world.settle();
    assert_eq!(members[0].heard(), ["1 n 1", "2 n 2", "3 n 3", "4 n 4"]);
    assert_eq!(members[1].heard(), ["1 n 1", "3 n 3"]);
    world.namespace.disconnect(&members[0].connection);
    publish(&world, to_first, 5);
    world.settle();
    assert_eq!(members[0].heard().len(), 4);
}

fn to_a_user(worlds: &Worlds) {
    let world = worlds.world();
    let clients = [world.user("ann"), world.user("ann"), world.user("bob"), world.client()];
    world.settle();
    publish(&world, rooms(&[RoomKey::User("ann".into())]), 1);
    // A room that happens to be called as the user is another room.
    drop(world.join(&clients[3], "ann"));
    world.settle();
    publish(&world, rooms(&[RoomKey::User("ann".into()), "ann".into()]), 2);
    world.settle();
    let heard: Vec<_> = clients.iter().map(Client::heard).collect();
    assert_eq!(heard, [vec!["1 n 1", "2 n 2"], vec!["1 n 1", "2 n 2"], vec![], vec!["2 n 2"]]);
}

fn to_everyone(worlds: &Worlds) {
    let world = worlds.world();
    let [early, left_out, member] = [world.client(), world.user("ann"), world.client()];
    drop(world.subscribe(&member, &["lobby"], None));
    world.settle();
    let everyone = Target::room(RoomKey::Everyone);
    publish(&world, everyone.clone(), 1);
    world.settle();
    let late = world.client();
    publish(
        &world,
        Target { except: [RoomKey::User("ann".into())].into_iter().collect(), ..everyone.clone() },
        2,
    );
    publish(&world, rooms(&[RoomKey::Everyone, "lobby".into()]), 3);
    world.settle();
    world.namespace.disconnect(&early.connection);
    world.settle();
    publish(&world, everyone, 4);
    world.settle();
    assert_eq!(early.heard(), ["1 n 1", "2 n 2", "3 n 3"]);
    assert_eq!(left_out.heard(), ["1 n 1", "3 n 3", "4 n 4"]);
    assert_eq!(late.heard(), ["2 n 2", "3 n 3", "4 n 4"]);
    // Of its own room it hears as ever, with meta.
    let heard = member.heard();
    assert_eq!((heard.len(), heard[0].as_str(), heard[3].as_str()), (4, "1 n 1", "4 n 4"));
    assert!(heard[2].starts_with("3 n 3") && heard[2] != "3 n 3", "{heard:?}");
    // And it is no room that anybody sees.
    assert_eq!(left_out.connection.rooms(), [RoomKey::User("ann".into())]);
    assert!(world.namespace.rooms().iter().all(|(room, _)| *room != RoomKey::Everyone));
}

fn meta_by_membership(worlds: &Worlds) {
    let world = worlds.world();
    let [knows, plain, both] = [world.client(), world.client(), world.client()];
    drop(world.subscribe(&knows, &["lobby"], None));
    drop(world.join(&knows, "hall"));
    drop(world.join(&plain, "lobby"));
    drop(world.join(&both, "lobby"));
    world.settle();
    world.publish("lobby", 1);
    world.publish("hall", 2);
    world.pump_all();
    // One that a handler let in, and that then subscribes for itself: from here on with meta.
    drop(world.subscribe(&both, &["lobby"], None));
    world.pump_all();
    // And the other way: a handler's join takes nothing away.
    drop(world.join(&knows, "lobby"));
    world.publish("lobby", 3);
    world.settle();
    assert_eq!(knows.heard(), ["1 n 1 in lobby", "2 n 2", "3 n 3 in lobby"]);
    assert_eq!(plain.heard(), ["1 n 1", "3 n 3"]);
    assert_eq!(both.heard(), ["1 n 1", "3 n 3 in lobby"]);
}

fn forms_are_kept_apart(worlds: &Worlds) {
    let world = worlds.world();
    let clients: Vec<_> =
        (0..4).map(|slot| world.client_with(&ClientOptions { slot, ..ClientOptions::default() })).collect();
    for client in &clients {
        drop(world.subscribe(client, &["lobby"], None));
    }
    clients[2].link.take(0);
    world.settle();
    world.publish("lobby", 1);
    world.publish("lobby", 2);
    world.settle();
    clients[2].link.take_all();
    world.settle();
    assert_eq!(clients[0].heard(), ["1 n 1 in lobby", "2 n 2 in lobby"]);
    for (slot, client) in clients.iter().enumerate().skip(1) {
        assert_eq!(client.heard(), [format!("{slot}/1 n 1 in lobby"), format!("{slot}/2 n 2 in lobby")]);
    }
}
