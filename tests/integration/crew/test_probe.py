"""doctor's probe: hosts try what packing needs of the root, and what cannot work is refused."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.daemon.running import PATIENCE_S
from vampd.adapters.crew import Answering, ask_hosts, probe, read_signs, sign
from vampd.cli.checks.crew import judge_mount
from vampd.cli.checks.crew_probe import judge_answer
from vampd.cli.shared.finding import BAD, OK, WARN
from vampd.disk.durable import make_folder, rename
from vampd.model.roll_call import (
    MOST_PROBES,
    ROLL_CALL_FOLDER,
    Answer,
    CrewMember,
    Fault,
    answer_name,
    format_answer,
    format_sign,
    held_name,
    parse_answer,
    question_name,
    questions_in,
)

TOKEN = "0" * 16
ANSWER = Answer(TOKEN, "w1", "ext4", "rw", 1 << 40, 0.0)


def names(root: Path) -> list[str]:
    """What lies among the signs."""
    return sorted(path.name for path in (root / ROLL_CALL_FOLDER).iterdir())


@contextmanager
def answering(root: Path, *hosts: str) -> Iterator[None]:
    """Hosts that answer as they do beside their signs."""
    make_folder(root / ROLL_CALL_FOLDER)  # as their first signs do
    ended = threading.Event()

    def keep(host: str) -> None:
        answers = Answering(root, host)
        while not ended.wait(0.01):
            answers.look()

    threads = [threading.Thread(target=keep, args=(host,)) for host in hosts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(PATIENCE_S)


def test_hosts_answer_and_nothing_is_left(tmp_path: Path) -> None:
    with answering(tmp_path, "w1", "w2"):
        found = ask_hosts(tmp_path, ["w1", "w2"], PATIENCE_S)
    assert sorted(found) == ["w1", "w2"]
    for host, answer in found.items():
        assert answer.host == host
        assert answer.faults == ()
        assert answer.free_bytes > 0
        assert abs(answer.ahead_s) < 1
        assert answer.kind
    assert names(tmp_path) == []


def test_a_host_that_does_not_answer_is_left_out(tmp_path: Path) -> None:
    with answering(tmp_path, "w1"):
        assert list(ask_hosts(tmp_path, ["w1", "w2"], 1.0)) == ["w1"]
    assert names(tmp_path) == []


def test_probes_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    hosts = ["w1", "w2"]
    begun = threading.Barrier(3)

    def ask(_: int) -> dict[str, Answer]:
        begun.wait(PATIENCE_S)
        return ask_hosts(tmp_path, hosts, PATIENCE_S)

    with answering(tmp_path, *hosts), ThreadPoolExecutor(3) as threads:
        every = [list(found.values()) for found in threads.map(ask, range(3))]
    assert [sorted(answer.host for answer in found) for found in every] == [hosts] * 3
    assert [answer.faults for found in every for answer in found] == [()] * 6
    assert len({answer.token for found in every for answer in found}) == 3
    assert names(tmp_path) == []


@pytest.fixture
def left(tmp_path: Path) -> list[Path]:
    """What a probe leaves that was killed."""
    folder = tmp_path / ROLL_CALL_FOLDER
    folder.mkdir(parents=True)
    (folder / "w1.json").touch()
    ends = ("", ".held", ".w1.json", ".w1.one")
    files = [folder / f".probe-{TOKEN}{end}" for end in ends] + [folder / f"..probe-{TOKEN}.new"]
    for path in files:
        path.touch()
    return files


def test_what_a_killed_probe_left_is_removed_by_a_later_one(
    tmp_path: Path, left: list[Path]
) -> None:
    for path in left:
        os.utime(path, (0, 0))
    assert ask_hosts(tmp_path, ["w1"], 0.0) == {}
    assert names(tmp_path) == ["w1.json"]


def test_what_another_probe_uses_stays_and_is_no_answer_to_this_one(
    tmp_path: Path, left: list[Path]
) -> None:
    (tmp_path / ROLL_CALL_FOLDER / answer_name(TOKEN, "w1")).write_bytes(format_answer(ANSWER))
    assert ask_hosts(tmp_path, ["w1"], 0.1) == {}
    assert names(tmp_path) == sorted([*(path.name for path in left), "w1.json"])


def test_what_belongs_to_probes_is_no_host(tmp_path: Path, left: list[Path]) -> None:
    member = CrewMember("w1", "1.2.3", "0" * 32, 1, 4, 3, 1 << 30)
    (tmp_path / ROLL_CALL_FOLDER / "w1.json").write_bytes(format_sign(member))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sign, "MOST_HOSTS", 1)
        assert [found for found, _ in read_signs(tmp_path)] == [member]


def test_a_question_is_answered_once_and_the_answer_goes_with_it(tmp_path: Path) -> None:
    (tmp_path / ROLL_CALL_FOLDER).mkdir(parents=True)
    question = tmp_path / ROLL_CALL_FOLDER / question_name(TOKEN)
    answer = question.with_name(answer_name(TOKEN, "w1"))
    answers = Answering(tmp_path, "w1")
    answers.look()
    assert names(tmp_path) == []
    question.touch()
    question.with_name(held_name(TOKEN)).touch()
    question.with_name(".probe-nonsense").touch()
    answers.look()
    assert answer.exists()
    answer.unlink()
    answers.look()
    assert not answer.exists()
    # Whoever asked has left, and this one came late.
    answer.touch()
    question.unlink()
    answers.look()
    assert not answer.exists()


def no_link(*_: Path) -> None:
    raise PermissionError(errno.EPERM, "no hard links")


def overwrite(old: Path, new: Path) -> None:
    new.write_bytes(old.read_bytes())


def rename_beside(old: Path, new: Path) -> None:
    if new.name.endswith(".two"):
        raise FileExistsError(errno.EEXIST, "taken", str(new))
    rename(old, new)


def flock(answer: Callable[[], None]) -> SimpleNamespace:
    def locked(file: object, operation: int) -> None:
        if operation & fcntl.LOCK_NB:
            answer()

    return SimpleNamespace(flock=locked, LOCK_EX=fcntl.LOCK_EX, LOCK_NB=fcntl.LOCK_NB)


def not_locked() -> None:
    raise OSError(errno.ENOLCK, "no locks")


@pytest.mark.parametrize(
    ("name", "shim", "fault"),
    [
        ("link", no_link, Fault.NO_LINK),
        ("link", overwrite, Fault.LINK_OVERWRITES),
        ("rename", rename_beside, Fault.NO_RENAME),
        ("fcntl", flock(not_locked), Fault.NO_LOCK),
        ("fcntl", flock(lambda: None), Fault.LOCK_UNSEEN),
    ],
)
def test_what_a_file_system_lacks_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, shim: object, fault: Fault
) -> None:
    monkeypatch.setattr(probe, name, shim)
    with answering(tmp_path, "w1"):
        found = ask_hosts(tmp_path, ["w1"], PATIENCE_S)
    assert found["w1"].faults == (fault,)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        (ANSWER, OK, "link, rename and lock hold; 1.10 TB free, clock +0.0 s off"),
        *((replace(ANSWER, faults=(fault,)), BAD, "hosts cannot share") for fault in Fault),
        (replace(ANSWER, kind="nfs4", options="rw,soft"), BAD, "mount it `hard`"),
        (replace(ANSWER, kind="nfs4", options="rw,lookupcache=all"), WARN, "`positive` is safer"),
        (replace(ANSWER, free_bytes=0), BAD, "no space"),
        (replace(ANSWER, ahead_s=-3.0), WARN, "clock +3.0 s off this machine's: synchronize"),
    ],
)
def test_an_answer_is_judged(answer: Answer, state: str, said: str) -> None:
    found = judge_answer("x", answer, 0.0, judge_mount)
    assert (found.state, said in found.found) == (state, True), found.found


def test_an_answer_travels_as_it_is() -> None:
    answer = replace(ANSWER, ahead_s=-0.25, faults=(Fault.NO_LOCK, Fault.NO_LINK))
    assert parse_answer(format_answer(answer)) == answer


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"{}",
        b"3",
        format_answer(ANSWER).replace(b'"faults":[]', b'"faults":["other"]'),
        format_answer(ANSWER).replace(b'"faults":[]', b'"faults":[[]]'),
        format_answer(ANSWER).replace(b'"ahead_s":0.0', b'"ahead_s":NaN'),
        format_answer(replace(ANSWER, free_bytes=-1)),
        format_answer(replace(ANSWER, options="x" * 5000)),
    ],
)
def test_what_is_no_answer_is_none(content: bytes) -> None:
    assert parse_answer(content) is None


def test_a_question_is_known_by_its_name_alone() -> None:
    others = [
        "w1.json",
        ".probe-",
        f".probe-{TOKEN}.held",
        f"..probe-{TOKEN}.new",
        f"probe-{TOKEN}",
    ]
    assert questions_in([*others, f".probe-{TOKEN}"]) == {TOKEN}
    assert len(questions_in([f".probe-{number:016x}" for number in range(100)])) == MOST_PROBES
