"""The crew of more hosts: which host gets an order, when it is lost, and what is packed here.

The queue stays with the daemon, the engine only carries: a host has never more orders than places,
and what vampd decides it decides by the signs on the root, which are the same for any engine.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from vampd.adapters.crew.accounts import Accounts
from vampd.adapters.crew.board import Board
from vampd.adapters.crew.carrying import CannotPack, Carried, Engine, Errand, HostLost, HostOrder
from vampd.disk.reading import open_unlinked, read_to_end
from vampd.errors import ClaimLost, TransientError, WorkerLost
from vampd.log import get_log
from vampd.model.crew import Packed, PackOrder
from vampd.model.lease import Term
from vampd.model.life_sign import HostAccount
from vampd.model.roll_call import CrewMember, choose_host
from vampd.model.words import count_of, format_duration
from vampd.ports import Crew, Meter, Pace

_log = get_log()
_LOOK_S = 0.5
_HOSTS_AN_ORDER = 3  # as many as workers of one host
# What says more of a host than of an order: its packers die, or its user or mount may not write.
_HOSTS_CODES = frozenset({"worker_died", "worker_not_started"})
_HOSTS_ERRORS = frozenset({errno.EROFS, errno.ESTALE, errno.EACCES, errno.EPERM})
# A packer elsewhere looks at the lease once a second, and the lease is replaced as often.
_STOP_WITHIN_S = 4.0
# Threads that wait for a place cost little, and a host may join while a night is packed.
_MOST_PLACES = 256


@dataclass(frozen=True)
class Terms:
    """When other hosts count as lost or away, and what is packed on this one.

    ``local_places`` packers work here besides; the engine silent for ``fall_back_after_s``, all of
    them do (0: never).
    """

    local_places: int
    lost_after_s: float
    fall_back_after_s: float


class HostCrew:
    """A Crew of the hosts that an engine reaches, and of this machine where it has to help."""

    def __init__(
        self,
        root: Path,
        board: Board,
        engine: Engine,
        local: Crew,
        terms: Terms,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root, self._board, self._engine = root, board, engine
        self._local, self._terms, self._clock = local, terms, clock
        # The beats at which orders were lost: a host is trusted again when it has shown two more.
        self._lost_at_beat: dict[str, int] = {}
        self._busy: Counter[str | None] = Counter()
        self._freed = threading.Condition()
        self._accounts = Accounts(clock)
        self._answered_at = clock()
        self._is_away = False
        self._closed = False

    @property
    def places(self) -> int:
        """Those of the hosts that answer, and those here."""
        here = self._local.places if self._falls_back() else self._terms.local_places
        return here + sum(self._present().values())

    @property
    def most_places(self) -> int:
        """What it may come to have: hosts join while a night is packed."""
        return max(_MOST_PLACES, self.places)

    def describe(self) -> str:
        """Who packs, in words."""
        there = self._present()
        if not there:
            then = ", packs here" if self._falls_back() else ""
            return f"{self._engine.name}, no host for {format_duration(self._silent_s())}{then}"
        with self._freed:
            busy = sum(count for host, count in self._busy.items() if host is not None)
        places = f"{busy} of {count_of(sum(there.values()), 'place')} busy"
        return f"{self._engine.name}, {count_of(len(there), 'host')}, {places}"

    def packers(self, folder: Path) -> tuple[str, ...]:
        """Who has orders of this night, this machine among them."""
        return self._accounts.packers(folder)

    def accounts(self) -> dict[str, HostAccount]:
        """What each host has packed and lost, by its name."""
        return self._accounts.told()

    def close(self) -> None:
        """Have nothing carried out any more: what is in hand ends with the board."""
        self._closed = True

    def pack(self, order: PackOrder, pace: Pace, meter: Meter) -> Packed:
        """Pack on the host with the most free places, or here.

        TransientError ``crew_unreachable`` where no host answers and none of this is to be packed
        here. A host that is lost, or cannot pack, costs a try; the next is another's if there is.
        """
        lost: list[str] = []
        while True:
            with self._place(pace, lost) as host:
                if host is None:
                    with self._accounts.carrying(order.folder, os.uname().nodename):
                        return self._local.pack(order, pace, meter)
                try:
                    with self._accounts.carrying(order.folder, host):
                        counted = self._accounts.metered(meter, host)
                        return self._pack_there(host, order, pace, counted)
                except HostLost as error:
                    if not isinstance(error, CannotPack):
                        self._distrust(host)
                    self._accounts.lose(host)
                    _log.warning(
                        "worker.lost",
                        code="worker_died",
                        error=str(error),
                        framelist=order.framelist,
                        host=host,
                        engine=self._engine.name,
                    )
                    lost.append(host)
                    if len(lost) == _HOSTS_AN_ORDER:
                        raise WorkerLost("worker_died", f"on {host}: {error}") from error

    @contextmanager
    def _place(self, pace: Pace, lost: Collection[str]) -> Iterator[str | None]:
        """Wait for a place: on a host by its name, on one that ``lost`` last, or None: here."""
        if pace.stopped:
            pace.check()
        while not (found := self._take_place(lost)):
            pace.check()
        (host,) = found
        try:
            yield host
        finally:
            with self._freed:
                self._busy[host] -= 1
                self._freed.notify()

    def _take_place(self, lost: Collection[str]) -> tuple[str | None] | None:
        """A place that became free within a moment."""
        with self._freed:
            if self._closed:
                raise ClaimLost("stopped", "the crew was closed")
            there = self._present()
            others = {host: places for host, places in there.items() if host not in lost}
            host = choose_host(others or there, self._busy)
            if host is None and (
                self._busy[None] < self._terms.local_places or (not there and self._falls_back())
            ):
                self._busy[None] += 1
                return (None,)
            if host is not None:
                self._busy[host] += 1
                return (host,)
            self._refuse_away()
            self._freed.wait(_LOOK_S)
            return None

    def _present(self) -> dict[str, int]:
        """The places of each host that lives, may be given orders and is reached."""
        reached = self._engine.hosts()
        there = {
            member.host: member.places
            for member in self._board.present()
            if member.host in reached and self._is_trusted(member)
        }
        if there:
            self._answered_at = self._clock()
        is_away = self._silent_s() >= self._terms.lost_after_s
        if is_away != self._is_away:
            self._is_away = is_away
            if is_away:
                _log.warning("crew.lost", engine=self._engine.name, address=self._engine.address)
            else:
                _log.info("crew.returned", engine=self._engine.name, hosts=sorted(there))
        return there

    def _distrust(self, host: str) -> None:
        heard = self._board.heard_of(host)
        if heard is not None:
            self._lost_at_beat[host] = heard.member.beat

    def _is_trusted(self, member: CrewMember) -> bool:
        """Not one that died since its last sign, which may be read after the loss is known."""
        lost_at = self._lost_at_beat.get(member.host)
        if lost_at is None or lost_at <= member.beat < lost_at + 2:
            return lost_at is None
        self._lost_at_beat.pop(member.host, None)
        return True

    def _silent_s(self) -> float:
        return self._clock() - self._answered_at

    def _falls_back(self) -> bool:
        return 0 < self._terms.fall_back_after_s <= self._silent_s()

    def _refuse_away(self) -> None:
        if not self._is_away or self._terms.local_places:
            return
        after_s = self._terms.fall_back_after_s
        then = (
            f"packs on this machine once that is {format_duration(after_s)}"
            if after_s
            else "waits for it, as crew.fall_back_after_s is 0"
        )
        raise TransientError(
            "crew_unreachable",
            f"no host has answered by {self._engine.name} at {self._engine.address} for"
            f" {format_duration(self._silent_s())}; {then}",
        )

    def _pack_there(self, host: str, order: PackOrder, pace: Pace, meter: Meter) -> Packed:
        folder = order.folder.relative_to(self._root)
        told = replace(order, folder=folder, framelist_sha256=_digest(order))
        term = self._board.enter()
        try:
            sent = self._engine.send(host, HostOrder(told, self._board.mark, term))
            return self._wait(sent, host, term, pace, meter)
        finally:
            self._board.leave(term.order)

    def _wait(self, sent: Errand, host: str, term: Term, pace: Pace, meter: Meter) -> Packed:
        counted = (0, 0)
        named_at = self._clock()
        try:
            while not sent.wait(_LOOK_S):
                if pace.stopped or self._closed:
                    self._board.leave(term.order)
                    sent.wait(_STOP_WITHIN_S)
                    sent.drop()
                    raise ClaimLost("stopped", f"stopping was requested; {host} ends by the lease")
                heard = self._board.heard_of(host)
                counts = None if heard is None else heard.member.done.get(term.order)
                if heard is not None and counts is not None:
                    counted = _count(meter, counted, counts)
                    named_at = max(named_at, heard.heard_at)
                if self._clock() - named_at >= self._terms.lost_after_s:
                    sent.drop()
                    raise HostLost(f"no sign of the order for {self._terms.lost_after_s:g} s")
            carried = self._result(sent, pace)
        except HostLost:
            # The next try begins anew.
            _count(meter, counted, (0, 0))
            raise
        _count(meter, counted, (carried.frames, carried.size))
        return carried.packed

    def _result(self, sent: Errand, pace: Pace) -> Carried:
        try:
            return sent.result()
        except ClaimLost as error:
            if pace.stopped or self._closed:
                raise
            if self._board.is_contested:
                raise TransientError("crew_contested", "another vampd has these hosts") from error
            # The lease did not reach it, or its process is being ended.
            raise HostLost(f"it ended by itself: {error.message}") from error
        except WorkerLost as error:
            if error.code not in _HOSTS_CODES:
                raise
            raise CannotPack(error.message) from error
        except OSError as error:
            if error.errno not in _HOSTS_ERRORS:
                raise
            raise CannotPack(f"it is refused what packing needs: {error}") from error


def _count(meter: Meter, before: tuple[int, int], now: tuple[int, int]) -> tuple[int, int]:
    # Less than before where a lost packer was begun again.
    meter.add(now[0] - before[0], now[1] - before[1])
    return now


def _digest(order: PackOrder) -> str:
    path = order.folder / order.framelist
    with open(open_unlinked(path, os.O_RDONLY), "rb") as file:
        return hashlib.sha256(read_to_end(file, path)).hexdigest()
