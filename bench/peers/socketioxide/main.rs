//! socketioxide on axum, as its echo and chat examples have it.

use std::error::Error;

use axum::Router;
use axum::serve::ListenerExt;
use clap::Parser;
use everywire_bench::{Mode, PeerArguments};
use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use tokio::net::TcpListener;

const ROOM: &str = "bench";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = PeerArguments::parse();
    let (layer, io) = SocketIo::new_layer();
    match arguments.mode {
        Mode::Echo => io.ns("/", echo),
        Mode::Room | Mode::DeflateRoom => io.ns("/", room),
    };
    let listener = TcpListener::from_std(arguments.listen()?)?.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("socketioxide: {error}");
        }
    });
    axum::serve(listener, Router::new().layer(layer)).await?;
    Ok(())
}

async fn echo(socket: SocketRef) {
    socket.on("echo", async |socket: SocketRef, Data(data): Data<Value>| {
        if let Err(error) = socket.emit("echo", &data) {
            eprintln!("socketioxide: {error}");
        }
    });
    socket.on("echo_ack", async |Data(data): Data<Value>, ack: AckSender| {
        if let Err(error) = ack.send(&data) {
            eprintln!("socketioxide: {error}");
        }
    });
}

async fn room(socket: SocketRef) {
    socket.join(ROOM);
    socket.on("publish", async |socket: SocketRef, Data(data): Data<Value>| {
        if let Err(error) = socket.within(ROOM).emit("message", &data).await {
            eprintln!("socketioxide: {error}");
        }
    });
}
