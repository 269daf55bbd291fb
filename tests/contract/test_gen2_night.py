"""A whole night whose frame IDs Gen2 grants, in both ways of asking."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits

from tests.support.builders.smallest_night import add_late_cubes, make_smallest
from tests.support.daemon.running import settle
from tests.support.daemon.site import make_site
from tests.support.daemon.state import audit, ledger_rows, record_of
from tests.support.fakes.fake_gen2 import WRITER, Behaviour, FakeGen2
from vampd.model.nights import Status


def packed_names(folder: Path) -> list[str]:
    return sorted(path.name.partition(".")[0] for path in (folder / "vgen2").glob("VMPA*.fits.fz"))


@pytest.mark.early
@pytest.mark.parametrize("way", ["instrument", pytest.param("frames", marks=pytest.mark.soak)])
def test_a_whole_night_has_the_ids_that_gen2_granted_and_no_others(
    gen2: FakeGen2, tmp_path: Path, way: str
) -> None:
    asked = {"authority": "gen2", "way": way, "gen2_hosts": ["gen2"], "gen2_owner": WRITER}
    site = make_site(tmp_path / "site", frameids={**asked, "gen2_answer": str(gen2.answer)})
    night, _ = make_smallest(site.root)
    folder, copy = site.folder(night), site.copy(night)
    gen2.behaviour = Behaviour.SLOW
    settle(site)
    record = record_of(site, night)
    assert (record.state.status, record.safe_at is not None) == (Status.DONE, True), record.error
    # One call for all products at once; each ID names one product.
    assert len(gen2.asked) == 1
    assert packed_names(folder) == gen2.given
    assert len(gen2.given) > 1
    assert all(row.applied for row in ledger_rows(site))
    for name in gen2.given:
        for place in (folder, copy):
            header = fits.getheader(place / "vgen2" / f"{name}.fits.fz", 1)
            assert header["FRAMEID"].strip() == name
    (manifest,) = folder.glob("manifest_*.csv")
    assert [name for name in gen2.given if name not in manifest.read_text()] == []
    # No answer is left for a later call to take, and the ledger's numbers are the observatory's.
    assert not list(gen2.tmp.iterdir())
    assert [row.number for row in ledger_rows(site)] == list(range(425_001, gen2.next))
    assert audit(site, night)["balanced"]
    # What the observers add gets IDs after those, by a call for these alone.
    granted = len(gen2.given)
    add_late_cubes(site.root)
    settle(site)
    assert len(gen2.asked) == 2
    assert len(gen2.given) > granted
    assert packed_names(folder) == packed_names(copy) == gen2.given
