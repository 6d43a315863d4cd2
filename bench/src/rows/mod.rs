//! What is measured, and what the product has to reach. Targets are ratios: absolute figures drift with the machine.

mod table;

use std::time::Duration;

use everywire_bench::Mode;

use crate::generator::Opening;
use crate::message::{Exchange, Template};
use crate::publication::Publication;
use crate::wire::{Wire, Wires};
use crate::{hub, sockjs};
pub(crate) use table::rows;

pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) protocol: Protocol,
    pub(crate) work: Work,
    /// What a measurement yields, in this order.
    pub(crate) metrics: &'static [Metric],
}

/// What the peers of a row speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Messages of WebSocket, or bare TCP.
    Raw,
    SocketIo,
    SignalR,
    SockJs,
    /// Several of them, a share of the connections each.
    Mixed,
}

pub(crate) struct Metric {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) better: Better,
    pub(crate) base: Base,
    pub(crate) targets: &'static [Target],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
}

/// What the ratio in a cell is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// The greedy floor, in the same round.
    Floor,
    /// The same peer's value of another metric, in the same round.
    Own(&'static str),
    /// Another metric of the first peer that another protocol's targets are for, in the same round: what this one costs.
    Ours(Protocol, &'static str),
    /// Another peer, in the same round.
    Peer(&'static str),
    /// Nothing: the value counts.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// The ratio to the base.
    AtLeast(f64),
    AtMost(f64),
    /// The ratio to the best peer from a registry.
    OfBestPeer(f64),
    /// The ratio to one other peer.
    OfPeer(&'static str, f64),
    /// The value itself.
    ValueAtMost(f64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    Echo {
        message: Message,
        answer: Answer,
        connections: usize,
        window: usize,
    },
    /// Streams of so many items each, one after the other on each connection.
    Stream {
        message: Message,
        connections: usize,
        items: u16,
    },
    Fanout {
        mode: Mode,
        listeners: Listeners,
        message: Message,
        members: usize,
        publishers: usize,
        window: usize,
    },
    Latency {
        message: Message,
        members: usize,
        every: Duration,
    },
    Connect {
        opening: Opening,
        at_once: usize,
    },
    Idle {
        message: Message,
        connections: usize,
    },
}

/// How those listen who do not publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listeners {
    /// As those who do.
    Alike,
    /// By responses that go on. Who publishes has a WebSocket.
    Streams,
}

/// How an event is echoed where there are several ways; elsewhere a message is just a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Event,
    /// By an acknowledgement, or the result of a call.
    Acknowledgement,
    /// As an item of a stream.
    Stream,
    /// In a response that goes on; what is sent goes by requests.
    Response,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Message {
    Text(usize),
    Json(usize),
}

impl Protocol {
    pub(crate) const ALL: [Self; 5] = [Self::Raw, Self::SocketIo, Self::SignalR, Self::SockJs, Self::Mixed];

    /// The peers that a protocol's targets are for, one for each of its encodings, by the name of the one for the raw rows.
    /// What another protocol costs is told by the first.
    pub(crate) fn subjects(self, raw: &str) -> Vec<String> {
        let endings: &[&str] = match self {
            Self::Raw => &[""],
            Self::SocketIo => &["-socketio"],
            Self::SignalR => &["-signalr", "-signalr-msgpack"],
            Self::SockJs => &["-sockjs"],
            Self::Mixed => &["-mixed"],
        };
        endings.iter().map(|ending| format!("{raw}{ending}")).collect()
    }
}

impl Message {
    fn template(self) -> Template {
        match self {
            Self::Text(length) => Template::text(length),
            Self::Json(length) => Template::json(length),
        }
    }

    /// As the argument of an event.
    fn argument(self) -> Template {
        match self {
            Self::Text(_) => self.template().quoted(),
            Self::Json(_) => self.template(),
        }
    }

    /// What is sent to a peer in the mode `Echo`.
    pub(crate) fn echoed(self, wire: Wire, answer: Answer) -> Exchange {
        match (wire, answer) {
            (Wire::Raw | Wire::WebSocket, _) => Exchange::same(self.template()),
            (Wire::SocketIo, Answer::Event | Answer::Stream | Answer::Response) => {
                Exchange::events("echo", "echo", &self.argument())
            }
            (Wire::SocketIo, Answer::Acknowledgement) => Exchange::acknowledged("echo_ack", &self.argument()),
            (Wire::SignalR | Wire::SignalRMsgPack, Answer::Stream) => hub::mirrored(wire, &self.template()),
            (Wire::SignalR | Wire::SignalRMsgPack, _) => hub::invoked(wire, &self.template()),
            (Wire::SockJs, _) => sockjs::exchange(&self.template()),
            (Wire::SockJsStream | Wire::EventSource, _) => Exchange::same(self.argument()),
        }
    }

    /// What calls for a stream of items, and an item; on a hub.
    pub(crate) fn streamed(self, wire: Wire, items: u16) -> Exchange {
        hub::streamed(wire, &self.template(), items)
    }

    /// What is sent to a peer in the mode `Room`, and heard.
    pub(crate) fn published(self, wires: Wires) -> Publication {
        Publication::new(wires, |wire| match wire {
            Wire::Raw | Wire::WebSocket => Exchange::same(self.template()),
            Wire::SocketIo => Exchange::events("publish", "message", &self.argument()),
            Wire::SignalR | Wire::SignalRMsgPack => hub::published(wire, &self.template()),
            Wire::SockJs => sockjs::exchange(&self.template()),
            // Here it is only heard: what the generator finds in a frame or an event.
            Wire::SockJsStream | Wire::EventSource => Exchange::same(self.argument()),
        })
    }
}

impl Work {
    pub(crate) fn mode(self) -> Mode {
        match self {
            Self::Echo { .. } | Self::Stream { .. } | Self::Connect { .. } => Mode::Echo,
            Self::Fanout { mode, .. } => mode,
            Self::Latency { .. } | Self::Idle { .. } => Mode::Room,
        }
    }

    pub(crate) fn listeners(self) -> Listeners {
        match self {
            Self::Fanout { listeners, .. } => listeners,
            _ => Listeners::Alike,
        }
    }

    /// The same with few connections, to see that it works.
    pub(crate) fn small(mut self) -> Self {
        match &mut self {
            Self::Echo { connections: count, .. }
            | Self::Stream { connections: count, .. }
            | Self::Fanout { members: count, .. }
            | Self::Latency { members: count, .. }
            | Self::Idle { connections: count, .. } => *count = (*count / 50).max(10),
            Self::Connect { at_once, .. } => *at_once = 8,
        }
        self
    }
}
