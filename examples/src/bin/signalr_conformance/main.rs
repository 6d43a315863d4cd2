//! The hub that `conformance/signalr/app.md` describes: what official clients are driven against.
//!
//! `cargo run -p everywire-examples --bin signalr_conformance '{"keepAliveInterval":300}'`

mod settings;
mod streams;

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everywire::{
    App, Args, Connection, ConnectionId, EventError, Identity, NamespaceBuilder, Options, RawArgs, RawReply,
    Refusal, Result, jsonrpc, raw, signalr, signalr_raw, socketio,
};
use serde_json::Value;
use settings::Settings;
use tokio::sync::Notify;

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
    /// What streams of connections wait for.
    gates: Mutex<HashMap<ConnectionId, Arc<Notify>>>,
}

impl World {
    fn gate(&self, conn: &Connection) -> Arc<Notify> {
        self.gates.lock().expect("nobody panics with it").entry(conn.id()).or_default().clone()
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
        of.gates.lock().expect("nobody panics with it").remove(&conn.id());
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
        streams::declare(ns, &world);
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
