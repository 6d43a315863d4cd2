//! Clients made of bytes: they can say everything that a proper client never would.
#![allow(dead_code, unreachable_pub, reason = "each test file takes what it needs")]

pub mod http2;
pub mod log;
pub mod small_sockets;
pub mod stomp;
pub mod streaming;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use everywire::App;
use everywire_websocket::{CloseCode, CloseFrame, Header, Opcode, encode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// No test waits for anything longer than this; it is far above every timeout under test.
const PATIENCE: Duration = Duration::from_secs(20);

/// A key that is 16 bytes in base64, RFC 6455's own.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The future's output, or a failed test if it takes too long.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} took longer than {PATIENCE:?}"),
    }
}

/// Waits until something holds that nobody tells of.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    within(what, async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Serves what a router of axum has on a port of its own, for as long as the runtime lives.
pub async fn serve_by_axum(router: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Serves an application on a port of its own, for as long as the runtime lives.
pub async fn serve(app: &App) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.clone();
    tokio::spawn(
        async move { app.serve_with_shutdown(listener, std::future::pending(), Duration::ZERO).await },
    );
    address
}

/// The head of a WebSocket's request, with more header lines if there are any.
pub fn upgrade_head(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{more}\r\n"
    )
}

/// A response over HTTP/1.1.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Response {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// One end of a connection, and what was read of it but not asked for yet.
pub struct Wire<S> {
    io: S,
    read: Vec<u8>,
}

/// Anything that a client can be on.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// An open WebSocket over HTTP/1.1 and one over HTTP/2.
pub async fn over_both(
    address: SocketAddr,
    path: &str,
    more: &[(&'static str, &str)],
) -> [(&'static str, Wire<Box<dyn Io>>); 2] {
    let lines: String = more.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let first = Tcp::websocket_with(address, path, &lines).await;
    let more = more.iter().map(|(name, value)| {
        (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
    });
    let second = http2::websocket_with(address, path, &more.collect()).await;
    [("HTTP/1.1", first.boxed()), ("HTTP/2", second.boxed())]
}

/// A wire over TCP.
pub type Tcp = Wire<TcpStream>;

/// What a server sent over a WebSocket.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Text(String),
    Binary(Vec<u8>),
    /// A message, still compressed.
    Compressed(Vec<u8>),
    Ping,
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// The stream ended, in order or not.
    End,
}

impl Tcp {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).await.unwrap())
    }

    /// An open WebSocket.
    pub async fn websocket(address: SocketAddr, path: &str) -> Self {
        Self::websocket_with(address, path, "").await
    }

    /// The same, with more header lines.
    pub async fn websocket_with(address: SocketAddr, path: &str, more: &str) -> Self {
        let mut wire = Self::connect(address).await;
        let response = wire.request(&upgrade_head(path, more)).await;
        assert_eq!(response.status, 101, "{response:?}");
        wire
    }

    /// One request on a connection of its own.
    pub async fn ask(address: SocketAddr, request: &str) -> Response {
        Self::connect(address).await.request(request).await
    }

    /// Where the server sees it.
    pub fn peer(&self) -> String {
        self.io.local_addr().unwrap().to_string()
    }

    /// Ends the connection by RST.
    pub fn reset(self) {
        socket2::SockRef::from(&self.io).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// A GET without a body.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn new(io: S) -> Self {
        Self { io, read: Vec::new() }
    }

    pub fn boxed(self) -> Wire<Box<dyn Io>>
    where
        S: Send + 'static,
    {
        Wire { io: Box::new(self.io), read: self.read }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within("sending", self.io.write_all(bytes.as_ref())).await.unwrap();
        within("sending", self.io.flush()).await.unwrap();
    }

    /// Sends as far as the other side takes it.
    pub async fn send_anyway(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        within("sending", self.io.write_all(bytes.as_ref())).await.is_ok()
    }

    /// Reads some more. False at the end, in order or not.
    pub async fn more(&mut self) -> bool {
        within("the server's bytes", async {
            self.read.reserve(16 * 1024);
            matches!(self.io.read_buf(&mut self.read).await, Ok(1..))
        })
        .await
    }

    /// Everything up to and with `end`, or up to the end of the stream.
    pub async fn read_to(&mut self, end: &str) -> String {
        loop {
            let found = self.read.windows(end.len()).position(|window| window == end.as_bytes());
            if let Some(at) = found {
                return String::from_utf8(self.take(at + end.len())).unwrap();
            }
            if !self.more().await {
                return String::from_utf8(std::mem::take(&mut self.read)).unwrap();
            }
        }
    }

    /// The end of the stream, whatever comes before it.
    pub async fn end(&mut self) {
        while self.more().await {}
    }

    fn take(&mut self, n: usize) -> Vec<u8> {
        let rest = self.read.split_off(n);
        std::mem::replace(&mut self.read, rest)
    }

    /// Sends a request and reads the response: its body by length, by chunks, or none.
    pub async fn request(&mut self, request: &str) -> Response {
        self.send(request).await;
        self.answer_to(request).await
    }

    /// A response, to whatever was sent.
    pub async fn answer(&mut self) -> Response {
        self.answer_to("").await
    }

    async fn answer_to(&mut self, request: &str) -> Response {
        let mut response = self.head().await;
        if let Some(length) = response.header("content-length") {
            let length = length.parse().unwrap();
            // The answer to HEAD has a length and no body.
            while self.read.len() < length && !request.starts_with("HEAD") && self.more().await {}
            let length = length.min(self.read.len());
            response.body = String::from_utf8(self.take(length)).unwrap();
        } else if response.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk().await {
                response.body += &chunk;
            }
        }
        response
    }

    /// The head of a response.
    pub async fn head(&mut self) -> Response {
        let head = self.read_to("\r\n\r\n").await;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no response: {head:?}"));
        Response { status, head, body: String::new() }
    }

    /// The next chunk of a body. None behind the last.
    pub async fn chunk(&mut self) -> Option<String> {
        let length = self.read_to("\r\n").await;
        let length = usize::from_str_radix(length.trim_end(), 16).ok()?;
        while self.read.len() < length + 2 {
            if !self.more().await {
                return None;
            }
        }
        let chunk = String::from_utf8(self.take(length)).unwrap();
        assert_eq!(self.take(2), b"\r\n");
        (length > 0).then_some(chunk)
    }

    pub async fn text(&mut self, text: &str) {
        self.send(frame(Opcode::Text, text.as_bytes())).await;
    }

    pub async fn close(&mut self, code: u16) {
        self.send(close_frame(code)).await;
    }

    /// The next frame.
    pub async fn frame(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.decode() {
                return frame;
            }
            if !self.more().await {
                return Frame::End;
            }
        }
    }

    /// The next frame, which is text.
    pub async fn next_text(&mut self) -> String {
        match self.frame().await {
            Frame::Text(text) => text,
            frame => panic!("expected text, not {frame:?}"),
        }
    }

    /// The code of the close frame, whatever comes before it.
    pub async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.frame().await {
                Frame::Close(code) => return code,
                Frame::End => panic!("the stream ended without a close frame"),
                _ => {}
            }
        }
    }

    /// The server's frames are decoded by hand, so that a test does not trust what it tests.
    fn decode(&mut self) -> Option<Frame> {
        let [first, second, rest @ ..] = &*self.read else { return None };
        assert_eq!(second & 0x80, 0, "a server does not mask");
        let compressed = first & 0x40 != 0;
        assert_eq!(first & 0xb0, 0x80, "whole");
        let (wide, length) = match second & 0x7f {
            126 => (2, usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().unwrap()))),
            127 => (8, u64::from_be_bytes(rest.get(..8)?.try_into().unwrap()) as usize),
            length => (0, usize::from(length)),
        };
        let opcode = first & 0xf;
        if self.read.len() < 2 + wide + length {
            return None;
        }
        let payload = self.take(2 + wide + length).split_off(2 + wide);
        Some(match opcode {
            1 | 2 if compressed => Frame::Compressed(payload),
            _ if compressed => panic!("opcode {opcode}, compressed"),
            1 => Frame::Text(String::from_utf8(payload).unwrap()),
            2 => Frame::Binary(payload),
            8 => Frame::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            9 => Frame::Ping,
            10 => Frame::Pong(payload),
            opcode => panic!("opcode {opcode}"),
        })
    }
}

/// A client's frame.
pub fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    frame_of(Header::new(opcode, payload.len(), Some([1, 2, 3, 4])), payload)
}

/// A client's frame with a header of one's own.
pub fn frame_of(header: Header, payload: &[u8]) -> Vec<u8> {
    let mut frame = header.encode()[..header.encoded_len()].to_vec();
    let body = frame.len();
    frame.extend_from_slice(payload);
    if let Some(mask) = header.mask {
        everywire_websocket::mask::apply(&mut frame[body..], mask);
    }
    frame
}

/// A client's close frame.
pub fn close_frame(code: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    let close = CloseFrame { code: CloseCode::new(code).unwrap(), reason: "" };
    encode::close(&mut frame, Some(close), Some([1, 2, 3, 4]));
    frame
}

/// A JSON-RPC request.
pub fn call(id: u32, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
}
