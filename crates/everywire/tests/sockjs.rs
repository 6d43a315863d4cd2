//! SockJS sessions in bad times: requests that meet the end of their session.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use everywire::{App, Args, Connection, Reason, sockjs_raw};
use support::{Tcp, get, serve, within};
use tokio::sync::{Semaphore, mpsc};

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

#[tokio::test]
async fn what_was_posted_is_handled_when_its_client_has_hung_up() {
    let gate = Arc::new(Semaphore::new(0));
    let (tell, mut told) = mpsc::unbounded_channel();
    let app = App::builder()
        .namespace("/", |ns| {
            let (gate, of_message) = (gate.clone(), tell.clone());
            ns.on("message", move |_: Connection, Args((text,)): Args<(String,)>| {
                let (gate, tell) = (gate.clone(), of_message.clone());
                async move {
                    gate.acquire().await.unwrap().forget();
                    tell.send(text).unwrap();
                    Ok(())
                }
            });
            ns.on_disconnect(move |_, reason: Reason| {
                tell.send(reason.to_string()).unwrap();
                async {}
            });
        })
        .mount("/echo", sockjs_raw())
        .build()
        .unwrap();
    let address = serve(&app).await;
    let listening = listen(address, "abc").await;
    let send = post("/echo/000/abc/xhr_send", r#"["one","two","three"]"#);
    assert_eq!(Tcp::ask(address, &send).await.status, 204);
    // As clients close.
    listening.reset();
    while Tcp::ask(address, &post("/echo/000/abc/xhr_send", "[]")).await.status != 404 {}
    gate.add_permits(3);
    for expected in ["one", "two", "three", "client closed"] {
        assert_eq!(within("what is handled", told.recv()).await.as_deref(), Some(expected));
    }
}
