//! The laws of a broker: the six guarantees of [`everywire_core::broker`].

mod history;
mod node;
mod order;

use std::sync::Arc;

use everywire_core::Broker;

use self::node::Node;
use super::Law;
use crate::clock::Clock;
use crate::world::Pump;

/// All of them, by subject.
pub(super) const LAWS: &[&[Law<Brokers>]] = &[order::LAWS, history::LAWS];

/// Makes fresh brokers of one kind, each with a node that uses it.
pub(super) struct Brokers {
    make: Box<dyn Fn() -> Node>,
}

impl Brokers {
    pub(super) fn new<B: Broker>(
        make: impl Fn(&Clock) -> Arc<B> + 'static,
        pump: impl Fn(&B, Pump) + Clone + Send + Sync + 'static,
    ) -> Self {
        let make = move || {
            let clock = Clock::new();
            let broker = make(&clock);
            let (pump, pumped) = (pump.clone(), broker.clone());
            Node::new(clock, broker, move |how| pump(&pumped, how))
        };
        Self { make: Box::new(make) }
    }

    fn node(&self) -> Node {
        (self.make)()
    }
}
