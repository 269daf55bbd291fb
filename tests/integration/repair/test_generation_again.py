"""A damaged generation that no archive copy has is decided again from raw, to the byte."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import Site, configure, copy_site, make_site
from tests.support.examples import others_in_soak
from tests.support.worlds.proof.beginning import DATE, TABLES, Beginning, make_template
from tests.support.worlds.proof.damage import Fault, inflict
from tests.support.worlds.proof.in_process import InProcess
from vampd.fits.headers import read_cards
from vampd.model.headers import CORRECTIONS, Correction, format_corrections
from vampd.model.nights import Kind, NightId, Status

NIGHT = NightId(DATE, Kind.ARCHIVE)
GENERATION = "vgen2/generation_0001.json"


@pytest.fixture
def synced(tmp_path: Path) -> InProcess:
    """A night whose generation has no receipt yet."""
    site = make_site(tmp_path / "site", **TABLES, frameids={"authority": "none"})
    make_smallest(site.root, DATE)
    InProcess(site).advance()
    return InProcess(site)


def test_before_anything_was_packed(synced: InProcess) -> None:
    path = synced.site.folder(NIGHT) / GENERATION
    whole = path.read_bytes()
    inflict(Fault.ROT, path)
    assert synced.command("recover", DATE).status == 0
    assert path.read_bytes() == whole


@pytest.mark.soak
def test_what_would_be_decided_otherwise_is_left_as_it_is(synced: InProcess) -> None:
    path = synced.site.folder(NIGHT) / GENERATION
    inflict(Fault.ROT, path)
    damaged = path.read_bytes()
    rules: Mapping[str, object] = {"hold_when_unexpected": False, "cut_after_s": 0.01}
    configure(synced.site, **cast("dict[str, Mapping[str, object]]", {**TABLES, "sync": rules}))
    answer = synced.command("recover", DATE)
    assert (answer.status, "other products" in answer.text) == (1, True), answer.text
    assert path.read_bytes() == damaged


@pytest.mark.soak
def test_damaged_on_both_sides(tmp_path: Path) -> None:
    site = copy_site(Site(make_template(Beginning())), tmp_path / "site")
    own, path = InProcess(site), site.folder(NIGHT) / GENERATION
    whole = path.read_bytes()
    for folder in (site.folder(NIGHT), site.copy(NIGHT)):
        inflict(Fault.FLIP, folder / GENERATION)
    assert own.command("recover", DATE).status == 0
    assert path.read_bytes() == whole
    own.command("retry", DATE, "--from", "transfer")
    own.advance()
    assert own.records()[NIGHT].state.status is Status.DONE
    assert (site.copy(NIGHT) / GENERATION).read_bytes() == whole


@pytest.mark.parametrize("is_packed", others_in_soak([True, False]))
def test_one_that_replaced_another_for_its_corrections(synced: InProcess, is_packed: bool) -> None:
    site, folder = synced.site, synced.site.folder(NIGHT)
    cube = min((folder / "vcam1").glob("*.fits"))
    cards, _ = read_cards(cube)
    row = Correction(f"vcam1/{cube.name}", "OBJECT", cards.string("OBJECT") or "", "HD 2", "typo")
    (folder / CORRECTIONS).write_text(format_corrections([row]))
    (folder / CORRECTIONS).chmod(0o644)
    assert synced.command("retry", DATE, "--from", "sync").status == 0
    synced.advance()
    path = folder / "vgen2/generation_0002.json"
    whole = path.read_bytes()
    assert b'"replaces":[1]' in whole
    if is_packed:
        configure(site, **TABLES)
        synced = InProcess(site)
        synced.command("retry", DATE)
        synced.advance()
        assert synced.records()[NIGHT].state.status is Status.DONE
        (site.copy(NIGHT) / "vgen2/generation_0002.json").unlink()
    inflict(Fault.ROT, path)
    answer = synced.command("recover", DATE)
    assert answer.status == 0, answer.text
    assert path.read_bytes() == whole
