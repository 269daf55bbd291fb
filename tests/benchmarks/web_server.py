"""vampd-web as its unit starts it, asked by a browser's connection; and peers asked likewise."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.site import program

_PATIENCE_S = 300.0
_ADDRESS = re.compile(rb"http://127\.0\.0\.1:(\d+)|port (\d+)")


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Server:
    """A server of pages that runs, and a connection to it that stays."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid, self.port = pid, port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)

    def get(self, address: str, **headers: str) -> Answer:
        """Ask for an address, packed as browsers do; ``headers`` with ``_`` for ``-``."""
        said = {"Accept-Encoding": "gzip"} | {k.replace("_", "-"): v for k, v in headers.items()}
        try:
            self._connection.request("GET", address, headers=said)
            answer = self._connection.getresponse()
        except ConnectionError:
            # It ends connections that nobody has used for a while.
            self._connection.close()
            self._connection.request("GET", address, headers=said)
            answer = self._connection.getresponse()
        body = answer.read()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, body)

    def close(self) -> None:
        """End the connection; another question makes a new one."""
        self._connection.close()

    @property
    def cpu_s(self) -> float:
        """The CPU time that the process has used, by its own clock."""
        return time.clock_gettime(~self.pid << 3 | 2)  # clock_getcpuclockid(3)

    def cost_ms(self, ask: Callable[[], object]) -> float:
        """The server's CPU in milliseconds for what ``ask`` asks."""
        before = self.cpu_s
        ask()
        return 1e3 * (self.cpu_s - before)

    def memory(self, name: str = "VmRSS") -> int:
        """Its memory in bytes, now or at its highest (``VmHWM``)."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.partition(f"{name}:")[2].split()[0]) * 1024


@contextmanager
def serving(command: Sequence[str], folder: Path | None = None) -> Iterator[Server]:
    """A server that says where it listens; it ends with the block."""
    # Under a load of its own the service would start as slowly: nothing is waited for but this.
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            found = _ADDRESS.search(said)
            if found is None:
                raise SystemExit(f"{command[0]} does not listen: {said!r}")
            server = Server(process.pid, int(found[1] or found[2]))
            try:
                yield server
            finally:
                server.close()
        finally:
            process.terminate()
            process.wait()


@contextmanager
def page_of(config: Path) -> Iterator[Server]:
    """vampd-web on a site."""
    with serving((program("vampd-web"), "--config", str(config), "--log", "json")) as server:
        yield server


@contextmanager
def static_files(folder: Path) -> Iterator[Server]:
    """`python -m http.server` in a folder."""
    words = ("-m", "http.server", "--bind", "127.0.0.1", "--protocol", "HTTP/1.1", "0")
    with serving((sys.executable, *words), folder) as server:
        yield server


def cost_of_nothing_ms() -> float:
    """The CPU in milliseconds of ``python -c pass``."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    return 1e3 * (used.ru_utime + used.ru_stime)
