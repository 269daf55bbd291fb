"""vampctl restore where no copy of a product is whole: raw alone is left to be believed or not."""

import re
from pathlib import Path

import pytest

from tests.integration.repair.test_restore_safety import NIGHT, ROTS, all_of, first, rot
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.site import Site, configure
from tests.support.daemon.state import product_tree, record_of
from tests.support.examples import others_in_soak
from tests.support.worlds.proof.in_process import InProcess
from vampd.config import packaged_file
from vampd.model.cubes import Generation, parse_generation
from vampd.model.nights import Status


@pytest.fixture
def site(settled: SettledSites, tmp_path: Path) -> Site:
    return settled.copy(tmp_path / "site")


def copies(site: Site, pattern: str) -> tuple[Path, Path]:
    """The first such file here, and the same at the archive."""
    here = first(site, pattern)
    path = here.relative_to(site.folder(NIGHT))
    (there,) = site.base.rglob(f"2_ARCHIVED_DATA/{NIGHT.date}/{path}")
    return here, there


def lose_everywhere(own: InProcess, site: Site, pattern: str) -> None:
    """Rot on both sides, and known to be lost or made again."""
    for path in copies(site, pattern):
        rot(path, -3)
    own.command("recover", NIGHT.date, *(path.name for path in copies(site, pattern)[:1]))


LOSSES = {"a pixel": "vgen2/*.fits.fz", "a row": "vgen2/VMPA*.txt"}


@pytest.mark.parametrize("what", others_in_soak(LOSSES))
def test_raw_that_has_rotted_stands_for_nothing_that_is_lost(site: Site, what: str) -> None:
    own, (path, place) = InProcess(site), ROTS[what]
    raw = first(site, path)
    rot(raw, place(raw.read_bytes()))
    lose_everywhere(own, site, LOSSES[what])
    assert record_of(site, NIGHT).code == "product_lost"
    before = all_of(site)
    answer = own.command("restore", NIGHT.date, "--yes")
    assert (answer.status, "raw_incomplete" in answer.text) == (1, True), answer.text
    assert raw.stem in answer.text
    assert all_of(site) == before
    # Whatever the night is held by: `retry` changes that.
    own.command("retry", NIGHT.date)
    own.advance()
    assert own.command("restore", NIGHT.date, "--yes").status == 1
    assert product_tree(site.folder(NIGHT)) == before[0]
    # The way that it names.
    assert f"vampctl recover {NIGHT.date}" in answer.text
    told = own.command("recover", NIGHT.date).text
    assert f"vampctl release {NIGHT.date}" in told
    assert own.command("release", NIGHT.date).status == 0
    own.advance()
    assert record_of(site, NIGHT).state.status is Status.DONE


def test_raw_that_gives_what_is_gone_everywhere_is_restored(site: Site) -> None:
    own, whole = InProcess(site), product_tree(site.folder(NIGHT))
    for path in (*copies(site, "vgen2/*.fits.fz"), *copies(site, "vgen2/VMPA*.txt")):
        path.unlink()
    assert own.command("verify", NIGHT.date).status == 1
    assert own.command("restore", NIGHT.date, "--yes").status == 0
    assert own.command("retry", NIGHT.date).status == 0
    own.advance()
    (site.folder(NIGHT) / "bad_sc6_files.txt").unlink()  # of that verify
    assert product_tree(site.folder(NIGHT)) == whole


def test_a_new_dictionary_makes_no_rot_of_what_is_lost(site: Site) -> None:
    own, dictionary = InProcess(site), site.base / "keywords.toml"
    text = packaged_file("keywords.toml").read_text()
    dictionary.write_text(re.sub(r"%(\d+)\.\d+f", r"%\1.2f", text))
    configure(site, headers={"dictionary": str(dictionary)})
    lose_everywhere(own, site, "vgen2/*.fits.fz")
    answer = own.command("restore", NIGHT.date, "--yes")
    assert answer.status == 0, answer.text


@pytest.mark.parametrize("kill_at", others_in_soak(range(1, 60), few=2))
def test_what_was_given_up_stays_so_without_the_database(site: Site, kill_at: int) -> None:
    own, folder = InProcess(site), site.folder(NIGHT)
    sidecar = first(site, "vgen2/VMPA*.txt")
    product = sidecar.with_suffix(".fits.fz")
    raw = first(site, ROTS["a row"][0])
    rot(raw, ROTS["a row"][1](raw.read_bytes()))
    lose_everywhere(own, site, LOSSES["a row"])
    assert own.command("release", NIGHT.date).status == 0
    own.advance(kill_at)
    given_up = [each for each in map(parse, folder.glob("vgen2/generation_*")) if each.withdrawn]
    for path in site.database.parent.glob("vampd.db*"):
        path.unlink()
    own.command("archive", "accept", "archive", "--yes")
    # Nothing is taken for lost, or brought back, that a person gave up.
    own.command("recover", NIGHT.date)
    own.advance()
    own.command("archive", "accept", "archive", "--yes")
    own.advance()
    record = record_of(site, NIGHT)
    if not given_up:
        assert record.code in ("product_damaged", "product_lost"), record.error
        return
    assert record.state.status is Status.DONE, record.error
    assert not product.exists()
    assert not sidecar.exists()
    assert product.name not in (folder / "vgen2" / "receipts.tsv").read_text()


def parse(path: Path) -> Generation:
    return parse_generation(path.read_text())
