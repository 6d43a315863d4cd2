//! A terminal for any WebSocket server: each line of the input is sent as a message, each message is printed as a line.
//!
//! `cargo run -p everywire-websocket --features tokio --example lines ws://127.0.0.1:8000/raw/lobby`

use std::error::Error;
use std::io;
use std::thread;

use everywire_websocket::{
    CloseCode, CloseFrame,
    handshake::client::ClientOptions,
    stream::{Message, StreamOptions, connect},
};
use http::Uri;
use tokio::{net::TcpStream, sync::mpsc};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let uri: Uri = std::env::args().nth(1).ok_or("usage: lines ws://HOST:PORT/PATH")?.parse()?;
    let host = uri.host().ok_or("the URL has no host")?;
    let tcp = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
    tcp.set_nodelay(true)?;
    let (socket, _) = connect(tcp, &uri, &ClientOptions::default(), StreamOptions::default()).await?;
    let (mut sender, mut receiver) = socket.split();
    let mut lines = read_lines();
    let mut reads = true;
    loop {
        // Both branches are cancel-safe: the one that is not taken loses nothing.
        tokio::select! {
            line = lines.recv(), if reads => match line.transpose()? {
                Some(line) => sender.send(line).await?,
                None => {
                    reads = false;
                    sender.close(Some(CloseFrame { code: CloseCode::NORMAL, reason: "" })).await?;
                }
            },
            message = receiver.recv() => match message? {
                Some(Message::Text(text)) => println!("{text}"),
                Some(Message::Binary(data)) => println!("({} bytes)", data.len()),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                None => return Ok(()),
            },
        }
    }
}

/// The input, read by a thread of its own: tokio's `Stdin` would keep the program from ending before one more line comes.
fn read_lines() -> mpsc::Receiver<io::Result<String>> {
    let (sender, receiver) = mpsc::channel(1);
    thread::spawn(move || io::stdin().lines().try_for_each(|line| sender.blocking_send(line)));
    receiver
}
