"""Required cards: what every cube's header should have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from vampd.model.cubes import REMEMBERED_CARDS, Card, Cards, Undefined


def find_missing(headers: Iterable[Cards], required: Sequence[str]) -> tuple[str, ...]:
    """The required keywords for which none of these headers has a value, each once."""
    filled = {keyword for cards in headers for keyword in find_filled(cards)}
    return tuple(keyword for keyword in dict.fromkeys(required) if keyword not in filled)


def find_filled(cards: Cards) -> frozenset[str]:
    """The keywords with a value.

    A card without a value or with a blank string has none; NaN and the like are values.
    """
    return frozenset(filter(None, map(_filled_keyword, cards.texts)))


@lru_cache(maxsize=REMEMBERED_CARDS)
def _filled_keyword(text: str) -> str:
    """The keyword of a card that has a value, '' of others."""
    card = Card(text)
    value = card.value
    if isinstance(value, Undefined) or (isinstance(value, str) and not value.strip()):
        return ""
    return card.keyword
