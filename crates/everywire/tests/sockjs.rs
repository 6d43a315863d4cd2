//! SockJS sessions in bad times: requests that meet the end of their session.

mod support;

use std::net::SocketAddr;

use everywire::{App, sockjs_raw};
use support::{Tcp, get, serve};

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A session that is open, by the request that listens.
async fn listen(address: SocketAddr, id: &str) -> Tcp {
    let mut wire = Tcp::connect(address).await;
    wire.send(post(&format!("/echo/000/{id}/xhr_streaming"), "")).await;
    assert_eq!(wire.head().await.status, 200);
    for expected in [&format!("{}\n", "h".repeat(2048)), "o\n"] {
        assert_eq!(wire.chunk().await.as_deref(), Some(expected));
    }
    wire
}

#[tokio::test]
async fn who_comes_in_the_moment_that_a_session_ends_opens_another() {
    let app = App::builder().mount("/echo", sockjs_raw()).build().unwrap();
    let address = serve(&app).await;
    for n in 0..20 {
        let listening = listen(address, &n.to_string()).await;
        let mut next = Tcp::connect(address).await;
        assert_eq!(next.request(&get("/echo/info")).await.status, 200);
        // The server runs when we wait: it sees both at once, in the order that it likes.
        listening.reset();
        next.send(post(&format!("/echo/000/{n}/xhr"), "")).await;
        let answer = next.answer().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let is_there = "c[2010,\"Another connection still open\"]\n";
        assert!(["o\n", is_there].contains(&&*answer.body), "{answer:?}");
    }
}
