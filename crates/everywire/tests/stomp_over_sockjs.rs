//! STOMP's clients by the requests of SockJS.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use everywire::{App, Connection, Identity, RawArgs, SockJsOptions, sockjs_stomp, stomp};
use support::stomp::Client;
use support::{Tcp, serve, within};
use tokio::sync::Notify;

/// A session that is opened by `xhr`.
struct Session {
    address: SocketAddr,
    path: &'static str,
}

impl Session {
    async fn open(address: SocketAddr, path: &'static str) -> Self {
        let session = Self { address, path };
        assert_eq!(session.poll().await, "o\n");
        session
    }

    async fn ask(&self, what: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let path = self.path;
        let request = format!(
            "POST {path}/{what} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let answer = within("an answer", Tcp::ask(self.address, &request)).await;
        (answer.status, answer.body)
    }

    async fn poll(&self) -> String {
        self.ask("xhr", "").await.1
    }

    /// Says a frame, as it stands in JSON.
    async fn say(&self, frame: &str) -> (u16, String) {
        self.ask("xhr_send", &format!("[\"{frame}\\u0000\"]")).await
    }
}

#[tokio::test]
async fn who_is_let_in_for_a_time_stays_no_longer() {
    let app = App::builder()
        .mount("/stomp", sockjs_stomp())
        .authenticate(|_| {
            let until = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
                + Duration::from_millis(500);
            async move { Ok(Identity { expires: Some(until.as_millis() as u64), ..Identity::default() }) }
        })
        .build()
        .unwrap();
    let session = Session::open(serve(&app).await, "/stomp/000/abc").await;
    assert_eq!(session.say("CONNECT\\naccept-version:1.2\\n\\n").await.0, 204);
    assert!(session.poll().await.contains("CONNECTED"));
    // Requests are asked nothing, and so they renew nothing.
    let mut last = session.poll().await;
    while last.starts_with('a') || last == "h\n" {
        last = session.poll().await;
    }
    assert_eq!(last, "c[1008,\"unauthenticated\"]\n");
}

#[tokio::test]
async fn bodies_have_room_for_a_frame_however_it_is_escaped() {
    let mounts = [
        ("/plain/000/abc", sockjs_stomp()),
        (
            "/legacy/000/abc",
            sockjs_stomp().sockjs(SockJsOptions { legacy: true, ..SockJsOptions::default() }),
        ),
    ];
    for (path, mount) in mounts {
        let (at, _) = path.split_at(path.find("/000").unwrap());
        let app = App::builder().mount(at, mount).build().unwrap();
        let session = Session::open(serve(&app).await, path).await;
        session.say("CONNECT\\naccept-version:1.2\\n\\n").await;
        assert!(session.poll().await.contains("CONNECTED"));
        // 1 MiB of controls, each of which sockjs-client writes as six bytes; and of emoji, as twelve for four.
        for body in ["\\u0001".repeat(1 << 20), "\\ud83d\\ude00".repeat(1 << 18)] {
            let frame =
                format!("SEND\\ndestination:/topic/a\\nreceipt:1\\ncontent-type:text/plain\\n\\n{body}");
            assert_eq!(session.say(&frame).await, (204, String::new()));
            assert!(session.poll().await.contains("RECEIPT"));
        }
    }
}

#[tokio::test]
async fn a_transaction_may_be_longer_than_what_may_wait() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (begun.clone(), go.clone());
    let app = App::builder()
        .mount("/stomp", stomp())
        .namespace("/", move |ns| {
            let (tell, wait) = (tell.clone(), wait.clone());
            ns.on("slow", move |_: Connection, _: RawArgs| {
                let (tell, wait) = (tell.clone(), wait.clone());
                async move {
                    tell.notify_one();
                    wait.notified().await;
                    Ok(())
                }
            });
        })
        .build()
        .unwrap();
    let mut client = Client::connected(serve(&app).await, "/stomp").await;
    client.send("BEGIN\ntransaction:t\n\n").await;
    client.send("SEND\ndestination:/app/slow\ntransaction:t\n\n").await;
    // Three of 600 KB, where 1 MiB may wait.
    let body = "x".repeat(600_000);
    for _ in 0..3 {
        client.send(&format!("SEND\ndestination:/topic/a\ntransaction:t\n\n{body}")).await;
    }
    client.send("COMMIT\ntransaction:t\nreceipt:done\n\n").await;
    within("the handler", begun.notified()).await;
    go.notify_one();
    let receipt = client.next().await;
    assert_eq!((&*receipt.command, receipt.header("receipt-id")), ("RECEIPT", "done"));
}
