"""A framelist that is gone before it was packed costs no frame: it is made again from raw."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import Site, configure, make_site
from tests.support.daemon.state import product_tree
from tests.support.worlds.proof.beginning import DATE, TABLES, Beginning, make_template
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.nights import Kind, NightId, StageName, Status

NIGHT = NightId(DATE, Kind.ARCHIVE)
WITHOUT_IDS: Mapping[str, Mapping[str, object]] = {**TABLES, "frameids": {"authority": "none"}}


@pytest.fixture
def synced(tmp_path: Path) -> InProcess:
    """A night that has its framelists and no frame IDs."""
    site = make_site(tmp_path / "site", **WITHOUT_IDS)
    make_smallest(site.root, DATE)
    own = InProcess(site)
    own.advance()
    assert own.records()[NIGHT].state.stage is StageName.FRAMEIDS
    return own


def lists(own: InProcess) -> list[Path]:
    return sorted(own.site.folder(NIGHT).glob("vgen2/*.framelist"))


def products_of(site: Site) -> dict[str, str]:
    """Products and sidecars; generations hold the mtimes of raw, which are another night's."""
    tree = product_tree(site.folder(NIGHT))
    return {path: sha256 for path, sha256 in tree.items() if path.startswith("vgen2/VMPA")}


def assert_as_undisturbed(own: InProcess) -> None:
    assert own.records()[NIGHT].safe_at is not None
    whole = Site(make_template(Beginning()))
    assert products_of(own.site) == products_of(whole)


def test_lost_before_ids_it_gets_the_id_that_it_would_have_had(synced: InProcess) -> None:
    lists(synced)[0].unlink()
    configure(synced.site, **TABLES)
    synced.advance()
    assert_as_undisturbed(synced)


@pytest.mark.soak
def test_lost_with_its_id_it_has_it_again(synced: InProcess) -> None:
    configure(synced.site, **TABLES)
    assert synced.command("run", DATE, "--only", "frameids").status == 0
    lists(synced)[-1].unlink()
    synced.advance()
    assert_as_undisturbed(synced)


@pytest.mark.soak
def test_a_damaged_one_is_moved_away_as_its_message_says(synced: InProcess) -> None:
    damaged = lists(synced)[0]
    damaged.write_text(damaged.read_text().replace("EXPTIME", "EXPTIMF", 1))
    configure(synced.site, **TABLES)
    synced.advance()
    held = synced.records()[NIGHT]
    assert (held.state.status, held.code) == (Status.HELD, "framelist_damaged")
    assert "move it out of the folder" in str(held.error)
    assert f"vampctl retry {DATE}" in str(held.error)
    damaged.unlink()
    synced.command("retry", DATE)
    synced.advance()
    assert_as_undisturbed(synced)
