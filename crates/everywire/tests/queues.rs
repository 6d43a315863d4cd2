//! Queues, as a connection's driver sees them: what left has left, and what did not comes back.

mod support;

use everywire::{
    App, Connection, ConsumeOptions, Extras, Name, Payload, QueueMessage, QueueOptions, QueueState, Settles,
    raw, stomp,
};
use support::stomp::Client;
use support::{Tcp, serve, until, within};
use tokio::sync::mpsc::unbounded_channel;

fn message(number: u64) -> QueueMessage {
    let payload = Payload::from_args(&(number,)).unwrap();
    QueueMessage { event: "job".into(), payload, from: None, user: None, time: 0, original: None }
}

#[tokio::test]
async fn what_has_left_makes_room_for_more() {
    let (tell, mut told) = unbounded_channel();
    let app = App::builder()
        .namespace("/", |ns| {
            ns.on_any_outgoing(move |_: &Connection, event: &Name, args: &Payload| {
                let (number,): (u64,) = args.read(Extras::Ignore).unwrap();
                tell.send(format!("{event} {number}")).unwrap();
            });
        })
        .mount("/stomp", stomp())
        .build()
        .unwrap();
    let address = serve(&app).await;
    let mut client = Client::connected(address, "/stomp").await;
    let namespace = app.hub().namespace("/");
    // More than may wait in a mailbox.
    for number in 0..200 {
        namespace.enqueue("jobs", message(number)).unwrap();
    }
    client.send("SUBSCRIBE\nid:1\ndestination:/queue/jobs\n\n").await;
    for number in 0..200 {
        assert_eq!(within("a job", told.recv()).await, Some(format!("job {number}")));
        assert_eq!(client.next().await.body, number.to_string());
    }
    until("all are settled", || !namespace.queues().iter().any(|queue| queue.bytes > 0)).await;
    let others = "SUBSCRIBE\nid:2\ndestination:/queue/others\nack:client-individual\nprefetch-count:1\n\n";
    client.send(others).await;
    for number in 1..=2 {
        namespace.enqueue("others", message(number)).unwrap();
    }
    assert_eq!(within("another job", told.recv()).await.as_deref(), Some("job 1"));
    client.0.close(1000).await;
    until("it is gone", || namespace.connection_count() == 0).await;
    until("its job is back", || {
        let [QueueState { messages: 2, unsettled: 0, consumers: 0, .. }] = namespace.queues()[..] else {
            return false;
        };
        true
    })
    .await;
}

/// No protocol but STOMP has words for a queue's messages.
#[tokio::test]
async fn what_was_not_said_comes_back() {
    let app = App::builder().mount("/raw", raw()).build().unwrap();
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/raw").await;
    let namespace = app.hub().namespace("/");
    until("it is in", || namespace.connection_count() == 1).await;
    namespace.enqueue("jobs", message(1)).unwrap();
    let options = ConsumeOptions { settles: Settles::WhenSent, prefetch: 1 };
    namespace.consume(&namespace.connections()[0], "jobs", 1, options).unwrap();
    client.close(1000).await;
    until("it is gone", || namespace.connection_count() == 0).await;
    let [QueueState { messages: 1, unsettled: 0, consumers: 0, .. }] = namespace.queues()[..] else {
        panic!("its job is lost: {:?}", namespace.queues())
    };
}

#[tokio::test]
async fn their_bounds_are_an_option() {
    let options = everywire::Options {
        queues: QueueOptions { messages: 1, ..QueueOptions::default() },
        ..everywire::Options::default()
    };
    let app = App::builder().options(options).mount("/raw", raw()).build().unwrap();
    let namespace = app.hub().namespace("/");
    namespace.enqueue("jobs", message(1)).unwrap();
    assert!(namespace.enqueue("jobs", message(2)).is_err());
}
