//! The SockJS application that `conformance/sockjs/app.md` describes: what official clients are driven against, here and on
//! the reference server.
//!
//! `cargo run -p everywire-examples --bin sockjs_conformance '{"heartbeatDelay":300}'`

mod settings;

use std::error::Error;
use std::time::Duration;

use everywire::{
    App, Args, Connection, EventError, Identity, NamespaceBuilder, RawArgs, SockJsOptions, sockjs, sockjs_raw,
};
use everywire_examples::gauges::Gauges;
use settings::Settings;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings: Settings = std::env::args()
        .nth(1)
        .map_or_else(|| Ok(Settings::default()), |json| serde_json::from_str(&json))?;
    let options = || settings.sockjs();
    let app = App::builder()
        .namespace("/", echo)
        .namespace("/close", close)
        .namespace("/broadcast", broadcast)
        .namespace("/rooms", rooms)
        .mount("/echo", sockjs_raw().sockjs(options()))
        .mount(
            "/disabled_websocket_echo",
            sockjs_raw().sockjs(SockJsOptions { websocket: false, ..options() }),
        )
        .mount("/cookie_needed_echo", sockjs_raw().sockjs(SockJsOptions { cookie: true, ..options() }))
        .mount("/close", sockjs_raw().namespace("/close").sockjs(options()))
        .mount("/broadcast", sockjs_raw().namespace("/broadcast").sockjs(options()))
        .mount("/rooms", sockjs_raw().namespace("/rooms").sockjs(settings.rooms()))
        .mount("/rpc", sockjs().sockjs(options()))
        .authenticate(|credentials| {
            let user = credentials.token.map_or_else(Identity::default, Identity::user);
            async move { Ok(user) }
        })
        .options(settings.options())
        .build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    app.serve_with_shutdown(listener, std::future::pending(), Duration::ZERO).await?;
    Ok(())
}

/// Sends back what comes. `!end` ends the connection, and `!long` with a number is answered by so many characters.
fn echo(ns: &mut NamespaceBuilder) {
    ns.on("message", async |conn: Connection, RawArgs(args): RawArgs| {
        let (text,): (String,) = args.view().read(everywire::Extras::Ignore)?;
        match text.strip_prefix('!') {
            Some("end") => conn.disconnect(),
            Some(rest) if rest.starts_with("long ") => {
                let length: usize = rest["long ".len()..].parse().unwrap_or(0);
                conn.emit("message", ("x".repeat(length.min(1 << 20)),))?;
            }
            _ => conn.emit_payload("message", args)?,
        }
        Ok(())
    });
    ns.on("echo", async |_: Connection, Args((value,)): Args<(serde_json::Value,)>| Ok(value));
    ns.on("gauges", async |conn: Connection, Args(()): Args<()>| {
        let app = conn.app().ok_or_else(|| EventError::refuse("the application has ended"))?;
        Ok(Gauges::of(&app))
    });
}

/// Lets nobody stay.
fn close(ns: &mut NamespaceBuilder) {
    ns.on_connect(async |conn: Connection| {
        conn.disconnect();
        Ok(())
    });
}

/// What one says, all hear.
fn broadcast(ns: &mut NamespaceBuilder) {
    ns.on_connect(async |conn: Connection| {
        conn.join("all").await?;
        Ok(())
    });
    ns.on("message", async |conn: Connection, RawArgs(args): RawArgs| {
        conn.within().to("all").emit_payload("message", args)?;
        Ok(())
    });
}

/// `!join ROOM` joins the client to a room, and `!say ROOM TEXT` says something there. Anything else comes back, and a `!join`
/// when it is done.
fn rooms(ns: &mut NamespaceBuilder) {
    ns.on("message", async |conn: Connection, RawArgs(args): RawArgs| {
        let (text,): (String,) = args.view().read(everywire::Extras::Ignore)?;
        let mut words = text.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("!join"), Some(room), None) => _ = conn.join(room).await?,
            (Some("!say"), Some(room), Some(what)) => {
                conn.within().to(room).emit("message", (what,))?;
                // A long text need not come back.
                return Ok(());
            }
            (Some("!end"), ..) => {
                conn.disconnect();
                return Ok(());
            }
            _ => {}
        }
        conn.emit_payload("message", args)?;
        Ok(())
    });
}
