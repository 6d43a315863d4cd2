//! A WebSocket server that sends back what it gets, over plain TCP, with permessage-deflate.
//!
//! `cargo run -p everywire-websocket --features tokio --example echo [127.0.0.1:9001]`

use std::{error::Error, io};

use everywire_websocket::{
    DeflateOptions, Role,
    handshake::server::{Accepted, Refusal, ServerOptions, accept},
    stream::{Message, StreamOptions, WebSocket},
};
use http::{Method, Request, Response, Version};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The longest request head in bytes (nginx: 8 KiB, Node: 16 KiB).
const MAX_HEAD: usize = 16 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".into());
    let listener = TcpListener::bind(&address).await?;
    println!("echo at ws://{}/", listener.local_addr()?);
    loop {
        let (tcp, peer) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = serve(tcp).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn serve(mut tcp: TcpStream) -> Result<(), Box<dyn Error>> {
    tcp.set_nodelay(true)?;
    let Some((request, leftover)) = read_request(&mut tcp).await? else { return Ok(()) };
    // A client chooses by its offers whether contexts are kept; a server for many would keep the defaults.
    let deflate = DeflateOptions {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        ..DeflateOptions::default()
    };
    let options = ServerOptions { deflate: Some(deflate), ..ServerOptions::default() };
    let Accepted { response, agreed } = match accept(&request, &options) {
        Ok(accepted) => accepted,
        Err(refusal) => return Ok(refuse(tcp, refusal).await?),
    };
    tcp.write_all(&encode_head(&response)).await?;

    let mut options = StreamOptions::default();
    options.compression.threshold = 0;
    let mut socket = WebSocket::new(tcp, Role::Server, &agreed, &leftover, options);
    while let Some(message) = socket.recv().await? {
        if !matches!(message, Message::Pong(_)) {
            socket.send(message).await?;
        }
    }
    Ok(())
}

/// The request's head and what was read behind it; `None` if the client went away before it was complete.
async fn read_request(tcp: &mut TcpStream) -> Result<Option<(Request<()>, Vec<u8>)>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    let end = loop {
        let start = bytes.len().saturating_sub(3);
        if tcp.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
        match bytes[start..].windows(4).position(|window| window == b"\r\n\r\n") {
            Some(at) => break start + at + 4,
            None if bytes.len() > MAX_HEAD => {
                tcp.write_all(b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n\r\n")
                    .await?;
                return Err("the request's head is too long".into());
            }
            None => {}
        }
    };
    let leftover = bytes.split_off(end);
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(&bytes)?;
    let mut request = Request::builder()
        .method(Method::from_bytes(parsed.method.unwrap_or_default().as_bytes())?)
        .uri(parsed.path.unwrap_or_default())
        .version(if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 });
    for header in parsed.headers.iter() {
        request = request.header(header.name, header.value);
    }
    Ok(Some((request.body(())?, leftover)))
}

fn encode_head<B>(response: &Response<B>) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

async fn refuse(mut tcp: TcpStream, refusal: Refusal) -> io::Result<()> {
    let mut response = refusal.response();
    let length = response.body().len();
    response.headers_mut().insert("Content-Length", length.into());
    tcp.write_all(&encode_head(&response)).await?;
    tcp.write_all(response.body().as_bytes()).await
}
