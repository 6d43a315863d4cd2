//! The client machine at the rig.

use everywire_protocols::seam::{Decoded, Message, Time};
use everywire_protocols::session::{
    EngineIoClient, EngineIoClientInput as Input, EngineIoClientOptions, EngineIoClientOutput as Output,
    Lane, LaneKind,
};
use everywire_testkit::rig::{Dialer, Does, Heard};

/// The machine, and what a test wants to know of it.
pub(super) struct Client {
    machine: EngineIoClient,
    /// The WebSocket that it opened last, if that has not ended.
    pub(super) websocket: Option<Lane>,
    pub(super) opened: bool,
    pub(super) upgraded: bool,
    /// To the client the session is over.
    pub(super) gone: bool,
}

impl Client {
    pub(super) fn new(options: EngineIoClientOptions) -> Self {
        Self {
            machine: EngineIoClient::new(options),
            websocket: None,
            opened: false,
            upgraded: false,
            gone: false,
        }
    }

    fn does(&mut self, output: Output<'_>) -> Option<Does> {
        let text = |decoded: Decoded| match decoded {
            Decoded::Text(text) => text,
            Decoded::Binary(bytes) => panic!("a test sends text: {bytes:?}"),
        };
        match output {
            Output::Open { lane, kind, query, body } => {
                if kind == LaneKind::WebSocket {
                    self.websocket = Some(lane);
                }
                return Some(Does::Open(lane, kind, format!("/?{query}"), body.map(text)));
            }
            Output::Write(lane, message) => return Some(Does::Write(lane, text(message))),
            Output::End(lane) => return Some(Does::Close(lane)),
            Output::Message(Message::Text(text)) => return Some(Does::Deliver(text.to_owned())),
            Output::Upgraded => self.upgraded = true,
            Output::Closed(_) => self.gone = true,
            Output::Opened => self.opened = true,
            Output::Message(Message::Binary(_)) | Output::Decoded(_) => panic!("a test sends text"),
        }
        None
    }
}

impl Dialer for Client {
    fn input(&mut self, now: Time, heard: Heard, out: &mut Vec<Does>) {
        let mut outputs = Vec::new();
        match &heard {
            Heard::Start => self.machine.input(now, Input::Start, &mut outputs),
            Heard::Connected(lane) => self.machine.input(now, Input::Connected(*lane), &mut outputs),
            Heard::Text(lane, text) => {
                self.machine.input(now, Input::Message(*lane, Message::Text(text)), &mut outputs);
            }
            Heard::Body(lane, status, body) => {
                self.machine.input(now, Input::Response(*lane, *status, Message::Text(body)), &mut outputs);
            }
            Heard::Closed(lane, _) => {
                self.websocket.take_if(|websocket| websocket == lane);
                self.machine.input(now, Input::LaneClosed(*lane), &mut outputs);
            }
            Heard::Say(text) => self.machine.input(now, Input::Send(Message::Text(text)), &mut outputs),
            Heard::Tick => self.machine.input(now, Input::Tick, &mut outputs),
            other @ (Heard::Bytes(..) | Heard::Begun(..) | Heard::Chunk(..)) => {
                panic!("nothing comes in pieces, or binary: {other:?}")
            }
        }
        out.extend(outputs.into_iter().filter_map(|output| self.does(output)));
    }

    fn deadline(&self) -> Option<Time> {
        self.machine.deadline()
    }
}
