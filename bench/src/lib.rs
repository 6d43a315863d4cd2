//! What a peer and the load generator agree on.
//!
//! A peer is a command line that is given two more arguments, `PORT MODE`, listens on `127.0.0.1:PORT` and serves
//! WebSocket on the path [`PATH`], or Socket.IO on [`SOCKET_IO_PATH`], or SignalR on [`HUB_PATH`], or SockJS on
//! [`SOCKJS_PATH`], until it is killed. It sets `TCP_NODELAY`, keeps its library's defaults (limits, heartbeats and checks
//! stay on) and prints only what went wrong.

mod room;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use clap::ValueEnum;
use socket2::{Domain, Socket, Type};

pub use room::Room;

/// The path that the load generator asks for in its handshake.
pub const PATH: &str = "/bench";

/// Where Socket.IO is served: the default of its clients.
pub const SOCKET_IO_PATH: &str = "/socket.io/";

/// Where peers that speak SignalR have their hub: among others, as an application has them.
pub const HUB_PATH: &str = "/hubs/default";

/// Where SockJS is served, its streams included.
pub const SOCKJS_PATH: &str = "/sockjs";

/// Where a peer serves Server-Sent Events of the room that `?room=` names, if it does.
pub const EVENTS_PATH: &str = "/events";

/// The room of those who listen by Server-Sent Events.
pub const EVENTS_ROOM: &str = "bench";

/// Connections that may wait to be accepted; Linux's own bound (`somaxconn`) since 5.4.
const BACKLOG: i32 = 4096;

/// What a peer does with a message.
///
/// A message of Socket.IO is an event with one argument, in the namespace `/`: in the mode `Echo` an event `echo` is
/// answered by an event `echo` with the same argument, and `echo_ack` by an acknowledgement with it; in the mode `Room`
/// every socket joins one room when it connects, and what comes as `publish` goes to the room as `message`.
///
/// A message of SignalR is an invocation with one argument. In the mode `Echo` a call of `echo` has its argument as its
/// result, and `mirror` answers a stream by one with the same items. `count` has a text and a number as its arguments, and
/// is answered by a stream of so many texts: the first is that one, and in each further one the number that its first
/// sixteen digits are, hexadecimal, is one greater. The mode `Room` is as with Socket.IO.
///
/// A message of SockJS is a text. One server may serve several of these: then all of them are in one room, and a message
/// of the one is an event `message` of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Send it back on the connection on which it came.
    Echo,
    /// Send it, as it is, to every open connection, the sender's included; each connection sees all messages of one
    /// sender in the order in which they were sent.
    Room,
    /// As `Room`, with permessage-deflate, no context takeover in either direction, on every message of 1 KiB and more.
    DeflateRoom,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Echo => "echo",
            Self::Room => "room",
            Self::DeflateRoom => "deflate-room",
        })
    }
}

/// The command line of a peer that is written in Rust.
#[derive(Clone, Copy, Debug, clap::Parser)]
pub struct PeerArguments {
    /// Port on 127.0.0.1 to listen on.
    pub port: u16,
    /// What to do with a message.
    pub mode: Mode,
}

impl PeerArguments {
    /// A listener on the port: not blocking, and ready for many connections at once.
    ///
    /// # Errors
    ///
    /// The port is taken.
    pub fn listen(&self) -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)).into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }
}
