"""What `vampctl doctor` and `status` find of the old tools: whether their cron still works here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.cli.shared.finding import OK, WARN, Finding
from vampd.errors import VampdError

if TYPE_CHECKING:
    from vampd.config import Settings

_CURE = "switch it off before vampd works on any night (docs/operations.md)"


def examine_old_tools(settings: Settings) -> Iterator[Finding]:
    """Whether a log or a crontab shows that they work here, and what they would do to which nights.

    Says nothing where there are none.
    """
    from vampd.engine.nights.old_cron import find_jobs, find_life_signs, read_crontabs
    from vampd.engine.nights.old_traces import read_old_logs

    root = settings.watch.root
    signs = find_life_signs(root, time.time()) + find_jobs([*read_crontabs(), *_own_crontab()])
    if signs:
        yield Finding("old tools", WARN, _warn(root, signs))
    elif read_old_logs(root):
        yield Finding(
            "old tools", OK, "their logs are here, and nothing shows that they still work"
        )


def warn_of_old_tools(root: Path, now: float) -> str:
    """What they would do, for `status`; '' if no log of their runs was written lately."""
    from vampd.engine.nights.old_cron import find_life_signs

    signs = find_life_signs(root, now)
    return f"the old tools still work here: {_warn(root, signs)}" if signs else ""


def _warn(root: Path, signs: tuple[str, ...]) -> str:
    from vampd.engine.nights.old_cron import look_for_plan

    threat = look_for_plan(root).describe()
    would = f"their cron would {threat}" if threat else "they have nothing to do now"
    return f"{'; '.join(signs)}: {would}; {_CURE}"


def _own_crontab() -> Iterator[tuple[str, str]]:
    """This user's crontab, where there is one."""
    from vampd.cli.checks.here import output_of

    try:
        yield "crontab -l", output_of(["crontab", "-l"])
    except VampdError:
        return
