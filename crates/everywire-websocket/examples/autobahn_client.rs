//! Drives an Autobahn `fuzzingserver` through all its cases, echoing what it sends.
//!
//! `cargo run -p everywire-websocket --features tokio --example autobahn_client ws://127.0.0.1:9001 everywire`

use std::{error::Error, time::Duration};

use everywire_websocket::{
    CloseCode, CloseFrame, DeflateOptions,
    handshake::client::ClientOptions,
    stream::{Error as StreamError, Message, StreamOptions, WebSocket, connect},
};
use http::Uri;
use tokio::{net::TcpStream, time::timeout};

/// The largest compression cases take the suite itself up to 12 s.
const CASE_TIMEOUT: Duration = Duration::from_secs(120);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(agent)) = (args.next(), args.next()) else {
        return Err("usage: autobahn_client URL AGENT".into());
    };
    let url = url.trim_end_matches('/');

    let mut socket = open(&format!("{url}/getCaseCount")).await?;
    let count: u32 = match socket.recv().await? {
        Some(Message::Text(count)) => count.parse()?,
        other => return Err(format!("the number of cases was expected, not {other:?}").into()),
    };
    finish(socket).await;

    for case in 1..=count {
        // What goes wrong in a case is for the suite to judge.
        match timeout(CASE_TIMEOUT, run(&format!("{url}/runCase?case={case}&agent={agent}"))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("case {case} of {count}: {error}"),
            Err(_) => eprintln!("case {case} of {count}: not finished after {CASE_TIMEOUT:?}"),
        }
    }

    // The suite writes its reports, then closes.
    let mut socket = open(&format!("{url}/updateReports?agent={agent}")).await?;
    while socket.recv().await?.is_some() {}
    println!("{count} cases run as {agent}");
    Ok(())
}

async fn run(url: &str) -> Result<(), Box<dyn Error>> {
    let mut socket = open(url).await?;
    loop {
        match socket.recv().await {
            Ok(Some(Message::Pong(_))) => {}
            Ok(Some(message)) => socket.send(message).await?,
            // Many cases violate the protocol on purpose; the suite has been told, and judges.
            Ok(None) | Err(StreamError::Fault(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

async fn finish(mut socket: WebSocket<TcpStream>) {
    let close = CloseFrame { code: CloseCode::NORMAL, reason: "" };
    if let Err(error) = socket.close(Some(close)).await {
        eprintln!("closing: {error}");
    }
}

async fn open(url: &str) -> Result<WebSocket<TcpStream>, Box<dyn Error>> {
    let uri: Uri = url.parse()?;
    let host = uri.host().ok_or("the URL has no host")?;
    let tcp = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
    tcp.set_nodelay(true)?;
    // Whatever the suite's server prefers: contexts kept, any window.
    let deflate = DeflateOptions {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        ..DeflateOptions::default()
    };
    let client = ClientOptions { deflate: Some(deflate), ..ClientOptions::default() };
    let mut options = StreamOptions::default();
    options.compression.threshold = 0;
    let (socket, _) = connect(tcp, &uri, &client, options).await?;
    Ok(socket)
}
