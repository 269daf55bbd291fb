"""Packing a framelist in a worker process: metered, and tried again when the worker is lost."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vampd.disk.pace import SharedPace
from vampd.disk.shared import SharedMeter
from vampd.engine.workers import NOT_STARTED, WorkerPool
from vampd.errors import WorkerLost
from vampd.fits.worker import Packed, pack_framelist
from vampd.log import get_log
from vampd.model.plan import Pack
from vampd.model.proofs import Verification

_log = get_log()
_WORKERS_A_CUBE = 3


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
    with workers.place(pace), _metered(meters, action.framelist, pace) as meter:
        lost = 0
        while True:
            try:
                future = workers.submit(
                    pack_framelist, folder, action.framelist, verify, pace, meter, action.proven
                )
                return workers.result(future, pace)
            except WorkerLost as error:
                _log.warning(
                    "worker.lost", framelist=action.framelist, code=error.code, error=error.message
                )
                lost += 1
                # What no worker can be started for now is for a later attempt.
                if lost == _WORKERS_A_CUBE or error.code == NOT_STARTED:
                    raise


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
