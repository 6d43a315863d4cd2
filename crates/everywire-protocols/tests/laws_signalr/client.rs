//! The client's side.

use std::collections::VecDeque;

use everywire_protocols::seam::Time;
use everywire_protocols::session::{Lane, LaneKind};
use everywire_testkit::rig::{Dialer, Does, Heard};

use super::protocol::Counter;

/// The client's side, which does the same.
pub(super) struct Client {
    lanes: u32,
    lane: Option<Lane>,
    connected: bool,
    counter: Counter,
    kept: VecDeque<String>,
    first: u64,
    pub(super) reconnects: u32,
}

impl Client {
    pub(super) fn new() -> Self {
        Self {
            lanes: 0,
            lane: None,
            connected: false,
            counter: Counter::new(),
            kept: VecDeque::new(),
            first: 1,
            reconnects: 0,
        }
    }

    fn connect(&mut self, out: &mut Vec<Does>) {
        self.lanes += 1;
        self.lane = Some(Lane(self.lanes));
        self.connected = false;
        out.push(Does::Open(Lane(self.lanes), LaneKind::WebSocket, "/?id=token".to_owned(), None));
    }

    fn write(&self, text: String, out: &mut Vec<Does>) {
        out.extend(self.lane.filter(|_| self.connected).map(|lane| Does::Write(lane, text)));
    }
}

impl Dialer for Client {
    fn input(&mut self, now: Time, heard: Heard, out: &mut Vec<Does>) {
        match heard {
            Heard::Start => self.connect(out),
            Heard::Connected(lane) if self.lane == Some(lane) => {
                self.connected = true;
                if self.lanes > 1 {
                    self.counter.deaf = true;
                    self.write(format!("9:{}", self.first), out);
                }
                for text in self.kept.clone() {
                    self.write(format!("1:{text}"), out);
                }
            }
            Heard::Text(lane, text) if self.lane == Some(lane) => match text.split_at(2) {
                ("1:", text) => {
                    if self.counter.count(now) {
                        out.push(Does::Deliver(text.to_owned()));
                    }
                }
                ("8:", upto) => {
                    let upto: u64 = upto.parse().expect("a number");
                    assert!(upto < self.first + self.kept.len() as u64, "acknowledged before it was sent");
                    while self.first <= upto && self.kept.pop_front().is_some() {
                        self.first += 1;
                    }
                }
                ("9:", from) => assert!(self.counter.restart(from.parse().expect("a number")), "a gap"),
                other => panic!("the client does not understand {other:?}"),
            },
            Heard::Closed(lane, _) if self.lane == Some(lane) => {
                self.reconnects += 1;
                self.connect(out);
            }
            Heard::Say(text) => {
                self.kept.push_back(text.clone());
                self.write(format!("1:{text}"), out);
            }
            Heard::Tick => {
                if let Some(upto) = self.counter.ack(now) {
                    self.write(format!("8:{upto}"), out);
                }
            }
            // From a lane that it has given up.
            Heard::Connected(_) | Heard::Text(..) | Heard::Closed(..) => {}
            other => panic!("the client did not expect {other:?}"),
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.counter.ack_at
    }
}
