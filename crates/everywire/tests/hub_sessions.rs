//! Sessions of a hub in bad times: requests at once, credentials that change, handlers that are slow.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use everywire::{
    App, Args, Connection, Identity, Options, Refusal, SignalRConnectionOptions, SignalROptions, signalr,
};
use support::{Frame, Tcp, get, serve, until, within};
use tokio::sync::Semaphore;

const HANDSHAKE: &str = "{\"protocol\":\"json\",\"version\":1}\u{1e}";

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn upgrade(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Negotiates; the path of what follows.
async fn token(address: SocketAddr, query: &str) -> String {
    let path = format!("/hub/negotiate?negotiateVersion=1&useStatefulReconnect=true{query}");
    let answer = Tcp::ask(address, &post(&path, "")).await;
    let offer: serde_json::Value = serde_json::from_str(&answer.body).expect(&answer.body);
    format!("/hub?id={}{query}", offer["connectionToken"].as_str().unwrap())
}

/// A hub whose calls of `slow` wait for a permit, and say in which order they came.
struct World {
    app: App,
    address: SocketAddr,
    gate: Arc<Semaphore>,
}

async fn world(options: Options, hub: SignalROptions, connections: SignalRConnectionOptions) -> World {
    let gate = Arc::new(Semaphore::new(0));
    let door = gate.clone();
    let app = App::builder()
        .namespace("/", |ns| {
            ns.on("slow", move |_: Connection, Args((text,)): Args<(String,)>| {
                let door = door.clone();
                async move {
                    door.acquire().await.unwrap().forget();
                    Ok(text.len())
                }
            });
        })
        .mount("/hub", signalr().hub(hub).connections(connections))
        .options(options)
        .authenticate(|credentials| {
            // A token is a name, and for how many milliseconds it is good.
            let token = credentials.token.map(str::to_owned);
            async move {
                let Some(token) = token else { return Ok(Identity::default()) };
                let refuse = || Refusal::unauthenticated("no such token");
                let (name, good_for) = token.split_once('-').ok_or_else(refuse)?;
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
                let expires = Some(now.as_millis() as u64 + good_for.parse::<u64>().map_err(|_| refuse())?);
                Ok(Identity { expires, ..Identity::user(name) })
            }
        })
        .build()
        .unwrap();
    let address = serve(&app).await;
    World { app, address, gate }
}

fn slow(id: u32, length: usize) -> String {
    let text = "x".repeat(length);
    format!("{{\"type\":1,\"invocationId\":\"{id}\",\"target\":\"slow\",\"arguments\":[\"{text}\"]}}\u{1e}")
}

#[tokio::test]
async fn of_two_that_come_at_once_one_is_the_first() {
    for stateful_reconnect in [false, true] {
        let connections = SignalRConnectionOptions { stateful_reconnect, ..Default::default() };
        let world = world(Options::default(), SignalROptions::default(), connections).await;
        for _ in 0..30 {
            let path = token(world.address, "").await;
            let request = upgrade(&path);
            let (one, other) =
                tokio::join!(Tcp::ask(world.address, &request), Tcp::ask(world.address, &request));
            let mut statuses = [one.status, other.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [101, 409]);

            let path = token(world.address, "").await;
            let (polled, posted) = (get(&path), post(&path, HANDSHAKE));
            let (polled, posted) =
                tokio::join!(Tcp::ask(world.address, &polled), Tcp::ask(world.address, &posted));
            assert_eq!((polled.status, posted.status), (200, 200));
        }
    }
}

#[tokio::test]
async fn a_poll_with_a_newer_token_goes_on_with_that() {
    let world =
        world(Options::default(), SignalROptions::default(), SignalRConnectionOptions::default()).await;
    let path = token(world.address, "&access_token=ann-400").await;
    let newer = path.replace("ann-400", "ann-60000");
    assert_eq!(Tcp::ask(world.address, &get(&path)).await.status, 200);
    assert_eq!(Tcp::ask(world.address, &post(&path, HANDSHAKE)).await.status, 200);
    assert_eq!(Tcp::ask(world.address, &get(&newer)).await.body, "{}\u{1e}");
    // One that is not renewed ends, which shows that the other's time is over too.
    let other = token(world.address, "&access_token=ann-400").await;
    assert_eq!(Tcp::ask(world.address, &get(&other)).await.status, 200);
    assert_eq!(Tcp::ask(world.address, &post(&other, HANDSHAKE)).await.status, 200);
    assert_eq!(Tcp::ask(world.address, &get(&other)).await.body, "{}\u{1e}");
    let end = within("the end", Tcp::ask(world.address, &get(&other))).await;
    assert_eq!(end.body, "{\"type\":7,\"allowReconnect\":true}\u{1e}");
    world.gate.add_permits(1);
    assert_eq!(Tcp::ask(world.address, &post(&newer, &slow(1, 3))).await.status, 200);
    let answer = within("the answer", Tcp::ask(world.address, &get(&newer))).await;
    assert_eq!(answer.body, "{\"type\":3,\"invocationId\":\"1\",\"result\":3}\u{1e}");
}

#[tokio::test]
async fn bodies_at_once_are_handled_in_turn() {
    let options = Options { inbound_queue: 500, inbound_bytes: 30_000, ..Options::default() };
    let world = world(options, SignalROptions::default(), SignalRConnectionOptions::default()).await;
    let path = token(world.address, "").await;
    assert_eq!(Tcp::ask(world.address, &get(&path)).await.status, 200);
    assert_eq!(Tcp::ask(world.address, &post(&path, HANDSHAKE)).await.status, 200);
    assert_eq!(Tcp::ask(world.address, &get(&path)).await.body, "{}\u{1e}");
    let mut posting = Vec::new();
    for id in 0..6 {
        // Each waits longer than may wait; what comes behind is held.
        let (address, request) = (world.address, post(&path, &slow(id, 12_000)));
        posting.push(tokio::spawn(async move { Tcp::ask(address, &request).await.status }));
        until("it is there", || world.app.session_count() == 1).await;
    }
    world.gate.add_permits(6);
    let mut answers = String::new();
    while answers.matches("\"result\":12000").count() < 6 {
        answers += &within("answers", Tcp::ask(world.address, &get(&path))).await.body;
    }
    for posting in posting {
        assert_eq!(within("its answer", posting).await.unwrap(), 200);
    }
}

#[tokio::test]
async fn a_lost_client_is_not_silent() {
    let ms = Duration::from_millis;
    let hub = SignalROptions { client_timeout: ms(200), keep_alive: ms(50), ..SignalROptions::default() };
    let connections = SignalRConnectionOptions { stateful_reconnect: true, ..Default::default() };
    let world = world(Options::default(), hub, connections).await;
    let path = token(world.address, "").await;
    let mut client = Tcp::websocket(world.address, &path).await;
    client.text("{\"protocol\":\"json\",\"version\":2}\u{1e}").await;
    assert_eq!(client.next_text().await, "{}\u{1e}");
    client.text("{\"type\":6}\u{1e}").await;
    assert_eq!(client.next_text().await, "{\"type\":6}\u{1e}");
    client.reset();
    // Another that pings once and then no more ends by its silence, so the first has been silent as long.
    let mut other = Tcp::websocket(world.address, "/hub").await;
    other.text(HANDSHAKE).await;
    other.text("{\"type\":6}\u{1e}").await;
    while other.frame().await != Frame::Close(Some(1000)) {}
    let mut back = Tcp::websocket(world.address, &path).await;
    assert_eq!(back.next_text().await, "{\"type\":9,\"sequenceId\":1}\u{1e}");
}

#[tokio::test]
async fn who_is_not_read_is_pinged_all_the_same() {
    let hub = SignalROptions {
        keep_alive: Duration::from_millis(50),
        client_timeout: Duration::from_millis(200),
        ..SignalROptions::default()
    };
    let options = Options { inbound_queue: 500, ..Options::default() };
    let connections = SignalRConnectionOptions { stateful_reconnect: true, ..Default::default() };
    let world = world(options, hub, connections).await;
    for path in ["/hub".to_owned(), token(world.address, "").await] {
        let mut client = Tcp::websocket(world.address, &path).await;
        client.text("{\"protocol\":\"json\",\"version\":2}\u{1e}").await;
        assert_eq!(client.next_text().await, "{}\u{1e}");
        client.text("{\"type\":6}\u{1e}").await;
        for id in 0..3 {
            client.text(&slow(id, 1000)).await;
        }
        // Far longer than a client that is listened to may be silent.
        for _ in 0..10 {
            assert_eq!(client.next_text().await, "{\"type\":6}\u{1e}");
        }
        world.gate.add_permits(3);
        let mut results = 0;
        while results < 3 {
            results += usize::from(client.next_text().await.contains("\"result\":1000"));
        }
    }
}
