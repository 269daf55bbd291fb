"""How fast work goes, and when it will be done: nothing is told that is not known."""

from typing import Any

import pytest

from vampd.model.nights import (
    EventName,
    EventRecord,
    Kind,
    NightId,
    NightRecord,
    StageName,
    State,
    Status,
)
from vampd.model.progress import (
    NightEnd,
    PastNight,
    RateMeter,
    is_measure,
    night_end,
    past_night,
    rate_now,
    stage_end,
)

NIGHT = NightId("20251106", Kind.ENGINEERING)
GB = 10**9


def watched(meter: RateMeter, *pieces: tuple[float, float, bool]) -> RateMeter:
    """A meter after seconds at so many bytes per second, each paused or not, in turn."""
    at = done = 0.0
    meter.look(at, 0, is_paused=False)
    for seconds, rate, is_paused in pieces:
        for _ in range(int(seconds)):
            at, done = at + 1.0, done + rate
            meter.look(at, int(done), is_paused=is_paused)
    return meter


def test_a_rate_is_told_after_ten_seconds_and_not_before() -> None:
    assert watched(RateMeter(), (9, 100, False)).bytes_per_s == 0
    assert watched(RateMeter(), (10, 100, False)).bytes_per_s == 100
    assert RateMeter().bytes_per_s == 0


def test_a_rate_is_that_of_the_last_minutes_and_not_since_the_beginning() -> None:
    assert watched(RateMeter(), (3000, 10, False), (300, 1000, False)).bytes_per_s == 1000


def test_a_stage_in_a_long_pause_has_no_rate_and_the_pause_is_not_remembered() -> None:
    paused = (3600.0, 0.0, True)
    assert watched(RateMeter(), (100, 500, False), paused).bytes_per_s == 0
    assert watched(RateMeter(), (100, 500, False), paused, (20, 500, False)).bytes_per_s == 500


def test_short_pauses_are_part_of_how_fast_it_goes() -> None:
    pieces = [(10.0, 600.0, False), (10.0, 0.0, True)] * 30
    assert watched(RateMeter(), *pieces, (1, 600, False)).bytes_per_s == pytest.approx(300, rel=0.1)
    assert watched(RateMeter(), *pieces).bytes_per_s > 0


def test_work_that_stands_still_has_no_rate() -> None:
    assert watched(RateMeter(), (100, 500, False), (301, 0, False)).bytes_per_s == 0


def test_what_a_lost_worker_had_done_makes_no_rate_negative_or_too_high() -> None:
    long = watched(RateMeter(), (1000, 500, False))
    long.look(1001.0, 1000, is_paused=False)
    assert long.bytes_per_s == 0
    meter = watched(RateMeter(), (100, 500, False))
    meter.look(101.0, 20_000, is_paused=False)
    assert 0 <= meter.bytes_per_s <= 500
    for second in range(20):
        meter.look(102.0 + second, 20_000 + 500 * second, is_paused=False)
    assert 0 < meter.bytes_per_s <= 500


def running(stage: StageName = StageName.FPACK, **known: object) -> NightRecord:
    fields: dict[str, object] = {
        "bytes": 10 * GB,
        "all_bytes": 8 * GB,
        "done_bytes": 2 * GB,
        "bytes_per_s": 100_000_000,
        "changed_at": 1000.0,
        "progressed_at": 2000.0,
    }
    return NightRecord(NIGHT, State(stage, Status.RUNNING), **(fields | known))  # type: ignore[arg-type]


def test_a_stage_ends_when_the_rest_is_done_at_its_rate() -> None:
    assert stage_end(running(), 2001.0) == 2001.0 + 60


@pytest.mark.parametrize(
    "known",
    [
        {"bytes_per_s": 0},
        {"progressed_at": None},
        {"progressed_at": 1900.0},  # by a daemon that was killed
        {"changed_at": 1999.0, "progressed_at": 1998.0},  # by the attempt before
        {"progressed_at": 2100.0},  # by another clock
        {"bytes_per_s": 1000},  # in 69 days
        {"all_bytes": 0, "done_bytes": 0},
        {"done_bytes": 8 * GB},
    ],
)
def test_no_time_is_told_where_it_is_not_known_or_would_be_absurd(
    known: dict[str, Any],
) -> None:
    assert stage_end(running(**known), 2001.0) is None


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.RUNNING])
def test_a_night_that_waits_has_neither_rate_nor_time(status: Status) -> None:
    waiting = NightRecord(
        NIGHT,
        State(StageName.FPACK, status),
        bytes=GB,
        all_bytes=2,
        done_bytes=1,
        bytes_per_s=5,
        progressed_at=2000.0,
    )
    assert rate_now(waiting, 2001.0) is None
    assert stage_end(waiting, 2001.0) is None
    assert night_end(waiting, 2001.0, [usual()]) is None


def usual(*leaves_out: StageName, seconds_per_gb: float = 10.0) -> PastNight:
    """A night of 2 GB that took so many seconds per GB in each stage."""
    seconds = {s: 2 * seconds_per_gb for s in StageName if s not in leaves_out}
    return PastNight(2 * GB, seconds)


def test_a_night_ends_by_its_own_rate_and_by_what_earlier_nights_took_for_the_rest() -> None:
    # 60 s for the rest of fpack; 10 GB of transfer at 10 s/GB, the median of three nights.
    earlier = [usual(seconds_per_gb=rate) for rate in (1.0, 10.0, 1e6)]
    assert night_end(running(), 2001.0, earlier) == NightEnd(2001.0 + 60 + 100, True, 3)


def test_the_last_stage_needs_no_earlier_night() -> None:
    last = running(StageName.TRANSFER)
    assert night_end(last, 2001.0, []) == NightEnd(2061.0, True, 0)
    done = running(StageName.TRANSFER, done_bytes=8 * GB)
    assert night_end(done, 2001.0, []) == NightEnd(2001.0, True, 0)


def test_a_stage_that_counts_no_bytes_ends_as_in_earlier_nights_until_it_takes_longer() -> None:
    syncing = running(StageName.SYNC, all_bytes=0, done_bytes=0, progressed_at=None)
    assert night_end(syncing, 1050.0, [usual()]) == NightEnd(1000.0 + 4 * 100, False, 1)
    assert night_end(syncing, 1100.0, [usual()]) is None


def test_a_paused_stage_does_not_fall_back_on_earlier_nights() -> None:
    assert night_end(running(bytes_per_s=0), 2001.0, [usual()]) is None


def test_no_end_of_a_night_is_told_where_a_stage_is_unknown_or_its_size() -> None:
    assert night_end(running(), 2001.0, []) is None
    assert night_end(running(), 2001.0, [usual(StageName.TRANSFER)]) is None
    assert night_end(running(bytes=0), 2001.0, [usual()]) is None
    assert night_end(running(), 2001.0, [usual(seconds_per_gb=1e5)]) is None


def done(**known: object) -> NightRecord:
    fields: dict[str, object] = {"bytes": GB} | known
    return NightRecord(NIGHT, State(StageName.TRANSFER, Status.DONE), **fields)  # type: ignore[arg-type]


def told(*lines: tuple[float, EventName, StageName]) -> list[EventRecord]:
    return [
        EventRecord(NIGHT, at, name, stage, 1, None, "vampd", None) for at, name, stage in lines
    ]


def test_a_past_night_took_from_each_claim_to_the_end_of_its_stage_the_longest_counts() -> None:
    history = told(
        (0.0, EventName.SETTLED, StageName.SYNC),
        (1.0, EventName.CLAIMED, StageName.SYNC),
        (4.0, EventName.FAILED, StageName.SYNC),
        (9.0, EventName.CLAIMED, StageName.SYNC),
        (39.0, EventName.ADVANCED, StageName.SYNC),
        (40.0, EventName.CLAIMED, StageName.FPACK),
        (50.0, EventName.ABANDONED, StageName.FPACK),
        (60.0, EventName.CLAIMED, StageName.FPACK),
        (70.0, EventName.ADVANCED, StageName.FPACK),
        (80.0, EventName.REOPENED, StageName.TRANSFER),
        (90.0, EventName.CLAIMED, StageName.SYNC),
        (91.0, EventName.ADVANCED, StageName.SYNC),
        (95.0, EventName.CLAIMED, StageName.HEADERS),
        (94.0, EventName.ADVANCED, StageName.HEADERS),
    )
    assert past_night(done(), history) == PastNight(
        GB, {StageName.SYNC: 30.0, StageName.FPACK: 10.0}
    )


def test_a_night_that_is_not_done_or_has_lost_raw_files_or_history_is_no_measure() -> None:
    history = told(
        (1.0, EventName.CLAIMED, StageName.SYNC), (2.0, EventName.ADVANCED, StageName.SYNC)
    )
    assert is_measure(done())
    assert past_night(done(), history) is not None
    for unfit in (done(bytes=0), done(purged_cubes=1), done(removed_cubes=1), running()):
        assert not is_measure(unfit)
    assert past_night(done(), []) is None
