"""Set-aside raw files that are lost: what the next generation says of their cubes.

Nothing was made of what is set aside, so that only its account changes: no product, no frame.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from dataclasses import replace

from vampd.model.cubes import (
    PRODUCT_LOST,
    RAW_LOST,
    CubeAccount,
    Generation,
    SetAside,
    accounted_cubes,
    set_aside_cubes,
)
from vampd.model.sync.withdrawal import Withdrawal, after_that, frames_in, in_products_too


def give_up_aside(
    generations: Sequence[Generation], lost: Collection[str], here: Container[str]
) -> Withdrawal:
    """What no generation says yet of the cubes of these set-aside raw files, which are lost.

    A cube that is ``here`` is looked at as it is now. One that had frames in a lost product keeps
    that code, for which no sync uses it again.
    """
    aside, known = set_aside_cubes(generations), accounted_cubes(generations)
    reasons = {
        path: _aside_reason(files)
        for path, account in sorted(known.items())
        if path not in here and (files := _lost_files(account, lost))
    }
    cubes = [
        path
        for path, reason in reasons.items()
        if path not in aside or reason not in aside[path].reason
    ]
    packed = frames_in((p for each in generations for p in each.products), cubes)
    return Withdrawal(
        cubes=tuple(known[path] for path in cubes),
        set_aside=tuple(
            SetAside(
                known[path].fits,
                known[path].timing_file,
                known[path].frames - packed[path],
                RAW_LOST,
                reasons[path] + in_products_too(packed[path]),
            )
            if (before := aside.get(path)) is None
            else replace(
                before,
                code=PRODUCT_LOST if before.code == PRODUCT_LOST else RAW_LOST,
                reason=after_that(reasons[path], before),
            )
            for path in cubes
        ),
    )


def _lost_files(account: CubeAccount, lost: Collection[str]) -> list[str]:
    stamps = (account.fits, account.timing_file)
    return [stamp.path for stamp in stamps if stamp is not None and stamp.path in lost]


def _aside_reason(files: Sequence[str]) -> str:
    verb = "was" if len(files) == 1 else "were"
    named = ", ".join(f"vbad/{path}" for path in files)
    return f"{named} {verb} lost: gone here, and not whole at the archive"
