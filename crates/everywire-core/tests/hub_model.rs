//! The hub against its reference model, on a broker that answers in the same call and on brokers that answer
//! by chance.

use std::sync::Arc;

use everywire_core::MemoryBroker;
use everywire_testkit::world::Pump;
use everywire_testkit::{DelayedBroker, laws};

const STEPS: usize = 300;

#[test]
fn on_the_memory_broker() {
    laws::model(0..40, STEPS, |clock| Arc::new(MemoryBroker::new(7, clock.reader())), |_, _| {});
}

#[test]
fn on_a_broker_that_answers_in_the_same_call() {
    laws::model(100..140, STEPS, |clock| Arc::new(DelayedBroker::prompt(7, clock)), |_, _| {});
}

#[test]
fn on_a_broker_that_answers_by_chance() {
    let pump = |broker: &DelayedBroker, pump| while broker.release() && pump == Pump::All {};
    laws::model(200..800, STEPS, |clock| Arc::new(DelayedBroker::new(7, clock)), pump);
}
