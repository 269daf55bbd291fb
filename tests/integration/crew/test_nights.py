"""A night that other hosts pack is the one that this host packs, to the byte, whoever is killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.builders.nights import make_night
from tests.support.crew.hosts import CrewSite
from tests.support.daemon.processes import descendants
from tests.support.daemon.running import (
    Daemon,
    log_of,
    run_until_idle,
    running,
    vampctl,
    wait_until,
)
from tests.support.daemon.site import Site, configure, make_site
from tests.support.daemon.state import product_tree, record_of
from tests.support.examples import seeds_of_round
from vampd.model.nights import NightId, Status

KILLS = 60
_MEAN_PAUSE_S, _LONGEST_PAUSE_S = 0.3, 2.0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, NightId, dict[str, str]]:
    """The raw of a night, and its tree as this machine alone makes it."""
    raw = make_site(tmp_path_factory.mktemp("raw"))
    night, _ = make_night(raw.root)
    site = make_site(tmp_path_factory.mktemp("alone"))
    shutil.copytree(raw.folder(night), site.folder(night))
    assert run_until_idle(site).status == 0
    return raw, night, product_tree(site.folder(night))


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[CrewSite]:
    """Hosts for the site of `take`, of which none runs yet."""
    (tmp_path / "hosts").mkdir()
    crew = CrewSite(tmp_path / "hosts", lost_after_s=10, root=tmp_path / "site" / "fuuu")
    yield crew
    crew.close()


def take(raw: Site, night: NightId, hosts: CrewSite, **crew: object) -> Site:
    """A site with that night, whose daemon has this crew."""
    site = make_site(hosts.root.parent)
    configure(
        site,
        crew={"engine": "dask", "scheduler": hosts.address, "lost_after_s": 10, **crew},
        retry={"attempts": 999, "first_delay_s": 0.05, "max_delay_s": 0.5},
        schedule={"workers": 2},
    )
    shutil.copytree(raw.folder(night), site.folder(night))
    return site


def names_of(count: int) -> list[str]:
    return [f"w{number}" for number in range(1, count + 1)]


@pytest.mark.parametrize(
    "count", [1, *(pytest.param(count, marks=pytest.mark.soak) for count in (2, 4))]
)
def test_the_tree_is_the_one_that_this_host_makes(
    undisturbed: tuple[Site, NightId, dict[str, str]], hosts: CrewSite, count: int
) -> None:
    raw, night, tree = undisturbed
    site = take(raw, night, hosts)
    hosts.start_scheduler()
    for name in names_of(count):
        hosts.start_worker(name)
    assert run_until_idle(site).status == 0
    assert record_of(site, night).state.status is Status.DONE
    assert product_tree(site.folder(night)) == tree


@pytest.mark.soak
def test_a_crew_that_never_answers_does_not_hold_a_night(
    undisturbed: tuple[Site, NightId, dict[str, str]], hosts: CrewSite
) -> None:
    raw, night, tree = undisturbed
    site = take(raw, night, hosts, fall_back_after_s=15)
    with running(site):
        wait_until(lambda: log_of(site).named("night.waits"), "an attempt that no host answers")
        why = " ".join(vampctl(site, "why", night.date).stdout.split())
        wait_until(lambda: log_of(site).named("night.done"), "the night")
    assert "no host has answered by dask" in why
    assert product_tree(site.folder(night)) == tree
    assert log_of(site).named("crew.lost")
    assert not log_of(site).named("night.held")
    assert {record["code"] for record in log_of(site).named("night.waits")} == {"crew_unreachable"}


class Blows:
    """Kills anything that takes part, and starts again what a unit would."""

    def __init__(self, site: Site, hosts: CrewSite, rng: random.Random) -> None:
        self.site, self.hosts, self.rng = site, hosts, rng
        self.struck: Counter[str] = Counter()

    def strike(self, daemon: Daemon) -> bool:
        """Kill something at random; whether it was the daemon."""
        what = self.rng.choice(["daemon", "scheduler", "host", "packer", "packer"])
        self.struck[what] += 1
        host = self.rng.choice([name for name in self.hosts.processes if name != "scheduler"])
        match what:
            case "daemon":
                daemon.kill_all()
                return True
            case "scheduler":
                self.hosts.signal("scheduler", signal.SIGKILL)
                self.hosts.start_scheduler()
            case "host":
                self.hosts.signal(host, signal.SIGKILL)
                self.hosts.start_worker(host)
            case _:
                packers = descendants(self.hosts.processes[host].pid)
                if packers:
                    with suppress(ProcessLookupError):
                        os.kill(self.rng.choice(packers), signal.SIGKILL)
        return False

    def run(self, most: int) -> None:
        """Have the night done by a daemon that is started again as often as it is killed."""
        while not self.is_done():
            with running(self.site) as daemon:
                self._strike_until_done(daemon, most)

    def is_done(self) -> bool:
        """Whether it is."""
        return self.site.log.exists() and bool(log_of(self.site).named("night.done"))

    def _strike_until_done(self, daemon: Daemon, most: int) -> None:
        while not self.is_done():
            if self.struck.total() >= most:
                wait_until(self.is_done, "the night")
                return
            time.sleep(min(self.rng.expovariate(1 / _MEAN_PAUSE_S), _LONGEST_PAUSE_S))
            if self.strike(daemon):
                return


def without_leftovers(tree: dict[str, str]) -> dict[str, str]:
    """Without what killed packers left, which the next attempt removes."""
    return {path: found for path, found in tree.items() if "/.vampd-" not in f"/{path}"}


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", seeds_of_round(1))
def test_whoever_is_killed_the_tree_is_the_same(
    undisturbed: tuple[Site, NightId, dict[str, str]], hosts: CrewSite, seed: int
) -> None:
    raw, night, tree = undisturbed
    rng = random.Random(seed)
    blows: Blows | None = None
    struck = Counter[str]()
    while struck.total() < KILLS:
        shutil.rmtree(hosts.root.parent, ignore_errors=True)
        site = take(raw, night, hosts)
        if blows is None:
            hosts.start_scheduler()
            for name in names_of(2):
                hosts.start_worker(name)
        blows = Blows(site, hosts, rng)
        blows.struck = struck
        blows.run(KILLS)
        assert without_leftovers(product_tree(site.folder(night))) == tree
        assert not log_of(site).named("night.held")
    print(dict(struck))
