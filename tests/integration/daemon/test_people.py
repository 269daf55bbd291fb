"""People are heard while a night runs, and the log says what they did."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import Daemon, log_of, running, vampctl, wait_until
from tests.support.daemon.site import Site, configure
from tests.support.daemon.state import product_tree, record_of, tell
from tests.support.worlds.sites.busy_site import (
    FAST,
    SOON_OR_AS_IT_IS,
    assert_done,
    has_status,
    over_link,
    times,
    wait_for_event,
)
from vampd import __version__
from vampd.model.nights import EventName, NightId, StageName, Status

# "Within about a second", on a machine that runs other tests as well.
ABOUT_A_SECOND_S = 3.0


def test_hold_and_release_are_heard_while_a_night_runs(
    transferring: tuple[Site, NightId, Daemon],
) -> None:
    site, night, daemon = transferring
    begin = time.monotonic()
    assert vampctl(site, "hold", night.date, "--reason", "look at it").returncode == 0
    wait_until(lambda: not daemon.programs("rsync"), "rsync ended", 10)
    wait_for_event(site, "stage.superseded", 10)
    assert time.monotonic() - begin < ABOUT_A_SECOND_S + 2
    record = record_of(site, night)
    assert (record.state.stage, record.state.status) == (StageName.TRANSFER, Status.HELD)
    assert record.error == "look at it"
    time.sleep(1)
    assert has_status(site, night, Status.HELD)()
    assert not daemon.programs("rsync")
    configure(site, **FAST, **over_link(site))
    daemon.signal(signal.SIGHUP)
    wait_for_event(site, "config.reloaded")
    assert vampctl(site, "release", night.date).returncode == 0
    wait_until(has_status(site, night, Status.DONE), "done")
    assert_done(site, night)


def test_the_log_says_which_vampd_runs_on_what_and_what_a_reload_changed(site: Site) -> None:
    make_smallest(site.root)
    with running(site) as daemon:
        wait_for_event(site, "night.discovered")
        configure(site, retry={"attempts": 7})
        daemon.signal(signal.SIGHUP)
        wait_for_event(site, "config.reloaded")
        assert daemon.stop() == 0
    log = log_of(site)
    (started,) = log.named("daemon.started")
    assert started["version"] == __version__
    assert started["configuration"] == str(site.config)
    assert started["root"] == str(site.root)
    assert started["nights"] == 0
    (reloaded,) = log.named("config.reloaded")
    assert "retry.attempts" in reloaded["changed"]
    assert not any("root" in key for key in reloaded["changed"])
    assert len(log.named("daemon.stopped")) == 1


@pytest.mark.soak
def test_retry_is_heard_while_a_night_runs(
    transferring: tuple[Site, NightId, Daemon],
) -> None:
    site, night, daemon = transferring
    before = product_tree(site.folder(night))
    claim = record_of(site, night).claim
    tell(site, night, EventName.RETRIED, StageName.SYNC)
    waited_s = wait_until(lambda: record_of(site, night).claim > claim, "claimed again", 10)
    assert waited_s < ABOUT_A_SECOND_S + 2
    configure(site, **FAST, **over_link(site))
    daemon.signal(signal.SIGHUP)
    wait_for_event(site, "config.reloaded")
    tell(site, night, EventName.RETRIED)
    wait_until(has_status(site, night, Status.DONE), "done")
    assert_done(site, night)
    after = product_tree(site.folder(night))
    assert {name: after[name] for name in before} == before


def test_the_facts_of_a_lost_claim_are_dropped(
    transferring: tuple[Site, NightId, Daemon],
) -> None:
    site, night, daemon = transferring
    tell(site, night, EventName.HELD)
    wait_for_event(site, "stage.superseded", 10)
    assert record_of(site, night).safe_at is None
    assert daemon.stop() == 0


@SOON_OR_AS_IT_IS
def test_a_store_that_is_busy_for_long_ends_nobody(site: Site, wait_s: float | None) -> None:
    night, _ = make_smallest(site.root)
    with running(
        site, times_s=times("vampd.store.database.connection.BUSY_TIMEOUT_S", wait_s)
    ) as daemon:
        wait_until(has_status(site, night, Status.RUNNING), "a running night")
        with closing(sqlite3.connect(site.database, isolation_level=None)) as other:
            other.execute("PRAGMA busy_timeout = 10000")
            other.execute("BEGIN IMMEDIATE")
            wait_until(lambda: "store.waited" in site.log.read_text(), "a waiting daemon", 30)
            other.execute("ROLLBACK")
        wait_until(has_status(site, night, Status.DONE), "done")
        assert daemon.stop() == 0
    assert_done(site, night)
