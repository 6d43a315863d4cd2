//! Adds up the closing lines of test runners, so that one plain line can end the whole run.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed, failed and were skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

impl Counts {
    /// Sums every closing line in a log: cargo test's, those of Node's test runner (`ℹ pass 3`, `ℹ fail 0` and so on), and
    /// the plain line of our own suites (`3 passed, 0 failed`, with `, 1 skipped` if any).
    pub(crate) fn in_log(log: &str) -> Self {
        let mut sum = Self::default();
        for line in log.lines() {
            let counts = if let Some(rest) = line.strip_prefix("test result: ") {
                rest.split_once(". ").and_then(|(_, counts)| Self::parse(counts, "; "))
            } else if let Some(rest) = line.strip_prefix("ℹ ") {
                Self::parse_node(rest)
            } else {
                Self::parse(line, ", ")
            };
            sum += counts.unwrap_or_default();
        }
        sum
    }

    /// `None` for a line that is something else.
    fn parse(line: &str, separator: &str) -> Option<Self> {
        let mut counts = Self::default();
        for (place, item) in line.split(separator).enumerate() {
            let (number, word) = item.split_once(' ')?;
            match (place, word) {
                (0, "passed") => counts.passed = number.parse().ok()?,
                (1, "failed") => counts.failed = number.parse().ok()?,
                (2, "skipped" | "ignored") => counts.skipped = number.parse().ok()?,
                (0..3, _) => return None,
                _ => {}
            }
        }
        Some(counts)
    }

    /// One of the lines that Node gives each number.
    fn parse_node(line: &str) -> Option<Self> {
        let (word, number) = line.split_once(' ')?;
        let number = number.parse().ok()?;
        match word {
            "pass" => Some(Self { passed: number, ..Self::default() }),
            "fail" | "cancelled" => Some(Self { failed: number, ..Self::default() }),
            "skipped" | "todo" => Some(Self { skipped: number, ..Self::default() }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_summed_and_others_ignored() {
        let log = "\
            running 3 tests\n\
            test result: FAILED. 2 passed; 1 failed; 4 ignored; 0 measured; 5 filtered out; finished in 0.00s\n\
            test result: ok. 7 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            10 passed, 2 failed, 1 skipped\n\
            20 passed, 0 failed\n\
            we passed, 1 failed\n\
            1 passed by, 2 failed\n\
            3 apples\n\
            ℹ 50 lives\n\
            ℹ tests 10\n\
            ℹ pass 4\n\
            ℹ fail 3\n\
            ℹ cancelled 1\n\
            ℹ skipped 2\n";
        assert_eq!(Counts::in_log(log), Counts { passed: 43, failed: 7, skipped: 7 });
        assert_eq!(
            Counts::in_log("1 passed, 0 failed, 2 skipped").to_string(),
            "1 passed, 0 failed, 2 skipped"
        );
    }
}
