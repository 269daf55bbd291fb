"""FITS header cards as raw text: what must not change is never re-rendered.

A card is its 80 characters; a header is a tuple of them without ``END`` and padding. Values are
read on demand. Source of the format: FITS standard 4.0, chapter 4.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

CARD_LENGTH = 80
# Headers that follow each other mostly hold the same cards: what was found of so many texts is
# remembered. More would be of nights that are long done, for as long as the daemon runs.
REMEMBERED_CARDS = 1024
_VALUE_WIDTH = 20  # fixed format: numbers and logicals end in column 30
_MIN_STRING = 8
_REAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d+)?", re.ASCII)
_STRING = re.compile(r" *'((?:[^']|'')*)'")
_COMMENTARY = frozenset({"COMMENT", "HISTORY", "", "CONTINUE", "HIERARCH", "END"})


class Undefined:
    """The value of a card that has a value indicator and nothing after it."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED = Undefined()


@dataclass(frozen=True)
class Number:
    """A numeric value with the text it was written in (``1.``, ``1E3``), for exact handling."""

    text: str

    def __float__(self) -> float:
        return float(self.text.upper().replace("D", "E"))


@dataclass(frozen=True)
class Nonsense:
    """A value text that the FITS standard does not know (``nan``, ``inf``, an open quote)."""

    text: str


Value = str | bool | Number | Undefined | Nonsense


@dataclass(frozen=True)
class Card:
    """One header record of exactly 80 characters."""

    text: str

    def __post_init__(self) -> None:
        if len(self.text) != CARD_LENGTH:
            raise ValueError(f"a card has 80 characters, this one {len(self.text)}: {self.text!r}")

    @property
    def keyword(self) -> str:
        """The keyword, without its padding; empty for a blank one."""
        return self.text[:8].rstrip()

    @property
    def has_value(self) -> bool:
        """Whether the card has a value indicator (commentary cards have none)."""
        return self.text[8:10] == "= " and self.keyword not in _COMMENTARY

    @property
    def value(self) -> Value:
        """The value; blanks at the end of a string are not significant and are removed."""
        return _split(self.text)[0] if self.has_value else UNDEFINED

    @property
    def comment(self) -> str:
        """The text after the slash, without surrounding blanks."""
        return _split(self.text)[1] if self.has_value else ""


@lru_cache(maxsize=REMEMBERED_CARDS)
def _split(text: str) -> tuple[Value, str]:
    field = text[10:]
    string = _STRING.match(field)
    if string:
        rest = field[string.end() :]
        value: Value = string[1].replace("''", "'").rstrip(" ")
        return value, rest.partition("/")[2].strip()
    if field.lstrip().startswith("'"):
        return Nonsense(field.strip()), ""
    token, _, comment = field.partition("/")
    # Not other white space, which would make a value of what readers take for none.
    token = token.strip(" ")
    if not token:
        value = UNDEFINED
    elif token in ("T", "F"):
        value = token == "T"
    elif _REAL.fullmatch(token):
        value = Number(token)
    else:
        value = Nonsense(token)
    return value, comment.strip()


def render_string(value: str, width: int = _MIN_STRING) -> str:
    """A string's value field: quoted, quotes doubled, padded inside the quotes to ``width``."""
    return f"'{value.replace(chr(39), chr(39) * 2).ljust(max(width, _MIN_STRING))}'"


def render_value(value: str | bool | int) -> str:
    """The value field of a string, logical or integer, before alignment."""
    if isinstance(value, bool):
        return "T" if value else "F"
    return render_string(value) if isinstance(value, str) else str(value)


def render_card(keyword: str, field: str, comment: str = "") -> Card:
    """A card from a rendered value field: numbers end in column 30, strings begin in column 11.

    The comment is cut at column 80. Raises ValueError if the value itself does not fit.
    """
    aligned = field.ljust(_VALUE_WIDTH) if field.startswith("'") else field.rjust(_VALUE_WIDTH)
    text = f"{keyword:<8}= {aligned}"
    if len(text) > CARD_LENGTH:
        raise ValueError(f"the value of {keyword} does not fit on a card: {field}")
    if comment:
        text = f"{text} / {comment}"
    return Card(text[:CARD_LENGTH].ljust(CARD_LENGTH))


def history_card(text: str) -> Card:
    """A HISTORY card; ValueError if the text is longer than 72 characters."""
    if len(text) > CARD_LENGTH - 8:
        raise ValueError(f"a HISTORY card holds 72 characters: {text!r}")
    return Card(f"HISTORY {text}".ljust(CARD_LENGTH))


@dataclass(frozen=True)
class Cards:
    """The cards of one header, in order, without END."""

    texts: tuple[str, ...]

    @cached_property
    def _first(self) -> dict[str, int]:
        # By the 8 characters of the keyword. From the last card to the first, so that the first of
        # each keyword remains.
        fields = [text[:8] for text in reversed(self.texts)]
        return dict(zip(fields, range(len(fields) - 1, -1, -1), strict=True))

    def __iter__(self) -> Iterator[Card]:
        return (Card(text) for text in self.texts)

    def __len__(self) -> int:
        return len(self.texts)

    def __contains__(self, keyword: object) -> bool:
        return isinstance(keyword, str) and keyword.ljust(8) in self._first

    def card(self, keyword: str) -> Card | None:
        """The first card of that keyword."""
        position = self._first.get(keyword.ljust(8))
        return None if position is None else Card(self.texts[position])

    def value(self, keyword: str) -> Value:
        """The value of the first card of that keyword, UNDEFINED if there is none."""
        card = self.card(keyword)
        return UNDEFINED if card is None else card.value

    def string(self, keyword: str) -> str | None:
        """The value if it is a string that is not blank."""
        value = self.value(keyword)
        return value if isinstance(value, str) and value.strip() else None

    def number(self, keyword: str) -> float | None:
        """The value if it is a finite number."""
        value = self.value(keyword)
        if not isinstance(value, Number):
            return None
        number = float(value)
        return number if math.isfinite(number) else None

    def integer(self, keyword: str) -> int | None:
        """The value if it is a number without a fractional part."""
        number = self.number(keyword)
        return int(number) if number is not None and number == int(number) else None

    def boolean(self, keyword: str) -> bool | None:
        """The value if it is a logical."""
        value = self.value(keyword)
        return value if isinstance(value, bool) else None

    def replaced(self, changes: Iterable[Card]) -> Cards:
        """The header with these cards in the place of the first of their keyword, else appended."""
        texts = list(self.texts)
        first = dict(self._first)
        for card in changes:
            position = first.get(card.text[:8])
            if position is None:
                first[card.text[:8]] = len(texts)
                texts.append(card.text)
            else:
                texts[position] = card.text
        return Cards(tuple(texts))

    def with_value(self, keyword: str, value: str | bool | int, comment: str = "") -> Cards:
        """The header with this value; an existing comment stays."""
        old = self.card(keyword)
        kept = old.comment if old and old.comment else comment
        return self.replaced([render_card(keyword, render_value(value), kept)])

    def only(self, keywords: Iterable[str]) -> Cards:
        """The first cards of these keywords, in the header's order, without missing ones."""
        fields = {keyword.ljust(8) for keyword in keywords}
        positions = sorted(self._first[each] for each in fields if each in self._first)
        return Cards(tuple(self.texts[position] for position in positions))

    def appended(self, cards: Iterable[Card]) -> Cards:
        """The header with these cards after all others (commentary may repeat)."""
        return Cards(self.texts + tuple(card.text for card in cards))
