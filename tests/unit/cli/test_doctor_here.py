"""vampctl doctor on this machine: each line is proven, or says what to do, and doing it helps."""

from __future__ import annotations

import os
import re
import resource
import shlex
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.builders.settings import make_settings
from vampd.cli.checks import here
from vampd.cli.checks.open_modes import examine_open_modes
from vampd.cli.look import doctor
from vampd.cli.shared.finding import BAD, OK, WARN, Finding
from vampd.disk.machine import LONGEST_TMPDIR_BYTES, mounts

NIGHT = "ARCHIVED_DATA/20251106"
PLACES = ("", "vgen2", "vbad", "vbad/vcam2")


def test_a_folder_that_anyone_may_write_to_is_closed_by_the_command_of_its_line(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o777)
    state, found = here._access(tmp_path)
    assert (state, "can be written to by anyone" in found) == (WARN, True)
    subprocess.run(shlex.split(found.rpartition(": ")[2].strip("`")), check=True)
    state, found = here._access(tmp_path)
    assert state == OK
    assert found.endswith("mode 775")
    # Whoever may write to a folder like /tmp cannot remove what others have there.
    tmp_path.chmod(0o1777)
    assert here._access(tmp_path)[0] == OK


def test_what_is_missing_or_no_folder_says_which(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to("circle")
    assert here._access(tmp_path / "none") == (
        BAD,
        f"{tmp_path}/none does not exist; create it, or mount its disk",
    )
    assert "is not a folder; move away" in here._access(tmp_path / "file")[1]
    assert here._access(tmp_path / "circle")[0] == BAD


def limits() -> dict[str, Finding]:
    return {found.check: found for found in here.examine_limits()}


def test_limits_that_are_low_name_the_setting_that_raises_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here, "_INOTIFY", tmp_path)
    (tmp_path / "max_user_instances").write_text("0\n")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    low = limits()
    assert {found.state for found in low.values()} == {WARN}
    assert "sysctl fs.inotify.max_user_instances=16" in low["inotify max_user_instances"].found
    assert "the scan works without" in low["inotify max_user_watches"].found
    assert "LimitNPROC=" in low["processes"].found
    assert "LimitNOFILE=" in low["open files"].found
    assert "LimitFSIZE=" in low["size of a file"].found
    for name in ("max_user_instances", "max_user_watches"):
        (tmp_path / name).write_text("1000000\n")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert {found.state for found in limits().values()} == {OK}


def test_a_tmpdir_is_proven_by_a_file_and_fits_the_names_of_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert (here.examine_temporary().state, "set TMPDIR" in here.examine_temporary().found) == (
        BAD,
        True,
    )
    with tempfile.TemporaryDirectory(dir="/tmp") as base:
        for length, state in ((LONGEST_TMPDIR_BYTES, OK), (LONGEST_TMPDIR_BYTES + 1, BAD)):
            folder = Path(base, "x" * (length - len(base) - 1))
            folder.mkdir()
            monkeypatch.setattr(tempfile, "tempdir", str(folder))
            assert here.examine_temporary().state == state
        assert "such as /tmp" in here.examine_temporary().found
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    assert here.examine_temporary().state == OK


def test_a_read_only_mount_is_told_of_the_folder_that_lies_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "mountinfo"
    monkeypatch.setattr(mounts, "_MOUNTS", listed)
    system = "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
    point = str(tmp_path).replace(" ", r"\040")
    listed.write_text(f"{system}23 22 8:2 / {point} ro,relatime - xfs /dev/sdb1 rw\n")
    assert here._mount(tmp_path)[0] == BAD
    assert f"{tmp_path} (xfs) is mounted read-only" in here._mount(tmp_path)[1]
    # Of two mounts on one point the later one is seen, and a neighbor's says nothing.
    listed.write_text(listed.read_text() + f"24 22 8:3 / {point} rw - nfs4 host:/x rw\n")
    assert here._mount(tmp_path) == (OK, f"{tmp_path} (nfs4)")
    listed.write_text(f"{system}23 22 8:2 / {point[:-1]} ro - xfs /dev/sdb1 ro\n")
    assert here._mount(tmp_path) == (OK, "on the disk of the system (ext4)")
    # The nearest mount counts, wherever it is listed.
    listed.write_text(f"23 22 8:2 / {point} ro - xfs /dev/sdb1 ro\n{system}")
    assert here._mount(tmp_path)[0] == BAD
    # A server that was mounted read-write and has become read-only says so in its own options.
    listed.write_text(f"{system}23 22 8:2 / {point} rw,relatime - ext4 /dev/sdb1 ro,errors=x\n")
    assert here._mount(tmp_path)[0] == BAD


@pytest.mark.parametrize("exists", [True, False])
def test_a_machine_without_a_journal_says_what_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, exists: bool
) -> None:
    monkeypatch.setattr(here, "_JOURNAL", tmp_path / "socket")
    monkeypatch.setattr(here, "_JOURNAL_ON_DISK", tmp_path / "journal")
    assert "no journald here" in here.examine_journal().found
    (tmp_path / "socket").touch()
    if exists:
        (tmp_path / "journal").mkdir()
    found = here.examine_journal()
    assert found.state == (OK if exists else WARN)
    assert exists or f"mkdir {tmp_path / 'journal'}" in found.found


@pytest.mark.parametrize(
    ("mode", "owner", "state"),
    [
        (0o1777, "another", OK),  # the folder is ours, so its stickiness does not bind us
        (0o755, "", OK),
    ],
)
def test_an_answer_file_that_can_be_removed_is_in_order(
    tmp_path: Path, mode: int, owner: str, state: str
) -> None:
    tmp_path.chmod(mode)
    frameids = {
        "authority": "gen2",
        "gen2_hosts": ("g2",),
        "gen2_owner": owner,
        "gen2_answer": str(tmp_path / "frames_VMPA.txt"),
    }
    assert doctor._gen2_answer(make_settings(frameids=frameids)).state == state


def test_an_answer_file_that_stays_is_told_with_the_risk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    frameids = {
        "authority": "gen2",
        "gen2_hosts": ("g2",),
        "gen2_owner": "another",
        "gen2_answer": str(tmp_path / "frames_VMPA.txt"),
    }
    found = doctor._gen2_answer(make_settings(frameids=frameids))
    assert (found.state, "sticky" in found.found, "frameids.way" in found.found) == (
        WARN,
        True,
        True,
    )


@pytest.mark.parametrize(
    "path", ["ARCHIVED_DATA/frameids.ledger", *(f"{NIGHT}/{place}" for place in PLACES)]
)
def test_what_an_earlier_cure_opened_is_named_and_closed(tmp_path: Path, path: str) -> None:
    settings = make_settings(tmp_path, watch={"root": tmp_path})
    (tmp_path / NIGHT / "vbad" / "vcam2").mkdir(parents=True)
    (tmp_path / NIGHT / "vgen2").mkdir()
    (tmp_path / "ARCHIVED_DATA" / "frameids.ledger").touch(0o644)
    for each in (tmp_path / NIGHT).rglob("*"):
        each.chmod(0o755)
    (tmp_path / NIGHT).chmod(0o1777)
    assert examine_open_modes(settings).state == "OK"
    (tmp_path / path).chmod(0o757)
    found = examine_open_modes(settings)
    assert found.state == "look"
    (command,) = re.findall("`(.*)`", found.found)
    assert shlex.split(command) == ["chmod", "o-w", str(tmp_path / path)]
    subprocess.run(shlex.split(command), check=True)
    assert examine_open_modes(settings).state == "OK"


OWN = ("ARCHIVED_DATA/frameids.ledger", *(f"{NIGHT}/{place}" for place in PLACES if place))


@pytest.mark.parametrize("mode", [0o775, 0o777])
def test_what_an_earlier_cure_opened_to_a_group_is_named_and_closed(
    tmp_path: Path, mode: int
) -> None:
    settings = make_settings(tmp_path, watch={"root": tmp_path})
    (tmp_path / NIGHT / "vbad" / "vcam2").mkdir(parents=True)
    (tmp_path / NIGHT / "vgen2").mkdir()
    (tmp_path / "ARCHIVED_DATA" / "frameids.ledger").touch()
    # The loggers' own folder is what they made it.
    (tmp_path / NIGHT).chmod(0o775)
    for path in OWN:
        (tmp_path / path).chmod(mode)
    found = examine_open_modes(settings)
    assert ("a group" in found.found, "any user" in found.found) == (mode == 0o775, mode == 0o777)
    (command,) = re.findall("`(.*)`", found.found)
    subprocess.run(shlex.split(command), check=True)
    assert examine_open_modes(settings).state == "OK"
    assert {stat.S_IMODE((tmp_path / path).stat().st_mode) for path in OWN} == {0o755}
    assert stat.S_IMODE((tmp_path / NIGHT).stat().st_mode) == 0o775


def test_what_an_access_list_opened_is_closed_with_the_groups_bits(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, watch={"root": tmp_path})
    own = tmp_path / NIGHT / "vgen2"
    own.mkdir(parents=True)
    own.chmod(0o755)
    subprocess.run(["setfacl", "-m", "u:65534:rwx", own], check=True)
    (command,) = re.findall("`(.*)`", examine_open_modes(settings).found)
    subprocess.run(shlex.split(command), check=True)
    assert examine_open_modes(settings).state == "OK"
    shown = subprocess.run(["getfacl", "-p", own], capture_output=True, text=True, check=True)
    assert "#effective:r-x" in shown.stdout


def test_of_many_as_many_are_named_as_one_command_shows(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, watch={"root": tmp_path})
    for day in range(1, 13):
        (tmp_path / f"202511{day:02}").mkdir()
        (tmp_path / f"202511{day:02}").chmod(0o777)
    assert examine_open_modes(settings).found.endswith("; then again for 2 more")
