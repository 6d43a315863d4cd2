//! One room, every wire: a realtime server library for hyper and axum.
