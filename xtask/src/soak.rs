//! Suites too slow for every commit. Each writes its result, with seed and commit id, under
//! `conformance/`, where it is committed.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::install;
use crate::parts;
use crate::schedule;
use crate::shell::Workspace;

/// A slow suite, and what it needs of [`parts::PARTS`].
#[derive(Debug)]
struct Soak {
    name: &'static str,
    needs: &'static [&'static str],
    work: Work,
}

#[derive(Debug)]
enum Work {
    /// A Python script with arguments, which writes its own result.
    Python(&'static [&'static str]),
    /// A file of Node's tests, and the variables that make it long. What its stories say about themselves is the result.
    Node { file: &'static str, variables: &'static [(&'static str, &'static str)] },
}

const CLIENTS: &[&str] = &["build", "npm"];

const SOAKS: &[Soak] = &[
    Soak {
        name: "autobahn-full",
        needs: &["build", "autobahn-suite"],
        work: Work::Python(&["conformance/autobahn/run.py", "soak"]),
    },
    Soak {
        name: "socketio-upgrades",
        needs: CLIENTS,
        work: Work::Node {
            file: "conformance/socketio/fire.test.js",
            variables: &[("FIRE_CLIENTS", "5000"), ("PATIENCE", "600000")],
        },
    },
    Soak {
        name: "socketio-recovery",
        needs: CLIENTS,
        work: Work::Node {
            file: "conformance/socketio/recovery.test.js",
            variables: &[("RECOVERY_CUTS", "500"), ("PATIENCE", "600000")],
        },
    },
    Soak {
        name: "socketio-hostile",
        needs: CLIENTS,
        work: Work::Node {
            file: "conformance/socketio/hostile.test.js",
            variables: &[("HOSTILE_MANY", "2000"), ("PATIENCE", "600000")],
        },
    },
    Soak {
        name: "signalr-reconnects",
        needs: CLIENTS,
        work: Work::Node {
            file: "conformance/signalr/reconnect.test.js",
            variables: &[("SIGNALR_CUTS", "500"), ("PATIENCE", "600000")],
        },
    },
    Soak {
        name: "signalr-hostile",
        needs: CLIENTS,
        work: Work::Node {
            file: "conformance/signalr/hostile.test.js",
            variables: &[("SIGNALR_ROUNDS", "100"), ("PATIENCE", "600000")],
        },
    },
    Soak {
        name: "sockjs-cuts",
        needs: CLIENTS,
        work: Work::Node {
            file: "conformance/sockjs/cuts.test.js",
            variables: &[("CUTS", "500"), ("PATIENCE", "600000")],
        },
    },
    Soak {
        name: "sockjs-hostile",
        needs: CLIENTS,
        work: Work::Node {
            file: "conformance/sockjs/fuzz.test.js",
            variables: &[("SOCKJS_ROUNDS", "100"), ("PATIENCE", "600000")],
        },
    },
    Soak {
        name: "stomp-hostile",
        needs: CLIENTS,
        work: Work::Node {
            file: "conformance/stomp/hostile.test.js",
            variables: &[("STOMP_ROUNDS", "100"), ("PATIENCE", "600000")],
        },
    },
    Soak {
        name: "stomp-rabbitmq",
        needs: &["npm", "python", "rabbitmq"],
        work: Work::Node {
            file: "conformance/stomp/reference.js",
            variables: &[("STOMP_TARGET", "rabbitmq")],
        },
    },
];

pub(crate) fn names() -> String {
    SOAKS.iter().map(|soak| soak.name).collect::<Vec<_>>().join(", ")
}

pub(crate) fn run(workspace: &Workspace, name: &str, seed: u64) -> Result<()> {
    let soak = SOAKS.iter().find(|soak| soak.name == name);
    let soak = soak.with_context(|| format!("no soak is named {name}; there are: {}", names()))?;
    schedule::run(workspace, &parts::named(soak.needs)?)?;
    let commit = commit(workspace)?;
    match soak.work {
        Work::Python(script) => {
            let mut command = Command::new(install::python_in(workspace));
            command.args(script).args(["--seed", &seed.to_string(), "--commit", &commit]);
            let status =
                command.current_dir(&workspace.root).env("CARGO_TARGET_DIR", &workspace.target).status()?;
            ensure!(status.success(), "{name}: {status}");
        }
        Work::Node { file, variables } => {
            let mut command = Command::new("node");
            command.args(["--test", "--test-reporter=tap", file]).envs(variables.iter().copied());
            command.env("SEED", seed.to_string()).env("CARGO_TARGET_DIR", &workspace.target);
            command.env("PYTHON", install::python_in(workspace));
            let output = command.current_dir(&workspace.root).stderr(Stdio::inherit()).output()?;
            let said = String::from_utf8_lossy(&output.stdout);
            print!("{said}");
            ensure!(output.status.success(), "{name}: {}", output.status);
            let stories = said.lines().filter(|line| line.starts_with("ok ") || line.starts_with("# "));
            let result = serde_json::json!({
                "soak": name,
                "commit": commit,
                "seed": seed,
                "variables": variables.iter().copied().collect::<BTreeMap<_, _>>(),
                "said": stories.collect::<Vec<_>>(),
            });
            let path = workspace.root.join(file).with_file_name(format!("results-{name}.json"));
            std::fs::write(&path, format!("{result:#}\n")).with_context(|| path.display().to_string())?;
        }
    }
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
