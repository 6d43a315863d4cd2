//! Everywire's SignalR by its public API, as a user would write it: handlers, a room, a stream, and the defaults of
//! everything but the number of connections. With the allocator that the `everywire` binary has.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use clap::Parser;
use everywire::{
    App, Args, Connection, EventError, NamespaceBuilder, Options, RawArgs, RawReply, Result, Upload, Uploads,
    signalr,
};
use everywire_bench::{Mode, PeerArguments};
use futures_core::Stream;
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROOM: &str = "bench";

/// The hub `default` among them is [`everywire_bench::HUB_PATH`].
const HUBS: &str = "/hubs/{namespace}";

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let arguments = PeerArguments::parse();
    let app = App::builder()
        .options(Options { connections: 19_000, shards: 1, ..Options::default() })
        .namespace("/", |ns| match arguments.mode {
            Mode::Echo => echo(ns),
            Mode::Room | Mode::DeflateRoom => room(ns),
        })
        .mount(HUBS, signalr())
        .build()?;
    let listener = TcpListener::from_std(arguments.listen()?)?;
    app.serve_with_shutdown(listener, std::future::pending(), Duration::ZERO).await?;
    Ok(())
}

fn echo(ns: &mut NamespaceBuilder) {
    ns.on("echo", async |_: Connection, RawArgs(args): RawArgs| Ok(RawReply(args)));
    ns.on_stream("mirror", async |_: Connection, Args(()): Args, uploads: Uploads| {
        let [upload] = uploads.exactly()?;
        Ok(Mirror(upload))
    });
    ns.on_stream("count", async |_: Connection, Args((first, items)): Args<(String, u32)>, _: Uploads| {
        Count::new(&first, items)
    });
}

/// What is uploaded, as it comes.
struct Mirror(Upload);

impl Stream for Mirror {
    type Item = Result<RawReply>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(cx).map(|item| {
            let refuse = |error: everywire::UploadError| EventError::refuse(error.to_string());
            Some(item?.map(RawReply).map_err(refuse))
        })
    }
}

/// Texts that begin with a number, which counts them.
struct Count {
    next: u64,
    text: String,
    left: u32,
}

impl Count {
    fn new(first: &str, items: u32) -> Result<Self> {
        let refuse = || EventError::refuse("a text that does not begin with sixteen hexadecimal digits");
        let (digits, text) = first.split_at_checked(16).ok_or_else(refuse)?;
        let next = u64::from_str_radix(digits, 16).map_err(|_| refuse())?;
        Ok(Self { next, text: text.to_owned(), left: items })
    }
}

impl Stream for Count {
    type Item = Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        let item = format!("{:016x}{}", self.next, self.text);
        self.left = left;
        self.next += 1;
        Poll::Ready(Some(Ok(item)))
    }
}

fn room(ns: &mut NamespaceBuilder) {
    ns.on_connect(async |conn: Connection| {
        conn.join(ROOM).await?;
        Ok(())
    });
    ns.on("publish", async |conn: Connection, RawArgs(args)| {
        conn.within().to(ROOM).emit_payload("message", args)?;
        Ok(())
    });
}
