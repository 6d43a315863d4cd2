//! What Everywire is tested with: time that obeys, sockets that block where they are told to, a
//! broker that answers late, and the laws that every implementation of a trait has to keep.
//!
//! Nothing here sleeps, waits or is random: a failure comes with a seed, and the seed brings it back.
//!
//! | to find | look in |
//! |---|---|
//! | the laws, for whoever implements a trait | [`laws`] |
//! | time and chance | [`clock`], [`random`] |
//! | a client's socket and the task that serves it | [`link`] |
//! | bytes that a test can read | [`lines`] |
//! | passes, step by step | [`passes`] |
//! | a broker that answers later and out of step | [`delayed`] |
//! | hub, broker and clients together | [`world`] |
//! | a session and a protocol against a client, over a network that cuts | [`rig`] |

pub mod clock;
pub mod delayed;
pub mod laws;
pub mod lines;
pub mod link;
pub mod passes;
pub mod random;
pub mod rig;
pub mod world;

pub use clock::Clock;
pub use delayed::{DelayedBroker, Step};
pub use lines::Lines;
pub use link::FakeLink;
pub use passes::Passes;
pub use random::Random;
pub use world::{Client, World};
