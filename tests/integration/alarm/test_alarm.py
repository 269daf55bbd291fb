"""A daemon that tells: once, over restarts and kills, and never at the cost of its work."""

import json
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.alarm.telling_programs import calls, make_teller
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import (
    PATIENCE_S,
    log_of,
    run_until_idle,
    running,
    settle,
    vampctl,
    wait_until,
)
from tests.support.daemon.site import Site, configure, make_site
from tests.support.web.pinged import running_pinged

DATE = "20251107"
QUICK = {
    "vampd.daemon.alarm._LOOK_EVERY_S": 0.1,
    "vampd.daemon.alarm._BEAT_EVERY_S": 0.1,
    "vampd.model.alarm.telling._OVER_AFTER_S": 0.3,
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site whose one night has no cube yet, and a program that is told."""
    made = make_site(tmp_path)
    (made.root / DATE).mkdir()
    use(made)
    return made


def use(site: Site, then: str = "", **tables: Mapping[str, Any]) -> None:
    program = make_teller(site.base, then=then)
    configure(site, **{"[notify]": {"command": [str(program), "-x"]}, **tables})


def recorded(site: Site) -> list[str]:
    shown = json.loads(vampctl(site, "alarm", "--json").stdout)
    return [one["about"] for one in shown["told"]]


def told(site: Site) -> list[str]:
    return [call["input"].partition("\n")[0] for call in calls(site.base)]


def test_a_held_night_is_told_once_over_kills_and_when_it_is_over(site: Site) -> None:
    held = f"vampd: {DATE} engineering is held at sync: held_by_person"
    with running(site, times_s=QUICK) as daemon:
        wait_until(lambda: vampctl(site, "hold", DATE).returncode == 0, "a hold")
        wait_until(lambda: told(site) == [held], "the alarm")
        # The journal has it before the record does.
        wait_until(lambda: recorded(site) == [f"{DATE}-engineering"], "its record")
        daemon.kill()
    with running(site, times_s=QUICK):
        time.sleep(1)
        assert told(site) == [held]
        vampctl(site, "release", DATE)
        over = f"vampd: {DATE}-engineering: over"
        wait_until(lambda: told(site) == [held, over], "the end")
    assert calls(site.base)[0]["words"] == "-x\n"


def test_killed_before_it_is_on_record_it_is_told_again_and_never_lost(site: Site) -> None:
    settle(site)
    assert vampctl(site, "hold", DATE).returncode == 0
    assert run_until_idle(site, VAMPD_FAILPOINT="alarm.message.sent").status == -signal.SIGKILL
    assert len(told(site)) == 1
    settle(site)
    assert len(told(site)) == 2
    settle(site)
    assert len(told(site)) == 2


def test_a_program_that_hangs_costs_neither_work_nor_the_end(site: Site) -> None:
    use(site, then="sleep 60")
    make_smallest(site.root)
    with running(site, times_s=QUICK) as daemon:
        wait_until(lambda: vampctl(site, "hold", DATE).returncode == 0, "a hold")
        wait_until(lambda: told(site), "the alarm")
        wait_until(lambda: log_of(site).named("night.done"), "the other night's end")
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 20
    assert len(told(site)) == 1


def low_places(site: Site) -> list[str]:
    """Each place as often as it was told of, one by one or together."""
    assert {call["STATE"] for call in calls(site.base)} == {"disk_low"}
    return sorted(Path(place).name for call in calls(site.base) for place in call["ABOUT"].split())


def test_a_low_disk_is_told_once_and_the_night_ends_done(site: Site) -> None:
    low = {"warn_below": 1.0}
    use(site, disk=low)
    make_smallest(site.root)
    settle(site)
    assert low_places(site) == ["2_ARCHIVED_DATA", "fuuu"]
    settle(site)
    assert low_places(site) == ["2_ARCHIVED_DATA", "fuuu"]
    status = json.loads(vampctl(site, "status", "--json").stdout)
    assert {night["status"] for night in status} == {"done", "filling"}


def test_a_reload_changes_who_is_told(site: Site) -> None:
    configure(site)
    with running(site, times_s=QUICK) as daemon:
        wait_until(lambda: vampctl(site, "hold", DATE).returncode == 0, "a hold")
        use(site)
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: told(site), "the alarm")


def test_the_heartbeat_beats_while_vampd_works_and_no_longer(site: Site) -> None:
    with running_pinged() as server:
        use(site, heartbeat={"url": server.url, "every_s": 10})
        with running(site, times_s=QUICK) as daemon:
            wait_until(lambda: len(server.asked) >= 2, "two signals")
            assert daemon.stop() == 0
        assert server.paths[:2] == ["/ping/5bf66975/start", "/ping/5bf66975"]
        assert "/ping/5bf66975/fail" not in server.paths
        assert "vampd" in server.asked[0][2]


def test_an_end_by_an_error_is_a_failed_heartbeat(site: Site) -> None:
    with running_pinged() as server:
        use(site, heartbeat={"url": server.url, "signals": ["fail"]})
        settle(site)
        with running(site, times_s=QUICK) as daemon:
            wait_until(lambda: log_of(site).named("daemon.started")[1:], "the start")
            with site.database.open("r+b") as file:
                file.seek(0)
                file.write(b"no database at all" * 200)
            for path in site.database.parent.glob("vampd.db-*"):
                path.unlink()
            # Has to be written down; before the root is watched, the next scan finds it.
            (site.root / "20251108").mkdir()
            daemon.process.wait(PATIENCE_S)
        assert server.paths == ["/ping/5bf66975/fail"]
