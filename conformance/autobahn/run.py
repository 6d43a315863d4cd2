"""Runs Autobahn|Testsuite against our servers and clients, and compares with expected.json.

    run.py install                                   the suite, under Cargo's target folder
    run.py check ROLE TARGET SET…                    ROLE: server or client, what we are
    run.py soak --seed N --commit ID                 all cases in both roles; writes results-*.json

What ROLE and TARGET start stands in targets.json. SET is plain (no compression), small or large
(messages of more than 32 KiB, or sent in fragments; slow, because the suite's own deflate is).
Exits with 77 where the suite cannot be had.
"""

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

import suite

HERE = Path(__file__).parent
TARGETS = json.loads((HERE / "targets.json").read_text())
EXPECTED = json.loads((HERE / "expected.json").read_text())
BUILT = suite.TARGET / "debug"
AGENT = "everywire"
# The suite is single-threaded and bound by its own Python.
PROCESSES = 2
# Which target the soak drives in each role.
SOAK = {"server": "server", "client": "stream"}
SKIPPED = 77


def set_of(case: str) -> str:
    """Categories 12 and 13 compress; in each of their groups, cases 1 to 8 are messages of at most 32 KiB."""
    category, _, number = (int(part) for part in (case + ".0").split(".")[:3])
    if category < 12:
        return "plain"
    return "small" if number <= 8 else "large"


def cases_of(sets: list[str]) -> list[str]:
    cases = suite.all_cases()
    for name, count in EXPECTED["counts"].items():
        found = sum(set_of(case) == name for case in cases)
        if found != count:
            raise SystemExit(f"the suite has {found} {name} cases, and expected.json says {count}")
    return [case for case in cases if set_of(case) in sets]


def command(role: str, target: str, **values: str) -> list[str]:
    return [part.format(built=BUILT, agent=AGENT, **values) for part in TARGETS[role][target]]


def run(role: str, target: str, cases: list[str]) -> dict[str, dict]:
    """Runs the cases, dealt to several processes. A case without result is not in what is returned."""
    folder = suite.HOME / "reports" / f"{role}-{target}"
    shares = [cases[offset::PROCESSES] for offset in range(PROCESSES)]
    runs = [suite.Run(folder / str(number), AGENT, share) for number, share in enumerate(shares) if share]
    (run_as_server if role == "server" else run_as_client)(target, runs, folder)
    return {case: result for one in runs for case, result in one.results().items()}


def run_as_server(target: str, runs: list[suite.Run], folder: Path) -> None:
    port = suite.free_port()
    server = suite.start(command("server", target, port=str(port)), port, folder / "target.log")
    try:
        for process in [one.against_server(port) for one in runs]:
            process.wait(suite.PATIENCE)
        if server.poll() is not None:
            raise SystemExit(f"the server ended with {server.returncode}:\n{(folder / 'target.log').read_text()}")
    finally:
        suite.stop(server)


def run_as_client(target: str, runs: list[suite.Run], folder: Path) -> None:
    ports = [suite.free_port() for _ in runs]
    servers = [one.as_server(port) for one, port in zip(runs, ports)]
    log = (folder / "target.log").open("w")
    try:
        clients = []
        for port in ports:
            argv = command("client", target, url=f"ws://127.0.0.1:{port}")
            clients.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT))
        codes = [client.wait(suite.PATIENCE) for client in clients]
        if any(codes):
            raise SystemExit(f"the clients ended with {codes}:\n{(folder / 'target.log').read_text()}")
    finally:
        for server in servers:
            suite.stop(server)


def faults(cases: list[str], results: dict[str, dict]) -> list[str]:
    """What differs from the expectation. UNIMPLEMENTED is a fault: it means that an offer was declined."""
    found = []
    for case in cases:
        wanted = "INFORMATIONAL" if case in EXPECTED["informational"] else "OK"
        result = results.get(case)
        if result is None:
            found.append(f"{case}: no result")
        elif result["behavior"] != wanted or result["behaviorClose"] not in ("OK", wanted):
            found.append(f"{case}: {result['behavior']}, close {result['behaviorClose']}; expected {wanted}")
    return found


def check(role: str, target: str, sets: list[str]) -> bool:
    cases = cases_of(sets)
    found = faults(cases, run(role, target, cases))
    print(*found, f"{len(cases) - len(found)} passed, {len(found)} failed", sep="\n")
    return not found


def soak(seed: int, commit: str) -> bool:
    """Every case in both roles. The seed shuffles which cases run side by side."""
    good = True
    for role, target in SOAK.items():
        cases = cases_of(["plain", "small", "large"])
        shuffled = random.Random(seed).sample(cases, len(cases))
        results = run(role, target, shuffled)
        found = faults(cases, results)
        good = good and not found
        behaviors = {case: results[case]["behavior"] for case in cases if case in results}
        summary = {
            "suite": suite.VERSION, "role": role, "target": target, "commit": commit, "seed": seed,
            "counts": {name: list(behaviors.values()).count(name) for name in sorted(set(behaviors.values()))},
            "faults": found, "cases": behaviors,
        }
        (HERE / f"results-{role}.json").write_text(json.dumps(summary, indent=1) + "\n")
        print(*found, f"{role}: {summary['counts']}", sep="\n")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("install")
    one = commands.add_parser("check")
    one.add_argument("role", choices=TARGETS)
    one.add_argument("target", choices=sorted({target for role in TARGETS.values() for target in role}))
    one.add_argument("sets", nargs="+", choices=EXPECTED["counts"])
    full = commands.add_parser("soak")
    full.add_argument("--seed", type=int, required=True)
    full.add_argument("--commit", required=True)
    args = parser.parse_args()
    try:
        suite.install()
    except suite.NoPython27 as missing:
        print(missing)
        return SKIPPED
    match args.command:
        case "check":
            return 0 if check(args.role, args.target, args.sets) else 1
        case "soak":
            return 0 if soak(args.seed, args.commit) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
