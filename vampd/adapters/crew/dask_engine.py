"""dask.distributed as the engine, on the daemon's side.

It neither retries nor queues, and no object or exception of it leaves this module. Whatever comes
out of it and is no answer of a host is HostLost.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import dask
from distributed import Client, Future
from distributed.security import Security

from vampd.adapters.crew.carrying import Carried, HostLost, HostOrder, carry_out, pack_up, unpack
from vampd.log import get_log

_log = get_log()
_LOOK_EVERY_S = 1.0
_CONNECT_WITHIN_S = "5s"
# No profile is taken of what sleeps in a thread, and no page of an engine is served.
_CONFIGURATION = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.http.routes": [],
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.comm.retry.count": 0,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.diagnostics.nvml": False,
}


def configure_dask() -> None:
    """What holds for every part of it in this process, whatever a person's own files say."""
    dask.config.set(_CONFIGURATION)


def security_of(
    ca_file: Path | None, certificate: Path | None, key: Path | None
) -> Security | None:
    """Mutual TLS by these files, for each part that a process may be; None without them."""
    if ca_file is None:
        return None
    files = {
        f"tls_{part}_{what}": str(path)
        for part in ("client", "scheduler", "worker")
        for what, path in (("cert", certificate), ("key", key))
    }
    return Security(require_encryption=True, tls_ca_file=str(ca_file), **files)


class DaskEngine:
    """Engine: a client of the scheduler at ``address``, renewed as often as it is lost."""

    name = "dask"

    def __init__(self, address: str, security: Security | None, version: str) -> None:
        configure_dask()
        self.address = address
        self._security, self._version = security, version
        self._client: Client | None = None
        self._hosts: frozenset[str] = frozenset()
        self._said = ""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="vampd-crew-dask", daemon=True)
        self._thread.start()

    def hosts(self) -> frozenset[str]:
        """The names of the scheduler's workers, a second old."""
        return self._hosts

    def send(self, host: str, order: HostOrder) -> DaskErrand:
        """Submit it for one worker and for no other."""
        client = self._client
        if client is None:
            raise HostLost(f"the scheduler at {self.address} is away")
        try:
            future = client.submit(
                carry_out,
                self._version,
                pack_up(order),
                key=f"vampd-{secrets.token_hex(8)}",
                workers=[host],
                allow_other_workers=False,
                retries=0,
                pure=False,
            )
        except Exception as error:
            raise HostLost(_describe(error)) from error
        return DaskErrand(future)

    def close(self) -> None:
        """Leave the scheduler."""
        self._closed.set()
        self._thread.join()
        self._leave()

    def _leave(self) -> None:
        client, self._client = self._client, None
        self._hosts = frozenset()
        if client is not None:
            with suppress(Exception):
                client.close(timeout=1)

    def _keep(self) -> None:
        while not self._closed.is_set():
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - an engine's own errors are without number
                self._leave()
                if (said := _describe(error)) != self._said:
                    self._said = said
                    _log.warning("crew.engine_refused", address=self.address, error=said)
            else:
                self._said = ""
            self._closed.wait(_LOOK_EVERY_S)

    def _look(self) -> None:
        if self._client is None:
            self._client = Client(
                self.address,
                security=self._security,
                timeout=_CONNECT_WITHIN_S,
                set_as_default=False,
                direct_to_workers=True,
                name="vampd",
            )
        if self._client.status != "running":
            raise ConnectionError(f"the connection to {self.address} was lost")
        workers: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        self._hosts = frozenset(str(worker["name"]) for worker in workers.values())


class DaskErrand:
    """Errand: a future, of which no one else knows."""

    def __init__(self, future: Future[bytes]) -> None:
        self._future: Future[bytes] | None = future
        self._ended = threading.Event()
        future.add_done_callback(lambda _: self._ended.set())

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended, by whatever end."""
        return self._ended.wait(timeout_s)

    def result(self) -> Carried:
        """The answer of the host that carried it out."""
        assert self._future is not None
        try:
            answer = self._future.result(timeout=10)
        except (Exception, asyncio.CancelledError) as error:
            raise HostLost(_describe(error)) from error
        finally:
            self._future = None
        return unpack(answer)

    def drop(self) -> None:
        """Cancel it; who carries it out ends by the lease."""
        future, self._future = self._future, None
        if future is not None:
            with suppress(Exception):
                future.cancel()


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]
