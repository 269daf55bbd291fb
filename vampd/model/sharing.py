"""Equal values as one object, for as long as a look at a night lasts.

A file of a night is listed here and at the archive, was read here and there, and has a packing
receipt: its path is met nine times and its digest three times, by readers that know nothing of one
another. Of a long night that is several times what is left of it where each is held once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

_Value = TypeVar("_Value", bound=Hashable)
_KEPT: ContextVar[dict[Any, Any] | None] = ContextVar("vampd_shared", default=None)


@contextmanager
def sharing() -> Iterator[None]:
    """Let `shared` give one object for equal values, in this thread, until the block ends."""
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def shared(value: _Value) -> _Value:
    """The first value equal to this one that was met in the block; itself outside of any."""
    kept = _KEPT.get()
    if kept is None:
        return value
    first: _Value = kept.setdefault(value, value)
    return first
