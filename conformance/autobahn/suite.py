"""Autobahn|Testsuite: finds the CPython 2.7 that it needs, installs it, lists and runs its cases.

Nothing here knows what is tested; see run.py.
"""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

VERSION = "25.10.1"
ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
HOME = TARGET / "xtask" / f"autobahn-{VERSION}"
PYTHON = HOME / "python" / "bin" / "python"
WSTEST = PYTHON.with_name("wstest")

# How long a program that was started may take until it accepts connections, in seconds.
START = 15
# How long one process may take for all its cases. The 120 large compressed ones take up to 12 s each, and on a machine that
# has other work ten times that.
PATIENCE = 4 * 3600


class NoPython27(Exception):
    """There is no CPython 2.7 on this machine, so the suite cannot run."""


def find_python27() -> Path:
    """CPython 2.7 from PATH, or the newest that pyenv has."""
    candidates = [Path(found)] if (found := shutil.which("python2.7")) else []
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True).stdout.strip()
        candidates += sorted(Path(root).glob("versions/2.7.*/bin/python2.7"), reverse=True)
    for candidate in candidates:
        # pyenv puts shims on PATH that only say that no version is chosen.
        version = subprocess.run([candidate, "-c", "print(__import__('sys').version)"], capture_output=True, text=True)
        if version.stdout.startswith("2.7."):
            return candidate
    raise NoPython27("Autobahn|Testsuite needs CPython 2.7, and none was found (pyenv, or python2.7 on PATH)")


def install() -> None:
    """Installs the suite once. `virtualenv` comes from conformance/requirements.txt."""
    done = HOME / "installed"
    if done.exists():
        return
    python27 = find_python27()
    shutil.rmtree(HOME, ignore_errors=True)
    environment = HOME / "python"
    subprocess.run([sys.executable, "-m", "virtualenv", "-q", "-p", python27, environment], check=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "-q", f"autobahntestsuite=={VERSION}"], check=True)
    done.touch()


def all_cases() -> list[str]:
    """The ids of all cases, as the suite itself lists them."""
    script = "import json; from autobahntestsuite.case import Cases; print json.dumps([c.__name__ for c in Cases])"
    names = json.loads(subprocess.run([PYTHON, "-c", script], capture_output=True, text=True, check=True).stdout)
    return [name.removeprefix("Case").replace("_", ".") for name in names]


def free_port() -> int:
    """A port that nobody has now. The suite listens on it a moment later, so it is none of those that Linux gives to
    outgoing connections, from 32768 on: other tests make thousands of them."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as listener:
            try:
                listener.bind(("", port))
                return port
            except OSError:
                continue


def start(command: list[str], port: int, log: Path) -> subprocess.Popen:
    """Starts a program that listens on `port`, and returns when it does."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log.open("w"), stderr=subprocess.STDOUT)
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process
        except OSError:
            time.sleep(0.05)
    stop(process)
    raise SystemExit(f"{command} does not listen on port {port}:\n{log.read_text()}")


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(START)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Run:
    """One `wstest` process with its share of the cases, in a folder of its own."""

    def __init__(self, folder: Path, agent: str, cases: list[str]):
        self.folder, self.agent, self.cases = folder, agent, cases
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def _wstest(self, mode: str, **spec) -> list[str]:
        file = self.folder / "spec.json"
        file.write_text(json.dumps({**spec, "outdir": str(self.folder), "cases": self.cases}))
        # Without --webport=0 a fuzzing server would also open the suite's own site on port 8080.
        return [str(WSTEST), "-m", mode, "-s", str(file)] + (["--webport=0"] if mode == "fuzzingserver" else [])

    def against_server(self, port: int) -> subprocess.Popen:
        """The suite as client of the server on `port`; the process ends with its last case."""
        server = {"agent": self.agent, "url": f"ws://127.0.0.1:{port}"}
        command = self._wstest("fuzzingclient", servers=[server])
        log = (self.folder / "wstest.log").open("w")
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def as_server(self, port: int) -> subprocess.Popen:
        """The suite as server; it goes on until it is stopped."""
        command = self._wstest("fuzzingserver", url=f"ws://127.0.0.1:{port}")
        return start(command, port, self.folder / "wstest.log")

    def results(self) -> dict[str, dict]:
        """What the suite wrote at its end: `{case: {behavior, behaviorClose, duration, …}}`."""
        index = self.folder / "index.json"
        return json.loads(index.read_text()).get(self.agent, {}) if index.exists() else {}
