//! The table of everything that `check` and `test` run.
//!
//! To add a part, add a row: its name, budget, needs and command stand nowhere else. Rows run in this
//! order as far as their needs allow, two at a time; see [`crate::schedule`].

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::install;
use crate::shell::{Outcome, Shell};
use crate::tidy;

/// Which command runs a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    /// Only where another part needs it.
    Setup,
    Check,
    Test,
}

/// What a part shares with others: of each lane but the last, one runs at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Uses Cargo's target folder, whose lock lets one command in at a time.
    Cargo,
    /// Uses apt-get, whose lock is alike.
    Debian,
    /// Runs beside anything.
    Free,
}

/// One row: a thing to run, and what must have ended well before.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) suite: Suite,
    /// Seconds on an idle machine of 2 cores, from a clean checkout.
    pub(crate) budget: u32,
    pub(crate) needs: &'static [&'static str],
    pub(crate) lane: Lane,
    pub(crate) run: fn(&mut Shell<'_>) -> Result<Outcome>,
}

impl Part {
    const fn new(
        suite: Suite,
        name: &'static str,
        budget: u32,
        needs: &'static [&'static str],
        run: fn(&mut Shell<'_>) -> Result<Outcome>,
    ) -> Self {
        Self { name, suite, budget, needs, lane: Lane::Free, run }
    }

    const fn in_lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    pub(crate) fn budget(&self) -> Duration {
        Duration::from_secs(self.budget.into())
    }
}

/// Clippy's lint that makes every `allow` name its reason is not in the workspace's table because it is
/// a rule for what is committed, not for what is being written.
const CLIPPY: &[&str] = &[
    "clippy",
    "--workspace",
    "--all-targets",
    "--all-features",
    "--",
    "--deny=warnings",
    "--deny=clippy::allow_attributes_without_reason",
];

/// Autobahn|Testsuite: its installation, and its cases against one of our programs.
const AUTOBAHN: &str = "conformance/autobahn/run.py";

use Suite::{Check, Setup, Test};

/// Everything there is to run.
///
/// `build` makes tests, binaries and examples with one set of features and one profile, so that no
/// dependency is compiled twice and the conformance suites drive the same binaries.
#[rustfmt::skip]
pub(crate) const PARTS: &[Part] = &[
    Part::new(Check, "tidy", 5, &[], |shell| {
        let summary = tidy::run(&shell.workspace.root)?;
        shell.say(&summary)?;
        Ok(Outcome::Done)
    }),
    Part::new(Check, "fmt", 10, &[], |shell| shell.cargo(&["fmt", "--all", "--check"])),
    Part::new(Setup, "build", 600, &[], |shell| {
        shell.cargo(&["build", "--workspace", "--all-targets", "--all-features"])
    }).in_lane(Lane::Cargo),
    Part::new(Setup, "python", 30, &[], install::python).in_lane(Lane::Debian),
    Part::new(Setup, "chromium", 120, &[], install::chromium).in_lane(Lane::Debian),
    Part::new(Setup, "curl", 20, &[], install::curl).in_lane(Lane::Debian),
    Part::new(Setup, "openssl", 20, &[], install::openssl).in_lane(Lane::Debian),
    Part::new(Setup, "nginx", 20, &[], install::nginx).in_lane(Lane::Debian),
    Part::new(Setup, "rabbitmq", 60, &[], install::rabbitmq).in_lane(Lane::Debian),
    Part::new(Setup, "npm", 30, &[], install::node_modules),
    Part::new(Setup, "autobahn-suite", 60, &["python"], |shell| install::python_script(shell, AUTOBAHN, &["install"])),
    Part::new(Setup, "cargo-deny", 120, &[], install::cargo_deny),
    Part::new(Test, "rust", 180, &["build"], |shell| {
        shell.cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"])
    }).in_lane(Lane::Cargo),
    Part::new(Test, "autobahn-server", 120, &["build", "autobahn-suite"], |shell| {
        install::python_script(shell, AUTOBAHN, &["check", "server", "server", "plain", "small"])
    }),
    Part::new(Test, "autobahn-stream", 20, &["build", "autobahn-suite"], |shell| {
        install::python_script(shell, AUTOBAHN, &["check", "server", "stream", "plain"])
    }),
    Part::new(Test, "autobahn-client", 20, &["build", "autobahn-suite"], |shell| {
        install::python_script(shell, AUTOBAHN, &["check", "client", "stream", "plain"])
    }),
    Part::new(Test, "rooms", 60, &["build", "npm", "python", "curl", "chromium"], |shell| {
        install::node_tests(shell, "conformance/rooms")
    }),
    Part::new(Test, "http2", 10, &["build", "python"], |shell| {
        install::python_script(shell, "conformance/http2/test_websocket.py", &[])
    }),
    Part::new(Test, "http2-chromium", 15, &["build", "npm", "chromium", "openssl"], |shell| {
        install::node_tests(shell, "conformance/http2")
    }),
    Part::new(Test, "socketio", 90, &["build", "npm", "python", "chromium"], |shell| {
        install::node_tests(shell, "conformance/socketio")
    }),
    Part::new(Test, "signalr", 60, &["build", "npm", "python", "chromium"], |shell| {
        install::node_tests(shell, "conformance/signalr")
    }),
    Part::new(Test, "sockjs", 90, &["build", "npm", "chromium", "nginx"], |shell| {
        install::node_tests(shell, "conformance/sockjs")
    }),
    Part::new(Test, "stomp", 70, &["build", "npm", "python", "chromium"], |shell| {
        install::node_tests(shell, "conformance/stomp")
    }),
    Part::new(Check, "clippy", 120, &[], |shell| shell.cargo(CLIPPY)).in_lane(Lane::Cargo),
    Part::new(Check, "pure", 20, &[], |shell| {
        let pure = ["-p=everywire-websocket", "-p=everywire-core", "-p=everywire-protocols"];
        shell.cargo(&[&["check", "--no-default-features"], &pure[..]].concat())
    }).in_lane(Lane::Cargo),
    Part::new(Check, "docs", 60, &[], |shell| {
        let mut command = shell.workspace.cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
        shell.run(command.env("RUSTDOCFLAGS", "--deny=warnings"))
    }).in_lane(Lane::Cargo),
    Part::new(Check, "deny", 10, &["cargo-deny"], |shell| {
        let mut bans = install::cargo_deny_command(shell.workspace);
        shell.run(bans.args(["--all-features", "--exclude=everywire-bench", "check", "bans"]))?;
        let mut rest = install::cargo_deny_command(shell.workspace);
        shell.run(rest.args(["--all-features", "check", "licenses", "sources"]))
    }),
];

/// The parts of these suites and all that they need, in the table's order.
pub(crate) fn of(suites: &[Suite]) -> Vec<&'static Part> {
    select(|part| suites.contains(&part.suite))
}

/// The named parts and all that they need.
pub(crate) fn named(names: &[&str]) -> Result<Vec<&'static Part>> {
    for name in names {
        PARTS
            .iter()
            .find(|part| part.name == *name)
            .with_context(|| format!("no part is named {name}; there are:\n{}", list(PARTS)))?;
    }
    Ok(select(|part| names.contains(&part.name)))
}

fn select(wanted: impl Fn(&Part) -> bool) -> Vec<&'static Part> {
    let mut chosen: Vec<bool> = PARTS.iter().map(wanted).collect();
    // A part's needs stand above it (a test holds the table to that), so one pass from below finds all.
    for index in (0..PARTS.len()).rev().filter(|index| chosen[*index]).collect::<Vec<_>>() {
        mark_needs(index, &mut chosen);
    }
    PARTS.iter().zip(chosen).filter_map(|(part, chosen)| chosen.then_some(part)).collect()
}

fn mark_needs(index: usize, chosen: &mut [bool]) {
    for (need, part) in PARTS.iter().enumerate() {
        if PARTS[index].needs.contains(&part.name) {
            chosen[need] = true;
            mark_needs(need, chosen);
        }
    }
}

/// One line a part.
pub(crate) fn list(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        let needs =
            if part.needs.is_empty() { String::new() } else { format!("  needs {}", part.needs.join(", ")) };
        let suite = format!("{:?}", part.suite).to_lowercase();
        writeln!(text, "  {:<18} {suite:<6} {:>4} s{needs}", part.name, part.budget)
            .expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_stand_above_and_names_are_unique() {
        for (index, part) in PARTS.iter().enumerate() {
            for need in part.needs {
                assert!(
                    PARTS[..index].iter().any(|above| above.name == *need),
                    "{}: needs {need}",
                    part.name
                );
            }
            assert!(PARTS[..index].iter().all(|above| above.name != part.name), "{} twice", part.name);
        }
    }

    #[test]
    fn a_selection_brings_its_needs_and_nothing_else() {
        let names: Vec<_> = named(&["rust"]).unwrap().iter().map(|part| part.name).collect();
        assert_eq!(names, ["build", "rust"]);
        assert!(named(&["rusty"]).unwrap_err().to_string().starts_with("no part is named rusty"));
        assert!(of(&[Check]).iter().all(|part| part.suite != Test));
    }
}
