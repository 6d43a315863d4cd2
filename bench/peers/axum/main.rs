//! axum's WebSocket extractor, as its echo and chat examples have it.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use clap::Parser;
use everywire_bench::{Mode, PATH, PeerArguments, Room};
use futures_util::{SinkExt, StreamExt, TryStreamExt, future};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

type Shared = (Mode, Arc<Room<Message>>);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = PeerArguments::parse();
    let listener = TcpListener::from_std(arguments.listen()?)?.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("axum: {error}");
        }
    });
    let shared: Shared = (arguments.mode, Arc::default());
    axum::serve(listener, Router::new().route(PATH, get(upgrade)).with_state(shared)).await?;
    Ok(())
}

async fn upgrade(State((mode, room)): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |socket| {
        let ended = match mode {
            Mode::Echo => echo(socket).await,
            Mode::Room | Mode::DeflateRoom => member(socket, &room).await,
        };
        if let Err(error) = ended {
            eprintln!("axum: {error}");
        }
    })
}

async fn echo(socket: WebSocket) -> Result<(), axum::Error> {
    let (writer, reader) = socket.split();
    reader.try_filter(|message| future::ready(is_data(message))).forward(writer).await
}

async fn member(socket: WebSocket, room: &Room<Message>) -> Result<(), axum::Error> {
    let (writer, mut reader) = socket.split();
    let (id, queue) = room.join();
    tokio::spawn(drain(queue, writer));
    let ended = loop {
        match reader.next().await {
            Some(Ok(message)) if is_data(&message) => room.publish(&message),
            Some(Ok(_)) => {}
            Some(Err(error)) => break Err(error),
            None => break Ok(()),
        }
    };
    room.leave(id);
    ended
}

/// Writes what is queued, and flushes when nothing more is.
async fn drain(
    mut queue: mpsc::Receiver<Message>,
    mut writer: impl SinkExt<Message, Error = axum::Error> + Unpin,
) -> Result<(), axum::Error> {
    while let Some(message) = queue.recv().await {
        writer.feed(message).await?;
        while let Ok(message) = queue.try_recv() {
            writer.feed(message).await?;
        }
        writer.flush().await?;
    }
    writer.close().await
}

fn is_data(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_))
}
