"""One folder of two names is one night's frames: no night takes what another one has, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.daemon.site import make_site
from vampd.engine.nights.foreign_entries import refuse_twin
from vampd.errors import DataError
from vampd.model.nights import Kind, NightId, StageName
from vampd.stages.records.foreign_cure import add_cure


def test_the_same_folder_under_two_names_is_refused(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    for date in ("20251106", "20251107"):
        site.folder(NightId(date, Kind.ENGINEERING)).mkdir()
    refuse_twin(site.root, NightId("20251106", Kind.ENGINEERING))
    (site.root / "ARCHIVED_DATA").rmdir()
    # As two mounts of one folder do, each name stands for it.
    (site.root / "ARCHIVED_DATA").symlink_to(".")
    with pytest.raises(DataError) as caught:
        refuse_twin(site.root, NightId("20251106", Kind.ENGINEERING))
    assert caught.value.code == "link_found"
    # What helps then is said where the night is held, once.
    held = add_cure(caught.value, NightId("20251106", Kind.ENGINEERING), StageName.SYNC)
    assert held.endswith(" unmount one of them; then `vampctl retry 20251106`")


@pytest.mark.parametrize("kind", list(Kind))
def test_a_stream_that_two_nights_share_is_refused_in_both(tmp_path: Path, kind: Kind) -> None:
    site = make_site(tmp_path)
    first, second = NightId("20251106", Kind.ENGINEERING), NightId("20251107", kind)
    (site.folder(first) / "vcam1").mkdir(parents=True)
    site.folder(second).mkdir()
    refuse_twin(site.root, first)
    (site.folder(second) / "vcam1").symlink_to(site.folder(first) / "vcam1")
    for night in (first, second):
        with pytest.raises(DataError, match="taken twice: remove the link") as caught:
            refuse_twin(site.root, night)
        assert caught.value.code == "link_found"
        held = add_cure(caught.value, night, StageName.SYNC)
        assert held.endswith(f"; then `vampctl retry {night.date}`")
