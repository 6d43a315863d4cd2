//! Echo: each connection keeps a number of messages in flight, and gets its own ones back in order.

use anyhow::{Result, ensure};

use super::Load;
use crate::message::{Batch, Checker, Exchange, Stamp};
use crate::wire::{Frame, Wire};

#[derive(Debug)]
pub(crate) struct Echo {
    checker: Checker,
    batch: Batch,
    connections: Vec<Progress>,
    /// Connections that may send, and how many messages.
    ready: Vec<(usize, usize)>,
    in_flight: usize,
    received: u64,
    stopped: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    sent: u64,
    received: u64,
}

impl Echo {
    pub(crate) fn new(wire: Wire, exchange: &Exchange, connections: usize, window: usize) -> Self {
        Self {
            checker: Checker::new(exchange.back.clone(), false),
            batch: Batch::new(wire, &exchange.sent, window),
            connections: vec![Progress::default(); connections],
            ready: (0..connections).map(|index| (index, window)).collect(),
            in_flight: 0,
            received: 0,
            stopped: false,
        }
    }
}

impl Load for Echo {
    fn on_message(&mut self, index: usize, frame: &Frame<'_>) -> Result<()> {
        let connection = &mut self.connections[index];
        let stamp = self.checker.check(frame, connection.received)?;
        let expected = Stamp { sender: index as u16, sequence: connection.received };
        ensure!(
            stamp == expected && stamp.sequence < connection.sent,
            "{stamp:?} where {expected:?} was due"
        );
        connection.received += 1;
        self.received += 1;
        self.in_flight -= 1;
        match self.ready.last_mut() {
            Some((last, count)) if *last == index => *count += 1,
            _ => self.ready.push((index, 1)),
        }
        Ok(())
    }

    fn next(&mut self) -> Option<(usize, &[u8])> {
        if self.stopped {
            return None;
        }
        let (index, count) = self.ready.pop()?;
        let sent = &mut self.connections[index].sent;
        let first = Stamp { sender: index as u16, sequence: *sent };
        *sent += count as u64;
        self.in_flight += count;
        Some((index, self.batch.stamped(first, count)))
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn is_done(&self) -> bool {
        self.stopped && self.in_flight == 0
    }

    fn received(&self) -> u64 {
        self.received
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Template;
    use crate::wire;

    fn deliver(echo: &mut Echo, index: usize, frames: &[u8]) -> Result<()> {
        let mut rest = frames;
        while let Some((frame, length)) = wire::parse(rest).unwrap() {
            echo.on_message(index, &frame)?;
            rest = &rest[length..];
        }
        Ok(())
    }

    #[test]
    fn the_window_is_kept_and_replies_count_once() {
        let mut echo = Echo::new(Wire::Raw, &Exchange::same(Template::text(64)), 2, 3);
        let (second, frames) = echo.next().map(|(index, bytes)| (index, bytes.to_vec())).unwrap();
        assert_eq!((second, frames.len()), (1, 3 * 66));
        let (first, others) = echo.next().map(|(index, bytes)| (index, bytes.to_vec())).unwrap();
        assert_eq!(first, 0);
        assert!(echo.next().is_none(), "both windows are full");

        assert!(deliver(&mut echo, 0, &frames).is_err(), "what the other one sent");
        deliver(&mut echo, 1, &frames[..2 * 66]).unwrap();
        assert_eq!(echo.received(), 2);
        assert!(deliver(&mut echo, 1, &frames[..66]).is_err(), "a reply that was here before");
        assert_eq!(echo.next().map(|(index, bytes)| (index, bytes.len())), Some((1, 2 * 66)));

        echo.stop();
        deliver(&mut echo, 0, &others).unwrap();
        assert!(echo.next().is_none() && !echo.is_done(), "three are on their way");
    }
}
