//! One row for one peer: start the server, connect, warm up, measure, and see that nothing was lost.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use everywire_bench::Mode;

use crate::generator::{Connects, Door, Echo, Feed, Generator, Load, Opening, Probe, Room, Streams};
use crate::machine::{self, Clocks, Cores, Elapsed};
use crate::peers::{Peer, Server};
use crate::publication::Publication;
use crate::rows::{Answer, Work};
use crate::statistics::percentile;

/// A room of 10,000 takes a slow server several seconds for what is in flight.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connections that are open before the memory of further ones is measured: what a server sets up once is not theirs.
const FIRST: usize = 200;

#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// One for each metric of the row.
    pub(crate) values: Vec<f64>,
    /// CPU shares while it was measured; an idle connection has none.
    pub(crate) shares: Option<Elapsed>,
}

impl Sample {
    fn new(values: Vec<f64>, elapsed: Elapsed) -> Self {
        Self { values, shares: Some(elapsed) }
    }
}

pub(crate) fn measure(peer: &Peer, work: Work, time: Duration, cores: Option<Cores>) -> Result<Sample> {
    let wires = peer.wires(work).context("work that the peer does not do")?;
    let mut server = Server::start(peer, work.mode(), cores)?;
    let deflate = work.mode() == Mode::DeflateRoom;
    let opening = match work {
        Work::Connect { opening, .. } => opening,
        Work::Echo { answer: Answer::Stream, .. } => Opening::Stream,
        _ => Opening::WebSocket,
    };
    let door = Door { port: server.port, wires, deflate, opening };
    server.wait_until_ready(&door)?;
    let mut generator = Generator::new()?;
    let result = run(&mut generator, &server, &door, work, time);
    // Before the connections: a server that loses them one by one would have something to say about each.
    server.stop();
    result
}

fn run(
    generator: &mut Generator,
    server: &Server,
    door: &Door,
    work: Work,
    time: Duration,
) -> Result<Sample> {
    match work {
        Work::Echo { message, answer, connections, window } => {
            generator.connect(door, connections)?;
            let wire = door.wires.first();
            let exchange = message.echoed(wire, answer);
            let mut load = Echo::new(wire, &exchange, connections, window);
            let (rate, elapsed) = rate(generator, &mut load, |_| {}, server, time)?;
            Ok(Sample::new(vec![rate], elapsed))
        }
        Work::Stream { message, connections, items } => {
            generator.connect(door, connections)?;
            let wire = door.wires.first();
            let exchange = message.streamed(wire, items);
            let mut load = Streams::new(wire, &exchange, connections, u64::from(items));
            let (rate, elapsed) = rate(generator, &mut load, |_| {}, server, time)?;
            Ok(Sample::new(vec![rate], elapsed))
        }
        Work::Fanout { message, members, publishers, window, .. } => {
            let publication = message.published(door.wires);
            fill(generator, door, &publication, members)?;
            let feed = Feed::Window(window);
            let mut load = Room::new(&publication, door.deflate, members, publishers, feed);
            let (rate, elapsed) = rate(generator, &mut load, |_| {}, server, time)?;
            Ok(Sample::new(vec![rate], elapsed))
        }
        Work::Latency { message, members, every } => {
            let publication = message.published(door.wires);
            fill(generator, door, &publication, members)?;
            let mut load = Room::new(&publication, door.deflate, members, 1, Feed::Every(every));
            let (_, elapsed) = rate(generator, &mut load, Room::measure, server, time)?;
            let mut latencies = load.into_latencies();
            let mut at = |share| percentile(&mut latencies, share).map(f64::from).context("no deliveries");
            Ok(Sample::new(vec![at(0.50)?, at(0.99)?], elapsed))
        }
        Work::Connect { at_once, .. } => {
            let mut connects = Connects::new(*door, at_once)?;
            connects.run(Instant::now() + warm_up(time))?;
            let (clocks, before) = (Clocks::read(server.pid())?, connects.completed);
            let patient = Instant::now() + PATIENCE;
            connects.run(Instant::now() + time)?;
            // In a short run on a busy machine not even one may have ended yet.
            while connects.completed == before && Instant::now() < patient {
                connects.run(Instant::now() + time)?;
            }
            let elapsed = clocks.until(Clocks::read(server.pid())?);
            let count = connects.completed - before;
            connects.stop();
            connects.run(Instant::now() + PATIENCE)?;
            ensure!(connects.is_done(), "connections did not end in {PATIENCE:?}");
            ensure!(count > 0, "no connection in {PATIENCE:?}");
            Ok(Sample::new(vec![count as f64 / elapsed.seconds], elapsed))
        }
        Work::Idle { message, connections } => {
            let publication = message.published(door.wires);
            fill(generator, door, &publication, FIRST)?;
            let before = machine::settled_resident(server.pid())?;
            fill(generator, door, &publication, FIRST + connections)?;
            let after = machine::settled_resident(server.pid())?;
            let each = (after as f64 - before as f64) / connections as f64;
            Ok(Sample { values: vec![each], shares: None })
        }
    }
}

/// Opens connections until the room has so many members, and waits until each is one.
fn fill(generator: &mut Generator, door: &Door, publication: &Publication, members: usize) -> Result<()> {
    generator.connect(door, members)?;
    let mut probe = Probe::new(publication, door.deflate, members);
    generator.run(&mut probe, Instant::now() + PATIENCE)?;
    ensure!(probe.is_done(), "not all of {members} connections are in the room after {PATIENCE:?}");
    Ok(())
}

/// Messages that come back in a second, once the load runs evenly; at the end everything that is on its way arrives.
fn rate<L: Load>(
    generator: &mut Generator,
    load: &mut L,
    on_warm: impl FnOnce(&mut L),
    server: &Server,
    time: Duration,
) -> Result<(f64, Elapsed)> {
    generator.run(load, Instant::now() + warm_up(time))?;
    on_warm(load);
    let (clocks, before) = (Clocks::read(server.pid())?, load.received());
    let patient = Instant::now() + PATIENCE;
    generator.run(load, Instant::now() + time)?;
    // In a short run on a busy machine not even one may have come back yet.
    while load.received() == before && Instant::now() < patient {
        generator.run(load, Instant::now() + time)?;
    }
    let elapsed = clocks.until(Clocks::read(server.pid())?);
    let count = load.received() - before;
    load.stop();
    generator.run(load, Instant::now() + PATIENCE)?;
    ensure!(load.is_done(), "messages are missing after {PATIENCE:?}");
    ensure!(count > 0, "no message in {PATIENCE:?}");
    Ok((count as f64 / elapsed.seconds, elapsed))
}

fn warm_up(time: Duration) -> Duration {
    time / 4
}
