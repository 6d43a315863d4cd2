//! A client of STOMP on a plain WebSocket, which says what it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::Tcp;

/// A frame, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Stomp {
    pub command: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Stomp {
    pub fn parse(text: &str) -> Self {
        let (head, rest) = text.split_once("\n\n").unwrap();
        let body = rest.strip_suffix('\0').unwrap().to_owned();
        let mut lines = head.lines();
        let command = lines.next().unwrap().to_owned();
        let headers = lines.map(|line| line.split_once(':').unwrap());
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { command, headers, body }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value)
    }
}

/// A client of a plain WebSocket.
pub struct Client(pub Tcp);

impl Client {
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self(Tcp::websocket(address, path).await)
    }

    pub async fn connected(address: SocketAddr, path: &str) -> Self {
        let mut client = Self::open(address, path).await;
        client.send("CONNECT\naccept-version:1.2\n\n").await;
        assert_eq!(client.next().await.command, "CONNECTED");
        client
    }

    pub async fn send(&mut self, frame: &str) {
        self.0.text(&format!("{frame}\0")).await;
    }

    pub async fn next(&mut self) -> Stomp {
        Stomp::parse(&self.0.next_text().await)
    }

    /// Subscribes, and has the receipt.
    pub async fn subscribe(&mut self, id: &str, destination: &str) {
        self.send(&format!("SUBSCRIBE\nid:{id}\ndestination:{destination}\nreceipt:subscribed\n\n")).await;
        let receipt = self.next().await;
        assert_eq!((&*receipt.command, receipt.header("receipt-id")), ("RECEIPT", "subscribed"));
    }

    /// The ERROR, and the code of the close frame behind it.
    pub async fn end(&mut self) -> (Stomp, Option<u16>) {
        let error = self.next().await;
        assert_eq!(error.command, "ERROR", "{error:?}");
        (error, self.0.close_code().await)
    }
}
