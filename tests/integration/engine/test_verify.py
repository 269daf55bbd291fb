"""vampctl verify: damage on the archive host is found, told, and repaired by just those files."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import vampctl
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, copy_site
from tests.support.daemon.state import connected, record_of
from vampd.model.nights import Kind, NightId

NIGHT = NightId("20251106", Kind.ARCHIVE)
OTHER = NightId("20251105", Kind.ENGINEERING)
BAD_LIST = "bad_sc6_files.txt"


@pytest.fixture(scope="module")
def done_site(settled: SettledSites, tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = settled.copy(tmp_path_factory.mktemp("two") / "site")
    make_smallest(made.root, OTHER.date, OTHER.kind, seed=7)
    settle_here(made)
    return made


@pytest.fixture
def site(done_site: Site, tmp_path: Path) -> Site:
    return copy_site(done_site, tmp_path / "own")


def damage(path: Path) -> None:
    """One bit, and nothing that a listing could show."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_good_copy_is_good_and_nothing_is_written_anywhere(site: Site) -> None:
    before = state_of(site.root), state_of(site.destination)
    done = vampctl(site, "verify", "--all")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(": ")[1][:4] for line in done.stdout.splitlines()] == ["good", "good"]
    assert (state_of(site.root), state_of(site.destination)) == before


def test_damage_is_found_listed_and_repaired_by_sending_exactly_that(site: Site) -> None:
    copy = site.copy(NIGHT)
    first, second, *_ = sorted(copy.glob("vgen2/*.fits.fz"))
    damage(first)
    second.unlink()
    bad = [f"20251106/vgen2/{path.name}" for path in (first, second)]
    done = vampctl(site, "verify", "20251106")
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if line.startswith("20251106/")] == bad
    assert (site.folder(NIGHT) / BAD_LIST).read_text() == "".join(f"{path}\n" for path in bad)
    assert record_of(site, NIGHT).safe_at is None
    assert "False" in vampctl(site, "table", "archive").stdout.splitlines()[1].split()[-1]
    assert "NOT safe" in vampctl(site, "status").stdout
    intact = state_of(copy)
    assert vampctl(site, "retry", "20251106", "--from", "transfer").returncode == 0
    settle_here(site)
    after = vampctl(site, "verify", "20251106", "--json")
    assert (after.returncode, json.loads(after.stdout)[0]["damaged"]) == (0, [])
    assert record_of(site, NIGHT).safe_at is not None
    assert not (site.folder(NIGHT) / BAD_LIST).exists()
    sent = {str(first), str(second)}
    now = state_of(copy)
    assert {p: now[p] for p in now if p not in sent} == {
        p: intact[p] for p in intact if p not in sent
    }


def test_every_file_that_travelled_is_looked_at(site: Site) -> None:
    for path in sorted(p for p in site.copy(OTHER).rglob("*") if p.is_file()):
        content, status = path.read_bytes(), path.stat()
        damage(path)
        done = vampctl(site, "verify", OTHER.date, "--json")
        assert json.loads(done.stdout)[0]["damaged"] == [str(path.relative_to(site.copy(OTHER)))]
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_the_sums_on_this_side_are_no_judge_of_the_copy(site: Site) -> None:
    sums = site.folder(NIGHT) / "SHA256SUMS"
    text = sums.read_text()
    lines = text.splitlines(keepends=True)
    other = next(path for path in site.copy(NIGHT).glob("vgen2/*.fits.fz"))
    for changed in (
        None,
        "",
        text[:-20],
        "".join(lines[:-2]),
        text.replace(lines[-1][:8], "0" * 8),
    ):
        sums.unlink() if changed is None else sums.write_text(changed)
        assert vampctl(site, "verify", "20251106").returncode == 0
    assert record_of(site, NIGHT).safe_at is not None
    # Neither does a product that both listings lack make the night safe.
    other.unlink()
    assert vampctl(site, "verify", "20251106").returncode == 1
    lacking = "".join(line for line in lines if other.name not in line)
    for listing in (sums, site.copy(NIGHT) / "SHA256SUMS"):
        listing.write_text(lacking)
    done = vampctl(site, "verify", "20251106", "--json")
    assert f"vgen2/{other.name}" in json.loads(done.stdout)[0]["missing"]
    assert record_of(site, NIGHT).safe_at is None


def test_what_nothing_here_names_is_listed_and_left_alone(site: Site) -> None:
    stray = site.copy(NIGHT) / "vgen2" / "VMPA00000001.fits.fz"
    stray.write_bytes(b"of an earlier life")
    done = vampctl(site, "verify", "20251106", "--json")
    assert (done.returncode, json.loads(done.stdout)[0]["extra"]) == (0, [f"vgen2/{stray.name}"])
    assert f"  vgen2/{stray.name}" in vampctl(site, "verify", "20251106").stdout.splitlines()
    assert stray.read_bytes() == b"of an earlier life"
    assert record_of(site, NIGHT).safe_at is not None


def test_a_sample_reads_a_part_and_forgets_nothing_that_was_bad(site: Site) -> None:
    (site.folder(NIGHT) / BAD_LIST).write_text("20251106/vgen2/of-another-day.fits.fz\n")
    done = vampctl(site, "verify", "--sample", "1", "--json")
    assert [night["checked"] for night in json.loads(done.stdout)] == [1, 1]
    assert "of-another-day" in (site.folder(NIGHT) / BAD_LIST).read_text()


def test_a_night_that_has_moved_is_found_where_the_configuration_says(site: Site) -> None:
    moved = site.base / "sdata" / NIGHT.date / "ARCHIVED"
    moved.parent.mkdir(parents=True)
    site.copy(NIGHT).rename(moved)
    lost = vampctl(site, "verify", "20251106", "--json")
    assert (lost.returncode, len(json.loads(lost.stdout)[0]["missing"]) > 5) == (1, True)
    template = f"{site.base}/sdata/{{date}}/ARCHIVED"
    configure(site, transfer_archive={"moved_to": [str(site.base / "no/{date}"), template]})
    found = vampctl(site, "verify", "20251106")
    assert (found.returncode, str(moved) in found.stdout) == (0, True)
    with connected(site) as connections:
        assert connections.store.nights()
    damaged, gone = next(moved.glob("vgen2/*.fits.fz")), next(moved.glob("vgen2/*.txt"))
    damage(damaged)
    gone.unlink()
    here = site.folder(NIGHT) / "vgen2" / damaged.name
    whole = here.read_bytes()
    damage(here)
    # What is not whole here either is never sent, whoever sends it.
    both = json.loads(vampctl(site, "verify", "20251106", "--json").stdout)[0]
    assert (both["faulty_here"], len(both["remedy"])) == ([f"vgen2/{damaged.name}"], 1)
    assert damaged.name not in both["remedy"][0]
    assert "vampctl recover 20251106" in vampctl(site, "verify", "20251106").stdout
    here.write_bytes(whole)
    bad = vampctl(site, "verify", "20251106", "--json")
    assert bad.returncode == 1
    # vampd would send all of it to its destination: what is told sends these, to where it lies.
    for command in json.loads(bad.stdout)[0]["remedy"]:
        assert command in vampctl(site, "verify", "20251106").stdout
        subprocess.run(["sh", "-ec", command], check=True, stdout=subprocess.DEVNULL)
    assert not site.copy(NIGHT).exists()
    assert record_of(site, NIGHT).safe_at is None
    assert vampctl(site, "verify", "20251106", "--sample", "50").returncode == 0
    assert record_of(site, NIGHT).safe_at is None  # a sample proves no night
    assert vampctl(site, "verify", "20251106").returncode == 0
    assert record_of(site, NIGHT).safe_at is not None
    assert not (site.folder(NIGHT) / BAD_LIST).exists()


def test_an_archive_that_is_away_is_reported_and_proves_nothing(site: Site) -> None:
    site.archive_destination.rename(site.base / "away")
    done = vampctl(site, "verify", "--all")
    assert (done.returncode, "NOT verified: archive_folder_missing" in done.stdout) == (1, True)
    assert f"{OTHER.date} engineering: good" in done.stdout
    assert record_of(site, NIGHT).safe_at is not None


def test_what_cannot_be_verified_is_a_usage_error(site: Site) -> None:
    for words, shown in (
        ((), "--all or --sample"),
        (("20251106", "--all"), "exclude each other"),
        (("20251107",), "no night"),
        (("--sample", "101"), "--sample"),
    ):
        done = vampctl(site, "verify", *words)
        assert (done.returncode, shown in done.stderr) == (2, True), done.stderr
