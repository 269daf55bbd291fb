"""What was measured, held against its limit: the lines of every benchmark's table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_TEXT, _SIDE, _NUMBER = 46, 22, 14


class Bound(StrEnum):
    """On which side of a limit a figure has to be."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True)
class Limit:
    """What a figure must not fall below, or not exceed."""

    bound: Bound
    value: float

    def holds(self, found: float) -> bool:
        """Whether a figure keeps the limit; one that is no number does not."""
        return found >= self.value if self.bound is Bound.AT_LEAST else found <= self.value


def at_least(value: float) -> Limit:
    """The limit of a figure that has to be as high."""
    return Limit(Bound.AT_LEAST, value)


def at_most(value: float) -> Limit:
    """The limit of a figure that may be as high."""
    return Limit(Bound.AT_MOST, value)


@dataclass(frozen=True)
class Measure:
    """One figure in ``unit``; without a limit it is told and not judged.

    ``ours`` and ``peer`` tell what it was made from, when it compares two.
    """

    what: str
    found: float
    unit: str
    limit: Limit | None = None
    ours: str = ""
    peer: str = ""

    @property
    def holds(self) -> bool:
        """Whether the figure keeps its limit."""
        return self.limit is None or self.limit.holds(self.found)


def heading() -> str:
    """The line above a table's rows."""
    return _line("", "vampd", "peer", "measured", "limit", "")


def row_of(measure: Measure) -> str:
    """A measure's line in the table."""
    limit = measure.limit
    return _line(
        measure.what,
        measure.ours,
        measure.peer,
        f"{figure(measure.found)} {measure.unit}",
        f"{limit.bound} {figure(limit.value)} {measure.unit}" if limit else "",
        ("holds" if measure.holds else "DOES NOT HOLD") if limit else "",
    )


def figure(number: float) -> str:
    """A number with three digits or all that are before the point."""
    size = abs(number)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{number:,.{decimals}f}"


def broken(measures: Iterable[Measure]) -> list[str]:
    """What does not keep its limit."""
    return [measure.what for measure in measures if not measure.holds]


def _line(what: str, ours: str, peer: str, found: str, limit: str, verdict: str) -> str:
    cells = (f"{ours:>{_SIDE}}", f"{peer:>{_SIDE}}", f"{found:>{_NUMBER}}", f"{limit:>{_NUMBER}}")
    return " ".join([f"{what:{_TEXT}}", *cells, f" {verdict}"]).rstrip()
