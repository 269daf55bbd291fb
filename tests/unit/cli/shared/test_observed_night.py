"""What a summary reads of raw: cubes that are set aside in part count, and whole ones do not."""

import json
from dataclasses import replace

import pytest

from tests.support.builders.frames import RULES, Night, expose, trigger_train
from tests.support.builders.observed import NIGHT, show_night
from tests.support.builders.settings import make_settings
from tests.support.tools.terminal import FakeWorld, fake_world
from vampd.cli.look.frame_summary import used_cubes
from vampd.model.cubes import SetAside
from vampd.model.nights import Stream

TRAIN = trigger_train(400, period_us=10_000, flc_us=100)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    made = fake_world(monkeypatch)
    made.settings = make_settings(sync={"cut_on": list(RULES.cut_on)})
    return made


def test_the_other_rows_of_a_cube_with_a_bad_one_are_in_their_run(world: FakeWorld) -> None:
    night = expose(TRAIN)
    night.of(Stream.VCAM1)[0].timing.acquired_us[7] = 0
    show_night(world, night)
    told = json.loads(world.run("summary", "20251106", "--json").stdout)
    assert [finding for finding in told["findings"] if "gone or changed" in finding] == []
    assert [run["pairs"] for run in told["runs"]] == [399]
    assert told["frames"]["set_aside"] == 1


def test_a_frame_is_explained_without_the_cubes_that_sync_did_not_use(world: FakeWorld) -> None:
    night = expose(TRAIN, cube_frames=(100, 100))
    odd, asked = night.of(Stream.VCAM1)[1:3]
    bad = SetAside(odd.fits, odd.timing_file, odd.frames, "acquisition_time_absurd", "early")
    others = tuple(cube for cube in night.cubes if cube is not odd)
    show_night(world, replace(Night(others), set_aside=(bad,)))
    world.reader.add_cube(odd)  # it can be read
    used = {cube.path for cube in used_cubes(world.reader, NIGHT, asked.path)}
    assert used == {cube.path for cube in others}
    name = odd.path.rpartition("/")[2]
    refused = world.fail("summary", "20251106", "--frame", f"1:{name}:3")
    assert (refused.code, "set aside (acquisition_time_absurd): early" in refused.message) == (
        "no_such_frame",
        True,
    )
