"""Signs of life are held against real processes."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from vampd.disk import life_signs
from vampd.disk.life_signs import inode_of, leave_sign, look_for_life, own_mark, sign_path
from vampd.model.life_sign import LifeSign, LifeState

NOW = 1_762_480_313.0
_OF_A_CHILD = """
import sys
from pathlib import Path
from vampd.disk.life_signs import inode_of, leave_sign, own_mark, sign_path
from vampd.model.life_sign import LifeSign
database = Path(sys.argv[1])
now = float(sys.argv[2])
leave_sign(sign_path(database), LifeSign("1", own_mark(), inode_of(database), now, now))
print("left", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "vampd.db"
    path.write_bytes(b"a database")
    return path


@pytest.fixture
def child(database: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has left its sign."""
    command = [sys.executable, "-c", _OF_A_CHILD, str(database), str(NOW)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "left\n"
        yield process
        process.kill()


def own_sign(database: Path) -> LifeSign:
    return LifeSign("1", own_mark(), inode_of(database), NOW, NOW)


def test_a_process_runs_until_it_is_killed_also_before_its_parent_has_noticed(
    database: Path, child: subprocess.Popen[str]
) -> None:
    assert look_for_life(database, NOW).state is LifeState.RUNNING
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it stays, as a zombie
    assert look_for_life(database, NOW).state is LifeState.KILLED
    child.wait(10)
    assert look_for_life(database, NOW).state is LifeState.KILLED


def test_another_process_of_its_number_is_not_taken_for_it(database: Path) -> None:
    sign = own_sign(database)
    earlier = replace(sign, process=replace(sign.process, began=sign.process.began - 1))
    leave_sign(sign_path(database), earlier)
    assert look_for_life(database, NOW).state is LifeState.KILLED


def test_the_sign_beside_a_copied_database_says_nothing_of_it(
    database: Path, tmp_path: Path
) -> None:
    leave_sign(sign_path(database), own_sign(database))
    assert look_for_life(database, NOW).state is LifeState.RUNNING
    copy = tmp_path / "copy" / database.name
    copy.parent.mkdir()
    for path in (database, sign_path(database)):
        (copy.parent / path.name).write_bytes(path.read_bytes())
    assert look_for_life(copy, NOW).state is LifeState.NEVER_SEEN


def test_a_sign_is_the_owners_to_write_and_the_groups_to_read_and_nothing_else_is_left(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o077)
    try:
        leave_sign(sign_path(database), own_sign(database))
    finally:
        os.umask(before)
    (database.parent / f".{sign_path(database).name}.new").symlink_to(database)
    leave_sign(sign_path(database), own_sign(database))
    assert stat.S_IMODE(sign_path(database).stat().st_mode) == 0o640
    assert sorted(os.listdir(database.parent)) == ["vampd.db", "vampd.db.daemon"]
    assert database.read_bytes() == b"a database"


def test_a_sign_of_someone_else_or_that_is_no_file_is_none(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sign_path(database)
    os.mkfifo(path)
    assert look_for_life(database, NOW).state is LifeState.NEVER_SEEN
    path.unlink()
    path.symlink_to(database)
    assert look_for_life(database, NOW).state is LifeState.UNKNOWN
    path.unlink()
    path.write_bytes(b" " * 70_000)
    assert look_for_life(database, NOW).state is LifeState.NEVER_SEEN
    leave_sign(path, own_sign(database))
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
        assert look_for_life(database, NOW).state is LifeState.NEVER_SEEN


def test_where_processes_are_hidden_it_is_not_guessed(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_sign(sign_path(database), own_sign(database))
    monkeypatch.setattr(life_signs, "_words_of", lambda _: [])
    assert look_for_life(database, NOW).state is LifeState.UNKNOWN
