//! Runs parts side by side, two at a time, and closes with a table and the sum of all tests.
//!
//! A part starts when all that it needs has ended well and its lane is free; among those that could
//! start, the first of the table does. Two at a time suits the machine of 2 cores that the budgets are
//! for: compilers take what is there, suites that mostly wait run beside them.

use std::collections::HashMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use crate::counts::Counts;
use crate::parts::{Lane, Part, Suite};
use crate::shell::{Outcome, Shell, Workspace};

const AT_ONCE: usize = 2;

/// How a part ended; the error is its text.
type Ending = Result<Outcome, String>;

/// Where a part is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Waiting,
    Running,
    Ended(Duration, Ending),
}

/// Runs all of `parts`, which hold their needs too. Fails when any of them failed.
pub(crate) fn run(workspace: &Workspace, parts: &[&Part]) -> Result<()> {
    let start = Instant::now();
    let board = Board::new(parts);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(part) = board.next() {
                    println!("        … {}", part.name);
                    let start = Instant::now();
                    let ending = execute(workspace, part);
                    announce(workspace, part, start.elapsed(), &ending);
                    board.end(part, start.elapsed(), ending);
                }
            });
        }
    });
    let report = board.report(|part| Counts::in_log(&log_of(workspace, part)));
    print!("\n{}{:<18} {:>4} s\n\n", report.table, "total", start.elapsed().as_secs());
    if let Some(counts) = report.counts {
        println!("{counts}");
    }
    if report.failed.is_empty() { Ok(()) } else { bail!("failed: {}", report.failed.join(", ")) }
}

fn execute(workspace: &Workspace, part: &Part) -> Ending {
    let attempt = || {
        let mut shell = Shell::open(workspace, part.name, part.budget())?;
        let result = (part.run)(&mut shell);
        if let Err(error) = &result {
            shell.say(&format!("{error:#}"))?;
        }
        result
    };
    // A part that panics must still end, or the others would wait for it for ever.
    let result = catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|_| Err(anyhow!("xtask panicked")));
    result.map_err(|error| format!("{error:#}"))
}

/// Says at once how a part ended, with its whole log if it failed.
fn announce(workspace: &Workspace, part: &Part, time: Duration, ending: &Ending) {
    let (name, seconds) = (part.name, time.as_secs());
    match ending {
        Ok(Outcome::Done) => println!("{seconds:>4} s  {name}: done"),
        Ok(Outcome::Skipped(why)) => println!("{seconds:>4} s  {name}: SKIPPED, {why}"),
        // The log ends with the error.
        Err(_) => println!("{}{seconds:>4} s  {name}: FAILED, see above", log_of(workspace, part)),
    }
}

fn log_of(workspace: &Workspace, part: &Part) -> String {
    let path = workspace.log(part.name);
    fs::read_to_string(&path).unwrap_or_else(|error| format!("no log at {}: {error}\n", path.display()))
}

/// The state of a run, shared by its threads.
#[derive(Debug)]
struct Board<'a> {
    parts: &'a [&'a Part],
    stages: Mutex<HashMap<&'static str, Stage>>,
    changed: Condvar,
}

impl<'a> Board<'a> {
    fn new(parts: &'a [&'a Part]) -> Self {
        let stages = parts.iter().map(|part| (part.name, Stage::Waiting)).collect();
        Self { parts, stages: Mutex::new(stages), changed: Condvar::new() }
    }

    fn stages(&self) -> MutexGuard<'_, HashMap<&'static str, Stage>> {
        // No panic leaves a stage half-written: they are replaced whole.
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next part to run, waiting until one can. `None` when none is left.
    fn next(&self) -> Option<&'a Part> {
        let mut stages = self.stages();
        loop {
            skip_the_needy(self.parts, &mut stages);
            if let Some(part) = startable(self.parts, &stages) {
                stages.insert(part.name, Stage::Running);
                return Some(part);
            }
            if !stages.values().any(|stage| *stage == Stage::Running) {
                return None;
            }
            stages = self.changed.wait(stages).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn end(&self, part: &Part, time: Duration, ending: Ending) {
        self.stages().insert(part.name, Stage::Ended(time, ending));
        self.changed.notify_all();
    }

    fn report(&self, count: impl Fn(&Part) -> Counts) -> Report {
        let mut report = Report::new();
        let stages = self.stages();
        for part in self.parts {
            report.add(part, &stages[part.name], &count);
        }
        report
    }
}

/// Ends the parts that cannot start because something they need failed or was skipped.
fn skip_the_needy(parts: &[&Part], stages: &mut HashMap<&'static str, Stage>) {
    // Needs stand above what needs them, so one pass reaches whole chains.
    for part in parts {
        let why = part.needs.iter().find_map(|need| match &stages[need] {
            Stage::Ended(_, Err(_)) => Some(format!("{need} failed")),
            Stage::Ended(_, Ok(Outcome::Skipped(why))) => Some(why.clone()),
            _ => None,
        });
        if let (Some(why), Stage::Waiting) = (why, &stages[part.name]) {
            println!("        {}: SKIPPED, {why}", part.name);
            stages.insert(part.name, Stage::Ended(Duration::ZERO, Ok(Outcome::Skipped(why))));
        }
    }
}

fn startable<'a>(parts: &[&'a Part], stages: &HashMap<&'static str, Stage>) -> Option<&'a Part> {
    let busy = |lane| parts.iter().any(|part| part.lane == lane && stages[part.name] == Stage::Running);
    let done = |need: &&str| matches!(stages[*need], Stage::Ended(_, Ok(Outcome::Done)));
    parts.iter().copied().find(|part| {
        stages[part.name] == Stage::Waiting
            && part.needs.iter().all(done)
            && (part.lane == Lane::Free || !busy(part.lane))
    })
}

/// What is printed at the end.
#[derive(Debug)]
struct Report {
    table: String,
    /// `None` when no part was a test.
    counts: Option<Counts>,
    failed: Vec<&'static str>,
}

impl Report {
    fn new() -> Self {
        let table = format!("{:<18} {:>6} {:>7}  result\n", "part", "took", "budget");
        Self { table, counts: None, failed: Vec::new() }
    }

    fn add(&mut self, part: &Part, stage: &Stage, count: impl Fn(&Part) -> Counts) {
        let Stage::Ended(time, ending) = stage else {
            unreachable!(
                "a run ends when no part is waiting or running, and each part's needs are parts of the run"
            );
        };
        let over = if *time > part.budget() { ", OVER BUDGET" } else { "" };
        let result = match ending {
            Ok(Outcome::Done) => "ok".to_owned(),
            Ok(Outcome::Skipped(why)) => format!("SKIPPED: {why}"),
            Err(error) => format!("FAILED: {}", error.lines().next().unwrap_or_default()),
        };
        let (took, budget) = (format!("{} s", time.as_secs()), format!("{} s", part.budget));
        self.table += &format!("{:<18} {took:>6} {budget:>7}  {result}{over}\n", part.name);
        if ending.is_err() {
            self.failed.push(part.name);
        }
        if part.suite == Suite::Test {
            *self.counts.get_or_insert_default() += counted(ending, part, count);
        }
    }
}

/// A part that was skipped or failed counts as at least one test.
fn counted(ending: &Ending, part: &Part, count: impl Fn(&Part) -> Counts) -> Counts {
    match ending {
        Ok(Outcome::Done) => count(part),
        Ok(Outcome::Skipped(_)) => Counts { skipped: 1, ..Counts::default() },
        Err(_) => {
            let counts = count(part);
            Counts { failed: counts.failed.max(1), ..counts }
        }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
