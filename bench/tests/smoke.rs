//! `--quick`: every row works with every peer that this machine can start, and the figures come out.

use std::collections::HashSet;
use std::process::Command;

use serde_json::Value;

/// The peers that need nothing but Cargo, so that they are there wherever the test runs.
const RAW: [&str; 6] = ["floor", "floor-paced", "everywire", "fastwebsockets", "tungstenite", "axum"];
const SOCKET_IO: [&str; 2] = ["everywire-socketio", "socketioxide"];

const SOCKET_IO_ROWS: [&str; 10] = [
    "socketio-echo",
    "socketio-echo-16",
    "socketio-ack",
    "socketio-ack-16",
    "socketio-fanout-16",
    "socketio-fanout-10k",
    "socketio-latency",
    "socketio-connect",
    "socketio-polling",
    "socketio-idle",
];

const SIGNALR: [&str; 2] = ["everywire-signalr", "everywire-signalr-msgpack"];

const SIGNALR_ROWS: [&str; 7] = [
    "signalr-invoke",
    "signalr-invoke-16",
    "signalr-stream",
    "signalr-stream-16",
    "signalr-fanout-16",
    "signalr-fanout-10k",
    "signalr-idle",
];

const SOCKJS_ROWS: [&str; 7] = [
    "sockjs-echo",
    "sockjs-echo-16",
    "sockjs-fanout-16",
    "sockjs-stream-fanout-16",
    "sockjs-fanout-10k",
    "sockjs-connect",
    "sockjs-idle",
];

#[test]
fn every_row_works_with_every_peer() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("quick.json");
    let output = Command::new(env!("CARGO_BIN_EXE_everywire-bench"))
        .args(["--quick", "--no-build", "--json"])
        .arg(&path)
        .output()
        .unwrap();
    let (table, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{log}\n{table}", output.status);
    for subjects in [
        "everywire",
        "everywire-socketio",
        "everywire-signalr and everywire-signalr-msgpack",
        "everywire-sockjs",
        "everywire-mixed",
    ] {
        assert!(table.contains(&format!("| target for {subjects} |")), "{table}");
    }
    assert!(!table.contains("| OK |") && !table.contains("| MISS |"), "a quick run judges nothing:\n{table}");

    let report: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let samples = report["samples"].as_array().unwrap();
    for sample in samples {
        for value in sample["values"].as_array().unwrap() {
            // A few hundred idle connections may hide in memory that the server already had.
            let positive = value.as_f64().unwrap() > 0.0 || text(&sample["row"]).ends_with("idle");
            assert!(positive, "{sample}");
        }
    }
    let seen: HashSet<_> =
        samples.iter().map(|sample| (text(&sample["peer"]), text(&sample["row"]))).collect();
    let room = ["fanout-16", "fanout-10k", "fanout", "publishers", "latency", "idle", "json"];
    let echo = ["echo", "echo-16", "echo-large", "connect"];
    for peer in RAW {
        for row in room.iter().chain(if peer == "floor-paced" { &[][..] } else { &echo[..] }) {
            assert!(seen.contains(&(peer, *row)), "{peer} was not measured in {row}\n{log}");
        }
    }
    let all_of = |peer: &str, rows: &[&str]| {
        for row in rows {
            assert!(seen.contains(&(peer, *row)), "{peer} was not measured in {row}\n{log}");
        }
    };
    all_of("everywire", &["deflate", "sse-fanout-16"]);
    SOCKET_IO.iter().for_each(|peer| all_of(peer, &SOCKET_IO_ROWS));
    SIGNALR.iter().for_each(|peer| all_of(peer, &SIGNALR_ROWS));
    all_of("everywire-sockjs", &SOCKJS_ROWS);
    all_of("everywire-mixed", &["mixed-fanout-10k"]);
    // The peers for Node are measured where Node is; `ws` has the compressed row too.
    for peer in ["ws", "socketio", "sockjs"] {
        match peer {
            _ if !seen.iter().any(|(measured, _)| *measured == peer) => {
                assert!(log.contains(&format!("LEFT OUT: {peer}")), "{log}");
            }
            "ws" => all_of(peer, &["deflate"]),
            "sockjs" => all_of(peer, &SOCKJS_ROWS),
            _ => all_of(peer, &SOCKET_IO_ROWS),
        }
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_right_ones() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_everywire-bench"))
            .arg("--no-build")
            .args(arguments)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let peer = run(&["--peers", "flor"]);
    assert!(peer.contains(r#"there is no peer "flor", but floor, floor-paced"#), "{peer}");
    let row = run(&["--rows", "echo,ech"]);
    assert!(row.contains(r#"there is no row "ech", but echo, socketio-echo, sockjs-echo, echo-16"#), "{row}");
}

#[test]
fn a_peer_that_does_wrong_fails_its_cells_and_the_run() {
    let output = Command::new(env!("CARGO_BIN_EXE_everywire-bench"))
        .args([
            "--quick",
            "--no-build",
            "--rows",
            "echo",
            "--also",
            "broken=false",
            "--peers",
            "floor,broken",
        ])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(table.contains("FAILED: echo, broken, round 1: the server ended at once"), "{table}");
    assert!(table.contains("| failed |"), "{table}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
