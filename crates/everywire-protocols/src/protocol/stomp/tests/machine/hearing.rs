//! Which of its subscriptions hears what: each broadcast once, from its mark on, to its end.

use super::*;

const MARK: &str = "mark";

/// What is heard of broadcasts, `id:body`, however they come: by the mailbox, or by others who write to the socket.
struct Ears {
    peer: Peer,
    directly: bool,
}

impl Ears {
    fn new(directly: bool) -> Self {
        Self { peer: Peer::open(Version::V1_2), directly }
    }

    fn hear(&mut self, broadcast: &Arc<Broadcast>) -> Vec<String> {
        let messages = if self.directly {
            directly(&self.peer, broadcast)
        } else {
            self.peer.say(Item::Broadcast { broadcast: broadcast.clone(), meta: true })
        };
        messages.iter().map(|message| short(message)).collect()
    }

    /// These came to a room, in order, or a mark.
    fn hear_all(&mut self, all: &[&str]) -> Vec<String> {
        let mut heard = Vec::new();
        for text in all {
            if *text == MARK {
                self.peer.mark();
                continue;
            }
            let seq = text.parse().expect("a number");
            heard.extend(self.hear(&broadcast(seq, &["a"], text)));
        }
        heard
    }

    fn frame(&mut self, frame: &str) {
        assert_eq!(self.peer.hear(&format!("{frame}\n\n␀")).len(), 1, "{frame}");
    }

    /// What was asked first is done, and the subscription stands there.
    fn joined(&mut self, seq: u64) {
        let joined = Payload::from_args(&(format!("1f-{seq}"), false)).expect("it serialises");
        assert_eq!(self.peer.answer(Outcome::Done(joined)), NOTHING);
    }
}

/// The messages that others write to its socket.
fn directly(peer: &Peer, broadcast: &Broadcast) -> Vec<String> {
    let (form, mut tail) = (peer.machine.form(), Vec::new());
    form.encode(broadcast, true, &mut |_, bytes: &[u8]| tail.extend_from_slice(bytes));
    let mut messages = Vec::new();
    peer.machine.heads().expect("STOMP has heads").heads(broadcast, &mut |head| {
        messages.push(spell_message(form.kind(broadcast), &[head, &tail].concat()));
    });
    peer.machine.heads().expect("STOMP has heads").said(broadcast);
    messages
}

fn short(message: &str) -> String {
    let header = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("-");
    let body = message.split_once("\n\n").map_or("", |(_, body)| body.trim_end_matches('␀'));
    format!("{}:{body}", header("subscription:"))
}

#[test]
fn one_message_for_each_subscription_that_hears_it() {
    for directly in [false, true] {
        let mut ears = Ears::new(directly);
        ears.peer.subscribe("x", "/topic/a");
        ears.peer.subscribe("y", "/room/a");
        ears.peer.subscribe("z", "/topic/b");
        assert_eq!(ears.hear(&broadcast(1, &["a"], "1")), ["x:1", "y:1"]);
        assert_eq!(ears.hear(&broadcast(2, &["b"], "2")), ["z:2"]);
        assert_eq!(ears.hear(&broadcast(3, &["b", "a"], "3")), ["x:3", "y:3", "z:3"]);
        assert_eq!(ears.hear(&broadcast(4, &["c"], "4")), NOTHING);
        // And once, however often it comes.
        assert_eq!(ears.hear(&broadcast(4, &["a"], "4")), ["x:4", "y:4"]);
        assert_eq!(ears.hear(&broadcast(4, &["a"], "4")), NOTHING);
    }
}

#[test]
fn what_a_full_socket_did_not_take_comes_by_the_mailbox() {
    let mut ears = Ears::new(false);
    ears.peer.subscribe("x", "/topic/a");
    ears.peer.subscribe("u", "/user/queue/message");
    let heads = ears.peer.machine.heads().expect("STOMP has heads");
    let run: Vec<_> = (1..=3).map(|seq| broadcast(seq, &["a"], "hi")).collect();
    let mut written = 0;
    run.iter().for_each(|broadcast| heads.heads(broadcast, &mut |_| written += 1));
    assert_eq!(written, 3);
    // The first has left, and only that.
    heads.said(&run[0]);
    let heard: Vec<_> = run.iter().flat_map(|broadcast| ears.hear(broadcast)).collect();
    assert_eq!(heard, ["x:hi", "x:hi"]);
}

#[test]
fn a_subscription_hears_from_its_mark_on() {
    for directly in [false, true] {
        let mut ears = Ears::new(directly);
        ears.frame("SUBSCRIBE\nid:x\ndestination:/topic/a");
        assert_eq!(ears.hear_all(&["1", MARK, "2"]), ["x:2"]);
        ears.frame("SUBSCRIBE\nid:y\ndestination:/topic/a");
        assert_eq!(ears.hear_all(&["3", MARK, "4"]), ["x:3", "x:4", "y:4"]);
    }
}

#[test]
fn what_comes_again_for_one_is_not_heard_twice_by_others() {
    for directly in [false, true] {
        let mut ears = Ears::new(directly);
        ears.frame("SUBSCRIBE\nid:x\ndestination:/topic/a");
        assert_eq!(ears.hear_all(&[MARK, "5", "6"]), ["x:5", "x:6"]);
        // Another wants to know what was before.
        ears.frame("SUBSCRIBE\nid:y\ndestination:/topic/a\nsince:1f-4");
        assert_eq!(
            ears.hear_all(&["7", MARK, "5", "6", "7", "8"]),
            ["x:7", "y:5", "y:6", "y:7", "x:8", "y:8"]
        );
        // Or begins between them, and a third from the beginning.
        ears.frame("SUBSCRIBE\nid:z\ndestination:/topic/a\nsince:1f-7");
        ears.frame("SUBSCRIBE\nid:w\ndestination:/topic/a\nsince:1f-0");
        let heard = ears.hear_all(&[MARK, "8", MARK, "1", "8", "9"]);
        assert_eq!(heard, ["z:8", "w:1", "w:8", "x:9", "y:9", "z:9", "w:9"]);
    }
}

#[test]
fn what_came_before_a_subscription_is_not_for_it() {
    for directly in [false, true] {
        let mut ears = Ears::new(directly);
        ears.frame("SUBSCRIBE\nid:x\ndestination:/topic/a");
        assert_eq!(ears.hear_all(&[MARK]), NOTHING);
        ears.joined(5);
        // Nothing has been said to it yet when another has what was before.
        ears.frame("SUBSCRIBE\nid:y\ndestination:/topic/a\nsince:1f-2");
        assert_eq!(ears.hear_all(&[MARK, "3", "5", "6"]), ["y:3", "y:5", "x:6", "y:6"]);
        // A late word of where it began takes nothing back, and leaves nothing out.
        ears.joined(6);
        assert_eq!(ears.hear_all(&["6", "7"]), ["x:7", "y:7"]);
    }
}

#[test]
fn a_subscription_hears_until_its_end_has_its_turn() {
    for directly in [false, true] {
        let mut ears = Ears::new(directly);
        ears.peer.subscribe("x", "/topic/a");
        ears.peer.subscribe("y", "/topic/a");
        ears.frame("UNSUBSCRIBE\nid:x\nreceipt:r");
        assert_eq!(ears.hear_all(&["1"]), ["x:1", "y:1"]);
        ears.frame("SUBSCRIBE\nid:x\ndestination:/topic/a");
        assert_eq!(ears.hear_all(&["2"]), ["x:2", "y:2"]);
        assert_eq!(ears.peer.done(), ["RECEIPT\nreceipt-id:r\n\n␀"]);
        assert_eq!(ears.hear_all(&["3", MARK, "4"]), ["y:3", "y:4", "x:4"]);
    }
}

#[test]
fn what_is_for_the_user() {
    for directly in [false, true] {
        let mut ears = Ears::new(directly);
        ears.peer.subscribe("u", "/user/queue/chat");
        ears.peer.subscribe("v", "/user/topic/chat");
        ears.peer.subscribe("w", "/user/queue/other");
        ears.peer.subscribe("a", "/topic/a");
        let of = |seq: u64, rooms: Vec<RoomKey>| of_publication(seq, rooms, "chat", Payload::text("hi"));
        // To the user, to the connection, to everyone, and to rooms that the application has let it into.
        let id = public_id();
        for (seq, room) in (1..).zip([
            RoomKey::User("ann".into()),
            RoomKey::Connection(id),
            RoomKey::Everyone,
            "hall".into(),
        ]) {
            assert_eq!(ears.hear(&of(seq, vec![room])), ["u:hi", "v:hi"]);
        }
        // Whoever has subscribed to the room hears it there.
        assert_eq!(ears.hear(&of(5, vec!["a".into(), RoomKey::Everyone])), ["a:hi"]);
        assert_eq!(ears.hear(&of(5, vec![RoomKey::Everyone])), ["u:hi", "v:hi"]);
        assert_eq!(ears.hear(&of(5, vec![RoomKey::Everyone])), NOTHING);
    }
    // What is sent to the client alone is no broadcast.
    let mut peer = Peer::open(Version::V1_2);
    peer.subscribe("u", "/user/queue/chat");
    let emit = |event: &'static str| Item::Emit {
        event: event.into(),
        payload: Payload::from_args(&(1, "two")).expect("it serialises"),
        ack: None,
        class: Class::Event,
        compress: true,
    };
    let said = |number: u32| {
        format!(
            "MESSAGE\nsubscription:u\ndestination:/user/queue/chat\nmessage-id:e1.{number}\nevent:chat\ncontent-type:application/json\ncontent-length:9\n\n[1,\"two\"]␀"
        )
    };
    assert_eq!(peer.say(emit("chat")), [said(0)]);
    assert_eq!(peer.say(emit("other")), NOTHING);
    assert_eq!(peer.say(emit("chat")), [said(1)], "each has an id of its own");
}

#[test]
fn what_stands_in_a_message() {
    for (version, own) in [
        (Version::V1_0, "subscription:s:1\ndestination:/topic/a:b\nmessage-id:r1.1f-7\n"),
        (Version::V1_1, "subscription:s\\c1\ndestination:/topic/a\\cb\nmessage-id:r1.1f-7\n"),
        (Version::V1_2, "subscription:s\\c1\ndestination:/topic/a\\cb\nmessage-id:r1.1f-7\nack:r1.1f-7\n"),
    ] {
        let mut peer = Peer::open(version);
        let id = if version == Version::V1_0 { "s:1" } else { "s\\c1" };
        peer.subscribe(id, "/topic/a:b\nack:client-individual");
        let known = Publication {
            from: Some(public_id()),
            user: Some("ann".into()),
            ..broadcast(7, &["a:b"], "hi").publication.clone()
        };
        let known = Arc::new(Broadcast::new(Offset { epoch: 0x1f, seq: 7 }, known));
        let expected = format!(
            "MESSAGE\n{own}event:message\noffset:1f-7\ntime:1700000000123\nfrom:{}\nuser:ann\ncontent-type:text/plain;charset=utf-8\ncontent-length:2\n\nhi␀",
            public_id()
        );
        assert_eq!(peer.say(Item::Broadcast { broadcast: known, meta: true }), [expected]);
    }
    // Of 1.0 there may be no subscription to name.
    let mut peer = Peer::open(Version::V1_0);
    peer.hear("SUBSCRIBE\ndestination:/topic/a\n\n␀");
    peer.mark();
    let broadcast = of_publication(7, vec!["a".into()], "chat", Payload::empty());
    assert_eq!(
        peer.say(Item::Broadcast { broadcast, meta: false }),
        [
            "MESSAGE\ndestination:/topic/a\nmessage-id:r1.1f-7\nevent:chat\noffset:1f-7\ntime:1700000000123\n\n␀"
        ]
    );
}
