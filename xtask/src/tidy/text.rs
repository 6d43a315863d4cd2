//! Rules for what a line of a committed file may say.
//!
//! Clippy already refuses `dbg!`, `todo!` and an `allow` without its reason (see [`crate::parts`]).

use super::Source;

/// Words of unfinished work. Spelled in two, so that this file does not find itself; likewise below.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];

/// Package registries are named by the client that reaches them, never by address: mirrors exist.
const REGISTRIES: &[&str] = &[
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("deb.debian", ".org"),
];

/// Where somebody's machine keeps its files.
const MACHINE_PATHS: &[&str] =
    &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")];

/// Cargo's own name for where crates come from.
const CARGO_INDEX: &str = concat!("registry+https://github.com/rust-lang/crates", ".io-index");

/// What a test that waits for a paused clock says on the line, or on the line above.
const PAUSED: &str = "paused clock";

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(|source| bundle(source).into_iter().chain(lines(source))).collect()
}

/// Other people's code comes by its package manager, with its version and licence.
fn bundle(Source { path, .. }: &Source) -> Option<String> {
    let is_bundle = [".min.js", ".min.css", ".bundle.js", ".min.mjs"].iter().any(|end| path.ends_with(end))
        || path.split('/').any(|folder| folder == "node_modules");
    is_bundle.then(|| format!("{path}: a third party's bundle; depend on the package instead"))
}

fn lines(Source { path, text }: &Source) -> Vec<String> {
    let mut findings = Vec::new();
    let is_npm_lock = path.ends_with("package-lock.json");
    let mut is_test = is_test_file(path);
    let mut above = "";
    for (number, line) in (1..).zip(text.lines()) {
        is_test |= path.ends_with(".rs") && line.trim_start().starts_with("#[cfg(test)]");
        let mut find = |what: &str| findings.push(format!("{path}:{number}: {what}"));
        if let Some(word) = UNFINISHED.iter().find(|word| line.contains(**word)) {
            find(&format!("{word}: do it, or file an issue"));
        }
        if let Some(host) = REGISTRIES.iter().find(|host| line.replace(CARGO_INDEX, "").contains(**host)) {
            find(&format!("{host}: name the package, not the registry's host"));
        }
        if let Some(folder) = MACHINE_PATHS.iter().find(|folder| line.contains(**folder)) {
            find(&format!("{folder}: a path of one machine"));
        }
        if is_npm_lock && line.trim_start().starts_with("\"resolved\"") {
            find("an address in a lock file; the repository's .npmrc leaves them out");
        }
        if is_test && line.contains("sleep(") && !line.contains(PAUSED) && !above.contains(PAUSED) {
            find("a test that sleeps; wait for what happens, or mark it `// paused clock`");
        }
        above = line;
    }
    findings
}

fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_rust = name.ends_with(".rs")
        && (name == "tests.rs" || name.ends_with("_tests.rs") || path.contains("tests/"));
    is_rust || name.contains(".test.") || name.starts_with("test_")
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
