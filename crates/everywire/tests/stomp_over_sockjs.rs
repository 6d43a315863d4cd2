//! STOMP's clients by the requests of SockJS.

mod support;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use everywire::{App, Identity, SockJsOptions, StompOptions, sockjs_stomp};
use everywire_websocket::Opcode;
use support::stomp::Client;
use support::{Tcp, frame, serve, within};

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
async fn whoever_is_in_the_midst_of_a_long_message_is_alive() {
    // It would be gone after two seconds of silence; the server's own pulses, each 0.8 s, say how long it takes.
    let second = Duration::from_secs(1);
    let options =
        StompOptions { heartbeat: second, client_heartbeat: second, tolerance: 2, ..StompOptions::default() };
    let app = App::builder().mount("/stomp", sockjs_stomp().stomp(options)).build().unwrap();
    let address = serve(&app).await;
    let connect = "CONNECT\naccept-version:1.2\nheart-beat:1000,1000\n\n";

    let mut client = Client::open(address, "/stomp/websocket").await;
    client.send(connect).await;
    assert_eq!(client.next().await.command, "CONNECTED");
    let message = frame(Opcode::Text, b"SEND\ndestination:/topic/a\nreceipt:1\n\nhello\0");
    for piece in message.chunks(message.len() / 3) {
        client.0.send(piece).await;
        if piece.len() == message.len() / 3 {
            assert_eq!(client.0.next_text().await, "\n");
        }
    }
    while client.0.next_text().await == "\n" {}

    let session = Session::open(address, "/stomp/000/abc").await;
    session.say(&connect.replace('\n', "\\n")).await;
    assert!(session.poll().await.contains("CONNECTED"));
    let body = r#"["SEND\ndestination:/topic/a\nreceipt:1\n\nhello\u0000"]"#;
    let mut post = Tcp::connect(address).await;
    let length = body.len();
    post.send(format!(
        "POST /stomp/000/abc/xhr_send HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    ))
    .await;
    for piece in body.as_bytes().chunks(length / 3) {
        post.send(piece).await;
        if piece.len() == length / 3 {
            assert_eq!(session.poll().await, "a[\"\\n\"]\n");
        }
    }
    assert_eq!(post.answer().await.status, 204);
    while !session.poll().await.contains("RECEIPT") {}
}
