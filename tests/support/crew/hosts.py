"""Other hosts, played by processes of this one: a scheduler, and a `vampd-worker` for each.

    with CrewSite(tmp_path) as site:
        site.start_scheduler()
        site.start_worker("w1")
        with site.crew() as crew: ...

Each process leads a session of its own, and its packers die with it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.support.daemon.running import BIN, PATIENCE_S, wait_until
from vampd import __version__
from vampd.adapters.crew import Board, DaskEngine, HostCrew, Terms, security_of
from vampd.disk.durable import place_mark_file
from vampd.disk.leased import read_lease
from vampd.disk.pace import Flag
from vampd.model.lease import LEASE_PATH
from vampd.model.proofs import Marked
from vampd.ports import Crew

MARK = "5" * 32
# What vampd-scheduler.service sets.
_SCHEDULER = {
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION": "1.0",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "60s",
    "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": "[]",
}


def free_port() -> int:
    """A port that nothing listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class CrewSite:
    """The processes that pack for a root: one below ``folder``, or that of a daemon."""

    def __init__(
        self,
        folder: Path,
        places: int = 2,
        lost_after_s: float = 60.0,
        root: Path | None = None,
    ) -> None:
        self.folder, self.places, self.lost_after_s = folder, places, lost_after_s
        self.root = folder / "root" if root is None else root
        self.folder.mkdir(exist_ok=True)
        if root is None:
            self.root.mkdir(parents=True)
            self.place_mark()
        self.pause = Flag.create(folder / "pause")
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.certificates: Path | None = None
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.configuration = folder / "hosts.toml"
        self.configure()

    def encrypt(self, certificates: Path) -> None:
        """Meet by TLS from now on, with the certificates of ``any`` in this folder."""
        self.address = self.address.replace("tcp://", "tls://")
        self.certificates = certificates
        self.configure(*(f'{key} = "{path}"' for key, path in self.files().items()))

    def files(self, name: str = "any") -> dict[str, Path]:
        """The files that [crew] names."""
        assert self.certificates is not None
        names = {"ca_file": "ca.pem", "certificate": f"{name}.pem", "key": f"{name}.key"}
        return {key: self.certificates / file for key, file in names.items()}

    def place_mark(self) -> None:
        """Mark the root, where no daemon does."""
        place_mark_file(self.root, MARK, Marked.ROOT)

    def configure(self, *crew: str, root: Path | None = None) -> Path:
        """Write the configuration of the daemon and of all hosts."""
        lines = [
            f'[watch]\nroot = "{root or self.root}"',
            f'[database]\nurl = "sqlite:///{self.folder / "state" / "vampd.db"}"',
            f'[transfer.archive]\ndestination = "{self.folder / "archive"}"',
            f'[transfer.engineering]\ndestination = "{self.folder / "engineering"}"',
            f"[schedule]\nworkers = {self.places}",
            f'[crew]\nengine = "dask"\nscheduler = "{self.address}"',
            f"lost_after_s = {max(10, self.lost_after_s)}",
            *crew,
        ]
        self.configuration.write_text("\n".join(lines) + "\n")
        return self.configuration

    def start(self, name: str, words: list[str], environ: dict[str, str]) -> None:
        """Start a process; what it says goes to a file of its name."""
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                words,
                env=os.environ | environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_scheduler(self) -> None:
        """Start the engine's scheduler, at the address of the configuration."""
        port = self.address.rpartition(":")[2]
        words = ["--host", "127.0.0.1", "--port", port, "--dashboard-address", "127.0.0.1:0"]
        module = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
        encrypted = []
        if self.certificates is not None:
            options = ("--tls-ca-file", "--tls-cert", "--tls-key")
            for option, path in zip(options, self.files().values(), strict=True):
                encrypted += [option, str(path)]
            encrypted += ["--protocol", "tls"]
        self.start("scheduler", [*module, *words, *encrypted], _SCHEDULER)

    def start_worker(
        self,
        host: str,
        configuration: Path | None = None,
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Start a host by this name."""
        words = ["--config", str(configuration or self.configuration), "--host", host]
        # What one that is killed leaves goes with the test.
        scratch = {"TMPDIR": str(self.folder / "tmp")}
        (self.folder / "tmp").mkdir(exist_ok=True)
        command = [str(BIN / "vampd-worker"), *words, "--log", "json"]
        self.start(host, command, scratch | dict(environ))

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a process alone; one that kills is waited for."""
        process = self.processes[name]
        process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            process.wait(PATIENCE_S)

    @contextmanager
    def crew(self, local: Crew, terms: Terms | None = None) -> Iterator[HostCrew]:
        """The crew of these hosts, as a daemon has it."""
        chosen = terms or Terms(0, self.lost_after_s, 0)
        board = Board(
            self.root, lambda: MARK, lambda: self.pause.is_raised, __version__, chosen.lost_after_s
        )
        security = None if self.certificates is None else security_of(**self.files())
        engine = DaskEngine(self.address, security, __version__)
        board.start()
        crew = HostCrew(self.root, board, engine, local, chosen)
        try:
            yield crew
        finally:
            crew.close()
            board.close()
            engine.close()

    def close(self) -> None:
        """End what was started."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(PATIENCE_S)

    def tells_pause(self) -> bool:
        """Whether the lease, which is replaced once a second, says so."""
        found = read_lease(self.root / LEASE_PATH)
        return found is not None and found.paused

    def has_said(self, name: str, event: str) -> bool:
        """Whether a process has logged it."""
        return f'"{event}"' in self.log(name)

    def log(self, name: str) -> str:
        """What a process has written."""
        return (self.folder / f"{name}.log").read_text()


def wait_for_places(crew: HostCrew, places: int) -> None:
    """Wait until so many are there."""
    wait_until(lambda: crew.places == places, f"{places} places")
