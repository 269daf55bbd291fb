"""The wall clock may be wrong, and may be set: nothing waits, pauses or settles because of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import BIN, PATIENCE_S, wait_until
from tests.support.daemon.site import Site, configure
from tests.support.daemon.state import history_of, record_of
from tests.support.tools.clock import SteppedClock
from tests.support.worlds.sites.busy_site import assert_done, has_status
from vampd.errors import VampdError
from vampd.model.nights import EventName, Kind, NightId, Status

DAY_S = 86_400.0
Tool = Callable[[str], str]


@contextmanager
def running_by(clock: SteppedClock, site: Site) -> Iterator[None]:
    """A daemon with this wall clock, in a process that has it from its first instruction."""
    with site.log.open("wb") as log:
        daemon = subprocess.Popen(
            [sys.executable, BIN / "vampd", "--config", site.config],
            env={**os.environ, **clock.environ},
            stdout=log,
            stderr=log,
        )
    try:
        yield
        daemon.terminate()
        assert daemon.wait(30) == 0
    finally:
        daemon.kill()
        daemon.wait()


def note_of(site: Site, night: NightId) -> str | None:
    """The code of what a night waits for; None while it is not known yet."""
    try:
        return record_of(site, night).note_code
    except (VampdError, AssertionError):
        return None


def logged(site: Site, event: str) -> int:
    """How often an event was logged."""
    return site.log.read_text().count(f" {event} ")


def test_a_failure_that_a_fast_clock_wrote_down_is_not_waited_for_when_it_is_right_again(
    site: Site, tmp_path: Path, tool: Tool
) -> None:
    clock = SteppedClock(tmp_path, tool)
    configure(site, watch={"scan_every_s": 0.2}, retry={"first_delay_s": 600, "max_delay_s": 600})
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    # It is not of the future until the clock is right.
    os.utime(min(site.folder(night).rglob("*.fits")), (time.time() + DAY_S,) * 2)
    site.destination.rename(site.base / "away")
    clock.step_to(time.time() + 2 * DAY_S)
    with running_by(clock, site):
        wait_until(has_status(site, night, Status.WAITING), "waiting")
        assert (record_of(site, night).state.not_before or 0) > time.time() + DAY_S
        clock.step_back()
        wait_until(lambda: logged(site, "night.misdated") > 0, "a warning")
        (site.base / "away").rename(site.destination)
        wait_until(has_status(site, night, Status.DONE), "done")
        assert logged(site, "night.misdated") == 1
        assert logged(site, "work.paused") == 0


@pytest.mark.soak
def test_steps_over_the_hour_and_over_midnight_settle_a_night_once(
    site: Site, tmp_path: Path, tool: Tool
) -> None:
    clock = SteppedClock(tmp_path, tool)
    # All of its files are of the future: only their rest, by a clock that never jumps, counts.
    night, _ = make_smallest(site.root, "20241106", Kind.ARCHIVE)
    evening = datetime(2024, 11, 6, 20, tzinfo=UTC).timestamp()
    clock.step_to(evening - 900)
    with running_by(clock, site):
        wait_until(lambda: note_of(site, night) == "before_hour", "before its hour")
        clock.step_to(evening - 4 * DAY_S)
        clock.step_to(evening + 4.5 * 3600)
        wait_until(lambda: record_of(site, night).state.status is not Status.FILLING, "settled")
        clock.step_to(evening - 900)
        wait_until(has_status(site, night, Status.DONE), "done")
        settled = [e for e in history_of(site, night) if e.event is EventName.SETTLED]
        assert len(settled) == 1


@pytest.mark.soak
@pytest.mark.parametrize("year", [1960, 1970, 2100])
def test_a_daemon_that_began_with_a_wrong_clock_goes_on_when_it_is_set_right(
    site: Site, tmp_path: Path, tool: Tool, year: int
) -> None:
    clock = SteppedClock(tmp_path, tool)
    configure(site, watch={"scan_every_s": 0.2})
    night, _ = make_smallest(site.root, "20241106", Kind.ARCHIVE)
    clock.step_to(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    with running_by(clock, site):
        wait_until(lambda: note_of(site, night), "known")
        clock.step_back()
        wait_until(has_status(site, night, Status.DONE), "done")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_a_clock_that_never_rests_keeps_no_night_from_its_end(
    site: Site, tmp_path: Path, tool: Tool, seed: int
) -> None:
    clock, chance = SteppedClock(tmp_path, tool), Random(seed)
    nights = [make_smallest(site.root, f"2024110{day}", Kind.ARCHIVE)[0] for day in (5, 6, 7)]
    hour = datetime(2024, 11, 7, 20, tzinfo=UTC).timestamp()
    times = (0.0, hour - 900, hour, hour + 4 * 3600, hour + 200 * 365 * DAY_S, time.time())
    with running_by(clock, site):

        def are_done() -> bool:
            clock.step_to(chance.choice(times) + chance.uniform(0, 600))
            time.sleep(0.3)
            return all(has_status(site, night, Status.DONE)() for night in nights)

        wait_until(are_done, "all are done", 3 * PATIENCE_S)
    for night in nights:
        assert_done(site, night)
        settled = [e for e in history_of(site, night) if e.event is EventName.SETTLED]
        assert len(settled) == 1
