"""What the daemon tells the hosts that pack for it, and hears of them: small files on the root.

It writes only where the root shows the mark on record: a folder whose disk is not mounted stays
empty, and its workers pause.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vampd.adapters.crew.sign import read_signs
from vampd.disk.durable import make_folder
from vampd.disk.leased import read_lease, write_lease
from vampd.log import get_log
from vampd.model.lease import LEASE_EVERY_S, LEASE_PATH, Lease, Term
from vampd.model.roll_call import (
    ROLL_CALL_FOLDER,
    CrewMember,
    Heard,
    listen,
    present,
)

_log = get_log()


class Board:
    """The daemon's side; ``root_mark`` is the mark of the root, None while it is not the one.

    A thread keeps it from `start` to `close`; `look` is one turn of it.
    """

    def __init__(
        self,
        root: Path,
        root_mark: Callable[[], str | None],
        is_paused: Callable[[], bool],
        version: str,
        lost_after_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root, self._root_mark, self._is_paused = root, root_mark, is_paused
        self._version, self._lost_after_s, self._clock = version, lost_after_s, clock
        self._token = secrets.token_hex(8)
        self._count = 0
        self._orders: set[str] = set()
        self._heard: dict[str, Heard] = {}
        self._mark = ""
        self._is_contested = False
        self._said = ""
        self._changing = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="vampd-crew-board", daemon=True)

    def start(self) -> None:
        """Keep it from now on."""
        self._thread.start()

    def close(self) -> None:
        """Keep it no more: what is still in hand ends on its hosts."""
        self._closed.set()
        if self._thread.is_alive():
            # A disk that does not answer keeps the thread, and the process ends without it.
            self._thread.join(LEASE_EVERY_S)
        with self._changing:
            self._orders.clear()
        with suppress(Exception):
            if self._root_mark() is not None:
                self._write()

    def enter(self) -> Term:
        """A new order in hand, named by the next lease."""
        order = secrets.token_hex(8)
        with self._changing:
            self._orders.add(order)
            return Term(self._token, order, self._count + 1)

    def leave(self, order: str) -> None:
        """An order that is no longer in hand, done or not: who still has it ends."""
        with self._changing:
            self._orders.discard(order)

    def present(self) -> tuple[CrewMember, ...]:
        """The hosts that live, have this version and this root; by name."""
        with self._changing:
            heard, mark = self._heard, self._mark
        return present(heard, self._clock(), self._lost_after_s, self._version, mark)

    @property
    def mark(self) -> str:
        """The mark of the root, as it was seen last."""
        return self._mark

    @property
    def is_contested(self) -> bool:
        """Whether another daemon has replaced the lease since it was written last."""
        return self._is_contested

    def heard_of(self, host: str) -> Heard | None:
        """What a host has shown last."""
        with self._changing:
            return self._heard.get(host)

    def heard(self) -> tuple[Heard, ...]:
        """All hosts that have a sign, by name."""
        with self._changing:
            return tuple(each for _, each in sorted(self._heard.items()))

    def look(self) -> None:
        """Replace the lease and read the signs; OSError where the root refuses."""
        mark = self._root_mark()
        if mark is None:
            return
        make_folder(self._root / ROLL_CALL_FOLDER)
        self._look_for_another()
        self._write()
        members = [member for member, _ in read_signs(self._root)]
        with self._changing:
            self._mark = mark
            self._heard = listen(self._heard, members, self._clock())

    def _look_for_another(self) -> None:
        # That of an earlier daemon is there before the first of this one.
        lease = read_lease(self._root / LEASE_PATH) if self._count else None
        is_contested = lease is not None and lease.token != self._token
        if is_contested and not self._is_contested:
            _log.error("crew.contested", root=str(self._root))
        self._is_contested = is_contested

    def _write(self) -> None:
        with self._changing:
            self._count += 1
            lease = Lease(self._token, self._count, self._is_paused(), frozenset(self._orders))
        write_lease(self._root / LEASE_PATH, lease)

    def _keep(self) -> None:
        while not self._closed.is_set():
            self._try()
            self._closed.wait(LEASE_EVERY_S)

    def _try(self) -> None:
        said = ""
        try:
            self.look()
        except Exception as error:  # noqa: BLE001 - the hosts would stop for good if it ended here
            said = str(error)
        if said and said != self._said:
            _log.warning("crew.board_refused", error=said)
        self._said = said
