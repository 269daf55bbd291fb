"""What an archive host answers is believed in its form alone, and shown in none of its own."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.worlds.archive.archive_sites import NIGHT, ssh_transfer
from vampd.adapters.archive import ask_programs, open_archive_host
from vampd.adapters.archive.night_archive import NightArchive
from vampd.adapters.archive.scripts import BEGIN, END
from vampd.disk.pace import SteadyPace
from vampd.errors import VampdError
from vampd.model.escapes import show

PACE = SteadyPace()
SHA256 = b"a" * 64
TIME = b"1762424400.000000000"
RECORDS = {
    "a size of 5,000 digits": b"9" * 5000 + b" 8 " + TIME + b" x",
    "a size of 30 digits": b"9" * 30 + b" 8 " + TIME + b" x",
    "blocks of 30 digits": b"1 " + b"9" * 30 + b" " + TIME + b" x",
    "a time that no number of 64 bits holds": b"1 8 9999999999.000000000 x",
    "a path that leads out": b"1 8 " + TIME + b" ../../x",
    "an absolute path": b"1 8 " + TIME + b" /etc/x",
    "a digest of 5,000 digits": SHA256 + (b" " + b"9" * 5000 + b" " + TIME) * 2,
    "space of 5,000 digits": b" ".join([b"9" * 5000] * 5),
    "nothing": b"",
    "more records": b"1 2 3 4 5\0" * 3,
    "a folder that leads out": b"vampd\0root\0root\0755\0./../../etc",
    "an option of chown's": b"-R\0root\0root\0755\0./20251106",
    "control characters": b"\x1b[2J\x1b]0;x\x07\r\n",
    "bytes": bytes(range(1, 256)),
}
ASKS: dict[str, Callable[..., object]] = {
    "files": lambda host: host.files(NIGHT),
    "digests": lambda host: host.digests(NIGHT, ["x"], PACE),
    "space": lambda host: host.space(),
    "device": lambda host: host.device(NIGHT),
}


def answering(tmp_path: Path, program: str) -> NightArchive:
    """The archive behind an ssh that is this program for sh."""
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\n{program}\n")
    ssh.chmod(0o755)
    return open_archive_host(ssh_transfer(tmp_path / "disk", [str(ssh)]), NIGHT.kind)


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_of_another_form_is_no_answer(tmp_path: Path, record: str) -> None:
    (tmp_path / "answer").write_bytes(BEGIN + RECORDS[record] + b"\0" + END)
    host = answering(tmp_path, f"cat {tmp_path}/answer")
    for name, ask in ASKS.items():
        with pytest.raises(VampdError) as caught:
            ask(host)
        assert caught.value.message.isprintable() or show(caught.value.message).isprintable(), name


@pytest.mark.parametrize("record", RECORDS)
def test_who_is_refused_is_told_of_records_of_one_form(tmp_path: Path, record: str) -> None:
    (tmp_path / "answer").write_bytes(BEGIN + b"vampd\0" + RECORDS[record] + b"\0" + END)
    host = answering(tmp_path, f"cat {tmp_path}/answer")
    with pytest.raises(VampdError) as caught:
        host.describe_refused(NIGHT)
    assert caught.value.code == "archive_garbled"


@pytest.mark.parametrize("name", ["x $(touch /tmp/pwned); :", "x /etc/shadow; rm -rf ~ #", "a'b"])
def test_a_name_that_a_host_tells_is_one_word_of_the_command_shown(
    tmp_path: Path, name: str
) -> None:
    answer = "\0".join([name, "root", "root", "755", "./20251106", ""])
    (tmp_path / "answer").write_bytes(BEGIN + answer.encode() + END)
    shown = answering(tmp_path, f"cat {tmp_path}/answer").describe_refused(NIGHT)
    assert shown is not None
    words = shlex.split(shown.split("`")[1])
    assert words == ["sudo", "chown", name, f"{tmp_path}/disk/20251106"]


@pytest.mark.parametrize("record", RECORDS)
def test_what_doctor_asks_for_has_one_form(tmp_path: Path, record: str) -> None:
    (tmp_path / "answer").write_bytes(BEGIN + RECORDS[record] + b"\0" + END)
    answering(tmp_path, f"cat {tmp_path}/answer")
    transfer = ssh_transfer(tmp_path / "disk", [str(tmp_path / "ssh")])
    with pytest.raises(VampdError) as caught:
        ask_programs(transfer, NIGHT.kind)
    assert caught.value.code == "archive_garbled"


@pytest.mark.parametrize(
    "program",
    [
        "exec head -c 60000000 /dev/zero",
        "printf 'vampd begins\\0'; exec head -c 60000000 /dev/zero",
        "head -c 60000000 /dev/zero >&2; exit 255",
        "printf 'vampd begins\\0'",
        "printf 'vampd ends\\0vampd begins\\0'",
        "kill -9 $$",
    ],
)
def test_an_answer_without_an_end_is_none(tmp_path: Path, program: str) -> None:
    host = answering(tmp_path, program)
    with pytest.raises(VampdError):
        ASKS["files"](host)
