"""vampctl transfer --print, pull: the same bytes arrive, whoever sends them."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.daemon.running import vampctl
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, copy_site
from tests.support.tools.sshd import HOST, Sshd, running_sshd
from vampd.model.nights import Kind, NightId

NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture(scope="module")
def done_site(settled: SettledSites, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return settled.copy(tmp_path_factory.mktemp("done") / "site")


@pytest.fixture
def site(done_site: Site, tmp_path: Path) -> Site:
    return copy_site(done_site, tmp_path / "own site")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd"), tool) as server:
        yield server


def bytes_below(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_printed_command_does_what_vampd_does_and_printing_does_nothing(site: Site) -> None:
    sent = bytes_below(site.copy(NIGHT))
    shutil.rmtree(site.copy(NIGHT))
    done = vampctl(site, "transfer", "20251106", "--print")
    assert (done.returncode, done.stderr) == (0, "")
    assert not site.copy(NIGHT).exists()
    subprocess.run(["bash", "-ec", done.stdout], check=True, timeout=60, capture_output=True)
    assert bytes_below(site.copy(NIGHT)) == sent


@pytest.mark.parametrize("by", ["folder", "ssh"])
def test_pull_fetches_and_proves_what_a_transfer_sends(site: Site, sshd: Sshd, by: str) -> None:
    sent = bytes_below(site.copy(NIGHT))
    shutil.rmtree(site.copy(NIGHT))
    configure(site, transfer={"pull_from": HOST, "ssh": list(sshd.ssh)} if by == "ssh" else {})
    done = vampctl(site, "pull", "20251106")
    assert (done.returncode, "good, all read again" in done.stdout) == (0, True), done.stderr
    assert bytes_below(site.copy(NIGHT)) == sent
    assert vampctl(site, "retry", "20251106", "--from", "transfer").returncode == 0
    times = {path: path.stat().st_ino for path in site.copy(NIGHT).rglob("*.fz")}
    settle_here(site)
    assert {path: path.stat().st_ino for path in site.copy(NIGHT).rglob("*.fz")} == times
    assert "safe" in vampctl(site, "status").stdout


def test_pull_mends_what_is_damaged_without_a_sign(site: Site) -> None:
    sent = bytes_below(site.copy(NIGHT))
    victim = next(site.copy(NIGHT).glob("vgen2/*.fits.fz"))
    status, content = victim.stat(), bytearray(victim.read_bytes())
    content[3000] ^= 1
    victim.write_bytes(content)
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert vampctl(site, "pull", "20251106").returncode == 0
    assert bytes_below(site.copy(NIGHT)) == sent


@pytest.mark.parametrize("path", ["vgen2/*.fits.fz", "vgen2/VMP*.txt"])
def test_pull_leaves_what_is_good_there_though_it_is_damaged_here(site: Site, path: str) -> None:
    sent = bytes_below(site.copy(NIGHT))
    damaged = min(site.folder(NIGHT).glob(path))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    assert vampctl(site, "pull", "20251106").returncode == 0
    assert bytes_below(site.copy(NIGHT)) == sent


@pytest.mark.parametrize("moved", [False, True])
def test_no_command_is_printed_that_sends_what_is_damaged(site: Site, moved: bool) -> None:
    if moved:
        place = site.base / "elsewhere" / NIGHT.date
        place.parent.mkdir()
        site.copy(NIGHT).rename(place)
        configure(site, transfer_archive={"moved_to": [f"{site.base}/elsewhere/{{date}}"]})
    damaged = min(site.folder(NIGHT).glob("vgen2/*.fits.fz"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    done = vampctl(site, "transfer", "20251106", "--print")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"vgen2/{damaged.name}" in done.stderr
    assert "vampctl recover 20251106" in " ".join(done.stderr.split())


def test_pull_refuses_what_cannot_be_right(site: Site, tmp_path: Path) -> None:
    unready = vampctl(site, "pull", "20251107")
    assert (unready.returncode, "has no SHA256SUMS" in unready.stderr) == (1, True)
    configure(site, transfer_archive={"destination": str(tmp_path / "nowhere")})
    elsewhere = vampctl(site, "pull", "20251106")
    assert (elsewhere.returncode, "on the archive host" in elsewhere.stderr) == (2, True)
    configure(site, transfer_archive={"destination": str(site.root / "ARCHIVED_DATA")})
    itself = vampctl(site, "pull", "20251106")
    assert (itself.returncode, "the nights themselves" in itself.stderr) == (78, True)
