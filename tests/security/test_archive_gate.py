"""The key of vampd on the archive host: all that vampd and doctor do, and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.builders.settings import make_settings
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import run_until_idle, vampctl
from tests.support.daemon.site import make_site
from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.tools.gated import Gated, running_gate, secluded
from tests.support.tools.sshd import HOST
from tests.support.worlds.archive.archive_sites import NIGHT, ssh_transfer, write_file
from tests.support.worlds.sites.old_products import (
    copy_to_archive,
    make_old_products,
    write_old_manifest,
)
from vampd.adapters.archive import open_archive_host, open_moved_archive
from vampd.adapters.archive import scripts as archive_scripts
from vampd.adapters.archive.gate import format_gate
from vampd.cli.checks.archive import examine_archives
from vampd.cli.shared.finding import BAD, Finding
from vampd.disk.pace import SteadyPace
from vampd.errors import VampdError
from vampd.model.nights import Kind, NightId
from vampd.model.plan import Compare

PACE = SteadyPace()
MARK = "0123456789abcdef" * 2
MOVED = "20240101"


@pytest.fixture(scope="module")
def gate_for_all(
    tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]
) -> Iterator[Gated]:
    base, keys = (tmp_path_factory.mktemp(name) for name in ("gated", "keys"))
    with running_gate(base, keys, tool) as gated:
        yield gated


@pytest.fixture
def gated(gate_for_all: Gated) -> Gated:
    """Whatever test has used it before, its disk is nobody's archive yet."""
    shutil.rmtree(gate_for_all.disk / ".vampd", ignore_errors=True)
    return gate_for_all


def test_every_script_of_vampd_is_known_to_the_gate() -> None:
    known = format_gate()
    for name, script in vars(archive_scripts).items():
        is_whole = name.isupper() and not name.startswith("_")
        if is_whole and isinstance(script, str) and "vampd ends" in script:
            assert hashlib.sha256(script.encode()).hexdigest() in known, name


def test_all_that_vampd_does_passes(
    gated: Gated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / NIGHT.date
    files = ["vgen2/a b$(id).fits.fz", "SHA256SUMS", "vbad/reasons.tsv", "vbad/vcam1/x.fits"]
    for number, path in enumerate([*files[:3], "vcam1/x.fits"]):
        write_file(folder, path, FakeFile(os.urandom(3000), FakeFile.mtime_ns + number))
    (folder / "vbad" / "vcam1").mkdir()
    (folder / "vbad" / "vcam1" / "x.fits").symlink_to("../../vcam1/x.fits")
    transfer = ssh_transfer(gated.disk, gated.sshd.ssh, streams=8)
    host = open_archive_host(transfer, NIGHT.kind)
    assert host.mark() is None
    host.place_mark(MARK)
    assert host.mark() == MARK
    host.send(NIGHT, folder, files[:1], Compare.NAME, PACE)
    host.send(NIGHT, folder, files, Compare.SIZE_AND_TIME, PACE)
    (gated.disk / NIGHT.date / "vgen2" / ".a b$(id).fits.fz.AbC123").write_bytes(b"")
    (gated.disk / NIGHT.date / "vgen2" / ".vampd-partial-3").mkdir()
    (gated.disk / NIGHT.date / "vgen2" / ".vampd-partial-3" / "a b$(id).fits.fz").write_bytes(b"")
    host.send(NIGHT, folder, files, Compare.CHECKSUM, PACE)
    assert sorted(host.files(NIGHT)) == sorted(files)
    assert not list((gated.disk / NIGHT.date / "vgen2").glob(".*"))
    assert len(host.digests(NIGHT, files, PACE)) == len(files)
    assert (gated.disk / NIGHT.date / "vbad/vcam1/x.fits").read_bytes() == (
        folder / "vcam1/x.fits"
    ).read_bytes()
    host.fetch(NIGHT, tmp_path / "back", files[:1], Compare.CHECKSUM, PACE)
    assert (tmp_path / "back" / files[0]).read_bytes() == (folder / files[0]).read_bytes()
    assert host.space().free_bytes > 0
    assert list(host.nights()) == [NIGHT.date]
    assert not host.is_mount_point(gated.disk)
    assert host.describe_refused(NIGHT) is None
    (gated.base / "moved" / MOVED).mkdir(exist_ok=True)
    assert open_moved_archive(transfer, NIGHT.kind, gated.base / "moved" / MOVED).files(NIGHT) == {}


def test_all_that_doctor_does_passes(gated: Gated, tmp_path: Path) -> None:
    destination = {"destination": f"{HOST}:{gated.disk}"}
    (tmp_path / "archive").mkdir()
    settings = make_settings(
        tmp_path / "fuuu",
        transfer={
            "archive": {"destination": str(tmp_path / "archive")},
            "engineering": destination,
            "ssh": gated.sshd.ssh,
            "timeout_s": 20,
        },
    )
    found = [one for one in examine_archives(settings) if isinstance(one, Finding)]
    assert [one for one in found if one.state == BAD] == []
    assert any("was sent to" in one.found for one in found)
    assert not list(gated.disk.glob(".vampd-probe-*"))


@pytest.mark.soak
def test_a_whole_night_goes_through_the_gate_as_it_is_installed(
    gated: Gated, tmp_path: Path
) -> None:
    printed = [sys.executable, "-I", "-m", "vampd.adapters.archive.gate"]
    installed = subprocess.run(printed, capture_output=True, check=True, cwd="/").stdout
    assert Path(gated.gate[1]).read_bytes() == installed
    site = make_site(
        tmp_path,
        sync={"hold_when_unexpected": False},
        transfer={"ssh": list(gated.sshd.ssh), "timeout_s": 60},
        transfer_archive={
            "destination": f"{HOST}:{gated.disk}",
            "moved_to": [f"{gated.base}/moved/{{date}}"],
        },
    )
    night, _ = make_smallest(site.root, "20251121")
    ended = run_until_idle(site)
    assert ended.status == 0, ended.log

    def shown(*words: str) -> str:
        done = vampctl(site, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (record,) = json.loads(shown("status", "--json"))
    assert record["status"] == "done"
    assert record["safe_at"] is not None
    assert "good" in shown("verify", night.date)
    shown("doctor")
    (victim,) = list((site.folder(night) / "vgen2").glob("*.fits.fz"))[:1]
    content = victim.read_bytes()
    victim.unlink()
    assert "from the archive copy" in shown("recover", night.date)
    assert victim.read_bytes() == content
    shown("acknowledge", night.date, "--yes")
    shown("purge", night.date, "--yes")
    assert not list((site.folder(night) / "vcam1").glob("*.fits"))
    (gated.disk / night.date).rename(gated.base / "moved" / night.date)
    assert "good" in shown("verify", night.date)


@pytest.mark.soak
def test_a_night_of_the_old_tools_goes_on_through_the_gate(gated: Gated, tmp_path: Path) -> None:
    site = make_site(
        tmp_path,
        transfer={"ssh": list(gated.sshd.ssh), "timeout_s": 60},
        transfer_archive={"destination": f"{HOST}:{gated.disk}"},
    )
    night = NightId("20240612", Kind.ARCHIVE)
    folder, there = site.folder(night), gated.disk / night.date
    names = make_old_products(folder, packed=(1, 2), last="Syncing to scexao6")
    write_old_manifest(folder, names)
    # What they sent, of which one file is bad there.
    copy_to_archive(folder, there)
    bad = min(there.glob("vgen2/*.fz"))
    content = bad.read_bytes()
    bad.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert run_until_idle(site).status == 0
    done = vampctl(site, "adopt", night.date, "--continue", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    ended = run_until_idle(site)
    assert ended.status == 0, ended.log
    (record,) = json.loads(vampctl(site, "status", "--json").stdout)
    assert (record["status"], record["safe_at"] is None) == ("done", False), ended.log
    assert bad.read_bytes() == content
    shown = vampctl(site, "verify", night.date)
    assert (shown.returncode, "good" in shown.stdout) == (0, True), shown.stdout + shown.stderr


def _script(script: str, *words: str) -> tuple[str, bytes]:
    return f"bash -c '{script}'", b"".join(os.fsencode(word) + b"\0" for word in words)


def _rsync(target: str, *more: str, flags: str = "-stRe.LsfxCIvu") -> tuple[str, bytes]:
    return f"rsync --server {flags}", secluded("rsync", *more, ".", target)


HOSTILE: dict[str, Callable[[str], tuple[str, bytes]]] = {
    "a shell": lambda _: ("", b"touch /tmp/x\n"),
    "a command": lambda base: (f"cat {base}/secret", b""),
    "another script": lambda base: _script(f"rm -rf {base}/disk", f"{base}/disk", "."),
    "a script and more": lambda base: (
        f"bash -c '{archive_scripts.LIST}'; touch {base}/disk/x",
        b"",
    ),
    "a script with a quote": lambda base: (f"bash -c '{archive_scripts.LIST}' '; id'", b""),
    "help and more": lambda base: (f"rsync --help; cat {base}/secret", b""),
    "sftp": lambda _: ("/usr/lib/openssh/sftp-server", b""),
    "scp": lambda base: (f"scp -t {base}/disk", b""),
    "a listing beside": lambda base: _script(archive_scripts.LIST, f"{base}/disk other", "."),
    "a listing above": lambda base: _script(archive_scripts.LIST, f"{base}/disk/..", "."),
    "a listing above by name": lambda base: _script(archive_scripts.LIST, f"{base}/disk", ".."),
    "a mount point beside": lambda base: _script(
        archive_scripts.GUARD, f"{base}/disk", ".", f"{base}/disk other"
    ),
    "a mount point within": lambda base: _script(
        archive_scripts.LIST, f"{base}/disk", NIGHT.date, f"{base}/disk/x"
    ),
    "a mount point by a way up": lambda base: _script(
        archive_scripts.GUARD, f"{base}/disk", ".", f"{base}/disk/.."
    ),
    "a mount point that is none": lambda base: _script(
        archive_scripts.DIGEST, f"{base}/disk", NIGHT.date, "disk"
    ),
    "a mark beside": lambda base: _script(archive_scripts.GUARD, f"{base}/disk other", ".", ""),
    "a mark elsewhere": lambda base: _script(
        archive_scripts.PLACE_MARK, f"{base}/moved", ".", MARK, f"vampd archive 1 {MARK}\n"
    ),
    "a mark of other text": lambda base: _script(
        archive_scripts.PLACE_MARK, f"{base}/disk", ".", MARK, "anything\n"
    ),
    "a mark of another name": lambda base: _script(
        archive_scripts.PLACE_MARK, f"{base}/disk", ".", "../../x", "vampd archive 1 ../../x\n"
    ),
    "a mark in a night": lambda base: _script(
        archive_scripts.PLACE_MARK,
        f"{base}/disk",
        NIGHT.date,
        MARK,
        f"vampd archive 1 {MARK}\n",
    ),
    "the removal of a night": lambda base: _script(
        archive_scripts.REMOVE_PROBE, f"{base}/disk", NIGHT.date
    ),
    "the removal beside a probe": lambda base: _script(
        archive_scripts.REMOVE_PROBE, f"{base}/disk", ".vampd-probe-/../20251106"
    ),
    "a removal elsewhere": lambda base: _script(
        archive_scripts.REMOVE_PROBE, f"{base}/moved", ".vampd-probe-a-1-0123abcd"
    ),
    "rsync elsewhere": lambda base: _rsync(f"{base}/disk other/20251106/"),
    "rsync above": lambda base: _rsync(f"{base}/disk/../20251106/"),
    "rsync into the destination": lambda base: _rsync(f"{base}/disk/"),
    "rsync into a folder of no night": lambda base: _rsync(f"{base}/disk/etc/"),
    "rsync into the mark": lambda base: _rsync(f"{base}/disk/.vampd/"),
    "rsync where it may read": lambda base: _rsync(f"{base}/moved/20251106/"),
    "rsync that deletes": lambda base: _rsync(f"{base}/disk/20251106/", "--delete"),
    "rsync with a log": lambda base: _rsync(f"{base}/disk/20251106/", f"--log-file={base}/x"),
    "rsync with a backup": lambda base: _rsync(
        f"{base}/disk/20251106/", "--backup-dir", f"{base}/moved"
    ),
    "rsync with another partial folder": lambda base: _rsync(
        f"{base}/disk/20251106/", "--partial-dir", str(base)
    ),
    "rsync with a partial folder that leads out": lambda base: _rsync(
        f"{base}/disk/20251106/", "--partial-dir", ".vampd-partial-2/../../.."
    ),
    "rsync that makes links": lambda base: _rsync(
        f"{base}/disk/20251106/", flags="-sltRe.LsfxCIvu"
    ),
    "rsync that takes names to write": lambda base: _rsync(
        f"{base}/disk/20251106/", "--files-from=-", "--from0"
    ),
    "rsync as a daemon": lambda base: ("rsync --server --daemon .", b""),
    "rsync without secluded arguments": lambda base: (
        f"rsync --server -tRe.LsfxCIvu . {base}/disk/20251106/",
        b"",
    ),
    "rsync that reads elsewhere": lambda base: _rsync(
        f"{base}/", "--files-from=-", "--from0", flags="--sender -stRe.LsfxCIvu"
    ),
}


def test_nothing_else_passes_and_nothing_is_changed(gated: Gated) -> None:
    night = gated.disk / "20251106"
    write_file(night, "vgen2/kept.fits.fz", FakeFile(b"kept", FakeFile.mtime_ns))
    before = _tree(gated.base)
    for name, command in HOSTILE.items():
        ended = gated.run(*command(str(gated.base)))
        assert ended.returncode != 0, name
        assert b"private" not in ended.stdout, name
        assert b"refused" in ended.stderr, (name, ended.stderr)
        assert _tree(gated.base) == before, name


@pytest.mark.parametrize("command", ["", "id"])
def test_the_key_opens_no_login_but_the_gates(gated: Gated, command: str) -> None:
    ended = gated.log_in(command)
    assert (ended.returncode, ended.stdout) == (126, b"")
    assert b"refused: only what vampd does" in ended.stderr


def test_names_that_lead_out_and_files_that_are_not_hidden_stay(gated: Gated) -> None:
    night = gated.disk / "20251107"
    write_file(night, "vgen2/a.fits.fz", FakeFile(b"kept", FakeFile.mtime_ns))
    write_file(gated.base, "a.fits.fz", FakeFile(b"kept", FakeFile.mtime_ns))
    before = _tree(gated.base)
    pairs = (
        ("vgen2/a.fits.fz", "vgen2/a.fits.fz"),
        ("../../a.fits.fz", "vgen2/a.fits.fz"),
        ("vgen2/../../../.x", "vgen2/a.fits.fz"),
    )
    for pair in pairs:
        gated.run(*_script(archive_scripts.REMOVE_REPEATED, str(gated.disk), night.name, *pair))
        assert _tree(gated.base) == before, pair
    words = (str(gated.disk), night.name, "-", "../../secret")
    ended = gated.run(*_script(archive_scripts.DIGEST, *words))
    assert b"missing" in ended.stdout or b" " not in ended.stdout.replace(b"vampd ", b"")


def _tree(base: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in base.rglob("*")}


def test_the_gate_names_what_it_refuses(gated: Gated) -> None:
    host = open_archive_host(ssh_transfer(gated.base / "disk other", gated.sshd.ssh), Kind.ARCHIVE)
    with pytest.raises(VampdError, match="is no folder of this key"):
        host.mark()
