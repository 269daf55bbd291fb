"""What each host has packed lately, how often an order was lost there, and whose orders it has."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vampd.model.life_sign import HostAccount
from vampd.ports import Meter

WINDOW_S = 600.0


class Accounts:
    """One for each host, since the daemon began; ``clock`` only goes forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = clock()
        # When, and how many raw bytes; fewer than none where a lost packer begins anew.
        self._packed: dict[str, deque[tuple[float, int]]] = {}
        self._losses: Counter[str] = Counter()
        self._in_hand: Counter[tuple[Path, str]] = Counter()
        self._changing = threading.Lock()

    @contextmanager
    def carrying(self, folder: Path, host: str) -> Iterator[None]:
        """A host has an order of the night in this folder meanwhile."""
        with self._changing:
            self._in_hand[folder, host] += 1
        try:
            yield
        finally:
            with self._changing:
                self._in_hand[folder, host] -= 1

    def packers(self, folder: Path) -> tuple[str, ...]:
        """Who has orders of this night, by name."""
        with self._changing:
            held = [each for each, count in self._in_hand.items() if count]
        return tuple(sorted(host for night, host in held if night == folder))

    def lose(self, host: str) -> None:
        """An order was lost there."""
        with self._changing:
            self._losses[host] += 1

    def metered(self, meter: Meter, host: str) -> Meter:
        """A meter that counts for this host as well."""
        with self._changing:
            self._packed.setdefault(host, deque())
        return _HostMeter(self, meter, host)

    def add(self, host: str, size: int) -> None:
        """So many raw bytes more are packed there."""
        with self._changing:
            samples = self._packed[host]
            samples.append((self._clock(), size))
            self._forget(samples)

    def told(self) -> dict[str, HostAccount]:
        """All of them, by host."""
        with self._changing:
            # What began a moment ago has no rate yet.
            seconds = min(WINDOW_S, max(1.0, self._clock() - self._since))
            found = {}
            for host, samples in sorted(self._packed.items()):
                self._forget(samples)
                size = max(0, sum(size for _, size in samples))
                found[host] = HostAccount(int(size / seconds), self._losses[host])
            return found

    def _forget(self, samples: deque[tuple[float, int]]) -> None:
        while samples and self._clock() - samples[0][0] > WINDOW_S:
            samples.popleft()


class _HostMeter:
    """Meter: counts for the night and for a host."""

    def __init__(self, accounts: Accounts, meter: Meter, host: str) -> None:
        self._accounts, self._meter, self._host = accounts, meter, host

    def add(self, frames: int, size: int) -> None:
        """Count frames and raw bytes that are packed."""
        self._meter.add(frames, size)
        if size:
            self._accounts.add(self._host, size)
