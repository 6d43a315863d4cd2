//! What every implementation of a trait has to keep, as functions that anybody can call.
//!
//! A test names an implementation and lets the suite run:
//!
//! ```
//! use std::sync::Arc;
//!
//! use everywire_core::MemoryBroker;
//! use everywire_testkit::laws;
//!
//! // The memory broker answers in the same call, so there is never anything to pump.
//! laws::hub(|clock| Arc::new(MemoryBroker::new(7, clock.reader())), |_, _| {});
//! ```

mod broker;
pub mod hub;
mod model;
mod protocol;
mod session;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use everywire_core::{Broker, HubOptions};

use crate::clock::Clock;
use crate::world::{Pump, World};

pub use protocol::ProtocolCase;
pub use session::SessionCase;

/// Makes worlds around fresh brokers of one kind.
pub struct Worlds {
    make: Box<dyn Fn(Change<'_>) -> World>,
}

/// Changes the options of a hub.
type Change<'a> = &'a mut dyn FnMut(&mut HubOptions);

impl Worlds {
    /// Worlds around brokers that `make` makes and `pump` moves on.
    pub fn new<B: Broker>(
        make: impl Fn(&Clock) -> Arc<B> + 'static,
        pump: impl Fn(&B, Pump) + Clone + Send + Sync + 'static,
    ) -> Self {
        let make = move |change: Change<'_>| {
            let clock = Clock::new();
            let broker = make(&clock);
            let (pump, pumped) = (pump.clone(), broker.clone());
            World::with(&clock, broker, move |how| pump(&pumped, how), change)
        };
        Self { make: Box::new(make) }
    }

    /// A world of which every room keeps what [`Retention::RECENT`](everywire_core::Retention::RECENT) says.
    pub fn world(&self) -> World {
        self.world_with(|_| {})
    }

    /// The same, with other options.
    pub fn world_with(&self, mut change: impl FnMut(&mut HubOptions)) -> World {
        (self.make)(&mut change)
    }
}

/// A law by its name.
pub type Law<T> = (&'static str, fn(&T));

/// Tries the guarantees of [`everywire_core::broker`] on brokers that `make` makes and `pump` moves on.
///
/// # Panics
///
/// When a law is broken; the output names it.
pub fn broker<B: Broker>(
    make: impl Fn(&Clock) -> Arc<B> + 'static,
    pump: impl Fn(&B, Pump) + Clone + Send + Sync + 'static,
) {
    try_all("broker", broker::LAWS.iter().copied().flatten(), &broker::Brokers::new(make, pump));
}

/// Tries all laws of the hub on a broker that `make` makes and `pump` moves on.
///
/// # Panics
///
/// When a law is broken; the output names it.
pub fn hub<B: Broker>(
    make: impl Fn(&Clock) -> Arc<B> + 'static,
    pump: impl Fn(&B, Pump) + Clone + Send + Sync + 'static,
) {
    try_all("hub", hub::LAWS.iter().copied().flatten(), &Worlds::new(make, pump));
}

/// Compares the hub with a reference model: one run of so many random steps for each seed, in which nothing may be
/// lost, and one in which mailboxes are small and may drop what they may drop.
///
/// # Panics
///
/// When hub and reference differ; the output tells the seed.
pub fn model<B: Broker>(
    seeds: std::ops::Range<u64>,
    steps: usize,
    make: impl Fn(&Clock) -> Arc<B> + 'static,
    pump: impl Fn(&B, Pump) + Clone + Send + Sync + 'static,
) {
    let worlds = Worlds::new(make, pump);
    for seed in seeds {
        model::run(&worlds, seed, steps, false);
        model::run(&worlds, seed, steps, true);
    }
}

/// Tries the laws of [`Session`](everywire_protocols::session::Session) on one kind: whatever happens to it, in any
/// order, its outputs depend on inputs and times alone, nothing follows its end and no lane is left open by it,
/// nothing goes to a lane that is not there, and its deadline lies ahead.
///
/// # Panics
///
/// When a law is broken; the output tells the seed.
pub fn session(case: &SessionCase) {
    session::try_all(case);
}

/// Tries the laws of [`Protocol`](everywire_protocols::protocol::Protocol) on one: whatever clients send, its outputs
/// depend on inputs alone, nothing follows its end, an answer is one message at most, text is text, and its deadline lies
/// ahead.
///
/// # Panics
///
/// When a law is broken; the output tells the seed.
pub fn protocol(case: &ProtocolCase) {
    protocol::try_all(case);
}

fn try_all<'a, T: 'a>(suite: &str, laws: impl Iterator<Item = &'a Law<T>>, on: &T) {
    let mut broken = Vec::new();
    for (name, law) in laws {
        // Shown only if a law is broken, above what broke it.
        println!("{suite}: {name}");
        if catch_unwind(AssertUnwindSafe(|| law(on))).is_err() {
            broken.push(*name);
        }
    }
    assert!(broken.is_empty(), "broken laws of the {suite}:\n{}", broken.join("\n"));
}

impl std::fmt::Debug for Worlds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worlds").finish_non_exhaustive()
    }
}
