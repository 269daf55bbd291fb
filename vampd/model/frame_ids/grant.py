"""Judging grants of frame IDs: an authority's answer is used whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from vampd.model.frame_ids.frame_id import FrameId, NumberRange

_SHOWN = 40


@dataclass(frozen=True)
class GrantVerdict:
    """The IDs that an answer names, each once, and what is wrong with it (None: nothing)."""

    ids: tuple[FrameId, ...]
    problem: str | None


def judge_grant(
    lines: Sequence[str],
    count: int,
    *,
    numbers: NumberRange,
    floor: FrameId | None,
    known: Set[FrameId] = frozenset(),
) -> GrantVerdict:
    """Whether these lines are ``count`` IDs of that range, consecutive, all above floor.

    ``known`` are IDs that were granted before; none of them may come again.
    """
    return GrantVerdict(named_ids(lines), _find_problem(lines, count, numbers, floor, known))


def named_ids(lines: Iterable[str]) -> tuple[FrameId, ...]:
    """The IDs among the lines of an answer, each once; all other lines are skipped."""
    parsed = map(_parse_line, lines)
    return tuple(dict.fromkeys(frame_id for frame_id in parsed if frame_id is not None))


def _parse_line(line: str) -> FrameId | None:
    # Surrounding blanks are harmless.
    try:
        return FrameId.parse(line.strip(" \t\r"))
    except ValueError:
        return None


def split_answer(text: str) -> tuple[str, ...]:
    """The lines of an answer, whether or not the last one is terminated."""
    return tuple(text.removesuffix("\n").split("\n")) if text else ()


def _find_problem(
    lines: Sequence[str],
    count: int,
    numbers: NumberRange,
    floor: FrameId | None,
    known: Set[FrameId],
) -> str | None:
    before: FrameId | None = None
    for position, line in enumerate(lines, start=1):
        frame_id = _parse_line(line)
        if frame_id is None:
            return f"line {position} is {_shorten(line)}, which is no frame ID"
        if frame_id in known:
            return f"{frame_id} came, which was given before"
        if frame_id.numbers is not numbers:
            return f"{frame_id} came, whose number is {frame_id.numbers}, not {numbers}"
        if before is None and floor is not None and frame_id <= floor:
            return f"{frame_id} came, which is not above {floor}"
        if before is not None and frame_id.number != before.number + 1:
            return f"{frame_id} came behind {before}, they are not in sequence"
        before = frame_id
    return None if len(lines) == count else f"{len(lines)} IDs came instead of {count}"


def _shorten(line: str) -> str:
    # A text that the ledger can hold, whatever came.
    return ascii(line if len(line) <= _SHOWN else f"{line[:_SHOWN]}...")
