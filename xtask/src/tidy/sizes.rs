//! A Rust file holds one idea. Most have 80–250 lines; one above [`LONG`] says here why, and none is
//! above [`LIMIT`].

use super::Source;

const LONG: usize = 400;
const LIMIT: usize = 600;

/// Long files, and why each is better in one piece.
const REASONS: &[(&str, &str)] = &[
    ("crates/everywire-core/src/hub/connection.rs", "one connection's sends and order share its fields"),
    ("crates/everywire-core/src/mailbox/state.rs", "one state machine: all moves between its states"),
    ("crates/everywire-testkit/src/laws/model/reference.rs", "the reference model is read as a whole"),
    ("examples/src/bin/socketio_conformance/main.rs", "one list of handlers, in the order of its page"),
    ("bench/src/message.rs", "a message and its check, for each wire, side by side"),
    ("crates/everywire/tests/lifecycle.rs", "one story: every way that a connection ends"),
];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    check_against(sources, REASONS)
}

fn check_against(sources: &[Source], reasons: &[(&str, &str)]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut long = Vec::new();
    for Source { path, text } in sources.iter().filter(|source| source.path.ends_with(".rs")) {
        let lines = text.lines().count();
        if lines > LIMIT {
            findings.push(format!("{path}: {lines} lines; none may have more than {LIMIT}"));
        } else if lines > LONG && !reasons.iter().any(|(file, _)| file == path) {
            findings.push(format!(
                "{path}: {lines} lines; split it, or give a reason in xtask/src/tidy/sizes.rs"
            ));
        }
        if lines > LONG {
            long.push(path);
        }
    }
    let stale = reasons.iter().filter(|(file, _)| !long.iter().any(|path| path == file));
    findings.extend(
        stale.map(|(file, _)| format!("{file}: no longer long; drop its row in xtask/src/tidy/sizes.rs")),
    );
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_need_a_reason_and_none_is_huge() {
        let file = |path: &str, lines| Source { path: path.to_owned(), text: "x\n".repeat(lines) };
        let sources =
            [file("a.rs", 400), file("b.rs", 401), file("c.rs", 601), file("d.md", 9000), file("e.rs", 500)];
        let reasons = [("e.rs", "a table"), ("gone.rs", "a table")];
        assert_eq!(
            check_against(&sources, &reasons),
            [
                "b.rs: 401 lines; split it, or give a reason in xtask/src/tidy/sizes.rs",
                "c.rs: 601 lines; none may have more than 600",
                "gone.rs: no longer long; drop its row in xtask/src/tidy/sizes.rs",
            ]
        );
    }
}
