//! The tokio stream against raw peers and against itself. Time is tokio's paused clock.

mod common;

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use common::{Seen, decode, masked};
use everywire_websocket::{
    Agreed, CloseCode, CloseFrame, Compression, DeflateParams, Deflater, Direction, Fault, Header, Kind,
    Limits, Opcode, Prepared, Role,
    stream::{Error, Message, StreamOptions, WebSocket},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    time::Instant,
};

const BYE: Option<CloseFrame<'static>> = Some(CloseFrame { code: CloseCode::NORMAL, reason: "bye" });

fn server<S: AsyncRead + AsyncWrite + Unpin>(io: S) -> WebSocket<S> {
    WebSocket::new(io, Role::Server, &Agreed::default(), b"", StreamOptions::default())
}

fn client<S: AsyncRead + AsyncWrite + Unpin>(io: S) -> WebSocket<S> {
    WebSocket::new(io, Role::Client, &Agreed::default(), b"", StreamOptions::default())
}

/// Polls once.
fn once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// All that the server has sent until it ended its stream.
async fn rest(raw: &mut DuplexStream) -> Vec<Seen> {
    let mut bytes = Vec::new();
    raw.read_to_end(&mut bytes).await.unwrap();
    decode(Role::Client, Limits::default(), &bytes)
}

/// What the server has sent so far, without waiting.
fn so_far(raw: &mut DuplexStream) -> Vec<Seen> {
    let mut bytes = vec![0; 1 << 16];
    let mut buffer = ReadBuf::new(&mut bytes);
    match Pin::new(raw).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer) {
        Poll::Ready(result) => result.unwrap(),
        Poll::Pending => return Vec::new(),
    }
    decode(Role::Client, Limits::default(), buffer.filled())
}

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

async fn raw_frame(raw: &mut DuplexStream) -> Seen {
    let mut bytes = Vec::new();
    let (header, _) = loop {
        bytes.push(raw.read_u8().await.unwrap());
        if let Some(header) = Header::decode(&bytes).unwrap() {
            break header;
        }
    };
    let start = bytes.len();
    bytes.resize(start + header.len as usize, 0);
    raw.read_exact(&mut bytes[start..]).await.unwrap();
    decode(Role::Client, Limits::default(), &bytes).pop().unwrap()
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
async fn of_many_pings_the_last_is_answered_when_nothing_can_be_written() {
    let (ours, mut raw) = duplex(64);
    let (mut sender, mut receiver) = server(ours).split();
    // More than the pipe holds: the sender is stuck.
    assert!(once(pin!(sender.send(vec![0; 1000]))).is_pending());
    while once(pin!(sender.feed(vec![0; 1000]))).is_ready() {}
    for n in 0..10_000_u32 {
        raw.write_all(&masked(Opcode::Ping, true, &n.to_be_bytes())).await.unwrap();
        assert!(once(pin!(receiver.recv())).is_pending());
    }
    raw.write_all(&masked(Opcode::Text, true, b"still received")).await.unwrap();
    assert_eq!(receiver.recv().await.unwrap(), Some("still received".into()));
    let receiving = tokio::spawn(async move { receiver.recv().await });
    let mut queued = 0;
    let answer = loop {
        match raw_frame(&mut raw).await {
            Seen::Binary(data) => queued += data.len(),
            other => break other,
        }
    };
    assert_eq!(answer, Seen::Pong(9_999_u32.to_be_bytes().into()));
    assert!((60_000..70_000).contains(&queued), "the queue was full: {queued}");
    raw.write_all(&masked(Opcode::Close, true, b"")).await.unwrap();
    assert_eq!(rest(&mut raw).await, [Seen::Close(None)], "nothing else was queued");
    drop(raw);
    assert!(matches!(receiving.await.unwrap(), Ok(None)));
}

#[tokio::test(start_paused = true)]
async fn sending_waits_for_room_and_the_halves_work_in_two_tasks() {
    let (ours, theirs) = duplex(1000);
    let (mut sender, mut receiver) = server(ours).split();
    let mut peer = client(theirs);
    let sending = tokio::spawn(async move {
        for n in 0..500_u32 {
            sender.feed(format!("{n}: {}", "x".repeat(1000))).await.unwrap();
        }
        sender.close(BYE).await.unwrap();
        assert!(matches!(sender.feed("late").await, Err(Error::Closed)));
    });
    let receiving = tokio::spawn(async move {
        let mut count = 0;
        while let Some(message) = receiver.recv().await.unwrap() {
            assert_eq!(message, Message::Pong(Bytes::from_static(b"unasked")));
            count += 1;
        }
        count
    });
    for n in 0..500_u32 {
        peer.send(Message::Pong(Bytes::from_static(b"unasked"))).await.unwrap();
        let Some(Message::Text(text)) = peer.recv().await.unwrap() else { panic!("message {n} is missing") };
        assert!(text.starts_with(&format!("{n}: ")));
    }
    assert_eq!(peer.recv().await.unwrap(), None);
    sending.await.unwrap();
    assert_eq!(receiving.await.unwrap(), 500);
}

#[tokio::test(start_paused = true)]
async fn queues_are_bounded() {
    let (ours, _raw) = duplex(10);
    let options = StreamOptions { write_buffer: 5000, ..StreamOptions::default() };
    let mut server = WebSocket::new(ours, Role::Server, &Agreed::default(), b"", options);
    let mut fed = 0;
    while once(pin!(server.feed(vec![0; 98]))).is_ready() {
        fed += 1;
    }
    assert_eq!(fed, 51, "with the header 100 bytes each: 50 fill the queue, and the pipe takes ten bytes");
}

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
    for (from, to) in [(&mut server, &mut client)] {
        for frame in [&plain, &small, &plain, &small] {
            from.feed_prepared(frame).await.unwrap();
            from.feed(text.clone()).await.unwrap();
        }
        from.flush().await.unwrap();
        for _ in 0..8 {
            assert_eq!(to.recv().await.unwrap(), Some(Message::Text(text.clone())));
        }
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

/// Takes `room` bytes in all, then blocks; counts the calls and keeps the waker that it was polled with last.
#[derive(Debug, Clone, Default)]
struct Pipe(Arc<Mutex<PipeState>>);

#[derive(Debug, Default)]
struct PipeState {
    input: Vec<u8>,
    written: Vec<u8>,
    room: usize,
    writes: usize,
    writer: Option<Waker>,
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let input = std::mem::take(&mut self.0.lock().unwrap().input);
        if input.is_empty() {
            return Poll::Pending;
        }
        buffer.put_slice(&input);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock().unwrap();
        if state.room == 0 {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.writes += 1;
        let mut bytes = slices.iter().map(|slice| &**slice).collect::<Vec<_>>().concat();
        bytes.truncate(state.room);
        state.room -= bytes.len();
        state.written.extend_from_slice(&bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Debug, Default)]
struct Woken(std::sync::atomic::AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Woken {
    fn count(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn many_messages_leave_in_one_write() {
    let pipe = Pipe::default();
    pipe.0.lock().unwrap().room = usize::MAX;
    let options = StreamOptions { write_buffer: 1 << 20, ..StreamOptions::default() };
    let mut server = WebSocket::new(pipe.clone(), Role::Server, &Agreed::default(), b"", options);
    let sizes = [10, 20_000, 10, 10, 50_000, 8192, 10];
    for size in sizes {
        server.feed(vec![size as u8; size]).await.unwrap();
    }
    server.flush().await.unwrap();
    let state = pipe.0.lock().unwrap();
    assert_eq!(state.writes, 1);
    let expected: Vec<Seen> = sizes.iter().map(|&size| Seen::Binary(vec![size as u8; size])).collect();
    assert_eq!(common::decode_in(&mut decoder(), &state.written, &[1 << 20]), expected);
}

fn decoder() -> everywire_websocket::Decoder {
    everywire_websocket::Decoder::new(Role::Client, Limits::default())
}

#[tokio::test(start_paused = true)]
async fn a_dropped_send_does_not_take_the_wake_up_of_a_pong_along() {
    let pipe = Pipe::default();
    let (mut sender, mut receiver) = server(pipe.clone()).split();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));

    pipe.0.lock().unwrap().input = masked(Opcode::Ping, true, b"?");
    let mut receiving = pin!(receiver.recv());
    assert!(receiving.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    // The sender polls the stream last, and is dropped.
    assert!(once(pin!(sender.send("message"))).is_pending());
    drop(sender);

    let writer = {
        let mut state = pipe.0.lock().unwrap();
        state.room = 1000;
        state.writer.take().unwrap()
    };
    writer.wake();
    assert_eq!(woken.count(), 1, "the receiver is woken");
    assert!(receiving.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let written = pipe.0.lock().unwrap().written.clone();
    assert_eq!(decode(Role::Client, Limits::default(), &written).len(), 2, "pong and message");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_is_woken_by_the_other_halfs_writing() {
    let pipe = Pipe::default();
    let options = StreamOptions { write_buffer: 10, ..StreamOptions::default() };
    let socket = WebSocket::new(pipe.clone(), Role::Server, &Agreed::default(), b"", options);
    let (mut sender, mut receiver) = socket.split();
    sender.feed("twenty bytes of text").await.unwrap();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut feeding = pin!(sender.feed("more"));
    assert!(feeding.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());

    // The receiver is polled for reasons of its own, finds that it can write, and does.
    pipe.0.lock().unwrap().room = 1000;
    assert!(once(pin!(receiver.recv())).is_pending());
    assert_eq!(woken.count(), 1);
    assert!(feeding.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
}
