//! A client of WebSockets over HTTP/2: extended CONNECT (RFC 8441), by the `h2` crate.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;

use super::{Wire, within};

/// A connection over HTTP/2, with prior knowledge.
pub async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    connect_by(&h2::client::Builder::new(), address).await
}

/// The same, with these settings of the client's.
pub async fn connect_by(builder: &h2::client::Builder, address: SocketAddr) -> SendRequest<Bytes> {
    let socket = TcpStream::connect(address).await.unwrap();
    let (mut client, connection) = within("the preface", builder.handshake(socket)).await.unwrap();
    tokio::spawn(connection);
    client = within("the settings", client.ready()).await.unwrap();
    client
}

/// The answer to an extended CONNECT; the stream is open if it is 200.
pub async fn open(
    address: SocketAddr,
    path: &str,
    headers: &HeaderMap,
) -> (Response<()>, Option<Wire<DuplexStream>>) {
    let client = connect(address).await;
    // The server's settings allow it, and come before anything else that it sends.
    super::until("extended CONNECT", || client.is_extended_connect_protocol_enabled()).await;
    let mut client = client.ready().await.unwrap();
    let mut request = Request::connect(format!("http://localhost{path}"))
        .header("sec-websocket-version", "13")
        .extension(h2::ext::Protocol::from_static("websocket"))
        .body(())
        .unwrap();
    request.headers_mut().extend(headers.clone());
    let (response, mut outgoing) = client.send_request(request, false).unwrap();
    let (head, mut incoming) = within("the response", response).await.unwrap().into_parts();
    let response = Response::from_parts(head, ());
    if response.status() != StatusCode::OK {
        return (response, None);
    }
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (mut read, mut write) = tokio::io::split(theirs);
    tokio::spawn(async move {
        while let Some(Ok(bytes)) = incoming.data().await {
            let _ = incoming.flow_control().release_capacity(bytes.len());
            if write.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = write.shutdown().await;
    });
    tokio::spawn(async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(n @ 1..) = read.read(&mut buffer).await {
            let mut rest = Bytes::copy_from_slice(&buffer[..n]);
            while !rest.is_empty() {
                outgoing.reserve_capacity(rest.len());
                let Some(Ok(room)) = std::future::poll_fn(|cx| outgoing.poll_capacity(cx)).await else {
                    return;
                };
                if outgoing.send_data(rest.split_to(room.min(rest.len())), false).is_err() {
                    return;
                }
            }
        }
        let _ = outgoing.send_data(Bytes::new(), true);
        // The connection lives for as long as somebody may ask something of it.
        drop(client);
    });
    (response, Some(Wire::new(ours)))
}

/// An open WebSocket.
pub async fn websocket(address: SocketAddr, path: &str) -> Wire<DuplexStream> {
    websocket_with(address, path, &HeaderMap::new()).await
}

/// The same, with more headers.
pub async fn websocket_with(address: SocketAddr, path: &str, headers: &HeaderMap) -> Wire<DuplexStream> {
    let (response, wire) = open(address, path, headers).await;
    wire.unwrap_or_else(|| panic!("not opened: {response:?}"))
}
