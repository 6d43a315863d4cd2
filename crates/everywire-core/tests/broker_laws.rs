//! The guarantees of a broker, on the memory broker; and on the delayed one, whose word the laws of the hub are taken for.

use std::sync::Arc;

use everywire_core::MemoryBroker;
use everywire_testkit::world::Pump;
use everywire_testkit::{DelayedBroker, laws};

#[test]
fn of_the_memory_broker() {
    laws::broker(|clock| Arc::new(MemoryBroker::new(7, clock.reader())), |_, _| {});
}

#[test]
fn of_the_delayed_broker() {
    laws::broker(
        |clock| Arc::new(DelayedBroker::new(7, clock)),
        |broker, pump| while broker.release() && pump == Pump::All {},
    );
    laws::broker(|clock| Arc::new(DelayedBroker::prompt(7, clock)), |_, _| {});
}
