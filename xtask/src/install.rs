//! What tests need beyond Rust, Node and Python is installed here, by name and pinned version, into
//! Cargo's target folder wherever that is possible, and asking nothing.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::shell::{Outcome, Shell, Workspace, find};

/// Programs that tests start, with the Debian package that has them.
const PROGRAMS: &[(&str, &str)] = &[("chromium", "chromium"), ("curl", "curl")];

/// The version of cargo-deny that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

/// Folders with a `package.json` and its lock.
const NODE_FOLDERS: &[&str] = &["conformance"];

const REQUIREMENTS: &str = "conformance/requirements.txt";

/// Installs what is missing, as root or by `sudo` where that asks for no password.
pub(crate) fn debian_packages(shell: &mut Shell<'_>) -> Result<Outcome> {
    let mut missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| find(program).is_none()).map(|(_, package)| *package).collect();
    // Debian's python3 comes without what `python3 -m venv` needs.
    let has_venv = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    if !has_venv.is_ok_and(|output| output.status.success()) {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(Outcome::Done);
    }
    let wish = format!("please install {}", missing.join(", "));
    if find("apt-get").is_none() {
        return Ok(Outcome::Skipped(format!("no apt-get here: {wish}")));
    }
    let is_root = Command::new("id").arg("-u").output()?.stdout == b"0\n";
    let may_sudo =
        || Command::new("sudo").args(["-n", "true"]).output().is_ok_and(|output| output.status.success());
    if !is_root && !may_sudo() {
        return Ok(Outcome::Skipped(format!("neither root nor sudo without a password: {wish}")));
    }
    let as_root = |args: &[&str]| {
        let mut command = Command::new(if is_root { "env" } else { "sudo" });
        command
            .args(if is_root { &[][..] } else { &["-n", "env"] })
            .arg("DEBIAN_FRONTEND=noninteractive")
            .args(args);
        command
    };
    shell.run(&mut as_root(&["apt-get", "update", "-q"]))?;
    shell.run(as_root(&["apt-get", "install", "-q", "-y", "--no-install-recommends"]).args(&missing))
}

/// Makes the Python environment that tests run in.
pub(crate) fn python(shell: &mut Shell<'_>) -> Result<Outcome> {
    let environment = shell.workspace.scratch().join("python");
    let done = shell.run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    if done != Outcome::Done {
        return Ok(done);
    }
    shell.run(Command::new(python_in(shell.workspace)).args([
        "-m",
        "pip",
        "install",
        "-q",
        "-r",
        REQUIREMENTS,
    ]))
}

/// The interpreter of the environment made by [`python`].
pub(crate) fn python_in(workspace: &Workspace) -> PathBuf {
    workspace.scratch().join("python/bin/python")
}

/// `npm ci` in every folder that has a lock.
pub(crate) fn node_modules(shell: &mut Shell<'_>) -> Result<Outcome> {
    for folder in NODE_FOLDERS {
        let folder = shell.workspace.root.join(folder);
        shell.run(Command::new("npm").args(["ci", "--no-fund", "--no-audit"]).current_dir(folder))?;
    }
    Ok(Outcome::Done)
}

/// Builds cargo-deny, once a version. Without optimisation and without what it needs for advisories
/// this takes about a minute on 2 cores, and a check of this workspace still takes about a second.
pub(crate) fn cargo_deny(shell: &mut Shell<'_>) -> Result<Outcome> {
    let root = tools(shell.workspace);
    let mut command = shell.workspace.cargo(&["install", "cargo-deny", "--version", CARGO_DENY, "--locked"]);
    command
        .args(["--debug", "--no-default-features", "--root"])
        .arg(&root)
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    // Its own target folder, so that the workspace's builds need not wait for its lock.
    command.env("CARGO_TARGET_DIR", root.join("build"));
    shell.run(&mut command)
}

/// `cargo deny`, as built by [`cargo_deny`].
pub(crate) fn cargo_deny_command(workspace: &Workspace) -> Command {
    Command::new(tools(workspace).join("bin/cargo-deny"))
}

fn tools(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools")
}
