"""Where a file system's blocks are large, Python holds back much of what was written to a file."""

from pathlib import Path
from typing import IO, Any, get_args

import pytest

from tests.support.builders.framelists import framelist_of
from tests.support.builders.raw_cubes import write_raw_cube
from tests.support.tools.packed_frames import read_packed_frame
from vampd.disk.durable import names
from vampd.disk.pace import SteadyPace
from vampd.disk.reading import hash_file
from vampd.fits.products import pack_cube
from vampd.model.proofs import Verification


def _open_with_large_blocks(path: Path, mode: str, opener: Any) -> IO[Any]:
    return open(path, mode, buffering=1 << 20, opener=opener)


@pytest.mark.parametrize("verify", get_args(Verification))
def test_the_proof_is_of_the_whole_file_and_not_of_what_happens_to_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verify: Verification
) -> None:
    monkeypatch.setattr(names, "open", _open_with_large_blocks, raising=False)
    cube = write_raw_cube(tmp_path)
    framelist = framelist_of([cube])
    (tmp_path / "vgen2").mkdir()
    packed = tmp_path / framelist.packed_path
    sidecar = tmp_path / framelist.sidecar_path
    receipt = pack_cube(framelist, tmp_path, packed, sidecar, verify, SteadyPace())
    assert receipt.sha256 == hash_file(packed, SteadyPace())[2]
    assert (read_packed_frame(packed, 0).astype(int) + 32768 == cube.pixels[0]).all()
