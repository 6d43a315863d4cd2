//! The real binary, started as a user would, and talked to over real sockets.

mod serve;
#[cfg(unix)]
mod stop;
mod support;
