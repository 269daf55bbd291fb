"""Removing raw cubes one by one: looked at again, put on record, and only then removed.

The only code that removes anything from a camera stream. A kill leaves cubes that are on record and
still here; planning again finds them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vampd.disk.durable import fsync_folder, unlink
from vampd.disk.failpoint import failpoint
from vampd.disk.reading import hash_file
from vampd.engine.purge.cubes import RawFile, header_member
from vampd.engine.purge.plan import PurgePlan
from vampd.engine.purge.raw_files import changed_error, refuse_changed
from vampd.engine.purge.raw_records import read_header
from vampd.engine.purge.survey import PurgeSurvey
from vampd.errors import DataError, Stuck
from vampd.model.nights import FileStamp, NightId
from vampd.model.proofs import PurgedFile
from vampd.ports import Pace, PurgedFiles

# After so many cubes all conditions are judged again: the archive may have gone meanwhile.
_CUBES_A_LOOK = 100
# What lies at the archive may go meanwhile: it is looked at again after so long.
_LOOK_AGAIN_S = 10.0


def _require_prepared(plan: PurgePlan) -> None:
    plan.refuse()
    if not plan.is_prepared:
        raise DataError(
            "not_prepared", "what must be proven before raw goes has changed; purge again"
        )


def _counted(error: DataError, removed: int, kept: int) -> DataError:
    counts = f"{removed:,} of the raw cubes removed, {kept:,} stay"
    return DataError(error.code, f"{counts}: {error.message}", **error.context)


@dataclass(frozen=True)
class RunningPurge:
    """The removal of one night's raw cubes; whoever runs it holds the night's locks.

    ``look`` surveys and plans again; ``clock`` gives unix seconds.
    """

    night: NightId
    folder: Path
    look: Callable[[], tuple[PurgeSurvey, PurgePlan]]
    purged_files: PurgedFiles
    actor: str
    pace: Pace
    clock: Callable[[], float]

    def run(self, begin: Callable[[PurgeSurvey, PurgePlan], None]) -> tuple[int, int]:
        """Remove what may go: how many cubes, and bytes. ``begin`` is called before the first.

        DataError as `PurgePlan.refuse`, ``raw_changed`` and ``raw_differs``; what is gone by then
        stays on record, and the message counts it.
        """
        cubes = size = 0
        has_begun = False
        before: tuple[tuple[RawFile, ...], ...] = ()
        while True:
            survey, plan = self.look()
            try:
                _require_prepared(plan)
            except DataError as error:
                if not has_begun:
                    raise
                raise _counted(error, cubes, survey.presence.kept) from error
            if not plan.cubes:
                return cubes, size
            batch = plan.cubes[:_CUBES_A_LOOK]
            if batch == before:
                raise Stuck("stuck", f"{batch[0][0].file.path} was removed and is still here")
            if not has_begun:
                begin(survey, plan)
                failpoint("purge.night.begun")
                has_begun = True
                continue
            until, at_look = self.clock() + _LOOK_AGAIN_S, cubes
            for cube in batch:
                if self.clock() > until:
                    break
                try:
                    self._remove(survey, cube)
                except DataError as error:
                    gone = cubes - at_look
                    raise _counted(error, cubes, survey.presence.kept - gone) from error
                cubes += 1
                size += sum(each.file.size for each in cube)
            before = batch

    def _remove(self, survey: PurgeSurvey, cube: Sequence[RawFile]) -> None:
        rows = [self._examine(survey, each) for each in cube]
        self.purged_files.record(self.night, rows)
        failpoint("purge.cube.recorded")
        # The cube first: without it, its timing file is no raw data that sync would take up.
        for each in cube:
            refuse_changed(self.folder, each.file)
            unlink(self.folder / each.file.path)
            failpoint("purge.file.removed")
        fsync_folder((self.folder / cube[0].file.path).parent)

    def _examine(self, survey: PurgeSurvey, raw: RawFile) -> PurgedFile:
        """Read the file: it must be what it was, and what is kept of it must be that."""
        path = raw.file.path
        refuse_changed(self.folder, raw.file)
        size, mtime_ns, sha256 = hash_file(self.folder / path, self.pace)
        if FileStamp(path, size, mtime_ns) != raw.file:
            raise changed_error(path)
        if raw.sha256 is None:
            self._compare_records(survey, path, sha256)
        elif sha256 != raw.sha256:
            raise DataError(
                "raw_differs",
                f"{path} is not what lies in {raw.kept_in[0]} at the archive; it stays: find out"
                " which of the two is right",
                path=path,
            )
        identity = survey.identity
        return PurgedFile(
            raw.file,
            sha256,
            raw.kept_in,
            identity.destination,
            identity.mark,
            self.clock(),
            self.actor,
        )

    def _compare_records(self, survey: PurgeSurvey, path: str, sha256: str) -> None:
        member, content = path, sha256
        if path.endswith(".fits"):
            member = header_member(path)
            content = hashlib.sha256(read_header(self.folder, path)).hexdigest()
        recorded = survey.covered.get(member)
        if recorded is None or recorded[0] != content:
            raise DataError(
                "raw_differs",
                f"{member} is not what the night's raw records hold; it stays: find out why",
                path=path,
            )
