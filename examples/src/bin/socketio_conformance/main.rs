//! The Socket.IO application that `conformance/socketio/app.md` describes: what official clients are driven against,
//! here and on the reference server.
//!
//! `cargo run -p everywire-examples --bin socketio_conformance '{"pingInterval":300}'`

mod settings;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everywire::{
    App, Args, Audience, Class, Connection, ConnectionId, EventError, NamespaceBuilder, RawArgs, RawReply,
    Reason, Refusal, RoomKey, Sending, Values, socketio,
};
use rmpv::Value;
use serde::{Deserialize, Serialize};

use settings::Settings;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// What all namespaces know together.
#[derive(Default)]
struct World {
    watchers: Mutex<Vec<Connection>>,
    /// By namespace: how often its middleware has run, and its connect handler.
    seen: Mutex<BTreeMap<String, (u64, u64)>>,
}

/// What a connection is remembered for.
#[derive(Default)]
struct Memory {
    numbers: Mutex<Vec<i64>>,
    counting: Mutex<Option<Arc<Counting>>>,
}

#[derive(Default)]
struct Counting {
    stopped: AtomicBool,
    sent: AtomicU64,
    done: tokio::sync::Notify,
}

struct Data(Value);

/// Whom something is for.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Choice {
    from: Option<String>,
    to: Vec<String>,
    except: Vec<String>,
    to_ids: Vec<String>,
    except_ids: Vec<String>,
    volatile: bool,
    local: bool,
    compress: Option<bool>,
}

impl Choice {
    fn audience(&self, conn: &Connection) -> Result<Audience, EventError> {
        let id =
            |id: &String| id.parse::<ConnectionId>().map_err(|error| EventError::refuse(error.to_string()));
        let mut audience = conn.within();
        if self.to.is_empty() && self.to_ids.is_empty() {
            audience = audience.everyone();
        }
        for room in &self.to {
            audience = audience.to(room);
        }
        for one in &self.to_ids {
            audience = audience.to(id(one)?);
        }
        for room in &self.except {
            audience = audience.except(room);
        }
        for one in &self.except_ids {
            audience = audience.except(id(one)?);
        }
        if self.from.as_deref() == Some("others") {
            audience = audience.except(conn.id());
        }
        if self.volatile {
            audience = audience.volatile();
        }
        let audience = audience.compress(self.compress.unwrap_or(true));
        Ok(if self.local { audience.local() } else { audience })
    }
}

#[derive(Serialize)]
struct Shown {
    id: ConnectionId,
    rooms: Vec<String>,
    data: Value,
}

fn rooms_of(conn: &Connection) -> Vec<String> {
    let named = |room| match room {
        RoomKey::Named(name) => Some(name.to_string()),
        _ => None,
    };
    let mut rooms: Vec<String> = conn.rooms().into_iter().filter_map(named).collect();
    rooms.sort();
    rooms
}

fn data_of(conn: &Connection) -> Value {
    conn.data::<Data>().map_or(Value::Map(Vec::new()), |data| data.0.clone())
}

fn memory(conn: &Connection) -> Arc<Memory> {
    if let Some(memory) = conn.data::<Memory>() {
        return memory;
    }
    conn.set_data(Memory::default());
    conn.data::<Memory>().expect("it was just set")
}

fn world(conn: &Connection) -> Arc<World> {
    conn.state::<World>().expect("the application has one")
}

/// What Socket.IO calls it.
fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::ClientLeft => "client namespace disconnect",
        Reason::ServerClosed => "server namespace disconnect",
        Reason::Shutdown => "server shutting down",
        Reason::IdleTimeout => "ping timeout",
        Reason::ClientClosed | Reason::Lost => "transport close",
        Reason::InvalidText | Reason::TooLarge => "transport error",
        _ => "forced close",
    }
}

#[expect(clippy::too_many_lines, reason = "the list of app.md, in its order")]
fn define(ns: &mut NamespaceBuilder) {
    ns.before_connect(async |conn: Connection| {
        world(&conn).seen.lock().unwrap().entry(conn.namespace().to_owned()).or_default().0 += 1;
        if conn.namespace() != "/chat" {
            return Ok(());
        }
        #[derive(Deserialize)]
        struct Auth {
            token: String,
        }
        match conn.auth::<Auth>().map(|auth| auth.token).as_deref() {
            Some("secret") => Ok(()),
            Some("bare") => Err(EventError::refuse("no")),
            _ => Err(EventError::refuse("not authorized").with_data(BTreeMap::from([("code", 42)]))),
        }
    });
    ns.on_connect(async |conn: Connection| {
        world(&conn).seen.lock().unwrap().entry(conn.namespace().to_owned()).or_default().1 += 1;
        Ok(())
    });
    ns.on_disconnect(async |conn: Connection, why: Reason| {
        if let Some(counting) = memory(&conn).counting.lock().unwrap().take() {
            counting.stopped.store(true, Ordering::Release);
        }
        #[derive(Serialize, Clone)]
        struct Left {
            id: ConnectionId,
            namespace: String,
            reason: &'static str,
        }
        let left = Left { id: conn.id(), namespace: conn.namespace().to_owned(), reason: reason(why) };
        world(&conn).watchers.lock().unwrap().retain(|watcher| watcher.emit("left", (left.clone(),)).is_ok());
    });
    ns.before_event(
        async |_: Connection, name: everywire::Name| {
            if name.starts_with("secret:") { Err(EventError::refuse("stopped")) } else { Ok(()) }
        },
    );
    ns.on("echo", async |conn: Connection, RawArgs(args): RawArgs| Ok(conn.emit_payload("echo", args)?));
    ns.on("echo_ack", async |_: Connection, RawArgs(args): RawArgs| Ok(RawReply(args)));
    ns.on("whoami", async |conn: Connection, Args(()): Args| {
        #[derive(Serialize)]
        struct Me {
            id: ConnectionId,
            namespace: String,
            rooms: Vec<String>,
            data: Value,
            auth: Value,
            query: BTreeMap<String, String>,
            header: Option<String>,
        }
        let handshake = conn.handshake();
        Ok(Me {
            id: conn.id(),
            namespace: conn.namespace().to_owned(),
            rooms: rooms_of(&conn),
            data: data_of(&conn),
            auth: conn.auth::<Value>().unwrap_or(Value::Map(Vec::new())),
            query: handshake.map(|handshake| handshake.queries().collect()).unwrap_or_default(),
            header: handshake.and_then(|handshake| handshake.header("x-conformance").map(str::to_owned)),
        })
    });
    ns.on("join", async |conn: Connection, Args((rooms,)): Args<(Vec<String>,)>| {
        for room in rooms {
            conn.join(room).await?;
        }
        Ok(())
    });
    ns.on("leave", async |conn: Connection, Args((rooms,)): Args<(Vec<String>,)>| {
        for room in rooms {
            conn.leave(room).await;
        }
        Ok(())
    });
    ns.on(
        "emit",
        async |conn: Connection, Args((choice, name, args)): Args<(Choice, String, Vec<Value>)>| {
            if choice.from.as_deref() == Some("self") {
                let class = if choice.volatile { Class::Volatile } else { Class::Event };
                conn.emit_with(
                    Sending { compress: choice.compress.unwrap_or(true), ..class.into() },
                    name,
                    args,
                )?;
            } else {
                choice.audience(&conn)?.publish(name, args).await?;
            }
            Ok(())
        },
    );
    ns.on("ask", async |conn: Connection, Args((timeout, name, args)): Args<(u64, String, Vec<Value>)>| {
        #[derive(Serialize)]
        #[serde(rename_all = "lowercase")]
        enum Asked {
            Answer(Vec<Value>),
            Error(&'static str),
        }
        let answer = conn.emit_with_ack(name, args, Duration::from_millis(timeout)).await;
        Ok(answer.map_or(Asked::Error("timeout"), Asked::Answer))
    });
    ns.on(
        "ask_all",
        async |conn: Connection,
               Args((choice, timeout, name, args)): Args<(Choice, u64, String, Vec<Value>)>| {
            #[derive(Serialize)]
            struct Answers {
                answers: Vec<Value>,
                complete: bool,
            }
            let timeout = Duration::from_millis(timeout);
            let acks = choice.audience(&conn)?.broadcast_with_acks(name, args, timeout).await?;
            Ok(Answers { answers: acks.answers, complete: acks.missing == 0 })
        },
    );
    ns.on("set_data", async |conn: Connection, Args((data,)): Args<(Value,)>| {
        conn.set_data(Data(data));
        Ok(())
    });
    ns.on("fetch", async |conn: Connection, Args((choice,)): Args<(Choice,)>| {
        let found = choice.audience(&conn)?.fetch_connections().await;
        let mut shown: Vec<Shown> = found
            .iter()
            .map(|conn| Shown { id: conn.id(), rooms: rooms_of(conn), data: data_of(conn) })
            .collect();
        shown.sort_by_key(|shown| shown.id.to_string());
        Ok(shown)
    });
    ns.on("all_join", async |conn: Connection, Args((choice, rooms)): Args<(Choice, Vec<String>)>| {
        for chosen in choice.audience(&conn)?.fetch_connections().await {
            for room in &rooms {
                chosen.join(room).await?;
            }
        }
        Ok(())
    });
    ns.on("all_leave", async |conn: Connection, Args((choice, rooms)): Args<(Choice, Vec<String>)>| {
        for chosen in choice.audience(&conn)?.fetch_connections().await {
            for room in &rooms {
                chosen.leave(room).await;
            }
        }
        Ok(())
    });
    ns.on("all_disconnect", async |conn: Connection, Args((choice, close)): Args<(Choice, bool)>| {
        let audience = choice.audience(&conn)?;
        if close {
            audience.disconnect_session().await;
        } else {
            audience.disconnect().await;
        }
        Ok(())
    });
    ns.on("disconnect_me", async |conn: Connection, Args((close,)): Args<(bool,)>| {
        if close {
            conn.disconnect_session();
        } else {
            conn.disconnect();
        }
        Ok(())
    });
    ns.on("count_start", async |conn: Connection, Args((every,)): Args<(u64,)>| {
        let counting = Arc::new(Counting::default());
        *memory(&conn).counting.lock().unwrap() = Some(counting.clone());
        tokio::spawn(async move {
            let mut n = 0_u64;
            while !counting.stopped.load(Ordering::Acquire) && conn.emit("count", (n,)).is_ok() {
                n += 1;
                counting.sent.store(n, Ordering::Release);
                if every == 0 {
                    tokio::task::yield_now().await;
                } else {
                    tokio::time::sleep(Duration::from_millis(every)).await;
                }
            }
            counting.done.notify_one();
        });
        Ok(())
    });
    ns.on("count_stop", async |conn: Connection, Args(()): Args| {
        let counting = memory(&conn).counting.lock().unwrap().take();
        let Some(counting) = counting else { return Ok(0) };
        counting.stopped.store(true, Ordering::Release);
        counting.done.notified().await;
        Ok(counting.sent.load(Ordering::Acquire))
    });
    ns.on("number", async |conn: Connection, Args((n,)): Args<(i64,)>| {
        memory(&conn).numbers.lock().unwrap().push(n);
        Ok(())
    });
    ns.on("numbers", async |conn: Connection, Args(()): Args| {
        let numbers = memory(&conn).numbers.lock().unwrap().clone();
        Ok(numbers)
    });
    ns.on("watch", async |conn: Connection, Args(()): Args| {
        world(&conn).watchers.lock().unwrap().push(conn.clone());
        Ok(())
    });
    ns.on("seen", async |conn: Connection, Args(()): Args| {
        let (middleware, connected) =
            world(&conn).seen.lock().unwrap().get(conn.namespace()).copied().unwrap_or_default();
        Ok(BTreeMap::from([("middleware", middleware), ("connected", connected)]))
    });
    ns.on("gauges", async |conn: Connection, Args(()): Args| {
        let app = conn.app().ok_or_else(|| EventError::refuse("the application is gone"))?;
        let namespaces = app.hub().namespaces();
        let connections = namespaces.iter().map(|ns| ns.connection_count()).sum::<usize>();
        let named = |ns: &Arc<_>| everywire_rooms(ns);
        let rooms = namespaces.iter().map(named).sum::<usize>();
        let dynamic = namespaces
            .iter()
            .filter(|ns| ns.name().starts_with("/dynamic-") && ns.connection_count() > 0)
            .count();
        Ok(BTreeMap::from([
            ("sessions", app.session_count()),
            ("connections", connections),
            ("rooms", rooms),
            ("namespaces", 2 + dynamic),
        ]))
    });
    ns.on_any(async |conn: Connection, name: everywire::Name, RawArgs(args): RawArgs| {
        if !name.starts_with("any:") {
            return Err(EventError::new(
                everywire::code::UNKNOWN_EVENT,
                format!("there is no event {name:?} here"),
            ));
        }
        let args: Vec<Value> = args.read(everywire::Extras::Ignore)?;
        conn.emit("caught", (&*name, args))?;
        Ok(Values(("caught",)))
    });
}

fn everywire_rooms(namespace: &everywire::Namespace) -> usize {
    namespace.rooms().iter().filter(|(key, members)| matches!(key, RoomKey::Named(_)) && *members > 0).count()
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::ERROR)
        .init();
    let settings = std::env::args().nth(1).unwrap_or_else(|| "{}".to_owned());
    let settings: Settings = serde_json::from_str(&settings)?;
    let mount = socketio()
        .engine(settings.engine()?)
        .protocol(settings.protocol())
        .compress_polls(settings.compress_from())
        .allow_request(|request: &http::Request<()>, _| {
            let refused = everywire::query(request, "refuse");
            async move {
                match refused {
                    None => Ok(()),
                    Some(text) if text.is_empty() => Err(Refusal::forbidden("Forbidden")),
                    Some(text) => Err(Refusal::forbidden(text)),
                }
            }
        });
    let is_dynamic = |name: &str| {
        name.strip_prefix("/dynamic-")
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut builder = App::builder()
        .namespace("/", define)
        .namespace("/chat", define)
        .namespaces_matching(is_dynamic, define)
        .state(World::default())
        .mount("/socket.io/", mount)
        .options(settings.options());
    if let Some(recovery) = &settings.connection_state_recovery {
        builder = builder.recovery(Duration::from_millis(recovery.max_disconnection_duration));
    }
    let app = builder.build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let shutdown = async move { _ = terminate.recv().await };
    app.serve_with_shutdown(listener, shutdown, Duration::from_millis(500)).await?;
    Ok(())
}
