//! How the tokio stream ends: in order, by a fault, by silence. Time is tokio's paused clock.

mod common;

use std::{io, pin::pin, time::Duration};

use common::{
    Seen, decode, masked,
    peer::{BYE, client, once, raw_frame, rest, server},
};
use everywire_websocket::{
    Fault, Header, Limits, Opcode, Role,
    stream::{Error, StreamOptions},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    time::Instant,
};

#[tokio::test(start_paused = true)]
async fn a_violation_in_mid_burst_is_told_and_flushed() {
    let table = [
        (masked(Opcode::Continuation, true, b""), Fault::UnexpectedContinuation, 1002),
        (masked(Opcode::Text, true, b"\xff"), Fault::InvalidUtf8, 1007),
        (
            common::frame(Header::new(Opcode::Binary, 1 << 40, Some(common::KEY)), b""),
            Fault::FrameTooLarge,
            1009,
        ),
    ];
    for (bad, fault, code) in table {
        // The pipe is too small for the answers: they have to be written as the peer reads.
        let (ours, mut raw) = duplex(100);
        let mut server = server(ours);
        let served = tokio::spawn(async move {
            let mut count = 0;
            loop {
                match server.recv().await {
                    Ok(message) => server.feed(message.unwrap()).await.unwrap(),
                    Err(Error::Fault(fault)) => return (count, fault, server.recv().await.unwrap()),
                    Err(error) => panic!("{error}"),
                }
                count += 1;
            }
        });
        let burst = [
            masked(Opcode::Text, true, b"good").repeat(50),
            bad,
            masked(Opcode::Text, true, b"late").repeat(9),
        ];
        let (mut read, mut write) = tokio::io::split(raw);
        let (_, seen) = tokio::join!(async { write.write_all(&burst.concat()).await.unwrap() }, async {
            let mut bytes = Vec::new();
            read.read_to_end(&mut bytes).await.unwrap();
            decode(Role::Client, Limits::default(), &bytes)
        });
        raw = read.unsplit(write);
        drop(raw);
        assert_eq!(served.await.unwrap(), (50, fault, None));
        assert_eq!(seen.len(), 51);
        assert_eq!(seen[50], Seen::Close(Some((code, fault.reason().into()))));
    }
}

#[tokio::test(start_paused = true)]
async fn closing_has_a_deadline_whatever_the_peer_does() {
    let timeout = StreamOptions::default().close_timeout;
    // A peer that neither answers nor reads.
    let (ours, _raw) = duplex(1);
    let start = Instant::now();
    assert!(matches!(server(ours).close(BYE).await, Err(Error::CloseTimeout)));
    assert_eq!(start.elapsed(), timeout);

    // One that sends for ever instead of answering.
    let (ours, raw) = duplex(1 << 16);
    let flood = tokio::spawn(async move {
        let mut peer = client(raw);
        while peer.send("still here").await.is_ok() {
            tokio::time::advance(Duration::from_millis(10)).await;
        }
    });
    let start = Instant::now();
    assert!(matches!(server(ours).close(BYE).await, Err(Error::CloseTimeout)));
    assert!(start.elapsed() < timeout * 2);
    flood.abort();

    // One that answers and never ends its stream: the close was in order.
    let (ours, mut raw) = duplex(1 << 16);
    raw.write_all(&masked(Opcode::Close, true, b"\x03\xe8")).await.unwrap();
    let start = Instant::now();
    server(ours).close(BYE).await.unwrap();
    assert_eq!(start.elapsed(), timeout);

    // A server that does not end the connection after both close frames.
    let (ours, mut raw) = duplex(1 << 16);
    raw.write_all(b"\x88\0").await.unwrap();
    let start = Instant::now();
    let mut client = client(ours);
    assert_eq!(client.recv().await.unwrap(), None);
    assert_eq!(start.elapsed(), timeout);

    // A fault, and nobody who reads it.
    let (ours, mut raw) = duplex(1);
    let mut server = server(ours);
    let receiving = tokio::spawn(async move { server.recv().await });
    raw.write_all(&[0xff, 0xff]).await.unwrap();
    assert!(matches!(receiving.await.unwrap(), Err(Error::Fault(Fault::ReservedBit))));
}

#[tokio::test(start_paused = true)]
async fn the_clock_starts_when_the_other_half_closes() {
    let (ours, _raw) = duplex(1 << 16);
    let (mut sender, mut receiver) = server(ours).split();
    let receiving = tokio::spawn(async move { receiver.recv().await });
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    sender.close(BYE).await.unwrap();
    let start = Instant::now();
    assert!(matches!(receiving.await.unwrap(), Err(Error::CloseTimeout)));
    assert_eq!(start.elapsed(), StreamOptions::default().close_timeout);
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_what_is_queued_and_goes_on_when_called_again() {
    let (ours, mut raw) = duplex(10);
    let mut server = server(ours);
    server.feed("a message longer than the pipe").await.unwrap();
    assert!(once(pin!(server.close(BYE))).is_pending());
    let closing = tokio::spawn(async move { server.close(BYE).await });
    assert_eq!(raw_frame(&mut raw).await, Seen::Text("a message longer than the pipe".into()));
    assert_eq!(raw_frame(&mut raw).await, Seen::Close(Some((1000, "bye".into()))));
    raw.write_all(&masked(Opcode::Ping, true, b"no pong behind the close frame")).await.unwrap();
    raw.write_all(&masked(Opcode::Close, true, b"\x03\xe8")).await.unwrap();
    assert_eq!(rest(&mut raw).await, []);
    drop(raw);
    closing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_is_an_error() {
    let (ours, mut raw) = duplex(100);
    let mut server = server(ours);
    raw.write_all(&masked(Opcode::Text, true, b"whole")).await.unwrap();
    raw.write_all(&masked(Opcode::Text, false, b"part")).await.unwrap();
    drop(raw);
    assert_eq!(server.recv().await.unwrap(), Some("whole".into()));
    assert!(
        matches!(server.recv().await, Err(Error::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof)
    );
    assert!(matches!(server.send("anybody?").await, Err(Error::Io(_))));
}
