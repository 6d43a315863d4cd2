//! Which crate may use which: the floors of `ARCHITECTURE.md`, as a table.
//!
//! A floor holds no handle to its neighbour, so codecs, core and protocols stay free of runtime and
//! sockets, and nothing that is shipped depends on the testkit.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

const CORE: &str = "everywire-core";
const PROTOCOLS: &str = "everywire-protocols";
const WEBSOCKET: &str = "everywire-websocket";
const EVERYWIRE: &str = "everywire";
const CLIENT: &str = "everywire-client";
const SERVER: &str = "everywire-server";
const REDIS: &str = "everywire-redis";
const NATS: &str = "everywire-nats";
const TESTKIT: &str = "everywire-testkit";

/// A crate, what it may use, and what its tests may use beside that.
#[derive(Debug)]
struct Arrow {
    from: &'static str,
    to: &'static [&'static str],
    in_tests: &'static [&'static str],
}

const ARROWS: &[Arrow] = &[
    Arrow { from: WEBSOCKET, to: &[], in_tests: &[] },
    Arrow { from: CORE, to: &[], in_tests: &[TESTKIT] },
    Arrow { from: PROTOCOLS, to: &[CORE], in_tests: &[TESTKIT] },
    Arrow { from: TESTKIT, to: &[CORE, PROTOCOLS], in_tests: &[] },
    Arrow { from: REDIS, to: &[CORE], in_tests: &[TESTKIT] },
    Arrow { from: NATS, to: &[CORE], in_tests: &[TESTKIT] },
    Arrow { from: EVERYWIRE, to: &[CORE, PROTOCOLS, WEBSOCKET], in_tests: &[TESTKIT, CLIENT] },
    Arrow { from: CLIENT, to: &[CORE, PROTOCOLS, WEBSOCKET], in_tests: &[TESTKIT, EVERYWIRE] },
    Arrow { from: SERVER, to: &[EVERYWIRE, REDIS, NATS], in_tests: &[TESTKIT, CLIENT, WEBSOCKET] },
    Arrow { from: "everywire-bench", to: &[EVERYWIRE, WEBSOCKET, CORE, PROTOCOLS], in_tests: &[] },
    Arrow { from: "everywire-examples", to: &[EVERYWIRE, WEBSOCKET, CLIENT], in_tests: &[] },
    Arrow { from: "everywire-fuzz-bodies", to: &[WEBSOCKET, CORE, PROTOCOLS, TESTKIT], in_tests: &[] },
    Arrow { from: "xtask", to: &[], in_tests: &[] },
];

/// Crates without runtime or sockets. The codec alone may have them behind a feature, and in its tests.
const PURE: &[&str] = &[CORE, PROTOCOLS, WEBSOCKET];

/// What a runtime or a socket is recognised by: the name, or its first part (`tokio-util`).
const IMPURE: &[&str] = &["tokio", "hyper", "mio", "smol", "async-std", "async-io", "socket2"];

/// What matters here of one `Cargo.toml`.
#[derive(Debug)]
pub(super) struct Manifest {
    name: String,
    dependencies: Vec<Dependency>,
    default_features: Vec<String>,
}

#[derive(Debug)]
struct Dependency {
    name: String,
    in_tests: bool,
    optional: bool,
}

/// Reads the manifests of all members.
pub(super) fn read(root: &Path) -> Result<Vec<Manifest>> {
    let cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(cargo.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&cargo.stderr));
    let metadata: Value = serde_json::from_slice(&cargo.stdout)?;
    let packages = metadata["packages"].as_array().context("cargo metadata without packages")?;
    Ok(packages.iter().map(manifest).collect())
}

fn manifest(package: &Value) -> Manifest {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let dependency = |value: &Value| Dependency {
        name: text(&value["name"]),
        in_tests: value["kind"] == "dev",
        optional: value["optional"] == true,
    };
    Manifest {
        name: text(&package["name"]),
        dependencies: list(&package["dependencies"]).iter().map(dependency).collect(),
        default_features: list(&package["features"]["default"]).iter().map(text).collect(),
    }
}

pub(super) fn check(crates: &[Manifest]) -> Vec<String> {
    crates.iter().flat_map(|manifest| foreign_arrows(manifest, crates).chain(impurities(manifest))).collect()
}

fn foreign_arrows<'a>(manifest: &'a Manifest, crates: &'a [Manifest]) -> impl Iterator<Item = String> + 'a {
    let name = &manifest.name;
    let arrow = ARROWS.iter().find(|arrow| arrow.from == name);
    let unknown =
        arrow.is_none().then(|| format!("{name}: a crate without a row in xtask/src/tidy/arrows.rs"));
    // A crate's tests may name the crate itself, with more of its features.
    let is_other =
        move |used: &&Dependency| used.name != *name && crates.iter().any(|crate_| crate_.name == used.name);
    let ours = manifest.dependencies.iter().filter(is_other);
    let foreign = ours.filter_map(move |used| {
        let Arrow { to, in_tests, .. } = arrow?;
        let allowed = to.contains(&&*used.name) || used.in_tests && in_tests.contains(&&*used.name);
        let place = if used.in_tests { "tests may not" } else { "may not" };
        (!allowed).then(|| format!("{name}: {place} depend on {} (see ARCHITECTURE.md)", used.name))
    });
    unknown.into_iter().chain(foreign)
}

fn impurities(manifest: &Manifest) -> impl Iterator<Item = String> + '_ {
    let name = &manifest.name;
    let is_pure = PURE.contains(&name.as_str());
    let impure = manifest.dependencies.iter().filter(move |used| {
        let first = used.name.split('-').next().unwrap_or_default();
        let behind_a_feature = name == WEBSOCKET && (used.optional || used.in_tests);
        is_pure && !behind_a_feature && IMPURE.iter().any(|impure| *impure == used.name || *impure == first)
    });
    let by_default = is_pure && name == WEBSOCKET && !manifest.default_features.is_empty();
    let default =
        by_default.then(|| format!("{name}: must be pure by default, so it has no default features"));
    impure
        .map(move |used| format!("{name}: is pure, so its manifest may not name {}", used.name))
        .chain(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), in_tests: false, optional: false }
    }

    fn findings(name: &str, dependency: Dependency) -> Vec<String> {
        let bare =
            |name: &str| Manifest { name: name.to_owned(), dependencies: vec![], default_features: vec![] };
        let mut crates: Vec<_> =
            ARROWS.iter().map(|arrow| bare(arrow.from)).filter(|bare| bare.name != name).collect();
        crates.push(Manifest { dependencies: vec![dependency], ..bare(name) });
        check(&crates)
    }

    #[test]
    fn arrows_point_down() {
        assert_eq!(findings(PROTOCOLS, uses(CORE)), [""; 0]);
        assert_eq!(findings(CORE, Dependency { in_tests: true, ..uses(TESTKIT) }), [""; 0]);
        let refused = ["everywire-core: may not depend on everywire-protocols (see ARCHITECTURE.md)"];
        assert_eq!(findings(CORE, uses(PROTOCOLS)), refused);
        let refused = ["everywire: may not depend on everywire-testkit (see ARCHITECTURE.md)"];
        assert_eq!(findings(EVERYWIRE, uses(TESTKIT)), refused);
        let refused = ["everywire-websocket: tests may not depend on everywire-core (see ARCHITECTURE.md)"];
        assert_eq!(findings(WEBSOCKET, Dependency { in_tests: true, ..uses(CORE) }), refused);
        assert_eq!(
            findings("extra", uses("bytes")),
            ["extra: a crate without a row in xtask/src/tidy/arrows.rs"]
        );
    }

    #[test]
    fn pure_crates_stay_pure() {
        for name in ["tokio", "tokio-util", "hyper", "hyper-util", "mio"] {
            let refused = [format!("everywire-core: is pure, so its manifest may not name {name}")];
            assert_eq!(findings(CORE, uses(name)), refused);
            assert_eq!(findings(CORE, Dependency { optional: true, ..uses(name) }), refused);
            assert_eq!(findings(WEBSOCKET, Dependency { optional: true, ..uses(name) }), [""; 0]);
            assert_eq!(findings(WEBSOCKET, uses(name)).len(), 1);
            assert_eq!(findings(EVERYWIRE, uses(name)), [""; 0]);
        }
    }
}
