//! What Socket.IO's clients post while handlers are at work: bodies with more events than may wait.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use everywire::{App, Args, Connection, EngineIoOptions, Options, socketio};
use support::{Response, Tcp, get, serve, until, within};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

/// As many as one body of the default length easily has.
const EVENTS: usize = 20_000;

/// A client that polls, at a server whose handlers wait for the test.
struct Client {
    app: App,
    address: SocketAddr,
    path: String,
    /// Of each event that a handler got, the length of its text.
    told: UnboundedReceiver<usize>,
    /// Lets so many handlers come to their end.
    open: Arc<Semaphore>,
}

impl Client {
    async fn enter(options: Options, engine: EngineIoOptions) -> Self {
        let (tell, told) = unbounded_channel();
        let open = Arc::new(Semaphore::new(0));
        let door = open.clone();
        let app = App::builder()
            .namespace("/", |ns| {
                ns.on("message", move |_: Connection, Args((text,)): Args<(String,)>| {
                    let (door, tell) = (door.clone(), tell.clone());
                    async move {
                        tell.send(text.len()).unwrap();
                        door.acquire().await.unwrap().forget();
                        Ok(())
                    }
                });
            })
            .mount("/socket.io/", socketio().engine(engine))
            .options(options)
            .build()
            .unwrap();
        let address = serve(&app).await;
        let path = open_session(address).await;
        let client = Self { app, address, path, told, open };
        assert_eq!(client.post("40").await.body, "ok");
        assert!(client.poll().await.body.starts_with("40{"));
        client
    }

    async fn poll(&self) -> Response {
        Tcp::ask(self.address, &get(&self.path)).await
    }

    async fn post(&self, body: &str) -> Response {
        Tcp::ask(self.address, &post(&self.path, body)).await
    }

    /// Posts, and does not wait for the answer.
    fn posting(&self, body: &str) -> JoinHandle<Response> {
        let (address, request) = (self.address, post(&self.path, body));
        tokio::spawn(async move { Tcp::ask(address, &request).await })
    }

    async fn next(&mut self) -> usize {
        within("an event", self.told.recv()).await.unwrap()
    }
}

/// Opens a session; the path of its polls.
async fn open_session(address: SocketAddr) -> String {
    let path = "/socket.io/?EIO=4&transport=polling";
    let opened = Tcp::ask(address, &get(path)).await.body;
    let opening: serde_json::Value = serde_json::from_str(&opened[1..]).unwrap();
    format!("{path}&sid={}", opening["sid"].as_str().unwrap())
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A body of events with texts of these lengths.
fn events(lengths: impl IntoIterator<Item = usize>) -> String {
    let event = |length| format!(r#"42["message","{}"]"#, "x".repeat(length));
    lengths.into_iter().map(event).collect::<Vec<_>>().join("\u{1e}")
}

#[tokio::test]
async fn a_body_may_bring_more_events_than_may_wait() {
    let mut client = Client::enter(Options::default(), EngineIoOptions::default()).await;
    let body = events((0..EVENTS).map(|n| n % 10));
    assert!(body.len() < EngineIoOptions::default().max_payload);
    assert_eq!(client.post(&body).await.body, "ok");
    client.open.add_permits(EVENTS + 1);
    for n in 0..EVENTS {
        assert_eq!(client.next().await, n % 10);
    }
    assert_eq!(client.post(&events([42])).await.body, "ok");
    assert_eq!(client.next().await, 42, "the session lives on");
}

#[tokio::test]
async fn a_message_may_be_longer_than_all_that_may_wait() {
    let options = Options { inbound_queue: 500, inbound_bytes: 1000, ..Options::default() };
    let engine = EngineIoOptions { max_payload: 10_000, ..EngineIoOptions::default() };
    let mut client = Client::enter(options, engine).await;
    assert_eq!(client.post(&events([0, 5000, 600, 700])).await.body, "ok");
    client.open.add_permits(5);
    for length in [0, 5000, 600, 700] {
        assert_eq!(client.next().await, length);
    }
    assert_eq!(client.post(&events([9900])).await.body, "ok");
    assert_eq!(client.next().await, 9900);
    assert_eq!(client.post(&events([10_000])).await.status, 413);
}

#[tokio::test]
async fn a_body_behind_more_than_may_wait_is_held() {
    let options = Options { inbound_queue: 500, inbound_bytes: 1000, ..Options::default() };
    let mut client = Client::enter(options, EngineIoOptions::default()).await;
    assert_eq!(client.post(&events([1, 600, 700])).await.body, "ok");
    // A pong gets through, as long as no body is held.
    assert_eq!(client.post("3").await.body, "ok");
    let held = client.posting(&events([2, 3]));
    assert_eq!(client.next().await, 1);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(!held.is_finished(), "its client is to wait");
    client.open.add_permits(5);
    for length in [600, 700, 2, 3] {
        assert_eq!(client.next().await, length);
    }
    assert_eq!(within("the answer", held).await.unwrap().body, "ok");
}

#[tokio::test]
async fn who_is_held_need_not_answer_pings() {
    let options = Options { inbound_queue: 500, inbound_bytes: 1000, ..Options::default() };
    let beat = Duration::from_millis(200);
    let engine = EngineIoOptions { ping_interval: beat, ping_timeout: beat, ..EngineIoOptions::default() };
    let mut client = Client::enter(options, engine).await;
    assert_eq!(client.post(&events([1, 600, 700])).await.body, "ok");
    assert_eq!(client.next().await, 1);
    assert_eq!(within("a ping", client.poll()).await.body, "2");
    let held = client.posting(&events([2]));
    // Whoever comes later, and has nothing held, ends by its silence: so we have been silent longer than that.
    let other = open_session(client.address).await;
    assert_eq!(within("a ping", Tcp::ask(client.address, &get(&other))).await.body, "2");
    assert_eq!(within("the end", Tcp::ask(client.address, &get(&other))).await.body, "1");
    assert!(!held.is_finished());
    client.open.add_permits(4);
    for length in [600, 700, 2] {
        assert_eq!(client.next().await, length);
    }
    assert_eq!(within("the answer", held).await.unwrap().body, "ok");
}

#[tokio::test]
async fn a_held_body_ends_with_its_session() {
    let options = Options { inbound_queue: 500, inbound_bytes: 1000, ..Options::default() };
    let mut client = Client::enter(options, EngineIoOptions::default()).await;
    assert_eq!(client.post(&events([1, 600, 700])).await.body, "ok");
    let held = client.posting(&events([2]));
    assert_eq!(client.next().await, 1);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    // A second one at a time breaks a rule, and ends the session.
    assert_eq!(client.post(&events([3])).await.status, 400);
    assert_eq!(within("the answer", held).await.unwrap().status, 400);
    assert_eq!(client.poll().await.status, 400);
    client.open.add_permits(5);
    until("the end", || client.app.session_count() == 0).await;
    assert!(client.told.try_recv().is_err(), "nothing is handled any more");
}
