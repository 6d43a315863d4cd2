//! Everywire with every protocol on one port and all clients in one room, by its public API, as a user would write it. With
//! the allocator that the `everywire` binary has.
//!
//! It serves rooms only: who sends is on the raw WebSocket.

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use everywire::{App, Connection, NamespaceBuilder, Options, RawArgs, raw, signalr, socketio, sockjs_raw};
use everywire_bench::{PATH, PeerArguments, SOCKET_IO_PATH, SOCKJS_PATH};
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROOM: &str = "bench";

/// The hub `default` among them is [`everywire_bench::HUB_PATH`].
const HUBS: &str = "/hubs/{namespace}";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = PeerArguments::parse();
    let app = App::builder()
        .options(Options { connections: 19_000, shards: 1, ..Options::default() })
        .namespace("/", room)
        // A row for each wire in `MIXED`, of the generator's peers.
        .mount(PATH, raw())
        .mount(SOCKET_IO_PATH, socketio())
        .mount(HUBS, signalr())
        .mount(SOCKJS_PATH, sockjs_raw())
        .build()?;
    let listener = TcpListener::from_std(arguments.listen()?)?;
    app.serve_with_shutdown(listener, std::future::pending(), Duration::ZERO).await?;
    Ok(())
}

fn room(ns: &mut NamespaceBuilder) {
    ns.on_connect(async |conn: Connection| {
        conn.join(ROOM).await?;
        Ok(())
    });
    ns.on("message", async |conn: Connection, RawArgs(message)| {
        conn.within().to(ROOM).emit_payload("message", message)?;
        Ok(())
    });
}
