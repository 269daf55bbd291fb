"""Which cubes of filling nights are complete: each is opened once, a few at a time.

The first check of a night opens thousands of files, which takes minutes on a slow disk. It goes on
between scans, one night after the other, and what was found complete survives a restart.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from vampd.disk.failpoint import failpoint
from vampd.engine.nights.night_listing import CubeCheck, check_cube, cube_files
from vampd.errors import TransientError
from vampd.model.nights import INCOMPLETE_CODES, CheckedCube, FileStamp, NightId, timing_name
from vampd.ports import CheckedCubes

# A few seconds of opening are lost if the daemon is killed, never minutes.
_KEPT_EVERY_S = 5.0
# What could not be read, but may be soon, is tried again after so long.
_AGAIN_S = 15.0

Runs = Callable[[Path, Callable[[], CubeCheck]], CubeCheck]


def run_directly(_: Path, check: Callable[[], CubeCheck]) -> CubeCheck:
    """The check, however long it takes."""
    return check()


_CubeStamps = tuple[FileStamp, FileStamp | None]


@dataclass
class _Night:
    """What is known of a night's cubes; ``unkept`` is not in the store yet."""

    known: dict[_CubeStamps, CubeCheck]
    unchecked: deque[_CubeStamps] = field(default_factory=deque)
    unkept: list[CheckedCube] = field(default_factory=list)
    # Until when the check of a cube counts that failed for a reason that passes.
    passing: dict[_CubeStamps, float] = field(default_factory=dict)
    # What stopped the checking, and until when that counts.
    failure: Exception | None = None
    failed_until: float = 0.0


class CubeChecking:
    """Checks the cubes of all filling nights below ``root``; ``sign`` is called after each.

    ``run`` makes each check, given the night's folder, and raises where that takes too long.
    """

    def __init__(
        self,
        root: Path,
        store: CheckedCubes,
        *,
        sign: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
        run: Runs = run_directly,
    ) -> None:
        self._root = root
        self._run = run
        self._store = store
        self._sign = sign
        self._monotonic = monotonic
        self._nights: dict[NightId, _Night] = {}
        self._kept_at = float("-inf")

    @property
    def is_pending(self) -> bool:
        """Whether there are cubes to check."""
        return any(each.unchecked for each in self._nights.values())

    def checks(self, night: NightId, files: tuple[FileStamp, ...]) -> tuple[CubeCheck, ...]:
        """What is known of the cubes among these files; `go_on` checks the others.

        One whose file and timing file have not changed is not read again. Raises what stopped the
        check of this night a moment ago.
        """
        seen = self._nights.get(night) or self._load(night)
        self._nights[night] = seen
        now = self._monotonic()
        if seen.failure is not None and now < seen.failed_until:
            raise seen.failure
        seen.failure = None
        stamps = {file.path: file for file in files}
        cubes = [(cube, stamps.get(timing_name(cube.path))) for cube in cube_files(files)]
        # Cubes that changed are others.
        seen.known = {cube: seen.known[cube] for cube in cubes if cube in seen.known}
        seen.passing = {cube: at for cube, at in seen.passing.items() if cube in seen.known}
        seen.unchecked = deque(
            cube for cube in cubes if cube not in seen.known or seen.passing.get(cube, now) < now
        )
        return tuple(seen.known.values())

    def go_on(self, for_s: float) -> bool:
        """Check for about this long; whether a night's cubes are all checked now, or failed."""
        has_news = False
        pending = [night for night, seen in self._nights.items() if seen.unchecked]
        for night in pending:
            has_news |= self._check(night, self._monotonic() + for_s / len(pending))
        if has_news or self._monotonic() - self._kept_at >= _KEPT_EVERY_S:
            self.keep()
        return has_news

    def keep(self) -> None:
        """Store what was checked since the last time."""
        self._kept_at = self._monotonic()
        for night, seen in self._nights.items():
            if seen.unkept:
                # A database that is busy or full costs another look at these cubes, at most.
                with suppress(TransientError):
                    self._store.keep(night, seen.unkept)
                    seen.unkept.clear()
                    failpoint("cube_checking.cubes.kept")

    def forget(self, night: NightId) -> None:
        """The night has settled, or is not ours."""
        if self._nights.pop(night, None) is not None:
            with suppress(TransientError):
                self._store.forget(night)

    def keep_only(self, nights: Collection[NightId]) -> None:
        """Of the nights that exist; what is known of others is stored."""
        for night in self._nights.keys() - nights:
            del self._nights[night]

    def _load(self, night: NightId) -> _Night:
        return _Night(
            {
                (cube.fits, cube.timing_file): CubeCheck(cube.fits.path, None, cube.frame_id)
                for cube in self._store.of(night)
            }
        )

    def _check(self, night: NightId, until: float) -> bool:
        seen = self._nights[night]
        folder = self._root / night.folder
        while seen.unchecked:
            fits, timing_file = cube = seen.unchecked.popleft()
            try:
                check = self._run(folder, partial(check_cube, folder, fits))
            except Exception as error:  # noqa: BLE001 - the night's, shown at its next look
                seen.failure, seen.failed_until = error, self._monotonic() + _AGAIN_S
                seen.unchecked.clear()
                return True
            finally:
                self._sign()
            seen.known[cube] = check
            is_known = check.incomplete is None or check.incomplete in INCOMPLETE_CODES
            if not (check.is_certain and is_known):
                seen.passing[cube] = self._monotonic() + _AGAIN_S
            if check.is_certain and check.incomplete is None and timing_file is not None:
                seen.unkept.append(CheckedCube(fits, timing_file, check.frame_id))
            if self._monotonic() >= until:
                break
        return not seen.unchecked
