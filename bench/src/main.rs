//! Load generator, floor and peers, measured side by side in one run. `README.md` says how to read the table.

mod engine;
mod generator;
mod hub;
mod machine;
mod measure;
mod message;
mod options;
mod outcomes;
mod peers;
mod publication;
mod report;
mod rows;
mod sockjs;
mod statistics;
mod wire;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::machine::Cores;
use crate::measure::{Sample, measure};
use crate::options::Options;
use crate::outcomes::{Outcome, Outcomes};
use crate::report::Report;

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    if options.list {
        list();
        return Ok(ExitCode::SUCCESS);
    }
    if !options.no_build {
        peers::build()?;
    }
    let rows = options.choose_rows()?;
    let peers = options.choose_peers()?;
    machine::raise_open_files()?;
    let machine = machine::describe();
    let cores = Cores::choose()?;
    match cores {
        Some(cores) => cores.on_server(|| ())?,
        None => eprintln!("ONE CORE ONLY: server and generator share it, ratios mean little"),
    }

    let mut outcomes = Outcomes::new(&options.subject);
    // All rows in each round and not all rounds of a row at once: a bad minute spoils one round of many rows, which the
    // median forgives.
    for round in 1..=options.rounds {
        for row in &rows {
            let work = if options.quick { row.work.small() } else { row.work };
            for peer in peers.iter().filter(|peer| peer.serves(row)) {
                let result =
                    measure(peer, work, options.seconds, cores).map_err(|error| format!("{error:#}"));
                eprintln!("round {round}: {:<23} {:<25} {}", row.id, peer.name, summary(&result));
                outcomes.all.push(Outcome { round, row: row.id, peer: peer.name.clone(), result });
            }
        }
    }

    let report = Report {
        machine,
        rounds: options.rounds,
        seconds: options.seconds.as_secs_f64(),
        judged: !options.quick,
        peers: &peers,
        rows: &rows,
        outcomes: &outcomes,
    };
    println!("{}", report.markdown());
    if let Some(path) = &options.json {
        fs::write(path, format!("{:#}\n", report.json())).with_context(|| path.display().to_string())?;
    }
    let failed = outcomes.failures().next().is_some();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn summary(result: &Result<Sample, String>) -> String {
    match result {
        Ok(sample) => sample.values.iter().map(|value| format!("{value:.0} ")).collect(),
        Err(error) => format!("FAILED: {error}"),
    }
}

fn list() {
    println!("peers:");
    for peer in peers::builtin() {
        println!("  {}", peer.name);
    }
    println!("rows:");
    for row in rows::rows() {
        for metric in row.metrics {
            println!("  {:<23} {}", row.id, metric.title);
        }
    }
}
