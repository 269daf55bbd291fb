"""The sync stage on a night on disk: real files, real eyes, real execution.

    site = SyncSite(tmp_path)
    write_raw_cube(site.folder, ...)
    site.run()
    assert site.reasons() == {"vcam1/...": "timing_cut"}

What sync never asks for (workers, archive host) is not there, and no frame ID is.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.support.builders.headers import instrument_dictionary
from tests.support.builders.settings import make_settings
from tests.support.fakes.memory_mail import MemoryMailLog
from tests.support.fakes.memory_store import (
    MemoryChangedRaw,
    MemoryNights,
    MemoryPackingReceipts,
    MemoryPurgedFiles,
    MemoryReceipts,
)
from tests.support.fakes.progress import HeardProgress
from tests.support.flow import differences
from vampd.cli.look.audit import count_night
from vampd.disk.pace import Flag, SharedPace
from vampd.engine.execute import AttemptTools, execute_wave
from vampd.engine.nights.night_reader import DiskNightReader
from vampd.engine.nights.raw_cube_cache import RawCubeCache
from vampd.model.accounts import Audit
from vampd.model.cubes import Framelist, accounted_cubes
from vampd.model.nights import Kind, NightId, NightRecord, State
from vampd.model.plan import Plan, Wave
from vampd.model.sync import follow_frames
from vampd.stages import Stage, sync

NIGHT = NightId("20251106", Kind.ARCHIVE)
_MOST_ROUNDS = 5
_ABSENT = cast("Any", None)


class SyncSite:
    """A watched root with one night, and what sync acts with."""

    def __init__(self, base: Path) -> None:
        self.root = base / "fuuu"
        self.folder = self.root / NIGHT.folder
        for stream in ("vcam1", "vcam2"):
            (self.folder / stream).mkdir(parents=True)
        self.settings = make_settings(self.root)
        self.reader = DiskNightReader(
            self.root,
            cut_on=(*self.settings.sync.cut_on, *self.settings.headers.may_correct),
            let_go=lambda _: frozenset(),
            receipts=MemoryReceipts(MemoryNights()),
            packing_receipts=MemoryPackingReceipts(MemoryNights()),
            purged_files=MemoryPurgedFiles(MemoryNights()),
            changed_raw=MemoryChangedRaw(MemoryNights()),
            ledger=cast("Any", SimpleNamespace(bound=lambda _: {})),
            mail_log=MemoryMailLog(),
            archive=_ABSENT,
            dictionary=instrument_dictionary,
        )
        flags = [Flag.create(base / name) for name in ("pause", "stop")]
        self._pace = SharedPace(*flags)
        self._framelists: list[Framelist] = []
        self._read_from: set[tuple[str, int, int]] = set()

    def plan(self) -> Plan:
        """What sync would do now."""
        return sync.plan(sync.survey(NIGHT, self.reader), self.settings)

    def run(self, stage: Stage = sync) -> int:
        """Plan and execute until nothing is left; returns the rounds that it took."""
        rounds = 0
        while plan := stage.plan(stage.survey(NIGHT, self.reader), self.settings):
            assert rounds < _MOST_ROUNDS, f"still something to do after {rounds} rounds: {plan}"
            for wave in plan.waves:
                self.execute(wave)
            rounds += 1
        return rounds

    def execute(self, wave: Wave) -> None:
        """Execute a wave as the daemon does."""
        execute_wave(self.tools(), wave, HeardProgress())

    def audit(self) -> Audit:
        """The night's sum, as `vampctl audit` makes it."""
        audit = count_night(NightRecord(NIGHT, State()), self.folder, self.reader)
        if audit.balanced:
            # What the page draws has the sums of every audit that balances.
            assert not differences(follow_frames(self.reader.generations(NIGHT)), audit)
        return audit

    def reasons(self) -> dict[str, str]:
        """The code of every cube that is set aside, by path."""
        return {cube.path: cube.code for cube in self.audit().rejected}

    def framelists(self) -> list[Framelist]:
        """The framelists in vgen2, read again once a file there is another than it was."""
        files = {(path.name, path.lstat()) for path in (self.folder / "vgen2").glob("*")}
        found = {(name, status.st_ino, status.st_mtime_ns) for name, status in files}
        if found != self._read_from:
            heads = self.reader.framelist_heads(NIGHT)
            self._framelists = [self.reader.framelist(NIGHT, head.path) for head in heads]
            self._read_from = found
        return self._framelists

    def frames_of(self, path: str) -> int:
        """How many distinct frames of a raw cube are in products; none is there twice."""
        frames = [
            frame
            for framelist in self.framelists()
            for part in framelist.ranges
            if part.cube == path
            for frame in part.frames()
        ]
        assert len(set(frames)) == len(frames), f"frames of {path} are in products twice"
        return len(frames)

    def tools(self) -> AttemptTools:
        """What sync acts with now."""
        accounts = accounted_cubes(self.reader.generations(NIGHT))
        absent = dict.fromkeys((field.name for field in fields(AttemptTools)), _ABSENT)
        return replace(
            AttemptTools(**absent),
            night=NIGHT,
            folder=self.folder,
            settings=self.settings,
            cubes=RawCubeCache(self.folder, lambda: accounts),
            pace=self._pace,
        )
