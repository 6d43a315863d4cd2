//! An application with streams and uploads on a hub, for the tests of both.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use everywire::{App, Args, Connection, Options, Result, SignalROptions, Upload, Uploads, jsonrpc, signalr};
use futures_core::Stream;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Tcp, serve, until};

/// Behind each message.
const END: &str = "\u{1e}";

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

/// An application with streams and uploads, and what is known of them from outside.
pub struct World {
    pub app: App,
    pub address: SocketAddr,
    pub given: Arc<AtomicU64>,
    pub alive: Arc<AtomicUsize>,
    pub uploads: UnboundedReceiver<Upload>,
    /// Lets a call of `block` end.
    pub gate: Arc<Notify>,
}

pub async fn world(options: Options) -> World {
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
    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    pub async fn all_gone(&self) {
        until("nothing is left", || {
            let alive = self.alive.load(Ordering::Relaxed);
            self.app.session_count() == 0 && self.app.waiting_bytes() == 0 && alive == 0
        })
        .await;
    }
}

/// A client of the hub.
pub struct Client {
    pub wire: Tcp,
}

impl Client {
    /// A client that has shaken hands.
    pub async fn connect(address: SocketAddr) -> Self {
        let mut client = Self { wire: Tcp::websocket(address, "/hubs/default").await };
        client.say(r#"{"protocol":"json","version":1}"#).await;
        assert_eq!(client.hear().await, "{}");
        client
    }

    pub async fn say(&mut self, message: &str) {
        self.wire.text(&format!("{message}{END}")).await;
    }

    /// The next message that is no ping, without its end.
    pub async fn hear(&mut self) -> String {
        loop {
            let text = self.wire.next_text().await;
            let message = text.strip_suffix(END).unwrap_or_else(|| panic!("no end: {text:?}"));
            if message != r#"{"type":6}"# {
                return message.to_owned();
            }
        }
    }

    /// Which stream the next item is of: one digit.
    pub async fn stream(&mut self) -> usize {
        let message = self.hear().await;
        let (_, rest) = message.split_once(r#""invocationId":""#).unwrap();
        rest[..1].parse().unwrap()
    }

    /// The next that is no item of a stream.
    pub async fn hear_other(&mut self) -> String {
        loop {
            let message = self.hear().await;
            if !message.starts_with(r#"{"type":2,"#) {
                return message;
            }
        }
    }
}
