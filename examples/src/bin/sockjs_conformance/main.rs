//! The SockJS application that `conformance/sockjs/app.md` describes: what official clients are driven against, here and on
//! the reference server.
//!
//! `cargo run -p everywire-examples --bin sockjs_conformance '{"heartbeatDelay":300}'`

use std::error::Error;
use std::time::Duration;

use everywire::{
    App, Args, Connection, NamespaceBuilder, Options, RawArgs, SockJsHeartbeat, SockJsOptions, sockjs,
    sockjs_raw,
};
use serde::Deserialize;

/// Options by the names of sockjs-node; times in milliseconds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Settings {
    heartbeat_delay: u64,
    disconnect_delay: u64,
    response_limit: usize,
    sockjs_url: String,
    base_url: Option<String>,
    /// How long a ping waits for its pong.
    pong_timeout: u64,
    /// Whether WebSockets beat by frames, as Spring's do.
    frames: bool,
    /// Whether there is what only old browsers need.
    legacy: bool,
    origins: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat_delay: 25_000,
            disconnect_delay: 5000,
            response_limit: 131_072,
            sockjs_url: "http://localhost/sockjs.js".to_owned(),
            base_url: None,
            pong_timeout: 10_000,
            frames: false,
            legacy: true,
            origins: vec!["*".to_owned()],
        }
    }
}

impl Settings {
    fn options(&self) -> SockJsOptions {
        let pings = SockJsHeartbeat::Ping { timeout: Duration::from_millis(self.pong_timeout) };
        SockJsOptions {
            legacy: self.legacy,
            response_limit: self.response_limit,
            heartbeat: Duration::from_millis(self.heartbeat_delay),
            disconnect_delay: Duration::from_millis(self.disconnect_delay),
            script: self.sockjs_url.clone(),
            base_url: self.base_url.clone(),
            websocket_heartbeat: if self.frames { SockJsHeartbeat::Frame } else { pings },
            ..SockJsOptions::default()
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings: Settings = std::env::args()
        .nth(1)
        .map_or_else(|| Ok(Settings::default()), |json| serde_json::from_str(&json))?;
    let options = || settings.options();
    let app = App::builder()
        .namespace("/", echo)
        .namespace("/close", close)
        .namespace("/broadcast", broadcast)
        .mount("/echo", sockjs_raw().sockjs(options()))
        .mount(
            "/disabled_websocket_echo",
            sockjs_raw().sockjs(SockJsOptions { websocket: false, ..options() }),
        )
        .mount("/cookie_needed_echo", sockjs_raw().sockjs(SockJsOptions { cookie: true, ..options() }))
        .mount("/close", sockjs_raw().namespace("/close").sockjs(options()))
        .mount("/broadcast", sockjs_raw().namespace("/broadcast").sockjs(options()))
        .mount("/rpc", sockjs().sockjs(options()))
        .options(Options {
            hosts: vec!["*".to_owned()],
            origins: settings.origins.clone(),
            ..Options::default()
        })
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
