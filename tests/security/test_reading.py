"""Who may only read reads in every state of the database, and opens no file of it for writing."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.daemon.running import vampctl
from tests.support.daemon.site import Site, configure
from tests.support.worlds.hostile.three_users import (
    MEMBER,
    OWNER,
    STRANGER,
    give_to_owner,
    shared_site,
)
from tests.support.worlds.records.databases import new_database
from tests.support.worlds.records.past import PAST_VERSIONS, extract_database
from tests.support.worlds.records.stores import NIGHT
from vampd.disk.life_signs import inode_of, leave_sign, own_mark, sign_path
from vampd.disk.rights import prepare_request_folder
from vampd.errors import StoreError, TransientError
from vampd.model.life_sign import LifeSign
from vampd.model.nights import Event, EventName
from vampd.store.database import reading
from vampd.store.database.connection import Store
from vampd.store.database.opening import Access, open_store
from vampd.store.fast_status import read_fast_status
from vampd.store.nights import Nights

# Runs commands in the site that each line names, in this one process.
READER = """
import json, sys
from typer.testing import CliRunner
from vampd.cli import program
for line in sys.stdin:
    results = []
    for words in json.loads(line):
        result = CliRunner().invoke(program.app_for(words), words)
        results.append([result.exit_code, result.output, repr(result.exception)])
    print(json.dumps(results), flush=True)
"""
LOOKED_FOR = (
    "open,openat,creat,truncate,ftruncate,unlink,unlinkat,rename,renameat,renameat2,link,linkat,"
    "chmod,fchmod"
)
WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|^\d+ +(?!open| )")


class Reader:
    """A member of the group under strace, who runs commands of vampctl."""

    def __init__(self, strace: str, trace: Path) -> None:
        self._trace = trace
        groups = ["--reuid", "4002", "--regid", "4002", "--groups", ",".join(map(str, MEMBER.gids))]
        self._process = subprocess.Popen(
            [
                strace, "-f", "-e", f"trace={LOOKED_FOR}", "-o", trace,
                "setpriv", *groups, sys.executable, "-c", READER,
            ],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def runs(self, site: Site, *commands: str) -> list[str]:
        """What the commands print; each must end well."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        words = [[*command.split(), "--config", str(site.config)] for command in commands]
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        results = json.loads(self._process.stdout.readline())
        for status, output, error in results:
            assert status == 0, (output, error)
        return [output for _, output, _ in results]

    def written(self, folder: Path) -> list[str]:
        """What was opened for writing below a folder, or changed there, up to now."""
        lines = self._trace.read_text(errors="replace").splitlines()
        return [
            line
            for line in lines
            if f'"{folder}' in line and WRITES.search(line) and " = -1 " not in line
        ]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)


@pytest.fixture(scope="module")
def reader(tool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    reader = Reader(tool("strace"), tmp_path_factory.mktemp("strace") / "trace")
    yield reader
    reader.close()


@pytest.fixture
def site() -> Iterator[Site]:
    with shared_site() as site:
        site.database.write_bytes(new_database())
        store = open_store(f"sqlite:///{site.database}", Access.MIGRATE)
        Nights(store).discover(NIGHT, 1.0)
        store.close()
        give_to_owner(site)
        yield site


def hold_it(site: Site, reason: str) -> Store:
    """A change that is in the log of the database, and in the database once that is closed."""
    store = open_store(f"sqlite:///{site.database}", Access.MIGRATE)
    event = Event(EventName.HELD)
    Nights(store).apply(NIGHT, event, at=2.0, actor="x", code="c", message=reason)
    return store


@contextmanager
def owner_at_work(work: Callable[[], object]) -> Iterator[int]:
    """A process of OWNER that has done something and lives on; its pid."""
    done_r, done_w = os.pipe()
    pid = os.fork()
    if not pid:
        os.setgroups([])
        os.setresgid(*[OWNER.gids[0]] * 3)
        os.setresuid(*[OWNER.uid] * 3)
        try:
            _kept = work()
            os.write(done_w, b"x")
            signal.pause()
        finally:
            os._exit(1)
    os.close(done_w)
    try:
        assert os.read(done_r, 1) == b"x"
        yield pid
    finally:
        os.close(done_r)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def state_of(site: Site) -> list[tuple[str, bytes]]:
    """All files of the state, with their content but that of the index, which is only a help."""
    return [
        (path.name, b"" if path.name.endswith("-shm") else path.read_bytes())
        for path in sorted(site.database.parent.iterdir())
    ]


def read_fast(site: Site) -> None:
    with read_fast_status(site.database) as seen:
        assert seen is not None


COMMANDS = ("status", "history 20251106", "table archive", "status 20251106", "watch --once")


def reads(reader: Reader, site: Site, expected: str) -> None:
    """A member reads what was committed, and leaves the folder as it is."""
    before = state_of(site)
    outputs = reader.runs(site, *COMMANDS)
    assert all("20251106" in output for output in outputs)
    assert expected in outputs[1]
    assert state_of(site) == before
    assert reader.written(site.database.parent) == []


def test_a_member_reads_in_every_state_that_vampd_leaves(site: Site, reader: Reader):
    reads(reader, site, "")
    with owner_at_work(lambda: hold_it(site, "said meanwhile")):
        assert [path.name for path in sorted(site.database.parent.iterdir())] == [
            "vampd.db", "vampd.db-shm", "vampd.db-wal",
        ]  # fmt: skip
        reads(reader, site, "said meanwhile")
    reads(reader, site, "said meanwhile")
    before = state_of(site)
    # The owner may write the index of a vampd that was killed, and does not while reading.
    index = Path(f"{site.database}-shm")
    written_ns = index.stat().st_mtime_ns
    OWNER.does(lambda: read_fast(site))
    OWNER.does(lambda: open_store(f"sqlite:///{site.database}", Access.READ).close())
    OWNER.does(lambda: Nights(open_store(f"sqlite:///{site.database}", Access.READ)).nights())
    assert state_of(site) == before
    assert index.stat().st_mtime_ns == written_ns
    os.truncate(f"{site.database}-shm", 0)
    reads(reader, site, "said meanwhile")
    os.unlink(f"{site.database}-shm")
    reads(reader, site, "said meanwhile")
    OWNER.does(lambda: open_store(f"sqlite:///{site.database}", Access.MIGRATE).close())


def test_a_member_is_told_whether_vampd_runs_and_locks_nothing_for_it(site: Site, reader: Reader):
    def leave() -> None:
        sign = LifeSign("1", own_mark(), inode_of(site.database), 1.0, time.time())
        leave_sign(sign_path(site.database), sign)

    def told() -> str:
        (answer,) = reader.runs(site, "daemon --json")
        return json.loads(answer)["state"]

    assert told() == "never_seen"
    with owner_at_work(leave):
        before = state_of(site)
        assert told() == "running"
    assert told() == "killed"
    assert state_of(site) == before
    assert reader.written(site.database.parent) == []


def test_a_member_reads_while_the_database_is_migrated(site: Site, reader: Reader):
    extract_database(PAST_VERSIONS[-1], site.database, site.base)
    give_to_owner(site)
    site.database.chmod(0o640)

    def migrate_halfway() -> sqlite3.Connection:
        connection = sqlite3.connect(site.database, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE novelty AS SELECT * FROM events")
        connection.execute("INSERT INTO novelty SELECT * FROM novelty")
        return connection

    with owner_at_work(migrate_halfway):
        before = state_of(site)
        (nights,) = reader.runs(site, "status --json")
    reader.runs(site, "status --json", "history 20250101 --kind archive", "table archive")
    assert len(json.loads(nights)) > 20
    assert state_of(site) == before
    assert reader.written(site.database.parent) == []


def test_what_changes_while_it_is_read_is_refused(site: Site):
    store = open_store(f"sqlite:///{site.database}", Access.READ)
    nights = Nights(store)
    assert nights.night(NIGHT) is not None

    def read_while_a_vampd_starts_works_and_stops() -> None:
        with store.read():
            hold_it(site, "meanwhile").close()

    with pytest.raises(TransientError) as error:
        read_while_a_vampd_starts_works_and_stops()
    assert error.value.code == "database_changed"
    assert nights.history(NIGHT)[-1].message == "meanwhile"
    with pytest.raises(StoreError, match="read only"):
        nights.apply(NIGHT, Event(EventName.RETRIED), at=3.0, actor="x")
    store.close()


def test_a_copy_that_was_torn_is_taken_again(site: Site, monkeypatch: pytest.MonkeyPatch):
    with owner_at_work(lambda: hold_it(site, "said")):
        pass
    os.unlink(f"{site.database}-shm")
    looks = []
    look = reading._look

    def changing(path: Path):
        looks.append(path)
        if len(looks) == 2:
            os.utime(f"{path}-wal", ns=(1, 1))
        return look(path)

    monkeypatch.setattr(reading, "_look", changing)
    connection = reading.connect_reading(site.database)
    assert connection.execute("SELECT message FROM events").fetchall() == [("said",)]
    assert len(looks) == 4
    connection.close()


def test_a_damaged_database_is_damaged_to_a_reader_too(site: Site):
    content = site.database.read_bytes()
    site.database.write_bytes(content[:4096] + b"\x5a" * (len(content) - 4096))
    before = state_of(site)

    def read() -> None:
        Nights(open_store(f"sqlite:///{site.database}", Access.READ)).nights()

    with pytest.raises(StoreError) as error:
        MEMBER.does(read)
    assert error.value.code == "database_damaged"
    assert state_of(site) == before


def test_a_stranger_is_told_who_may_read(site: Site):
    site.database.parent.chmod(0o2750)
    for words in (["status"], ["hold", "20251106"]):
        done = STRANGER.vampctl(site, *words)
        assert done.returncode == 1
        assert "may not be read" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_members_doctor_says_what_a_member_needs() -> None:
    with shared_site(requests={"members_may": ["hold"]}) as site:
        site.database.write_bytes(new_database())
        give_to_owner(site)
        prepare_request_folder(site.database.parent / "requests")
        site.database.chmod(0o640)
        found = {
            line["check"]: (line["state"], line["found"])
            for line in json.loads(MEMBER.vampctl(site, "doctor", "--json").stdout)
        }
    assert not [check for check, (state, _) in found.items() if state == "BAD"]
    assert found["requests"] == ("OK", "you may ask for: hold (requests.members_may)")
    assert "0 nights" in found["database"][1]
    assert "vampctl doctor" in found["all else"][1]


def test_roots_doctor_proves_what_the_owner_may_do() -> None:
    with shared_site() as site:
        site.database.write_bytes(new_database())
        give_to_owner(site)
        site.destination.chmod(0o555)
        os.chown(site.root, 0, 0)
        done = vampctl(site, "doctor", "--json")
        found = {line["check"]: (line["state"], line["found"]) for line in json.loads(done.stdout)}
        assert {path.stat().st_uid for path in site.database.parent.rglob("*")} == {OWNER.uid}
    assert "as uid 4001, who owns" in found["user"][1]
    assert found["root"][0] == found["engineering probe"][0] == "BAD"
    assert "uid 4001 may not write" in found["root"][1]


def test_a_reader_is_told_what_only_the_owner_may_do(site: Site):
    configure(site)
    for words in (
        ["purge", "20251106"],
        ["run", "20251106"],
        ["rebuild-ledger"],
        ["root", "accept"],
    ):
        done = MEMBER.vampctl(site, *words)
        assert done.returncode == 1
        assert "only the owner of the nights (uid 4001) may do that" in done.stderr.replace(
            "\n", " "
        )
        assert f"sudo -u '#4001' vampctl --config {site.config} {words[0]}" in done.stderr
