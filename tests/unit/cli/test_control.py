"""A person's word: retry, hold, release."""

import pytest

from tests.support.tools.terminal import FakeWorld, fake_world
from vampd.errors import UsageError
from vampd.model.nights import Event, EventName, Kind, NightId, StageName, Status

NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    """One archive night that runs its headers."""
    made = fake_world(monkeypatch)
    made.store.discover(NIGHT, 0.0)
    for name in (EventName.SETTLED, EventName.CLAIMED, EventName.ADVANCED, EventName.CLAIMED):
        made.store.apply(NIGHT, Event(name), at=0.0, actor="vampd")
    return made


def status_of(world: FakeWorld) -> tuple[StageName, Status]:
    record = world.store.night(NIGHT)
    assert record is not None
    return record.state.stage, record.state.status


def test_a_running_night_can_be_retried_from_an_earlier_stage(world: FakeWorld) -> None:
    result = world.run("retry", "20251106", "--from", "sync")
    assert result.exit_code == 0
    assert result.output == "20251106 archive: ready at sync (was running at headers)\n"
    assert status_of(world) == (StageName.SYNC, Status.READY)


def test_a_person_holds_with_a_reason_and_releases(world: FakeWorld) -> None:
    world.run("hold", "2025-11-06", "--reason", "darks to come")
    assert status_of(world) == (StageName.HEADERS, Status.HELD)
    assert "held_by_person: darks to come" in world.run("status").output
    assert world.run("release", "20251106").exit_code == 0
    record = world.store.night(NIGHT)
    assert record is not None
    assert (record.state.status, record.released, record.error) == (Status.READY, frozenset(), None)


def test_the_history_names_the_person(world: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "observer")
    world.run("hold", "20251106")
    assert world.store.history(NIGHT)[-1].actor == "observer (vampctl)"


def test_a_person_without_a_name_may_speak_too(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert world.run("hold", "20251106").exit_code == 0
    assert world.store.history(NIGHT)[-1].actor == "vampctl"


@pytest.mark.parametrize(
    "words",
    [
        ("release", "20251106"),  # it is not held
        ("retry", "20251106", "--from", "fpack"),  # not reached yet
        ("retry", "20251108"),  # not known
        ("retry", "20251106", "--kind", "engineering"),
    ],
)
def test_what_does_not_apply_is_a_usage_error_and_moves_nothing(
    world: FakeWorld, words: tuple[str, ...]
) -> None:
    before = world.store.night(NIGHT), world.store.history(NIGHT)
    assert isinstance(world.fail(*words), UsageError)
    assert (world.store.night(NIGHT), world.store.history(NIGHT)) == before


def test_an_unknown_stage_is_refused_with_the_stages_that_there_are(world: FakeWorld) -> None:
    result = world.run("retry", "20251106", "--from", "polish")
    assert result.exit_code == 2
    assert "frameids" in result.output


def test_the_configuration_may_be_named_on_either_side_of_the_command(world: FakeWorld) -> None:
    world.run("--config", "/a.toml", "status")
    world.run("status", "--config", "/b.toml")
    world.run("--config", "/a.toml", "retry", "20251106", "--config", "/b.toml")
    world.run("status")
    named = [None if path is None else str(path) for path in world.asked]
    assert named == ["/a.toml", "/b.toml", "/b.toml", None]


@pytest.mark.parametrize(
    "words",
    [
        ("purge", "20251106", "--after", "nan"),
        ("purge", "20251106", "--after", "99999999"),
        ("purge", "20251106", "--after", "inf"),
        ("verify", "20251106", "--sample", "nan"),
        ("verify", "--sample", "0"),
    ],
)
def test_a_number_that_can_mean_nothing_is_a_wrong_usage(
    world: FakeWorld, words: tuple[str, ...]
) -> None:
    assert world.run(*words).exit_code == 2
