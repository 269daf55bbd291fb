"""A claim of the old tools becomes a proof by comparing bytes, and by nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.repair.test_adopt import nights_of
from tests.support.builders.raw_cubes import raw_cards, raw_file, raw_pixels
from tests.support.daemon.running import vampctl
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import connected
from tests.support.worlds.sites.old_site import Life, OldNight, make_old_site
from vampd.config import load_settings
from vampd.disk.pace import SteadyPace
from vampd.engine.repair.adopting import adopt_nights, find_adoptable, plan_adoption
from vampd.engine.repair.old_copies import read_old_copy
from vampd.fits.products import pack_file
from vampd.model.accounts import Adoption, OldCopy
from vampd.store.database.opening import Access, open_store
from vampd.wiring.world import archive_copies


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = make_site(tmp_path)
    open_store(load_settings(made.config).database.url, Access.MIGRATE).close()
    return made


def transferred(site: Site) -> OldNight:
    """A night that the old tools call safe, with its copy at the archive, adopted."""
    one = make_old_site(site.root, 1, (Life.SAFE,)).nights[0]
    plain, product = site.base / "plain.fits", site.base / "plain.fits.fz"
    plain.write_bytes(raw_file(raw_cards((4, 6, 10)), raw_pixels(4)))
    pack_file(plain, product, SteadyPace())
    for path in site.folder(one.night).glob("vgen2/*.fits.fz"):
        shutil.copyfile(product, path)
    shutil.copytree(site.folder(one.night) / "vgen2", site.copy(one.night) / "vgen2")
    adopt(site)
    return one


def adopt(site: Site) -> tuple[Adoption, ...]:
    with connected(site) as connections:
        root, store, ledger = site.root, connections.store, connections.ledger
        nights, known = find_adoptable(root, store), connections.adoptions.all()
        found = plan_adoption(root, nights, ledger.listing(), known)
        adopt_nights(found, store, ledger, connections.adoptions, at=1e9, actor="a person")
        return connections.adoptions.all()


def verified(site: Site) -> OldCopy:
    (adoption,) = adopt(site)
    with connected(site) as connections:
        return read_old_copy(
            adoption,
            site.root,
            connections.archive(adoption.night.kind),
            tuple(archive_copies(connections.settings, adoption.night)),
            SteadyPace(),
            1e9,
        )


def first(folder: Path) -> Path:
    return min(folder.glob("vgen2/*.fits.fz"))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3000] ^= 1
    path.write_bytes(content)


def test_what_is_equal_byte_for_byte_is_proven_and_nothing_of_the_night_is_written(
    site: Site,
) -> None:
    one = transferred(site)
    before = nights_of(site)
    ended = vampctl(site, "verify", one.night.date, "--json")
    (found,) = json.loads(ended.stdout)
    assert (ended.returncode, found["proven"], found["damaged"]) == (0, True, [])
    assert found["equal"] == sorted(
        f"vgen2/VMPA{number:08d}.{end}" for number in one.numbers for end in ("fits.fz", "txt")
    )
    assert nights_of(site) == before
    with connected(site) as connections:
        record = connections.store.night(one.night)
    assert record is not None
    # A proof of the copy is no state of vampd's, and nothing is ever removed by it.
    assert (record.safe_at, "proven at" in (record.note or "")) == (None, True)
    purge = vampctl(site, "purge", one.night.date, "--yes")
    assert purge.returncode == 1
    assert "vampd removes nothing of it" in " ".join((purge.stdout + purge.stderr).split())


def test_a_copy_that_was_found_bad_is_not_safe_in_the_table_whatever_is_adopted_again(
    site: Site,
) -> None:
    one = transferred(site)
    flip(first(site.copy(one.night)))
    ended = vampctl(site, "verify", one.night.date)
    assert (ended.returncode, "1 damaged" in ended.stdout) == (1, True)
    (again,) = adopt(site)
    assert again.copy is not None
    assert again.copy.bad == (f"vgen2/VMPA{one.numbers[0]:08d}.fits.fz",)
    (row,) = vampctl(site, "table", "archive", "--csv").stdout.splitlines()[1:]
    assert row.split(",")[2::2] == ["True", "True", "False"]


def lose(folder: Path) -> None:
    first(folder).unlink()


def lose_all(folder: Path) -> None:
    shutil.rmtree(folder / "vgen2")


def damage(folder: Path) -> None:
    flip(first(folder))


def cut(folder: Path) -> None:
    first(folder).write_bytes(b"SIMPLE  =")


def leave(_: Path) -> None:
    pass


Spoil = Callable[[Path], None]
# What happens here, and there; whether the copy is bad; what is found, of how many files.
SPOILED: dict[str, tuple[Spoil, Spoil, bool, str, int]] = {
    "damaged there": (leave, damage, True, "damaged", 1),
    "gone there": (leave, lose, True, "missing", 1),
    "gone here": (lose, leave, False, "whole", 1),
    "all gone here": (lose_all, leave, False, "whole", 2),
    "gone here, damaged there": (lose, damage, True, "damaged", 1),
    "gone on both sides": (lose, lose, True, "missing", 1),
    "gone here, cut short there": (lose, cut, True, "damaged", 1),
}


# The others are left to the soak.
OFTEN = ("damaged there", "gone there", "gone here, damaged there")


@pytest.mark.parametrize(
    "spoiled",
    [pytest.param(name, marks=() if name in OFTEN else pytest.mark.soak) for name in SPOILED],
)
def test_what_differs_is_bad_and_what_is_gone_here_stays_a_claim(site: Site, spoiled: str) -> None:
    here, there, is_bad, what, files = SPOILED[spoiled]
    one = transferred(site)
    here(site.folder(one.night))
    there(site.copy(one.night))
    found = verified(site)
    assert (found.is_proof, bool(found.bad), len(getattr(found, what))) == (False, is_bad, files)


def test_a_night_that_was_not_adopted_has_no_claim_to_verify(site: Site) -> None:
    one = make_old_site(site.root, 1, (Life.SAFE,)).nights[0]
    assert vampctl(site, "verify", one.night.date).returncode == 2


def test_all_nights_are_those_that_the_old_tools_called_safe_as_well(site: Site) -> None:
    one = transferred(site)
    done = vampctl(site, "verify", "--all", "--json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["date"], found["proven"], found["good"]) == (one.night.date, True, True)
    assert (
        json.loads(vampctl(site, "verify", "--all", "--kind", "engineering", "--json").stdout) == []
    )
    # A sample proves no claim.
    assert json.loads(vampctl(site, "verify", "--sample", "50", "--json").stdout) == []
    flip(first(site.copy(one.night)))
    bad = vampctl(site, "verify", "--all")
    assert (bad.returncode, "damaged" in bad.stdout) == (1, True)


def test_only_what_was_called_safe_is_read_with_all(site: Site) -> None:
    make_old_site(site.root, 1, (Life.TRANSFERRED,))
    adopt(site)
    done = vampctl(site, "verify", "--all")
    assert (done.returncode, "nothing to verify" in done.stdout) == (0, True)
