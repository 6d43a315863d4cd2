//! Raw peers for the tests of the stream.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use everywire_websocket::{
    Agreed, CloseCode, CloseFrame, Header, Limits, Role,
    stream::{StreamOptions, WebSocket},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf};

use super::{Seen, decode};

pub(crate) const BYE: Option<CloseFrame<'static>> =
    Some(CloseFrame { code: CloseCode::NORMAL, reason: "bye" });

pub(crate) fn server<S: AsyncRead + AsyncWrite + Unpin>(io: S) -> WebSocket<S> {
    WebSocket::new(io, Role::Server, &Agreed::default(), b"", StreamOptions::default())
}

pub(crate) fn client<S: AsyncRead + AsyncWrite + Unpin>(io: S) -> WebSocket<S> {
    WebSocket::new(io, Role::Client, &Agreed::default(), b"", StreamOptions::default())
}

/// Polls once.
pub(crate) fn once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// All that the server has sent until it ended its stream.
pub(crate) async fn rest(raw: &mut DuplexStream) -> Vec<Seen> {
    let mut bytes = Vec::new();
    raw.read_to_end(&mut bytes).await.unwrap();
    decode(Role::Client, Limits::default(), &bytes)
}

/// What the server has sent so far, without waiting.
pub(crate) fn so_far(raw: &mut DuplexStream) -> Vec<Seen> {
    let mut bytes = vec![0; 1 << 16];
    let mut buffer = ReadBuf::new(&mut bytes);
    match Pin::new(raw).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer) {
        Poll::Ready(result) => result.unwrap(),
        Poll::Pending => return Vec::new(),
    }
    decode(Role::Client, Limits::default(), buffer.filled())
}

pub(crate) async fn raw_frame(raw: &mut DuplexStream) -> Seen {
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
