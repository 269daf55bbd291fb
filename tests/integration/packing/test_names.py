"""A product appears once, whole, and only of raw cubes that sync saw."""

import os
from pathlib import Path

import pytest

from tests.support.builders.framelists import framelist_of
from tests.support.builders.raw_cubes import (
    raw_file,
    write_raw_cube,
)
from tests.support.worlds.sites.packed_night import pack, product_path, two_cubes
from vampd.disk.pace import Flag, SharedPace
from vampd.errors import ClaimLost, DataError
from vampd.fits.raw import frames
from vampd.model.cubes import Framelist, FrameRange
from vampd.model.proofs import PackingReceipt


def state_of(night: Path) -> dict[str, tuple[bytes, int]]:
    """What is in vgen2, hidden files too: content and inode."""
    return {
        path.name: (path.read_bytes(), path.stat().st_ino) for path in (night / "vgen2").iterdir()
    }


def proven(framelist: Framelist, sha256: str = "0" * 64) -> tuple[PackingReceipt, ...]:
    return (PackingReceipt(framelist.packed_path, 1, sha256, framelist.identity),)


def test_a_product_that_has_its_name_is_compared_and_never_overwritten(tmp_path: Path) -> None:
    framelist = framelist_of([write_raw_cube(tmp_path)])
    receipt = pack(tmp_path, framelist)
    before = state_of(tmp_path)
    again = pack(tmp_path, framelist)
    assert (again.file, again.sha256) == (receipt.file, receipt.sha256)
    assert state_of(tmp_path) == before


@pytest.mark.parametrize("name", ["product", "sidecar"])
def test_a_product_or_sidecar_of_other_bytes_stays_and_is_damage(tmp_path: Path, name: str) -> None:
    framelist = framelist_of([write_raw_cube(tmp_path)])
    pack(tmp_path, framelist)
    path = framelist.packed_path if name == "product" else framelist.sidecar_path
    content = bytearray((tmp_path / path).read_bytes())
    content[-1] ^= 1
    (tmp_path / path).write_bytes(content)
    before = state_of(tmp_path)
    _refused(tmp_path, framelist, "product_damaged", names=True)
    assert state_of(tmp_path) == before


def test_a_proven_product_needs_no_raw_to_get_its_sidecar_back(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    framelist = framelist_of([cube])
    receipt = pack(tmp_path, framelist)
    before = (tmp_path / framelist.sidecar_path).read_bytes()
    (tmp_path / framelist.sidecar_path).unlink()
    cube.path.unlink()
    again = pack(tmp_path, framelist, proven=proven(framelist, receipt.sha256))
    assert (again.file, again.sha256) == (receipt.file, receipt.sha256)
    assert (tmp_path / framelist.sidecar_path).read_bytes() == before
    _refused(tmp_path, framelist, "product_damaged", names=True, proven=proven(framelist))


def test_what_comes_out_otherwise_than_it_was_proven_gets_no_name(tmp_path: Path) -> None:
    framelist = framelist_of([write_raw_cube(tmp_path)])
    _refused(tmp_path, framelist, "product_missing", proven=proven(framelist))
    sidecar = PackingReceipt(framelist.sidecar_path, 1, "0" * 64, None)
    (tmp_path / framelist.sidecar_path).unlink()
    _refused(tmp_path, framelist, "product_missing", proven=(sidecar,))
    assert not (tmp_path / framelist.sidecar_path).exists()


def test_a_sidecar_of_an_interrupted_attempt_is_no_obstacle(tmp_path: Path) -> None:
    framelist = framelist_of([write_raw_cube(tmp_path)])
    pack(tmp_path, framelist)
    sidecar = tmp_path / framelist.sidecar_path
    content, inode = sidecar.read_bytes(), sidecar.stat().st_ino
    product_path(tmp_path, framelist).unlink()
    pack(tmp_path, framelist)
    assert (sidecar.read_bytes(), sidecar.stat().st_ino) == (content, inode)
    product_path(tmp_path, framelist).unlink()
    sidecar.write_text("# of another product\n")
    pack(tmp_path, framelist)
    assert sidecar.read_bytes() == content


class _StopsAfter(SharedPace):
    """Stops at the n-th look; notes whether the product has its name by then."""

    def __init__(self, folder: Path, looks: int) -> None:
        super().__init__(Flag.create(folder / "pause"), Flag.create(folder / "stop"))
        self._looks = looks

    def check(self) -> None:
        self._looks -= 1
        if self._looks < 0:
            Flag(self._stop.path).raise_()
        super().check()


def test_a_stopped_packing_leaves_no_product_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "BATCH_BYTES", 200)
    framelist = framelist_of([write_raw_cube(tmp_path)])
    looks = 0
    while True:
        try:
            pack(tmp_path, framelist, pace=_StopsAfter(tmp_path, looks))
            break
        except ClaimLost:
            # The first look is before the sidecar has its name.
            named = [f"{framelist.name}.txt"] if looks else []
            assert os.listdir(tmp_path / "vgen2") == named
            looks += 1
    assert looks > 3
    assert product_path(tmp_path, framelist).exists()


def test_a_raw_cube_that_changed_since_sync_is_not_packed(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    framelist = framelist_of([cube])
    os.utime(cube.path, ns=(1, 1))
    _refused(tmp_path, framelist, "raw_changed")
    cube.path.unlink()
    _refused(tmp_path, framelist, "raw_changed")


def test_a_framelist_that_does_not_fit_its_cube_is_not_packed(tmp_path: Path) -> None:
    cube = write_raw_cube(tmp_path)
    path = cube.stamp.path
    beyond = framelist_of([cube])
    ranges = (FrameRange(path, 1, 4, 1),)
    _refused(tmp_path, Framelist(**{**vars(beyond), "ranges": ranges}), "frames_unlike")
    wide = framelist_of([cube], cards=cube.cards.with_value("NAXIS1", 11))
    _refused(tmp_path, wide, "frames_unlike")
    unknown = Framelist(**{**vars(beyond), "sources": ()})
    _refused(tmp_path, unknown, "source_missing")
    fewer = Framelist(**{**vars(beyond), "cards": beyond.cards.with_value("NAXIS3", 3)})
    _refused(tmp_path, fewer, "framelist_contradicts_itself")


def _refused(
    night: Path,
    framelist: Framelist,
    code: str,
    *,
    names: bool = False,
    proven: tuple[PackingReceipt, ...] = (),
) -> None:
    """Packing is refused with this code; ``names``: the product has its name, as it had before."""
    with pytest.raises(DataError) as caught:
        pack(night, framelist, proven=proven)
    assert caught.value.code == code
    assert product_path(night, framelist).exists() is names
    assert [name for name in os.listdir(night / "vgen2") if name.startswith(".")] == []


def test_packing_leaves_the_raw_cubes_untouched(tmp_path: Path) -> None:
    cubes = two_cubes(tmp_path)
    before = [(cube.path.stat().st_ino, cube.stamp) for cube in cubes]
    pack(tmp_path, framelist_of(cubes))
    assert [(cube.path.stat().st_ino, cube.stamp) for cube in cubes] == before
    for cube in cubes:
        assert cube.path.read_bytes() == raw_file(cube.cards, cube.pixels)
