"""What an engine carries between hosts: one function by its name, and bytes.

Order and answer are pickled here, not by the engine: its scheduler unpickles none of them, a host
of another version refuses before it does, and an error that cannot be pickled costs its own order.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vampd.errors import TransientError, VampdError, WorkerLost
from vampd.model.crew import Packed, PackOrder
from vampd.model.lease import Term


@dataclass(frozen=True)
class HostOrder:
    """An order whose folder is relative to the root, which has this mark; good for a term."""

    order: PackOrder
    mark: str
    term: Term


@dataclass(frozen=True)
class Carried:
    """What was proven, and how many frames and raw bytes were packed for it."""

    packed: Packed
    frames: int
    size: int


class HostLost(Exception):
    """A host does not carry an order out; unless it says so, whether it did is not known."""


class CannotPack(HostLost):
    """A host that lives has answered that it cannot carry an order out."""


class Errand(Protocol):
    """An order on its way."""

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended, or ends in that time."""
        ...

    def result(self) -> Carried:
        """What came of one that has ended: HostLost, or the error of who carried it out."""
        ...

    def drop(self) -> None:
        """Ask for no answer any more."""
        ...


class Engine(Protocol):
    """What brings orders to hosts and answers back."""

    name: str
    address: str

    def hosts(self) -> frozenset[str]:
        """The hosts that it reaches now."""
        ...

    def send(self, host: str, order: HostOrder) -> Errand:
        """Have a host carry out an order. HostLost if it cannot be asked."""
        ...

    def close(self) -> None:
        """Bring nothing any more."""
        ...


class _Desk:
    """Who carries out the orders that reach this process, and which version it is."""

    carrier: Callable[[HostOrder], Carried] | None = None
    version = ""


def take_orders(version: str, carrier: Callable[[HostOrder], Carried]) -> None:
    """Carry out by ``carrier`` what an engine brings to this process from now on."""
    _Desk.carrier, _Desk.version = carrier, version


def pack_up(order: HostOrder) -> bytes:
    """An order as it travels."""
    return pickle.dumps(order)


def carry_out(version: str, packed_up: bytes) -> bytes:
    """Carry out an order of a daemon of this ``version``: what came of it, for `unpack`."""
    try:
        if _Desk.carrier is None:
            raise WorkerLost("worker_died", "this process does not pack any more")
        if version != _Desk.version:
            raise TransientError(
                "worker_version",
                f"the order is of vampd {version}, this host has {_Desk.version}: install the same",
            )
        carried = _Desk.carrier(pickle.loads(packed_up))
    except Exception as error:  # noqa: BLE001 - it is raised where the order came from
        return _pickled(error)
    return pickle.dumps(carried)


def _pickled(error: Exception) -> bytes:
    """An error as bytes that the other side can read, whatever it holds."""
    try:
        if isinstance(error, VampdError | OSError):
            content = pickle.dumps(error)
            pickle.loads(content)
            return content
    except Exception:  # noqa: BLE001 - an error's own code decides what pickling it raises
        pass
    return pickle.dumps(WorkerLost("worker_died", f"{type(error).__name__}: {error}"))


def unpack(answer: bytes) -> Carried:
    """What was carried out; raises the error that it ended in. HostLost for what is no answer."""
    try:
        found = pickle.loads(answer)
    except Exception as error:
        raise HostLost(f"an answer that cannot be read: {error}") from error
    if isinstance(found, Carried):
        return found
    if isinstance(found, VampdError | OSError):
        raise found
    raise HostLost(f"an answer that is none: {type(found).__name__}")
