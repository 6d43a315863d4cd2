//! The everywire binary: a realtime server for backends in any language.
//!
//! | to find | look in |
//! |---|---|
//! | the command line and the exit codes | `cli.rs` |
//! | every key of the configuration | `config/keys.rs` |
//! | what happens from start to stop | `serve.rs` |
//! | what start-up says | `banner.rs` |
//! | the Socket.IO client for browsers | `assets.rs` |
//! | the page at `/` | `playground.rs`, and the folder `playground` |
#![forbid(unsafe_code)]

mod assets;
mod banner;
mod cli;
mod config;
mod file;
mod log;
mod playground;
mod serve;
mod site;
mod stop;
mod tls;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
