//! fastwebsockets over hyper, as its examples have it; the room splits the socket and buffers the writing half, so that
//! all that is queued leaves in one write.

use std::error::Error;
use std::future;
use std::sync::Arc;

use bytes::Bytes;
use clap::Parser;
use everywire_bench::{Mode, PeerArguments, Room};
use fastwebsockets::upgrade::{UpgradeFut, upgrade};
use fastwebsockets::{
    FragmentCollector, FragmentCollectorRead, Frame, OpCode, Payload, WebSocketError, WebSocketWrite,
};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWrite, BufWriter};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// What waits in a member's queue: a message of the room, or what the reading half owes the peer (pong, close).
type Queued = (OpCode, Bytes);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = PeerArguments::parse();
    let listener = TcpListener::from_std(arguments.listen()?)?;
    let room = Arc::new(Room::default());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let room = room.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| serve(arguments.mode, room.clone(), request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.with_upgrades().await {
                eprintln!("fastwebsockets: {error}");
            }
        });
    }
}

async fn serve(
    mode: Mode,
    room: Arc<Room<Queued>>,
    mut request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let (response, upgraded) = upgrade(&mut request)?;
    tokio::spawn(async move {
        let ended = match mode {
            Mode::Echo => echo(upgraded).await,
            Mode::Room | Mode::DeflateRoom => member(upgraded, &room).await,
        };
        if let Err(error) = ended {
            eprintln!("fastwebsockets: {error}");
        }
    });
    Ok(response)
}

async fn echo(upgraded: UpgradeFut) -> Result<(), WebSocketError> {
    let mut socket = FragmentCollector::new(upgraded.await?);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

async fn member(upgraded: UpgradeFut, room: &Room<Queued>) -> Result<(), WebSocketError> {
    let (reader, writer) = upgraded.await?.split(|stream| {
        let (reader, writer) = tokio::io::split(stream);
        (reader, BufWriter::new(writer))
    });
    let mut reader = FragmentCollectorRead::new(reader);
    let (id, queue) = room.join();
    tokio::spawn(drain(queue, writer));
    let ended = loop {
        let mut owed = |frame: Frame<'_>| {
            room.send(id, (frame.opcode, Bytes::copy_from_slice(&frame.payload)));
            future::ready(Ok::<(), WebSocketError>(()))
        };
        match reader.read_frame(&mut owed).await {
            Ok(frame) if frame.opcode == OpCode::Close => break Ok(()),
            Ok(frame) if matches!(frame.opcode, OpCode::Text | OpCode::Binary) => {
                room.publish(&(frame.opcode, Bytes::copy_from_slice(&frame.payload)));
            }
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    room.leave(id);
    ended
}

/// Writes what is queued, and flushes when nothing more is.
async fn drain<S: AsyncWrite + Unpin>(
    mut queue: mpsc::Receiver<Queued>,
    mut writer: WebSocketWrite<S>,
) -> Result<(), WebSocketError> {
    while let Some(first) = queue.recv().await {
        let mut next = Some(first);
        while let Some((opcode, payload)) = next {
            writer.write_frame(Frame::new(true, opcode, None, Payload::Borrowed(&payload))).await?;
            next = queue.try_recv().ok();
        }
        writer.flush().await?;
    }
    Ok(())
}
