//! Everywire's sessions and protocols as pure state machines.
