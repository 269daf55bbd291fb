"""Which manifests a finished night has is put on record, where an earlier version only counted."""

from dataclasses import replace

import pytest

from tests.support.fakes.fake_night_reader import FakeNightReader
from tests.support.fakes.memory_store import MemoryNights
from vampd.daemon.night_trouble import record_manifests
from vampd.model.nights import Kind, NightId, NightUpdate
from vampd.model.proofs import parse_sums, text_digest

DATE = "20251106"
NAME = f"manifest_VMP_{DATE}.csv"
TEXT = f"VMPA90000001|/mnt/{DATE}/vgen2/VMPA90000001.fits.fz|100\n"


@pytest.mark.parametrize("kind", Kind)
def test_it_is_read_once_and_of_archive_nights_alone(kind: Kind) -> None:
    nights, reader, night = MemoryNights(), FakeNightReader(), NightId(DATE, kind)
    reader.write(NAME, TEXT)
    record = nights.discover(night, at=1.0)
    record_manifests(record, reader, nights)
    known = nights.night(night)
    assert known is not None
    if kind is Kind.ENGINEERING:
        assert known == record
        return
    assert known.manifests == 1
    assert parse_sums(known.manifest_sums or "") == {NAME: text_digest(TEXT)}
    nights.update(night, NightUpdate(manifest_sums=""))
    record_manifests(replace(known, manifest_sums=""), reader, nights)
    assert nights.night(night) == replace(known, manifest_sums="")
