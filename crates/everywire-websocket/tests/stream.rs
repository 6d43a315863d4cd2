//! The tokio stream against raw peers and against itself.

mod common;

use std::{pin::pin, task::Poll};

use bytes::Bytes;
use common::{
    Seen, masked,
    peer::{BYE, once, raw_frame, rest, server, so_far},
};
use everywire_websocket::{
    Agreed, CloseCode, Compression, DeflateParams, Deflater, Direction, Kind, Opcode, Prepared, Role,
    stream::{Error, Message, StreamOptions, WebSocket},
};
use tokio::io::{AsyncWriteExt, duplex};

#[tokio::test(start_paused = true)]
async fn both_roles_echo_with_every_kind_of_compression() {
    let direction = |context_takeover, window_bits| Direction { window_bits, context_takeover };
    let agreements = [
        None,
        Some(DeflateParams { server: direction(true, 15), client: direction(true, 9) }),
        Some(DeflateParams { server: direction(false, 8), client: direction(false, 15) }),
    ];
    for deflate in agreements {
        for capacity in [1, 100, 1 << 20] {
            let agreed = Agreed { subprotocol: None, deflate };
            let compression = Compression { threshold: 5, ..Compression::default() };
            let options = StreamOptions { compression, ..StreamOptions::default() };
            let (ours, theirs) = duplex(capacity);
            let mut server = WebSocket::new(ours, Role::Server, &agreed, b"", options);
            let mut client = WebSocket::new(theirs, Role::Client, &agreed, b"", options);
            let messages: [Message; 6] = [
                "".into(),
                "text ß 水".into(),
                "again and again and ".repeat(1000).into(),
                Bytes::from(vec![7; 20_000]).into(),
                vec![1, 2, 3].into(),
                "again and again and ".repeat(1000).into(),
            ];
            let serve = async {
                while let Some(message) = server.recv().await.unwrap() {
                    server.send(message).await.unwrap();
                }
                assert_eq!(server.peer_close(), Some(Some((CloseCode::NORMAL, "bye"))));
            };
            let ask = async {
                for message in &messages {
                    client.send(message.clone()).await.unwrap();
                    assert_eq!(client.recv().await.unwrap().as_ref(), Some(message));
                }
                client.close(BYE).await.unwrap();
                assert_eq!(client.peer_close(), Some(Some((CloseCode::NORMAL, "bye"))), "the code is echoed");
                assert!(matches!(client.send("late").await, Err(Error::Closed)));
                assert!(matches!(client.recv().await, Ok(None)), "the end stays the end");
            };
            tokio::join!(serve, ask);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn recv_is_cancel_safe_at_every_byte() {
    let (ours, mut raw) = duplex(1 << 16);
    let mut server = server(ours);
    let wire = [
        masked(Opcode::Text, true, b"one"),
        masked(Opcode::Text, false, b"tw"),
        masked(Opcode::Ping, true, b"alive?"),
        masked(Opcode::Continuation, true, b"o"),
        masked(Opcode::Binary, true, &[3; 300]),
        masked(Opcode::Close, true, b"\x03\xe9going"),
    ]
    .concat();
    let mut seen = Vec::new();
    for byte in wire {
        raw.write_all(&[byte]).await.unwrap();
        // A future that is polled once and dropped, as `select!` does.
        if let Poll::Ready(message) = once(pin!(server.recv())) {
            seen.push(message.unwrap().unwrap());
        }
    }
    let expected: [Message; 3] = ["one".into(), "two".into(), vec![3; 300].into()];
    assert_eq!(seen, expected);
    let (end, answers) = tokio::join!(server.recv(), async {
        let answers = [raw_frame(&mut raw).await, raw_frame(&mut raw).await];
        drop(raw);
        answers
    });
    assert!(matches!(end, Ok(None)));
    assert_eq!(answers, [Seen::Pong(b"alive?".into()), Seen::Close(Some((1001, "going".into())))]);
}

#[tokio::test(start_paused = true)]
async fn pongs_and_close_replies_leave_without_another_call() {
    let (ours, mut raw) = duplex(1 << 16);
    let mut server = server(ours);
    raw.write_all(&masked(Opcode::Ping, true, b"1")).await.unwrap();
    assert!(once(pin!(server.recv())).is_pending());
    assert_eq!(so_far(&mut raw), [Seen::Pong(b"1".into())]);
    raw.write_all(&masked(Opcode::Close, true, b"")).await.unwrap();
    assert!(once(pin!(server.recv())).is_pending(), "the peer has not ended its stream yet");
    assert_eq!(so_far(&mut raw), [Seen::Close(None)]);
    assert_eq!(rest(&mut raw).await, [], "the server is the first to end");
    drop(raw);
    assert!(matches!(once(pin!(server.recv())), Poll::Ready(Ok(None))));
    assert_eq!(server.peer_close(), Some(None));
}

#[tokio::test(start_paused = true)]
async fn bytes_behind_the_handshake_are_not_lost() {
    let (ours, mut raw) = duplex(100);
    let frames = [masked(Opcode::Text, true, b"early"), masked(Opcode::Text, true, b"split")].concat();
    let (early, late) = frames.split_at(15);
    let mut server = WebSocket::new(ours, Role::Server, &Agreed::default(), early, StreamOptions::default());
    assert_eq!(server.recv().await.unwrap(), Some("early".into()));
    raw.write_all(late).await.unwrap();
    assert_eq!(server.recv().await.unwrap(), Some("split".into()));
}

#[tokio::test(start_paused = true)]
async fn prepared_frames_in_either_role() {
    let direction = Direction { window_bits: 15, context_takeover: true };
    let agreed =
        Agreed { subprotocol: None, deflate: Some(DeflateParams { server: direction, client: direction }) };
    let compression = Compression { threshold: 0, ..Compression::default() };
    let options = StreamOptions { compression, ..StreamOptions::default() };
    let (ours, theirs) = duplex(1 << 20);
    let mut server = WebSocket::new(ours, Role::Server, &agreed, b"", options);
    let mut client = WebSocket::new(theirs, Role::Client, &agreed, b"", options);
    let text = "one frame for many ".repeat(1000);
    let plain = Prepared::new(Kind::Text, text.as_bytes());
    let small = Prepared::compressed(Kind::Text, text.as_bytes(), &mut Deflater::shared(6, 15));
    assert!(small.is_compressed() && !plain.is_compressed());
    for frame in [&plain, &small, &plain, &small] {
        server.feed_prepared(frame).await.unwrap();
        server.feed(text.clone()).await.unwrap();
    }
    server.flush().await.unwrap();
    for _ in 0..8 {
        assert_eq!(client.recv().await.unwrap(), Some(Message::Text(text.clone())));
    }
    for frame in [&plain, &small] {
        client.feed_prepared(frame).await.unwrap();
        client.send(text.clone()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(server.recv().await.unwrap(), Some(Message::Text(text.clone())));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_is_too_long_is_the_callers_fault() {
    let (ours, _raw) = duplex(1000);
    let mut server = server(ours);
    let error = server.send(Message::Ping(vec![0; 126].into())).await.unwrap_err();
    assert_eq!(error.to_string(), "a ping or pong carries at most 125 bytes, not 126");
    server.send(Message::Ping(vec![0; 125].into())).await.unwrap();
}
