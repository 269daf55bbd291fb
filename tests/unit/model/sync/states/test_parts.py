"""Parts of a long night: whole stretches between pauses, and the same answer in each."""

import pytest

from tests.support.builders.frames import START_US, Night, expose, trigger_train
from vampd.model.nights import CAMERA_STREAMS
from vampd.model.sync import chain_cubes
from vampd.model.sync.states import parts

PAUSE_US = 20_000_000


def pieces(night: Night) -> list[tuple[int, int]]:
    one, two = (chain_cubes(stream, night.of(stream), ()) for stream in CAMERA_STREAMS)
    return [(len(one.part(a)), len(two.part(b))) for a, b in parts.split_at_pauses(one, two)]


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Night:
    monkeypatch.setattr(parts, "_FEWEST_FRAMES", 100)
    runs = [
        expose(
            trigger_train(60, flc_us=100),
            start_us=START_US + number * PAUSE_US,
            lost=({5}, {7, 9}),
            seed=number,
        )
        for number in range(4)
    ]
    return runs[0] + runs[1] + runs[2] + runs[3]


def test_a_night_is_parted_at_pauses_once_a_part_has_enough_frames(night: Night) -> None:
    assert pieces(night) == [(59, 58)] * 4
    assert pieces(expose(trigger_train(300))) == [(300, 300)]
    assert pieces(Night()) == [(0, 0)]


def test_a_night_in_parts_is_that_of_the_whole(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_parts = night.synchronize()
    monkeypatch.setattr(parts, "_FEWEST_FRAMES", 10_000)
    assert len(pieces(night)) == 1
    assert night.synchronize() == in_parts
    night.check(in_parts, dubious=0)
