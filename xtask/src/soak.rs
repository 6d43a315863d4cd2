//! Suites too slow for every commit. Each writes its result, with seed and commit id, under
//! `conformance/`, where it is committed.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::install;
use crate::parts;
use crate::schedule;
use crate::shell::Workspace;

/// A slow suite: what it needs of [`parts::PARTS`], and its Python script with arguments.
#[derive(Debug)]
struct Soak {
    name: &'static str,
    needs: &'static [&'static str],
    script: &'static [&'static str],
}

const SOAKS: &[Soak] = &[Soak {
    name: "autobahn-full",
    needs: &["build", "autobahn-suite"],
    script: &["conformance/autobahn/run.py", "soak"],
}];

pub(crate) fn names() -> String {
    SOAKS.iter().map(|soak| soak.name).collect::<Vec<_>>().join(", ")
}

pub(crate) fn run(workspace: &Workspace, name: &str, seed: u64) -> Result<()> {
    let soak = SOAKS.iter().find(|soak| soak.name == name);
    let soak = soak.with_context(|| format!("no soak is named {name}; there are: {}", names()))?;
    schedule::run(workspace, &parts::named(soak.needs)?)?;
    let mut command = Command::new(install::python_in(workspace));
    command.args(soak.script).args(["--seed", &seed.to_string(), "--commit", &commit(workspace)?]);
    let status = command.current_dir(&workspace.root).env("CARGO_TARGET_DIR", &workspace.target).status()?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}

/// The commit that is measured; with `-modified` where the work tree differs from it.
fn commit(workspace: &Workspace) -> Result<String> {
    let git = Command::new("git")
        .args(["describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=-modified"])
        .current_dir(&workspace.root)
        .output()
        .context("cannot run git")?;
    ensure!(git.status.success(), "git describe: {}", String::from_utf8_lossy(&git.stderr));
    Ok(String::from_utf8(git.stdout)?.trim().to_owned())
}
