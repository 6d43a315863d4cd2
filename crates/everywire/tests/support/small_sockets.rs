//! Sockets in which little fits, so that it is the mailbox where things wait.

use std::net::SocketAddr;
use std::time::Duration;

use everywire::App;
use tokio::net::TcpSocket;

use super::Tcp;

const BYTES: u32 = 8 * 1024;

/// Serves behind such sockets.
pub fn serve(app: &App) -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(BYTES).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1024).unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.clone();
    tokio::spawn(
        async move { app.serve_with_shutdown(listener, std::future::pending(), Duration::ZERO).await },
    );
    address
}

/// A client that has one.
pub async fn connect(address: SocketAddr) -> Tcp {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(BYTES).unwrap();
    Tcp::new(socket.connect(address).await.unwrap())
}
