"""vampctl run, process-all: the daemon's attempts by a person's word, and never both at once."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.builders.smallest_night import (
    add_late_cubes,
    make_smallest,
    make_without_timing,
)
from tests.support.daemon.running import BIN, run_until_idle, running, settle, vampctl, wait_until
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import QUIET_S, Site, configure, make_site
from tests.support.daemon.state import connected, history_of, product_tree, raw_state, record_of
from tests.support.examples import others_in_soak
from tests.support.tools.terminal import run_in_terminal
from vampd.config import load_settings
from vampd.engine.foreground import Completeness
from vampd.model.nights import Event, EventName, Kind, NightId, NightRecord, StageName, Status
from vampd.ports import NightStore
from vampd.wiring.foreground import foreground_runner
from vampd.wiring.locks import foreground_lock

NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = make_site(tmp_path / "site")
    make_smallest(made.root)
    return made


def stands(site: Site, night: NightId = NIGHT) -> tuple[StageName, Status]:
    state = record_of(site, night).state
    return state.stage, state.status


def wait_until_known(site: Site) -> None:
    wait_until(
        lambda: site.database.exists() and vampctl(site, "status", "20251106").returncode == 0,
        "the night is known",
    )


def run_and_be_killed(site: Site, failpoint: str) -> None:
    killed = vampctl(site, "run", "20251106", VAMPD_FAILPOINT=failpoint)
    assert killed.returncode == -signal.SIGKILL


def test_a_night_run_by_hand_is_the_one_that_vampd_makes(site: Site, tmp_path: Path) -> None:
    # Copied, because a generation keeps the raw files' times.
    other = Site(shutil.copytree(site.base, tmp_path / "other"))
    configure(other)
    settle(other)
    raw = raw_state(site.folder(NIGHT))
    done = vampctl(site, "run", str(site.folder(NIGHT)))
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == list(StageName)
    assert stands(site) == (StageName.MANIFEST, Status.DONE)
    assert record_of(site, NIGHT).safe_at is not None
    mine, daemons = (product_tree(each.folder(NIGHT)) for each in (site, other))
    # The manifest tells where the files are at the destination, which differs between the sites.
    named = {name for name in mine if not name.startswith("manifest")}
    assert {n: mine[n] for n in named} == {n: daemons[n] for n in named}
    assert mine.keys() == daemons.keys()
    assert raw_state(site.folder(NIGHT)) == raw
    again = vampctl(site, "run", "20251106")
    assert (again.returncode, "nothing left to do" in again.stdout) == (0, True)


def test_stages_go_one_by_one_and_a_held_night_is_held_again(site: Site) -> None:
    assert vampctl(site, "run", "20251106", "--only", "fpack").returncode == 2
    for stage in (StageName.SYNC, StageName.HEADERS):
        assert vampctl(site, "run", "20251106", "--only", stage).returncode == 0
    assert stands(site) == (StageName.FRAMEIDS, Status.READY)
    assert vampctl(site, "hold", "20251106", "--reason", "slowly").returncode == 0
    assert vampctl(site, "run", "20251106", "--only", "frameids").returncode == 0
    record = record_of(site, NIGHT)
    assert stands(site) == (StageName.FPACK, Status.HELD)
    assert (record.code, record.error, record.released) == ("held_by_person", "slowly", frozenset())
    settle_here(site)
    assert stands(site) == (StageName.FPACK, Status.HELD)
    assert vampctl(site, "run", "20251106", "--until", "headers").returncode == 0
    assert vampctl(site, "run", "20251106").returncode == 0
    assert stands(site) == (StageName.MANIFEST, Status.DONE)


def test_late_cubes_are_taken_along(site: Site) -> None:
    settle_here(site)
    add_late_cubes(site.root)
    done = vampctl(site, "run", "20251106")
    assert (done.returncode, "sync" in done.stdout) == (0, True)
    assert record_of(site, NIGHT).manifests == 2


def test_a_daemon_leaves_a_night_alone_that_is_run_by_hand(site: Site) -> None:
    settle_here(site)
    assert vampctl(site, "retry", "20251106", "--from", "sync").returncode == 0
    settings = load_settings(site.config)
    with foreground_lock(settings, NIGHT), running(site):
        time.sleep(2.0)
        assert stands(site) == (StageName.SYNC, Status.READY)
        refused = vampctl(site, "run", "20251106")
        assert (refused.returncode, "is held by pid" in refused.stderr) == (1, True)


def test_a_running_daemon_and_run_share_the_night_and_it_ends_done_once(site: Site) -> None:
    with running(site) as daemon:
        wait_until_known(site)
        for _ in range(3):
            done = vampctl(site, "run", "20251106")
            assert done.returncode in (0, 1), done.stderr
            assert "Traceback" not in done.stderr
        wait_until(lambda: stands(site)[1] is Status.DONE, "the night is done")
        assert daemon.stop() == 0
    events = history_of(site, NIGHT)
    advanced = [e.stage for e in events if e.event is EventName.ADVANCED]
    assert advanced == list(StageName)
    assert {e.event for e in events}.isdisjoint({EventName.FAILED, EventName.INTERRUPTED})


class OneWhoWatchesToo:
    """A store where a daemon settles a night just before a person's command does."""

    def __init__(self, store: NightStore) -> None:
        self._store = store

    def apply(self, night: NightId, event: Event, **words: Any) -> NightRecord:
        if event.name is EventName.SETTLED:
            self._store.apply(night, event, at=time.time(), actor="vampd")
        return self._store.apply(night, event, **words)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_night_that_a_daemon_settles_first_is_run_all_the_same(site: Site) -> None:
    with foreground_runner(load_settings(site.config), "a person") as runner:
        runner.store = cast(NightStore, OneWhoWatchesToo(runner.store))
        with runner.having(NIGHT):
            record = runner.prepare(NIGHT, None, Completeness.OF_THE_DISK)
    assert record.state.status is Status.READY
    settled = [e.actor for e in history_of(site, NIGHT) if e.event is EventName.SETTLED]
    assert settled == ["vampd"]


@pytest.mark.parametrize("place", others_in_soak(["attempt.event.decided", "execute.pack.packed"]))
def test_a_run_that_is_killed_is_taken_up_by_whoever_comes_next(site: Site, place: str) -> None:
    settle_by = {"execute.pack.packed": "daemon", "attempt.event.decided": "hand"}[place]
    run_and_be_killed(site, place)
    assert stands(site)[1] is Status.RUNNING
    if settle_by == "daemon":
        assert run_until_idle(site).status == 0
    else:
        assert vampctl(site, "run", "20251106").returncode == 0
    assert stands(site) == (StageName.MANIFEST, Status.DONE)
    assert EventName.INTERRUPTED in {event.event for event in history_of(site, NIGHT)}


@pytest.mark.soak
def test_a_daemon_that_is_up_takes_up_a_killed_run(site: Site) -> None:
    settle_here(site)
    assert vampctl(site, "hold", "20251106").returncode == 2
    assert vampctl(site, "retry", "20251106", "--from", "sync").returncode == 0
    assert vampctl(site, "hold", "20251106").returncode == 0
    with running(site):
        run_and_be_killed(site, "attempt.event.decided")
        wait_until(lambda: stands(site)[1] is Status.DONE, "the night is done")


def test_run_pauses_for_the_cameras_and_gives_the_night_back_when_interrupted(site: Site) -> None:
    other = site.root / "20251107" / "vcam1"
    other.mkdir(parents=True)
    (other / "vcam1_10:00:00.000000000.fits").write_bytes(b"")
    written = time.time() + 50  # further ahead it would be of the future, and no reason to pause
    os.utime(other / "vcam1_10:00:00.000000000.fits", (written, written))
    command: list[str | Path] = [BIN / "vampctl", "--config", site.config, "run", "20251106"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until_known(site)
        wait_until(lambda: stands(site)[1] is Status.RUNNING, "an attempt has begun")
        time.sleep(1.5)
        assert stands(site) == (StageName.SYNC, Status.RUNNING)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    record = record_of(site, NIGHT)
    assert (stands(site), record.state.attempts) == ((StageName.SYNC, Status.READY), 0)


def test_what_cannot_be_run_is_reported_and_not_touched(site: Site, tmp_path: Path) -> None:
    (site.root / "20251101").mkdir()
    (site.root / "20251102" / "vcam1_hlinkbak").mkdir(parents=True)
    for words, status, reported in (
        (("20251101",), 1, "no raw cube"),
        (("20251102",), 1, "old tools"),
        (("20251103",), 2, "no night 20251103"),
        ((str(tmp_path),), 2, "not a night's folder"),
        (("20251106", "--only", "sync", "--until", "sync"), 2, "exclude each other"),
        (("20251101", "--only", "frameids"), 2, "no stage"),
    ):
        done = vampctl(site, "run", *words)
        assert (done.returncode, reported in done.stderr) == (status, True), done.stderr
        assert "Traceback" not in done.stderr
    assert [path.name for path in (site.root / "20251102").iterdir()] == ["vcam1_hlinkbak"]


def test_process_all_goes_oldest_first_and_says_what_it_passes_over(site: Site) -> None:
    make_smallest(site.root, "20251105", seed=5)
    make_smallest(site.root, "20251105", Kind.ENGINEERING, seed=6)
    (site.root / "20251101").mkdir()
    # It waits for no night that is still being written.
    time.sleep(QUIET_S)
    done = vampctl(site, "process-all", "archive")
    assert (done.returncode, done.stderr) == (0, "")
    titles = [line for line in done.stdout.splitlines() if line.endswith(" archive")]
    assert titles == ["20251105 archive", "20251106 archive"]
    assert "2 nights processed, 0 of them" in done.stdout
    assert stands(site, NightId("20251105", Kind.ENGINEERING))[1] is Status.FILLING
    rest = vampctl(site, "process-all")
    assert "20251101 engineering: skipped: no raw cubes yet" in rest.stdout
    assert "1 night processed" in rest.stdout
    with connected(site) as connections:
        ids = [row.frame_id for row in connections.ledger.listing().ids]
        assert ids == sorted(ids)


def with_late_timing(site: Site) -> tuple[Path, Path]:
    """Instead of the smallest night, one whose last timing file is still to come."""
    shutil.rmtree(site.folder(NIGHT))
    return make_without_timing(site.root, site.base)


def test_a_night_with_incomplete_cubes_is_run_by_no_command_until_it_is_whole(site: Site) -> None:
    configure(site, watch={"stale_after_s": 3600})
    timing, kept = with_late_timing(site)
    cube = f"vcam1/{timing.stem}.fits"
    for words in (("run", "20251106"), ("run", "20251106", "--only", "sync")):
        refused = vampctl(site, *words)
        assert (refused.returncode, cube in refused.stderr) == (1, True), refused.stderr
        assert "timing_missing" in refused.stderr
        assert "`vampctl run 20251106 --as-it-is`" in refused.stderr
    passed = vampctl(site, "process-all", "archive")
    assert (passed.returncode, cube in passed.stdout) == (0, True)
    assert stands(site) == (StageName.SYNC, Status.FILLING)
    with connected(site) as connections:
        assert connections.ledger.listing().ids == ()
    for command in ("plan", "why"):
        reported = json.loads(vampctl(site, command, "20251106", "--json").stdout)
        assert reported["waits_for"]["code"] == "incomplete_cubes"
        assert cube in reported["waits_for"]["text"]
    kept.rename(timing)
    assert vampctl(site, "run", "20251106").returncode == 0
    (first, *others) = [e for e in history_of(site, NIGHT) if e.event is EventName.SETTLED]
    assert not others
    assert "as it is" not in (first.message or "")
    with connected(site) as connections:
        (generation,) = connections.reader.generations(NIGHT)
        assert not generation.set_aside


def test_a_persons_word_that_a_night_is_complete_is_on_record(site: Site) -> None:
    configure(site, watch={"stale_after_s": 3600}, sync={"hold_when_unexpected": False})
    timing, kept = with_late_timing(site)
    done = vampctl(site, "run", "20251106", "--as-it-is")
    assert (done.returncode, done.stderr) == (0, "")
    (settled,) = [e for e in history_of(site, NIGHT) if e.event is EventName.SETTLED]
    assert settled.actor.endswith("(vampctl)")
    assert "complete as it is" in (settled.message or "")
    # So is who ran its stages.
    ran = (EventName.CLAIMED, EventName.ADVANCED, EventName.SETTLED)
    assert {e.actor for e in history_of(site, NIGHT) if e.event in ran} == {settled.actor}
    with connected(site) as connections:
        (generation,) = connections.reader.generations(NIGHT)
        assert [each.code for each in generation.set_aside] == ["timing_missing"]
    # What comes after that word is late, and costs nothing that was made.
    before = product_tree(site.folder(NIGHT))
    kept.rename(timing)
    # Its partners are in products already, so a person decides.
    assert vampctl(site, "run", "20251106").returncode == 1
    assert record_of(site, NIGHT).code == "late_partners"
    for words in (("release", "20251106"), ("run", "20251106")):
        assert vampctl(site, *words).returncode == 0
    after = product_tree(site.folder(NIGHT))
    assert {n: after[n] for n in before if n.endswith(".fz")} == {
        n: before[n] for n in before if n.endswith(".fz")
    }
    assert len(after) > len(before)


def test_what_stays_incomplete_is_run_as_the_daemon_would(site: Site) -> None:
    configure(site, watch={"stale_after_s": 1}, sync={"hold_when_unexpected": False})
    timing, _ = with_late_timing(site)
    time.sleep(1.1)
    assert vampctl(site, "run", "20251106", "--only", "sync").returncode == 0
    (settled,) = [e for e in history_of(site, NIGHT) if e.event is EventName.SETTLED]
    assert settled.message == (
        "unchanged for watch.stale_after_s, without 1 incomplete cube:"
        f" vcam1/{timing.stem}.fits (timing_missing)"
    )


def test_frame_ids_wait_for_the_older_night(site: Site) -> None:
    make_smallest(site.root, "20251105", seed=5)
    done = vampctl(site, "run", "20251106")
    assert (done.returncode, "waits for the older night 20251105" in done.stderr) == (1, True)
    assert stands(site) == (StageName.FRAMEIDS, Status.READY)
    assert "`vampctl release 20251106` lets it pass" in done.stderr
    # Of a date with both kinds the command names one.
    make_smallest(site.root, "20251106", Kind.ENGINEERING)
    with connected(site) as connections:
        connections.store.discover(NightId("20251106", Kind.ENGINEERING), 0.0)
    again = vampctl(site, "run", "20251106", "--kind", "archive")
    assert "`vampctl release 20251106 --kind archive` lets it pass" in again.stderr
    # What lets a night pass without an authority is the configuration alone.
    configure(site, frameids={"authority": "none"})
    refused = vampctl(site, "run", "20251106", "--kind", "archive")
    assert refused.returncode == 1
    assert "frameids.authority" in refused.stderr
    assert "release" not in refused.stderr


def test_a_terminal_sees_each_stage(site: Site) -> None:
    command: list[str | Path] = [BIN / "vampctl", "--config", site.config, "run", "20251106"]
    shown = run_in_terminal(command, 80, NO_COLOR="1")
    for stage in StageName:
        assert f"{stage:<9} done in" in shown
