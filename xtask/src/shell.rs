//! Where the workspace is, and a [`Shell`] that runs one part's commands with their output in its log.
//!
//! A command that hangs is ended, with all its children, when its part has taken [`PATIENCE`] times its
//! budget: a deadlocked test then shows as a failure with a log instead of a CI run that never returns.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// A part is ended after this many times its budget. Budgets are for an idle machine of 2 cores.
const PATIENCE: u32 = 4;

/// How often a running command is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// The exit code with which a command says that it was skipped, as in Automake's test driver.
const SKIPPED: i32 = 77;

/// How a part ended, when it did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Something it needs cannot be had on this machine; the text says what.
    Skipped(String),
}

/// The two folders that everything else is named from.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Cargo's target folder: `CARGO_TARGET_DIR` where it is set.
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn locate() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().context("xtask lies in the workspace's root")?.to_path_buf();
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target })
    }

    /// The logs, the Python environments and whatever else xtask makes for itself.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.target.join("xtask")
    }

    /// What a part printed.
    pub(crate) fn log(&self, part: &str) -> PathBuf {
        self.scratch().join(format!("{part}.log"))
    }

    /// Cargo as it was started, in the workspace's root.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args).current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        command
    }
}

/// Runs the commands of one part.
#[derive(Debug)]
pub(crate) struct Shell<'a> {
    pub(crate) workspace: &'a Workspace,
    log: File,
    log_path: PathBuf,
    deadline: Instant,
}

impl<'a> Shell<'a> {
    pub(crate) fn open(workspace: &'a Workspace, part: &str, budget: Duration) -> Result<Self> {
        let log_path = workspace.log(part);
        fs::create_dir_all(workspace.scratch())?;
        let log = File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
        Ok(Self { workspace, log, log_path, deadline: Instant::now() + budget * PATIENCE })
    }

    /// Writes a line into the log.
    pub(crate) fn say(&mut self, line: &str) -> Result<()> {
        writeln!(self.log, "{line}").with_context(|| format!("cannot write {}", self.log_path.display()))
    }

    /// `cargo ARGS…` with the workspace's target folder.
    pub(crate) fn cargo(&mut self, args: &[&str]) -> Result<Outcome> {
        self.run(&mut self.workspace.cargo(args))
    }

    /// Runs a command to its end in the workspace's root (unless it names another folder), without input.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<Outcome> {
        if command.get_current_dir().is_none() {
            command.current_dir(&self.workspace.root);
        }
        let name =
            Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.say(&format!("$ {command:?}"))?;
        command.stdin(Stdio::null()).stdout(self.log.try_clone()?).stderr(self.log.try_clone()?);
        let status = self.wait(command, &name)?;
        match status.code() {
            Some(0) => Ok(Outcome::Done),
            Some(SKIPPED) => Ok(Outcome::Skipped(self.last_line()?)),
            _ => bail!("{name}: {status}"),
        }
    }

    fn wait(&self, command: &mut Command, name: &str) -> Result<ExitStatus> {
        let mut child = command.process_group(0).spawn().with_context(|| format!("cannot start {name}"))?;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= self.deadline {
                let group = format!("-{}", child.id());
                Command::new("kill").args(["-KILL", "--", &group]).status().context("cannot run kill")?;
                child.wait()?;
                bail!("{name}: ended because it took more than {PATIENCE} times its part's budget");
            }
            std::thread::sleep(GLANCE);
        }
    }

    fn last_line(&self) -> Result<String> {
        let log = fs::read_to_string(&self.log_path)?;
        Ok(log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim().to_owned())
    }
}

/// Where a program lies on `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
