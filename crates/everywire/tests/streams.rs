//! Calls with streams: a fast one costs no more than a slow reader takes, and a client that is gone leaves nothing behind.

mod support;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use everywire::{App, Args, Connection, Options, Result, SignalROptions, Upload, Uploads, jsonrpc, signalr};
use futures_core::Stream;
use support::{Frame, Tcp, serve, until, within};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Behind each message.
const END: &str = "\u{1e}";
/// What one stream may have waiting for a client: see the driver.
const AHEAD: u64 = 32 * 1024;

/// Numbers without end, each in a long text.
struct Endless {
    given: Arc<AtomicU64>,
    alive: Arc<AtomicUsize>,
}

impl Endless {
    fn new(given: &Arc<AtomicU64>, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self { given: given.clone(), alive: alive.clone() }
    }
}

impl Stream for Endless {
    type Item = Result<String>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(format!("{number:>1000}"))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Holds what was uploaded, takes nothing, and gives nothing.
struct Holding {
    _uploads: Uploads,
    _alive: Endless,
}

impl Stream for Holding {
    type Item = Result<()>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

/// Long texts without end; of none, a panic.
struct Long(usize);

impl Stream for Long {
    type Item = Result<String>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        assert!(self.0 > 0, "as the test asked");
        Poll::Ready(Some(Ok("x".repeat(self.0))))
    }
}

struct World {
    app: App,
    address: SocketAddr,
    given: Arc<AtomicU64>,
    alive: Arc<AtomicUsize>,
    uploads: tokio::sync::mpsc::UnboundedReceiver<Upload>,
    /// Lets a call of `block` end.
    gate: Arc<Notify>,
}

async fn world(options: Options) -> World {
    let (given, alive) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    let (hand_over, uploads) = unbounded_channel();
    let gate = Arc::new(Notify::new());
    let opens = gate.clone();
    let app = App::builder()
        .namespace("/", |ns| {
            let of = (given.clone(), alive.clone());
            ns.on_stream("endless", move |_: Connection, Args(()): Args, _: Uploads| {
                let endless = Endless::new(&of.0, &of.1);
                async { Ok(endless) }
            });
            let of = (given.clone(), alive.clone());
            ns.on_stream("hold", move |_: Connection, Args(()): Args, uploads: Uploads| {
                let holding = Holding { _uploads: uploads, _alive: Endless::new(&of.0, &of.1) };
                async { Ok(holding) }
            });
            ns.on_upload("keep", move |conn: Connection, Args(()): Args, uploads: Uploads| {
                let hand_over: UnboundedSender<Upload> = hand_over.clone();
                async move {
                    for upload in uploads {
                        hand_over.send(upload).unwrap();
                    }
                    conn.closed().await;
                    Ok(())
                }
            });
            ns.on("wait", async |conn: Connection, Args(()): Args| {
                let answer: String = conn.emit_with_ack("now", (), Duration::from_secs(10)).await?;
                Ok(answer)
            });
            ns.on_stream("long", async |_: Connection, Args((length,)): Args<(usize,)>, _: Uploads| {
                Ok(Long(length))
            });
            let gate = opens.clone();
            ns.on("block", move |_: Connection, Args(()): Args| {
                let gate = gate.clone();
                async move {
                    gate.notified().await;
                    Ok("done")
                }
            });
            ns.on("echo", async |_: Connection, Args((text,)): Args<(String,)>| Ok(text));
        })
        .mount(
            "/hubs/{namespace}",
            signalr().hub(SignalROptions { keep_alive: Duration::from_millis(200), ..Default::default() }),
        )
        .mount("/ws", jsonrpc())
        // The client here does not answer a close frame.
        .options(Options { close_timeout: Duration::from_millis(300), ..options })
        .build()
        .unwrap();
    let address = serve(&app).await;
    World { app, address, given, alive, uploads, gate }
}

impl World {
    async fn client(&self) -> Client {
        let mut client = Client { wire: Tcp::websocket(self.address, "/hubs/default").await };
        client.say(r#"{"protocol":"json","version":1}"#).await;
        assert_eq!(client.hear().await, "{}");
        client
    }

    async fn all_gone(&self) {
        until("nothing is left", || {
            let alive = self.alive.load(Ordering::Relaxed);
            self.app.session_count() == 0 && self.app.waiting_bytes() == 0 && alive == 0
        })
        .await;
    }
}

struct Client {
    wire: Tcp,
}

impl Client {
    async fn say(&mut self, message: &str) {
        self.wire.text(&format!("{message}{END}")).await;
    }

    /// The next message that is no ping, without its end.
    async fn hear(&mut self) -> String {
        loop {
            let text = self.wire.next_text().await;
            let message = text.strip_suffix(END).unwrap_or_else(|| panic!("no end: {text:?}"));
            if message != r#"{"type":6}"# {
                return message.to_owned();
            }
        }
    }

    /// Which stream the next item is of: one digit.
    async fn stream(&mut self) -> usize {
        let message = self.hear().await;
        let (_, rest) = message.split_once(r#""invocationId":""#).unwrap();
        rest[..1].parse().unwrap()
    }

    /// The next that is no item of a stream.
    async fn hear_other(&mut self) -> String {
        loop {
            let message = self.hear().await;
            if !message.starts_with(r#"{"type":2,"#) {
                return message;
            }
        }
    }
}

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
    let mut client = Client { wire: Tcp::websocket(address, "/hubs/default").await };
    client.say(r#"{"protocol":"json","version":1}"#).await;
    assert_eq!(client.hear().await, "{}");
    client.say(r#"{"type":1,"target":"take","arguments":[],"streamIds":["u"]}"#).await;
    for number in 0..ITEMS {
        client.say(&format!(r#"{{"type":2,"invocationId":"u","item":"{number:>1500}"}}"#)).await;
    }
    client.say(r#"{"type":3,"invocationId":"u"}"#).await;
    assert_eq!(within("the reader", told.recv()).await, Some(ITEMS));
}
