//! Calls with streams: a fast one costs no more than a slow reader takes, and a client that is gone leaves nothing behind.

mod support;

use std::sync::atomic::Ordering;

use everywire::Options;
use support::streaming::world;
use support::{Frame, Tcp, until, within};

/// What one stream may have waiting for a client: see the driver.
const AHEAD: u64 = 32 * 1024;

#[tokio::test]
async fn a_fast_stream_waits_for_its_reader() {
    let world = world(Options::default()).await;
    let mut client = world.client().await;
    client.say(r#"{"type":4,"invocationId":"0","target":"Endless","arguments":[]}"#).await;
    // The first item is there; then nothing is read, until the stream stands still.
    assert!(client.hear().await.starts_with(r#"{"type":2,"invocationId":"0","item":"#));
    let mut before = u64::MAX;
    until("the stream stands still", || {
        std::mem::replace(&mut before, world.given.load(Ordering::Relaxed)) == before
            && world.app.waiting_bytes() > 0
    })
    .await;
    // (The last item may go beyond.)
    assert!(world.app.waiting_bytes() <= AHEAD + 2000, "{} wait", world.app.waiting_bytes());
    // It goes on where it was, and other calls are answered in between.
    client.say(r#"{"type":1,"invocationId":"1","target":"echo","arguments":["hi"]}"#).await;
    assert_eq!(client.hear_other().await, r#"{"type":3,"invocationId":"1","result":"hi"}"#);
    // Cancelled, it ends at once, without an error.
    client.say(r#"{"type":5,"invocationId":"0"}"#).await;
    assert_eq!(client.hear_other().await, r#"{"type":3,"invocationId":"0"}"#);
    assert_eq!(world.alive.load(Ordering::Relaxed), 0);
    client.say(r#"{"type":1,"invocationId":"2","target":"echo","arguments":["still here"]}"#).await;
    assert_eq!(client.hear().await, r#"{"type":3,"invocationId":"2","result":"still here"}"#);
}

#[tokio::test]
async fn several_streams_take_turns() {
    let world = world(Options::default()).await;
    let mut client = world.client().await;
    for id in 0..3 {
        client.say(&format!(r#"{{"type":4,"invocationId":"{id}","target":"endless","arguments":[]}}"#)).await;
    }
    // The first may have filled the sockets before the others began.
    let mut heard = [0_u32; 3];
    while heard.contains(&0) {
        heard[client.stream().await] += 1;
    }
    heard = [0; 3];
    for _ in 0..150 {
        heard[client.stream().await] += 1;
    }
    assert!(heard.iter().all(|count| *count >= 40), "{heard:?}");
}

#[tokio::test]
async fn who_vanishes_leaves_nothing_behind() {
    let mut world = world(Options::default()).await;
    for orderly in [true, false] {
        let mut client = world.client().await;
        client.say(r#"{"type":4,"invocationId":"0","target":"endless","arguments":[]}"#).await;
        client.say(r#"{"type":4,"invocationId":"1","target":"hold","arguments":[],"streamIds":["2"]}"#).await;
        client.say(r#"{"type":1,"invocationId":"3","target":"keep","arguments":[],"streamIds":["4"]}"#).await;
        client.say(r#"{"type":2,"invocationId":"2","item":1}"#).await;
        client.say(r#"{"type":2,"invocationId":"4","item":2}"#).await;
        let mut kept = within("the upload", world.uploads.recv()).await.unwrap();
        assert_eq!(kept.next::<u32>().await, Some(Ok(2)));
        assert_eq!(world.alive.load(Ordering::Relaxed), 2);
        if orderly {
            client.say(r#"{"type":7}"#).await;
            while client.wire.frame().await != Frame::End {}
        } else {
            client.wire.reset();
        }
        world.all_gone().await;
        assert_eq!(kept.next::<u32>().await, Some(Err(everywire::UploadError::Gone)));
        assert_eq!(kept.next::<u32>().await, None);
    }
}

#[tokio::test]
async fn too_many_streams_and_an_id_twice_are_refused() {
    let world = world(Options { streams: 3, ..Options::default() }).await;
    let mut client = world.client().await;
    client.say(r#"{"type":4,"invocationId":"0","target":"hold","arguments":[],"streamIds":["1"]}"#).await;
    client.say(r#"{"type":4,"invocationId":"0","target":"hold","arguments":[]}"#).await;
    let twice = r#"{"type":3,"invocationId":"0","error":"Invocation ID '0' is already in use."}"#;
    assert_eq!(client.hear().await, twice);
    client.say(r#"{"type":1,"invocationId":"2","target":"keep","arguments":[],"streamIds":["3","4"]}"#).await;
    let many = client.hear().await;
    assert!(many.contains("as many streams are open as may be, 3; let some end first"), "{many}");
}

#[tokio::test]
async fn what_waits_for_its_turn_is_cancelled_and_counted_too() {
    let world = world(Options { streams: 2, ..Options::default() }).await;
    let mut client = world.client().await;
    client.say(r#"{"type":1,"invocationId":"a","target":"block","arguments":[]}"#).await;
    client.say(r#"{"type":1,"invocationId":"b","target":"echo","arguments":["b"]}"#).await;
    let hold = |id| format!(r#"{{"type":4,"invocationId":"{id}","target":"hold","arguments":[]}}"#);
    for id in ["0", "1", "2"] {
        client.say(&hold(id)).await;
    }
    // What waits counts already.
    let many = client.hear().await;
    assert!(many.starts_with(r#"{"type":3,"invocationId":"2","error":"#), "{many}");
    assert!(many.contains("as many streams are open as may be, 2"), "{many}");
    client.say(r#"{"type":5,"invocationId":"0"}"#).await;
    assert_eq!(client.hear().await, r#"{"type":3,"invocationId":"0"}"#);
    client.say(&hold("1")).await;
    world.gate.notify_one();
    assert_eq!(client.hear().await, r#"{"type":3,"invocationId":"a","result":"done"}"#);
    assert_eq!(client.hear().await, r#"{"type":3,"invocationId":"b","result":"b"}"#);
    let twice = r#"{"type":3,"invocationId":"1","error":"Invocation ID '1' is already in use."}"#;
    assert_eq!(client.hear().await, twice);
    assert_eq!(world.alive.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_call_that_waits_when_its_client_goes_does_not_begin() {
    let world = world(Options::default()).await;
    for orderly in [true, false] {
        let mut client = world.client().await;
        client.say(r#"{"type":1,"invocationId":"a","target":"block","arguments":[]}"#).await;
        client.say(r#"{"type":1,"invocationId":"b","target":"echo","arguments":["b"]}"#).await;
        client.say(r#"{"type":4,"invocationId":"0","target":"hold","arguments":[]}"#).await;
        if orderly {
            client.say(r#"{"type":7}"#).await;
            while client.wire.frame().await != Frame::End {}
        } else {
            client.wire.reset();
        }
        world.gate.notify_one();
        world.all_gone().await;
    }
}

#[tokio::test]
async fn long_items_wait_for_their_reader_too() {
    let world = world(Options::default()).await;
    let mut client = world.client().await;
    for id in 0..20 {
        client
            .say(&format!(r#"{{"type":4,"invocationId":"{id}","target":"long","arguments":[600000]}}"#))
            .await;
    }
    let mut before = usize::MAX;
    until("the streams stand still", || {
        let waits = world.app.waiting_bytes() as usize;
        std::mem::replace(&mut before, waits) == waits && waits > 0
    })
    .await;
    assert!(world.app.waiting_bytes() < 1_300_000, "{} wait", world.app.waiting_bytes());
    for _ in 0..20 {
        assert!(client.hear().await.len() > 600_000);
    }
}

#[tokio::test]
async fn a_client_that_is_asked_may_call() {
    let world = world(Options::default()).await;
    let mut client = world.client().await;
    client.say(r#"{"type":1,"invocationId":"a","target":"wait","arguments":[]}"#).await;
    assert_eq!(client.hear().await, r#"{"type":1,"invocationId":"s0","target":"now","arguments":[]}"#);
    client.say(r#"{"type":1,"invocationId":"b","target":"echo","arguments":["b"]}"#).await;
    assert_eq!(client.hear().await, r#"{"type":3,"invocationId":"b","result":"b"}"#);
    client.say(r#"{"type":3,"invocationId":"s0","result":"now"}"#).await;
    assert_eq!(client.hear().await, r#"{"type":3,"invocationId":"a","result":"now"}"#);
}

#[tokio::test]
async fn a_stream_that_panics_is_an_error_of_its_call() {
    let world = world(Options::default()).await;
    let mut client = world.client().await;
    client.say(r#"{"type":4,"invocationId":"0","target":"long","arguments":[0]}"#).await;
    let error = client.hear().await;
    assert!(error.contains("An error occurred on the server while streaming results."), "{error}");
    client.say(r#"{"type":1,"invocationId":"1","target":"echo","arguments":["on"]}"#).await;
    assert_eq!(client.hear().await, r#"{"type":3,"invocationId":"1","result":"on"}"#);
}

#[tokio::test]
async fn a_wire_without_streams_says_so() {
    let world = world(Options::default()).await;
    let mut client = Tcp::websocket(world.address, "/ws").await;
    client.text(r#"{"jsonrpc":"2.0","id":1,"method":"endless","params":[]}"#).await;
    let answer = client.next_text().await;
    assert!(answer.contains("-32004") && answer.contains("with a non-streaming invocation"), "{answer}");
    assert_eq!(world.alive.load(Ordering::Relaxed), 0);
}
