//! Uploads: what nobody takes is not read, costs no more than it may, and holds up nothing that comes behind it.

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use everywire::{App, Args, Connection, Options, Uploads, signalr};
use support::streaming::{Client, world};
use support::{serve, within};
use tokio::sync::mpsc::unbounded_channel;

#[tokio::test]
async fn who_vanishes_behind_a_full_upload_is_noticed() {
    let world = world(Options { inbound_queue: 1000, inbound_bytes: 10_000, ..Options::default() }).await;
    for orderly in [true, false] {
        let mut client = world.client().await;
        client.say(r#"{"type":4,"invocationId":"0","target":"hold","arguments":[],"streamIds":["1"]}"#).await;
        let item = format!(r#"{{"type":2,"invocationId":"1","item":"{}"}}"#, "x".repeat(1000));
        for _ in 0..50 {
            client.say(&item).await;
        }
        // What it sent last is not read, and so is not its end.
        if orderly {
            drop(client);
        } else {
            client.wire.reset();
        }
        world.all_gone().await;
    }
}

#[tokio::test]
async fn a_full_upload_does_not_block_its_own_cancel() {
    let world = world(Options { inbound_queue: 1000, inbound_bytes: 100_000, ..Options::default() }).await;
    let mut client = world.client().await;
    client.say(r#"{"type":4,"invocationId":"0","target":"hold","arguments":[],"streamIds":["1"]}"#).await;
    let item = format!(r#"{{"type":2,"invocationId":"1","item":"{}"}}"#, "x".repeat(500));
    for _ in 0..100 {
        client.say(&item).await;
    }
    client.say(r#"{"type":5,"invocationId":"0"}"#).await;
    assert_eq!(client.hear().await, r#"{"type":3,"invocationId":"0"}"#);
    assert_eq!(world.alive.load(Ordering::Relaxed), 0);
    // What still comes of the stream is nobody's.
    client.say(&item).await;
    client.say(r#"{"type":1,"invocationId":"2","target":"echo","arguments":["on"]}"#).await;
    assert_eq!(client.hear().await, r#"{"type":3,"invocationId":"2","result":"on"}"#);
}

#[tokio::test]
async fn a_handler_that_takes_nothing_does_not_hold_up_what_comes_behind() {
    let upload_timeout = Duration::from_millis(300);
    let options =
        Options { inbound_queue: 1000, inbound_bytes: 10_000, upload_timeout, ..Options::default() };
    let mut world = world(options).await;
    let mut client = world.client().await;
    client.say(r#"{"type":4,"invocationId":"0","target":"hold","arguments":[],"streamIds":["1"]}"#).await;
    client.say(r#"{"type":1,"invocationId":"2","target":"keep","arguments":[],"streamIds":["3"]}"#).await;
    let mut kept = within("the upload", world.uploads.recv()).await.unwrap();
    // Much more than is ever read.
    for _ in 0..50 {
        for id in [1, 3] {
            client.say(&format!(r#"{{"type":2,"invocationId":"{id}","item":"{}"}}"#, "x".repeat(1000))).await;
        }
    }
    client.say(r#"{"type":5,"invocationId":"0"}"#).await;
    assert_eq!(client.hear().await, r#"{"type":3,"invocationId":"0"}"#);
    assert_eq!(kept.next::<String>().await, Some(Err(everywire::UploadError::Stalled)));
    assert_eq!(kept.next::<String>().await, None);
    client.say(r#"{"type":1,"invocationId":"4","target":"echo","arguments":["on"]}"#).await;
    assert_eq!(client.hear_other().await, r#"{"type":3,"invocationId":"4","result":"on"}"#);
}

#[tokio::test]
async fn an_upload_that_nobody_takes_is_not_read_for_ever() {
    const ITEMS: usize = 5000;
    let mut world = world(Options { inbound_queue: 1000, inbound_bytes: 50_000, ..Options::default() }).await;
    let mut client = world.client().await;
    client.say(r#"{"type":1,"invocationId":"0","target":"keep","arguments":[],"streamIds":["1"]}"#).await;
    let mut upload = within("the upload", world.uploads.recv()).await.unwrap();
    let sending = tokio::spawn(async move {
        for number in 0..ITEMS {
            client.say(&format!(r#"{{"type":2,"invocationId":"1","item":"{number:>4000}"}}"#)).await;
        }
        client.say(r#"{"type":3,"invocationId":"1"}"#).await;
        client
    });
    for number in 0..ITEMS {
        let item = within("an item", upload.next::<String>()).await.unwrap().unwrap();
        assert_eq!(item.trim_start(), number.to_string());
    }
    assert_eq!(upload.next::<String>().await, None);
    drop(sending.await.unwrap());
    world.all_gone().await;
}

#[tokio::test]
async fn what_waits_with_its_call_is_bounded_too() {
    let options =
        Options { inbound_queue: 100_000, inbound_bytes: 100_000, streams: 10, ..Options::default() };
    let mut world = world(options).await;
    let mut client = world.client().await;
    client.say(r#"{"type":1,"invocationId":"a","target":"block","arguments":[]}"#).await;
    // Each stream has ended, and waits with its call.
    let item = "x".repeat(1000);
    let sending = tokio::spawn(async move {
        client.say(r#"{"type":1,"invocationId":"b","target":"echo","arguments":["b"]}"#).await;
        for id in 0..50 {
            let call = format!(r#"{{"type":1,"target":"keep","arguments":[],"streamIds":["{id}"]}}"#);
            client.say(&call).await;
            for _ in 0..100 {
                client.say(&format!(r#"{{"type":2,"invocationId":"{id}","item":"{item}"}}"#)).await;
            }
            client.say(&format!(r#"{{"type":3,"invocationId":"{id}"}}"#)).await;
        }
        client
    });
    for _ in 0..2000 {
        tokio::task::yield_now().await;
    }
    assert!(!sending.is_finished(), "five megabytes are not taken");
    // Handlers that let them go.
    let mut uploads = std::mem::replace(&mut world.uploads, unbounded_channel().1);
    tokio::spawn(async move { while uploads.recv().await.is_some() {} });
    world.gate.notify_one();
    drop(within("the rest", sending).await.unwrap());
    world.all_gone().await;
}

#[tokio::test]
async fn a_name_may_be_used_again_once_its_stream_has_ended() {
    let mut world = world(Options::default()).await;
    let mut client = world.client().await;
    client.say(r#"{"type":4,"invocationId":"0","target":"hold","arguments":[],"streamIds":["u"]}"#).await;
    client.say(r#"{"type":3,"invocationId":"u"}"#).await;
    client.say(r#"{"type":1,"invocationId":"1","target":"keep","arguments":[],"streamIds":["u"]}"#).await;
    let mut kept = within("the upload", world.uploads.recv()).await.unwrap();
    client.say(r#"{"type":5,"invocationId":"0"}"#).await;
    assert_eq!(client.hear().await, r#"{"type":3,"invocationId":"0"}"#);
    client.say(r#"{"type":2,"invocationId":"u","item":7}"#).await;
    assert_eq!(kept.next::<u32>().await, Some(Ok(7)));
}

/// The task of a connection reads while other threads take what it has read.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_reader_on_another_thread_gets_every_item_in_order() {
    const ITEMS: usize = 30_000;
    let (tell, mut told) = unbounded_channel();
    let app = App::builder()
        .namespace("/", |ns| {
            ns.on_upload("take", move |_: Connection, Args(()): Args, uploads: Uploads| {
                let tell = tell.clone();
                async move {
                    let [mut upload] = uploads.exactly()?;
                    let reader = tokio::spawn(async move {
                        let mut next = 0;
                        while let Some(item) = upload.next::<String>().await {
                            assert_eq!(item.unwrap().trim_start(), next.to_string());
                            next += 1;
                        }
                        next
                    });
                    tell.send(reader.await?).unwrap();
                    Ok(())
                }
            });
        })
        .mount("/hubs/{namespace}", signalr())
        .options(Options { inbound_bytes: 20_000, ..Options::default() })
        .build()
        .unwrap();
    let address = serve(&app).await;
    let mut client = Client::connect(address).await;
    client.say(r#"{"type":1,"target":"take","arguments":[],"streamIds":["u"]}"#).await;
    for number in 0..ITEMS {
        client.say(&format!(r#"{{"type":2,"invocationId":"u","item":"{number:>1500}"}}"#)).await;
    }
    client.say(r#"{"type":3,"invocationId":"u"}"#).await;
    assert_eq!(within("the reader", told.recv()).await, Some(ITEMS));
}
