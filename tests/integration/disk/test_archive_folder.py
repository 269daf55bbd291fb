"""An archive host that is a folder: a name that a proof speaks of is there after a power cut.

And it is a copy: the night itself is none, whatever mount leads to it.
"""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.tools.fsyncs import record_fsyncs
from tests.support.worlds.archive.archive_sites import NIGHT, FolderSite, local_transfer
from vampd.adapters.archive import night_itself, open_moved_archive
from vampd.disk.pace import SteadyPace
from vampd.errors import ConfigError, TransientError
from vampd.model.proofs import Receipt

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


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The products of the night here."""
    folder = tmp_path / "root" / NIGHT.folder / "vgen2"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("x")
    return folder


def read_moved(tmp_path: Path, folder: Path) -> Sequence[Receipt]:
    """What is read where the archive host may have moved the night."""
    root = tmp_path / "root"
    host = open_moved_archive(local_transfer(tmp_path), NIGHT.kind, folder, root)
    return host.digests(NIGHT, ["vgen2/a.txt"], SteadyPace())


def test_what_shows_a_file_that_is_made_in_the_night_here_is_no_copy(
    tmp_path: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(own.parent, copy)
    assert len(read_moved(tmp_path, copy)) == 1
    # As a network mount of the same disk shows it: by another device.
    monkeypatch.setattr(os.path, "samefile", lambda *_: False)
    with pytest.raises(ConfigError) as caught:
        read_moved(tmp_path, own.parent)
    assert (caught.value.code, "moved_to" in caught.value.message) == (
        "destination_is_source",
        True,
    )
    assert [path.name for path in own.iterdir()] == ["a.txt"]


def test_where_nothing_can_be_made_in_the_night_here_no_copy_is_known(
    tmp_path: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    copy = tmp_path / "copy"
    shutil.copytree(own.parent, copy)
    with monkeypatch.context() as read_only:
        read_only.setattr(night_itself, "scratch", refuse)
        with pytest.raises(TransientError, match="vgen2"):
            read_moved(tmp_path, copy)
    # Of a night that is not here, nothing there can be the same.
    shutil.rmtree(own)
    assert len(read_moved(tmp_path, copy)) == 1
