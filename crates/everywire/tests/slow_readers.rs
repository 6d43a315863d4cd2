//! A thousand readers of which ten never read: the others get everything meanwhile, and the ten cost at most their
//! bound until the policy deals with them.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use everywire::{App, Connection, MailboxOptions, Options, Overflow, raw};
use support::{Frame, Tcp, small_sockets, until, upgrade_head, within};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const READERS: usize = 990;
const SLEEPERS: usize = 10;
const ROUNDS: usize = 10;
/// What is published before it is seen whether all have it.
const ROUND: usize = 12;
const MESSAGE: usize = 2048;
const BOUND: u32 = 64 * 1024;

fn application(overflow: Overflow) -> App {
    App::builder()
        .namespace("/", |ns| {
            ns.on_connect(async |conn: Connection| Ok(conn.join("lobby").await.map(drop)?));
        })
        .mount("/raw", raw())
        .options(Options {
            mailbox: MailboxOptions { bytes: BOUND, overflow },
            close_timeout: Duration::from_millis(300),
            ..Options::default()
        })
        .build()
        .unwrap()
}

async fn client(address: SocketAddr) -> Tcp {
    let mut client = small_sockets::connect(address).await;
    assert_eq!(client.request(&upgrade_head("/raw", "")).await.status, 101);
    client
}

/// Reads everything, in order, and says so after each round.
async fn read(mut client: Tcp, done: UnboundedSender<()>) {
    for number in 0..ROUNDS * ROUND {
        let text = client.next_text().await;
        assert_eq!(text.len(), MESSAGE);
        assert_eq!(text.trim_end(), number.to_string());
        if number % ROUND == ROUND - 1 {
            done.send(()).unwrap();
        }
    }
}

/// Publishes everything while all but the sleepers read, and gives the sleepers.
async fn publish_to_all(app: &App) -> Vec<Tcp> {
    let address = small_sockets::serve(app);
    let (done, mut all_done) = unbounded_channel();
    let mut sleepers = Vec::new();
    let mut readers = Vec::new();
    for i in 0..READERS + SLEEPERS {
        let client = client(address).await;
        if i % (READERS / SLEEPERS) == 50 && sleepers.len() < SLEEPERS {
            sleepers.push(client);
        } else {
            readers.push(tokio::spawn(read(client, done.clone())));
        }
    }
    assert_eq!((readers.len(), sleepers.len()), (READERS, SLEEPERS));
    until("all to be in", || app.session_count() == READERS + SLEEPERS).await;
    for round in 0..ROUNDS {
        for number in round * ROUND..(round + 1) * ROUND {
            app.to("lobby").publish("message", format!("{number:<MESSAGE$}")).await.unwrap();
        }
        for _ in 0..READERS {
            within("the readers", all_done.recv()).await.unwrap();
        }
        // All else has been read: what waits, waits for the sleepers.
        let most = SLEEPERS as u64 * u64::from(BOUND);
        assert!(app.waiting_bytes() <= most, "{} bytes wait, at most {most} may", app.waiting_bytes());
    }
    for reader in readers {
        // It has read all, and hangs up.
        reader.await.unwrap();
    }
    until("the readers to be gone", || app.session_count() <= SLEEPERS).await;
    sleepers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_disconnected() {
    let app = application(Overflow::Disconnect);
    let sleepers = publish_to_all(&app).await;
    until("the sleepers to be gone", || app.session_count() == 0).await;
    assert_eq!(app.waiting_bytes(), 0);
    assert!(app.to("lobby").fetch_connections().await.is_empty());
    drop(sleepers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_loses_the_oldest() {
    let app = application(Overflow::DropOldest);
    let sleepers = publish_to_all(&app).await;
    assert_eq!(app.session_count(), SLEEPERS, "they stay");
    for mut sleeper in sleepers {
        // They wake up: whole messages in order with a gap, and the last is the newest.
        let mut heard = Vec::new();
        while heard.last() != Some(&(ROUNDS * ROUND - 1)) {
            match sleeper.frame().await {
                Frame::Text(text) => heard.push(text.trim_end().parse::<usize>().unwrap()),
                frame => panic!("{frame:?} behind {heard:?}"),
            }
        }
        assert_eq!(heard[0], 0);
        assert!(heard.is_sorted_by(|a, b| a < b), "{heard:?}");
        assert!(heard.len() < ROUNDS * ROUND, "something was dropped");
    }
}
