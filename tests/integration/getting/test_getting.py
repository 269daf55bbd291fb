"""vampctl get: products for an observer, whole, checked, and over nothing that is there."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.support.daemon.running import vampctl
from tests.support.daemon.site import Site, configure
from tests.support.tools.sshd import HOST, Sshd, running_sshd
from vampd.model.nights import Kind, NightId

NIGHT = NightId("20251106", Kind.ARCHIVE)
DATE = NIGHT.date
# What vampd itself logs in with; a person has none of it.
VAMPDS_SSH = ["/bin/false", "-i", "/nowhere/vampds_key"]


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd"), tool) as server:
        yield server


@pytest.fixture
def own_path(tmp_path: Path, sshd: Sshd) -> str:
    """A PATH whose ``ssh`` is a person's own: it knows the port and the key by itself."""
    folder = tmp_path / "bin"
    folder.mkdir()
    ssh, *options = sshd.ssh
    words = " ".join(f"'{word}'" for word in (ssh, *options))
    (folder / "ssh").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/logins\nexec {words} "$@"\n')
    (folder / "ssh").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def behind_ssh(site: Site) -> None:
    """The archive is reached as ``vampd@host``, with a key that no person has."""
    destination = f"vampd@{HOST}:{site.archive_destination}"
    configure(site, transfer={"ssh": VAMPDS_SSH}, transfer_archive={"destination": destination})


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def products_of(site: Site) -> dict[str, bytes]:
    """All products with their sidecars."""
    folder = site.folder(NIGHT) / "vgen2"
    found: dict[str, bytes] = {}
    for path in folder.glob("*.fits.fz"):
        sidecar = path.with_name(path.name.removesuffix(".fits.fz") + ".txt")
        found |= {one.name: one.read_bytes() for one in (path, sidecar)}
    return found


def test_what_is_here_comes_from_here_and_a_night_stays_as_it_is(
    site: Site, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in site.base.rglob("*") if path.is_file()}
    got = vampctl(site, "get", DATE, "-o", str(tmp_path / "got"))
    assert (got.returncode, got.stderr) == (0, "")
    assert "from here" in got.stdout
    assert files_in(tmp_path / "got") == products_of(site)
    after = {path: path.stat().st_mtime_ns for path in site.base.rglob("*") if path.is_file()}
    assert {path for path in before if before[path] != after[path]} == set()


def test_only_what_meets_all_conditions_is_got(site: Site, tmp_path: Path) -> None:
    paths = sorted((site.folder(NIGHT) / "vgen2").glob("*.fits.fz"))
    first = fits.getheader(paths[0], 1)
    same = [
        path
        for path in paths
        if all(fits.getheader(path, 1)[key] == first[key] for key in ("U_CAMERA", "U_FLC"))
    ]
    assert 0 < len(same) < len(paths)
    conditions = [f"--where=U_CAMERA={first['U_CAMERA']}", f"--where=U_FLC={first['U_FLC']}"]
    words = [
        "get",
        DATE,
        "--object",
        str(first["OBJECT"]),
        *conditions,
        "-o",
        str(tmp_path / "got"),
    ]
    shown = vampctl(site, *words, "--dry-run", "--json")
    listed = json.loads(shown.stdout)
    assert [one["product"] for one in listed] == [f"vgen2/{path.name}" for path in same]
    assert not (tmp_path / "got").exists()
    assert vampctl(site, *words).returncode == 0
    assert {p.name for p in (tmp_path / "got").glob("*.fz")} == {path.name for path in same}


def test_no_product_is_a_word_and_names_the_card_that_none_has(site: Site, tmp_path: Path) -> None:
    none = vampctl(site, "get", DATE, "--where", "OBJEKT=M42", "-o", str(tmp_path / "got"))
    assert none.returncode == 2
    assert "none has a card OBJEKT" in " ".join(none.stderr.split())
    assert not (tmp_path / "got").exists()


def test_an_unpacked_product_is_what_funpack_gives(
    site: Site, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    words = ("get", DATE, "--unpack", "-o", str(tmp_path / "got"))
    assert vampctl(site, *words).returncode == 0
    packed = sorted((site.folder(NIGHT) / "vgen2").glob("*.fits.fz"))
    for path in packed:
        plain = tmp_path / "judge" / path.name.removesuffix(".fz")
        plain.parent.mkdir(exist_ok=True)
        subprocess.run([tool("funpack"), "-O", str(plain), str(path)], check=True)
        mine = tmp_path / "got" / plain.name
        assert mine.read_bytes() == plain.read_bytes()
        with fits.open(mine, checksum=True) as one, fits.open(path) as other:
            assert np.array_equal(one[0].data, other[1].data)
    assert len(list((tmp_path / "got").glob("*.fits"))) == len(packed)
    again = vampctl(site, *words)
    assert (again.returncode, again.stdout.count("kept")) == (0, 2 * len(packed) + 1)


def test_the_archive_gives_by_the_callers_own_ssh_what_is_not_here(
    site: Site, tmp_path: Path, own_path: str
) -> None:
    behind_ssh(site)
    expected = products_of(site)
    shutil.rmtree(site.folder(NIGHT))
    some = fits.getheader(min(site.copy(NIGHT).glob("vgen2/*.fz")), 1)
    where = f"U_FLC={some['U_FLC'].strip()}"
    got = vampctl(site, "get", DATE, "--where", where, "-o", str(tmp_path / "some"), PATH=own_path)
    assert got.returncode == 0, got.stderr
    assert files_in(tmp_path / "some").items() < expected.items()
    got = vampctl(site, "get", DATE, "-o", str(tmp_path / "got"), PATH=own_path)
    assert (got.returncode, got.stderr) == (0, "")
    assert f"from {HOST}:" in got.stdout
    assert files_in(tmp_path / "got") == expected
    logins = (tmp_path / "logins").read_text()
    assert HOST in logins
    assert (
        "vampd" not in logins.replace("vampd begins", "").replace("vampd ends", "").split("bash")[0]
    )
    assert "nowhere" not in logins


def test_what_is_damaged_here_comes_from_the_archive(site: Site, tmp_path: Path) -> None:
    expected = products_of(site)
    victim = min((site.folder(NIGHT) / "vgen2").glob("*.fits.fz"))
    content = bytearray(victim.read_bytes())
    content[-3000] ^= 1
    victim.write_bytes(content)
    got = vampctl(site, "get", DATE, "-o", str(tmp_path / "got"))
    assert got.returncode == 0, got.stderr
    assert files_in(tmp_path / "got") == expected


def test_what_is_damaged_everywhere_gets_no_name(site: Site, tmp_path: Path) -> None:
    expected = products_of(site)
    victim = min((site.folder(NIGHT) / "vgen2").glob("*.fits.fz"))
    for path in (victim, site.copy(NIGHT) / "vgen2" / victim.name):
        content = bytearray(path.read_bytes())
        content[-3000] ^= 1
        path.write_bytes(content)
    got = vampctl(site, "get", DATE, "-o", str(tmp_path / "got"))
    assert (got.returncode, victim.name in got.stderr) == (1, True)
    assert files_in_place(tmp_path / "got") == {
        name: content for name, content in expected.items() if name != victim.name
    }


def files_in_place(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.startswith(".")}


@pytest.mark.parametrize("unpack", [False, True])
def test_nothing_is_overwritten_and_equal_bytes_are_kept(
    site: Site, tmp_path: Path, unpack: bool
) -> None:
    words = ["get", DATE, "-o", str(tmp_path / "got"), *["--unpack"] * unpack]
    assert vampctl(site, *words).returncode == 0
    victim = min((tmp_path / "got").glob("*.fits*"))
    changed = victim.read_bytes()[:-1] + b"?"
    victim.write_bytes(changed)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "got").iterdir()}
    again = vampctl(site, *words, "--json")
    outcomes = {Path(one["target"]).name: one["outcome"] for one in json.loads(again.stdout)}
    assert (again.returncode, outcomes.pop(victim.name)) == (1, "failed")
    assert set(outcomes.values()) == {"kept"}
    assert victim.read_bytes() == changed
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "got").iterdir()} == times


@pytest.mark.parametrize("below", ["", "vgen2", "new/deeper"])
@pytest.mark.parametrize("side", ["here", "archive", "link"])
def test_nothing_is_written_into_a_night(site: Site, tmp_path: Path, side: str, below: str) -> None:
    night = site.copy(NIGHT) if side == "archive" else site.folder(NIGHT)
    out = night / below
    if side == "link":
        (tmp_path / "link").symlink_to(night)
        out = tmp_path / "link" / below
    before = sorted(site.base.rglob("*"))
    refused = vampctl(site, "get", DATE, "-o", str(out))
    assert (refused.returncode, "nothing was" in " ".join(refused.stderr.split())) == (2, True)
    assert sorted(site.base.rglob("*")) == before


def test_what_was_fetched_before_a_kill_is_not_fetched_again(
    site: Site, tmp_path: Path, own_path: str
) -> None:
    behind_ssh(site)
    shutil.rmtree(site.folder(NIGHT) / "vgen2")
    copy = site.copy(NIGHT) / "vgen2"
    expected = {path.name: path.read_bytes() for path in copy.glob("*.fz")}
    words = ("get", DATE, "-o", str(tmp_path / "got"))
    killed = vampctl(site, *words, PATH=own_path, VAMPD_FAILPOINT="archive.fetch.group_fetched")
    assert killed.returncode == -signal.SIGKILL
    assert not files_in_place(tmp_path / "got")
    for path in copy.glob("*.fz"):
        path.unlink()  # there is no other source any more
    assert vampctl(site, *words, PATH=own_path).returncode == 0
    assert {n: (tmp_path / "got" / n).read_bytes() for n in expected} == expected


@pytest.mark.parametrize(
    ("unpack", "point"),
    [
        (False, "getting.part.copied"),
        (True, "atomic.creating.linked"),
        *[(unpack, "getting.file.named") for unpack in (False, True)],
    ],
)
def test_killed_anywhere_it_leaves_whole_files_and_goes_on(
    site: Site, tmp_path: Path, unpack: bool, point: str
) -> None:
    words = ["get", DATE, "-o", str(tmp_path / "got"), *["--unpack"] * unpack]
    expected = products_of(site)
    killed = vampctl(site, *words, VAMPD_FAILPOINT=f"{point}#2")
    assert killed.returncode == -signal.SIGKILL
    there = files_in_place(tmp_path / "got")
    assert {n: b for n, b in there.items() if n in expected}.items() <= expected.items()
    again = vampctl(site, *words)
    assert again.returncode == 0, again.stderr
    assert not [p for p in (tmp_path / "got").iterdir() if p.name.startswith(".")]
    assert len(files_in_place(tmp_path / "got")) == len(expected)


def test_two_at_once_are_told_of_each_other(site: Site, tmp_path: Path) -> None:
    work = tmp_path / "got" / f".vampctl-get-{DATE}-archive"
    work.mkdir(parents=True)
    with subprocess.Popen(["flock", str(work), "sleep", "30"]) as other:
        deadline = time.monotonic() + 10
        while subprocess.run(["flock", "-n", str(work), "true"], check=False).returncode == 0:
            assert time.monotonic() < deadline
        refused = vampctl(site, "get", DATE, "-o", str(tmp_path / "got"))
        other.kill()
    assert (refused.returncode, "another" in refused.stderr) == (1, True)


def test_a_user_that_would_be_an_option_is_refused(site: Site, tmp_path: Path) -> None:
    behind_ssh(site)
    done = vampctl(site, "get", DATE, "--user", "-oProxyCommand=x", "-o", str(tmp_path / "got"))
    assert done.returncode == 2
