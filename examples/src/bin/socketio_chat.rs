//! The chat of Socket.IO's tutorial, moved from Node: official clients connect unchanged.
//!
//! `cargo run -p everywire-examples --bin socketio_chat`, then any Socket.IO client on <http://127.0.0.1:8000>. What each call
//! is on Node stands beside it; `docs/socketio.md` has them all.

use std::error::Error;
use std::time::Duration;

use everywire::{App, Args, Connection, EventError, Reason, socketio};
use serde::Deserialize;

#[derive(Deserialize)]
struct Auth {
    name: String,
}

/// Who somebody is, kept with the connection.
struct Name(String);

fn name_of(conn: &Connection) -> String {
    conn.data::<Name>().map_or_else(String::new, |name| name.0.clone())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = App::builder()
        .namespace("/", |ns| {
            // io.use((socket, next) => …)
            ns.before_connect(async |conn: Connection| {
                let Some(Auth { name }) = conn.auth() else {
                    return Err(EventError::refuse("say who you are: auth: { name }"));
                };
                conn.set_data(Name(name)); // socket.data.name = name
                Ok(())
            });
            // io.on("connection", (socket) => …)
            ns.on_connect(async |conn: Connection| {
                conn.join("lobby").await?; // socket.join("lobby")
                conn.to("lobby").emit("joined", (name_of(&conn),))?; // socket.to("lobby").emit("joined", …)
                Ok(())
            });
            // socket.on("chat message", (text, ack) => …)
            ns.on("chat message", async |conn: Connection, Args((text,)): Args<(String,)>| {
                // io.to("lobby").emit("chat message", name, text)
                conn.within().to("lobby").emit("chat message", (name_of(&conn), text))?;
                Ok("delivered") // ack("delivered")
            });
            // socket.on("who", async (ack) => ack((await io.in("lobby").fetchSockets()).map(…)))
            ns.on("who", async |conn: Connection, Args(()): Args| {
                let members = conn.within().to("lobby").fetch_connections().await;
                Ok(members.iter().map(name_of).collect::<Vec<_>>())
            });
            // socket.on("disconnect", (reason) => …)
            ns.on_disconnect(async |conn: Connection, _: Reason| {
                // Nobody is left to hear of it, or somebody is: either is fine.
                let _ = conn.within().to("lobby").emit("left", (name_of(&conn),));
            });
        })
        .recovery(Duration::from_secs(120)) // connectionStateRecovery: {}
        .mount("/socket.io/", socketio())
        .build()?;
    let listener =
        tokio::net::TcpListener::bind(std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:8000")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    app.serve_with_shutdown(listener, std::future::pending(), Duration::ZERO).await?;
    Ok(())
}
