//! Everywire's SockJS by its public API, as a user would write it: a handler, a room, and the defaults of everything
//! but the number of connections. With the allocator that the `everywire` binary has.

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use everywire::{App, Connection, NamespaceBuilder, Options, RawArgs, sockjs_raw};
use everywire_bench::{Mode, PeerArguments, SOCKJS_PATH};
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROOM: &str = "bench";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = PeerArguments::parse();
    let app = App::builder()
        .options(Options { connections: 19_000, shards: 1, ..Options::default() })
        .namespace("/", |ns| match arguments.mode {
            Mode::Echo => echo(ns),
            Mode::Room | Mode::DeflateRoom => room(ns),
        })
        .mount(SOCKJS_PATH, sockjs_raw())
        .build()?;
    let listener = TcpListener::from_std(arguments.listen()?)?;
    app.serve_with_shutdown(listener, std::future::pending(), Duration::ZERO).await?;
    Ok(())
}

fn echo(ns: &mut NamespaceBuilder) {
    ns.on("message", async |conn: Connection, RawArgs(message)| {
        conn.emit_payload("message", message)?;
        Ok(())
    });
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
