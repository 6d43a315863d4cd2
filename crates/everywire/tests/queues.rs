//! Queues, as a connection's driver sees them: what left has left, and what did not comes back.

mod support;

use everywire::{
    App, Connection, ConsumeOptions, Extras, Name, Payload, QueueMessage, QueueOptions, QueueState, Settles,
    raw,
};
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
        .mount("/raw", raw())
        .build()
        .unwrap();
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/raw").await;
    let namespace = app.hub().namespace("/");
    until("it is in", || namespace.connection_count() == 1).await;
    let connection = namespace.connections().remove(0);
    // More than may wait in a mailbox. The raw protocol has no words for them; they leave all the same.
    for number in 0..200 {
        namespace.enqueue("jobs", message(number)).unwrap();
    }
    let options = |settles, prefetch| ConsumeOptions { settles, prefetch };
    namespace.consume(&connection, "jobs", 1, options(Settles::WhenSent, usize::MAX)).unwrap();
    namespace.consume(&connection, "others", 2, options(Settles::ByClient, 1)).unwrap();
    for number in 0..200 {
        assert_eq!(within("a job", told.recv()).await, Some(format!("job {number}")));
    }
    until("all are settled", || !namespace.queues().iter().any(|queue| queue.bytes > 0)).await;
    for number in 1..=2 {
        namespace.enqueue("others", message(number)).unwrap();
    }
    assert_eq!(within("another job", told.recv()).await.as_deref(), Some("job 1"));
    client.close(1000).await;
    until("it is gone", || namespace.connection_count() == 0).await;
    until("its job is back", || {
        let [QueueState { messages: 2, unsettled: 0, consumers: 0, .. }] = namespace.queues()[..] else {
            return false;
        };
        true
    })
    .await;
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
