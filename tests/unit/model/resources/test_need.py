"""Room: what a plan takes is never guessed too small, and the reserve stays free."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.builders.frames import expose, trigger_train
from vampd.model.cubes import (
    Cards,
    Framelist,
    Timing,
    format_framelist,
    format_generation,
    pack_times,
)
from vampd.model.plan import (
    CommitGeneration,
    Compare,
    Pack,
    RebuildFramelists,
    Send,
    WriteFramelist,
    WriteText,
)
from vampd.model.resources import Need, Space, find_shortage, is_low, need_here, need_there

PACK = Pack("vgen2/a.framelist", "vgen2/a.fits.fz", frames=10_000, bytes=1_000_000)


def test_packing_takes_its_part_of_the_raw_bytes_and_a_row_a_frame() -> None:
    assert need_here([PACK], 0.5).bytes > 500_000 + 10_000 * 108
    # The header of a product is there however few its frames are.
    assert need_here([replace(PACK, frames=1, bytes=1)], 0.5).bytes > 415 * 80
    assert need_here([PACK, PACK], 0.5) == need_here([PACK], 0.5) + need_here([PACK], 0.5)
    assert need_here([Send(("x",), Compare.CHECKSUM)], 1.0) == Need()
    assert need_here([WriteText("x", "é" * 10)], 1.0).bytes >= 20


def test_a_generation_takes_no_more_than_is_said() -> None:
    night = expose(trigger_train(200, flc_us=20), lost=({3, 4}, {50}), cube_frames=(20, 33))
    generation = night.synchronize()
    need = need_here([CommitGeneration(generation)], 1.0)
    assert need.bytes >= len(format_generation(generation))
    assert need.names == 1


@pytest.mark.parametrize("frames", [10, 2000])
def test_a_framelist_of_a_long_header_takes_no_more_than_is_said(frames: int) -> None:
    triggers = trigger_train(frames)
    generation = expose(triggers, cube_frames=(frames, frames)).synchronize()
    product = generation.products[0]
    noise = np.random.default_rng(1)
    framelist = Framelist(
        name=product.name,
        order=product.order,
        sources=tuple(cube.fits for cube in generation.cubes),
        ranges=product.ranges,
        notes=(),
        cards=Cards(("x" * 80,) * 450),
        times=pack_times(Timing(*noise.integers(-(2**63), 2**63, (7, product.frames)))),
    )
    need = need_here([WriteFramelist(product, "0.1.0", form=1)], 1.0)
    assert need.bytes >= len(format_framelist(framelist))
    assert need.names == 1
    assert need_here([RebuildFramelists((product, product))], 1.0) == need + need


def test_sending_takes_every_file_even_where_another_of_that_name_lies() -> None:
    sends = [Send(("a", "b"), Compare.CHECKSUM), Send(("c",), Compare.SIZE_AND_TIME)]
    assert need_there(sends, {"a": 1, "b": 10, "c": 100}) == Need(111, 3)


def test_the_reserve_stays_free() -> None:
    space = Space(free_bytes=100, all_bytes=1000)
    assert find_shortage(space, Need(60), reserve_bytes=40) is None
    assert "are needed" in (find_shortage(space, Need(61), reserve_bytes=40) or "")
    # What takes nothing may always go on: a full disk must not keep a night from its end.
    assert find_shortage(space, Need(), reserve_bytes=400) is None


def test_names_run_out_too_where_they_are_limited() -> None:
    assert find_shortage(Space(100, 100, 3), Need(1, 3), 0) is None
    assert "inodes" in (find_shortage(Space(100, 100, 2), Need(1, 3), 0) or "")
    assert find_shortage(Space(100, 100, None), Need(1, 3), 0) is None


def test_low_is_what_is_left_afterwards() -> None:
    space = Space(free_bytes=100, all_bytes=1000)
    assert not is_low(space, Need(50), 0.05)
    assert is_low(space, Need(51), 0.05)
