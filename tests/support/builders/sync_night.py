"""The sync stage on a night in memory: survey, plan, execute, again until nothing is left."""

from __future__ import annotations

from tests.support.builders.frames import Night
from tests.support.builders.settings import make_settings
from tests.support.fakes.fake_night_reader import FakeNightReader
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


def reader_of(night: Night) -> FakeNightReader:
    """The night's raw cubes, as a survey sees them."""
    reader = FakeNightReader()
    add(reader, night)
    return reader


def add(reader: FakeNightReader, night: Night) -> None:
    """Cubes that arrive."""
    for cube in night.cubes:
        reader.add_cube(cube)
    for bad in night.set_aside:
        reader.add_cube(bad)


def next_plan(reader: FakeNightReader, settings: Settings = SETTINGS) -> Plan:
    """What sync would do now."""
    return sync.plan(sync.survey(NIGHT, reader), settings)


def execute(reader: FakeNightReader, action: Action) -> None:
    """Do one action of a sync plan."""
    match action:
        case CommitGeneration(generation):
            numbers = [known.number for known in reader.committed]
            assert generation.number not in numbers
            reader.committed.append(parse_generation(format_generation(generation)))
        case WriteFramelist(product, version, form):
            cubes = {path: c for path, c in reader.cubes.items() if isinstance(c, RawCube)}
            framelist = build_framelist(product, cubes, version, form)
            assert framelist.path not in reader.framelists
            reader.add_framelist(framelist)
        case LinkSetAside(path, _) | WriteText(path, _, _):
            assert path.startswith("vbad/")
            reader.write(path, action.text if isinstance(action, WriteText) else "")
        case _:
            raise AssertionError(f"sync plans no {action}")


def run_sync(reader: FakeNightReader, settings: Settings = SETTINGS) -> int:
    """Plan and execute until nothing is left; returns the rounds that it took."""
    rounds = 0
    while plan := next_plan(reader, settings):
        assert rounds < _MOST_ROUNDS, f"still something to do after {rounds} rounds: {plan}"
        for wave in plan.waves:
            for action in wave:
                execute(reader, action)
        rounds += 1
    return rounds
