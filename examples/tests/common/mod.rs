//! Runs an example and talks to it.

use std::process::Stdio;
use std::time::Duration;

use everywire_websocket::handshake::client::ClientOptions;
use everywire_websocket::stream::{Message, StreamOptions, WebSocket, connect};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Far more than anything here takes, on a busy machine too.
const LONG: Duration = Duration::from_secs(30);

/// An example that runs; it ends with this value.
pub(crate) struct Example {
    pub(crate) address: String,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Example {
    pub(crate) async fn start(binary: &str) -> Self {
        let mut child = Command::new(binary).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(LONG, lines.next_line()).await.unwrap().unwrap().unwrap();
        let address = line.strip_prefix("listening on ").unwrap().to_owned();
        Self { address, lines, _child: child }
    }

    pub(crate) async fn connect(&self, path: &str) -> Client {
        let tcp = TcpStream::connect(&self.address).await.unwrap();
        let uri = format!("ws://{}{path}", self.address).parse().unwrap();
        let options = ClientOptions::default();
        let opened = timeout(LONG, connect(tcp, &uri, &options, StreamOptions::default())).await;
        Client { socket: opened.unwrap().unwrap().0, next: 0 }
    }

    /// Sends a request, and reads the response until the server closes.
    pub(crate) async fn request(&self, head: &str, body: &str) -> String {
        let mut tcp = TcpStream::connect(&self.address).await.unwrap();
        let (host, length) = (&self.address, body.len());
        let request = format!(
            "{head} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        timeout(LONG, tcp.read_to_string(&mut response)).await.unwrap().unwrap();
        response
    }
}

/// A client of an example.
pub(crate) struct Client {
    pub(crate) socket: WebSocket<TcpStream>,
    next: u64,
}

impl Client {
    pub(crate) async fn next(&mut self) -> Message {
        timeout(LONG, self.socket.recv()).await.unwrap().unwrap().expect("the server closed")
    }

    /// The next message, as JSON.
    pub(crate) async fn json(&mut self) -> Value {
        match self.next().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?} is no text"),
        }
    }

    /// Sends a frame of STOMP, whose NUL is added.
    pub(crate) async fn send_frame(&mut self, frame: &str) {
        self.socket.send(format!("{frame}\0")).await.unwrap();
    }

    /// The next message, a frame of STOMP in text.
    pub(crate) async fn frame(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }

    pub(crate) async fn send_json(&mut self, value: Value) {
        self.socket.send(value.to_string()).await.unwrap();
    }

    /// Sends a call without waiting for its answer; gives back its id.
    pub(crate) async fn begin(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        let id = self.next;
        self.send_json(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        id
    }

    /// Calls a method: gives back its response, and the notifications that came before it.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> (Value, Vec<Value>) {
        let id = self.begin(method, params).await;
        let mut before = Vec::new();
        loop {
            let message = self.json().await;
            if message["id"] == id && message.get("method").is_none() {
                return (message, before);
            }
            before.push(message);
        }
    }

    /// Calls a method that succeeds: gives back its result.
    pub(crate) async fn result(&mut self, method: &str, params: Value) -> Value {
        let (mut response, _) = self.call(method, params).await;
        assert!(response.get("error").is_none(), "{response}");
        response["result"].take()
    }
}
