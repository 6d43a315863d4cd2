//! The tables, and the same as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::outcomes::{Outcomes, Spread, Verdict};
use crate::peers::{FLOOR, Peer};
use crate::rows::{Base, Metric, Protocol, Row, Target};

/// From this share of its core on the generator may be what limits a row.
const BUSY: f64 = 0.95;

pub(crate) struct Report<'a> {
    pub(crate) machine: String,
    pub(crate) rounds: u32,
    pub(crate) seconds: f64,
    /// Whether the figures are fit to be held against the targets: a quick run's are not.
    pub(crate) judged: bool,
    pub(crate) peers: &'a [Peer],
    pub(crate) rows: &'a [&'static Row],
    pub(crate) outcomes: &'a Outcomes,
}

impl Report<'_> {
    pub(crate) fn markdown(&self) -> String {
        let mut out = format!(
            "{}; {} rounds of {} s; medians, in brackets the ratio to the row's base within a round ± half its range\n",
            self.machine, self.rounds, self.seconds
        );
        for protocol in self.protocols() {
            self.figures(&mut out, protocol);
        }
        out.push_str("\nCPU shares of one core while measured, generator / server; others: everybody else on the machine\n");
        let mut limited = false;
        for protocol in self.protocols() {
            limited |= self.shares(&mut out, protocol);
        }
        if limited {
            out.push_str(
                "\n(!) The generator had no time left and the server had: this is the generator's limit.\n",
            );
        }
        for (outcome, why) in self.outcomes.failures() {
            let _ =
                writeln!(out, "\nFAILED: {}, {}, round {}: {why}", outcome.row, outcome.peer, outcome.round);
        }
        out
    }

    /// Those of which there is something to show.
    fn protocols(&self) -> impl Iterator<Item = Protocol> {
        Protocol::ALL.into_iter().filter(|protocol| {
            self.rows.iter().any(|row| row.protocol == *protocol) && !self.names(*protocol).is_empty()
        })
    }

    fn names(&self, protocol: Protocol) -> Vec<&str> {
        self.peers.iter().filter(|peer| peer.protocol() == protocol).map(|peer| peer.name.as_str()).collect()
    }

    fn figures(&self, out: &mut String, protocol: Protocol) {
        let names = self.names(protocol);
        let subjects = self.outcomes.subjects(protocol).join(" and ");
        let _ = writeln!(out, "\n| | {} | target for {subjects} | |", names.join(" | "));
        let _ = writeln!(out, "|---|{}---|---|", "---|".repeat(names.len()));
        let registry = self.registry();
        for (row, metric) in self.metrics().filter(|(row, _)| row.protocol == protocol) {
            let cells: Vec<String> = names.iter().map(|name| self.cell(row, metric, name)).collect();
            let verdict = match self.verdict(row, metric, &registry) {
                Some(Verdict::Reached) => "OK",
                Some(Verdict::Missed) => "MISS",
                None => "",
            };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {verdict} |",
                metric.title,
                cells.join(" | "),
                target(metric)
            );
        }
    }

    /// Whether the generator was the limit anywhere.
    fn shares(&self, out: &mut String, protocol: Protocol) -> bool {
        let names = self.names(protocol);
        let _ = writeln!(out, "\n| | {} | others |", names.join(" | "));
        let _ = writeln!(out, "|---|{}---|", "---|".repeat(names.len()));
        let mut limited = false;
        for row in self.rows.iter().filter(|row| row.protocol == protocol) {
            let _ = write!(out, "| {} |", row.id);
            for name in &names {
                let _ = match self.outcomes.shares(row.id, name) {
                    Some((generator, server)) => {
                        let mark = if generator >= BUSY && server < BUSY { " (!)" } else { "" };
                        limited |= !mark.is_empty();
                        write!(out, " {:.0} % / {:.0} %{mark} |", 100.0 * generator, 100.0 * server)
                    }
                    None => write!(out, " |"),
                };
            }
            let _ = match self.outcomes.others(row.id) {
                Some(others) => writeln!(out, " {:.0} % |", 100.0 * others),
                None => writeln!(out, " |"),
            };
        }
        limited
    }

    fn cell(&self, row: &Row, metric: &Metric, peer: &str) -> String {
        if self.outcomes.failed(row.id, peer) {
            return "failed".to_owned();
        }
        let Some(value) = self.outcomes.values(metric, peer) else { return String::new() };
        match self.outcomes.ratios(metric, peer) {
            Some(ratio) if !is_base(metric, peer) => {
                let around = if self.rounds > 1 { format!(" ± {:.2}", ratio.around) } else { String::new() };
                format!("{} ({:.2}{around})", grouped(value.median), ratio.median)
            }
            _ => grouped(value.median),
        }
    }

    fn verdict(&self, row: &Row, metric: &Metric, registry: &[&str]) -> Option<Verdict> {
        self.judged.then(|| self.outcomes.verdict(metric, row.protocol, registry))?
    }

    fn metrics(&self) -> impl Iterator<Item = (&'static Row, &'static Metric)> {
        self.rows.iter().flat_map(|row| row.metrics.iter().map(move |metric| (*row, metric)))
    }

    fn registry(&self) -> Vec<&str> {
        self.peers.iter().filter(|peer| peer.registry).map(|peer| peer.name.as_str()).collect()
    }

    pub(crate) fn json(&self) -> Value {
        let registry = self.registry();
        let medians: Vec<Value> = self
            .metrics()
            .flat_map(|(row, metric)| self.peers.iter().map(move |peer| (row, metric, peer.name.as_str())))
            .filter_map(|(row, metric, peer)| {
                let value = self.outcomes.values(metric, peer)?;
                let shares = self.outcomes.shares(row.id, peer);
                Some(json!({
                    "metric": metric.id,
                    "peer": peer,
                    "value": value.median,
                    "ratio": self.outcomes.ratios(metric, peer).map(|Spread { median, .. }| median),
                    "generator_cpu": shares.map(|(generator, _)| generator),
                    "server_cpu": shares.map(|(_, server)| server),
                }))
            })
            .collect();
        let verdicts: serde_json::Map<String, Value> = self
            .metrics()
            .filter_map(|(row, metric)| {
                let verdict = self.verdict(row, metric, &registry)?;
                Some((metric.id.to_owned(), json!(verdict == Verdict::Reached)))
            })
            .collect();
        let samples: Vec<Value> = self
            .outcomes
            .all
            .iter()
            .map(|outcome| {
                let sample = outcome.result.as_ref().ok();
                let shares = outcome.elapsed();
                json!({
                    "round": outcome.round,
                    "row": outcome.row,
                    "peer": outcome.peer,
                    "values": sample.map(|sample| &sample.values),
                    "generator_cpu": shares.map(|shares| shares.generator),
                    "server_cpu": shares.map(|shares| shares.server),
                    "others_cpu": shares.map(|shares| shares.others),
                    "error": outcome.result.as_ref().err(),
                })
            })
            .collect();
        json!({
            "machine": self.machine,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "subject": self.outcomes.subject,
            "medians": medians,
            "targets_reached": verdicts,
            "samples": samples,
        })
    }
}

/// Whether a peer would be compared with itself.
fn is_base(metric: &Metric, peer: &str) -> bool {
    match metric.base {
        Base::Floor => peer == FLOOR,
        Base::Peer(base) => peer == base,
        Base::Own(_) | Base::Ours(..) | Base::Nothing => false,
    }
}

fn target(metric: &Metric) -> String {
    let base = match metric.base {
        Base::Floor => " × floor",
        Base::Own(_) => " × own row above",
        Base::Ours(Protocol::Raw, _) => " × raw row",
        Base::Ours(Protocol::SocketIo, _) => " × Socket.IO row",
        Base::Ours(Protocol::SignalR, _) => " × SignalR row",
        Base::Ours(Protocol::SockJs, _) => " × SockJS row",
        Base::Ours(Protocol::Mixed, _) => " × mixed row",
        Base::Peer(peer) => &format!(" × {peer}"),
        Base::Nothing => "",
    };
    let text = |target: &Target| match target {
        Target::AtLeast(least) => format!("≥ {least}{base}"),
        Target::AtMost(most) => format!("≤ {most}{base}"),
        Target::OfPeer(peer, least) => format!("≥ {least} × {peer}"),
        Target::OfBestPeer(least) => format!("≥ {least} × best registry peer"),
        Target::ValueAtMost(most) => format!("≤ {}", grouped(*most)),
    };
    metric.targets.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Whole numbers with commas; from 10,000 on the last two digits are noise and go.
fn grouped(value: f64) -> String {
    let rounded = if value.abs() >= 10_000.0 { (value / 100.0).round() * 100.0 } else { value.round() };
    let digits = format!("{:.0}", rounded.abs());
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if rounded < 0.0 { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [
            (0.0, "0"),
            (999.6, "1,000"),
            (9_876.4, "9,876"),
            (1_045_049.0, "1,045,000"),
            (-1234.0, "-1,234"),
        ] {
            assert_eq!(grouped(value), text);
        }
    }
}
