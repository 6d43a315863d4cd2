//! The application that `conformance/stomp/app.md` describes: what official clients are driven against.
//!
//! `cargo run -p everywire-examples --bin stomp_conformance '{"heartbeat":1000}'`

mod settings;
mod world;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use everywire::{
    App, Args, Connection, Credentials, EventError, Extras, Identity, NamespaceBuilder, RawArgs, RawReply,
    Reason, Refusal, Result, Retention, RoomKey, Verb, jsonrpc, sockjs_stomp, stomp,
};
use everywire_examples::gauges::Gauges;
use serde::Deserialize;
use serde_json::{Value, json};
use settings::Settings;
use world::World;

/// What everybody's passcode is.
const PASSCODE: &str = "secret";

#[derive(Deserialize)]
struct Terms {
    a: i64,
    b: i64,
}

/// Something that is sent: to whom, as what, and what.
#[derive(Deserialize)]
struct Sent {
    to: Option<String>,
    event: String,
    data: Value,
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

fn calls(ns: &mut NamespaceBuilder) {
    ns.on("echo", async |_: Connection, RawArgs(args)| Ok(RawReply(args)));
    ns.on("add", async |_: Connection, Args((Terms { a, b },)): Args<(Terms,)>| Ok(a + b));
    ns.on("nothing", async |_: Connection, RawArgs(_)| Ok(()));
    ns.on("refuse", async |_: Connection, Args((text,)): Args<(String,)>| {
        Err::<(), _>(EventError::refuse(text).with_data(json!({ "why": ["so"] })))
    });
    ns.on("forbid", async |_: Connection, Args((text,)): Args<(String,)>| {
        Err::<(), _>(EventError::new(everywire::code::FORBIDDEN, text))
    });
    ns.on("break", async |_: Connection, Args((text,)): Args<(String,)>| {
        Err::<(), _>(std::io::Error::other(text))?;
        Ok(())
    });
    ns.on("panic", async |_: Connection, Args((text,)): Args<(String,)>| -> Result<()> { panic!("{text}") });
    ns.on("whoami", async |conn: Connection, Args(()): Args<()>| {
        // The headers of CONNECT, but for what is secret.
        let headers = conn.auth::<serde_json::Map<String, Value>>().unwrap_or_default();
        let shown =
            headers.into_iter().filter(|(name, _)| name != "passcode").collect::<serde_json::Map<_, _>>();
        Ok(json!({ "id": conn.id(), "user": conn.user(), "headers": shown }))
    });
    ns.on("leave", async |conn: Connection, Args(()): Args<()>| {
        conn.disconnect();
        Ok(())
    });
    ns.on("gauges", async |conn: Connection, Args(()): Args<()>| {
        let app = conn.app().ok_or_else(|| EventError::refuse("the application has ended"))?;
        Ok(Gauges::of(&app))
    });
}

/// Events that wait for others, and ends that others wait for.
fn waits(ns: &mut NamespaceBuilder, world: &Arc<World>) {
    let of = world.clone();
    ns.on("wait", move |_: Connection, Args((name,)): Args<(String,)>| {
        let gate = of.gate(&name);
        async move {
            gate.notified().await;
            Ok(name)
        }
    });
    let of = world.clone();
    ns.on("go", move |_: Connection, Args((name,)): Args<(String,)>| {
        // One that comes first is kept for whoever waits next.
        of.gate(&name).notify_one();
        async { Ok(()) }
    });
    let of = world.clone();
    ns.on_disconnect(move |conn: Connection, reason: Reason| {
        of.end(conn.id().to_string(), format!("{reason:?}"));
        async {}
    });
    let of = world.clone();
    ns.on("end-of", move |_: Connection, Args((id,)): Args<(String,)>| {
        let of = of.clone();
        async move { Ok(of.end_of(&id).await) }
    });
}

fn sendings(ns: &mut NamespaceBuilder) {
    ns.on("tell-me", async |conn: Connection, Args((sent,)): Args<(Sent,)>| {
        for _ in 0..sent.times {
            conn.emit(sent.event.clone(), (&sent.data,))?;
        }
        Ok(())
    });
    ns.on("tell-user", async |conn: Connection, Args((sent,)): Args<(Sent,)>| {
        let user = sent.to.as_deref().or(conn.user()).unwrap_or_default();
        conn.within().to_user(user).publish(sent.event, (sent.data,)).await?;
        Ok(())
    });
    ns.on("tell-room", async |conn: Connection, Args((sent,)): Args<(Sent,)>| {
        let room = sent.to.unwrap_or_default();
        for _ in 0..sent.times {
            conn.within().to(&*room).publish(sent.event.clone(), (&sent.data,)).await?;
        }
        Ok(())
    });
    ns.on("tell-others", async |conn: Connection, Args((sent,)): Args<(Sent,)>| {
        conn.to(&*sent.to.unwrap_or_default()).publish(sent.event, (sent.data,)).await?;
        Ok(())
    });
    ns.on("tell-bytes", async |conn: Connection, Args((event,)): Args<(String,)>| {
        let bytes: Vec<u8> = (0..=255).collect();
        conn.emit_payload(event, everywire::Payload::binary(bytes))?;
        Ok(())
    });
    ns.on("join", async |conn: Connection, Args((room,)): Args<(String,)>| {
        conn.join(&*room).await?;
        Ok(())
    });
}

/// By `login` and `passcode`, or by `Authorization` among the headers of CONNECT: a bearer's token is `secret:` and the user.
fn authenticate(credentials: &Credentials<'_>, members_only: bool) -> Result<Identity, Refusal> {
    #[derive(Default, Deserialize)]
    struct Shown {
        login: Option<String>,
        passcode: Option<String>,
        #[serde(rename = "Authorization")]
        authorization: Option<String>,
    }
    let (shown,): (Shown,) = credentials.auth.read(Extras::Ignore).unwrap_or_default();
    let bearer = shown.authorization.as_deref().and_then(|value| value.strip_prefix("Bearer "));
    let known = |user: &str| if user.is_empty() { Identity::default() } else { Identity::user(user) };
    match (bearer.or(credentials.token), shown.login) {
        (Some(token), _) => match token.split_once(':') {
            Some((PASSCODE, user)) => Ok(known(user)),
            _ => Err(Refusal::unauthenticated("the token is not valid")),
        },
        (None, Some(login)) if shown.passcode.as_deref() == Some(PASSCODE) => Ok(known(&login)),
        (None, Some(_)) => Err(Refusal::unauthenticated("login or passcode is wrong")),
        (None, None) if members_only => Err(Refusal::unauthenticated("show who you are")),
        (None, None) => Ok(Identity::default()),
    }
}

/// What begins with `closed` is for nobody; `read-only` and `write-only` say what they are for.
fn allows(room: &str, verb: Verb) -> bool {
    let writes = matches!(verb, Verb::Publish | Verb::Send);
    match room {
        room if room.starts_with("closed") => false,
        room if room.starts_with("read-only") => !writes,
        room if room.starts_with("write-only") => writes,
        _ => true,
    }
}

/// Rooms that begin with `kept` keep their last five messages.
fn keeps(room: &RoomKey) -> Retention {
    match room {
        RoomKey::Named(name) if name.starts_with("kept") => Retention { messages: 5, ..Retention::RECENT },
        _ => Retention::NONE,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    let settings: Settings = std::env::args()
        .nth(1)
        .map_or_else(|| Ok(Settings::default()), |json| serde_json::from_str(&json))?;
    let world = Arc::new(World::default());
    let members_only = settings.members_only;
    let app = App::builder()
        .namespace("/", |ns| {
            calls(ns);
            waits(ns, &world);
            sendings(ns);
            ns.actions();
        })
        .mount("/stomp", sockjs_stomp().stomp(settings.stomp()).sockjs(settings.sockjs()))
        .mount("/spring", sockjs_stomp().stomp(settings.spring()).sockjs(settings.sockjs()))
        .mount("/bare", stomp().stomp(settings.stomp()))
        .mount("/ws", jsonrpc().stomp(settings.stomp()))
        .retention(|_, room| keeps(room))
        .rights(|_, room, verb| allows(room, verb))
        .authenticate(move |credentials| {
            let identity = authenticate(credentials, members_only && !credentials.auth.is_empty());
            async move { identity }
        })
        .options(settings.options())
        .build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let shutdown = async move { _ = terminate.recv().await };
    app.serve_with_shutdown(listener, shutdown, Duration::from_millis(settings.grace)).await?;
    Ok(())
}
