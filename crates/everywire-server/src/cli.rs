//! The command line.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Config};
use crate::{log, serve};

/// It could not start, or not go on.
const FAILED: u8 = 1;
/// The command line or the configuration is wrong; clap's own code too.
const WRONG: u8 = 2;

/// One room, every wire: a realtime server.
#[derive(Debug, Parser)]
#[command(name = "everywire", version, args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Without a command it serves. Exit codes: 0 stopped as told or done; 1 could not start or go on; \
    2 wrong command line or configuration; 130 and 143 stopped at once, told twice by SIGINT or SIGTERM."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves until it is told to stop.
    Serve(Serve),
    /// Says what a configuration file may hold, or what is wrong with one.
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Args)]
struct Serve {
    /// Address and port to listen on, instead of the file's; port 0 takes any free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder with official clients for browsers, such as `dist` of the npm package socket.io-client.
    #[arg(long, value_name = "DIR")]
    client_assets: Option<String>,
    /// Listen on any address without rules: everybody who gets there may use every room.
    #[arg(long)]
    insecure_open: bool,
    /// What to log: a level, or a filter such as "warn,everywire=debug".
    #[arg(long, value_name = "FILTER", value_parser = parse_filter)]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Says what is wrong with a file, all of it.
    Check {
        /// The file (TOML).
        file: PathBuf,
    },
    /// Prints a file with every key, its meaning and its default.
    Example,
    /// Prints a page about every key (Markdown).
    Reference,
}

fn parse_filter(text: &str) -> Result<String, String> {
    let known =
        "expected error, warn, info, debug, trace or off, or a filter such as \"warn,everywire=debug\"";
    if log::is_filter(text) { Ok(text.to_owned()) } else { Err(known.to_owned()) }
}

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Serve(serve)) => serve.run(),
        None => cli.serve.run(),
        Some(Command::Config(ConfigCommand::Example)) => print(&config::example()),
        Some(Command::Config(ConfigCommand::Reference)) => print(&config::reference()),
        Some(Command::Config(ConfigCommand::Check { file })) => check(&file),
    };
    done.unwrap_or_else(|Failed { code, error }| {
        eprintln!("everywire: {error:#}");
        ExitCode::from(code)
    })
}

/// Why it ends before its time, and with which exit code.
struct Failed {
    code: u8,
    error: anyhow::Error,
}

/// The configuration or the command line is wrong.
fn wrong(error: impl Into<anyhow::Error>) -> Failed {
    Failed { code: WRONG, error: error.into() }
}

/// Something else is.
fn failed(error: impl Into<anyhow::Error>) -> Failed {
    Failed { code: FAILED, error: error.into() }
}

impl Serve {
    fn run(self) -> Result<ExitCode, Failed> {
        let mut config =
            self.config.as_deref().map_or_else(|| Ok(Config::default()), Config::load).map_err(wrong)?;
        config.listen = self.listen.unwrap_or(config.listen);
        config.client_assets = self.client_assets.or(config.client_assets);
        config.insecure_open |= self.insecure_open;
        if let Some(refusal) = config.refusal() {
            return Err(wrong(anyhow::Error::msg(refusal)));
        }
        log::start(self.log.as_deref(), &config.log).map_err(wrong)?;
        let app = serve::build(&config).map_err(wrong)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.workers())
            .enable_all()
            .build()
            .map_err(failed)?;
        let source = self.config.as_deref();
        let ended = runtime.block_on(serve::run(&app, &config, source));
        // Whoever is still connected has had its time.
        runtime.shutdown_background();
        ended.map(ExitCode::from).map_err(failed)
    }
}

fn check(file: &std::path::Path) -> Result<ExitCode, Failed> {
    let config = Config::load(file).map_err(wrong)?;
    if let Some(refusal) = config.refusal() {
        return Err(wrong(anyhow::anyhow!("{}: {refusal}", file.display())));
    }
    serve::build(&config).map_err(wrong)?;
    crate::tls::acceptor(&config.tls).map_err(wrong)?;
    config.assets().map_err(wrong)?;
    print(&format!("{} is good\n", file.display()))
}

fn print(text: &str) -> Result<ExitCode, Failed> {
    std::io::stdout().write_all(text.as_bytes()).map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}
