"""Packing a framelist in a worker process: metered, and tried again when the worker is lost."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vampd.disk.pace import SharedPace
from vampd.disk.shared import SharedMeter
from vampd.engine.workers import WorkerPool
from vampd.fits.worker import Packed, TakenOver, pack_framelist, take_over
from vampd.model.plan import Pack, TakeOver
from vampd.model.proofs import Verification


def pack_in_worker(
    workers: WorkerPool,
    folder: Path,
    action: Pack,
    verify: Verification,
    pace: SharedPace,
    meters: dict[str, SharedMeter],
) -> Packed:
    """Pack a framelist; a worker that dies or hangs costs a retry, not the night's attempt.

    What a lost worker had already named is compared by its successor. ``meters`` holds the
    progress, by framelist, until the action counts as done.
    """
    path = action.framelist
    with workers.place(pace), _metered(meters, path, pace) as meter:
        return workers.run(
            pace,
            {"framelist": path},
            pack_framelist,
            folder,
            path,
            verify,
            pace,
            meter,
            action.proven,
        )


def take_over_in_worker(
    workers: WorkerPool, folder: Path, action: TakeOver, pace: SharedPace
) -> TakenOver:
    """Prove a product of the old tools, packing it first if it is not packed."""
    with workers.place(pace):
        return workers.run(pace, {"product": action.packed}, take_over, folder, action.packed, pace)


@contextmanager
def _metered(meters: dict[str, SharedMeter], path: str, pace: SharedPace) -> Iterator[SharedMeter]:
    """A meter for a framelist's worker."""
    meter = SharedMeter.create(pace.folder / f"meter-{secrets.token_hex(8)}")
    try:
        meter.begin()  # mapped from now on, whatever happens to the name
        meters[path] = meter
        yield meter
    except BaseException:
        meters.pop(path, None)  # what was started is not done
        raise
    finally:
        meter.path.unlink(missing_ok=True)
