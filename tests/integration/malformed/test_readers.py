"""Every reader of a whole file has a limit, which it says by the file's name."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vampd.adapters.authorities.answers import AnswerFolder
from vampd.config import Mail, load_settings
from vampd.config.dictionary import load_dictionary
from vampd.disk.durable import names
from vampd.disk.reading import read_foreign_text, read_whole
from vampd.engine.mailing.manifests import load_template, read_manifest_texts
from vampd.engine.nights.folder_reader import _read_generation
from vampd.engine.nights.framelist_files import read_framelist
from vampd.engine.purge.raw_records import _read_raw, read_records
from vampd.errors import DataError, VampdError
from vampd.fits.worker import pack_framelist
from vampd.model.crew import PackOrder
from vampd.model.delivery import ManifestFile
from vampd.model.nights import FileStamp, Kind, NightId

_NIGHT = NightId("20251106", Kind.ARCHIVE)
_SPARSE = "answer_000001.txt"
_SPARSE_BYTES = 4 * 10**9
# 32 MB as bytes, as text, and as what is made of it.
_MOST_TAKEN_KB = 250_000
_NO_METER = cast("Any", SimpleNamespace(begin=lambda: None))

READERS: dict[str, Callable[[Path], object]] = {
    "file of vampd's": lambda base: read_whole(base / _SPARSE),
    "framelist": lambda base: read_framelist(base, _SPARSE),
    "framelist to pack": lambda base: pack_framelist(
        PackOrder(base, _SPARSE, "none"), _NO_METER, _NO_METER
    ),
    "generation": lambda base: _read_generation(base, _SPARSE),
    "kept answers": lambda base: AnswerFolder(base, base / "answer").lines(),
    "timing file to record": lambda base: _read_raw(base, _SPARSE),
    "raw records": lambda base: read_records(base, FileStamp("member.tar.gz", 1, 1)),
    "head of raw records": lambda base: read_records(base, FileStamp("head.tar.gz", 1, 1)),
    "manifest": lambda base: read_manifest_texts(base, [ManifestFile(_NIGHT, _SPARSE, "")]),
    "mail template": lambda base: load_template(Mail(template=base / _SPARSE)),
    "configuration": lambda base: load_settings(base / _SPARSE),
    "dictionary": lambda _: load_dictionary(Path("/dev/zero")),
}


def _peak_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("hostile")
    (base / _SPARSE).touch()
    os.truncate(base / _SPARSE, _SPARSE_BYTES)
    for name, kind in (("member", tarfile.REGTYPE), ("head", tarfile.XHDTYPE)):
        member = tarfile.TarInfo("vcam1/a.txt")
        member.type, member.size = kind, _SPARSE_BYTES
        with gzip.open(base / f"{name}.tar.gz", "wb") as file:
            file.write(member.tobuf(tarfile.USTAR_FORMAT))
            file.write(bytes(1 << 20))
    (base / "cut.tar.gz").write_bytes((base / "head.tar.gz").read_bytes()[:200])
    (base / "none.tar.gz").write_bytes(b"no archive")
    return base


@pytest.mark.parametrize("reader", READERS)
def test_no_reader_takes_more_than_a_file_of_its_kind_can_have(hostile: Path, reader: str) -> None:
    # Resets the peak of this process to what it has now, see proc(5).
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_kb()
    with pytest.raises(VampdError, match="bytes") as caught:
        READERS[reader](hostile)
    assert _peak_kb() - before < _MOST_TAKEN_KB
    assert any(name in caught.value.message for name in (_SPARSE, "vcam1/a.txt", "/dev/zero"))


def test_a_log_of_the_old_tools_that_none_can_be_is_none(hostile: Path) -> None:
    assert read_foreign_text(hostile / _SPARSE) is None


def test_a_folder_has_no_more_names_than_one_of_a_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        (tmp_path / f".{number}").touch()
    monkeypatch.setattr(names, "MOST_FILES", 3)
    assert names.names_in(tmp_path) == [".0", ".1", ".2"]
    monkeypatch.setattr(names, "MOST_FILES", 2)
    with pytest.raises(OSError, match="entries") as caught:
        names.names_in(tmp_path)
    assert caught.value.filename == str(tmp_path)


@pytest.mark.parametrize("name", ["cut", "none", "member"])
def test_damaged_raw_records_are_named(hostile: Path, name: str) -> None:
    with pytest.raises(DataError, match=name) as caught:
        read_records(hostile, FileStamp(f"{name}.tar.gz", 1, 3))
    assert caught.value.code == "raw_records_damaged"


def test_raw_records_of_any_number_of_members_are_read_one_by_one(tmp_path: Path) -> None:
    content = bytes(1000)
    with tarfile.open(tmp_path / "r.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for number in range(3):
            member = tarfile.TarInfo(f"vcam1/{number}.txt")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    read = read_records(tmp_path, FileStamp("r.tar.gz", 1, 2))
    assert list(read) == [f"vcam1/{number}.txt" for number in range(3)]
    assert len(set(read.values())) == 1
