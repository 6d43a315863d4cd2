//! The laws of the hub: who hears what, in which order, on every broker.

mod audience;
mod catch_up;
mod limits;
mod marks;
mod membership;
mod order;
mod own;
mod queues;
mod slow;
mod subscriptions;

use super::{Law, Worlds};

/// All of them, by subject.
pub const LAWS: &[&[Law<Worlds>]] = &[
    order::LAWS,
    own::LAWS,
    audience::LAWS,
    membership::LAWS,
    catch_up::LAWS,
    marks::LAWS,
    limits::LAWS,
    slow::LAWS,
    subscriptions::LAWS,
    queues::STORIES,
    queues::LAWS,
    queues::CREDIT,
    queues::MODEL,
    queues::THREADS,
];
