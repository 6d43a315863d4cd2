//! A run is played by hand: which part may start when, and what is said of it at the end.

use super::*;

const fn part(name: &'static str, suite: Suite, needs: &'static [&'static str], lane: Lane) -> Part {
    Part { name, suite, budget: 10, needs, lane, run: |_| Ok(Outcome::Done) }
}

const BUILD: Part = part("build", Suite::Setup, &[], Lane::Cargo);
const TOOL: Part = part("tool", Suite::Setup, &[], Lane::Free);
const UNIT: Part = part("unit", Suite::Test, &["build"], Lane::Cargo);
const SUITE: Part = part("suite", Suite::Test, &["build", "tool"], Lane::Free);
const LINT: Part = part("lint", Suite::Check, &[], Lane::Cargo);

fn second() -> Duration {
    Duration::from_secs(1)
}

#[test]
fn one_compiler_at_a_time_and_needs_first() {
    let parts = [&BUILD, &TOOL, &UNIT, &SUITE, &LINT];
    let board = Board::new(&parts);
    assert_eq!(board.next().unwrap().name, "build");
    assert_eq!(board.next().unwrap().name, "tool", "lint would be a second compiler");
    board.end(&BUILD, second(), Ok(Outcome::Done));
    assert_eq!(board.next().unwrap().name, "unit");
    board.end(&TOOL, second(), Ok(Outcome::Done));
    assert_eq!(board.next().unwrap().name, "suite");
    board.end(&UNIT, second(), Ok(Outcome::Done));
    assert_eq!(board.next().unwrap().name, "lint");
    board.end(&SUITE, second(), Ok(Outcome::Done));
    board.end(&LINT, second() * 11, Ok(Outcome::Done));
    assert!(board.next().is_none());

    let report = board.report(|_| Counts { passed: 3, failed: 0, skipped: 1 });
    assert_eq!(report.counts, Some(Counts { passed: 6, failed: 0, skipped: 2 }));
    assert!(report.failed.is_empty());
    assert!(report.table.ends_with("ok, OVER BUDGET\n"), "{}", report.table);
}

#[test]
fn a_failure_is_counted_and_skips_what_needs_it() {
    let parts = [&BUILD, &TOOL, &UNIT, &SUITE];
    let board = Board::new(&parts);
    board.next();
    board.next();
    board.end(&TOOL, second(), Ok(Outcome::Skipped("no such tool".to_owned())));
    board.end(&BUILD, second(), Ok(Outcome::Done));
    assert_eq!(board.next().unwrap().name, "unit");
    board.end(&UNIT, second(), Err("exit status: 101".to_owned()));
    assert!(board.next().is_none(), "the suite's tool is missing");

    let report = board.report(|_| Counts::default());
    assert_eq!(report.counts, Some(Counts { passed: 0, failed: 1, skipped: 1 }));
    assert_eq!(report.failed, ["unit"]);
    assert!(report.table.contains("SKIPPED: no such tool"), "{}", report.table);
}

#[test]
fn a_failed_build_is_the_only_failure() {
    let parts = [&BUILD, &TOOL, &UNIT, &SUITE];
    let board = Board::new(&parts);
    board.next();
    board.end(&BUILD, second(), Err("exit status: 101".to_owned()));
    assert_eq!(board.next().unwrap().name, "tool");
    board.end(&TOOL, second(), Ok(Outcome::Done));
    assert!(board.next().is_none());
    assert_eq!(board.report(|_| Counts::default()).failed, ["build"]);
}

#[test]
fn checks_alone_print_no_count() {
    let parts = [&LINT];
    let board = Board::new(&parts);
    board.next();
    board.end(&LINT, second(), Ok(Outcome::Done));
    assert_eq!(board.report(|_| Counts::default()).counts, None);
}
