//! STOMP's clients by the requests of SockJS.

mod support;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use everywire::{App, Identity, SockJsOptions, sockjs_stomp};
use support::{Tcp, serve, within};

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
