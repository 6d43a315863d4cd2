//! What was measured, and the ratios within a round.

use crate::machine::Elapsed;
use crate::measure::Sample;
use crate::peers::FLOOR;
use crate::rows::{Base, Better, Metric, Protocol, Target, rows};
use crate::statistics::median;

/// One row of one peer in one round.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) round: u32,
    pub(crate) row: &'static str,
    pub(crate) peer: String,
    /// The error is what the peer did wrong.
    pub(crate) result: Result<Sample, String>,
}

impl Outcome {
    pub(crate) fn elapsed(&self) -> Option<Elapsed> {
        self.result.as_ref().ok()?.shares
    }
}

#[derive(Debug)]
pub(crate) struct Outcomes {
    pub(crate) all: Vec<Outcome>,
    /// The peer that the raw targets are for.
    pub(crate) subject: String,
}

/// A median over the rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    /// Half the distance between the least and the greatest round.
    pub(crate) around: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Reached,
    Missed,
}

impl Outcomes {
    pub(crate) fn new(subject: &str) -> Self {
        Self { all: Vec::new(), subject: subject.to_owned() }
    }

    /// The peers that a protocol's targets are for.
    pub(crate) fn subjects(&self, protocol: Protocol) -> Vec<String> {
        protocol.subjects(&self.subject)
    }

    fn of<'a>(&'a self, row: &'a str, peer: &'a str) -> impl Iterator<Item = &'a Outcome> {
        self.all.iter().filter(move |outcome| outcome.row == row && outcome.peer == peer)
    }

    fn value(&self, round: u32, metric: &str, peer: &str) -> Option<f64> {
        let (row, index) = rows().find_map(|row| {
            let index = row.metrics.iter().position(|candidate| candidate.id == metric)?;
            Some((row.id, index))
        })?;
        let outcome = self.of(row, peer).find(|outcome| outcome.round == round)?;
        outcome.result.as_ref().ok().map(|sample| sample.values[index])
    }

    fn rounds(&self) -> impl Iterator<Item = u32> {
        1..=self.all.iter().map(|outcome| outcome.round).max().unwrap_or(0)
    }

    pub(crate) fn values(&self, metric: &Metric, peer: &str) -> Option<Spread> {
        spread(self.rounds().filter_map(|round| self.value(round, metric.id, peer)))
    }

    /// The ratio to the metric's base, each round for itself.
    pub(crate) fn ratios(&self, metric: &Metric, peer: &str) -> Option<Spread> {
        let (base_metric, base_peer) = match metric.base {
            Base::Floor => (metric.id, FLOOR),
            Base::Own(other) => (other, peer),
            Base::Ours(protocol, other) => {
                return self.ratios_to(metric, peer, other, self.subjects(protocol).first()?);
            }
            Base::Peer(other) => (metric.id, other),
            Base::Nothing => return None,
        };
        self.ratios_to(metric, peer, base_metric, base_peer)
    }

    fn ratios_to(&self, metric: &Metric, peer: &str, base_metric: &str, base_peer: &str) -> Option<Spread> {
        spread(self.rounds().filter_map(|round| {
            Some(self.value(round, metric.id, peer)? / self.value(round, base_metric, base_peer)?)
        }))
    }

    fn ratios_to_best(&self, metric: &Metric, peer: &str, others: &[&str]) -> Option<Spread> {
        spread(self.rounds().filter_map(|round| {
            let values = others.iter().filter_map(|other| self.value(round, metric.id, other));
            let best = values.reduce(match metric.better {
                Better::More => f64::max,
                Better::Less => f64::min,
            })?;
            Some(self.value(round, metric.id, peer)? / best)
        }))
    }

    /// Whether each peer that a protocol's targets are for reaches all of them: one that misses is enough for a miss, one that
    /// cannot be told from this run leaves the rest untold.
    pub(crate) fn verdict(&self, metric: &Metric, protocol: Protocol, registry: &[&str]) -> Option<Verdict> {
        let mut all = Some(Verdict::Reached);
        for subject in self.subjects(protocol) {
            match self.verdict_on(metric, &subject, registry) {
                Some(Verdict::Reached) => {}
                Some(Verdict::Missed) => return Some(Verdict::Missed),
                None => all = None,
            }
        }
        all
    }

    /// Whether one peer reaches all targets; `None` if one of them cannot be told from this run.
    fn verdict_on(&self, metric: &Metric, subject: &str, registry: &[&str]) -> Option<Verdict> {
        let mut verdict = None;
        for target in metric.targets {
            let reached = match *target {
                Target::AtLeast(least) => self.ratios(metric, subject)?.median >= least,
                Target::AtMost(most) => self.ratios(metric, subject)?.median <= most,
                Target::OfBestPeer(least) => self.ratios_to_best(metric, subject, registry)?.median >= least,
                Target::OfPeer(other, least) => {
                    self.ratios_to(metric, subject, metric.id, other)?.median >= least
                }
                Target::ValueAtMost(most) => self.values(metric, subject)?.median <= most,
            };
            if !reached {
                return Some(Verdict::Missed);
            }
            verdict = Some(Verdict::Reached);
        }
        verdict
    }

    /// Median CPU shares of generator and server.
    pub(crate) fn shares(&self, row: &str, peer: &str) -> Option<(f64, f64)> {
        let all: Vec<Elapsed> = self.of(row, peer).filter_map(Outcome::elapsed).collect();
        let of = |share: fn(&Elapsed) -> f64| median(&all.iter().map(share).collect::<Vec<_>>());
        of(|elapsed| elapsed.generator).zip(of(|elapsed| elapsed.server))
    }

    /// Median share of one core that went to neither, over all peers of a row.
    pub(crate) fn others(&self, row: &str) -> Option<f64> {
        let outcomes = self.all.iter().filter(|outcome| outcome.row == row);
        median(&outcomes.filter_map(Outcome::elapsed).map(|elapsed| elapsed.others).collect::<Vec<_>>())
    }

    pub(crate) fn failures(&self) -> impl Iterator<Item = (&Outcome, &str)> {
        self.all.iter().filter_map(|outcome| Some((outcome, outcome.result.as_ref().err()?.as_str())))
    }

    pub(crate) fn failed(&self, row: &str, peer: &str) -> bool {
        self.of(row, peer).any(|outcome| outcome.result.is_err())
    }
}

fn spread(values: impl Iterator<Item = f64>) -> Option<Spread> {
    let values: Vec<f64> = values.collect();
    let least = values.iter().copied().reduce(f64::min)?;
    let most = values.iter().copied().reduce(f64::max)?;
    Some(Spread { median: median(&values)?, around: (most - least) / 2.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(figures: &[(u32, &'static str, &str, f64)]) -> Outcomes {
        let outcome = |&(round, row, peer, value): &(u32, &'static str, &str, f64)| Outcome {
            round,
            row,
            peer: peer.to_owned(),
            result: Ok(Sample { values: vec![value; 2], shares: None }),
        };
        Outcomes { all: figures.iter().map(outcome).collect(), ..Outcomes::new("everywire") }
    }

    fn metric(id: &str) -> &'static Metric {
        rows().flat_map(|row| row.metrics).find(|metric| metric.id == id).unwrap()
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine was twice as fast in the second round: the ratio of medians would be off.
        let outcomes = outcomes(&[
            (1, "echo", "floor", 100.0),
            (1, "echo", "everywire", 90.0),
            (2, "echo", "floor", 200.0),
            (2, "echo", "everywire", 190.0),
            (3, "echo", "floor", 100.0),
            (3, "echo", "everywire", 100.0),
        ]);
        let ratio = outcomes.ratios(metric("echo"), "everywire").unwrap();
        assert!((ratio.median - 0.95).abs() < 1e-9 && (ratio.around - 0.05).abs() < 1e-9, "{ratio:?}");
        assert_eq!(outcomes.verdict_on(metric("echo"), "everywire", &[]), Some(Verdict::Reached));
        assert!(outcomes.ratios(metric("echo"), "ws").is_none());
        assert_eq!(outcomes.verdict_on(metric("echo"), "ws", &[]), None);
    }

    #[test]
    fn every_kind_of_target_is_judged() {
        let outcomes = outcomes(&[
            (1, "echo-16", "floor", 100.0),
            (1, "echo-16", "everywire", 90.0),
            (1, "echo-16", "axum", 50.0),
            (1, "echo-16", "ws", 70.0),
            (1, "latency", "floor", 1000.0),
            (1, "latency", "everywire", 1010.0),
            (1, "idle", "everywire", 2048.0),
            (1, "json", "everywire", 100.0),
            (1, "deflate", "everywire", 86.0),
        ]);
        let verdict = |id, others: &[&str]| outcomes.verdict(metric(id), Protocol::Raw, others);
        assert_eq!(verdict("echo-16", &["axum"]), Some(Verdict::Reached));
        assert_eq!(verdict("echo-16", &["axum", "ws"]), Some(Verdict::Missed), "ws is the best peer");
        assert_eq!(verdict("echo-16", &["tungstenite"]), None);
        assert_eq!(verdict("latency-p50", &[]), Some(Verdict::Reached));
        assert_eq!(verdict("latency-p99", &[]), Some(Verdict::Missed));
        assert_eq!(verdict("idle", &[]), Some(Verdict::Reached));
        assert_eq!(verdict("deflate", &[]), Some(Verdict::Reached));
        assert_eq!(verdict("json", &[]), None, "a row without a target");
    }

    #[test]
    fn what_a_protocol_costs_is_judged_by_the_raw_row_and_by_another_peer() {
        let figures = |raw, socketio, socketioxide| {
            outcomes(&[
                (1, "echo-16", "everywire", raw),
                (1, "socketio-echo-16", "everywire-socketio", socketio),
                (1, "socketio-echo-16", "socketioxide", socketioxide),
            ])
        };
        let verdict =
            |outcomes: Outcomes| outcomes.verdict(metric("socketio-echo-16"), Protocol::SocketIo, &[]);
        assert_eq!(verdict(figures(100.0, 60.0, 20.0)), Some(Verdict::Reached));
        assert_eq!(verdict(figures(101.0, 60.0, 20.0)), Some(Verdict::Missed), "of the raw row");
        assert_eq!(verdict(figures(100.0, 60.0, 20.1)), Some(Verdict::Missed), "of the other peer");
        let connects = outcomes(&[
            (1, "socketio-connect", "everywire-socketio", 16.0),
            (1, "socketio-connect", "socketioxide", 10.0),
        ]);
        assert_eq!(verdict(outcomes(&[(1, "socketio-echo-16", "everywire-socketio", 60.0)])), None);
        let ratio = connects.ratios(metric("socketio-connect"), "everywire-socketio").unwrap();
        assert!((ratio.median - 1.6).abs() < 1e-9, "{ratio:?}");
    }

    #[test]
    fn streams_and_rooms_of_several_protocols_are_judged_by_the_raw_row() {
        let verdict = |id, protocol, peer, value| {
            outcomes(&[
                (1, "fanout-16", "everywire", 100.0),
                (1, "fanout-10k", "everywire", 100.0),
                (1, id, "sockjs", 7.0),
                (1, id, peer, value),
            ])
            .verdict(metric(id), protocol, &[])
        };
        let sockjs = |id, value| verdict(id, Protocol::SockJs, "everywire-sockjs", value);
        assert_eq!(sockjs("sockjs-fanout-16", 80.0), Some(Verdict::Reached));
        assert_eq!(sockjs("sockjs-fanout-16", 79.0), Some(Verdict::Missed));
        assert_eq!(sockjs("sockjs-stream-fanout-16", 70.0), Some(Verdict::Reached));
        assert_eq!(sockjs("sockjs-stream-fanout-16", 69.0), Some(Verdict::Missed));
        let sse = |value| verdict("sse-fanout-16", Protocol::Raw, "everywire", value);
        assert_eq!((sse(70.0), sse(69.0)), (Some(Verdict::Reached), Some(Verdict::Missed)));
        let mixed = |value| verdict("mixed-fanout-10k", Protocol::Mixed, "everywire-mixed", value);
        assert_eq!((mixed(90.0), mixed(89.0)), (Some(Verdict::Reached), Some(Verdict::Missed)));
    }

    #[test]
    fn both_encodings_of_signalr_are_judged() {
        let verdict = |id, figures: &[(u32, &'static str, &str, f64)]| {
            outcomes(figures).verdict(metric(id), Protocol::SignalR, &[])
        };
        let invoke = |json, msgpack| {
            verdict(
                "signalr-invoke",
                &[
                    (1, "socketio-ack", "everywire-socketio", 100.0),
                    (1, "signalr-invoke", "everywire-signalr", json),
                    (1, "signalr-invoke", "everywire-signalr-msgpack", msgpack),
                ],
            )
        };
        assert_eq!(invoke(85.0, 85.0), Some(Verdict::Reached));
        assert_eq!(invoke(84.0, 100.0), Some(Verdict::Missed), "in JSON");
        assert_eq!(invoke(100.0, 84.0), Some(Verdict::Missed), "in MessagePack");

        let (json, msgpack) = ("everywire-signalr", "everywire-signalr-msgpack");
        let idle = |peer, bytes| verdict("signalr-idle", &[(1, "signalr-idle", peer, bytes)]);
        assert_eq!(idle(json, 3072.0), None, "MessagePack was not measured");
        assert_eq!(idle(msgpack, 3072.0), None, "JSON was not measured");
        assert_eq!(idle(json, 3073.0), Some(Verdict::Missed), "whatever the other one does");
        assert_eq!(idle(msgpack, 3073.0), Some(Verdict::Missed), "whatever the other one does");

        let stream = [(1, "signalr-stream", json, 2.0), (1, "signalr-stream", msgpack, 2.0)];
        assert_eq!(verdict("signalr-stream", &stream), None, "a row without a target");
    }
}
