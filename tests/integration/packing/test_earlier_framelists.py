"""A night that an earlier version began is packed as that would have packed it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.builders.framelists import framelist_of, text_of_version_1
from tests.support.builders.raw_cubes import write_raw_cube
from vampd.disk.pace import Flag, SharedPace
from vampd.disk.shared import SharedMeter
from vampd.engine.nights.framelist_files import read_framelist
from vampd.errors import DataError
from vampd.fits.worker import pack_framelist
from vampd.model.crew import PackOrder
from vampd.model.cubes import Framelist, format_framelist


def _pack(folder: Path, framelist: Framelist, text: str) -> list[str]:
    """The SHA-256 of the product and of the sidecar that a worker makes of this text."""
    (folder / "vgen2").mkdir(exist_ok=True)
    (folder / framelist.path).write_bytes(text.encode("utf-8", "surrogateescape"))
    pace = SharedPace(Flag.create(folder / "pause"), Flag.create(folder / "stop"))
    meter = SharedMeter.create(folder / "meter")
    packed = pack_framelist(PackOrder(folder, framelist.path, "full"), pace, meter)
    made = [folder / framelist.packed_path, folder / framelist.sidecar_path]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in made]
    assert digests == [receipt.sha256 for receipt in packed.receipts]
    for path in made:
        path.unlink()
    return digests


def test_rows_as_text_give_the_same_product_and_sidecar(tmp_path: Path) -> None:
    framelist = framelist_of([write_raw_cube(tmp_path)])
    before = text_of_version_1(framelist)
    assert before != format_framelist(framelist)
    now = _pack(tmp_path, framelist, format_framelist(framelist))
    assert _pack(tmp_path, framelist, before) == now
    # What edits it, writes it as it is written today.
    assert format_framelist(read_framelist(tmp_path, framelist.path)) == format_framelist(framelist)


def test_a_changed_digit_in_rows_as_text_is_damage(tmp_path: Path) -> None:
    framelist = framelist_of([write_raw_cube(tmp_path)])
    text = text_of_version_1(framelist)
    place = text.rindex("\nsha256 ") - 1
    other = text[:place] + ("1" if text[place] != "1" else "2") + text[place + 1 :]
    with pytest.raises(DataError, match="checksum"):
        _pack(tmp_path, framelist, other)
