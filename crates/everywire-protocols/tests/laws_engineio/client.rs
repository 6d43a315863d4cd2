//! The client's side.

use everywire_protocols::seam::Time;
use everywire_protocols::session::{Lane, LaneKind};
use everywire_testkit::rig::{Dialer, Does, Heard};

use super::SEPARATOR;

/// The client's side, as the official one does it: it stops polling and posting before it says `5`.
#[derive(Default)]
pub(super) struct Client {
    lanes: u32,
    opened: bool,
    polling: bool,
    posting: bool,
    outbox: Vec<String>,
    pub(super) websocket: Option<Lane>,
    pausing: bool,
    pub(super) upgraded: bool,
    /// The server gave the WebSocket up before it heard `5`: to the client the connection is lost.
    pub(super) gone: bool,
}

impl Client {
    fn lane(&mut self) -> Lane {
        self.lanes += 1;
        Lane(self.lanes)
    }

    fn poll(&mut self, out: &mut Vec<Does>) {
        self.polling = true;
        out.push(Does::Open(self.lane(), LaneKind::Poll, "/".to_owned(), None));
    }

    fn go_on(&mut self, out: &mut Vec<Does>) {
        if !self.opened || self.upgraded || self.posting {
            return;
        }
        if self.pausing {
            if let (false, Some(lane)) = (self.polling, self.websocket) {
                self.upgraded = true;
                out.push(Does::Write(lane, "5".to_owned()));
                out.extend(self.outbox.drain(..).map(|packet| Does::Write(lane, packet)));
            }
        } else if !self.outbox.is_empty() {
            self.posting = true;
            let body = std::mem::take(&mut self.outbox).join(&SEPARATOR.to_string());
            out.push(Does::Open(self.lane(), LaneKind::Post, "/".to_owned(), Some(body)));
        }
    }

    fn packets(&mut self, body: &str, out: &mut Vec<Does>) {
        for packet in body.split(SEPARATOR) {
            match packet.split_at(1) {
                ("4", text) => out.push(Does::Deliver(text.to_owned())),
                ("0", _) => {
                    self.opened = true;
                    let lane = self.lane();
                    self.websocket = Some(lane);
                    out.push(Does::Open(lane, LaneKind::WebSocket, "/".to_owned(), None));
                }
                ("6", "") => {}
                other => panic!("the client does not understand {other:?}"),
            }
        }
    }
}

impl Dialer for Client {
    fn input(&mut self, _now: Time, heard: Heard, out: &mut Vec<Does>) {
        match heard {
            Heard::Start => self.poll(out),
            Heard::Body(_, 200, body) if body == "ok" => {
                self.posting = false;
                self.go_on(out);
            }
            Heard::Body(_, 200, body) => {
                self.polling = false;
                self.packets(&body, out);
                if !self.pausing {
                    self.poll(out);
                }
                self.go_on(out);
            }
            Heard::Connected(lane) => out.push(Does::Write(lane, "2probe".to_owned())),
            Heard::Text(_, packet) if packet == "3probe" => {
                self.pausing = true;
                self.go_on(out);
            }
            Heard::Text(_, packet) => self.packets(&packet, out),
            Heard::Say(text) => {
                let packet = format!("4{text}");
                match self.websocket.filter(|_| self.upgraded) {
                    Some(lane) => out.push(Does::Write(lane, packet)),
                    None => self.outbox.push(packet),
                }
                self.go_on(out);
            }
            Heard::Closed(lane, _) if self.websocket == Some(lane) && !self.upgraded => {
                self.websocket = None;
                self.pausing = false;
                if !self.polling {
                    self.poll(out);
                }
                self.go_on(out);
            }
            Heard::Closed(lane, _) if self.websocket == Some(lane) => self.gone = true,
            other => panic!("the client did not expect {other:?}"),
        }
    }
}
