//! What is said until a connection is open, step by step and without a socket.
//!
//! By polling it goes as a client of Socket.IO does it, with one difference: no poll is pending while the WebSocket is
//! probed, so that no server is measured by the pace at which it looks for one. An event that comes back ends it: the
//! session is then on the WebSocket.

use std::mem;

use anyhow::{Result, ensure};

use super::listener::{self, Listener};
use super::{Door, Opening};
use crate::message::{Exchange, Template};
use crate::wire::{self, TEXT, Wire};
use crate::{engine, hub, sockjs};

/// What does not depend on the session, encoded once for all connections.
#[derive(Debug)]
pub(crate) struct Script {
    door: Door,
    wire: Wire,
    first: Vec<u8>,
    connect: Vec<u8>,
    hello: Vec<u8>,
    mirror: Vec<u8>,
    pong: Vec<u8>,
    probe: Vec<u8>,
    /// The upgrade, and an event behind it.
    upgrade: Vec<u8>,
    /// What comes back for that event.
    answer: Vec<u8>,
}

/// Where a connection stands: what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// The floor sends the request back.
    Echo,
    /// The answer to the request for a WebSocket.
    Upgrade {
        probe: bool,
    },
    /// The answer to a hub's client.
    Welcome,
    /// The first frame of SockJS.
    SockJs,
    /// The head of a response that goes on; it is read with the rest.
    Listening,
    Open,
    Connected,
    PolledOpen,
    Posted {
        session: String,
    },
    PolledConnected {
        session: String,
    },
    Probed,
    Event,
    /// Nothing: the stream has begun.
    Streams,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Wait,
    Send(Vec<u8>),
    /// Go on with another TCP connection, to which this is to be sent; the one so far stays open.
    Dial(Vec<u8>),
    Ready,
}

impl Script {
    pub(crate) fn new(door: Door, wire: Wire) -> Self {
        let first = match (wire, door.opening) {
            (Wire::Raw | Wire::WebSocket, _) => wire::request(everywire_bench::PATH, door.port, door.deflate),
            (Wire::SignalR | Wire::SignalRMsgPack, _) => {
                wire::request(everywire_bench::HUB_PATH, door.port, door.deflate)
            }
            (Wire::SocketIo, Opening::WebSocket | Opening::Stream) => {
                wire::request(&engine::websocket(None), door.port, door.deflate)
            }
            (Wire::SocketIo, Opening::Polling) => engine::get(door.port, None),
            // Each session has an address of its own.
            (Wire::SockJs | Wire::SockJsStream | Wire::EventSource, _) => Vec::new(),
        };
        let Exchange { sent, back } = Exchange::events("echo", "echo", &Template::text(64).quoted());
        Self {
            door,
            wire,
            first,
            hello: hub::hello(wire),
            mirror: hub::mirror(wire),
            connect: engine::frame(engine::CONNECT.as_bytes()),
            pong: engine::frame(engine::PONG),
            probe: engine::frame(engine::PROBE),
            upgrade: [engine::frame(engine::UPGRADE), engine::frame(&sent.payload)].concat(),
            answer: back.payload,
        }
    }

    /// What connection `index` sends first.
    pub(crate) fn first(&self, index: usize) -> Vec<u8> {
        if self.wire == Wire::SockJs {
            return wire::request(&sockjs::websocket(index), self.door.port, self.door.deflate);
        }
        Listener::new(self.wire, self.door.port, index)
            .map_or_else(|| self.first.clone(), |listener| listener.request().to_vec())
    }

    /// What is awaited once [`Self::first`] is sent.
    pub(crate) fn begin(&self) -> Handshake {
        match (self.wire, self.door.opening) {
            (Wire::Raw, _) => Handshake::Echo,
            (wire, _) if wire.is_stream() => Handshake::Listening,
            (Wire::SocketIo, Opening::Polling) => Handshake::PolledOpen,
            _ => Handshake::Upgrade { probe: false },
        }
    }

    /// Takes the answer off what was received, if it is all there, and says what follows. Asked again until it waits.
    pub(crate) fn advance(&self, state: &mut Handshake, received: &mut Vec<u8>) -> Result<Next> {
        match state {
            Handshake::Echo => {
                ensure!(self.first.starts_with(received), "another request came back than was sent");
                if received.len() < self.first.len() {
                    return Ok(Next::Wait);
                }
                received.clear();
                Ok(Next::Ready)
            }
            Handshake::Upgrade { probe } => {
                let Some(head) = wire::check_response(received, self.door.deflate)? else {
                    return Ok(Next::Wait);
                };
                received.drain(..head);
                match self.wire {
                    Wire::WebSocket => return Ok(Next::Ready),
                    Wire::SignalR | Wire::SignalRMsgPack => {
                        *state = Handshake::Welcome;
                        return Ok(Next::Send(self.hello.clone()));
                    }
                    Wire::SockJs => {
                        *state = Handshake::SockJs;
                        return self.advance(state, received);
                    }
                    _ => {}
                }
                if *probe {
                    *state = Handshake::Probed;
                    return Ok(Next::Send(self.probe.clone()));
                }
                *state = Handshake::Open;
                self.advance(state, received)
            }
            Handshake::PolledOpen | Handshake::Posted { .. } | Handshake::PolledConnected { .. } => {
                match take_body(received)? {
                    Some(body) => self.on_body(state, &body),
                    None => Ok(Next::Wait),
                }
            }
            Handshake::Welcome => {
                let Some((frame, length)) = wire::parse(received)? else { return Ok(Next::Wait) };
                ensure!(frame.payload == hub::WELCOME, "{frame:?} where a hub's welcome was expected");
                received.drain(..length);
                if self.door.opening == Opening::Stream {
                    // Nothing is awaited for it; what is sent on the stream comes back.
                    *state = Handshake::Streams;
                    return Ok(Next::Send(self.mirror.clone()));
                }
                Ok(Next::Ready)
            }
            Handshake::SockJs => {
                let Some(frame) = take_packet(received)? else { return Ok(Next::Wait) };
                ensure!(frame == sockjs::OPEN, "{:?} for a session", String::from_utf8_lossy(&frame));
                Ok(Next::Ready)
            }
            Handshake::Listening => Ok(listener::head(received)?.map_or(Next::Wait, |_| Next::Ready)),
            Handshake::Streams => Ok(Next::Ready),
            Handshake::Open | Handshake::Connected | Handshake::Probed | Handshake::Event => {
                match take_packet(received)? {
                    // socketioxide asks at once.
                    Some(packet) if packet == engine::PING => Ok(Next::Send(self.pong.clone())),
                    Some(packet) => self.on_packet(state, &packet),
                    None => Ok(Next::Wait),
                }
            }
        }
    }

    fn on_body(&self, state: &mut Handshake, body: &[u8]) -> Result<Next> {
        let port = self.door.port;
        Ok(match state {
            Handshake::Posted { session } => {
                ensure!(body == engine::POSTED, "{:?} for a POST", String::from_utf8_lossy(body));
                let get = engine::get(port, Some(session));
                *state = Handshake::PolledConnected { session: mem::take(session) };
                Next::Send(get)
            }
            Handshake::PolledConnected { session } => {
                // A ping stays without an answer: the visit is over long before one is missed.
                let mut packets =
                    body.split(|byte| *byte == engine::SEPARATOR).filter(|packet| *packet != engine::PING);
                let Some(packet) = packets.next() else {
                    return Ok(Next::Send(engine::get(port, Some(session))));
                };
                engine::check_connected(packet)?;
                ensure!(packets.next().is_none(), "{:?} for a connect", String::from_utf8_lossy(body));
                let request = wire::request(&engine::websocket(Some(session)), port, self.door.deflate);
                *state = Handshake::Upgrade { probe: true };
                Next::Dial(request)
            }
            _ => {
                let session = engine::opened(body)?;
                let post = engine::post(port, &session, engine::CONNECT);
                *state = Handshake::Posted { session };
                Next::Send(post)
            }
        })
    }

    fn on_packet(&self, state: &mut Handshake, packet: &[u8]) -> Result<Next> {
        Ok(match state {
            Handshake::Open => {
                engine::opened(packet)?;
                *state = Handshake::Connected;
                Next::Send(self.connect.clone())
            }
            Handshake::Probed => {
                ensure!(packet == engine::PROBED, "{:?} for a probe", String::from_utf8_lossy(packet));
                *state = Handshake::Event;
                Next::Send(self.upgrade.clone())
            }
            Handshake::Event => {
                ensure!(packet == self.answer, "{:?} for an event", String::from_utf8_lossy(packet));
                Next::Ready
            }
            _ => {
                engine::check_connected(packet)?;
                Next::Ready
            }
        })
    }
}

fn take_packet(received: &mut Vec<u8>) -> Result<Option<Vec<u8>>> {
    let Some((frame, length)) = wire::parse(received)? else { return Ok(None) };
    ensure!(frame.opcode == TEXT, "{frame:?} where a packet was expected");
    let packet = frame.payload.to_vec();
    received.drain(..length);
    Ok(Some(packet))
}

fn take_body(received: &mut Vec<u8>) -> Result<Option<Vec<u8>>> {
    let Some((body, length)) = engine::parse_response(received)? else { return Ok(None) };
    let body = body.to_vec();
    received.drain(..length);
    Ok(Some(body))
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
