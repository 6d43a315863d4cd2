//! What happens to messages: stories of two clients, `a` and `b`, and one queue.

use everywire_core::hub::Verdict;

use crate::laws::{Law, Worlds};
use crate::world::{Client, World};

pub(in crate::laws::hub) const LAWS: &[Law<Worlds>] = &[("a queue's messages: all stories", all)];

/// One step of a story. A client is its place, its consumer has the number 1.
#[derive(Debug, Clone, Copy)]
enum Step {
    Send(u64),
    /// Consumes, with so many messages out at a time.
    Consume(usize, usize),
    /// Consumes, settling what is sent.
    ConsumeSent(usize),
    Done(usize, u64),
    DoneUpTo(usize, u64),
    Return(usize, u64),
    ReturnUpTo(usize, u64),
    Drop(usize, u64),
    Stop(usize),
    /// The connection ends.
    End(usize),
    /// The socket takes nothing, or everything again.
    Block(usize),
    Unblock(usize),
}

struct Story {
    name: &'static str,
    steps: &'static [Step],
    /// What each client is given: `2:5` is its second delivery, which has the number 5; `2:5!` is marked as delivered again.
    given: [&'static str; 2],
    /// Messages that wait, messages that are out, consumers. None if the queue is forgotten.
    after: Option<(usize, usize, usize)>,
}

const A: usize = 0;
const B: usize = 1;

use Step::{Block, Consume, ConsumeSent, Done, DoneUpTo, Drop, End, Return, ReturnUpTo, Send, Stop, Unblock};

#[rustfmt::skip]
const STORIES: &[Story] = &[
    Story {
        name: "consumers compete, and take turns",
        steps: &[Consume(A, 9), Consume(B, 9), Send(1), Send(2), Send(3), Send(4), Send(5)],
        given: ["1:1 2:3 3:5", "1:2 2:4"],
        after: Some((0, 5, 2)),
    },
    Story {
        name: "messages wait for a consumer, in order",
        steps: &[Send(1), Send(2), Send(3), Consume(A, 9)],
        given: ["1:1 2:2 3:3", ""],
        after: Some((0, 3, 1)),
    },
    Story {
        name: "with a prefetch of one, the next comes when one is settled",
        steps: &[Send(1), Send(2), Send(3), Consume(A, 1), Done(A, 1)],
        given: ["1:1 2:2", ""],
        after: Some((1, 1, 1)),
    },
    Story {
        name: "a prefetch of nothing counts as one",
        steps: &[Send(1), Send(2), Consume(A, 0)],
        given: ["1:1", ""],
        after: Some((1, 1, 1)),
    },
    Story {
        name: "who has no credit is passed over, and has its turn again",
        steps: &[Consume(A, 1), Consume(B, 2), Send(1), Send(2), Send(3), Send(4), Done(A, 1), Done(B, 1), Send(5), Done(B, 2)],
        given: ["1:1 2:4", "1:2 2:3 3:5"],
        after: Some((0, 2, 2)),
    },
    Story {
        name: "one settled in the middle",
        steps: &[Consume(A, 3), Send(1), Send(2), Send(3), Send(4), Done(A, 2), End(A), Consume(B, 9)],
        given: ["1:1 2:2 3:3 4:4", "1:1! 2:3! 3:4!"],
        after: Some((0, 3, 1)),
    },
    Story {
        name: "settled up to one",
        steps: &[Consume(A, 3), Send(1), Send(2), Send(3), Send(4), DoneUpTo(A, 2)],
        given: ["1:1 2:2 3:3 4:4", ""],
        after: Some((0, 2, 1)),
    },
    Story {
        name: "settled up to one, of which some are settled",
        steps: &[Consume(A, 9), Send(1), Send(2), Send(3), Send(4), Done(A, 1), Done(A, 3), DoneUpTo(A, 4)],
        given: ["1:1 2:2 3:3 4:4", ""],
        after: Some((0, 0, 1)),
    },
    Story {
        name: "what one consumer returns, another gets",
        steps: &[Consume(A, 1), Consume(B, 1), Send(1), Return(A, 1)],
        given: ["1:1", "1:1!"],
        after: Some((0, 1, 2)),
    },
    Story {
        name: "and another, although it is the returner's turn",
        steps: &[Consume(A, 9), Consume(B, 9), Send(1), Send(2), Return(A, 1), Send(3)],
        given: ["1:1 2:3", "1:2 2:1!"],
        after: Some((0, 3, 2)),
    },
    Story {
        name: "who returned it gets it if no other can",
        steps: &[Consume(A, 1), Consume(B, 1), Send(1), Send(2), Return(A, 1)],
        given: ["1:1 2:1!", "1:2"],
        after: Some((0, 2, 2)),
    },
    Story {
        name: "what is returned goes before what came later",
        steps: &[Consume(A, 1), Send(1), Send(2), Send(3), Return(A, 1), Done(A, 2), Done(A, 3)],
        given: ["1:1 2:1! 3:2 4:3", ""],
        after: Some((0, 1, 1)),
    },
    Story {
        name: "several that are returned come in their order",
        steps: &[Consume(A, 3), Send(1), Send(2), Send(3), Send(4), Return(A, 2), ReturnUpTo(A, 4)],
        given: ["1:1 2:2 3:3 4:2! 5:1! 6:2! 7:3!", ""],
        after: Some((1, 3, 1)),
    },
    Story {
        name: "what is dropped is gone",
        steps: &[Consume(A, 1), Send(1), Send(2), Drop(A, 1), Drop(A, 2), Stop(A)],
        given: ["1:1 2:2", ""],
        after: None,
    },
    Story {
        name: "an end gives back what was sent, in order, before what waits",
        steps: &[Consume(A, 2), Send(1), Send(2), Send(3), End(A), Consume(B, 9)],
        given: ["1:1 2:2", "1:1! 2:2! 3:3"],
        after: Some((0, 3, 1)),
    },
    Story {
        name: "to others at once",
        steps: &[Consume(A, 9), Consume(B, 9), Send(1), Send(2), Send(3), Send(4), End(A)],
        given: ["1:1 2:3", "1:2 2:4 3:1! 4:3!"],
        after: Some((0, 4, 1)),
    },
    Story {
        name: "as far as they have credit",
        steps: &[Consume(A, 9), Consume(B, 2), Send(1), Send(2), Send(3), End(A), Done(B, 1)],
        given: ["1:1 2:3", "1:2 2:1! 3:3!"],
        after: Some((0, 2, 1)),
    },
    Story {
        name: "what was still in the mailbox is not marked",
        steps: &[Block(A), Consume(A, 9), Send(1), Send(2), End(A), Consume(B, 9)],
        given: ["", "1:1 2:2"],
        after: Some((0, 2, 1)),
    },
    Story {
        name: "unless it was sent before",
        steps: &[Consume(B, 1), Send(1), Block(A), Consume(A, 9), Return(B, 1), Stop(B), End(A), Consume(B, 1)],
        given: ["", "1:1 1:1!"],
        after: Some((0, 1, 1)),
    },
    Story {
        name: "what is settled does not come back",
        steps: &[Consume(A, 9), Send(1), Send(2), DoneUpTo(A, 2), End(A)],
        given: ["1:1 2:2", ""],
        after: None,
    },
    Story {
        name: "settled when sent",
        steps: &[Send(1), ConsumeSent(A), Send(2), End(A)],
        given: ["1:1 2:2", ""],
        after: None,
    },
    Story {
        name: "and not before",
        steps: &[Block(A), ConsumeSent(A), Send(1), Send(2), End(A), ConsumeSent(B)],
        given: ["", "1:1 2:2"],
        after: Some((0, 0, 1)),
    },
    Story {
        name: "what waits in a mailbox leaves when it can",
        steps: &[Block(A), ConsumeSent(A), Send(1), Send(2), Unblock(A), End(A)],
        given: ["1:1 2:2", ""],
        after: None,
    },
    Story {
        name: "settled by a guess, before it has left",
        steps: &[Block(A), Consume(A, 1), Send(1), Done(A, 1), Send(2), Unblock(A), Done(A, 2), Send(3)],
        given: ["1:1 2:2 3:3", ""],
        after: Some((0, 1, 1)),
    },
    Story {
        name: "returned by a guess, it is the guesser's trouble",
        steps: &[Block(A), Consume(A, 1), Send(1), Return(A, 1), Unblock(A), Done(A, 2)],
        given: ["1:1 2:1!", ""],
        after: Some((0, 0, 1)),
    },
    Story {
        name: "who stops gets no more, and settles what it has",
        steps: &[Consume(A, 2), Send(1), Send(2), Send(3), Stop(A), Done(A, 1), Return(A, 2), Consume(B, 9)],
        given: ["1:1 2:2", "1:2! 2:3"],
        after: Some((0, 2, 1)),
    },
    Story {
        name: "or gives it back by its end",
        steps: &[Consume(A, 2), Send(1), Stop(A), Consume(B, 9), Send(2), End(A)],
        given: ["1:1", "1:2 2:1!"],
        after: Some((0, 2, 1)),
    },
    Story {
        name: "who stops settles by sending, as before",
        steps: &[Block(A), ConsumeSent(A), Send(1), Stop(A), Send(2), Unblock(A)],
        given: ["1:1", ""],
        after: Some((1, 0, 0)),
    },
    Story {
        name: "and is another consumer when it begins again",
        steps: &[Consume(A, 2), Send(1), Done(A, 1), Stop(A), Send(2), Consume(A, 2)],
        given: ["1:1 1:2", ""],
        after: Some((0, 1, 1)),
    },
    Story {
        name: "a queue without anything is forgotten with its last consumer",
        steps: &[Consume(A, 2), Consume(B, 2), Send(1), Done(A, 1), Stop(A), End(B)],
        given: ["1:1", ""],
        after: None,
    },
    Story {
        name: "or with its last message",
        steps: &[Consume(A, 2), Send(1), Stop(A), Done(A, 1)],
        given: ["1:1", ""],
        after: None,
    },
    Story {
        name: "but not while a message waits",
        steps: &[Consume(A, 1), Send(1), Send(2), Stop(A), Done(A, 1)],
        given: ["1:1", ""],
        after: Some((1, 0, 0)),
    },
    Story {
        name: "a forgotten queue begins anew",
        steps: &[Consume(A, 1), Send(1), Done(A, 1), Stop(A), Send(2), Send(3), Consume(B, 9)],
        given: ["1:1", "1:2 2:3"],
        after: Some((0, 2, 1)),
    },
];

fn all(worlds: &Worlds) {
    for story in STORIES {
        let world = worlds.world();
        let clients = [world.client(), world.client()];
        for &step in story.steps {
            take(&world, &clients, step);
            world.settle();
        }
        let given = clients.each_ref().map(|client| {
            let spelled: Vec<String> = client.deliveries().iter().map(|line| spell(line)).collect();
            spelled.join(" ")
        });
        assert_eq!(given.each_ref().map(String::as_str), story.given, "{}", story.name);
        assert_eq!(world.queue("q"), story.after, "{}", story.name);
    }
}

fn take(world: &World, clients: &[Client; 2], step: Step) {
    let settle = |client: usize, delivery, up_to, verdict| {
        let connection = &clients[client].connection;
        world.namespace.settle(connection, 1, delivery, up_to, verdict).expect("it is out");
    };
    match step {
        Send(number) => world.enqueue("q", number).expect("there is room"),
        Consume(client, prefetch) => world.consume(&clients[client], "q", 1, prefetch).expect("it may"),
        ConsumeSent(client) => world.consume_sent(&clients[client], "q", 1).expect("it may"),
        Done(client, delivery) => settle(client, delivery, false, Verdict::Done),
        DoneUpTo(client, delivery) => settle(client, delivery, true, Verdict::Done),
        Return(client, delivery) => settle(client, delivery, false, Verdict::Return),
        ReturnUpTo(client, delivery) => settle(client, delivery, true, Verdict::Return),
        Drop(client, delivery) => settle(client, delivery, false, Verdict::Drop),
        Stop(client) => assert!(world.namespace.stop_consuming(&clients[client].connection, 1)),
        End(client) => {
            let mailbox = clients[client].mailbox();
            mailbox.end(everywire_core::Reason::Lost, false);
            world.namespace.disconnect(&clients[client].connection);
        }
        Block(client) => clients[client].block(),
        Unblock(client) => clients[client].link.take_all(),
    }
}

/// `1.2 again n 5` as `2:5!`.
fn spell(line: &str) -> String {
    let (place, rest) = line.split_once(' ').expect("a place and an event");
    let delivery = place.strip_prefix("1.").expect("consumer 1");
    let number = rest.rsplit(' ').next().expect("a number");
    format!("{delivery}:{number}{}", if rest.starts_with("again") { "!" } else { "" })
}
