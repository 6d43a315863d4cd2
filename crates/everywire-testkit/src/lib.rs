//! Virtual clock, two-peer rig, DelayedBroker and law suites for Everywire.
