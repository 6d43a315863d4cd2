//! Streams: each connection calls for a number of items, gets them in order, then the end, and calls again.

use anyhow::{Result, ensure};

use super::Load;
use crate::hub;
use crate::message::{Batch, Checker, Exchange, Stamp};
use crate::wire::{Frame, Wire};

#[derive(Debug)]
pub(crate) struct Streams {
    wire: Wire,
    checker: Checker,
    batch: Batch,
    /// Items that each call is for.
    items: u64,
    connections: Vec<Progress>,
    /// Connections without a stream.
    ready: Vec<usize>,
    received: u64,
    stopped: bool,
}

/// Items are counted through all streams of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// What was called for so far.
    due: u64,
    received: u64,
    /// Whether the end of the latest stream has yet to come.
    open: bool,
}

impl Streams {
    pub(crate) fn new(wire: Wire, exchange: &Exchange, connections: usize, items: u64) -> Self {
        Self {
            wire,
            checker: Checker::new(exchange.back.clone(), false),
            batch: Batch::new(wire, &exchange.sent, 1),
            items,
            connections: vec![Progress::default(); connections],
            ready: (0..connections).collect(),
            received: 0,
            stopped: false,
        }
    }
}

impl Load for Streams {
    fn on_message(&mut self, index: usize, frame: &Frame<'_>) -> Result<()> {
        let connection = &mut self.connections[index];
        ensure!(connection.open, "{frame:?} behind the end of a stream");
        if connection.received == connection.due {
            ensure!(hub::is_end(self.wire, frame), "{frame:?} where the end of a stream was due");
            connection.open = false;
            self.ready.push(index);
            return Ok(());
        }
        let stamp = self.checker.check(frame, connection.received)?;
        let expected = Stamp { sender: index as u16, sequence: connection.received };
        ensure!(stamp == expected, "{stamp:?} where {expected:?} was due");
        connection.received += 1;
        self.received += 1;
        Ok(())
    }

    fn next(&mut self) -> Option<(usize, &[u8])> {
        if self.stopped {
            return None;
        }
        let index = self.ready.pop()?;
        let connection = &mut self.connections[index];
        let first = Stamp { sender: index as u16, sequence: connection.due };
        connection.due += self.items;
        connection.open = true;
        Some((index, self.batch.stamped(first, 1)))
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn is_done(&self) -> bool {
        self.stopped && self.ready.len() == self.connections.len()
    }

    fn received(&self) -> u64 {
        self.received
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Template;
    use crate::wire::TEXT;

    const END: &[u8] = b"{\"type\":3,\"invocationId\":\"d\"}\x1e";

    fn deliver(streams: &mut Streams, index: usize, payload: &[u8]) -> Result<()> {
        streams.on_message(index, &Frame { opcode: TEXT, compressed: false, payload })
    }

    fn item(sender: u16, sequence: u64) -> Vec<u8> {
        let text = Template::text(64).payload;
        let text = str::from_utf8(&text[16..]).unwrap();
        format!("{{\"type\":2,\"invocationId\":\"d\",\"item\":\"{sender:04x}{sequence:012x}{text}\"}}\u{1e}")
            .into_bytes()
    }

    #[test]
    fn items_come_in_order_then_the_end_and_then_the_next_stream() {
        let exchange = hub::streamed(Wire::SignalR, &Template::text(64), 2);
        let mut streams = Streams::new(Wire::SignalR, &exchange, 2, 2);
        assert!(deliver(&mut streams, 0, &item(0, 0)).is_err(), "nobody called for it");
        assert_eq!(streams.next().map(|(index, _)| index), Some(1));
        assert_eq!(streams.next().map(|(index, _)| index), Some(0));
        assert!(streams.next().is_none(), "a stream each");

        assert!(deliver(&mut streams, 1, END).is_err(), "an end before the items");
        assert!(deliver(&mut streams, 1, &item(0, 0)).is_err(), "another's item");
        assert!(deliver(&mut streams, 1, &item(1, 1)).is_err(), "an item was left out");
        deliver(&mut streams, 1, &item(1, 0)).unwrap();
        deliver(&mut streams, 1, &item(1, 1)).unwrap();
        assert!(deliver(&mut streams, 1, &item(1, 2)).is_err(), "one too many");
        assert!(streams.next().is_none(), "the end has not come");
        deliver(&mut streams, 1, END).unwrap();
        assert!(deliver(&mut streams, 1, END).is_err(), "a second end");
        assert_eq!(streams.next().map(|(index, _)| index), Some(1));
        deliver(&mut streams, 1, &item(1, 2)).unwrap();

        streams.stop();
        deliver(&mut streams, 1, &item(1, 3)).unwrap();
        deliver(&mut streams, 1, END).unwrap();
        assert!(streams.next().is_none() && !streams.is_done(), "one stream goes on");
        deliver(&mut streams, 0, &item(0, 0)).unwrap();
        deliver(&mut streams, 0, &item(0, 1)).unwrap();
        deliver(&mut streams, 0, END).unwrap();
        assert!(streams.is_done());
        assert_eq!(streams.received(), 6);
    }
}
