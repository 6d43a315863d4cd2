//! tokio-tungstenite, as its own echo and chat examples have it: split, forward, a queue and a writer for each member.

use std::error::Error;
use std::sync::Arc;

use clap::Parser;
use everywire_bench::{Mode, PeerArguments, Room};
use futures_util::{SinkExt, StreamExt, TryStreamExt, future};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{self, Message};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = PeerArguments::parse();
    let listener = TcpListener::from_std(arguments.listen()?)?;
    let room = Arc::new(Room::default());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let room = room.clone();
        tokio::spawn(async move {
            let ended = match arguments.mode {
                Mode::Echo => echo(stream).await,
                Mode::Room | Mode::DeflateRoom => member(stream, &room).await,
            };
            if let Err(error) = ended {
                eprintln!("tungstenite: {error}");
            }
        });
    }
}

async fn echo(stream: TcpStream) -> tungstenite::Result<()> {
    let (writer, reader) = tokio_tungstenite::accept_async(stream).await?.split();
    reader.try_filter(|message| future::ready(is_data(message))).forward(writer).await
}

async fn member(stream: TcpStream, room: &Room<Message>) -> tungstenite::Result<()> {
    let (writer, mut reader) = tokio_tungstenite::accept_async(stream).await?.split();
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
    mut writer: impl SinkExt<Message, Error = tungstenite::Error> + Unpin,
) -> tungstenite::Result<()> {
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
    message.is_text() || message.is_binary()
}
