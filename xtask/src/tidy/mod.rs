//! The house rules that no compiler checks. Each finding is one line: where, what, and what would be right.

mod arrows;
mod sizes;
mod text;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// A file of the repository: its path from the root, with `/`, and its text.
#[derive(Debug)]
struct Source {
    path: String,
    text: String,
}

/// Checks everything. The summary says how much there was; the error lists every finding.
pub(crate) fn run(root: &Path) -> Result<String> {
    let crates = arrows::read(root)?;
    let sources = sources(root)?;
    let mut findings = arrows::check(&crates);
    findings.extend(sizes::check(&sources));
    findings.extend(text::check(&sources));
    if findings.is_empty() {
        Ok(format!("tidy: {} crates, {} files", crates.len(), sources.len()))
    } else {
        bail!("tidy: {} findings\n{}", findings.len(), findings.join("\n"))
    }
}

/// Every text file that is or could be committed, whatever `.gitignore` does not name.
fn sources(root: &Path) -> Result<Vec<Source>> {
    let git = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("cannot run git")?;
    ensure!(git.status.success(), "git ls-files: {}", String::from_utf8_lossy(&git.stderr));
    let mut sources = Vec::new();
    for path in git.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
        let path = str::from_utf8(path).context("a file's name is not UTF-8")?.to_owned();
        // A file deleted but not yet committed as deleted is listed too; binary files have no text rules.
        if let Ok(text) = fs::read_to_string(root.join(&path)) {
            sources.push(Source { path, text });
        }
    }
    Ok(sources)
}
