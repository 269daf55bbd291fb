"""Too little room: a stage does not begin, here or on the archive host, and goes on by itself."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from tests.support.builders.settings import make_settings
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import run_until_idle, vampctl
from tests.support.daemon.site import Site, configure, make_site
from tests.support.daemon.state import record_of
from tests.support.fakes.progress import HeardProgress
from vampd.disk.pace import SteadyPace
from vampd.engine import attempt, execute, free_space
from vampd.engine.archive.sending_ahead import Outbox
from vampd.engine.attempt_progress import WaveProgress
from vampd.errors import DiskFull, MalformedCube
from vampd.model.nights import Kind, NightId, StageName, Status
from vampd.model.plan import Compare, Pack, Plan, Send, SendAhead, Wave
from vampd.model.resources import Space

NIGHT = NightId("20251106", Kind.ARCHIVE)
ROOMY = Space(10**12, 10**12)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = make_site(tmp_path, retry={"first_delay_s": 0.2, "max_delay_s": 0.2})
    make_smallest(made.root)
    return made


def test_a_night_without_room_waits_untouched_and_ends_done_when_there_is_room(site: Site) -> None:
    configure(site, disk={"reserve_bytes": 10**18})
    done = vampctl(site, "run", "20251106")
    assert (done.returncode, "disk_low" in done.stderr) == (1, True)
    record = record_of(site, NIGHT)
    assert (record.state.stage, record.state.status) == (StageName.SYNC, Status.WAITING)
    assert not (site.folder(NIGHT) / "vgen2").exists()
    configure(site)
    assert vampctl(site, "run", "20251106").returncode == 0
    assert record_of(site, NIGHT).state.status is Status.DONE


def test_low_space_is_a_warning_and_no_error(site: Site) -> None:
    configure(site, disk={"warn_below": 1.0})
    ended = run_until_idle(site)
    places = {str(event["place"]) for event in ended.named("disk.low")}
    assert places == {str(site.folder(NIGHT)), "the archive host"}
    assert {event["level"] for event in ended.named("disk.low")} == {"warning"}
    status = json.loads(vampctl(site, "status", "--json").stdout)
    assert [night["status"] for night in status] == ["done"]


@dataclass
class Host:
    """An archive host with so much room."""

    room: Space = ROOMY

    def space(self) -> Space:
        return self.room


@dataclass
class FewTools:
    """What asking for room takes of an attempt's tools."""

    folder: Path
    archive_host: Host = field(default_factory=Host)
    night: NightId = NIGHT
    low_space: Any = field(default_factory=Mock)
    settings: Any = field(default_factory=make_settings)
    crew: Any = field(default_factory=lambda: SimpleNamespace(places=1))
    outbox: Outbox = field(default_factory=Outbox)
    pace: Any = field(default_factory=SteadyPace)


def test_a_transfer_needs_room_on_the_archive_host_only_for_what_it_sends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    plan = Plan.of([Send(("a", "not yet written"), Compare.CHECKSUM)])
    tools: Any = FewTools(tmp_path, Host(Space(1_000, 10**12)))
    free_space.require_free_space(tools, plan)
    tools.archive_host.room = Space(999, 10**12)
    with pytest.raises(DiskFull, match="the archive host") as caught:
        free_space.require_free_space(tools, plan)
    assert caught.value.code == "disk_low"
    free_space.require_free_space(tools, Plan())


def packs(count: int) -> Wave:
    return tuple(
        Pack(f"vgen2/{n}.framelist", f"vgen2/{n}.fits.fz", frames=1, bytes=1_000_000)
        for n in range(count)
    )


def pack_to(part: float, waves: list[Wave]) -> Callable[[Any, Wave, WaveProgress], None]:
    def execute(tools: Any, wave: Wave, progress: WaveProgress) -> None:
        waves.append(wave)
        for action in wave:
            assert isinstance(action, Pack)
            path = tools.folder / action.packed
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x" * round(action.bytes * part))
            progress.done(action)

    return execute


def test_the_nights_own_first_cube_shows_what_the_others_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools: Any = FewTools(tmp_path)
    free = 9 * 600_000
    monkeypatch.setattr(free_space, "space_at", lambda _: Space(free, 10**12))
    for part, fits in ((0.5, True), (0.6, False)):
        waves: list[Wave] = []
        monkeypatch.setattr(attempt, "execute_wave", pack_to(part, waves))
        free_space.require_free_space(tools, Plan.of(packs(10)))
        if fits:
            attempt.execute_within_free_space(tools, packs(10), HeardProgress())
            assert [len(wave) for wave in waves] == [1, 9]
            continue
        with pytest.raises(DiskFull):
            attempt.execute_within_free_space(tools, packs(10), HeardProgress())
        assert [len(wave) for wave in waves] == [1]


def test_a_first_cube_of_few_small_frames_says_nothing_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools: Any = FewTools(tmp_path)
    monkeypatch.setattr(free_space, "space_at", lambda _: Space(9 * 1_200_000, 10**12))
    waves: list[Wave] = []
    # It is all header, a hundred times what its pixels were.
    monkeypatch.setattr(attempt, "execute_wave", pack_to(100.0, waves))
    tiny = Pack("vgen2/t.framelist", "vgen2/t.fits.fz", frames=1, bytes=400)
    attempt.execute_within_free_space(tools, (tiny, *packs(9)), HeardProgress())
    assert [len(wave) for wave in waves] == [1, 9]


@pytest.mark.parametrize(
    ("workers", "room_for", "first"), [(4, 100, 4), (4, 3, 3), (4, 1, 1), (1, 100, 1), (32, 100, 9)]
)
def test_no_worker_stands_idle_meanwhile_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, room_for: int, first: int
) -> None:
    tools: Any = FewTools(tmp_path, crew=SimpleNamespace(places=workers))
    free = room_for * 1_200_000
    monkeypatch.setattr(free_space, "space_at", lambda _: Space(free, 10**12))
    waves: list[Wave] = []
    monkeypatch.setattr(attempt, "execute_wave", pack_to(0.01, waves))
    free_space.require_free_space(tools, Plan.of(packs(10)))
    attempt.execute_within_free_space(tools, packs(10), HeardProgress())
    assert [len(wave) for wave in waves] == [first, 10 - first]


def test_a_first_cube_that_fails_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waves: list[Wave] = []

    def execute(tools: Any, wave: Wave, progress: WaveProgress) -> None:
        waves.append(wave)
        if len(waves) == 1:
            raise MalformedCube("fits_truncated", "the first one")

    monkeypatch.setattr(attempt, "execute_wave", execute)
    with pytest.raises(MalformedCube, match="the first one"):
        attempt.execute_within_free_space(FewTools(tmp_path), packs(4), HeardProgress())  # type: ignore[arg-type]
    assert [len(wave) for wave in waves] == [1, 3]


def test_what_runs_beside_a_wave_begins_with_its_first_cubes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools: Any = FewTools(tmp_path)
    waves: list[Wave] = []
    began, is_open = threading.Event(), list[bool]()

    def pack(tools: Any, wave: Wave, progress: WaveProgress) -> None:
        assert began.wait(10)
        is_open.append(tools.outbox.is_open)
        only_packs = tuple(action for action in wave if isinstance(action, Pack))
        pack_to(0.5, waves)(tools, only_packs, progress)

    monkeypatch.setattr(execute, "execute", lambda *_: began.set())
    monkeypatch.setattr(attempt, "execute_wave", pack)
    monkeypatch.setattr(free_space, "space_at", lambda _: Space(10**12, 10**12))
    wave = (*packs(3), SendAhead(("vgen2/0.fits.fz",), 1))
    attempt.execute_within_free_space(tools, wave, HeardProgress())
    assert ([len(wave) for wave in waves], is_open) == ([1, 2], [True, True])
    assert not tools.outbox.is_open
