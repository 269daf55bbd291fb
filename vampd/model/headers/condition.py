"""What cubes and products are chosen by: a card, a span of time, or a name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vampd.errors import UsageError
from vampd.model.cubes import Number, Undefined, Value

# A card of 80 characters has no longer names but HIERARCH ones.
_CARD = re.compile(r"([A-Z0-9_-]{1,8})(!?=)(.*)", re.DOTALL)
_SPAN = re.compile(r"(.+?)\.\.(.+)")
# Of what the loggers and vampd name; anything else was meant for a card.
_NAME = re.compile(r"[A-Za-z0-9_.:/+-]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[EeDd][+-]?[0-9]{1,2})?")
_ANGLE = re.compile(r"RET-(?:ANG|POS)[0-9]")
# An encoder's last digits are no other angle; those of a short exposure are another exposure.
_DECIMALS, _PART = 2, 1e-5
_SECOND = timedelta(seconds=1)


def is_angle(keyword: str) -> bool:
    """Whether a card is an angle or a stage's place: a number, even where it is missing."""
    return _ANGLE.fullmatch(keyword) is not None


def is_number(text: str) -> bool:
    """Whether a text is a number as cards have them."""
    return _NUMBER.fullmatch(text) is not None


def says(keyword: str, value: Value | None, text: str) -> bool:
    """Whether a card says what a person wrote; an empty text is a missing or undefined one.

    Numbers agree to a hundredth; those that are no angle, to one part in 100,000 as well.
    """
    text = text.strip()
    match value:
        case None | Undefined():
            return not text
        case Number():
            if not is_number(text):
                return False
            said, written = float(value), float(Number(text))
            is_near = round(said, _DECIMALS) == round(written, _DECIMALS)
            return is_near and (is_angle(keyword) or math.isclose(said, written, rel_tol=_PART))
        case bool():
            return text == ("T" if value else "F")
        case str():
            return text == value.strip()
        case _:
            return text == value.text


def parse_span(text: str) -> tuple[int, int] | None:
    """``FROM..TO`` in UT as us since 1970; None if it is none. ValueError says what is wrong."""
    match = _SPAN.fullmatch(text)
    return (_parse_moment(match[1]), _parse_moment(match[2])) if match else None


def _parse_moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip().removesuffix("Z"))
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no time such as 2025-11-06T10:20:00") from None
    if moment.tzinfo is not None:
        raise ValueError(f"{text[:40]!r}: times are UT, without a time zone")
    since = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // _SECOND * 1_000_000 + since.microseconds


@dataclass(frozen=True)
class Described:
    """What a condition is asked of: its names, a card's value, and when its frames were taken.

    ``value`` is None for a card that is missing; ``span_us`` is None where no card tells it.
    """

    names: Sequence[str]
    value: Callable[[str], Value | None]
    span_us: tuple[int, int] | None


@dataclass(frozen=True)
class Condition:
    """``KEYWORD=VALUE``, ``KEYWORD!=VALUE``, ``FROM..TO`` in UT, or a name."""

    text: str
    keyword: str | None
    is_equal: bool
    value: str
    span_us: tuple[int, int] | None

    def holds(self, one: Described) -> bool:
        """Whether this is so; a span must hold all frames."""
        if self.keyword is not None:
            return says(self.keyword, one.value(self.keyword), self.value) is self.is_equal
        if self.span_us is None:
            return self.text in one.names
        found, (begin_us, end_us) = one.span_us, self.span_us
        return found is not None and begin_us <= found[0] and found[1] <= end_us


def parse_condition(text: str) -> Condition:
    """The condition that a person typed; UsageError ``no_condition`` for what can be none."""
    if match := _CARD.fullmatch(text):
        return Condition(text, match[1], match[2] == "=", match[3], None)
    try:
        span_us = parse_span(text)
    except ValueError as error:
        raise UsageError("no_condition", f"{text[:120]!r}: {error}") from error
    if span_us is None and not _NAME.fullmatch(text):
        raise UsageError(
            "no_condition",
            "expected KEYWORD=VALUE or KEYWORD!=VALUE with the keyword in capitals, FROM..TO in UT,"
            f" or a name; found {text[:120]!r}",
        )
    return Condition(text, None, is_equal=True, value="", span_us=span_us)
