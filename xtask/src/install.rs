//! What tests need beyond Rust, Node and Python is installed here, by name and pinned version, into
//! Cargo's target folder wherever that is possible, and asking nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::Result;

use crate::shell::{Outcome, Shell, Workspace, find};

/// The version of cargo-deny that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

/// Folders with a `package.json` and its lock.
const NODE_FOLDERS: &[&str] = &["conformance"];

const REQUIREMENTS: &str = "conformance/requirements.txt";

/// The browser of the end-to-end tests.
pub(crate) fn chromium(shell: &mut Shell<'_>) -> Result<Outcome> {
    if find("chromium").is_some() { Ok(Outcome::Done) } else { debian_package(shell, "chromium") }
}

/// The client of the tests that a person would make by hand.
pub(crate) fn curl(shell: &mut Shell<'_>) -> Result<Outcome> {
    if find("curl").is_some() { Ok(Outcome::Done) } else { debian_package(shell, "curl") }
}

/// What makes the certificates of the tests over TLS.
pub(crate) fn openssl(shell: &mut Shell<'_>) -> Result<Outcome> {
    if find("openssl").is_some() { Ok(Outcome::Done) } else { debian_package(shell, "openssl") }
}

/// The broker that STOMP's stories are told to as well.
pub(crate) fn rabbitmq(shell: &mut Shell<'_>) -> Result<Outcome> {
    // Its own script, which the stories run: the one on `PATH` wants another user.
    let is_there = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server").exists();
    if is_there { Ok(Outcome::Done) } else { debian_package(shell, "rabbitmq-server") }
}

/// The proxy of the tests that stand behind one. It is unpacked, and not installed: then it would serve port 80 of this
/// machine from now on.
pub(crate) fn nginx(shell: &mut Shell<'_>) -> Result<Outcome> {
    let program = nginx_in(shell.workspace);
    if program.is_file() {
        return Ok(Outcome::Done);
    }
    let folder = unpacked(shell.workspace);
    fs::create_dir_all(&folder)?;
    let fetched = apt_get(shell, "nginx", &folder, &["download", "nginx"])?;
    if fetched != Outcome::Done {
        return Ok(fetched);
    }
    shell.run(
        Command::new("sh")
            .args(["-c", "for package in nginx_*.deb; do dpkg -x $package .; done"])
            .current_dir(&folder),
    )?;
    // What it is linked to is part of any Debian that has a browser and OpenSSL.
    shell.run(Command::new(program).arg("-v"))
}

/// nginx as it is found here, or is to be unpacked by [`nginx`].
fn nginx_in(workspace: &Workspace) -> PathBuf {
    // Only root has Debian's on `PATH`.
    let installed = [find("nginx"), Some(PathBuf::from("/usr/sbin/nginx"))];
    let installed = installed.into_iter().flatten().find(|program| program.is_file());
    installed.unwrap_or_else(|| unpacked(workspace).join("usr/sbin/nginx"))
}

fn unpacked(workspace: &Workspace) -> PathBuf {
    tools(workspace).join("debian")
}

/// Installs a package.
fn debian_package(shell: &mut Shell<'_>, package: &str) -> Result<Outcome> {
    let root = shell.workspace.root.clone();
    apt_get(shell, package, &root, &["install", "-y", "--no-install-recommends", package])
}

/// Runs apt-get for a package with its newest lists, as root or by `sudo` where that asks for no password.
fn apt_get(shell: &mut Shell<'_>, package: &str, folder: &Path, args: &[&str]) -> Result<Outcome> {
    if find("apt-get").is_none() {
        return Ok(Outcome::Skipped(format!("please install {package}: there is no apt-get here")));
    }
    let succeeds = |program: &str, args: &[&str]| {
        Command::new(program).args(args).output().is_ok_and(|run| run.status.success())
    };
    let is_root = Command::new("id").arg("-u").output()?.stdout == b"0\n";
    if !is_root && !succeeds("sudo", &["-n", "true"]) {
        return Ok(Outcome::Skipped(format!(
            "please install {package}: neither root nor sudo without a password"
        )));
    }
    let mut run = |args: &[&str]| {
        let mut command = Command::new(if is_root { "env" } else { "sudo" });
        command.args(if is_root { &[][..] } else { &["-n", "env"] }).current_dir(folder);
        // In runlevel 1 no service is started by being installed.
        shell.run(command.args(["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-q"]).args(args))
    };
    run(&["update"])?;
    run(args)
}

/// Makes the Python environment that tests run in.
pub(crate) fn python(shell: &mut Shell<'_>) -> Result<Outcome> {
    // Debian's python3 comes without what `python3 -m venv` needs.
    let probe = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        let installed = debian_package(shell, "python3-venv")?;
        if installed != Outcome::Done {
            return Ok(installed);
        }
    }
    shell.run(Command::new("python3").args(["-m", "venv"]).arg(shell.workspace.scratch().join("python")))?;
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

/// Runs a script of ours in that environment; the script finds our binaries where Cargo puts them.
pub(crate) fn python_script(shell: &mut Shell<'_>, script: &str, args: &[&str]) -> Result<Outcome> {
    let mut command = Command::new(python_in(shell.workspace));
    shell.run(command.arg(script).args(args).env("CARGO_TARGET_DIR", &shell.workspace.target))
}

/// `npm ci` in every folder that has a lock.
pub(crate) fn node_modules(shell: &mut Shell<'_>) -> Result<Outcome> {
    for folder in NODE_FOLDERS {
        let folder = shell.workspace.root.join(folder);
        shell.run(Command::new("npm").args(["ci", "--no-fund", "--no-audit"]).current_dir(folder))?;
    }
    Ok(Outcome::Done)
}

/// Runs a folder's `*.test.js`. They find our binaries where Cargo puts them, and the Python of other people's clients, and
/// nginx, by their variables.
pub(crate) fn node_tests(shell: &mut Shell<'_>, folder: &str) -> Result<Outcome> {
    let entries = fs::read_dir(shell.workspace.root.join(folder))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.js"));
    files.sort();
    let mut command = Command::new("node");
    command.args(["--test", "--test-reporter=spec"]).args(files);
    command.env("CARGO_TARGET_DIR", &shell.workspace.target).env("PYTHON", python_in(shell.workspace));
    command.env("NGINX", nginx_in(shell.workspace));
    shell.run(&mut command)
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
