"""vampd-worker: a host that packs for the daemon of another one."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from vampd import __version__
from vampd.config import CrewEngine, Settings
from vampd.disk.machine import bound_heap
from vampd.disk.rights import PUBLIC_UMASK
from vampd.errors import ConfigError
from vampd.log import get_log
from vampd.model.roll_call import is_host_name
from vampd.wiring.crew import refuse_without_engine, security

_log = get_log()


def run_worker(settings: Settings, host: str, patience_s: float | None = None) -> None:
    """Pack what the daemon orders until SIGTERM, with the places of [schedule] workers.

    With ``patience_s`` also until the scheduler goes, or has not been there for so long.

    ConfigError ``crew_local`` where the settings name no engine, ``crew_missing`` where it is not
    installed, ``host_name`` where no one would read the sign of a ``host`` of this name.
    """
    crew = settings.crew
    if crew.engine is CrewEngine.LOCAL:
        raise ConfigError("crew_local", 'crew.engine is "local": no other host packs for vampd')
    refuse_without_engine(crew)
    if not is_host_name(host):
        raise ConfigError(
            "host_name",
            f"{host!r} is no name that the crew knows a host by: letters, digits, dots and hyphens"
            " are; give one with --host",
        )
    from vampd.adapters.crew import Answering, Host, HostSign, serve_orders, take_orders
    from vampd.engine.packing import LocalCrew
    from vampd.engine.workers import WorkerPool

    bound_heap()
    os.umask(PUBLIC_UMASK)
    stopping = threading.Event()
    workers = WorkerPool(settings.schedule.workers, settings.schedule.worker_deadline_s)

    def stop(*_: object) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="vampd-worker-")))
        stack.callback(workers.close)
        workers.prepare()
        here = Host(host, __version__, settings.watch.root, LocalCrew(workers), scratch)
        take_orders(__version__, here.carry_out)
        joined, answering = threading.Event(), Answering(settings.watch.root, host)
        sign = HostSign(settings.watch.root, here.tell, answering.look, joined.is_set)
        sign.start()
        stack.callback(sign.close)

        def give_back() -> None:
            sign.close()
            workers.close()

        _log.info("worker.started", version=__version__, host=host, places=workers.workers)
        asyncio.run(
            serve_orders(
                crew.scheduler,
                security(crew),
                host,
                workers.workers,
                scratch,
                joined,
                stopping.is_set,
                give_back,
                patience_s,
            )
        )
    _log.info("worker.stopped", host=host)
