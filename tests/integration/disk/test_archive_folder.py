"""An archive host that is a folder: a name that a proof speaks of is there after a power cut."""

from pathlib import Path

import pytest

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.tools.fsyncs import record_fsyncs
from tests.support.worlds.archive.archive_sites import NIGHT, FolderSite, local_transfer
from vampd.disk.pace import SteadyPace

NAMES = ("vgen2/a.txt", "vgen2/b.txt", "SHA256SUMS")


def test_a_receipt_is_of_a_file_whose_name_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = FolderSite(tmp_path, local_transfer(tmp_path))
    for name in NAMES:
        site.put(name, FakeFile(b"x"))
    synced = record_fsyncs(monkeypatch)
    assert len(site.host.digests(NIGHT, NAMES, SteadyPace())) == len(NAMES)
    night = tmp_path / NIGHT.date
    assert [path for path, _ in synced] == [
        *(night / "vgen2", night / "vgen2/a.txt", night / "vgen2/b.txt"),
        *(night, night / "SHA256SUMS"),
    ]
