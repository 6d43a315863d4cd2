//! `cargo xtask`: the same commands on a contributor's machine and in CI.
//!
//! What runs, in which order and within which time is one table, [`parts::PARTS`]; this file only reads
//! the command line. Everything a command needs beyond Rust, Node and Python it installs by itself.

mod counts;
mod install;
mod parts;
mod schedule;
mod shell;
mod soak;
mod tidy;

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail, ensure};

use parts::{PARTS, Suite};
use shell::Workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  check                 formatting, clippy, docs, licences and doubled dependencies, tidy
  test [PART…]          every test that is not slow, or the named parts
  ci                    check and test in one schedule: what .ci/run runs
  tidy                  only the house rules: crate arrows, file sizes, pure crates
  parts                 list the parts with their budgets and needs
  bench [ARG…]          build and run the benchmarks (release profile)
  soak NAME --seed N    a slow suite; its result is written under conformance/
  fuzz TARGET [OPTION…] fuzz one decoder for a minute, or with these options of libFuzzer
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[&str]) -> Result<()> {
    let workspace = Workspace::locate()?;
    match args {
        ["check"] => schedule::run(&workspace, &parts::of(&[Suite::Check])),
        ["test"] => schedule::run(&workspace, &parts::of(&[Suite::Test])),
        ["test", names @ ..] => schedule::run(&workspace, &parts::named(names)?),
        ["ci"] => schedule::run(&workspace, &parts::of(&[Suite::Check, Suite::Test])),
        ["tidy"] => tidy::run(&workspace.root).map(|summary| println!("{summary}")),
        ["parts"] => {
            print!("{}", parts::list(PARTS));
            Ok(())
        }
        ["bench", rest @ ..] => {
            let mut command = workspace.cargo(&["run", "--release", "--package", "everywire-bench", "--"]);
            succeed(command.args(rest))
        }
        ["soak", name, "--seed", seed] => {
            let seed = seed.parse().with_context(|| format!("--seed {seed}: not a whole number"))?;
            soak::run(&workspace, name, seed)
        }
        ["soak", ..] => bail!("usage: cargo xtask soak NAME --seed N, with NAME one of {}", soak::names()),
        ["fuzz", target, rest @ ..] => fuzz(&workspace, target, rest),
        [] | ["help" | "--help" | "-h", ..] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => bail!("unknown command: {}\n\n{USAGE}", args.join(" ")),
    }
}

/// Fuzzes one target. What is found goes into a scratch folder: the committed corpus is chosen by hand.
fn fuzz(workspace: &Workspace, target: &str, options: &[&str]) -> Result<()> {
    let cargo_nightly = |args: &[&str]| {
        // The rustup proxy, not the toolchain's own cargo: only the proxy understands `+nightly`.
        let mut command = Command::new("cargo");
        command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").arg("+nightly").args(args);
        command.current_dir(&workspace.root);
        command
    };
    let has = |args: &[&str]| cargo_nightly(args).output().is_ok_and(|output| output.status.success());
    ensure!(has(&["--version"]), "fuzzing needs the nightly toolchain: rustup toolchain install nightly");
    ensure!(has(&["fuzz", "--version"]), "fuzzing needs cargo-fuzz: cargo install cargo-fuzz --locked");
    let found = workspace.scratch().join("fuzz").join(target);
    std::fs::create_dir_all(&found)?;
    let mut command = cargo_nightly(&["fuzz", "run", target]);
    command.arg(found).arg(format!("fuzz/corpus/{target}")).args(["--", "-max_total_time=60"]).args(options);
    succeed(&mut command)
}

/// Runs a command on this terminal.
fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
