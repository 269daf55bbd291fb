"""doctor's probe: hosts try what packing needs of the root, and what cannot work is refused."""

from __future__ import annotations

import errno
import fcntl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.daemon.running import PATIENCE_S
from vampd.adapters.crew import Answering, ask_hosts, probe
from vampd.cli.checks.crew import judge_mount
from vampd.cli.checks.crew_probe import judge_answer
from vampd.cli.shared.finding import BAD, OK, WARN
from vampd.disk.durable import rename
from vampd.model.roll_call import (
    QUESTION_PATH,
    ROLL_CALL_FOLDER,
    Answer,
    Fault,
    format_answer,
    parse_answer,
    parse_question,
)

ANSWER = Answer("0" * 16, "w1", "ext4", "rw", 1 << 40, 0.0)


@contextmanager
def answering(root: Path, *hosts: str) -> Iterator[None]:
    """Hosts that answer as they do beside their signs."""
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
    assert list((tmp_path / ROLL_CALL_FOLDER).iterdir()) == []


def test_a_host_that_does_not_answer_is_left_out(tmp_path: Path) -> None:
    with answering(tmp_path, "w1"):
        assert list(ask_hosts(tmp_path, ["w1", "w2"], 1.0)) == ["w1"]
    assert list((tmp_path / ROLL_CALL_FOLDER).iterdir()) == []


def test_what_another_probe_left_is_no_answer(tmp_path: Path) -> None:
    folder = tmp_path / ROLL_CALL_FOLDER
    folder.mkdir(parents=True)
    (folder / ".probe-w1.json").write_bytes(format_answer(ANSWER))
    (folder / ".probe-held").write_text("")
    assert ask_hosts(tmp_path, ["w1"], 0.1) == {}


def test_a_question_is_answered_once(tmp_path: Path) -> None:
    (tmp_path / ROLL_CALL_FOLDER).mkdir(parents=True)
    answers = Answering(tmp_path, "w1")
    answers.look()
    assert list((tmp_path / ROLL_CALL_FOLDER).iterdir()) == []
    (tmp_path / QUESTION_PATH).write_text("nonsense")
    answers.look()
    assert len(list((tmp_path / ROLL_CALL_FOLDER).iterdir())) == 1


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
    assert list((tmp_path / ROLL_CALL_FOLDER).iterdir()) == []


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
    assert parse_question(content) is None
