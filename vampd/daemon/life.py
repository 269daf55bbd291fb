"""The signs of life that vampd leaves beside its database, for `vampctl status`.

What cannot be written is weather: it is said once, and nothing waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vampd import __version__
from vampd.config import Settings, accepted_digest
from vampd.disk.life_signs import inode_of, leave_sign, own_mark, sign_path
from vampd.log import get_log
from vampd.model.life_sign import LifeSign, ProcessMark
from vampd.ports import Crew

_log = get_log()
# So often at least, and for a scan at most: with events, there may be one a second.
_EVERY_S = 60.0
_SCANS_EVERY_S = 10.0


class SignsOfLife:
    """The sign of the vampd that holds this database; written when what it says has changed."""

    def __init__(
        self,
        database: Path,
        configuration: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._configuration = None if configuration is None else str(configuration.absolute())
        self._clock = clock
        self._up_since = clock()
        self._mark: ProcessMark | None = None
        self._settings: str | None = None
        self._in_force: Settings | None = None
        self._refused_because: str | None = None
        self._accepted: str | None = None
        self._crew: Crew | None = None
        self._trouble = ""
        # Whether it was paused, and its last scan, as they were said last.
        self._said = (False, float("-inf"))
        self._left: LifeSign | None = None
        self._left_at = float("-inf")

    def now_in_force(self, settings: Settings, refused: str | None = None) -> None:
        """Say what is in force from now on, and why the file is ``refused``; with the next sign."""
        self._settings = settings.model_dump_json(exclude_unset=True)
        self._in_force = settings
        self._refused_because = refused
        path = self._configuration
        self._accepted = None if path is None else accepted_digest(Path(path), settings)
        self._left_at = float("-inf")

    @property
    def in_force(self) -> Settings | None:
        """The settings that are in force, for whoever works beside the loop."""
        return self._in_force

    def tell_of_crew(self, crew: Crew) -> None:
        """Say with each sign from now on who packs, and how much."""
        self._crew = crew

    def tell(
        self, doing: str, *, scanned_at: float = float("-inf"), is_paused: bool = False
    ) -> None:
        """Say that the loop turns, and what it does.

        ``scanned_at`` is when a scan last ended, by the monotonic clock.
        """
        said, self._said = self._said, (is_paused, scanned_at)
        every_s = _EVERY_S if said == self._said else _SCANS_EVERY_S
        # Before there was a database, the sign was of none.
        is_news = said[0] != is_paused or (self._left is not None and self._left.database is None)
        if is_news or time.monotonic() - self._left_at >= every_s:
            self._leave(doing, scanned_at, is_paused)
        else:
            self._said = said

    @property
    def has_begun(self) -> bool:
        """Whether anything was said."""
        return self._left is not None

    def end(self) -> None:
        """Say that vampd has stopped."""
        if self._left is not None:
            # Whatever is told after this is news.
            self._left_at = float("-inf")
            now = self._clock()
            self._write(replace(self._left, seen_at=now, stopped_at=now))

    def _leave(self, doing: str, scanned_at: float, is_paused: bool) -> None:
        self._left_at = time.monotonic()
        now = self._clock()
        try:
            self._mark = self._mark or own_mark()
            database = inode_of(self._database)
        except OSError as error:
            self._refused(error)
            return
        has_scanned = scanned_at > float("-inf")
        self._write(
            LifeSign(
                __version__,
                self._mark,
                database,
                up_since=self._up_since,
                seen_at=now,
                scanned_at=now - (self._left_at - scanned_at) if has_scanned else None,
                is_paused=is_paused,
                doing=doing,
                configuration=self._configuration,
                crew=None if self._crew is None else self._crew.describe(),
                hosts={} if self._crew is None else self._crew.accounts(),
                settings=self._settings,
                refused=self._refused_because,
                accepted=self._accepted,
            )
        )

    def _write(self, sign: LifeSign) -> None:
        self._left = sign
        try:
            leave_sign(sign_path(self._database), sign)
        except OSError as error:
            self._refused(error)
        else:
            self._trouble = ""

    def _refused(self, error: OSError) -> None:
        if self._trouble != str(error):
            self._trouble = str(error)
            _log.warning("life_sign.not_written", error=str(error))
