//! What other servers get wrong: each probe as a test, over HTTP/1.1, and over HTTP/2 where it applies. How little
//! memory the floods take is in `floods.rs`.

mod support;

use std::time::{Duration, Instant};

use everywire::{App, Args, Connection, Deflate, Identity, Options, RawArgs, Verb, jsonrpc, raw, raw_room};
use everywire_websocket::{Header, Opcode};
use support::{
    Frame, KEY, Tcp, call, close_frame, frame, frame_of, get, http2, over_both, serve, until, upgrade_head,
};

const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);

/// An application that echoes, with limits that a test reaches soon.
fn echo(options: Options) -> App {
    App::builder()
        .namespace("/", |ns| {
            ns.on_connect(async |conn: Connection| Ok(conn.join("lobby").await.map(drop)?));
            ns.on("echo", async |_: Connection, Args((text,)): Args<(String,)>| Ok(text));
            ns.on("message", async |conn: Connection, RawArgs(payload): RawArgs| {
                Ok(conn.emit_payload("message", payload)?)
            });
        })
        .mount("/ws", jsonrpc())
        .mount("/raw", raw())
        .mount("/room/{room}", raw_room())
        .rights(|_: &Identity, _: &str, verb: Verb| verb != Verb::Publish)
        .options(options)
        .build()
        .unwrap()
}

fn deflating() -> Options {
    Options { deflate: Some(Deflate::default()), ..Options::default() }
}

fn brief() -> Options {
    Options {
        handshake_timeout: Duration::from_millis(200),
        close_timeout: Duration::from_millis(200),
        write_timeout: Duration::from_millis(200),
        ..Options::default()
    }
}

fn deflated(payload: &[u8], flush: flate2::FlushCompress) -> Vec<u8> {
    let mut deflater = flate2::Compress::new(flate2::Compression::default(), false);
    let mut out = Vec::with_capacity(payload.len() + 1024);
    deflater.compress_vec(payload, &mut out, flush).unwrap();
    out
}

#[tokio::test]
async fn a_header_that_promises_too_much() {
    let address = serve(&echo(Options::default())).await;
    let promises = [
        (i64::MAX as u64, 1009),
        (1 << 40, 1009),
        ((1 << 20) + 1, 1009),
        (u64::MAX, 1002), // RFC 6455, section 5.2: the highest bit is 0
    ];
    for (length, code) in promises {
        for (over, mut client) in over_both(address, "/raw", &[]).await {
            client.send([&[0x82, 0xff][..], &length.to_be_bytes(), &[1, 2, 3, 4]].concat()).await;
            assert_eq!(client.close_code().await, Some(code), "{length} bytes over {over}");
        }
    }
}

#[tokio::test]
async fn what_inflates_beyond_the_limit() {
    let options = deflating();
    let limit = options.message_bytes;
    let address = serve(&echo(options)).await;
    let offer = [("sec-websocket-extensions", "permessage-deflate; client_no_context_takeover")];
    for (over, mut client) in over_both(address, "/ws", &offer).await {
        for (length, fits) in [(limit, true), (limit + 1, false)] {
            // A notification that nobody handles, so that nothing comes back but the verdict.
            let mut json = br#"{"jsonrpc":"2.0","id":1,"method":"nobody","params":[]}"#.to_vec();
            json.resize(length, b' ');
            let mut payload = deflated(&json, flate2::FlushCompress::Sync);
            payload.truncate(payload.len() - 4);
            let header = Header { compressed: true, ..Header::new(Opcode::Text, payload.len(), MASK) };
            client.send(frame_of(header, &payload)).await;
            if fits {
                assert!(client.next_text().await.contains("-32601"), "{over}");
            } else {
                assert_eq!(client.close_code().await, Some(1009), "{over}");
            }
        }
    }
}

#[tokio::test]
async fn a_final_block_within_a_stream() {
    let address = serve(&echo(deflating())).await;
    let offer = [("sec-websocket-extensions", "permessage-deflate")];
    for (over, mut client) in over_both(address, "/raw", &offer).await {
        for text in ["first", "second"] {
            // RFC 7692, section 7.2.3.5: a block with BFINAL set, and an empty one behind it.
            let mut payload = deflated(text.as_bytes(), flate2::FlushCompress::Finish);
            payload.push(0);
            let header = Header { compressed: true, ..Header::new(Opcode::Text, payload.len(), MASK) };
            client.send(frame_of(header, &payload)).await;
            assert_eq!(client.next_text().await, text, "{over}");
        }
        let garbage = Header { compressed: true, ..Header::new(Opcode::Text, 3, MASK) };
        client.send(frame_of(garbage, &[0xff, 0xff, 0xff])).await;
        assert_eq!(client.close_code().await, Some(1007), "{over}");
    }
}

#[tokio::test]
async fn a_request_head_of_ten_megabytes() {
    let app = echo(Options::default());
    let address = serve(&app).await;
    let mut client = Tcp::connect(address).await;
    let head = upgrade_head("/raw", &format!("X-Long: {}\r\n", "x".repeat(10 << 20)));
    client.send_anyway(head).await;
    assert_eq!(client.head().await.status, 431);
    client.end().await;

    let many: String = (0..101).map(|i| format!("X-{i}: y\r\n")).collect();
    let mut client = Tcp::connect(address).await;
    client.send(upgrade_head("/raw", &many)).await;
    assert_eq!(client.head().await.status, 431, "too many headers");
    client.end().await;

    let mut client = http2::connect(address).await;
    let request = http::Request::get("http://localhost/raw").header("x-long", "x".repeat(1 << 20));
    let (response, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
    match support::within("an answer", response).await {
        Ok(response) => assert_eq!(response.status(), 431),
        // A head that takes too many frames is a fault of the connection (CVE-2024-27316).
        Err(error) => assert!(error.is_go_away() || error.is_reset() || error.is_io(), "{error}"),
    }
    let mut client = Tcp::websocket(address, "/raw").await;
    client.text("the server goes on").await;
    assert_eq!(client.next_text().await, "the server goes on");
}

#[tokio::test]
async fn half_a_handshake_then_silence() {
    let address = serve(&echo(brief())).await;
    let whole = upgrade_head("/raw", "");
    let halves = [
        "",
        "G",
        "PRI * HTTP/2",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r",
        &whole[..whole.len() / 2],
        &whole[..whole.len() - 1],
    ];
    for half in halves {
        let begun = Instant::now();
        let mut client = Tcp::connect(address).await;
        client.send(half).await;
        client.end().await;
        assert!(begun.elapsed() >= Duration::from_millis(190), "{half:?} had its time");
    }
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte() {
    let address = serve(&echo(Options::default())).await;
    let mut client = Tcp::connect(address).await;
    let begun = Instant::now();
    let head = upgrade_head("/raw", &format!("X-Long: {}\r\n", "x".repeat(7000)));
    for byte in head.bytes() {
        client.send([byte]).await;
    }
    assert_eq!(client.head().await.status, 101);
    for byte in frame(Opcode::Text, "é€𝄞".as_bytes()) {
        client.send([byte]).await;
    }
    assert_eq!(client.next_text().await, "é€𝄞");
    assert!(begun.elapsed() < Duration::from_secs(10), "took {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_fault_in_mid_burst() {
    let address = serve(&echo(Options { message_bytes: 1000, ..Options::default() })).await;
    let faults: [(&str, &[u8], u16); 6] = [
        ("reserved opcode", &[0x83, 0x80, 0, 0, 0, 0], 1002),
        ("no mask", &[0x81, 0x01, b'x'], 1002),
        ("continuation of nothing", &[0x80, 0x80, 0, 0, 0, 0], 1002),
        ("close with one byte", &[0x88, 0x81, 0, 0, 0, 0, 3], 1002),
        ("not UTF-8", &[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
        ("too long", &[0x81, 0xfe, 0x10, 0, 0, 0, 0, 0], 1009),
    ];
    for (what, fault, code) in faults {
        for (over, mut client) in over_both(address, "/ws", &[]).await {
            let mut burst = Vec::new();
            for i in 0..16 {
                burst.extend(frame(Opcode::Text, call(i, "echo", &format!("[\"{i}\"]")).as_bytes()));
            }
            burst.extend(fault);
            for _ in 0..16 {
                burst.extend(frame(Opcode::Text, call(99, "echo", r#"["too late"]"#).as_bytes()));
            }
            client.send(&burst).await;
            // It goes on sending, whatever it is told.
            for _ in 0..50 {
                client.send_anyway(&burst).await;
            }
            for i in 0..16 {
                let reply = client.next_text().await;
                assert!(reply.contains(&format!("\"{i}\"")), "{what} over {over}: {reply}");
            }
            assert_eq!(client.frame().await, Frame::Close(Some(code)), "{what} over {over}");
        }
    }
}

#[tokio::test]
async fn a_message_without_the_right_is_told_1008() {
    let address = serve(&echo(Options::default())).await;
    for (over, mut client) in over_both(address, "/room/lobby", &[]).await {
        client.send([frame(Opcode::Text, b"hello"), frame(Opcode::Text, b"again")].concat()).await;
        assert_eq!(client.frame().await, Frame::Close(Some(1008)), "{over}");
    }
}

#[tokio::test]
async fn reserved_bits() {
    let address = serve(&echo(deflating())).await;
    let offer = [("sec-websocket-extensions", "permessage-deflate")];
    let plain: [&[u8]; 3] = [&[0xc1, 0x80, 0, 0, 0, 0], &[0xa1, 0x80, 0, 0, 0, 0], &[0x91, 0x80, 0, 0, 0, 0]];
    for frame in plain {
        for (over, mut client) in over_both(address, "/raw", &[]).await {
            client.send(frame).await;
            assert_eq!(client.close_code().await, Some(1002), "{frame:x?} over {over}");
        }
    }
    let compressing: [&[u8]; 4] = [
        &[0xa1, 0x80, 0, 0, 0, 0],
        &[0x91, 0x80, 0, 0, 0, 0],
        // RSV1 on a continuation, and on a ping.
        &[0x01, 0x80, 0, 0, 0, 0, 0xc0, 0x80, 0, 0, 0, 0],
        &[0xc9, 0x80, 0, 0, 0, 0],
    ];
    for frames in compressing {
        for (over, mut client) in over_both(address, "/raw", &offer).await {
            client.send(frames).await;
            assert_eq!(client.close_code().await, Some(1002), "{frames:x?} over {over}");
        }
    }
}

#[tokio::test]
async fn handshakes_that_are_none() {
    let address = serve(&echo(deflating())).await;
    let with = |more: &str| upgrade_head("/raw", more);
    let key = format!("Sec-WebSocket-Key: {KEY}\r\n");
    let requests = [
        ("a key twice", with(&key), 400),
        ("no key", with("").replace(&key, ""), 400),
        ("a short key", with("").replace(KEY, "c2hvcnQ="), 400),
        ("another version", with("").replace("Version: 13", "Version: 8"), 426),
        ("a version twice", with("Sec-WebSocket-Version: 13\r\n"), 426),
        ("no upgrade", get("/raw"), 426),
        ("POST", with("Content-Length: 0\r\n").replace("GET", "POST"), 405),
        ("HTTP/1.0", with("").replace("HTTP/1.1", "HTTP/1.0"), 505),
        ("a subprotocol that is no token", with("Sec-WebSocket-Protocol: a b\r\n"), 400),
        ("an extension that is none", with("Sec-WebSocket-Extensions: permessage-deflate; =\r\n"), 400),
    ];
    for (what, request, status) in requests {
        assert_eq!(Tcp::ask(address, &request).await.status, status, "{what}");
    }
    // What is well formed but cannot be agreed on is declined.
    let declined = [
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=0",
        "server_max_window_bits=abc",
        "server_max_window_bits",
        "unknown",
    ];
    for parameter in declined {
        let offer = format!("permessage-deflate; {parameter}");
        let line = format!("Sec-WebSocket-Extensions: {offer}\r\n");
        let response = Tcp::ask(address, &with(&line)).await;
        assert_eq!(
            (response.status, response.header("sec-websocket-extensions")),
            (101, None),
            "{parameter}"
        );
        let headers =
            http::HeaderMap::from_iter([(http::header::SEC_WEBSOCKET_EXTENSIONS, offer.parse().unwrap())]);
        let (response, _) = http2::open(address, "/raw", &headers).await;
        assert_eq!(response.status(), 200, "{parameter}");
        assert!(!response.headers().contains_key("sec-websocket-extensions"), "{parameter}");
    }
    // Of several offers one is taken.
    let offers = with(
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7, permessage-deflate\r\n",
    );
    let response = Tcp::ask(address, &offers).await;
    assert!(response.header("sec-websocket-extensions").unwrap().starts_with("permessage-deflate"));
}

#[tokio::test]
async fn lists_that_make_regular_expressions_explode() {
    let address = serve(&echo(deflating())).await;
    let begun = Instant::now();
    for name in ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Connection", "Upgrade"] {
        for piece in [",", " ", "a,", "a ,", "a\t", "a;", "\"\\", "; ="] {
            let line = format!("{name}: {}\r\n", piece.repeat(12_000 / piece.len()));
            let response = Tcp::ask(address, &upgrade_head("/raw", &line)).await;
            assert!([101, 400].contains(&response.status), "{name}: {piece:?}…: {}", response.status);
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "took {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_peer_that_never_answers_a_close() {
    let app = echo(brief());
    let address = serve(&app).await;
    let clients = over_both(address, "/raw", &[]).await;
    until("the clients to be in", || app.session_count() == 2).await;
    app.to("lobby").disconnect().await;
    for (over, mut client) in clients {
        assert_eq!(client.close_code().await, Some(1000), "{over}");
        // It says other things instead.
        client.send_anyway(frame(Opcode::Text, b"still here")).await;
        client.end().await;
    }
    until("the sessions to be over", || app.session_count() == 0).await;
}

#[tokio::test]
async fn a_peer_that_never_reads() {
    let app = echo(brief());
    let address = serve(&app).await;
    let clients = over_both(address, "/raw", &[]).await;
    until("the clients to be in", || app.session_count() == 2).await;
    // The kernel takes some megabytes; then the socket is full and stays so.
    let news = everywire::Payload::binary(vec![7; 256 * 1024]);
    for _ in 0..100 {
        app.to("lobby").publish_payload("message", news.clone()).await.unwrap();
        tokio::task::yield_now().await;
    }
    until("the sessions to be over", || app.session_count() == 0).await;
    assert_eq!(app.waiting_bytes(), 0);
    drop(clients);
}

#[tokio::test]
async fn a_pong_and_the_close_reply_are_flushed() {
    let address = serve(&echo(Options::default())).await;
    for (over, mut client) in over_both(address, "/raw", &[]).await {
        client.send(frame(Opcode::Ping, b"1")).await;
        assert_eq!(client.frame().await, Frame::Pong(b"1".to_vec()), "{over}");
        // Between the fragments of a message, and right before the close.
        let mut first = Header::new(Opcode::Text, 2, MASK);
        first.fin = false;
        let last = Header::new(Opcode::Continuation, 1, MASK);
        let burst = [
            frame_of(first, b"ab"),
            frame(Opcode::Ping, b"2"),
            frame_of(last, b"c"),
            frame(Opcode::Ping, b"3"),
            close_frame(1000),
        ];
        client.send(burst.concat()).await;
        let mut pongs = Vec::new();
        let mut texts = Vec::new();
        loop {
            match client.frame().await {
                Frame::Pong(payload) => pongs.push(payload),
                Frame::Text(text) => texts.push(text),
                end => break assert_eq!(end, Frame::Close(Some(1000)), "{over}"),
            }
        }
        assert_eq!(pongs, [b"2", b"3"], "{over}");
        assert_eq!(texts, ["abc"], "{over}");
        assert_eq!(client.frame().await, Frame::End, "{over}");
    }
}
