"""vampctl get under a full disk, kills, other users, and from nights of the old tools."""

import errno
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon.running import BIN, run_until_idle, vampctl
from tests.support.daemon.site import Site, copy_site, make_site
from tests.support.examples import others_in_soak
from tests.support.tools.errno_shim import Call, Shim
from tests.support.worlds.hostile.three_users import MEMBER, give_to_owner
from tests.support.worlds.hostile.unprivileged import made_open_folder
from tests.support.worlds.sites.old_products import copy_to_archive, make_old_products
from vampd.config import load_settings
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store

NIGHT = NightId("20251106", Kind.ARCHIVE)
DATE = NIGHT.date
OLD = NightId("20240612", Kind.ARCHIVE)


@pytest.fixture
def shared() -> Iterator[Path]:
    with made_open_folder() as folder:
        yield folder


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_who_may_only_read_gets_products_with_modes_of_its_own(
    done_site: Site, shared: Path
) -> None:
    site = copy_site(done_site, shared / "site")
    subprocess.run(["chmod", "-R", "u+rwX,g+rX,g-w,o-rwx", site.base], check=True)
    give_to_owner(site)
    out = shared / "out"
    out.mkdir()
    MEMBER.own(out, 0o700)
    done = MEMBER.vampctl(site, "get", DATE, "-o", str(out))
    assert (done.returncode, done.stderr) == (0, "")
    products = {path.name for path in site.folder(NIGHT).glob("vgen2/*.fz")}
    assert products < names_in(out)
    assert {path.stat().st_uid for path in out.iterdir()} == {MEMBER.uid}
    # What is not the reader's folder is refused in words, and nobody is told to open it.
    closed = shared / "closed"
    closed.mkdir(0o700)
    before = sorted(shared.rglob("*"))
    get, consolidate, table = ("get", DATE), ("consolidate", DATE), ("headers", "table", DATE)
    places = (site.base, closed, closed / "new", Path("/root/new"))
    tried = [(get, place, place) for place in (*places, Path("/new"))]
    tried.append((consolidate, closed / "new", closed / "new"))
    for words, out, place in (*tried, (table, closed / "t.csv", closed)):
        refused = MEMBER.vampctl(site, *words, "-o", str(out))
        assert refused.returncode == 1
        said = " ".join(refused.stderr.split())
        assert f"may not write {place}" in said
        assert "pass -o with a place of your own" in said
        assert "chmod" not in said + refused.stdout
        assert "chown" not in said
    assert sorted(shared.rglob("*")) == before


@pytest.mark.parametrize("source", others_in_soak(["archive", "here"]))
def test_a_full_disk_is_said_in_words_and_the_next_run_goes_on(
    site: Site, tmp_path: Path, source: str
) -> None:
    if source == "archive":
        shutil.rmtree(site.folder(NIGHT) / "vgen2")
    out = tmp_path / "got"
    with Shim.built(tmp_path) as shim:
        shim.arm(Call.WRITE, errno.ENOSPC, out, skip=2, burst=1000)
        # A process of its own: only such a one loads the shim.
        full = subprocess.run(
            [BIN / "vampctl", "--config", site.config, "get", DATE, "-o", out],
            env={**os.environ, **shim.environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert shim.hits > 0
    assert full.returncode == 1
    assert "space" in full.stderr
    assert "Traceback" not in full.stderr
    copy = site.copy(NIGHT) / "vgen2"
    for name in names_in(out):
        assert (out / name).read_bytes() == (copy / name).read_bytes()
    assert vampctl(site, "get", DATE, "-o", str(out)).returncode == 0
    assert {path.name for path in copy.glob("*.fz")} < names_in(out)


def test_what_a_disk_cannot_hold_is_refused_before_it_is_fetched(
    site: Site, tmp_path: Path
) -> None:
    small = Path("/proc/self")  # no file system of its own has any space
    refused = vampctl(site, "get", DATE, "-o", str(small))
    assert refused.returncode == 1
    assert "needs" in refused.stderr


def test_what_was_unpacked_before_a_kill_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    shutil.rmtree(site.folder(NIGHT) / "vgen2")
    words = ("get", DATE, "--unpack", "-o", str(tmp_path / "got"))
    killed = vampctl(site, *words, VAMPD_FAILPOINT="getting.file.named#3")
    assert killed.returncode == -signal.SIGKILL
    named = {path.name for path in (tmp_path / "got").glob("*.fits")}
    assert named
    for name in named:
        (site.copy(NIGHT) / "vgen2" / f"{name}.fz").unlink()  # there is no other source any more
    again = vampctl(site, *words, "--json")
    assert again.returncode == 0, again.stderr
    done = {Path(one["target"]).name: one["outcome"] for one in json.loads(again.stdout)}
    assert {done[name] for name in named} == {"kept"}


def test_after_a_failure_only_what_failed_is_fetched_again(site: Site, tmp_path: Path) -> None:
    shutil.rmtree(site.folder(NIGHT) / "vgen2")
    words = ("get", DATE, "--unpack", "-o", str(tmp_path / "got"))
    paths = sorted(site.copy(NIGHT).glob("vgen2/*.fz"))
    away = paths[0].rename(tmp_path / paths[0].name)
    assert vampctl(site, *words).returncode == 1
    away.rename(paths[0])
    for path in paths[1:]:
        path.unlink()
    assert vampctl(site, *words).returncode == 0
    assert len(list((tmp_path / "got").glob("*.fits"))) == len(paths)


@pytest.mark.parametrize("source", ["here", "archive"])
def test_products_of_the_old_tools_come_too(tmp_path: Path, source: str) -> None:
    site = make_site(tmp_path)
    open_store(load_settings(site.config).database.url, Access.MIGRATE).close()
    folder = site.folder(OLD)
    names = make_old_products(folder, packed=(1, 2), last="Syncing to scexao6")
    copy_to_archive(folder, site.copy(OLD))
    assert run_until_idle(site).status == 0
    if source == "archive":
        shutil.rmtree(folder / "vgen2")
    done = vampctl(site, "get", OLD.date, "-o", str(tmp_path / "got"))
    assert (done.returncode, done.stderr) == (0, "")
    for name in names:
        for end in (".fits.fz", ".txt"):
            original = site.copy(OLD) / "vgen2" / f"{name}{end}"
            assert (tmp_path / "got" / original.name).read_bytes() == original.read_bytes()
    # One that is damaged by its own checksums is no copy, wherever it lies.
    for place in (folder, site.copy(OLD)):
        for path in place.glob(f"vgen2/{names[0]}.fits.fz"):
            content = bytearray(path.read_bytes())
            content[-3000] ^= 1
            path.write_bytes(content)
    bad = vampctl(site, "get", OLD.date, "-o", str(tmp_path / "again"))
    assert (bad.returncode, names[0] in bad.stderr) == (1, True)
    assert f"{names[0]}.fits.fz" not in names_in(tmp_path / "again")


def test_a_night_without_products_says_so(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    open_store(load_settings(site.config).database.url, Access.MIGRATE).close()
    assert vampctl(site, "get", DATE).returncode == 2
    (site.folder(NIGHT) / "vcam1").mkdir(parents=True)
    run_until_idle(site)
    done = vampctl(site, "get", DATE, "-o", str(tmp_path / "got"))
    assert (done.returncode, "has no packed products" in done.stderr) == (2, True)
    assert not os.path.lexists(tmp_path / "got")
