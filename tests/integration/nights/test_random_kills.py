"""SIGKILL at random moments, to anything that works on several nights: no one can tell afterwards.

The daemon, its process group, fork server, workers, rsync, ssh, the far side of the connection, and
commands of people. In the end every tree, the ledger and the archive are those of a run that
nothing disturbed, and so they are when raw is purged by commands that are killed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.processes import descendants
from tests.support.daemon.running import BIN, Daemon, running, settle, vampctl
from tests.support.daemon.site import Site, configure, make_site
from tests.support.daemon.state import (
    LedgerRow,
    audit,
    ledger_rows,
    product_tree,
    raw_state,
    record_of,
    tell,
)
from tests.support.examples import seeds_of_round
from tests.support.tools.sshd import HOST, Sshd, running_sshd
from tests.support.tools.warm_start import start
from tests.support.worlds.archive.purge_site import acknowledge, purge, raw_files
from tests.support.worlds.archive.safe_night import SafeNight
from vampd.model.delivery import note_name
from vampd.model.nights import EventName, Kind, NightId, StageName, Status

NIGHTS = (
    NightId("20251105", Kind.ARCHIVE),
    NightId("20251106", Kind.ENGINEERING),
    NightId("20251107", Kind.ARCHIVE),
)
KILLS = 15
# Commands of people that are killed too, of a night that is done.
COMMANDS = (("recover", "{night}"), ("verify", "{night}"), ("verify", "{night}", "--here"))
# So many more of each night's purge, unless it ends before.
PURGE_KILLS = 3
# From sleeping through a stage to hitting one action; some of a second, and rarely seconds.
_MEAN_PAUSE_S = 0.35
_LONGEST_PAUSE_S = 3.0
# A kill that finds nothing to kill is none.
_MOST_TRIES = 40 * KILLS

Trees = dict[NightId, tuple[dict[str, str], dict[str, str]]]


@dataclass(frozen=True)
class Reference:
    """An undisturbed run of these nights, and its trees once raw was purged."""

    raw: Site
    sshd: Sshd
    trees: Trees
    ids: list[LedgerRow]
    purged: Trees
    purge_s: float


def set_up(site: Site, sshd: Sshd) -> None:
    """Engineering nights over ssh; no night is poisonous, and nothing waits for long."""
    configure(
        site,
        schedule={"workers": 2},
        retry={"attempts": 999, "first_delay_s": 0.05, "max_delay_s": 0.1},
        # Less than the test waits for a far side that has died.
        transfer={"ssh": list(sshd.ssh), "timeout_s": 10, "send_ahead_bytes": 1},
        transfer_engineering={"destination": f"{HOST}:{site.destination}"},
    )


def trees_of(site: Site) -> Trees:
    """Every night's tree here and there, whatever the site's own place."""
    trees = {}
    for night in NIGHTS:
        here = product_tree(site.folder(night))
        for path in site.folder(night).glob("manifest*"):
            here[path.name] = path.read_text().replace(str(site.base), "")
        trees[night] = (here, product_tree(site.copy(night)))
    return trees


def purged_trees_of(site: Site) -> Trees:
    """The same of nights that were mailed, without the notes of when that was."""
    trees = trees_of(site)
    for night, sides in trees.items():
        for side in sides:
            side.pop(note_name(night.date), None)
    return trees


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[Sshd]:
    folder = tmp_path_factory.mktemp("sshd")
    with running_sshd(folder, tool) as server:
        # One login for most commands, because each costs a second; without it they log in.
        shared = (*server.ssh, "-o", f"ControlPath={folder}/control")
        with open(os.devnull, "wb") as nowhere:
            command = [*shared, "-M", "-N", "-f", HOST]
            subprocess.run(command, check=True, stdout=nowhere, stderr=nowhere)
        yield replace(server, ssh=shared)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, sshd: Sshd) -> Reference:
    site = make_site(tmp_path_factory.mktemp("reference"))
    set_up(site, sshd)
    for number, night in enumerate(NIGHTS):
        make_smallest(site.root, night.date, night.kind, seed=number)
    raw = Site(site.base.with_name("raw"))
    shutil.copytree(site.root, raw.root)
    settle(site)
    trees, begun = trees_of(site), time.monotonic()
    for night in NIGHTS:
        acknowledge(site, night)
        done = purge(SafeNight.of(site, night))
        assert done.returncode == 0, done.stdout + done.stderr
    purge_s = (time.monotonic() - begun) / len(NIGHTS)
    return Reference(raw, sshd, trees, ledger_rows(site), purged_trees_of(site), purge_s)


@dataclass
class Disturbance:
    """Kills, and what was killed."""

    site: Site
    sshd: Sshd
    chance: random.Random
    killed: Counter[str] = field(default_factory=Counter)

    def pause(self) -> None:
        time.sleep(min(_LONGEST_PAUSE_S, self.chance.expovariate(1 / _MEAN_PAUSE_S)))

    def kill_one(self, daemon: Daemon) -> None:
        """Kill something, if it is there."""
        victims: dict[str, Callable[[], tuple[int, ...]]] = {
            "fork server": daemon.fork_servers,
            "worker": daemon.workers,
            "rsync": lambda: daemon.programs("rsync"),
            "ssh": lambda: daemon.programs("ssh"),
            "far side": lambda: descendants(self.sshd.pid),
        }
        kind = self.chance.choice(["daemon", "group", *victims])
        if kind in victims:
            if pids := victims[kind]():
                with suppress(ProcessLookupError):
                    os.kill(self.chance.choice(pids), signal.SIGKILL)
                    self.killed[kind] += 1
            return
        (daemon.kill if kind == "daemon" else daemon.kill_all)()
        self.killed[kind] += 1

    def run(self) -> None:
        """A daemon that is killed and started again, until there were enough kills."""
        for _ in range(_MOST_TRIES):
            with running(self.site) as daemon:
                while daemon.process.poll() is None:
                    self.pause()
                    self.kill_one(daemon)
                    if self.killed.total() >= KILLS or self.is_done():
                        break
                else:
                    continue
                daemon.kill_all()
            if self.killed.total() >= KILLS:
                return
            self.kill_a_command()
            self.begin_again()
        raise AssertionError(f"only {self.killed} in {_MOST_TRIES} tries")

    def is_done(self) -> bool:
        if not self.site.database.exists():
            return False
        with suppress(AssertionError):
            return all(record_of(self.site, night).state.status is Status.DONE for night in NIGHTS)
        return False

    def kill_a_command(self) -> None:
        """One that has something to do: a product is damaged, a sidecar gone."""
        night = self.chance.choice(NIGHTS)
        products = sorted((self.site.folder(night) / "vgen2").glob("*.fits.fz"))
        sidecar = products[1].with_name(products[1].name.replace(".fits.fz", ".txt"))
        products[0].write_bytes(products[0].read_bytes()[:-2880])
        sidecar.unlink()
        for words in COMMANDS:
            command = [str(BIN / "vampctl"), "--config", str(self.site.config), words[0]]
            command += [word.format(night=night.date) for word in words[1:]]
            with open(os.devnull, "ab") as nowhere:
                process = start(command, os.environ, nowhere, nowhere)
            time.sleep(self.chance.uniform(0.0, 0.4))
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                    self.killed[words[0]] += 1
            process.wait(10)

    def kill_purges(self, night: NightId, longest_s: float) -> None:
        """Purge the night by commands that are killed, then by one that is not."""
        own = SafeNight.of(self.site, night)
        command = [str(BIN / "vampctl"), "--config", str(self.site.config), "purge", night.date]
        command += ["--yes", "--same-disk", night.date]
        for _ in range(PURGE_KILLS):
            with open(os.devnull, "ab") as nowhere:
                process = start(command, os.environ, nowhere, nowhere)
            time.sleep(self.chance.uniform(0.0, longest_s))
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                    self.killed["purge"] += 1
            process.wait(10)
            settle(self.site)
        done = purge(own)
        assert done.returncode == 0, done.stdout + done.stderr
        assert raw_files(own) == []

    def begin_again(self) -> None:
        """All copies are doubted, and a few files there are lost."""
        for night in NIGHTS:
            recovered = vampctl(self.site, "recover", night.date)
            assert recovered.returncode == 0, recovered.stdout + recovered.stderr
            # Not all: a night without any product there is gone, which is a person's to judge.
            for path in sorted((self.site.copy(night) / "vgen2").glob("*.fz"))[1:]:
                if self.chance.random() < 0.4:
                    path.unlink()
            tell(self.site, night, EventName.RETRIED, StageName.TRANSFER)


@pytest.mark.soak
@pytest.mark.parametrize("seed", seeds_of_round(20))
def test_kills_at_random_moments_leave_no_trace(
    reference: Reference, tmp_path: Path, seed: int
) -> None:
    site = make_site(tmp_path / "site")
    set_up(site, reference.sshd)
    for night in NIGHTS:
        for stream in ("vcam1", "vcam2"):
            raw = site.folder(night) / stream
            shutil.copytree(reference.raw.folder(night) / stream, raw)
    before = {night: raw_state(site.folder(night)) for night in NIGHTS}
    disturbance = Disturbance(site, reference.sshd, random.Random(seed))
    disturbance.run()
    for night in NIGHTS:
        if site.database.exists():
            vampctl(site, "recover", night.date)
    settle(site)
    for night in NIGHTS:
        record = record_of(site, night)
        assert record.state.status is Status.DONE, (record.code, record.error)
        assert record.safe_at is not None
        shown = audit(site, night)
        assert shown["balanced"], shown["findings"]
    assert trees_of(site) == reference.trees
    assert ledger_rows(site) == reference.ids
    assert {night: raw_state(site.folder(night)) for night in NIGHTS} == before
    for night in NIGHTS:
        acknowledge(site, night)
        disturbance.kill_purges(night, reference.purge_s)
    assert purged_trees_of(site) == reference.purged
    print(f"killed: {dict(disturbance.killed)}")
