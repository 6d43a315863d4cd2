//! The laws of the hub, on a broker that answers in the same call and on brokers that answer later.

use std::sync::Arc;

use everywire_core::MemoryBroker;
use everywire_testkit::world::Pump;
use everywire_testkit::{DelayedBroker, laws};

#[test]
fn on_the_memory_broker() {
    laws::hub(|clock| Arc::new(MemoryBroker::new(7, clock.reader())), |_, _| {});
}

#[test]
fn on_a_broker_that_answers_in_the_same_call() {
    laws::hub(|clock| Arc::new(DelayedBroker::prompt(7, clock)), |_, _| {});
}

#[test]
fn on_a_broker_that_answers_step_by_step() {
    laws::hub(|clock| Arc::new(DelayedBroker::new(7, clock)), pump_in_order);
}

#[test]
fn on_a_broker_that_answers_out_of_step() {
    laws::hub(|clock| Arc::new(DelayedBroker::new(7, clock)), pump_backwards);
}

/// First things first.
fn pump_in_order(broker: &DelayedBroker, pump: Pump) {
    match pump {
        Pump::Some => drop(broker.steps().first().map(|&step| broker.take(step))),
        Pump::All => broker.release_all(),
    }
}

/// The youngest answer first, deliveries as late as can be.
fn pump_backwards(broker: &DelayedBroker, pump: Pump) {
    while let Some(&step) = broker.steps().last() {
        broker.take(step);
        if pump == Pump::Some {
            break;
        }
    }
}
