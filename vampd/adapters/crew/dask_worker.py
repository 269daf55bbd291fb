"""dask.distributed as the engine, on a host's side: one worker of it, a thread for each place.

No nanny, no page, no limit of memory by the engine: what packs is a pool of processes of its own.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from math import inf
from pathlib import Path
from urllib.parse import urlsplit

from distributed import Worker
from distributed.security import Security

from vampd.adapters.crew.dask_engine import configure_dask
from vampd.log import get_log

_log = get_log()
_AGAIN_S = 2.0
_LOOK_S = 0.5
_SCHEDULER_WITHIN_S = 5.0


async def serve_orders(
    address: str,
    security: Security | None,
    host: str,
    places: int,
    scratch: Path,
    joined: threading.Event,
    is_stopping: Callable[[], bool],
    give_back: Callable[[], None],
    patience_s: float | None = None,
) -> None:
    """Take orders from the scheduler at ``address`` by the name of this ``host`` until stopped.

    ``joined`` is set while the scheduler has this host. When stopped, ``give_back`` ends what is in
    hand, so that its answers still reach the daemon.
    A scheduler that is away, or goes, is waited for: what is in hand meanwhile ends by the lease.
    With ``patience_s`` it is waited for so long, once: who submits jobs submits new ones.
    """
    configure_dask()
    # Relative paths of what the engine writes; it would make folders where it was started.
    os.chdir(scratch)
    said = ""
    clock = asyncio.get_running_loop().time
    ends_at = inf if patience_s is None else clock() + patience_s
    while not is_stopping():
        try:
            async with _worker(address, security, host, places, scratch) as worker:
                said = ""
                ends_at = inf if patience_s is None else 0.0
                joined.set()
                _log.info("crew.joined", address=address, host=host, places=places)
                finished = asyncio.ensure_future(worker.finished())
                while not finished.done() and not is_stopping():
                    await asyncio.wait([finished], timeout=_LOOK_S)
                finished.cancel()
                if is_stopping():
                    await asyncio.to_thread(give_back)
                    await asyncio.sleep(_LOOK_S)
        except Exception as error:  # noqa: BLE001 - an engine's own errors are without number
            # What the engine raises when it cannot start says only that; its cause says why.
            cause = error.__cause__ if str(error.__cause__ or "") else error
            lost = f"{type(cause).__name__}: {cause}".partition("\n")[0]
        else:
            lost = "the scheduler went"
        joined.clear()
        if not is_stopping() and lost != said:
            said = lost
            _log.warning("crew.disconnected", address=address, error=lost)
        if clock() >= ends_at:
            return
        deadline = clock() + _AGAIN_S
        while not is_stopping() and clock() < deadline:
            await asyncio.sleep(_LOOK_S)


def _worker(
    address: str, security: Security | None, host: str, places: int, scratch: Path
) -> Worker:
    is_loopback = urlsplit(address).scheme == "tcp"
    return Worker(
        address,
        name=host,
        nthreads=places,
        security=security,
        # Without TLS nothing but this machine is spoken to.
        host="127.0.0.1" if is_loopback else None,
        dashboard=False,
        dashboard_address="127.0.0.1:0",
        memory_limit=0,
        local_directory=str(scratch),
        death_timeout=_SCHEDULER_WITHIN_S,
        heartbeat_interval="1s",
    )
