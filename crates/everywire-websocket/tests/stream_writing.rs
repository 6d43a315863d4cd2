//! What the tokio stream does with what waits to be written: bounds, few writes, and no wake-up that is lost.

mod common;

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use common::{
    Seen, decode, decode_in, masked,
    peer::{BYE, client, once, raw_frame, rest, server},
};
use everywire_websocket::{
    Agreed, Decoder, Limits, Opcode, Role,
    stream::{Error, Message, StreamOptions, WebSocket},
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, duplex};

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
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
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
    assert_eq!(
        decode_in(&mut Decoder::new(Role::Client, Limits::default()), &state.written, &[1 << 20]),
        expected
    );
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
