//! One table: a file, and what is found in it. Words that the rules look for are spelled in two.

use super::*;

fn found(path: &str, text: &str) -> Vec<String> {
    check(&[Source { path: path.to_owned(), text: text.to_owned() }])
}

#[test]
fn each_rule_finds_its_line() {
    let rows: &[(&str, &str, &str)] = &[
        ("a.rs", concat!("fn a() {}\n// TO", "DO: b"), concat!("a.rs:2: TO", "DO: do it, or file an issue")),
        ("a.toml", concat!("# from crates", ".io"), "name the package, not the registry's host"),
        ("a.md", concat!("see /ho", "me/me/a"), "a path of one machine"),
        (
            "x/package-lock.json",
            "{\n  \"resolved\": \"x\"",
            "x/package-lock.json:2: an address in a lock file",
        ),
        ("web/lib.min.js", "", "a third party's bundle; depend on the package instead"),
        ("node_modules/a/a.js", "", "a third party's bundle; depend on the package instead"),
        ("crates/a/tests/b.rs", concat!("sle", "ep(SECOND).await;"), "a test that sleeps"),
        ("crates/a/src/b_tests.rs", concat!("sle", "ep(SECOND);"), "a test that sleeps"),
        (
            "crates/a/src/b.rs",
            concat!("#[cfg(test)]\nmod tests {\n  sle", "ep(S);"),
            "b.rs:3: a test that sleeps",
        ),
        ("conformance/room.test.mjs", concat!("await sle", "ep(100);"), "a test that sleeps"),
    ];
    for (path, text, expected) in rows {
        let findings = found(path, text);
        assert_eq!(findings.len(), 1, "{path}: {findings:?}");
        assert!(findings[0].contains(expected), "{findings:?}");
    }
}

#[test]
fn what_is_right_is_not_found() {
    let rows = [
        ("Cargo.lock", format!("source = \"{CARGO_INDEX}\"")),
        ("src/driver.rs", concat!("sle", "ep(until).await;").to_owned()),
        ("tests/a.rs", format!("// {PAUSED}\n{}", concat!("sle", "ep(SECOND).await;"))),
        ("tests/a.rs", format!("{} // {PAUSED}", concat!("sle", "ep(SECOND).await;"))),
        ("web/app.js", "let resolved = \"resolved\";".to_owned()),
    ];
    for (path, text) in rows {
        assert_eq!(found(path, &text), [""; 0], "{path}");
    }
}
