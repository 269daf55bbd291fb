"""The sync stage on a night in memory: survey, plan, execute, again until nothing is left."""

from __future__ import annotations

from tests.support.builders.frames import Night
from tests.support.builders.settings import make_settings
from tests.support.fakes.fake_night_reader import FakeEyes
from vampd.config import Settings
from vampd.model.cubes import RawCube, build_framelist, format_generation, parse_generation
from vampd.model.nights import Kind, NightId
from vampd.model.plan import (
    Action,
    CommitGeneration,
    LinkSetAside,
    Plan,
    WriteFramelist,
    WriteText,
)
from vampd.stages import sync

NIGHT = NightId("20251106", Kind.ARCHIVE)
SETTINGS = make_settings()
_MOST_ROUNDS = 5


def eyes_of(night: Night) -> FakeEyes:
    """The night's raw cubes, as a survey sees them."""
    eyes = FakeEyes()
    add(eyes, night)
    return eyes


def add(eyes: FakeEyes, night: Night) -> None:
    """Cubes that arrive."""
    for cube in night.cubes:
        eyes.add_cube(cube)
    for bad in night.set_aside:
        eyes.add_cube(bad)


def next_plan(eyes: FakeEyes, settings: Settings = SETTINGS) -> Plan:
    """What sync would do now."""
    return sync.plan(sync.survey(NIGHT, eyes), settings)


def execute(eyes: FakeEyes, action: Action) -> None:
    """Do one action of a sync plan."""
    match action:
        case CommitGeneration(generation):
            numbers = [known.number for known in eyes.committed]
            assert generation.number not in numbers
            eyes.committed.append(parse_generation(format_generation(generation)))
        case WriteFramelist(product, version):
            cubes = {path: c for path, c in eyes.cubes.items() if isinstance(c, RawCube)}
            framelist = build_framelist(product, cubes, version)
            assert framelist.path not in eyes.framelists
            eyes.add_framelist(framelist)
        case LinkSetAside(path, _) | WriteText(path, _, _):
            assert path.startswith("vbad/")
            eyes.write(path, action.text if isinstance(action, WriteText) else "")
        case _:
            raise AssertionError(f"sync plans no {action}")


def run_sync(eyes: FakeEyes, settings: Settings = SETTINGS) -> int:
    """Plan and execute until nothing is left; returns the rounds that it took."""
    rounds = 0
    while plan := next_plan(eyes, settings):
        assert rounds < _MOST_ROUNDS, f"still something to do after {rounds} rounds: {plan}"
        for wave in plan.waves:
            for action in wave:
                execute(eyes, action)
        rounds += 1
    return rounds
