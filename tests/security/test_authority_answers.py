"""Whatever Gen2 or a command answers: it ends, costs no disk, and grants nothing but IDs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vampd.adapters.authorities import CommandAuthority
from vampd.adapters.authorities.answers import LONGEST_BYTES, AnswerFolder
from vampd.disk.pace import SteadyPace
from vampd.errors import FrameIdConflict, FrameIdsUnavailable
from vampd.ledger.ledger import FrameIdLedger
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store

NIGHT = NightId("20251106", Kind.ARCHIVE)


def printing(tmp_path: Path, program: str) -> CommandAuthority:
    """A command for sh, with the folder of its answers."""
    return CommandAuthority(tmp_path / "answers", ("sh", "-c", program), 30.0, SteadyPace())


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[FrameIdLedger]:
    (tmp_path / "ARCHIVED_DATA").mkdir()
    store = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    yield FrameIdLedger(store, tmp_path / "ARCHIVED_DATA" / "frameids.ledger")
    store.close()


@pytest.mark.parametrize("program", ["exec yes VMPA00000001", "head -c 9000000 /dev/zero"])
def test_a_command_that_prints_without_end_is_ended_and_keeps_no_disk(
    tmp_path: Path, program: str
) -> None:
    authority = printing(tmp_path, program)
    with pytest.raises(FrameIdsUnavailable) as caught:
        authority.grant(2, None)
    assert caught.value.code == "output_too_long"
    kept = [path.stat().st_size for path in (tmp_path / "answers").iterdir()]
    assert max(kept) <= LONGEST_BYTES
    assert len(authority.strays()) <= LONGEST_BYTES


def test_an_answer_file_longer_than_any_answer_is_not_read(tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    answer.write_bytes(b"VMPA00000001\n" * (LONGEST_BYTES // 12))
    with pytest.raises(FrameIdsUnavailable) as caught:
        AnswerFolder(tmp_path / "answers", answer).look()
    assert caught.value.code == "answer_unreadable"


@pytest.mark.parametrize(
    "answer",
    [
        "\x1b[2J\x1b]0;title\x07VMPA00000001",
        "VMPA00000001\rVMPA00000002",
        "\u202eVMPA00000001",
        "VMPA\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff11",
        "VMPA00000001\0",
        "VMPA" + "9" * 5000,
        "VMPA-0000001",
        "../../VMPA00000001",
        "\udcff\udcfe",
        "\x85VMPA00000001\u2028",
    ],
)
def test_text_that_is_no_id_is_on_record_as_plain_text(
    tmp_path: Path, ledger: FrameIdLedger, answer: str
) -> None:
    (tmp_path / "answer").write_bytes(answer.encode("utf-8", "surrogateescape"))
    with pytest.raises(FrameIdConflict) as caught:
        ledger.reserve(NIGHT, ["a"], printing(tmp_path, f"cat {tmp_path}/answer"))
    assert caught.value.code == "grant_refused"
    assert caught.value.message.isprintable()
    lines = (tmp_path / "ARCHIVED_DATA" / "frameids.ledger").read_text().splitlines()
    assert all(line.replace("\t", "").isprintable() for line in lines)
