"""Cards that went in come out: by funpack, by `vampctl unpack`, and from what fpack packed."""

import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.builders.plain_files import card_texts, pixels_of, shapes, write_plain_file
from tests.support.examples import examples
from vampd.disk.pace import SteadyPace
from vampd.errors import MalformedCube
from vampd.fits.products import pack_file, unpack_file

Tool = Callable[[str], str]


def _funpack(tool: Tool, packed: Path, plain: Path) -> bytes:
    done = subprocess.run(
        [tool("funpack"), "-O", plain, packed], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return plain.read_bytes()


@settings(max_examples=examples(20))
@given(texts=card_texts(), shape=shapes(), zero=st.sampled_from([32768, 0, None]))
def test_a_plain_file_comes_back_byte_for_byte(
    tool: Tool, texts: tuple[str, ...], shape: tuple[int, ...], zero: int | None
) -> None:
    with tempfile.TemporaryDirectory() as base:
        plain = Path(base, "plain.fits")
        write_plain_file(plain, pixels_of(shape, len(texts)), texts, zero=zero)
        content = plain.read_bytes()
        packed = Path(base, "packed.fits.fz")
        pack_file(plain, packed, SteadyPace())
        assert _funpack(tool, packed, Path(base, "by_funpack.fits")) == content
        unpack_file(packed, Path(base, "by_us.fits"), SteadyPace())
        assert Path(base, "by_us.fits").read_bytes() == content
        assert plain.read_bytes() == content


@settings(max_examples=examples(20))
@given(
    texts=card_texts(),
    shape=shapes(),
    height=st.integers(1, 9),
    zero=st.sampled_from([32768, 0, None]),
)
def test_what_fpack_packed_is_unpacked_as_funpack_does_it(
    tool: Tool, texts: tuple[str, ...], shape: tuple[int, ...], height: int, zero: int | None
) -> None:
    with tempfile.TemporaryDirectory() as base:
        plain, packed = Path(base, "plain.fits"), Path(base, "packed.fits.fz")
        write_plain_file(plain, pixels_of(shape, len(texts)), texts, zero=zero)
        tile = [shape[-1], min(height, shape[-2]), 1][: len(shape)]
        options = ["-t", ",".join(map(str, tile))]
        fpack = [tool("fpack"), "-r", *options, "-O", str(packed), str(plain)]
        done = subprocess.run(fpack, stderr=subprocess.DEVNULL, check=False).returncode
        # Some cards that are no values overflow a buffer of fpack itself: it packed nothing then.
        assume(done != -signal.SIGABRT)
        assert done == 0
        unpack_file(packed, Path(base, "by_us.fits"), SteadyPace())
        restored = Path(base, "by_us.fits").read_bytes()
        assert restored == _funpack(tool, packed, Path(base, "by_funpack.fits"))
        assert restored == plain.read_bytes()


@pytest.mark.parametrize("options", [("-w",), ("-t", "3,2,1"), ("-t", "6,5,2"), ("-g",)])
def test_what_fpack_packs_in_other_ways_is_left_to_funpack(
    tool: Tool, tmp_path: Path, options: tuple[str, ...]
) -> None:
    plain, packed = tmp_path / "plain.fits", tmp_path / "plain.fits.fz"
    write_plain_file(plain, pixels_of((4, 5, 6), 1))
    kind = () if options == ("-g",) else ("-r",)
    subprocess.run([tool("fpack"), *kind, *options, plain], check=True)
    with pytest.raises(MalformedCube) as caught:
        unpack_file(packed, tmp_path / "new.fits", SteadyPace())
    assert caught.value.code == "not_packed"
    assert "funpack may" in caught.value.message
    assert _funpack(tool, packed, tmp_path / "new.fits") == plain.read_bytes()


def test_without_checksums_the_two_packers_differ_in_them_alone(tool: Tool, tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.fits", tmp_path / "plain.fits.fz"
    cards = write_plain_file(plain, pixels_of((4, 5, 6), 1), ("HISTORY x".ljust(80),), sums=False)
    subprocess.run([tool("fpack"), "-r", plain], check=True)
    unpack_file(packed, tmp_path / "theirs.fits", SteadyPace())
    # None is made up with the day's date, as funpack does it.
    assert (tmp_path / "theirs.fits").read_bytes() == plain.read_bytes()
    pack_file(plain, tmp_path / "ours.fits.fz", SteadyPace())
    unpack_file(tmp_path / "ours.fits.fz", tmp_path / "ours.fits", SteadyPace())
    restored = (tmp_path / "ours.fits").read_bytes()
    assert restored == _funpack(tool, tmp_path / "ours.fits.fz", tmp_path / "by_funpack.fits")
    end = len(cards) * 80
    assert restored[:end] == plain.read_bytes()[:end]
    added = [restored[end + n * 80 :][:8] for n in range(3)]
    assert added == [b"CHECKSUM", b"DATASUM ", b"END     "]
    assert np.array_equal(restored[2880:], plain.read_bytes()[2880:])
