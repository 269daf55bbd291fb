"""A host that sleeps past its ttl and thaws leaves a night as it is, retired or restored."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.builders.nights import make_night
from tests.support.crew.hosts import CrewSite
from tests.support.crew.own_locks import locks_of_its_own
from tests.support.daemon.processes import descendants
from tests.support.daemon.running import Gate, log_of, running, vampctl, wait_until
from tests.support.daemon.site import Site, configure, make_site
from tests.support.daemon.state import product_tree
from vampd.model.nights import NightId

# A real daemon, engine and hosts, with a host that has to be taken for lost.
pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]
LOST_AFTER_S = 10


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[CrewSite]:
    (tmp_path / "hosts").mkdir()
    crew = CrewSite(tmp_path / "hosts", lost_after_s=LOST_AFTER_S, root=tmp_path / "site" / "fuuu")
    yield crew
    crew.close()


@pytest.fixture
def site(hosts: CrewSite) -> Site:
    made = make_site(hosts.root.parent)
    configure(
        made,
        crew={
            "engine": "dask", "scheduler": hosts.address,
            "lost_after_s": LOST_AFTER_S, "fall_back_after_s": 0,
        },
        retry={"attempts": 999, "first_delay_s": 0.05, "max_delay_s": 0.5},
        schedule={"workers": 2},
    )  # fmt: skip
    return made


def has_done(site: Site, night: NightId) -> bool:
    """Whether this night has ended."""
    return any(record["night"] == night.date for record in log_of(site).named("night.done"))


def retired(site: Site, night: NightId) -> dict[str, str]:
    """The products are proven, and their framelists are retired."""
    tree = product_tree(site.folder(night))
    assert tree
    assert not any(path.endswith(".framelist") for path in tree)
    return tree


def restored(site: Site, night: NightId) -> dict[str, str]:
    """The night is brought back to raw."""
    assert vampctl(site, "restore", night.date, "--yes").returncode == 0
    # As sync makes it when the night goes on: then the lease alone stands in the way.
    (site.folder(night) / "vgen2").mkdir(exist_ok=True)
    tree = product_tree(site.folder(night))
    assert not any(path.endswith((".fits.fz", ".txt")) for path in tree)
    return tree


@pytest.mark.parametrize("meanwhile", [retired, restored])
@pytest.mark.parametrize(
    "moment",
    ["atomic.replacing.file_synced", "packed.sidecar_written", "atomic.creating.file_synced"],
)
def test_a_host_that_thaws_changes_nothing(
    site: Site,
    hosts: CrewSite,
    tmp_path: Path,
    tool: Callable[[str], str],
    moment: str,
    meanwhile: Callable[[Site, NightId], dict[str, str]],
) -> None:
    hosts.start_scheduler()
    # Without its locks: on one kernel nobody takes those of a frozen process away.
    unseen = locks_of_its_own(hosts.root, tmp_path, tool)
    with Gate(moment, tmp_path / "gate") as gate, running(site):
        hosts.start_worker("w1", environ=unseen | gate.environ)
        night, _ = make_night(site.root)
        packer = gate.arrival()
        everyone = (hosts.processes["w1"].pid, *descendants(hosts.processes["w1"].pid))
        assert packer in everyone
        for pid in everyone:
            os.kill(pid, signal.SIGSTOP)
        hosts.start_worker("w2")
        wait_until(lambda: has_done(site, night), "the night, packed by another")
        tree = meanwhile(site, night)
        hosts.signal("w2", signal.SIGTERM)
        gate.open()
        for pid in everyone:
            os.kill(pid, signal.SIGCONT)
        # It alone packs another night, so that it has ended what it had.
        other, _ = make_night(site.root, "20251107", seed=2)
        wait_until(lambda: has_done(site, other), "another night")
        assert product_tree(site.folder(night)) == tree
        assert retired(site, other)
        assert not log_of(site).named("night.held")
