"""The binary as anybody starts it, on a free port. See ../rooms/server.js, which does the same for JavaScript."""

import os
import subprocess
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug"
BINARY = os.environ.get("EVERYWIRE_BIN", str(BUILT / "everywire"))
LISTENING = "listening on "


class Server:
    """`everywire serve` with this configuration (TOML); a context manager."""

    def __init__(self, config: str = "") -> None:
        self._config = config

    def __enter__(self) -> "Server":
        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name) / "everywire.toml"
        file.write_text(self._config)
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--config", file]
        # What start-up says and the log come on one pipe, in their order.
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = []
        for line in self._process.stdout:
            said.append(line)
            if line.startswith(LISTENING):
                host, port = line.removeprefix(LISTENING).strip().rsplit(":", 1)
                self.address = (host, int(port))
                # Nobody wants the log, and a full pipe would stop the server.
                self._drain = threading.Thread(target=self._process.stdout.read)
                self._drain.start()
                return self
        raise RuntimeError(f"everywire ended with {self._process.wait()}:\n{''.join(said)}")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._drain.join()
        self._process.stdout.close()
        self._folder.cleanup()
