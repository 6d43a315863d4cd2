//! The hub that `conformance/signalr/app.md` describes: what official clients are driven against.
//!
//! `cargo run -p everywire-examples --bin signalr_conformance '{"keepAliveInterval":300}'`

mod settings;

use std::error::Error;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use everywire::{
    App, Args, Connection, ConnectionId, EventError, Identity, NamespaceBuilder, Options, RawArgs, RawReply,
    Refusal, Result, Uploads, jsonrpc, raw, signalr, signalr_raw, socketio,
};
use futures_core::Stream;
use serde_json::Value;
use settings::Settings;

/// How long a question to a client waits for its answer.
const ASK: Duration = Duration::from_secs(5);

/// What the stories ask about afterwards.
#[derive(Default)]
struct World {
    /// Ends of connections: id and reason.
    ended: Mutex<Vec<(String, String)>>,
    /// Streams that have begun, and those that were dropped or came to their end.
    begun: AtomicU64,
    dropped: AtomicU64,
    /// Items that all streams gave.
    given: AtomicU64,
}

/// A stream of numbers, which the world counts.
struct Numbers {
    world: Arc<World>,
    next: u64,
    end: u64,
    fail_at: Option<u64>,
    pace: Option<tokio::time::Interval>,
    padding: String,
}

impl Numbers {
    fn new(world: Arc<World>, end: u64) -> Self {
        world.begun.fetch_add(1, Ordering::Relaxed);
        Self { world, next: 0, end, fail_at: None, pace: None, padding: String::new() }
    }
}

impl Stream for Numbers {
    type Item = Result<Value>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(pace) = &mut self.pace
            && pace.poll_tick(cx).is_pending()
        {
            return Poll::Pending;
        }
        if self.fail_at == Some(self.next) {
            return Poll::Ready(Some(Err(EventError::refuse("the stream broke"))));
        }
        if self.next == self.end {
            return Poll::Ready(None);
        }
        let number = self.next;
        self.next += 1;
        self.world.given.fetch_add(1, Ordering::Relaxed);
        let item = match &*self.padding {
            "" => number.into(),
            padding => format!("{number} {padding}").into(),
        };
        Poll::Ready(Some(Ok(item)))
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        self.world.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

fn id(text: &str) -> Result<ConnectionId> {
    text.parse().map_err(|_| EventError::refuse(format!("Connection '{text}' does not exist.")))
}

fn calls(ns: &mut NamespaceBuilder) {
    ns.on("Echo", async |_: Connection, RawArgs(args)| Ok(RawReply(args)));
    ns.on("Add", async |_: Connection, Args((a, b)): Args<(i64, i64)>| Ok(a + b));
    ns.on("Nothing", async |_: Connection, Args(()): Args<()>| Ok(()));
    ns.on("Optional", async |_: Connection, Args((a, b)): Args<(String, Option<String>)>| {
        Ok(format!("{a} {}", b.as_deref().unwrap_or("nothing")))
    });
    ns.on("Refuse", async |_: Connection, Args((text,)): Args<(String,)>| {
        Err::<(), _>(EventError::refuse(text))
    });
    ns.on("Break", async |_: Connection, Args((text,)): Args<(String,)>| {
        Err::<(), _>(std::io::Error::other(text))?;
        Ok(())
    });
    ns.on("Forbidden", async |_: Connection, Args(()): Args<()>| {
        Err::<(), _>(EventError::new(everywire::code::FORBIDDEN, "no"))
    });
    ns.on("Slow", async |_: Connection, Args((ms, value)): Args<(u64, Value)>| {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(value)
    });
    ns.on("ConnectionId", async |conn: Connection, Args(()): Args<()>| Ok(conn.id()));
    ns.on("User", async |conn: Connection, Args(()): Args<()>| Ok(conn.user().map(str::to_owned)));
    ns.on("Query", async |conn: Connection, Args((key,)): Args<(String,)>| {
        Ok(conn.handshake().and_then(|handshake| handshake.query(&key)))
    });
    ns.on("Abort", async |conn: Connection, Args(()): Args<()>| {
        conn.disconnect();
        Ok(())
    });
}

fn rooms(ns: &mut NamespaceBuilder) {
    ns.on("JoinGroup", async |conn: Connection, Args((group,)): Args<(String,)>| {
        conn.join(&*group).await?;
        Ok(())
    });
    ns.on("LeaveGroup", async |conn: Connection, Args((group,)): Args<(String,)>| {
        conn.leave(&*group).await;
        Ok(())
    });
    // To whom, and the names of those: then an event and its arguments, as a list.
    ns.on(
        "Send",
        async |conn: Connection,
               Args((whom, names, event, arg)): Args<(String, Vec<String>, String, rmpv::Value)>| {
            let ids = || names.iter().map(|name| id(name)).collect::<Result<Vec<_>>>();
            let mut audience = conn.within();
            match &*whom {
                "all" => audience = audience.everyone(),
                "allExcept" => {
                    audience = audience.everyone();
                    for id in ids()? {
                        audience = audience.except(id);
                    }
                }
                "caller" => return Ok(conn.emit(event, (arg,))?),
                "others" => audience = conn.others(),
                "clients" => {
                    for id in ids()? {
                        audience = audience.to(id);
                    }
                }
                "groups" => {
                    for name in &names {
                        audience = audience.to(name);
                    }
                }
                "othersInGroup" => audience = conn.to(&*names[0]),
                "groupExcept" => {
                    audience = audience.to(&*names[0]);
                    for name in &names[1..] {
                        audience = audience.except(id(name)?);
                    }
                }
                "users" => {
                    for name in &names {
                        audience = audience.to_user(&**name);
                    }
                }
                other => return Err(EventError::refuse(format!("nobody is called {other}"))),
            }
            audience.emit(event, (arg,))?;
            Ok(())
        },
    );
    ns.on("Ids", async |conn: Connection, Args(()): Args<()>| {
        let all = conn.within().everyone().fetch_connections().await;
        Ok(all.iter().map(Connection::id).collect::<Vec<_>>())
    });
    // Asks one client, and gives back what it says.
    ns.on(
        "Ask",
        async |conn: Connection, Args((whom, event, arg)): Args<(Option<String>, String, rmpv::Value)>| {
            let asked = match whom {
                None => conn.clone(),
                Some(whom) => {
                    let mut found = conn.within().to(id(&whom)?).fetch_connections().await;
                    found
                        .pop()
                        .ok_or_else(|| EventError::refuse(format!("Connection '{whom}' does not exist.")))?
                }
            };
            let answer = asked.emit_with_ack(event, (arg,), ASK).await;
            answer.map_err(|error| EventError::refuse(error.to_string())).map(|answer: rmpv::Value| answer)
        },
    );
}

fn streams(ns: &mut NamespaceBuilder, world: &Arc<World>) {
    let of = world.clone();
    ns.on_stream("Count", move |_: Connection, Args((end,)): Args<(u64,)>, _: Uploads| {
        let numbers = Numbers::new(of.clone(), end);
        async move { Ok(numbers) }
    });
    let of = world.clone();
    ns.on_stream("Pace", move |_: Connection, Args((end, ms)): Args<(u64, u64)>, _: Uploads| {
        let mut numbers = Numbers::new(of.clone(), end);
        numbers.pace = Some(tokio::time::interval(Duration::from_millis(ms.max(1))));
        async move { Ok(numbers) }
    });
    let of = world.clone();
    ns.on_stream("Fast", move |_: Connection, Args((end, size)): Args<(u64, usize)>, _: Uploads| {
        let mut numbers = Numbers::new(of.clone(), end);
        numbers.padding = "x".repeat(size);
        async move { Ok(numbers) }
    });
    let of = world.clone();
    ns.on_stream("BreakAt", move |_: Connection, Args((at,)): Args<(u64,)>, _: Uploads| {
        let mut numbers = Numbers::new(of.clone(), u64::MAX);
        numbers.fail_at = Some(at);
        async move { Ok(numbers) }
    });
    ns.on_stream("RefuseStream", async |_: Connection, Args(()): Args<()>, _: Uploads| {
        Err::<Numbers, _>(EventError::refuse("no stream for you"))
    });
    ns.on_stream("Mirror", async |_: Connection, Args((suffix,)): Args<(String,)>, uploads: Uploads| {
        let [upload] = uploads.exactly()?;
        let suffixed = Suffixed { items: Box::pin(upload.items::<String>()), suffix };
        Ok(suffixed)
    });
    ns.on_upload("Sum", async |_: Connection, Args(()): Args<()>, uploads: Uploads| {
        let [mut upload] = uploads.exactly()?;
        let mut sum = 0_i64;
        while let Some(item) = upload.next::<i64>().await {
            sum += item.map_err(|error| EventError::refuse(error.to_string()))?;
        }
        Ok(sum)
    });
    ns.on_upload("Zip", async |_: Connection, Args((between,)): Args<(String,)>, uploads: Uploads| {
        let [mut left, mut right] = uploads.exactly()?;
        let mut zipped = Vec::new();
        while let (Some(left), Some(right)) = (left.next::<String>().await, right.next::<String>().await) {
            let refuse = |error: everywire::UploadError| EventError::refuse(error.to_string());
            zipped.push(format!("{}{between}{}", left.map_err(refuse)?, right.map_err(refuse)?));
        }
        Ok(zipped)
    });
    // Takes nothing until it is cancelled, or its client is gone.
    let of = world.clone();
    ns.on_stream("Ignore", move |_: Connection, Args(()): Args<()>, uploads: Uploads| {
        let mut numbers = Numbers::new(of.clone(), 1);
        numbers.pace = Some(tokio::time::interval_at(
            tokio::time::Instant::now() + Duration::from_secs(3600),
            Duration::from_secs(3600),
        ));
        async move { Ok(Holding { numbers, _uploads: uploads }) }
    });
}

struct Suffixed {
    items: Pin<Box<dyn Stream<Item = std::result::Result<String, everywire::UploadError>> + Send>>,
    suffix: String,
}

impl Stream for Suffixed {
    type Item = Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.as_mut().poll_next(cx).map(|item| {
            let item = item?.map_err(|error| EventError::refuse(error.to_string()));
            Some(item.map(|item| item + &self.suffix))
        })
    }
}

struct Holding {
    numbers: Numbers,
    _uploads: Uploads,
}

impl Stream for Holding {
    type Item = Result<Value>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.numbers).poll_next(cx)
    }
}

/// What a story may know of the server.
fn watch(ns: &mut NamespaceBuilder, world: &Arc<World>) {
    let of = world.clone();
    ns.on("World", move |conn: Connection, Args(()): Args<()>| {
        let of = of.clone();
        async move {
            let app = conn.app().ok_or_else(|| EventError::refuse("the application has ended"))?;
            let ended = of.ended.lock().expect("nobody panics with it").clone();
            Ok(serde_json::json!({
                "sessions": app.session_count(),
                "waitingBytes": app.waiting_bytes(),
                "ended": ended,
                "begun": of.begun.load(Ordering::Relaxed),
                "dropped": of.dropped.load(Ordering::Relaxed),
                "given": of.given.load(Ordering::Relaxed),
            }))
        }
    });
    let of = world.clone();
    ns.on_disconnect(move |conn, reason| {
        of.ended
            .lock()
            .expect("nobody panics with it")
            .push((conn.id().to_string(), reason.as_str().to_owned()));
        async {}
    });
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error + Send + Sync>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    let settings = std::env::args().nth(1).unwrap_or_else(|| "{}".to_owned());
    let settings: Settings = serde_json::from_str(&settings)?;
    let world = Arc::new(World::default());
    let hub = |ns: &mut NamespaceBuilder| {
        calls(ns);
        rooms(ns);
        streams(ns, &world);
        watch(ns, &world);
        ns.actions();
    };
    let default = Options::default();
    let options = Options {
        detailed_errors: settings.enable_detailed_errors,
        origins: settings.origins.clone(),
        inbound_queue: settings.inbound_queue.unwrap_or(default.inbound_queue),
        inbound_bytes: settings.inbound_bytes.unwrap_or(default.inbound_bytes),
        streams: settings.streams.unwrap_or(default.streams),
        ..default
    };
    let mut app = App::builder()
        .namespace("/", hub)
        .namespace("/guarded", |ns| {
            ns.on_connect(async |conn: Connection| {
                conn.emit("early", ("before it is in",))?;
                Err(EventError::refuse("not you"))
            });
        })
        .namespace("/welcoming", |ns| {
            ns.on_connect(async |conn: Connection| {
                conn.join("hall").await?;
                conn.emit("welcome", (conn.id(),))?;
                Ok(())
            });
            ns.parallel(3);
            ns.on("Slow", async |_: Connection, Args((ms, value)): Args<(u64, Value)>| {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(value)
            });
        })
        .namespace("/plain", |ns| {
            ns.on("message", async |conn: Connection, RawArgs(args)| Ok(conn.emit_payload("message", args)?));
        })
        .mount("/hubs/{hub}", signalr().hub(settings.hub()).connections(settings.connections()))
        .mount("/plain", signalr_raw().namespace("/plain").connections(settings.connections()))
        .mount("/ws", jsonrpc())
        .mount("/raw", raw())
        .mount("/socket.io/", socketio())
        .options(options);
    if let Some(token) = settings.token.clone() {
        app = app.authenticate(move |credentials| {
            let shown = credentials.token.map(str::to_owned);
            let token = token.clone();
            async move {
                match shown.as_deref().and_then(|shown| shown.strip_prefix(&*token)) {
                    // What follows the token is the user.
                    Some(user) => Ok(Identity::user(user.trim_start_matches(':'))),
                    None => Err(Refusal::unauthenticated("show your token")),
                }
            }
        });
    }
    let app = app.build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let shutdown = async move { _ = terminate.recv().await };
    app.serve_with_shutdown(listener, shutdown, Duration::from_millis(500)).await?;
    Ok(())
}
