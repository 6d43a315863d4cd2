//! Everywire by its public API, as a user would write it: a handler, a room, and the defaults of everything
//! but the number of connections. With the allocator that the `everywire` binary has.

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use everywire::{App, Connection, Deflate, NamespaceBuilder, Options, RawArgs, raw, sse};
use everywire_bench::{EVENTS_PATH, EVENTS_ROOM, Mode, PATH, PeerArguments};
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROOM: &str = EVENTS_ROOM;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = PeerArguments::parse();
    let mode = arguments.mode;
    let deflate = matches!(mode, Mode::DeflateRoom).then(Deflate::default);
    let app = App::builder()
        .options(Options { connections: 19_000, shards: 1, deflate, ..Options::default() })
        .namespace("/", |ns| match mode {
            Mode::Echo => echo(ns),
            Mode::Room | Mode::DeflateRoom => room(ns),
        })
        .mount(PATH, raw())
        .mount(EVENTS_PATH, sse())
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
