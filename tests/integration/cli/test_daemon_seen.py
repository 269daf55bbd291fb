"""Whoever looks is told whether vampd runs: never that it does when it does not."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon.running import running, settle, vampctl, wait_until
from tests.support.daemon.site import Site, make_site
from tests.support.worlds.sites.busy_site import FAST, streaming
from vampd.disk.life_signs import sign_path


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path, **FAST)


def told(site: Site) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(vampctl(site, "daemon", "--json").stdout)
    return answer


def last_line(site: Site) -> str:
    return vampctl(site, "status").stdout.splitlines()[-1]


def test_vampd_is_said_to_run_exactly_as_long_as_it_does(site: Site) -> None:
    assert not sign_path(site.database).exists()
    with running(site) as daemon:
        wait_until(lambda: sign_path(site.database).exists(), "a sign of life")
        wait_until(lambda: told(site)["scanned_at"], "a sign of the first scan")
        seen = told(site)
        assert (seen["running"], seen["pid"]) == (True, daemon.process.pid)
        assert seen["configuration"] == str(site.config)
        assert " up since " in last_line(site)
        assert daemon.stop() == 0
        assert told(site)["state"] == "stopped"
        assert last_line(site).startswith("vampd is NOT running since ")
    with running(site) as daemon:
        wait_until(lambda: told(site)["running"], "a sign of the second one")
        daemon.kill()
        assert told(site)["state"] == "killed"
        assert last_line(site).endswith(": it was killed")


def test_a_pause_is_told_while_it_lasts(site: Site) -> None:
    with running(site):
        with streaming(site):
            wait_until(lambda: told(site)["paused"], "paused")
        wait_until(lambda: not told(site)["paused"], "not paused")


def test_a_sign_that_cannot_be_left_keeps_no_work(site: Site) -> None:
    # A folder in its place: even root cannot put a file there.
    sign_path(site.database).mkdir()
    ended = settle(site)
    assert len(ended.named("life_sign.not_written")) == 1
    assert told(site)["running"] is None


def test_one_that_is_refused_the_database_leaves_the_sign_of_the_one_that_has_it(
    site: Site,
) -> None:
    with running(site) as daemon:
        wait_until(lambda: told(site)["running"], "a sign of life")
        with running(site) as second:
            assert second.process.wait(60) == 1
        assert told(site)["pid"] == daemon.process.pid
        assert told(site)["running"] is True
    assert not stat.S_IMODE(os.stat(sign_path(site.database)).st_mode) & 0o137
