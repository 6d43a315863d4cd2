//! What is asked of Linux: cores, CPU time, resident memory, the limit of open files.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// One core for the server and one for the generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    server: usize,
    generator: usize,
}

impl Cores {
    /// The first two that this process may use, or `None` when it has but one.
    pub(crate) fn choose() -> Result<Option<Self>> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        Ok(cores.next().zip(cores.next()).map(|(server, generator)| Self { server, generator }))
    }

    /// Does something on the server's core and returns to the generator's. A process that is started meanwhile stays
    /// on the server's core with all its threads.
    pub(crate) fn on_server<T>(self, action: impl FnOnce() -> T) -> io::Result<T> {
        pin(self.server)?;
        let value = action();
        pin(self.generator)?;
        Ok(value)
    }
}

fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// Allows this process and those that it starts as many open files as the system lets them have.
pub(crate) fn raise_open_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}

/// The time on four clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    wall: Instant,
    generator: Duration,
    server: Duration,
    /// All cores, all processes.
    everybody: Duration,
}

/// What passed between two readings of the clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elapsed {
    pub(crate) seconds: f64,
    /// Shares of one core.
    pub(crate) generator: f64,
    pub(crate) server: f64,
    /// Of everybody else on the machine, and of a hypervisor that took a core away.
    pub(crate) others: f64,
}

impl Clocks {
    pub(crate) fn read(server: u32) -> Result<Self> {
        let own = clock_gettime(ClockId::ProcessCPUTime);
        Ok(Self {
            wall: Instant::now(),
            generator: Duration::new(own.tv_sec as u64, own.tv_nsec as u32),
            server: cpu_time(server)?,
            everybody: busy_time()?,
        })
    }

    pub(crate) fn until(self, later: Self) -> Elapsed {
        let seconds = later.wall.duration_since(self.wall).as_secs_f64();
        let share = |before, after: Duration| after.saturating_sub(before).as_secs_f64() / seconds;
        let generator = share(self.generator, later.generator);
        let server = share(self.server, later.server);
        let others = (share(self.everybody, later.everybody) - generator - server).max(0.0);
        Elapsed { seconds, generator, server, others }
    }
}

/// User and system time of all threads of a process; its grain is 10 ms.
fn cpu_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    // proc(5): utime and stime are fields 14 and 15; the name in field 2 may contain anything, its end is the last ')'.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.map(|field| field.parse::<u64>().context(path.clone())).sum::<Result<_>>()?;
    Ok(of_ticks(ticks))
}

/// What all cores together did not idle.
fn busy_time() -> Result<Duration> {
    const PATH: &str = "/proc/stat";
    let stat = fs::read_to_string(PATH).context(PATH)?;
    // proc(5): user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in the first two as well.
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8);
    let ticks = fields.map(|field| field.parse().context(PATH)).collect::<Result<Vec<u64>>>()?;
    Ok(of_ticks(
        ticks.iter().enumerate().filter(|(field, _)| !matches!(field, 3 | 4)).map(|(_, ticks)| ticks).sum(),
    ))
}

fn of_ticks(ticks: u64) -> Duration {
    Duration::from_secs(ticks) / rustix::param::clock_ticks_per_second() as u32
}

/// Resident bytes of a process, counted page by page: the figure in `statm` lags by some.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let rollup = fs::read_to_string(&path).with_context(|| path.clone())?;
    let kib = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    kib.map(|kib: u64| kib * 1024).context(path)
}

/// Resident bytes once they stay the same for a while, or after two seconds.
pub(crate) fn settled_resident(pid: u32) -> Result<u64> {
    let mut last = resident(pid)?;
    for _ in 0..8 {
        thread::sleep(Duration::from_millis(250));
        let now = resident(pid)?;
        if now == last {
            break;
        }
        last = now;
    }
    Ok(last)
}

/// One line about the machine, for the head of a table.
pub(crate) fn describe() -> String {
    let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} cores, Linux {}", model.as_deref().unwrap_or("unknown CPU"), kernel.trim())
}
