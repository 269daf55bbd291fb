"""Whoever is told is told once, at least, over restarts and ways that fail; work never waits."""

from pathlib import Path

import pytest

from tests.support.fakes.memory_alarms import KeepingWay
from tests.unit.engine.alarm.world import DAY_S, MINUTE_S, NIGHT, OTHER, World
from vampd.disk import failpoint
from vampd.engine.alarm import teller
from vampd.errors import DataError, TransientError
from vampd.model.alarm import AlarmMessage, AlarmState

HELD = "vampd: 20251106 archive is held at sync: card_missing"
OVER = "vampd: 20251106-archive: over"
AWAY = TransientError("alarm_command", "nobody answers")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_held_night_is_told_once_again_after_a_day_and_when_it_is_over(world: World) -> None:
    assert world.look() == []
    world.hold()
    assert world.look() == [HELD]
    assert world.after(MINUTE_S).look() == []
    assert world.after(DAY_S).look() == [HELD]
    world.retry()
    assert world.look() == []
    assert world.after(9 * MINUTE_S).look() == []
    assert world.after(MINUTE_S).look() == [OVER]
    assert world.after(DAY_S).look() == []


def test_a_restart_tells_nothing_twice_and_knows_what_is_over(world: World) -> None:
    world.hold()
    assert world.look() == [HELD]
    world.restart()
    assert world.look() == []
    world.retry()
    world.restart()
    assert world.look() == []
    assert world.after(10 * MINUTE_S).look() == [OVER]
    world.restart()
    assert world.look() == []


def test_a_night_that_is_held_again_at_once_was_never_over(world: World) -> None:
    world.hold()
    world.look()
    for _ in range(5):
        world.retry()
        assert world.after(MINUTE_S).look() == []
        world.hold()
        assert world.after(9 * MINUTE_S).look() == []


def test_what_was_over_and_comes_back_is_news(world: World) -> None:
    world.hold()
    world.look()
    world.retry()
    world.look()
    assert world.after(10 * MINUTE_S).look() == [OVER]
    world.hold()
    assert world.look() == [HELD]


def test_nights_that_are_held_together_are_told_of_together(world: World) -> None:
    world.hold()
    world.hold(OTHER)
    assert world.look() == ["vampd: 2 nights held"]
    assert world.look() == []


def test_a_way_that_fails_is_tried_again_more_and_more_seldom_and_nothing_is_lost(
    world: World,
) -> None:
    world.hold()
    world.way.refusal = AWAY
    for minutes in (0, 1, 2, 4, 8, 16, 32, 60, 60):
        before = world.way.tried
        if minutes:
            assert world.after(minutes * MINUTE_S - 1).look() == []
            assert world.way.tried == before
            world.after(1)
        assert world.look() == []
        assert world.way.tried == before + 1
    world.way.refusal = None
    assert world.after(60 * MINUTE_S).look() == [HELD]


def test_what_ended_before_anybody_could_be_told_is_not_told(world: World) -> None:
    world.hold()
    world.way.refusal = AWAY
    world.look()
    world.retry()
    world.way.refusal = None
    assert world.after(DAY_S).look() == []


def test_a_way_that_fails_does_not_silence_the_others(world: World) -> None:
    world.hold()
    away = KeepingWay("away")
    away.refusal = AWAY
    assert world.look(away, world.way) == [HELD]
    assert world.after(MINUTE_S).look(away, world.way) == []
    assert away.tried == 2


def test_what_may_have_been_told_is_not_told_again_at_once(world: World) -> None:
    world.hold()
    world.way.refusal = DataError("mail_uncertain", "no answer")
    world.look()
    world.way.refusal = None
    assert world.after(60 * MINUTE_S).look() == []
    assert world.after(DAY_S).look() == [HELD]


def test_killed_between_telling_and_recording_it_is_told_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(name: str) -> None:
        if name == "alarm.message.sent":
            raise Killed

    world.hold()
    monkeypatch.setattr(teller, "failpoint", kill)
    with pytest.raises(Killed):
        world.look()
    assert world.way.subjects == [HELD]
    monkeypatch.setattr(teller, "failpoint", failpoint.failpoint)
    world.restart()
    assert world.look() == [HELD]
    assert world.look() == []


def test_what_cannot_be_put_on_record_is_not_told_over_and_over(world: World) -> None:
    world.hold()
    world.alarms.refusal = TransientError("disk_full", "no space left")
    assert world.look() == [HELD]
    assert world.after(MINUTE_S).look() == []
    world.alarms.refusal = None
    assert world.look() == []
    world.restart()
    assert world.look() == []


def test_a_low_disk_is_told_until_there_is_room_for_what_was_needed(world: World) -> None:
    world.marks.mark("/mnt/fuuu", 50, NIGHT)
    assert world.look() == ["vampd: /mnt/fuuu is low on space"]
    world.marks.mark("/mnt/fuuu", 5, OTHER)
    world.marks.look("/mnt/fuuu", 49)
    assert world.after(MINUTE_S).look() == []
    world.marks.look("/mnt/fuuu", 50)
    assert world.look() == []
    assert world.after(10 * MINUTE_S).look() == ["vampd: /mnt/fuuu: over"]


def test_a_way_hears_only_of_what_it_asked_for(world: World) -> None:
    world.way.states = {AlarmState.DISK_LOW, AlarmState.RECOVERED}
    world.hold()
    world.marks.mark("/mnt/fuuu", 50, NIGHT)
    assert world.look() == ["vampd: /mnt/fuuu is low on space"]
    world.retry()
    world.look()
    assert world.after(10 * MINUTE_S).look() == []


def test_a_way_that_left_the_settings_and_came_back_is_told_what_is_wrong_now(
    world: World,
) -> None:
    world.hold()
    world.look()
    world.teller.look([])
    assert world.look() == [HELD]


def test_the_nights_are_read_again_only_after_a_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hold()
    world.look()
    monkeypatch.setattr(world.nights, "nights", lambda: pytest.fail("read again"))
    assert world.after(DAY_S).look() == [HELD]


def test_no_message_begins_when_vampd_is_stopping(world: World) -> None:
    world.hold()
    world.marks.mark("/mnt/fuuu", 50, NIGHT)
    tell = world.way.tell

    def stop(message: AlarmMessage) -> None:
        world.is_stopping = True
        tell(message)

    world.way.tell = stop  # type: ignore[method-assign]
    assert world.look() == [HELD]
    assert [one.state for one in world.alarms.told()] == ["held"]
    assert world.look() == []
