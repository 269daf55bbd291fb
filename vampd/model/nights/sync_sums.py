"""What became of a night's frames at sync, in sums that are kept with the night."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

FLC_STATES = ("A", "B", "D", "")


@dataclass(frozen=True)
class SyncSums:
    """Numbers of frames; how many are in ``aside_cubes``, the cubes set aside, may be unknown.

    ``unpaired`` of the ``paired`` and themselves should have a partner and have none; ``dubious``
    of the ``labeled`` have no certain FLC state.
    """

    raw: int = 0
    aside: int = 0
    aside_cubes: int = 0
    paired: int = 0
    unpaired: int = 0
    labeled: int = 0
    dubious: int = 0

    @property
    def aside_part(self) -> float:
        """The fraction of the raw frames that is set aside."""
        return self.aside / self.raw if self.raw else 0.0

    @property
    def unpaired_part(self) -> float:
        """The fraction without a partner of the frames that should have one."""
        return self.unpaired / (self.paired + self.unpaired) if self.unpaired else 0.0

    @property
    def dubious_part(self) -> float:
        """The fraction without a certain FLC state of the frames that should have one."""
        return self.dubious / self.labeled if self.labeled else 0.0


def write_sync_sums(sums: SyncSums) -> str:
    """The sums as the database keeps them: a JSON object."""
    return json.dumps(asdict(sums), separators=(",", ":"))


def read_sync_sums(text: str | None) -> SyncSums | None:
    """The sums; None if sync has not ended since they are kept, or the text is none of vampd's."""
    if not text:
        return None
    try:
        found = json.loads(text)
        values = [found[field.name] for field in fields(SyncSums)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return SyncSums(*values) if all(map(_is_count, values)) else None


@dataclass(frozen=True)
class Aside:
    """What is set aside for one reason."""

    cubes: int
    frames: int


@dataclass(frozen=True)
class FrameFlow:
    """Where the raw frames of a night went: numbers of frames, by what sync has decided.

    ``paired`` and ``solo`` are in ``products`` products, by FLC state, '' for none; ``aside`` is by
    the code of the reason. Unless ``is_certain``, some numbers are only lower bounds.
    """

    raw: int
    products: int
    paired: Mapping[str, int]
    solo: Mapping[str, int]
    aside: Mapping[str, Aside]
    is_certain: bool = True

    @property
    def in_products(self) -> int:
        """The frames that went into products."""
        return sum(self.paired.values()) + sum(self.solo.values())

    @property
    def set_aside(self) -> int:
        """The frames that are set aside."""
        return sum(one.frames for one in self.aside.values())

    @property
    def is_balanced(self) -> bool:
        """Whether every raw frame went to one place."""
        return self.raw == self.in_products + self.set_aside


def write_frame_flow(flow: FrameFlow) -> str:
    """The flow as the database keeps it: a JSON object."""
    values = asdict(flow) | {
        "aside": {code: [one.cubes, one.frames] for code, one in flow.aside.items()}
    }
    return json.dumps(values, separators=(",", ":"))


def read_frame_flow(text: str | None) -> FrameFlow | None:
    """The flow; None if sync has not ended since it is kept, or the text is none of vampd's."""
    if not text:
        return None
    try:
        found = json.loads(text)
        aside = {code: Aside(cubes, frames) for code, (cubes, frames) in found["aside"].items()}
        raw, products, is_certain = (found[name] for name in ("raw", "products", "is_certain"))
        paired, solo = _by_state(found["paired"]), _by_state(found["solo"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    sides = [number for one in aside.values() for number in (one.cubes, one.frames)]
    numbers = (raw, products, *paired.values(), *solo.values(), *sides)
    if not all(map(_is_count, numbers)) or type(is_certain) is not bool:
        return None
    return FrameFlow(raw, products, paired, solo, aside, is_certain)


def _by_state(found: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := found.keys() - set(FLC_STATES):
        raise ValueError(unknown)
    return {state: found[state] for state in FLC_STATES if state in found}


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0
