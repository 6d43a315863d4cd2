//! The real binary in a process of its own, and the clients that talk to it.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use everywire_websocket::handshake::client::ClientOptions;
use everywire_websocket::stream::{Message, StreamOptions, WebSocket, connect};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

/// What would have happened by then never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// The outcome, or a failed test.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// The binary with these arguments.
pub(crate) fn everywire(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everywire"));
    command.args(args).env_remove("RUST_LOG").stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// What the binary wrote to its two outputs, and how it ended, with these arguments.
pub(crate) async fn run(args: &[&str]) -> (String, String, Option<i32>) {
    let output = soon("the end of the process", everywire(args).output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// A server that serves.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it said at start-up.
    pub(crate) banner: Vec<String>,
    log: Lines<BufReader<ChildStderr>>,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts one on a free port, and waits until it listens.
    pub(crate) async fn start(args: &[&str]) -> Self {
        let mut command = everywire(&[&["serve", "--listen", "127.0.0.1:0"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut banner = Vec::new();
        let address = loop {
            let line = soon("a line of start-up", stdout.next_line()).await.unwrap().expect("it listens");
            if let Some(address) = line.strip_prefix("listening on ") {
                break address.parse().unwrap();
            }
            banner.push(line);
        };
        Self { child, address, banner, log, _stdout: stdout }
    }

    /// Sends it a signal.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().await.unwrap();
        assert!(status.success());
    }

    /// Waits until it logs a line with this text.
    pub(crate) async fn logs(&mut self, text: &str) -> String {
        loop {
            let line = soon(text, self.log.next_line()).await.unwrap();
            let line = line.unwrap_or_else(|| panic!("the log ended before {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits until it ends.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        soon("the end of the server", self.child.wait()).await.unwrap()
    }

    /// A WebSocket on one of its paths.
    pub(crate) async fn websocket(&self, path: &str) -> Client<TcpStream> {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        Client::open(tcp, &format!("ws://{}{path}", self.address)).await
    }

    /// A request whose answer goes on: its head has come.
    pub(crate) async fn listen(&self, line: &str) -> Stream {
        let mut tcp = TcpStream::connect(self.address).await.unwrap();
        tcp.write_all(format!("{line} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).as_bytes()).await.unwrap();
        let mut stream = Stream { head: String::new(), lines: BufReader::new(tcp).lines() };
        loop {
            match soon("a head", stream.lines.next_line()).await.unwrap().expect("a whole head").as_str() {
                "" => return stream,
                line => stream.head += &format!("{line}\n"),
            }
        }
    }

    /// A request, and all of the answer: its status, its head and its body.
    pub(crate) async fn http(&self, request: &str, body: &str) -> (u16, String, String) {
        let host =
            if request.contains("\r\nHost:") { String::new() } else { format!("Host: {}\r\n", self.address) };
        let (line, headers) = request.split_once("\r\n").unwrap_or((request, ""));
        let headers = if headers.is_empty() { String::new() } else { format!("{headers}\r\n") };
        let request = format!(
            "{line} HTTP/1.1\r\n{host}{headers}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut tcp = TcpStream::connect(self.address).await.unwrap();
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon("an answer", tcp.read_to_string(&mut answer)).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_ascii_lowercase(), body.to_owned())
    }
}

/// An answer that goes on, such as a stream of events.
pub(crate) struct Stream {
    pub(crate) head: String,
    lines: Lines<BufReader<TcpStream>>,
}

impl Stream {
    /// The rest of the next line that begins so.
    pub(crate) async fn line(&mut self, start: &str) -> String {
        loop {
            let line = soon("a line of the stream", self.lines.next_line()).await.unwrap();
            let line = line.unwrap_or_else(|| panic!("the stream ended before {start:?}"));
            if let Some(rest) = line.strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }
}

/// A client that speaks JSON-RPC on a WebSocket.
pub(crate) struct Client<S>(pub(crate) WebSocket<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn open(io: S, uri: &str) -> Self {
        let uri = uri.parse().unwrap();
        let options = ClientOptions::default();
        let opened = connect(io, &uri, &options, StreamOptions::default());
        Self(soon("a WebSocket", opened).await.unwrap().0)
    }

    /// Calls a method, and gives the answer to it.
    pub(crate) async fn call(&mut self, method: &str, params: serde_json::Value) -> serde_json::Value {
        let request = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.0.send(request.to_string()).await.unwrap();
        loop {
            let message = self.next().await;
            if message.get("id").is_some() {
                return message;
            }
        }
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> serde_json::Value {
        match soon("a message", self.0.recv()).await.unwrap() {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?} is no text"),
        }
    }
}
