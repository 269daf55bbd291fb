"""vampd as people start it: a configuration, a process of its own, and what it leaves behind.

    site = make_site(tmp_path)
    make_night(site.root, kind=Kind.ARCHIVE)
    run_until_idle(site)
    assert record_of(site, night).state.status is Status.DONE

Every daemon leads a session of its own, so that a failpoint, which kills its process group, kills
neither the test nor its runner.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tests.support.tools.warm_start import WarmProcess, start
from vampd.config import load_settings
from vampd.model.nights import (
    Event,
    EventName,
    EventRecord,
    Kind,
    NightId,
    NightRecord,
    StageName,
)
from vampd.store.engine import Access, open_store
from vampd.wiring.connections import Connections, connect

QUIET_S = 0.3
# Far more than a night of these tests takes on a busy machine; pytest-timeout is the last resort.
PATIENCE_S = 60.0
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Site:
    """A watched root, an archive host that is a folder, a state folder, and the configuration."""

    base: Path

    @property
    def root(self) -> Path:
        return self.base / "fuuu"

    @property
    def destination(self) -> Path:
        """Engineering nights travel here, archive nights to a folder in it."""
        return self.base / "archive"

    @property
    def archive_destination(self) -> Path:
        return self.destination / "2_ARCHIVED_DATA"

    @property
    def database(self) -> Path:
        return self.base / "state" / "vampd.db"

    @property
    def config(self) -> Path:
        return self.base / "vampd.toml"

    @property
    def log(self) -> Path:
        return self.base / "vampd.log"

    @property
    def ledger(self) -> Path:
        return self.root / "ARCHIVED_DATA" / "frameids.ledger"

    def folder(self, night: NightId) -> Path:
        """The night's folder here."""
        return self.root / night.folder

    def copy(self, night: NightId) -> Path:
        """The night's folder on the archive host."""
        return self.destination / (
            Path("2_ARCHIVED_DATA", night.date) if len(night.folder.parts) > 1 else night.date
        )


def make_site(base: Path, **tables: Mapping[str, Any]) -> Site:
    """Folders and a configuration with the issue's contract keys; ``tables`` join or replace."""
    site = Site(base)
    for folder in (site.root / "ARCHIVED_DATA", site.archive_destination, site.database.parent):
        folder.mkdir(parents=True, exist_ok=True)
    configure(site, **tables)
    return site


def configure(site: Site, **tables: Mapping[str, Any]) -> None:
    """Write the configuration anew; a table is named as in the file, with ``_`` for ``.``."""
    contract: dict[str, dict[str, Any]] = {
        "watch": {
            "root": str(site.root),
            "quiet_after_s": QUIET_S,
            # A cube that never gets its timing file delays no test.
            "stale_after_s": QUIET_S,
        },
        "schedule": {"archive_not_before": "20:00"},
        "database": {"url": f"sqlite:///{site.database}"},
        "sync": {"hold_when_unexpected": True},
        "frameids": {"authority": "local", "first": "VMPA90000001"},
        "transfer": {},
        "transfer.archive": {"destination": str(site.archive_destination)},
        "transfer.engineering": {"destination": str(site.destination)},
    }
    for name, table in tables.items():
        key = name.replace("_", ".")
        contract[key] = {**contract.get(key, {}), **table}
    # JSON's scalars and lists are TOML's too.
    lines = [
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in contract.items()
    ]
    site.config.write_text("\n".join(lines))


def copy_site(site: Site, base: Path) -> Site:
    """A copy of a site that a test may change."""
    own = Site(base)
    shutil.copytree(site.base, own.base, symlinks=True)
    configure(own)
    # The copy's archive is the copy: as if it had always been where it is.
    if not own.database.exists():
        return own
    old, new = str(site.base), str(own.base)
    with closing(sqlite3.connect(own.database)) as connection, connection:
        for table in ("destinations", "receipts"):
            connection.execute(
                f"UPDATE {table} SET destination = replace(destination, ?, ?)", (old, new)
            )
    return own


@dataclass
class Daemon:
    """A running vampd."""

    site: Site
    process: WarmProcess

    def stop(self, within_s: float = 35.0) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def kill(self) -> None:
        """SIGKILL for the daemon alone; its children are left to notice."""
        self.process.kill()
        self.process.wait(10)

    def kill_all(self) -> None:
        """SIGKILL for the daemon's whole process group."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def children(self) -> tuple[int, ...]:
        """The pids of its living descendants."""
        return descendants(self.process.pid)

    def fork_servers(self) -> tuple[int, ...]:
        """The pids of what forks its workers."""
        # The first fork server bears the name of what lends it, see `warm_start`.
        names = ("forkserver", "warm_start")
        return tuple(
            pid
            for pid in _children(self.process.pid)
            if any(name in _command(pid) for name in names)
        )

    def workers(self) -> tuple[int, ...]:
        """The pids of its worker processes: the children of its fork server."""
        return tuple(worker for server in self.fork_servers() for worker in _children(server))

    def programs(self, name: str) -> tuple[int, ...]:
        """The pids of descendants that run this program."""
        return tuple(
            pid for pid in self.children() if _command(pid).partition("\0")[0].endswith(name)
        )


@dataclass(frozen=True)
class Ended:
    """How a daemon ended; ``log`` is what it wrote (JSON lines, and anything else)."""

    status: int
    log: str
    events: tuple[Mapping[str, Any], ...] = field(repr=False)

    def named(self, event: str) -> list[Mapping[str, Any]]:
        """The log's records of one event."""
        return [record for record in self.events if record.get("event") == event]


@contextmanager
def running(
    site: Site, *options: str, times_s: Mapping[str, float] | None = None, **environ: str
) -> Iterator[Daemon]:
    """A daemon that runs for ever; killed at the end of the block if it still lives.

    ``times_s``: other values of constants of vampd, by module and name.
    """
    process = _start(site, options, environ, times_s)
    daemon = Daemon(site, process)
    try:
        yield daemon
    finally:
        if process.poll() is None:
            daemon.kill_all()


@dataclass
class Gate:
    """A failpoint where every process of a daemon stands still until the gate is opened."""

    failpoint: str
    path: Path

    @property
    def environ(self) -> dict[str, str]:
        """What a daemon has to be started with."""
        return {"VAMPD_FAILPOINT_GATE": f"{self.failpoint}@{self.path}"}

    def arrival(self) -> int:
        """Wait until a process stands at the gate; its pid."""
        wait_until(self._arrivals, f"a process at {self.failpoint}")
        return self._arrivals()[0]

    def open(self) -> None:
        """Let all pass, now and later."""
        fcntl.flock(self._lock_fd, fcntl.LOCK_UN)

    def __enter__(self) -> Gate:
        self._lock_fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock_fd)

    def _arrivals(self) -> list[int]:
        return [int(line) for line in self.path.read_text().splitlines()]


@contextmanager
def held_worker(
    site: Site, *options: str, times_s: Mapping[str, float] | None = None
) -> Iterator[tuple[Daemon, Gate, int]]:
    """A daemon, one of whose workers stands at a gate before its product is proven; its pid."""
    with (
        Gate("packed.streamed", site.base / "gate") as gate,
        running(site, *options, times_s=times_s, **gate.environ) as daemon,
    ):
        yield daemon, gate, gate.arrival()


def run_until_idle(site: Site, *options: str, **environ: str) -> Ended:
    """Run ``vampd --until-idle`` to its end, whatever its exit status."""
    size = site.log.stat().st_size if site.log.exists() else 0
    with running(site, "--until-idle", *options, times_s=None, **environ) as daemon:
        status = daemon.process.wait(PATIENCE_S)
    return _ended(site, status, size)


def settle(site: Site) -> Ended:
    """`run_until_idle` that must end well."""
    ended = run_until_idle(site)
    assert ended.status == 0, ended.log
    assert not [e for e in ended.events if e.get("code") == "bug"], ended.log
    return ended


def _ended(site: Site, status: int, offset: int) -> Ended:
    text = site.log.read_bytes()[offset:].decode()
    events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return Ended(status, text, tuple(events))


def log_of(site: Site) -> Ended:
    """All that the daemons of this site have logged up to now."""
    return _ended(site, 0, 0)


def _start(
    site: Site,
    options: tuple[str, ...],
    environ: Mapping[str, str],
    times_s: Mapping[str, float] | None,
) -> WarmProcess:
    command = [str(BIN / "vampd"), "--config", str(site.config), "--log", "json", *options]
    with site.log.open("ab") as log:
        return start(command, {**os.environ, **environ}, log, log, times_s)


def vampctl(
    site: Site, *words: str, uid: int | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as this user."""
    command = [str(BIN / "vampctl"), "--config", str(site.config), *words]
    with TemporaryFile() as out, TemporaryFile() as err:
        status = start(command, {**os.environ, **environ}, out, err, uid=uid).wait(60)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(
            command, status, out.read().decode(), err.read().decode()
        )


def accept_archive(site: Site, kind: Kind) -> None:
    """A person's word that what lies there is the archive, whose database was lost."""
    open_store(f"sqlite:///{site.database}", Access.MIGRATE).close()
    done = vampctl(site, "archive", "accept", str(kind), "--yes")
    assert done.returncode == 0, done.stderr


def audit(site: Site, night: NightId) -> dict[str, Any]:
    """What `vampctl audit --json` counts."""
    done = vampctl(site, "audit", night.date, "--kind", str(night.kind), "--json")
    assert done.returncode in (0, 1), done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@contextmanager
def connected(site: Site) -> Iterator[Connections]:
    """The site's store, with the daemon up or down."""
    with connect(load_settings(site.config)) as connections:
        yield connections


def record_of(site: Site, night: NightId) -> NightRecord:
    """What the store knows of a night; it must know it."""
    with connected(site) as connections:
        record = connections.store.night(night)
    assert record is not None, f"{night} was never discovered"
    return record


def history_of(site: Site, night: NightId) -> tuple[EventRecord, ...]:
    """The night's events, oldest first."""
    with connected(site) as connections:
        return connections.store.history(night)


def tell(site: Site, night: NightId, event: EventName, stage: StageName | None = None) -> None:
    """A person's word, as vampctl writes it into the store."""
    with connected(site) as connections:
        connections.store.apply(night, Event(event, stage), at=time.time(), actor="a person")


def wait_until(condition: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> float:
    """Wait for something to become true; the seconds that it took."""
    begin = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - begin
        assert waited_s < within_s, f"not within {within_s} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - begin


def product_tree(folder: Path) -> dict[str, str]:
    """What a night's folder holds besides the raw streams: SHA-256 or link target, by path.

    Hidden names are listed too: a tree with leftovers is not the tree of an uninterrupted run.
    """
    tree = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(("vcam1", "vcam2")):
            continue
        if path.is_symlink():
            tree[name] = f"link to {os.readlink(path)}"
        elif path.is_file():
            tree[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            tree[name] = "folder"
    return tree


def raw_state(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that may be seen of the raw streams: content, mtime, inode, links, permissions, owner."""
    state: dict[str, tuple[object, ...]] = {}
    for stream in ("vcam1", "vcam2"):
        for path in sorted([folder / stream, *(folder / stream).rglob("*")]):
            status = path.lstat()
            content = (
                hashlib.sha256(path.read_bytes()).hexdigest()
                if path.is_file() and not path.is_symlink()
                else os.readlink(path)
                if path.is_symlink()
                else None
            )
            state[path.relative_to(folder).as_posix()] = (
                content,
                status.st_mtime_ns,
                status.st_ino,
                status.st_nlink,
                status.st_mode,
                status.st_uid,
                status.st_gid,
            )
    return state


@dataclass(frozen=True)
class LedgerRow:
    """A frame ID in the database."""

    number: int
    identity: str | None
    applied: bool


def ledger_rows(site: Site) -> list[LedgerRow]:
    """The ledger as the database has it, read past vampd's own code."""
    with closing(sqlite3.connect(f"file:{site.database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT number, identity, applied FROM frame_ids ORDER BY number"
        ).fetchall()
    return [LedgerRow(number, identity, bool(applied)) for number, identity, applied in rows]


def descendants(pid: int) -> tuple[int, ...]:
    """The pids of all living processes below this one."""
    children = _children(pid)
    return (*children, *(below for child in children for below in descendants(child)))


def _children(pid: int) -> tuple[int, ...]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found += [int(word) for word in task.read_text().split()]
    return tuple(found)


def _command(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] not in ("Z", "X")


def cpu_s(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
