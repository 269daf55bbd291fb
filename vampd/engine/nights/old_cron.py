"""Whether the old tools' cron lives, as its logs and the crontabs show, and what it would do.

`vampctl status` asks for signs of life alone, so what the rest needs is imported there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.errors import DataError
from vampd.model.nights import ARCHIVE_FOLDER, is_alive

if TYPE_CHECKING:
    from vampd.model.nights import CronPlan, NightId

_RUN_LOGS = (f"{ARCHIVE_FOLDER}/LOGS/archive-cronjobs.log", "LOGS/process-cronjobs.log")
_CRONTABS = (Path("/etc/crontab"), Path("/etc/cron.d"), Path("/var/spool/cron/crontabs"))


def find_life_signs(root: Path, now: float) -> tuple[str, ...]:
    """Logs of the old cron's runs that were written lately, in words."""
    signs = []
    for name in _RUN_LOGS:
        with suppress(OSError):
            written_at = os.stat(root / name).st_mtime
            if is_alive([written_at], now):
                hours = max(0, round((now - written_at) / 3600))
                signs.append(f"{name} was written {hours} h ago")
    return tuple(signs)


def find_jobs(texts: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The crontabs, of (name, text), that start the old tools."""
    from vampd.model.nights import is_job

    return tuple(
        f"{name} starts them" for name, text in texts if any(map(is_job, text.splitlines()))
    )


def read_crontabs(places: Iterable[Path] = _CRONTABS) -> Iterator[tuple[str, str]]:
    """The crontabs of this machine that this user may read, by path."""
    from vampd.disk.durable import names_in
    from vampd.disk.reading import read_foreign_text

    for place in places:
        with suppress(OSError, DataError):
            names = names_in(place) if place.is_dir() else [""]
            for path in sorted(place / name for name in names):
                with suppress(OSError, DataError):
                    if (text := read_foreign_text(path)) is not None:
                        yield str(path), text


def look_for_plan(root: Path) -> CronPlan:
    """What the old cron would do to the nights below this root."""
    from vampd.disk.reading import read_foreign_text
    from vampd.engine.nights.night_listing import find_nights
    from vampd.engine.nights.old_traces import read_old_logs
    from vampd.model.nights import MARKS_NAME, parse_marks, plan_cron

    marks: dict[str, str] = {}
    for folder in (root, root / ARCHIVE_FOLDER):
        marks |= parse_marks(read_foreign_text(folder / MARKS_NAME) or "")
    folders = {night: _names(root, night) for night in find_nights(root)}
    return plan_cron(folders, read_old_logs(root), marks)


def _names(root: Path, night: NightId) -> tuple[str, ...]:
    from vampd.disk.durable import names_in

    with suppress(OSError, DataError):
        return tuple(names_in(root / night.folder))
    return ()
