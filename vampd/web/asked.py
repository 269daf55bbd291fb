"""What a request asks for, read strictly: an unknown word is refused, not passed over."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vampd.cli.shared.nights import parse_night
from vampd.errors import UsageError
from vampd.model.nights import Kind, NightId, parse_night_date
from vampd.web.standings import Standing

NIGHTS_A_PAGE = 60
_NUMBER = re.compile(r"[0-9]{1,6}")
Pairs = Sequence[tuple[str, str]]


class Only(StrEnum):
    """Which nights alone, as the options of `vampctl status` say it."""

    PROBLEMS = "problems"
    HELD = "held"
    UNSAFE = "unsafe"
    UNMAILED = "unmailed"


@dataclass(frozen=True)
class Choice:
    """Which nights are asked for; ``since`` is a date."""

    kind: Kind | None = None
    only: Only | None = None
    since: str = ""

    def of(self, nights: tuple[Standing, ...]) -> tuple[Standing, ...]:
        """Those of these nights that are asked for."""
        # Mostly all are, and they are thousands.
        return nights if self == Choice() else tuple(one for one in nights if self.takes(one))

    def takes(self, one: Standing) -> bool:
        """Whether a night is among them."""
        return (
            (self.kind is None or one.night.kind is self.kind)
            and one.night.date >= self.since
            and self._takes_standing(one)
        )

    def _takes_standing(self, one: Standing) -> bool:
        match self.only:
            case None:
                return True
            case Only.PROBLEMS:
                return one.has_problem
            case Only.HELD:
                return one.is_held
            case Only.UNSAFE:
                return one.is_unsafe
            case Only.UNMAILED:
                return one.is_unmailed


@dataclass(frozen=True)
class NightsAsked:
    """A page of the table: which nights, also those that vampd leaves alone, and which part."""

    choice: Choice = Choice()
    leaves_out: bool = True
    page: int = 1


@dataclass(frozen=True)
class ObjectsAsked:
    """A page of objects: the newest ``limit`` before a night; 0 for all."""

    choice: Choice = Choice()
    limit: int = NIGHTS_A_PAGE
    before: NightId | None = None


def read_nights_asked(pairs: Pairs) -> NightsAsked:
    """What the table is asked for; UsageError ``not_asked_so``."""
    words = _words(pairs, {"kind", "only", "since", "all", "page"})
    page = _number(words, "page", 1)
    return NightsAsked(_choice(words), words.get("all", "") == "", max(page, 1))


def read_objects_asked(pairs: Pairs) -> ObjectsAsked:
    """What the interface is asked for; UsageError ``not_asked_so``."""
    words = _words(pairs, {"kind", "only", "since", "limit", "before"})
    before = words.get("before")
    night = None if before is None else parse_night_name(before)
    if before is not None and night is None:
        raise _not_so("before", before, "a night such as 20251106-archive")
    return ObjectsAsked(_choice(words), _number(words, "limit", NIGHTS_A_PAGE), night)


def read_page_asked(pairs: Pairs) -> int:
    """Which page of a list alone is asked for; UsageError ``not_asked_so``."""
    return max(_number(_words(pairs, {"page"}), "page", 1), 1)


def refuse_words(pairs: Pairs) -> None:
    """UsageError ``not_asked_so`` for any word."""
    _words(pairs, set())


def parse_night_name(text: str) -> NightId | None:
    """``20251106-archive`` as a night; None for anything else."""
    date, _, kind = text.partition("-")
    if parse_night_date(date) is None or kind not in set(Kind):
        return None
    return NightId(date, Kind(kind))


def night_name(night: NightId) -> str:
    """A night as addresses name it: ``20251106-archive``."""
    return f"{night.date}-{night.kind}"


def _words(pairs: Pairs, known: set[str]) -> dict[str, str]:
    # Forms send what is left empty, too.
    words = {name: value for name, value in pairs if value}
    if unknown := sorted({name for name, _ in pairs} - known):
        taken = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
        raise UsageError("not_asked_so", f"there is no {unknown[0]} to ask for here: {taken}")
    return words


def _choice(words: dict[str, str]) -> Choice:
    kind, only, since = (words.get(name, "") for name in ("kind", "only", "since"))
    if kind and kind not in set(Kind):
        raise _not_so("kind", kind, " or ".join(Kind))
    if only and only not in set(Only):
        raise _not_so("only", only, ", ".join(Only))
    return Choice(
        Kind(kind) if kind else None,
        Only(only) if only else None,
        parse_night(since) if since else "",
    )


def _number(words: dict[str, str], name: str, default: int) -> int:
    text = words.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text):
        raise _not_so(name, text, "a number")
    return int(text)


def _not_so(name: str, found: str, expected: str) -> UsageError:
    return UsageError("not_asked_so", f"{name} must be {expected}, not {found[:40]!r}")
